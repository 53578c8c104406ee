"""The sandbox page: what it may do, what others may not, and one walk through it in a browser."""

import asyncio
import shutil

import aiohttp
import pytest

from bot.sandbox import demo, stage
from bot.sandbox.page import Page


@pytest.fixture
async def site(knowledge, demo_store, tmp_path):
    """The stage with its page, at work in the background as `sandbox` runs it."""
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    async with stage.open_stage(
        start=demo.START, frozen=True, knowledge=knowledge, folder=tmp_path,
        more=lambda s: Page(s).routes(),
    ) as found:  # fmt: skip
        work = asyncio.create_task(found.running.app.run())
        yield found
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
async def call(site):
    """Calls as the page's own script makes them."""
    async with aiohttp.ClientSession() as http:

        async def act(name, body, **headers):
            url = f"{site.url}/sandbox/{name}"
            async with http.post(url, json=body, headers=headers) as answer:
                return answer.status, await answer.json()

        async def state():
            async with http.get(f"{site.url}/sandbox/state") as answer:
                return await answer.json()

        act.state, act.http = state, http
        yield act


async def until(look, turns=300):
    for _ in range(turns):
        if found := await look():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def test_what_an_advisor_says_is_answered_in_their_window(call):
    status, said = await call("say", {"to": "app", "from": "zhang", "text": "帮助"})

    async def answered():
        return [m for m in (await call.state())["advisor"] if not m["mine"]]

    assert (status, said["delivered"]) == (200, True)
    assert (await until(answered))[0]["text"].startswith("我能帮你")


async def test_the_clock_is_moved_and_the_digest_comes(call):
    status, moved = await call("clock", {"add": "+1d 08:45"})

    state = await call.state()
    assert status == 200
    assert moved["at"].startswith("2026-03-07T00:45")
    assert state["clock"].startswith("2026-03-07 08:45")
    assert [m["type"] for m in state["manager"]] == ["image", "text"] * 2  # evening and morning


async def test_a_private_line_is_shown_and_not_read(call):
    await call(
        "private", {"customer": "wang", "chat": "zhang", "who": "customer", "text": "有点贵"}
    )

    state = await call.state()
    assert [m["text"] for m in state["customer"]] == ["有点贵"]
    assert state["advisor"] == []


async def test_what_was_taken_back_is_shown_as_that(call, site):
    await call("say", {"to": "app", "from": "zhang", "text": "帮助"})

    async def answered():
        return [m for m in (await call.state())["advisor"] if not m["mine"]]

    await until(answered)
    site.pretend.api.feed.items[-1]["recalled"] = True

    assert (await answered())[-1]["text"] == "［助手撤回了一条消息］"


async def test_somebody_scans_the_code(call):
    status, new = await call("newcomer", {"advisor": "zhang", "name": "小鹿"})

    assert status == 200
    assert new["customer"] in [c["id"] for c in (await call.state())["people"]["customers"]]


