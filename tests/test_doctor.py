"""What a first installation gets wrong: each in one sentence with its cure, against real HTTP."""

import json

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter
from wecom_kit import AES_KEY, WORLD, Clock, Notebook, channels

from bot import config as configs
from bot import doctor, probes, server
from bot.clock import WallClock
from bot.config import ConfigError
from bot.sandbox.wecom import Pretend
from bot.wecom import callback
from handlers import menu
from storage.sqlite import Sqlite

CONFIG = """
[server]
public_url = "{bot}"
verify_dir = "verify"
[wecom]
corp_id = "{corp}"
api_base = "{base}"
[wecom.app]
agent_id = {agent}
secret = "{secret}"
token = "qiwoTok7Vx"
encoding_aes_key = "{key}"
[wecom.contact]
secret = "contact-secret"
token = "contactTok"
encoding_aes_key = "{contact_key}"
[wecom.kf]
secret = "sandbox-kf-secret"
[[stores]]
id = "bj"
name = "朝阳店"
[[advisors]]
userid = "Zhang"
name = "张伟"
store = "bj"
[[managers]]
userid = "chen"
name = "陈静"
stores = ["bj"]
"""
NAME = "WW_verify_Abc123.txt"


class House:
    """A bot that answers callbacks, a pretend WeCom, and the file that joins them."""

    def __init__(self, pretend, bot, base, folder):
        self.pretend, self.folder = pretend, folder
        self.values = {
            "bot": bot, "base": base, "corp": WORLD.corp_id, "agent": WORLD.agent_id,
            "secret": WORLD.app_secret, "key": AES_KEY, "contact_key": AES_KEY[::-1],
        }  # fmt: skip

    def config(self, **other):
        text = CONFIG.format(**{**self.values, **other})
        return configs.parse(text, self.folder / "config.toml")

    async def checks(self, **other):
        """All checks by name; the last of a name, since addresses may have several."""
        found = await doctor.run(self.config(**other))
        return {check.name: check for check in found}


def keys():
    found = channels()
    return {**found, "kf": type(found["app"])("kf", "qiwoTok7Vx", AES_KEY, WORLD.corp_id)}


@pytest.fixture
async def house(aiohttp_server, tmp_path):
    async with aiohttp.ClientSession() as http:
        pretend = Pretend(WORLD, Clock(), Clock(), http)
        wecom = web.Application()
        wecom.add_routes(pretend.routes())
        base = str((await aiohttp_server(wecom)).make_url("")).rstrip("/")
        folder = tmp_path / "verify"
        folder.mkdir()
        (folder / NAME).write_text("Abc123\n")
        counter = Counter("c", "c", ["path", "result"], registry=CollectorRegistry())
        bot = web.Application()
        bot.add_routes(callback.routes(keys(), Notebook(), WallClock().now, 3600, counter))
        bot.router.add_get("/WW_verify_{name}.txt", server._verifier(folder))
        url = str((await aiohttp_server(bot)).make_url("")).rstrip("/")
        yield House(pretend, url, base, tmp_path)


async def test_a_sound_installation_is_called_sound(house):
    house.pretend.api._menu = menu.body()

    found = await house.checks()

    states = {name: check.state for name, check in found.items()}
    wanted = (
        "身份",
        "接口",
        "应用",
        "客户联系",
        "微信客服",
        "回调",
        "回调 contact",
        "回调 kf",
        "域名",
        "时钟",
    )
    assert {name: states[name] for name in wanted} == dict.fromkeys(wanted, "ok")
    assert states["公网地址"] == "warn"  # loopback in a test is no public address
    assert all(check.cure for check in found.values() if check.state in ("bad", "warn"))


