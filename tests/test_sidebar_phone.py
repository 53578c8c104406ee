"""The sidebar in a phone's browser: found, shown, sent and taken back by taps."""

import asyncio
import shutil
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from test_strangers import HERE

from bot.sandbox import demo
from bot.sandbox.page import Page
from bot.sandbox.stage import open_stage
from storage import customers

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one browser
ASKED = "冬天续航怎么样，有点贵"


async def ask(stage, look):
    return await stage.running.writer.do(look)


@pytest_asyncio.fixture(loop_scope="module")
async def phone(knowledge, demo_store, tmp_path, browser):
    """A narrow window on the running stage; what a console complains of fails the test."""
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    async with open_stage(
        start=demo.START + timedelta(hours=1), frozen=True, knowledge=knowledge,
        folder=tmp_path, more=lambda s: Page(s).routes(),
    ) as stage:  # fmt: skip
        work = asyncio.create_task(stage.running.app.run())
        page = await browser.new_page(viewport={"width": 340, "height": 740}, locale="zh-CN")
        page.stage, page.problems = stage, []
        page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: page.problems.append(str(e)))

        async def open_as(**query):
            await page.goto(f"{stage.url}/sandbox/wecom/open?{urlencode(query)}")

        page.open_as = open_as
        yield page
        for context in browser.contexts:
            await context.close()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert page.problems == []


async def overflow(page):
    return await page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.timeout(120)
async def test_a_script_is_found_shown_and_sent_by_one_tap(phone):
    await phone.open_as(member="zhang", customer="wang")
    await phone.fill("#words", ASKED)
    await phone.click("#ask button.main")
    text = await phone.locator(".script textarea").first.input_value()
    await phone.locator(".script .main").first.click()
    await phone.locator("#toast", has_text="已发送").wait_for()

    sent = [i for i in phone.stage.pretend.received() if i["to"] == "wang"]
    assert [i["text"] for i in sent] == [text.strip()]
    assert await overflow(phone) <= 0


@pytest.mark.timeout(120)
async def test_a_gap_and_a_forbidden_word_keep_a_text_back(phone):
    await phone.open_as(member="zhang", customer="wang")
    await phone.fill("#words", ASKED)
    await phone.click("#ask button.main")
    for words, problem in (
        ("周六【试驾时间？】见", "先把"),
        ("全网最低价，绝对第一", "不能这样发"),
    ):
        await phone.locator(".script textarea").first.fill(words)
        await phone.locator(".script .main").first.click()
        await phone.locator(".script .problem", has_text=problem).first.wait_for()

    assert not [i for i in phone.stage.pretend.received() if i["to"] == "wang"]


@pytest.mark.timeout(120)
async def test_a_doubt_asks_for_a_second_tap(phone):
    phone.stage.clock.add(timedelta(days=4, hours=12))
    await phone.open_as(member="zhang", customer="wang")
    await phone.locator("#chips button").first.click()
    await phone.click("#ask button.main")
    await phone.locator(".script .main").first.click()
    await phone.locator(".script .problem", has_text="安静时段").first.wait_for()
    assert not [i for i in phone.stage.pretend.received() if i["to"] == "wang"]

    await phone.locator(".script .sure").first.click()
    await phone.locator("#toast", has_text="已发送").wait_for()


@pytest.mark.timeout(120)
async def test_a_visit_is_logged_and_taken_back(phone):
    await phone.open_as(member="zhang", customer="wang")
    await phone.click("[data-tab=log]")
    await phone.click("[data-log=到店]")
    await phone.locator("#logged", has_text="已记录：王女士 到店").wait_for()
    await phone.click("#undo")
    await phone.locator("#toast", has_text="已撤销").wait_for()

    assert await overflow(phone) <= 0


@pytest.mark.timeout(120)
async def test_a_concern_that_was_read_wrongly_is_put_right_and_back(phone):
    await phone.open_as(member="zhang", customer="wang")
    await phone.fill("#words", ASKED)
    await phone.click("#ask button.main")
    await phone.locator(".script").first.wait_for()
    await phone.click("[data-tab=person]")
    price = phone.locator(".row", has=phone.locator(".name", has_text="价格担心"))
    await price.locator("button", has_text="不对").click()
    await price.locator("button", has_text="只是在问").click()
    await phone.locator(".name", has_text="价格在问").wait_for()
    await phone.click("#toast-undo")

    await price.wait_for()
    assert await overflow(phone) <= 0