WRONG = [
    ("clock", {}), ("clock", {"add": "morgen"}), ("clock", {"at": "nie"}),
    ("clock", {"add": "+99d"}), ("clock", {"add": "+99999999999d"}), ("say", {}),
    ("say", {"to": "app", "from": "nobody", "text": "x"}),
    ("say", {"to": "app", "from": "wang", "text": "x"}),
    ("say", {"to": "moon", "from": "zhang", "text": "x"}),
    ("tap", {"from": "zhang", "button": "没有"}), ("tap", {"from": "zhang", "n": "y"}),
    ("newcomer", {"advisor": "nobody"}), ("private", {"customer": "wang"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body"), WRONG, ids=lambda v: str(v)[:40])
async def test_what_cannot_be_done_is_said_in_words(call, name, body):
    status, said = await call(name, body)

    assert 400 <= status < 500
    assert said["error"]


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Host": "evil.example"},
    {"Origin": "null"},
    {"Origin": "https://127.0.0.1"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_another_site_can_do_nothing(call, site, headers):
    status, said = await call("clock", {"add": "+1d"}, **headers)

    assert status == 403
    assert "本机" in said["error"]
    assert site.clock.now() == demo.START


SCRIPTS = ("wecom/say", "wecom/tap", "wecom/event", "wecom/faults", "wecom/callbacks",
           "wecom/client/register", "say", "tap", "newcomer")  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
async def test_nothing_that_changes_something_listens_to_another_site(call, site, name):
    status, _ = await call(name, {}, Origin="http://evil.example")
    own, _ = await call(name, {}, Origin=site.url)
    script, _ = await call(name, {})

    assert status == 403
    assert 403 not in (own, script)


# Faults


async def test_faults_are_switched_seeded_and_counted(call, site):
    async def shown():
        async with call.http.get(f"{site.url}/sandbox/wecom/faults") as answer:
            return await answer.json()

    await call("wecom/faults", {"seed": 7, "name": "repeat", "rate": 1})
    await call("say", {"to": "app", "from": "zhang", "text": "帮助"})
    found = await shown()
    assert found["seed"] == 7
    assert {f["name"]: f["happened"] for f in found["faults"]}["repeat"] == 1

    await call("wecom/faults", {"name": "all", "rate": 0.05})
    assert {f["rate"] for f in (await shown())["faults"]} == {0.05}
    await call("wecom/faults", {"name": "all", "rate": 0})
    assert {f["rate"] for f in (await shown())["faults"]} == {0}
    assert (await call("wecom/faults", {"seed": "x"}))[0] == 400


async def test_the_page_allows_no_foreign_script_and_has_none_inline(call, site):
    async with call.http.get(site.url + "/") as answer:
        html, policy = await answer.text(), answer.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
    assert "onclick=" not in html


async def test_a_picture_that_is_none_is_404(call, site):
    async with call.http.get(site.url + "/sandbox/picture/nothing") as answer:
        assert answer.status == 404


# In a browser


@pytest.mark.timeout(120)
async def test_the_six_steps_in_a_browser(site, chromium):
    async with chromium as browser:
        page = await browser.new_page()
        problems = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: problems.append(str(e)))
        await page.goto(site.url)

        async def shows(window, words):
            await page.locator(f"#chat-{window}", has_text=words).wait_for(timeout=60_000)

        await page.click("[data-try=ask]")
        await shows("customer", "有点贵")
        await page.click("[data-try=paste]")
        await shows("advisor", "采用 3")
        await page.click("[data-try=adopt]")
        await shows("advisor", "已采用")
        await page.click("[data-try=book]")
        await shows("advisor", "已记录：王女士")
        await page.click("[data-try=checkin]")
        await shows("group", "签到成功")
        await shows("group", "🎯 答题")
        await page.click("[data-try=morning]")
        await shows("manager", "【早报】")
        await shows("advisor", "早上好")
        await page.locator("#chat-manager img").first.wait_for(timeout=60_000)
        inside = await page.locator("#inside").inner_text()

    assert problems == []
    assert "高意向" in inside
    assert "价格" in inside


@pytest.mark.timeout(120)
async def test_the_service_chat_in_a_browser(site, chromium):
    async with chromium as browser:
        page = await browser.new_page(viewport={"width": 1440, "height": 950})
        problems = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: problems.append(str(e)))
        await page.goto(site.url)

        async def shows(words):
            await page.locator("#chat-customer", has_text=words).wait_for(timeout=60_000)

        await page.click("#desk")
        await shows("在线助手")
        await page.click("#chat-customer .menu button:has-text('S6')")
        await shows("什么时候用车")
        await page.fill("#w-customer form input", "家里没车位怎么充电")
        await page.click("#w-customer form button")
        await shows("充电")
        picture = await page.screenshot()
        await page.click("#desk")
        await page.locator("#hint-customer", has_text="平台不让程序读这里").wait_for(timeout=60_000)
        private = await page.locator("#chat-customer").inner_text()

    assert problems == []
    assert picture.startswith(b"\x89PNG")
    assert "在线助手" not in private


@pytest.mark.timeout(120)
async def test_the_fault_switches_in_a_browser(site, chromium):
    async with chromium as browser:
        page = await browser.new_page(viewport={"width": 1440, "height": 950})
        problems = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: problems.append(str(e)))
        await page.goto(site.url)
        await page.click("#break")
        await page.locator(".fault[title=repeat] select").select_option("1")
        await page.locator("#broken", has_text="1 开").wait_for(timeout=60_000)
        await page.fill("#w-advisor form textarea", "帮助")
        await page.click("#w-advisor form button")
        await page.locator(".fault[title=repeat] small", has_text="出了1次").wait_for()
        await page.click("[data-all='0.05']")
        await page.locator("#broken", has_text="11 开").wait_for(timeout=60_000)
        await page.click("[data-all='0']")
        await page.locator(".fault.on").first.wait_for(state="detached")
        rates = await page.locator(".fault select").evaluate_all("all => all.map(s => s.value)")

    assert problems == []
    assert set(rates) == {"0"}
