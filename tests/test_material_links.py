"""A link to a material: opened, kept, passed on, and what that does to scores and audiences."""

from datetime import timedelta

import aiohttp
import pytest

from bot.sandbox import player
from handlers import audience, material_links, membership, signed
from handlers.audience import Audience
from handlers.settings import Reach
from handlers.values import Send
from storage import audience as crowd
from storage import customers, events, materials, scores
from storage.materials import Material

PLAY = """
advisor zhang: 素材 雪地
advisor zhang: 素材链接 1 王女士
page 素材 wang: 打开
page 素材 wang: 收藏
page 素材 li: 打开
page 素材 li: 打开
page 素材 zhang: 打开
@clock +1d 10:00
page 素材 wang: 打开
page 素材 wang: 取消收藏
page 素材 wang: 不要记录
page 素材 wang: 打开
page 素材 wang: 收藏
advisor zhang: 为什么 王女士
"""


def add(db, now, key="m1", **given):
    usual = {"kind": "文件", "title": "S6 雪地试驾", "place": "https://example.com/snow",
             "words": "零下20度也跑得动", "models": "S6", "concerns": "range", "consent": "",
             "valid_to": None, "state": "live", "at": now, "by_whom": "运营"}  # fmt: skip
    materials.add(db, Material(id=key, **{**usual, **given}))


async def play(stage, text):
    cast = player.cast_of(stage.running.app.settings, stage.pretend.world)
    return [line async for line in stage.play(player.parse(text, cast))]


async def asked(stage, act):
    return await stage.running.app.writer.do(act)


def kinds(db, who, *wanted):
    return sorted(e.kind for e in events.of(db, who, *(wanted or ("点击", "收藏", "分享"))))


async def test_opening_keeping_and_passing_on_are_counted_as_the_page_says(played):
    now = played.clock.now()
    await asked(played, lambda db: add(db, now))
    before = await asked(played, lambda db: scores.of(db, "wang"))

    lines = await play(played, PLAY)

    told = "\n".join(lines)
    assert "下面这段可以转给王女士" in told
    assert told.count("零下20度也跑得动") == 6
    assert "由张伟发给您。您打开、收藏这个页面，顾问能看到" in told
    assert "已收藏“S6 雪地试驾”。" in told
    assert "已取消收藏。" in told
    assert "您选了不记录，收藏也就不存了。" in told
    assert "您选了不记录，这个页面不记您看过什么。" in told
    # two days opened, kept and not any more, passed on to one who looked twice; staff count nothing
    assert await asked(played, lambda db: kinds(db, "wang")) == ["分享", "点击", "点击"]
    assert await asked(played, lambda db: kinds(db, "li")) == ["点击"]
    after = await asked(played, lambda db: scores.of(db, "wang"))
    assert after["线索浓度"].value > before["线索浓度"].value
    assert "点击" in after["线索浓度"].inputs


async def test_a_link_that_is_not_ours_or_over_opens_nothing_and_a_preview_is_nobody(played):
    now = played.clock.now()
    await asked(played, lambda db: add(db, now))
    await play(played, "advisor zhang: 素材 雪地\nadvisor zhang: 素材链接 1 王女士")
    address = await played.link("素材")
    statuses = {}
    async with aiohttp.ClientSession() as http:
        for name, to in {"preview": address, "forged": address[:-3] + "00/"}.items():
            async with http.get(to, allow_redirects=False) as answer:
                statuses[name] = answer.status
        await asked(played, lambda db: materials.stop(db, "m1"))
        async with http.get(address, allow_redirects=False) as answer:
            statuses["stopped"] = answer.status

    assert statuses == {"preview": 302, "forged": 404, "stopped": 404}
    assert await asked(played, lambda db: kinds(db, "wang")) == []