@pytest.mark.timeout(120)
async def test_a_hostile_nickname_is_only_text(phone):
    name = "<img src=x onerror=alert(1)><b>王</b>"
    await ask(phone.stage, lambda db: customers.change(db, "wang", name=name))
    await phone.open_as(member="zhang", customer="wang")

    await phone.locator("h1", has_text=name).wait_for()
    await phone.click("[data-tab=person]")

    assert await phone.locator("header img, header b").count() == 0
    assert await overflow(phone) <= 0


@pytest.mark.timeout(120)
async def test_in_a_group_one_s_customers_are_a_tap_away(phone):
    await phone.open_as(member="zhang", chat="g1")
    await phone.click("[data-tab=person]")
    await phone.locator("#person button", has_text="王女士").click()
    await phone.locator("h1", has_text="王女士").wait_for()
    await phone.click(".back")

    await phone.locator("h1", has_text="青屿S6看车群").wait_for()


SDK = HERE / "node_modules" / "@wecom" / "jssdk" / "dist" / "wecom.global.prod.js"
# The bridge that a real client puts into the page; here it asks the pretend client.
BRIDGE = """
Object.defineProperty(navigator, "userAgent", {
  get: () => "Mozilla/5.0 (iPhone) MicroMessenger/7.0.1 wxwork/4.1.30",
});
const own = { getContext: { entry: "single_chat_tools" },
              getCurExternalContact: { userId: "wang" } };
window.WeixinJSBridge = {
  on() {},
  async invoke(name, params, done) {
    (window.asked = window.asked || []).push([name, params]);
    done({ err_msg: name + ":ok", ...own[name] });
  },
};
"""


@pytest.mark.skipif(
    not SDK.is_file(), reason="*** NO NPM PACKAGES: THE REAL JS-SDK WAS NOT TRIED ***"
)
@pytest.mark.timeout(120)
async def test_the_vendor_s_own_script_is_served_as_it_wants(phone):
    """The real JS-SDK in a client's browser: right signatures, right customer, the text sent."""
    await phone.open_as(member="zhang", customer="wang")
    await phone.add_init_script(BRIDGE)
    await phone.route("**/jssdk.js", lambda route: route.fulfill(
        body=SDK.read_text("utf-8"), content_type="text/javascript"))  # fmt: skip
    await phone.goto(f"{phone.stage.url}/sidebar/?from=tool")
    await phone.locator("h1", has_text="王女士").wait_for()
    await phone.fill("#words", ASKED)
    await phone.click("#ask button.main")
    await phone.locator(".script .main").first.click()
    await phone.locator("#toast", has_text="已发送").wait_for()

    asked = dict(await phone.evaluate("window.asked"))
    mark, tickets = asked["agentConfig"], phone.stage.pretend.api.tickets
    assert tickets.signed("app", f"{phone.stage.url}/sidebar/?from=tool", mark)
    assert (mark["corpid"], mark["agentid"]) == ("ww5a1e5b07de000001", "1000002")
    assert asked["sendChatMessage"]["text"]["content"]


@pytest.mark.timeout(120)
async def test_the_sandbox_page_opens_it_beside_the_advisor_s_chat(phone):
    await phone.set_viewport_size({"width": 1300, "height": 800})
    await phone.goto(phone.stage.url)
    await phone.locator("#customer option[value=wang]").wait_for(state="attached")
    await phone.click("#beside")
    beside = phone.frame_locator("#drawer-page")
    await beside.locator("h1", has_text="王女士").wait_for()
    await phone.click("#drawer-group")
    await beside.locator("h1", has_text="青屿S6看车群").wait_for()
    await phone.click("#drawer-shut")

    assert await phone.locator("#drawer").is_hidden()


@pytest.mark.timeout(120)
async def test_outside_wecom_the_text_is_copied(phone):
    await phone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await phone.route("**/jssdk.js", lambda route: route.fulfill(body=""))
    await phone.open_as(member="zhang")
    await phone.fill("#seek", "王女士")
    await phone.locator("#people button", has_text="王女士").first.click()
    await phone.fill("#words", ASKED)
    await phone.click("#ask button.main")
    text = await phone.locator(".script textarea").first.input_value()
    await phone.locator(".script .main", has_text="复制").first.click()
    await phone.locator("#toast", has_text="已复制").wait_for()

    assert await phone.evaluate("navigator.clipboard.readText()") == text.strip()
