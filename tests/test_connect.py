"""Connecting: one link for one browser, keys that go into no log, a tick when WeCom has called."""

import asyncio
import json
import logging
import re
import socket
import sys
from datetime import timedelta

import aiohttp
import pytest
from click.testing import CliRunner

from bot import alone, config, server
from bot.cli import main
from bot.config import ConfigError
from bot.connect import guide, links
from bot.doctor import probes
from bot.sandbox.push import Address, Pusher
from bot.sandbox.stage import WallClock
from bot.sidebar.session import Keyring
from bot.wecom.cipher import Channel


class Browser:
    def __init__(self, stage, http):
        self.stage = stage
        self.http = http
        self.csrf = ""

    async def open(self, link=None):
        """Status and text of the page."""
        query = {} if link is None else {"link": link}
        async with self.http.get(self.stage.url + links.PATH, params=query) as answer:
            text = await answer.text()
            found = re.search(r'name="csrf" content="([^"]+)"', text)
            self.csrf = found[1] if found else self.csrf
            self.cookie = answer.headers.get("Set-Cookie", "")
            return answer.status, text

    async def state(self):
        async with self.http.get(f"{self.stage.url}{links.PATH}/state") as answer:
            return answer.status, await answer.json()

    async def ways(self):
        return (await self.state())[1]["ways"]

    async def keys(self, way="archive", fresh=False, **headers):
        sent = {"X-CSRF-Token": self.csrf, "Origin": self.stage.url, **headers}
        sent = {name: value for name, value in sent.items() if value is not None}
        body = {"way": way, "fresh": fresh}
        url = f"{self.stage.url}{links.PATH}/keys"
        async with self.http.post(url, json=body, headers=sent) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def browser(played):
    jar = aiohttp.CookieJar(unsafe=True)  # the stage lives at an address, not a name
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        yield Browser(played, http)


@pytest.fixture
async def link(played):
    return await links.make(played.running.writer, played.clock)


# The link


async def test_the_link_opens_the_page_and_the_browser_stays_in(browser, link):
    status, text = await browser.open(link)

    assert status == 200
    assert "接入企业微信" in text
    assert "HttpOnly" in browser.cookie
    assert "SameSite=Strict" in browser.cookie
    assert (await browser.open())[0] == 200
    assert (await browser.state())[0] == 200


async def test_it_opens_for_the_first_browser_only(played, browser, link):
    await browser.open(link)

    async with aiohttp.ClientSession() as other:
        status, text = await Browser(played, other).open(link)

    assert status == 403
    assert "已经用过一次" in text


async def test_a_look_ahead_does_not_use_it_up(browser, link):
    async with browser.http.head(browser.stage.url + links.PATH, params={"link": link}) as answer:
        assert answer.status == 405

    assert (await browser.open(link))[0] == 200


async def test_after_a_quarter_of_an_hour_it_is_old(browser, link):
    browser.stage.clock.add(timedelta(minutes=16))

    status, text = await browser.open(link)

    assert (status, "已经失效" in text) == (403, True)


FORGED = (lambda s: s[:-1] + ("1" if s[-1] == "0" else "0"), lambda s: s[:-9], lambda s: "链接")


@pytest.mark.parametrize("forge", FORGED)
async def test_one_that_is_not_ours_says_so(browser, link, forge):
    status, text = await browser.open(forge(link))

    assert status == 403
    assert "不是这个程序给的" in text


async def test_without_a_link_nobody_comes_in(browser):
    status, text = await browser.open()

    assert status == 403
    assert "salesbot connect" in text
    assert (await browser.state())[0] == 403
    assert (await browser.keys())[0] == 403


async def test_a_member_s_sidebar_session_opens_nothing_here(browser):
    stage = browser.stage
    cookie, _ = await Keyring(stage.running.writer, stage.clock).begin("zhang")
    browser.http.cookie_jar.update_cookies({"salesbot_connect": cookie})

    assert (await browser.state())[0] == 403


