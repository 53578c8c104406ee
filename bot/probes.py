"""What only the platform can tell of an installation: a call for each right that is needed."""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.clock import WallClock
from bot.config import Config
from bot.server import VERIFY_NAME, Keys
from bot.wecom import cipher
from bot.wecom.callback import OURSELVES
from bot.wecom.client import Client
from bot.wecom.envelope import Channel
from bot.wecom.errors import WeComError
from handlers import menu

NO_MENU, NOT_ALLOWED_IP, WRONG_AGENT = 46003, 60020, 40056
_FROM_IP = re.compile(r"from ip: ([0-9a-fA-F.:]+)")
_CORP_ID = re.compile(r"w[wx][0-9A-Za-z]{14,30}")
LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "::1")


@dataclass(frozen=True, slots=True)
class Check:
    """`state` is ok, warn, bad or off."""

    name: str
    state: str
    said: str
    cure: str = ""


def refused(name: str, error: WeComError) -> Check:
    """The platform's no in a sentence, with what to do about it."""
    if error.code == NOT_ALLOWED_IP:
        seen = _FROM_IP.search(error.message)
        ip = seen[1] if seen else "报错里的 from ip"
        return Check(name, "bad", f"60020 企业微信看到的地址 {ip} 不在可信 IP 里",
                     f"在应用的“企业可信IP”里加上 {ip}，约一分钟后生效")  # fmt: skip
    if error.code == WRONG_AGENT:
        return Check(name, "bad", "40056 没有这个 AgentId", "核对 wecom.app.agent_id 和 secret")
    words = error.message.partition(", hint")[0]
    return Check(name, "bad", f"{error.code} {words}",
                 error.cure or "稍后再试，或对照企业微信错误码")  # fmt: skip


Ask = Callable[[Client, Keys, Config], Awaitable[Check]]


async def ask(client: Client, ids: Keys, config: Config) -> list[Check]:
    """One after the other; without a token for its secret a surface is not asked further."""
    found = [await _tried("接口", _token, client, ids, config)]
    if found[0].state == "bad":
        return found
    found.append(await _tried("应用", _app, client, ids, config))
    if config.wecom.contact is not None:
        found.append(await _tried("客户联系", _contact, client, ids, config))
    if config.wecom.kf is not None:
        found.append(await _tried("微信客服", _kf, client, ids, config))
    return found


async def _tried(name: str, probe: Ask, client: Client, ids: Keys, config: Config) -> Check:
    try:
        return await probe(client, ids, config)
    except WeComError as error:
        return refused(name, error)


async def _token(client: Client, ids: Keys, config: Config) -> Check:
    await client.token(ids.secret)
    await client.call(ids.secret, "GET", "getcallbackip")  # the first call that minds the address
    return Check("接口", "ok", "gettoken 成功，服务器地址在可信 IP 里")


async def _app(client: Client, ids: Keys, config: Config) -> Check:
    agent = {"agentid": str(ids.agent_id)}
    try:
        told: Mapping[str, Any] = await client.call(ids.secret, "GET", "menu/get", params=agent)
    except WeComError as error:
        if error.code != NO_MENU:
            raise
        told = {}
    if menu.same(told):
        return Check("应用", "ok", f"AgentId {ids.agent_id} 和 secret 配套，菜单一致")
    return Check(
        "应用", "warn", "聊天窗口底部没有菜单，或和程序的不一致", "运行 salesbot menu push"
    )


async def _contact(client: Client, ids: Keys, config: Config) -> Check:
    path = "externalcontact/get_follow_user_list"
    told = await client.call(ids.contact_secret, "GET", path)
    allowed = {str(userid).lower() for userid in told.get("follow_user") or ()}
    missing = [a.userid for a in config.settings.advisors if a.userid.lower() not in allowed]
    if missing:
        return Check("客户联系", "warn", f"{_some(missing)} 没有客户联系权限",
                     "在“客户联系 > 权限配置”里加上，并确认在应用的可见范围内")  # fmt: skip
    return Check("客户联系", "ok", f"可以读{len(allowed)}位成员的客户")