@pytest.mark.parametrize(
    ("call", "code", "name", "state", "said", "cure"),
    [
        ("gettoken", 40001, "接口", "bad", "40001", "核对配置里该应用的 secret"),
        ("gettoken", 40013, "接口", "bad", "40013", "核对 [wecom] corp_id"),
        ("getcallbackip", 60020, "接口", "bad", "127.0.0.1 不在可信 IP 里", "加上 127.0.0.1"),
        ("getcallbackip", 50003, "接口", "bad", "50003", "启用"),
        ("menu/get", 40056, "应用", "bad", "没有这个 AgentId", "agent_id"),
        ("menu/get", 46003, "应用", "warn", "菜单", "salesbot menu push"),
        ("externalcontact/get_follow_user_list", 48002, "客户联系", "bad", "48002",
         "可调用接口的应用"),
        ("externalcontact/get_follow_user_list", 84074, "客户联系", "bad", "84074", "权限配置"),
        ("kf/account/list", 48007, "微信客服", "bad", "48007", "可调用接口的应用"),
        ("kf/account/list", 95017, "微信客服", "bad", "95017", "管理后台打开"),
    ],
)  # fmt: skip
async def test_every_refusal_is_a_sentence_with_its_cure(
    house, call, code, name, state, said, cure
):
    house.pretend.api.plan_faults(call, code, times=9)

    check = (await house.checks())[name]

    assert check.state == state
    assert said in check.said
    assert cure in check.cure
    assert "hint" not in check.said


async def test_an_advisor_without_the_right_is_named(house):
    text = CONFIG.replace('userid = "Zhang"', 'userid = "sun"').format(**house.values)
    found = {c.name: c for c in await doctor.run(configs.parse(text, house.folder / "c.toml"))}

    assert found["客户联系"].said == "sun 没有客户联系权限"


async def test_a_key_of_the_wrong_length_is_told_with_its_length(house):
    with pytest.raises(ConfigError, match="43 位"):
        server.keys(house.config(key="abc"))
    assert "现在是 3 位" in (await house.checks(key="abc"))["身份"].said


async def test_a_running_program_with_another_key_is_found_out(house):
    check = (await house.checks(key=AES_KEY[::-1]))["回调"]

    assert check.state == "bad"
    assert "重启 salesbot serve" in check.cure


@pytest.mark.parametrize("corp", ["1000002", "tjabcdef0123456789", "ww短"])
async def test_a_corp_id_of_the_wrong_kind_is_told(house, corp):
    check = (await house.checks(corp=corp))["企业ID"]

    assert check.state == "warn"
    assert "企业ID" in check.cure


async def test_a_verification_file_that_cannot_be_read_from_outside_is_told(house):
    (house.folder / "verify" / "WW_verify_Zz9.txt").write_text("Zz9")
    kept = (house.folder / "verify" / "WW_verify_Zz9.txt").rename(house.folder / "gone")
    other = house.folder / "elsewhere"
    other.mkdir()
    kept.rename(other / "WW_verify_Zz9.txt")
    text = CONFIG.replace('verify_dir = "verify"', 'verify_dir = "elsewhere"')

    found = await doctor.run(configs.parse(text.format(**house.values), house.folder / "c.toml"))

    (check,) = [c for c in found if c.name == "域名"]
    assert check.state == "bad"
    assert "反向代理" in check.cure


async def test_a_folder_without_files_is_told(house):
    (house.folder / "verify" / NAME).unlink()

    assert (await house.checks())["域名"].state == "warn"


async def test_what_cannot_be_reached_is_told_without_its_address(house, unused_tcp_port):
    found = await house.checks(base=f"http://127.0.0.1:{unused_tcp_port}")

    assert found["接口"].state == "bad"
    assert "时钟" in found
    assert WORLD.app_secret not in json.dumps([doctor.row(c) for c in found.values()])


def test_an_address_that_the_platform_cannot_reach_is_told():
    for url, told in (("http://bot.example.com", True), ("https://127.0.0.1", True),
                      ("https://bot.example.com", False)):  # fmt: skip
        config = configs.Config(server=configs.Server(public_url=url))
        assert any(c.name == "公网地址" for c in probes.identity(config)) is told


async def test_it_takes_the_token_that_the_program_has_fetched(house):
    """Each fetch too many is one less for the day, and may void what `serve` works with."""
    path = house.config().database()
    Sqlite(path).migrate()

    for _ in range(3):
        await house.checks()

    assert house.pretend.api.calls["gettoken"] == 3  # one for each of the three secrets


async def test_a_damaged_store_is_no_shelf_and_still_told(house):
    path = house.config().database()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)

    found = await house.checks()

    assert found["存储"].state == "bad"
    assert found["接口"].state == "ok"
