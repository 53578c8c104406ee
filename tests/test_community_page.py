"""The common goal, the week's boards and a question of liking on a phone."""

import pytest
from test_h5_phone import house as house

from handlers import commands
from handlers.games import host
from handlers.games.seat import Seat
from handlers.values import Inbound
from storage import customers

pytestmark = pytest.mark.asyncio(loop_scope="module")


def begin(stage):
    """A goal is set and a question of liking opened by the owner, as they would in the chat."""
    app = stage.running.app

    def run(db):
        with db.atomic():
            ctx = app.ctx(db, "test:begin", stage.clock.now())
            words = "共同目标 S6看车群 签到3次 奖励 每人10分"
            msg = Inbound("k1", "app", "text", "zhang", ctx.now, words)
            assert len(list(commands.router.dispatch(msg, ctx))) == 2
            host.start("偏好题", "主要在哪里充电", Seat("g1", "zhang", "张伟", "k"), ctx)

    return app.writer.do(run)


@pytest.mark.timeout(120)
async def test_a_member_sees_the_goal_the_boards_and_chooses_what_they_like(house, tmp_path):
    await begin(house.stage)
    page = await house("wang")
    body = await page.locator("main").inner_text()
    assert "共同目标：签到3次" in body
    assert "0/3" in body

    await page.get_by_role("button", name="签到").first.click()
    assert "您出了 1 份力" in await page.locator("main").inner_text()
    await page.screenshot(path=tmp_path / "goal.png", full_page=True)

    await page.goto(page.base.rstrip("/") + "/board")
    assert "活跃榜" in await page.locator("main").inner_text()
    assert "签到1 · 新上榜" in await page.locator("main").inner_text()
    await page.screenshot(path=tmp_path / "board.png", full_page=True)

    await page.goto(page.base.rstrip("/") + "/play")
    assert "答案会用于为您推荐内容，可回复 退订。" in await page.locator("main").inner_text()
    await page.get_by_role("button", name="A. 家里的桩").click()
    await page.screenshot(path=tmp_path / "play.png", full_page=True)
    tags = await house.stage.running.app.writer.do(
        lambda db: customers.tags(db, "wang", house.stage.clock.now(), "preference")
    )
    assert [tag.code for tag in tags] == ["家充"]
    assert house.problems == []