async def _kf(client: Client, ids: Keys, config: Config) -> Check:
    body = {"offset": 0, "limit": 100}
    told = await client.call(ids.kf_secret or ids.secret, "POST", "kf/account/list", json=body)
    accounts = told.get("account_list") or []
    if not accounts:
        return Check("微信客服", "warn", "没有一个客服帐号归这个应用管",
                     "在“微信客服 > 可调用接口的应用”里选上应用和客服帐号")  # fmt: skip
    return Check("微信客服", "ok", f"可以接{len(accounts)}个客服帐号")


def _some(names: list[str]) -> str:
    return "、".join(names[:5]) + (f" 等{len(names)}人" if len(names) > 5 else "")


def identity(config: Config) -> Iterator[Check]:
    """What can be seen without asking anybody."""
    corp, url = config.wecom.corp_id, config.server.public_url
    if corp and not _CORP_ID.fullmatch(corp):
        yield Check("企业ID", "warn", f"{corp} 不像企业ID（ww 开头的一串字母数字）",
                    "用“我的企业 > 企业信息”里的企业ID，不是服务商的 SuiteID")  # fmt: skip
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname in LOCAL:
        yield Check("公网地址", "warn", f"{url} 企业微信访问不到，或不是 https",
                    "server.public_url 填对外的 https 地址，前面放反向代理")  # fmt: skip


async def callbacks(
    base: str, channels: Iterable[Channel], http: aiohttp.ClientSession
) -> list[Check]:
    """Every address, checked the way WeCom does: signed and encrypted, the echo in plain."""
    return [await _callback(base, channel, http) for channel in channels]


async def _callback(base: str, channel: Channel, http: aiohttp.ClientSession) -> Check:
    name = "回调" if channel.name == "app" else f"回调 {channel.name}"
    address, word = f"{base}/callback/{channel.name}", secrets.token_hex(8)
    ourselves = {"User-Agent": OURSELVES}
    async with http.get(
        address, params=_signed(channel, word), headers=ourselves, allow_redirects=False
    ) as answer:
        said = (await answer.content.read(4096)).decode(errors="replace")
    if answer.status == 200 and said == word:
        return Check(name, "ok", f"{address} 验证通过")
    return Check(name, "bad", f"{address} 答 {answer.status}", _why(answer.status))


def _why(status: int) -> str:
    if status == 404:
        return "这个通道没有开，或反向代理改了路径；改过 config.toml 要重启 salesbot serve"
    if 400 <= status < 500:
        return "运行中的程序用的是别的 Token、EncodingAESKey 或企业ID：重启 salesbot serve 再试"
    return "先运行 salesbot serve；有反向代理时确认它把路径和参数原样转过来"


def _signed(channel: Channel, word: str) -> dict[str, str]:
    echo = cipher.encrypt(channel, word, secrets.token_bytes(16))
    stamp, nonce = str(int(WallClock().now().timestamp())), secrets.token_hex(8)
    signature = cipher.sign(channel.token, stamp, nonce, echo)
    return {"msg_signature": signature, "timestamp": stamp, "nonce": nonce, "echostr": echo}


async def domain(config: Config, http: aiohttp.ClientSession) -> list[Check]:
    """The files that prove whose domain it is, read from outside."""
    if not config.server.verify_dir:
        return []
    folder = config.path(config.server.verify_dir)
    files = sorted(folder.glob(f"{VERIFY_NAME}*.txt"))
    if not files:
        return [Check("域名", "warn", f"{folder} 里没有 {VERIFY_NAME}*.txt",
                      "从“网页授权及JS-SDK > 可信域名”下载校验文件放进去")]  # fmt: skip
    if not config.server.public_url:
        return [Check("域名", "warn", "没有填 server.public_url，校验文件取不到", "填对外的地址")]
    base = config.server.public_url.rstrip("/")
    return [await _file(f"{base}/{f.name}", f.read_bytes(), http) for f in files]


async def _file(address: str, wanted: bytes, http: aiohttp.ClientSession) -> Check:
    async with http.get(address, allow_redirects=False) as answer:
        said = await answer.content.read(4096)
    if answer.status == 200 and said.strip() == wanted.strip():
        return Check("域名", "ok", f"{address} 取得到")
    return Check("域名", "bad", f"{address} 答 {answer.status}，或内容不对",
                 "让反向代理把根目录下的 WW_verify_*.txt 也转给 salesbot")  # fmt: skip
