"""The console in a browser, on a desk and on a phone: drawn, quiet, and nothing of a name runs."""

import asyncio
import shutil
from datetime import timedelta

import pytest
import pytest_asyncio
from console_kit import ask, both, cast
from test_console import HOSTILE, break_down, spoil

from bot.sandbox import demo
from bot.sandbox.page import Page
from bot.sandbox.stage import open_stage
from handlers.console import pages

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(knowledge, demo_store, tmp_path, browser):
    """A browser that 陈静 opened the console in; what it complains of fails the test."""
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    async with open_stage(
        start=demo.START + timedelta(hours=1), frozen=True, knowledge=knowledge,
        folder=tmp_path, more=lambda s: Page(s).routes(),
    ) as stage:  # fmt: skip
        cast(stage)
        work = asyncio.create_task(stage.running.app.run())
        found = await browser.new_page(locale="zh-CN")
        found.stage, found.problems = stage, []
        found.on("console", lambda m: found.problems.append(m.text) if m.type == "error" else None)
        found.on("pageerror", lambda e: found.problems.append(str(e)))
        found.on("dialog", lambda d: found.problems.append(f"dialog {d.message}"))
        yield found
        for context in browser.contexts:
            await context.close()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert found.problems == []


async def enter(page, who="chen"):
    await page.goto(f"{page.stage.url}/sandbox/wecom/open?member={who}&url=/console/oauth")
    await page.locator("nav [aria-current]", has_text="今天").wait_for()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("width", [1280, 375])
async def test_no_page_runs_what_a_name_says_and_none_is_too_wide(page, width):
    await ask(page.stage, lambda db: spoil(db, page.stage.clock.now()))
    both(page.stage)
    await page.set_viewport_size({"width": width, "height": 760})
    await enter(page)
    for name in pages.PAGES:
        await page.goto(f"{page.stage.url}/console/{name}?id=wang")
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name
        assert await page.evaluate("window.hit") is None
        charts = await page.locator("canvas").count()
        drawn = await page.evaluate(
            "[...document.querySelectorAll('canvas')].filter(c => Chart.getChart(c)).length"
        )
        assert charts == drawn

    await page.goto(f"{page.stage.url}/console/customers")
    shown = await page.locator("td a.cell").all_text_contents()
    assert {HOSTILE[0], "{{7*7}}{% raw %}", "=cmd|' /C calc'!A0"} <= set(shown)


@pytest.mark.timeout(120)
async def test_a_manager_goes_from_the_day_to_a_customer_and_out(page):
    await page.set_viewport_size({"width": 375, "height": 760})
    await enter(page)
    await page.click("nav a:has-text('客户')")
    await page.select_option("select[name=tier]", "mid")
    await page.wait_for_url("**/customers?*tier=mid*")
    await page.fill("input[name=q]", "王女")
    await page.click(".filters button")
    await page.click("td a:has-text('王女士')")
    await page.locator("h1", has_text="王女士｜").wait_for()
    await page.click("text=退出")
    await page.locator("h1", has_text="已退出").wait_for()
    page.on("console", lambda m: page.problems.clear())  # the 401 that is wanted here
    answer = await page.goto(f"{page.stage.url}/console/")

    assert answer.status == 401
    page.problems.clear()


@pytest.mark.timeout(120)
async def test_the_chat_s_link_opens_it_in_a_browser(page):
    await page.stage.say("app", "chen", "看板")
    await page.stage.running.app.idle()
    texts = [i["text"] for i in page.stage.pretend.received() if i["to"] == "chen"]
    await page.goto(texts[-1].split("：", 1)[1].split()[0])
    await page.click("button:has-text('打开看板')")

    await page.locator("h1", has_text="今天").wait_for()


@pytest.mark.timeout(120)
async def test_an_operator_sends_again_by_a_tap(page):
    both(page.stage)
    await ask(page.stage, lambda db: break_down(db, page.stage.clock.now()))
    await enter(page)
    await page.click("nav a:has-text('运行')")
    await page.click("td button:has-text('重发') >> nth=0")

    await page.locator(".done", has_text="已重新排队").wait_for()


@pytest.mark.timeout(120)
async def test_the_sandbox_page_leads_there_as_its_manager(page):
    await page.goto(page.stage.url)
    await page.locator("#manager option[value=chen]").wait_for(state="attached")
    async with page.expect_popup() as popup:
        await page.click("#console")
    opened = await popup.value

    await opened.locator("header .who", has_text="陈静").wait_for()


DESK = ("library", "script", "script?key=battery-crash", "lexicon", "settings", "whatif",
        "operations")  # fmt: skip
UNNAMED = """() => [...document.querySelectorAll("main input, main select, main textarea")]
    .filter(one => one.type !== "hidden" && !one.labels.length).map(one => one.outerHTML)"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("width", [1280, 375])
async def test_every_field_of_an_operator_has_its_name_and_fits(page, width):
    both(page.stage)
    await page.set_viewport_size({"width": width, "height": 760})
    await enter(page)
    for name in DESK:
        await page.goto(f"{page.stage.url}/console/{name}")
        assert await page.evaluate(UNNAMED) == [], name
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name


@pytest.mark.timeout(120)
async def test_a_script_is_changed_with_the_keyboard_alone(page):
    both(page.stage)
    await page.set_viewport_size({"width": 375, "height": 760})
    await enter(page)
    await page.goto(f"{page.stage.url}/console/script?key=battery-crash")
    await page.get_by_label("话术正文").focus()
    await page.keyboard.press("End")
    await page.keyboard.type("<b>欢迎到店。")
    for _ in range(40):
        if await page.evaluate("document.activeElement.value") == "look":
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.locator("ins", has_text="<b>欢迎到店。").wait_for()
    await page.get_by_role("button", name="存为待审").press("Enter")

    await page.locator(".done", has_text="已保存").wait_for()
    await page.locator(".lead", has_text="待审").wait_for()
