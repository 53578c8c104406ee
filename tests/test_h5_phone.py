"""The pages of a group in a phone's browser: whole stories, by taps alone, without script."""

import asyncio
import re
import shutil
from datetime import timedelta

import pytest
import pytest_asyncio
from h5_kit import give, offer

from bot.sandbox import demo
from bot.sandbox.page import Page
from bot.sandbox.stage import open_stage
from handlers import draws
from storage import appointments, games, groups, points

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one browser
SIZES = {"phone": (390, 844), "narrow": (375, 812), "small": (320, 568), "desk": (1280, 900)}


@pytest_asyncio.fixture(loop_scope="module")
async def house(knowledge, demo_store, tmp_path, browser):
    """Opens browsers on the running stage; what a console complains of fails the test."""
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    async with open_stage(
        start=demo.START + timedelta(hours=1), frozen=True, knowledge=knowledge,
        folder=tmp_path, more=lambda s: Page(s).routes(),
    ) as stage:  # fmt: skip
        work = asyncio.create_task(stage.running.app.run())
        problems = []

        async def open_(who, size="phone", script=False):
            width, height = SIZES[size]
            context = await browser.new_context(
                viewport={"width": width, "height": height}, locale="zh-CN",
                java_script_enabled=script,
            )  # fmt: skip
            page = await context.new_page()
            page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
            page.base = await stage.link("g1")
            await page.goto(page.base)
            await page.locator(f'a[href$="who={who}"]').first.click()
            return page

        open_.stage = stage
        open_.problems = problems
        yield open_
        for context in browser.contexts:
            await context.close()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert problems == []


async def ask(house, look):
    return await house.stage.running.writer.do(look)


def now(house):
    return house.stage.clock.now()


async def said(page):
    return await page.locator(".said").inner_text()


@pytest.mark.timeout(120)
async def test_from_the_link_to_the_proof_of_the_draw(house):
    """Open, be recognised, check in, answer, join the draw, see it computed again."""

    def begin(db):
        rules = {"joined_before": "", "spoke": False, "once": True, "weights": ""}
        ctx = house.stage.running.app.ctx(db, "draw", now(house))
        return draws.new("g1", "周末好礼", [draws.prize_of("车模 1份 199元")], rules,
                         now(house) + timedelta(hours=1), "chen", ctx)  # fmt: skip

    await ask(house, begin)
    pages = [await house(who) for who in ("wang", "li", "c008")]
    page = pages[0]
    await page.get_by_role("button", name="签到").click()
    assert "签到成功" in await said(page)

    await page.get_by_role("link", name="游戏").click()
    await page.get_by_role("button", name="答题", exact=True).first.click()
    answer = (await ask(house, lambda db: games.shown(db, "g1")))[0].body["answer"]
    await page.locator(".option", has_text=re.compile(rf"^{answer}\.")).click()
    assert "答对了" in await said(page)

    for one in pages:
        await one.goto(one.base + "draw")
        await one.get_by_role("button", name="我要参加").click()
        assert "报名成功" in await said(one)
    await house.stage.move(now(house) + timedelta(hours=1, minutes=1))
    await page.goto(page.base + "draw")
    await page.get_by_role("link", name="自己验算").click()
    await page.get_by_text("✓ 验算通过").wait_for()

    async with page.expect_download() as download:
        await page.get_by_role("link", name="下载记录").click()
    assert (await download.value).suggested_filename.startswith("draw-")


@pytest.mark.timeout(120)
async def test_points_become_a_code_to_show(house):
    def rich(db):
        give(db, "wang", 30, now(house))
        offer(db, now(house))

    await ask(house, rich)
    page = await house("wang")
    await page.get_by_role("link", name="奖品").click()
    await page.get_by_role("link", name="兑换").click()
    await page.get_by_role("button", name="确认兑换").click()

    assert "兑换成功" in await said(page)
    box = await page.locator(".code svg").bounding_box()
    assert box["width"] > 150
    await page.get_by_role("button", name="不要了，退回").click()
    assert "退回了" in await said(page)
    assert await ask(house, lambda db: points.balance(db, "g1", "wang")) == 30