async def test_a_picture_is_shown_and_no_other_file_is_reached(played, tmp_path):
    folder = played.running.config.materials()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "m2.png").write_bytes(b"picture")
    now = played.clock.now()
    await asked(played, lambda db: add(db, now, "m2", place="m2.png", title="S6 雪地图"))
    await asked(played, lambda db: add(db, now, "m3", place="../sandbox.db", title="S6 别的"))
    found = {}
    for n, name in (("雪地图", "picture"), ("别的", "other")):
        await play(played, f"advisor zhang: 素材 {n}\nadvisor zhang: 素材链接 1 王女士\n"
                           "page 素材 wang: 打开")  # fmt: skip
        http = played.phones._browser("wang")
        async with http.get(await played.link("素材") + "file") as answer:
            found[name] = (answer.status, answer.content_type)

    assert found == {"picture": (200, "image/png"), "other": (404, "text/html")}


# Without the pages


@pytest.fixture
def link(talk):
    """Of zhang's for 王女士, made by hand; `talk.link` and the material beside it."""
    add(talk.db, talk.now)
    material = materials.get(talk.db, "m1")
    return material_links.make(material, "wang", "zhang", talk.ctx()), material


def test_the_same_link_on_the_same_day(talk, link):
    again = material_links.make(link[1], "wang", "zhang", talk.ctx())

    assert again == link[0]
    assert material_links.make(link[1], "", "zhang", talk.ctx()).id != link[0].id


def test_it_is_over_after_its_days(talk, link):
    token = signed.token(material_links.LINK, link[0].id, talk.ctx())
    assert material_links.opened(token, talk.ctx()) == link

    talk.now += timedelta(days=talk.ctx().settings.h5.link_days, seconds=1)

    assert material_links.opened(token, talk.ctx()) is None


@pytest.mark.parametrize("column", ["opted_out_at", "deleted_at", "archive_refused_at"])
def test_nothing_is_noted_of_who_left_or_refused(talk, link, column):
    customers.change(talk.db, "wang", **{column: talk.now})

    material_links.look(*link, "x/wang", talk.ctx())
    material_links.look(*link, "o/stranger", talk.ctx())

    assert kinds(talk.db, "wang") == []


def test_three_friends_make_three_shares_and_the_audience_of_the_case_counts_them(talk, link):
    rule = Audience("分享的", "", {"count": "share", "within": 90, "least": 3})
    for n in range(3):
        node = membership.tree(rule, talk.ctx())
        assert crowd.members(talk.db, node) == []
        material_links.look(*link, f"o/friend{n}", talk.ctx())
        material_links.look(*link, f"o/friend{n}", talk.ctx())

    found = crowd.members(talk.db, membership.tree(rule, talk.ctx()))
    assert [row["id"] for row in found] == ["wang"]
    assert "高意向高活跃" in audience.standard().rules


def test_a_stranger_keeps_nothing(talk, link):
    assert material_links.keep(*link, "o/stranger", True, talk.ctx()) == material_links.UNKNOWN


def test_without_an_address_there_is_no_page_and_without_a_list_nothing_to_choose(talk):
    assert "素材页面还没有开" in said(talk, "素材链接 1")

    talk.settings = talk.settings.model_copy(update={"reach": Reach(pages="https://shop.example")})
    assert "先回复 素材 加关键词" in said(talk, "素材链接 1")
    add(talk.db, talk.now)
    talk.says("zhang", "素材 雪地")
    assert "素材链接 1 到 素材链接 1" in said(talk, "素材链接 3")
    assert "下面这段谁都可以转" in said(talk, "素材链接 1")
    assert "https://shop.example/h5/m/" in said(talk, "素材链接 1 给 王女士")


def test_the_ledger_is_asked_before_a_link_is_handed_out(talk):
    talk.settings = talk.settings.model_copy(update={"reach": Reach(pages="https://shop.example")})
    add(talk.db, talk.now)
    talk.says("zhang", "素材 雪地")
    customers.change(talk.db, "wang", opted_out_at=talk.now)

    assert "王女士已退订" in said(talk, "素材链接 1 王女士")
    assert talk.db.rows("select * from material_links") == []


def said(talk, words):
    return "\n".join(a.text for a in talk.says("zhang", words) if isinstance(a, Send))