async def test_after_two_hours_a_new_link_is_needed(browser, link):
    await browser.open(link)
    browser.stage.clock.add(timedelta(hours=2, minutes=1))

    assert (await browser.state())[0] == 403


# Keys


async def test_fresh_keys_make_a_configuration_that_starts(browser, link, tmp_path, monkeypatch):
    await browser.open(link)
    parts = []
    for way in guide.WAYS:
        _, found = await browser.keys(way.name, fresh=True)
        parts.append(found["section"])
        for line in found["environment"].splitlines():
            monkeypatch.setenv(*line.split("=", 1))
        assert len(found["key"]) == 43
    monkeypatch.setenv("WECOM_APP_SECRET", "s")
    text = '[wecom]\ncorp_id = "ww1"\n' + "\n".join(parts)

    ids = server.keys(config.parse(text, tmp_path / "config.toml"))

    assert ids.channels.keys() == {way.name for way in guide.WAYS}


async def test_keys_that_run_are_shown_and_those_that_were_made_wait_for_the_restart(browser, link):
    await browser.open(link)

    running = (await browser.keys("app"))[1]
    assert running["token"] == browser.stage.running.ids.channels["app"].token
    assert not running["restart"]

    made = (await browser.keys("archive"))[1]
    assert made["restart"]
    assert (await browser.keys("archive"))[1]["token"] == made["token"]
    assert (await browser.keys("archive", fresh=True))[1]["token"] != made["token"]
    assert (await browser.ways())["archive"]["words"] == "密钥已生成，保存后重启"


async def test_another_site_gets_none(browser, link):
    await browser.open(link)

    assert (await browser.keys(Origin="http://evil.example"))[0] == 403
    assert (await browser.keys(Origin=None))[0] == 403
    assert (await browser.keys(**{"X-CSRF-Token": "0"}))[0] == 403
    assert (await browser.keys(way="nothing"))[0] == 400


async def test_no_key_stands_in_a_log_or_in_the_store(browser, link, caplog):
    caplog.set_level(logging.DEBUG)
    await browser.open(link)
    found = (await browser.keys("archive"))[1]
    await browser.stage.running.writer.do(lambda db: db.run("delete from tokens"))

    dump = await browser.stage.running.writer.do(
        lambda db: json.dumps([db.rows(f"select * from {t['name']}") for t in db.rows(
            "select name from sqlite_master where type = 'table'")], default=str))  # fmt: skip

    for secret in (found["token"], found["key"]):
        assert secret not in caplog.text
        assert secret not in dump


# The tick


async def test_a_way_turns_green_with_the_first_check(browser, link):
    await browser.open(link)
    await browser.stage.running.writer.do(lambda db: db.run("delete from surface_checks"))
    before = await browser.ways()
    assert before["app"]["words"] == "等第一次校验"
    assert before["archive"]["words"] == "关"

    channel = browser.stage.running.ids.channels["app"]
    address = Address(f"{browser.stage.url}/callback/app", channel)
    assert await Pusher(browser.http, WallClock().now).check(address) == ""

    after = await browser.ways()
    assert (after["app"]["state"], after["app"]["words"]) == ("working", "已接通，自 3月6日 09:00")
    assert after["contact"]["state"] == "waiting"


async def test_our_own_doctor_is_not_taken_for_wecom(browser, link):
    await browser.open(link)
    await browser.stage.running.writer.do(lambda db: db.run("delete from surface_checks"))
    channels = browser.stage.running.ids.channels.values()

    checks = await probes.callbacks(browser.stage.url, channels, browser.http)

    assert {check.state for check in checks} == {"ok"}
    assert (await browser.ways())["app"]["state"] == "waiting"