@pytest.mark.timeout(120)
async def test_a_test_drive_is_agreed_on_with_two_thumbs(house):
    page = await house("wang")
    await page.get_by_text("预约试驾").click()
    await page.select_option("[name=model]", "S6")
    await page.select_option("[name=time]", "14:00")
    await page.fill("[name=phone]", "13800138000")
    await page.get_by_role("button", name="提交预约").click()
    assert "勾选" in await said(page)
    await page.fill("[name=phone]", "13800138000")
    await page.check("[name=agree]")
    await page.get_by_role("button", name="提交预约").click()

    assert "约好了" in await said(page)
    assert len(await ask(house, lambda db: appointments.open_of(db, "wang"))) == 1


@pytest.mark.timeout(120)
async def test_a_reload_and_a_double_click_do_nothing_twice(house):
    page = await house("wang")
    await page.get_by_role("button", name="签到").dblclick()
    await page.locator(".said", has_text="签到成功").wait_for()
    await page.reload()
    await page.reload()

    assert await ask(house, lambda db: points.balance(db, "g1", "wang")) == 1
    await page.goto(f"{page.base}play")
    await page.get_by_role("button", name="猜价格").click()
    field = page.get_by_label("答案")
    await field.fill("十八万五")
    await field.press("Enter")  # typed and sent as on a telephone, without script
    assert "猜18.5万元，记下了" in await said(page)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("size", SIZES)
async def test_every_page_fits_and_can_be_tapped_even_with_an_endless_name(house, size):
    def fill(db):
        groups.join(db, "g1", "wang", "<b>" + "王" * 300, now(house))
        give(db, "wang", 30, now(house))
        offer(db, now(house), name="一个名字特别特别长的联名限量版车模" * 3)

    await ask(house, fill)
    page = await house("wang", size, script=True)
    for name in ("", "checkin", "play", "points", "prizes", "prizes?pick=p1", "draw", "board",
                 "drive", "me"):  # fmt: skip
        await page.goto(page.base + name)
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        low = await page.evaluate(
            "[...document.querySelectorAll('button, .button, nav a, select')]"
            ".filter(e => e.getBoundingClientRect().height < 44).map(e => e.textContent)"
        )
        assert low == [], name
        assert await page.locator("main b b").count() == 0


@pytest.mark.timeout(120)
async def test_the_sandbox_opens_the_page_as_the_customer(house):
    page = await house("li")
    await page.goto(house.stage.url + "/")
    address = await page.get_by_text("群里的页面").get_attribute("href")
    await page.goto(house.stage.url + address)

    await page.locator("header", has_text="王女士").wait_for()


@pytest.mark.timeout(120)
async def test_what_somebody_outside_sees(house):
    page = await house("stranger")

    await page.get_by_text("怎么加入").wait_for()
    await page.fill("[name=phone]", "13800138000")
    await page.check("[name=agree]")
    await page.get_by_role("button", name="提交").click()

    assert "已提交" in await said(page)
    await page.goto(page.base + "points")
    await page.get_by_text("群成员才有这一页").wait_for()


# Text that is too small to read and targets that are too small to hit, and what runs off the side.
CRAMPED = """() => {
  const bad = [], seen = e => e.getBoundingClientRect().height > 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = texts.nextNode(); n; n = texts.nextNode()) {
    const e = n.parentElement, size = parseFloat(getComputedStyle(e).fontSize);
    if (n.textContent.trim() && seen(e) && !e.closest('svg') && size < 15)
      bad.push(size + 'px ' + n.textContent.trim());
  }
  const taps = 'a,button,select,textarea,summary,input:not([type=hidden]):not([type=checkbox])';
  for (const e of document.querySelectorAll(taps))
    if (seen(e) && e.getBoundingClientRect().height < 44) bad.push(e.tagName + e.textContent);
  if (document.documentElement.scrollWidth > innerWidth) bad.push('too wide');
  return bad;
}"""


async def test_on_a_narrow_phone_everything_can_be_read_and_hit(house):
    now = house.stage.clock.now()
    await house.stage.running.writer.do(lambda db: offer(db, now))
    await house.stage.phones.does("li", "g1", "答题")
    found = {}
    for who in ("wang", "zhang"):
        page = await house(who, "narrow", script=True)
        for name in ("", "checkin", "play", "points", "prizes", "draw", "board", "drive", "me"):
            await page.goto(page.base + name)
            found[who, name] = await page.evaluate(CRAMPED)

    assert {where: bad for where, bad in found.items() if bad} == {}
