"""Everything a first installation gets wrong, each in one sentence with its cure."""

import asyncio
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

import aiohttp

from bot import library, pictures, server
from bot.clock import WallClock
from bot.config import Config, ConfigError
from bot.wecom import cipher
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers import charts
from storage.db import StorageError
from storage.sqlite import Sqlite

MARKS = {"ok": "✓", "warn": "!", "bad": "✗", "off": "-"}
TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class Check:
    """`state` is ok, warn, bad or off."""

    name: str
    state: str
    said: str
    cure: str = ""

    def row(self) -> dict[str, str]:
        return {"mark": MARKS[self.state], "name": self.name, "state": self.state,
                "said": self.said, "cure": self.cure}  # fmt: skip


async def run(config: Config) -> list[Check]:
    found = [_keys(config), _storage(config), _lexicon(config), _font(), _people(config)]
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        found += await asyncio.gather(
            _guarded("接口", _api, config, session), _guarded("回调", _callback, config, session),
            _guarded("时钟", _clock, config, session),
        )  # fmt: skip
    return found


def _keys(config: Config) -> Check:
    try:
        ids = server.keys(config)
    except ConfigError as exc:
        return Check("身份", "bad", str(exc), "按 README 的接入清单补齐 config.toml")
    on = "、".join(ids.channels)
    return Check("身份", "ok", f"{config.wecom.corp_id}，已开的通道：{on}")


def _storage(config: Config) -> Check:
    try:
        path = config.database()
        if not path.exists():
            return Check("存储", "warn", f"还没有 {path.name}", "运行 salesbot migrate 建库")
        store = Sqlite(path)
        pending = store.pending()
        sound = store.rows("pragma quick_check")[0]["quick_check"] == "ok"
        store.close()
    except (StorageError, ConfigError, sqlite3.DatabaseError) as exc:
        return Check("存储", "bad", str(exc), "检查 storage.url，或用 salesbot restore 恢复备份")
    if not sound:
        return Check("存储", "bad", "数据库文件损坏", "用 salesbot restore 恢复最近的备份")
    if pending:
        return Check("存储", "warn", f"缺 {len(pending)} 步升级", "运行 salesbot migrate")
    return Check("存储", "ok", f"{path.name} 完好")


def _lexicon(config: Config) -> Check:
    try:
        found = library.lexicon(config).read("续航怎么样", at=WallClock().now())
    except Exception as exc:  # whatever is wrong with the files is what the operator must read
        return Check("词库", "bad", str(exc), "改好词库文件，或清空 nlp.lexicon 用自带的")
    return Check(
        "词库", "ok" if found.concerns else "bad", f"“续航怎么样”→{len(found.concerns)}个关注点"
    )


def _font() -> Check:
    """中文 must leave marks on the picture, and each character its own."""
    sizes = [len(pictures.png(charts.bars(word, "", []))) for word in ("", "漏斗", "逾期漏斗")]
    if all(later > earlier for earlier, later in pairwise(sizes)):
        return Check("字体", "ok", "图片里的中文能显示")
    return Check("字体", "bad", "图片里的中文是空白", "重新安装依赖 noto-cjk-sans-otc")


def _people(config: Config) -> Check:
    s = config.settings
    if not (s.stores and s.advisors and s.managers):
        missing = [n for n in ("stores", "advisors", "managers") if not getattr(s, n)]
        return Check("人员", "warn", f"没有填 {'、'.join(missing)}",
                     "在 config.toml 里加 [[stores]]、[[advisors]]、[[managers]]")  # fmt: skip
    stores = {store.id for store in s.stores}
    wrong = [a.userid for a in s.advisors if a.store not in stores]
    wrong += [m.userid for m in s.managers if set(m.stores) - stores]
    if wrong:
        return Check(
            "人员", "bad", f"{'、'.join(wrong)} 的门店不存在", f"门店编号有：{'、'.join(stores)}"
        )
    return Check(
        "人员", "ok", f"{len(s.stores)}家店，{len(s.advisors)}位顾问，{len(s.managers)}位经理"
    )


Probe = Callable[[Config, aiohttp.ClientSession], Awaitable[Check]]


async def _guarded(
    name: str, probe: Probe, config: Config, session: aiohttp.ClientSession
) -> Check:
    try:
        return await probe(config, session)
    except ConfigError as exc:
        return Check(name, "off", "没有身份，跳过", str(exc))
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        # an address may hold a token, so only the kind of failure is told
        return Check(name, "bad", f"连不上（{type(exc).__name__}）", "检查网络、防火墙和地址")


async def _api(config: Config, session: aiohttp.ClientSession) -> Check:
    ids = server.keys(config)
    client = Client(session, config.wecom.api_base, ids.corp_id, WallClock().now)
    try:
        await client.token(ids.secret)
    except WeComError as exc:
        return Check("接口", "bad", str(exc), exc.cure or "稍后再试，或对照企业微信错误码")
    return Check("接口", "ok", "gettoken 成功")


async def _callback(config: Config, session: aiohttp.ClientSession) -> Check:
    """Check our own address the way WeCom does, signed and encrypted."""
    channel = server.keys(config).channels["app"]
    base = config.server.public_url or f"http://{config.server.host}:{config.server.port}"
    word = secrets.token_hex(8)
    echo = cipher.encrypt(channel, word, secrets.token_bytes(16))
    stamp, nonce = str(int(WallClock().now().timestamp())), secrets.token_hex(8)
    query = {"msg_signature": cipher.sign(channel.token, stamp, nonce, echo), "timestamp": stamp,
             "nonce": nonce, "echostr": echo}  # fmt: skip
    async with session.get(f"{base}/callback/app", params=query) as answer:
        said = await answer.text()
    if answer.status == 200 and said == word:
        return Check("回调", "ok", f"{base}/callback/app 验证通过")
    return Check("回调", "bad", f"{base}/callback/app 答 {answer.status}",
                 "先运行 salesbot serve；有反向代理时确认它把路径和参数原样转过来")  # fmt: skip


async def _clock(config: Config, session: aiohttp.ClientSession) -> Check:
    """Compare with the date that WeCom's servers put on their answers."""
    async with session.get(config.wecom.api_base) as answer:
        date = answer.headers.get("Date")
    if not date:
        return Check("时钟", "warn", "对方没有给时间，无法对表")
    off = abs(WallClock().now() - parsedate_to_datetime(date))
    if off > timedelta(minutes=5):
        return Check("时钟", "bad", f"本机时间差了{off}", "打开时间同步（NTP）")
    return Check("时钟", "ok", "与对方相差不到5分钟")