async def test_a_check_that_fails_says_why(browser, link):
    await browser.open(link)
    await browser.stage.running.writer.do(lambda db: db.run("delete from surface_checks"))
    right = browser.stage.running.ids.channels["app"]
    wrong = Channel("app", "another", right.aes_key, right.receive_id)

    await Pusher(browser.http, WallClock().now).check(
        Address(f"{browser.stage.url}/callback/app", wrong)
    )

    assert (await browser.ways())["app"]["refused"].endswith("Token 和程序里的不一致")


# The command


def test_the_command_serves_the_page_where_nobody_else_does(tmp_path):
    """Before the first start: no identity, no store."""
    (tmp_path / "config.toml").write_text("[server]\nport = 0\n", encoding="utf-8")

    async def run():
        command = [
            sys.executable,
            "-m",
            "bot",
            "--config",
            str(tmp_path / "config.toml"),
            "connect",
        ]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        lines = [(await process.stdout.readline()).decode() for _ in range(3)]
        process.terminate()
        await process.wait()
        return lines

    first, address, told = asyncio.run(run())

    assert "15 分钟" in first
    assert f"{links.PATH}?link=" in address
    assert "serve 没有在运行" in told


def test_the_command_only_makes_the_link_beside_a_running_server(tmp_path):
    (tmp_path / "config.toml").write_text(
        '[server]\nhost = "0.0.0.0"\npublic_url = "https://bot.example.com"\n', encoding="utf-8"
    )
    with alone.held(config.load(tmp_path / "config.toml").database()):
        result = CliRunner().invoke(main, ["--config", str(tmp_path / "config.toml"), "connect"])

    assert result.exit_code == 0, result.output
    assert "https://bot.example.com/console/connect?link=" in result.output
    assert "http://127.0.0.1:8080/console/connect?link=" in result.output
    assert "没有在运行" not in result.output


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path, unused_tcp_port):
    (tmp_path / "config.toml").write_text(f"[server]\nport = {unused_tcp_port}\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        result = CliRunner().invoke(main, ["--config", str(tmp_path / "config.toml"), "connect"])

    assert result.exit_code == 1
    assert f"端口 {unused_tcp_port} 打不开" in result.output


def test_the_texts_name_what_the_configuration_knows():
    for way in guide.WAYS:
        text = f'[wecom]\ncorp_id = "ww1"\n{guide.section(way, config.Config())}'
        try:
            config.parse(text, config.Path("config.toml"))
        except ConfigError as wrong:
            raise AssertionError(f"{way.name}: {wrong}") from None


# In a browser


@pytest.mark.timeout(120)
@pytest.mark.parametrize("width", [390, 1200])
async def test_the_page_in_a_browser(played, link, width, tmp_path, chromium):
    await played.running.writer.do(lambda db: db.run("delete from surface_checks"))
    async with chromium as browser:
        page = await browser.new_page(viewport={"width": width, "height": 900})
        problems = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: problems.append(str(e)))
        await page.goto(f"{played.url}{links.PATH}?link={link}")
        await page.locator("#sum", has_text="接通了 0 面").wait_for()
        assert "link=" not in page.url

        archive = page.locator("[data-way=archive]")
        await archive.locator("summary").click()
        await archive.get_by_text("生成密钥").click()
        key = archive.locator("dl [data-value=key]")
        await key.wait_for()
        assert len(await key.inner_text()) == 43
        await archive.locator(".words", has_text="保存后重启").wait_for()
        assert await archive.locator(".restart").is_visible()
        await page.screenshot(path=tmp_path / "connect.png", full_page=True)

        channel = played.running.ids.channels["app"]
        async with aiohttp.ClientSession() as http:
            address = Address(f"{played.url}/callback/app", channel)
            assert await Pusher(http, WallClock().now).check(address) == ""
        await page.locator("[data-way=app].working .words", has_text="已接通").wait_for()
        wide = await page.evaluate("document.documentElement.scrollWidth")
        await page.reload()
        await page.locator("#sum", has_text="接通了 1 面").wait_for()

    assert problems == []
    assert wide <= width
