"""Everything a first installation gets wrong, each in one sentence with its cure."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

import aiohttp

from bot import library, pictures, probes, server, stores
from bot.archive import keys as archive_keys
from bot.archive.process import Broken, Process
from bot.archive.puller import Setup
from bot.clock import WallClock
from bot.config import Config, ConfigError
from bot.probes import Check
from bot.wecom.client import Client
from handlers import charts
from nlp import calendar
from storage import archive as archived
from storage import audit
from storage.db import StorageError

MARKS = {"ok": "✓", "warn": "!", "bad": "✗", "off": "-"}
ARCHIVE_S = 20.0
TIMEOUT = aiohttp.ClientTimeout(total=5)


def row(check: Check) -> dict[str, str]:
    return {"mark": MARKS[check.state], "name": check.name, "state": check.state,
            "said": check.said, "cure": check.cure}  # fmt: skip


async def run(config: Config) -> list[Check]:
    found = [_keys(config), _storage(config), _lexicon(config), _font(), _people(config)]
    found.append(holidays(config, WallClock().now()))
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        found += await _archive(config)
        asked = await asyncio.gather(
            _guarded("接口", _api, config, session), _guarded("回调", _callback, config, session),
            _guarded("时钟", _clock, config, session),
            _guarded("域名", probes.domain, config, session),
        )  # fmt: skip
    return [*found, *probes.identity(config), *(check for part in asked for check in part)]


def _keys(config: Config) -> Check:
    try:
        ids = server.keys(config)
    except ConfigError as exc:
        cure = "运行 salesbot connect 照着做，或按 README 的接入清单补齐 config.toml"
        return Check("身份", "bad", str(exc), cure)
    on = "、".join(ids.channels)
    return Check("身份", "ok", f"{config.wecom.corp_id}，已开的通道：{on}")


def _storage(config: Config) -> Check:
    name = "存储"
    try:
        name = stores.name(config)
        if not stores.there(config):
            return Check("存储", "warn", f"还没有 {name}", "运行 salesbot migrate 建库")
        store = stores.opened(config)
        pending = store.pending()
        wrong = store.wrong()
        touched = audit.broken(store) if not wrong and not pending else None
        store.close()
    except (StorageError, ConfigError, sqlite3.DatabaseError) as exc:
        return Check("存储", "bad", str(exc), "检查 storage.url，或用 salesbot restore 恢复备份")
    if wrong:
        return Check("存储", "bad", *wrong)
    if pending:
        return Check("存储", "warn", f"缺 {len(pending)} 步升级", "运行 salesbot migrate")
    if touched is not None:
        return Check("存储", "bad", f"谁看过客户的记录从第 {touched} 条起被改动过",
                     "查谁动过数据库文件；较早的备份里有改动前的记录")  # fmt: skip
    return Check("存储", "ok", f"{name} 完好")


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


def holidays(config: Config, now: datetime) -> Check:
    """Where stores keep public holidays, those of the year must be known; they come in November."""
    if config.settings.followups.holidays == "work":
        return Check("日历", "ok", "节假日照常提醒")
    year = (now + timedelta(days=30)).year
    if calendar.published(year):
        return Check("日历", "ok", f"{year} 年的节假日已知")
    return Check("日历", "warn", f"{year} 年的节假日还不知道，只按每周休息日提醒",
                 "升级依赖 chinesecalendar")  # fmt: skip


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


async def _archive(config: Config) -> list[Check]:
    """The chat archive, where it is switched on: its keys, then its library in its own process."""
    name = "会话存档"
    if config.wecom.archive is None:
        return []
    try:
        setup = server.archive(config)
    except ConfigError as exc:
        return [Check(name, "bad", str(exc), "见 docs/archive.md")]
    if setup is None:
        return [Check(name, "warn", "只收下通知，不读消息", "填 wecom.archive.sdk_path 和私钥")]
    if problems := archive_keys.wrong(setup.keys):
        return [Check(name, "bad", "；".join(problems), "重新导出 PKCS#8 的 PEM，检查路径和读权限")]
    return [await _library(name, setup), *_sealed(config)]


def _sealed(config: Config) -> list[Check]:
    """Messages that wait for a key; none is no news."""
    if not stores.there(config):
        return []
    store = stores.opened(config)
    try:
        shut = [] if store.pending() else archived.shut(store)
    finally:
        store.close()
    waiting = {row["version"]: row["n"] for row in shut if row["why"] == archived.NO_KEY}
    said = "、".join(f"第 {version} 版 {n} 条" for version, n in waiting.items())
    cure = "把这些版本的私钥加进 wecom.archive.private_keys，重启 serve 就会补读"
    return [Check("封存消息", "warn", f"缺私钥：{said}", cure)] if waiting else []


async def _library(name: str, setup: Setup) -> Check:
    process = Process(ARCHIVE_S)
    try:
        await process.ask("start", path=setup.path, corp_id=setup.corp_id, secret=setup.secret,
                          keys={})  # fmt: skip
    except Broken as exc:
        return Check(name, "bad", str(exc), exc.cure or "换一个版本的 SDK 再试")
    finally:
        await process.stop()
    versions = "、".join(str(version) for version in sorted(setup.keys))
    return Check(name, "ok", f"SDK 装得上，私钥有第 {versions} 版")


Probe = Callable[[Config, aiohttp.ClientSession], Awaitable[list[Check]]]


async def _guarded(
    name: str, probe: Probe, config: Config, session: aiohttp.ClientSession
) -> list[Check]:
    try:
        return await probe(config, session)
    except ConfigError as exc:
        return [Check(name, "off", "没有身份，跳过", str(exc))]
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        # an address may hold a token, so only the kind of failure is told
        return [Check(name, "bad", f"连不上（{type(exc).__name__}）", "检查网络、防火墙和地址")]


async def _api(config: Config, session: aiohttp.ClientSession) -> list[Check]:
    ids = server.keys(config)
    async with server.shelf(config) as shelf:
        client = Client(session, config.wecom.api_base, ids.corp_id, WallClock().now, shelf)
        return await probes.ask(client, ids, config)


async def _callback(config: Config, session: aiohttp.ClientSession) -> list[Check]:
    """Our own addresses, from outside where it is known how they are reached there."""
    base = config.server.public_url or f"http://{config.server.host}:{config.server.port}"
    return await probes.callbacks(base.rstrip("/"), server.keys(config).channels.values(), session)


async def _clock(config: Config, session: aiohttp.ClientSession) -> list[Check]:
    """Compare with the date that WeCom's servers put on their answers."""
    async with session.get(config.wecom.api_base, allow_redirects=False) as answer:
        date = answer.headers.get("Date")
    if not date:
        return [Check("时钟", "warn", "对方没有给时间，无法对表")]
    off = abs(WallClock().now() - parsedate_to_datetime(date))
    if off > timedelta(minutes=5):
        return [Check("时钟", "bad", f"本机时间差了{off}", "打开时间同步（NTP）")]
    return [Check("时钟", "ok", "与对方相差不到5分钟")]
