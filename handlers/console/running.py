"""运行: what came in and went out, what is stuck, which rules fire, what the ledger refused.

For operators; nothing here names a customer, and no message is shown.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from handlers import stopping
from handlers.console.parts import Line, bars, count, moment, plain, section, text
from handlers.console.values import (
    Act,
    Button,
    Field,
    Form,
    Missing,
    Page,
    Panel,
    Piece,
    Section,
    Stat,
    View,
    Way,
)
from handlers.context import Ctx
from handlers.library import Refused
from handlers.surfaces import NAMES
from handlers.tables import Table
from handlers.values import Action
from handlers.words import ago
from nlp import mask
from storage import audit, console, inbox, rules, stops, surfaces
from storage.db import Row, at

STATES = {
    ("in", "new"): "待处理", ("in", "done"): "已处理", ("in", "failed"): "失败",
    ("out", "waiting"): "待发", ("out", "sent"): "已发", ("out", "dead"): "没发出去",
    ("out", "unknown"): "不知道发没发", ("out", "shadow"): "影子（没发）",
}  # fmt: skip
OLD_BACKUP = timedelta(days=7)
WAYS = {"in": "收件箱", "out": "发件箱"}


def operations(view: View, ctx: Ctx) -> Page:
    found = console.states(ctx.db)
    return Page(
        "运行", stats=(*_stats(found), _backup(ctx), _audit(ctx)),
        forms=tuple(_forms(ctx)), panels=tuple(_panels(view, ctx)),
        sections=(_dead(view, ctx), _states(found, view), _surfaces(view, ctx),
                  _refusals(view, ctx), _rules(view, ctx)),
    )  # fmt: skip


def _stats(found: list[Row]) -> Iterator[Stat]:
    of = {(row["way"], row["state"]): int(row["n"]) for row in found}
    failed = of.get(("in", "failed"), 0)
    dead = of.get(("out", "dead"), 0) + of.get(("out", "unknown"), 0)
    yield Stat("待处理", str(of.get(("in", "new"), 0)), "收到、还没处理的消息")
    yield Stat("处理失败", str(failed), "可以重发", warn=failed > 0)
    yield Stat("待发", str(of.get(("out", "waiting"), 0)), "要发出去的")
    yield Stat("没发出去", str(dead), "可以重发", warn=dead > 0)


def _states(found: list[Row], view: View) -> Section:
    rows = tuple((WAYS[row["way"]], STATES.get((row["way"], row["state"]), row["state"]), row["n"])
                 for row in found)  # fmt: skip
    return plain(Table("states", "收件箱和发件箱", (text("way", "哪一边"), text("state", "状态"),
                 count("n", "条数")), rows, "收件箱保留的天数是 privacy.inbox_days。"),
                 view)  # fmt: skip


def _dead(view: View, ctx: Ctx) -> Section:
    table = Table("dead", "没处理成、没发出去的", (
        text("way", "哪一边"), text("what", "什么"), moment("at", "时间"), text("error", "原因")),
        (), "重发会再处理、再发一次；“不知道发没发”的不能重发，请人工核对。")  # fmt: skip
    lines = [*(_failed(row) for row in inbox.dead(ctx.db)),
             *(_given_up(row) for row in console.stuck(ctx.db))]  # fmt: skip
    return section(table, lines, view)


def _failed(row: dict[str, str]) -> Line:
    what = NAMES.get(row["channel"], row["channel"])
    return Line(("收件箱", what, row["received_at"], mask.phones(row["error"] or "")),
                act=Act("inbox", row["id"], "重发"))  # fmt: skip


def _given_up(row: Row) -> Line:
    """One of unknown fate has no button: it may have arrived."""
    error = str(row["error"] or "")
    act = Act("outbox", row["id"], "重发") if row["state"] == "dead" else None
    return Line(("发件箱", row["kind"], row["created_at"], mask.phones(error)), act=act)


def replay(what: str, key: str, ctx: Ctx) -> bool:
    """Put one back in line; False where there is no such thing any more."""
    if what == "inbox":
        return inbox.retry(ctx.db, key)
    return what == "outbox" and console.revive(ctx.db, key, ctx.now)


def _surfaces(view: View, ctx: Ctx) -> Section:
    errors, checked = surfaces.errors(ctx.db), surfaces.checked(ctx.db)
    ways = view.lent.ways or tuple(Way(c, NAMES[c], True, "") for c in surfaces.CHANNELS)
    stopped = {one.way: one for one in stops.on(ctx.db)}
    rows = []
    for way in ways:
        seen, check = surfaces.seen(ctx.db, way.name), checked.get(way.name)
        held = stopped.keys() & {way.name, stops.ALL}
        state = "关" if not way.on else "急停中" if held else "开"
        waits = "" if seen or check or not way.on else "开着，还没有消息"
        rows.append((way.title, state, way.said or waits or None, _text(check),
                     _text(seen.last if seen else None),
                     mask.phones(errors.get(way.name, ""))))  # fmt: skip
    return plain(Table("surfaces", "各通道", (
        text("name", "通道"), text("state", "状态"), text("why", "说明"),
        moment("check", "校验通过"), moment("last", "最后一条"), text("error", "最近的问题")),
        tuple(rows), "通道的开关在 config.toml；自检用 salesbot doctor。"), view)  # fmt: skip


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


# 急停, backups, the audit


def _backup(ctx: Ctx) -> Stat:
    last = console.last_backup(ctx.db)
    if last is None:
        return Stat("备份", "没有记录", "用 salesbot backup", warn=True)
    made = at(last["at"])
    size = f"{last['bytes'] / 1e6:.1f} MB，核对过"
    return Stat("备份", ago(made, ctx.now), size, warn=ctx.now - made > OLD_BACKUP)


def _audit(ctx: Ctx) -> Stat:
    last = console.last_look(ctx.db)
    if last is None:
        return Stat("审计", "0条", "还没有人看过")
    return Stat("审计", f"{last['seq']}条", f"最近{ago(at(last['at']), ctx.now)}")


def _forms(ctx: Ctx) -> Iterator[Form]:
    ways = tuple((way, name) for way, name in stopping.NAMES.items())
    sure = (("", "请选"), ("yes", "确认急停"))
    yield Form("急停发送", "operations", (
        Field("way", "哪一面", stops.ALL, "choice", tuple(reversed(ways))),
        Field("why", "为什么", note="给接手的人看"),
        Field("sure", "确认", "", "choice", sure)), (Button("stop", "急停"),),
        note="收消息、打标签照常，要发的都排着。")  # fmt: skip
    if held := stops.on(ctx.db):
        options = tuple((one.way, stopping.NAMES[one.way]) for one in held)
        yield Form("恢复发送", "operations", (
            Field("way", "哪一面", held[0].way, "choice", options),), (Button("go", "恢复"),),
            note="等得太久的不再发。")  # fmt: skip
    yield Form("审计链", "operations", (), (Button("check", "从头核对一遍"),), asks=True)


def _panels(view: View, ctx: Ctx) -> Iterator[Panel]:
    if said := view.query.get("refused"):
        yield Panel("没有急停", ((Piece(said),),), "bad")
    for one in stops.on(ctx.db):
        when, who = ago(one.at, ctx.now), ctx.team.name(one.by_whom)
        yield Panel(f"{stopping.NAMES[one.way]}正在急停", ((
            Piece(f"{who} {when}停的：{one.why or '没有写原因'}"),),), "bad")  # fmt: skip
    if view.query.get("do") != "check":
        return
    broken = audit.broken(ctx.db)
    if broken is None:
        yield Panel("审计链完好", ((Piece("每一条都和前一条对得上。"),),), "ok")
    else:
        cure = "查谁动过数据库文件；较早的备份里有改动前的记录。"
        yield Panel(f"从第{broken}条起被改动过", ((Piece(cure),),), "bad")


def act(view: View, ctx: Ctx) -> tuple[str, tuple[Action, ...]]:
    """急停 and 恢复发送, as in the chat: the operators are told who did it."""
    way, by, why = view.query.get("way", ""), view.reader.member, view.query.get("why", "").strip()
    if way not in stopping.NAMES:
        raise Missing(way)
    if view.query.get("do") == "go":
        _kept(by, f"resume {way}", ctx)
        return "operations?done=resumed", tuple(stopping.go(way, ctx))
    if view.query.get("do") != "stop":
        raise Missing(way)
    if view.query.get("sure") != "yes" or not why:
        raise Refused("急停要写为什么，并选“确认急停”。")
    _kept(by, f"pause {way}", ctx)
    return "operations?done=stopped", tuple(stopping.stop(way, why[:100], by, ctx))


def _kept(by: str, what: str, ctx: Ctx) -> None:
    audit.note(ctx.db, who=by, what=f"console {what}", customer="", now=ctx.now)


def _refusals(view: View, ctx: Ctx) -> Section:
    rows = [(row["refused"], row["n"], row["last_at"])
            for row in console.refusals(ctx.db, view.since)]  # fmt: skip
    chart = bars("次数", rows, ("次数", 1)) if rows else None
    return plain(Table("refusals", f"为什么没有联系客户 · {view.words}", (
        text("why", "原因"), count("n", "次数"), moment("at", "最近一次")), tuple(rows)), view,
        chart)  # fmt: skip


def _rules(view: View, ctx: Ctx) -> Section:
    rows = tuple((row["rule"], row["hits"], row["last_at"]) for row in rules.hits(ctx.db))
    return plain(Table("rules", "规则命中", (text("rule", "规则"), count("hits", "命中"),
                 moment("at", "最近一次")), rows, "从没命中过的规则：salesbot rules list。"),
                 view)  # fmt: skip
