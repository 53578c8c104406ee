"""活动: made from a template by a few taps, checked against the law, and weighed afterwards."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from handlers import draws, h5_links, together, undo
from handlers.analytics import campaigns
from handlers.analytics.scope import Scope
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.tables import Cell, Table
from handlers.values import Action, Inbound, Send
from handlers.words import exactly
from nlp import mask, toml
from storage import activities
from storage import together as goals
from storage.activities import Activity
from storage.db import Row
from storage.dialogs import Dialog

SHIPPED = Path(__file__).parent / "data" / "activities"
PICK, WHERE, SURE = "activity", "activity_in", "activity_ok"
END = time(21, 0)
AFTER = ("线索", "加微", "到店", "下订")
FIELDS = {"name", "days", "goal", "target", "games", "budget", "prizes", "rules", "steps"}
NEW = r"^活动\s*新建(?:\s+(?P<template>\S{1,20}))?(?:\s+(?P<group>\S{1,30}))?$"
LIST = r"^活动(?:列表)?$"
SPENT = (
    r"^活动花费(?:\s+(?P<name>[^\s\d]\S{0,29}))?\s+(?P<yuan>\d{1,7})\s*(?:元|块)?"
    r"(?:\s+(?P<what>\S.{0,40}))?$"
)
SPENDING = r"^活动花费(?:\s.*)?$"
HOW = "写法：活动花费 答题周 300元 气球和横幅。活动名或群名都行，只有一场的可以不写。"
REPORT = r"^活动\s*(?:效果|对比)$"


class Unfit(ValueError):
    """An activity that may not be held as it is; the message says why and what would do."""


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    days: int
    goal: str
    target: int
    games: tuple[str, ...]
    budget: int
    prizes: tuple[str, ...]
    rules: str
    steps: tuple[str, ...]


# Templates


@cache
def templates(folder: str = "") -> Mapping[str, Template]:
    """Those of the product, and the company's own beside or instead of them."""
    files = [*sorted(SHIPPED.glob("*.toml")), *(sorted(Path(folder).glob("*.toml")) if folder
                                                else ())]  # fmt: skip
    found = (read(path) for path in files)
    return {one.name: one for one in found}


def read(path: Path) -> Template:
    try:
        given = toml.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise Unfit(f"活动模板 {path.name} 读不了：{wrong}") from wrong
    if missing := FIELDS - given.keys():
        raise Unfit(f"活动模板 {path.name} 少了 {'、'.join(sorted(missing))}")
    if given["goal"] not in together.UNITS or not 1 <= int(given["days"]) <= 90:
        goals_ = "、".join(together.UNITS)
        raise Unfit(f"活动模板 {path.name}：goal 是 {goals_} 之一，days 是 1 到 90")
    listed = {name: tuple(given[name]) for name in ("games", "prizes", "steps")}
    return Template(**{**{name: given[name] for name in FIELDS}, **listed})


def known(ctx: Ctx) -> Mapping[str, Template]:
    return templates(ctx.settings.activities.templates)


# Making one


def new(template: Template, room: Row, by: str, ctx: Ctx) -> Activity:
    """Checked first: what may be won, what it costs; then the row and its common goal."""
    begins = ctx.now
    ends = ctx.on(ctx.today + timedelta(days=template.days), END)
    given = fit(template, ends, ctx)
    goal = goals.Goal(ctx.new_id(), room["chat_id"], f"{template.name}：{template.goal}"
                      f"{template.target}{together.UNITS[template.goal]}", template.goal,
                      template.target, {"draw": given}, goals.OPEN, by, begins, ends)  # fmt: skip
    goals.begin(ctx.db, goal)
    body = {"rules": template.rules, "steps": list(template.steps), "prizes": given,
            "games": list(template.games), "goal": goal.id}  # fmt: skip
    found = Activity(ctx.new_id(), template.name, template.name, room["chat_id"], room["store"],
                     begins, ends, template.budget, body, by, ctx.now)  # fmt: skip
    activities.begin(ctx.db, found)
    return found


def fit(template: Template, ends: datetime, ctx: Ctx) -> list[dict[str, Any]]:
    """The prizes, where law and budget allow them."""
    most = ctx.settings.activities.budget
    if template.budget > most:
        raise Unfit(f"预算{template.budget}元超过了一场活动的上限{most}元")
    try:
        given = [draws.prize_of(one) for one in template.prizes]
        draws.lawful(given, ends, ctx)
    except draws.Unlawful as wrong:
        raise Unfit(str(wrong)) from wrong
    if (worth := cost(given)) > template.budget:
        raise Unfit(f"奖品一共{worth}元，超过了预算{template.budget}元")
    return given


def cost(given: list[dict[str, Any]]) -> int:
    return sum(int(prize["count"]) * int(prize["worth"]) for prize in given)


def announcement(found: Activity, ctx: Ctx) -> str:
    """For the group: what, until when, how, and what may be won under which conditions."""
    goal = goals.get(ctx.db, str(found.body["goal"]))
    until = exactly(found.ends.astimezone(ctx.zone))
    lines = [f"🎪 {found.title}，到{until}", f"怎么玩：{found.body['rules']}"]
    if goal:
        lines += [f"目标：{together.progress(goal, ctx)}", f"达成后：{together.reward(goal)}"]
    return "\n".join([*lines, together.HOW[goal.counts] if goal else ""]).strip()


# In the chat, by taps


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """活动 新建: which template, which group, then one look before it begins."""
    try:
        known(ctx)
    except Unfit as wrong:
        yield Send(msg.sender, f"{wrong}。请管理员改好再建。")
        return
    rooms = h5_links.mine("", msg.sender, ctx)
    if not rooms:
        yield Send(msg.sender, "活动由群主、本店经理或社群运营来建，您现在没有这样的群。")
        return
    name = match["template"] or ""
    if name not in known(ctx):
        options = tuple((one, one) for one in list(known(ctx))[:6])
        yield ask(msg.sender, Choice(PICK, "新建活动", "用哪个模板？", options,
                                     {"group": match["group"] or ""}), ctx)  # fmt: skip
        return
    yield from _where(name, match["group"] or "", msg.sender, ctx)


def picked(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    yield from _where(answer, dialog.body["group"], dialog.member, ctx)


def _where(template: str, group: str, member: str, ctx: Ctx) -> Iterator[Action]:
    rooms = h5_links.mine(group, member, ctx)
    if not rooms:
        yield Send(member, f"没有叫“{group}”的、由您管的群。")
    elif len(rooms) == 1:
        yield from _preview(template, rooms[0], member, ctx)
    else:
        options = tuple((str(room["name"]), str(room["chat_id"])) for room in rooms[:6])
        yield ask(member, Choice(WHERE, f"新建活动：{template}", "在哪个群？", options,
                                 {"template": template}), ctx)  # fmt: skip


def placed(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    room = _mine(answer, dialog.member, ctx)
    if room:
        yield from _preview(dialog.body["template"], room, dialog.member, ctx)


def _mine(chat: str, member: str, ctx: Ctx) -> Row | None:
    rooms = h5_links.mine("", member, ctx)
    return next((room for room in rooms if room["chat_id"] == chat), None)


def _preview(name: str, room: Row, member: str, ctx: Ctx) -> Iterator[Action]:
    template = known(ctx)[name]
    try:
        given = fit(template, ctx.on(ctx.today + timedelta(days=template.days), END), ctx)
    except Unfit as wrong:
        yield Send(member, f"{wrong}。请改模板后再建。")
        return
    kinds = "、".join(f"{p['name']}{p['count']}份（价值{p['worth']}元）" for p in given)
    text = (f"{room['name']}，{template.days}天，目标{template.goal}{template.target}"
            f"{together.UNITS[template.goal]}，奖品{kinds}，预算{template.budget}元。"
            f"{template.rules}")  # fmt: skip
    yield ask(member, Choice(SURE, f"新建活动：{name}", text, (("开始", "yes"), ("先不开", "no")),
                             {"template": name, "chat": str(room["chat_id"])}), ctx)  # fmt: skip


def decided(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    room = _mine(dialog.body["chat"], dialog.member, ctx)
    if answer != "yes" or room is None:
        yield Send(dialog.member, "好，这个活动没有开。")
        return
    if any(one.template == dialog.body["template"]
           for one in activities.running(ctx.db, room["chat_id"], ctx.now)):  # fmt: skip
        yield Send(dialog.member, f"{room['name']}正开着一场{dialog.body['template']}。")
        return
    found = new(known(ctx)[dialog.body["template"]], room, dialog.member, ctx)
    steps = "\n".join(f"{n}. {step}" for n, step in enumerate(found.body["steps"], 1))
    yield Send(dialog.member, f"{found.title}开始了。怎么办：\n{steps}\n下面的话可以贴到群里：")
    yield Send(dialog.member, announcement(found, ctx))


def spent(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """活动花费: one sum of an activity that is under way or was lately."""
    found = _lately(match["name"] or "", msg.sender, ctx)
    yuan, what = int(match["yuan"]), mask.phones(match["what"] or "没写")
    if len(found) != 1:
        yield Send(msg.sender, _which(found))
        return
    if not yuan:
        yield Send(msg.sender, f"花费至少1元。{HOW}")
        return
    one, cost_id = found[0], ctx.new_id()
    activities.spend(ctx.db, cost_id=cost_id, activity=one.id, what=what, yuan=yuan,
                     by=msg.sender, now=ctx.now)  # fmt: skip
    undo.remember_cost(ctx, msg.sender, f"{one.title}的花费{yuan}元（{what}）", cost_id)
    total = campaigns.cost(one, ctx)
    over = f"，超出预算{total - one.budget}元" if total > one.budget else ""
    yield Send(msg.sender, f"记下了：{one.title}花了{yuan}元（{what}），一共{total}元，"
                           f"预算{one.budget}元{over}。记错了回复 撤销。")  # fmt: skip


def _lately(name: str, member: str, ctx: Ctx) -> list[Activity]:
    since = ctx.now - timedelta(days=ctx.settings.activities.after_days)
    rooms = h5_links.mine("", member, ctx)
    return [one for room in rooms for one in activities.recent(ctx.db, room["chat_id"], since)
            if name in one.title or name in room["name"]]  # fmt: skip


def _which(found: list[Activity]) -> str:
    if not found:
        return f"没有这样的、由您管的活动，或已经结束很久了。{HOW}"
    names = "、".join(dict.fromkeys(one.title for one in found))
    return f"有{len(found)}场，写上活动名或群名：{names}。{HOW}"


def spending(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Send(msg.sender, HOW)


def listing(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """活动: what is under way in one's groups."""
    rooms = h5_links.mine("", msg.sender, ctx)
    found = [(room, one) for room in rooms
             for one in activities.running(ctx.db, room["chat_id"], ctx.now)]  # fmt: skip
    lines = [f"· {room['name']}｜{one.title}，到{exactly(one.ends.astimezone(ctx.zone))}"
             for room, one in found]  # fmt: skip
    tail = "开一个：活动 新建；看效果：活动 效果。"
    yield Send(msg.sender, "\n".join([*(lines or ["现在没有进行中的活动。"]), tail]))


def told(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """活动 效果: side by side, of one's stores."""
    manager, advisor = ctx.team.manager(msg.sender), ctx.team.advisor(msg.sender)
    runs = ctx.team.colleague(msg.sender, h5_links.RUNS)
    stores = manager.stores if manager else (advisor.store,) if advisor else \
        runs.stores if runs else ()  # fmt: skip
    table = campaigns.compared(Scope(stores, ctx.now - timedelta(days=90), ctx.now), ctx)
    lines = [_line(table, row) for row in table.rows[:6]]
    yield Send(msg.sender, "\n".join([*(lines or ["近90天没有活动。"]), table.note]))


def _line(table: Table, row: tuple[Cell, ...]) -> str:
    parts = [f"{column.title}{cell}" for column, cell in zip(table.columns[3:], row[3:],
             strict=True) if cell is not None and column.kind in ("count", "money")]  # fmt: skip
    return f"{row[1]}｜{row[2]}：{'，'.join(parts)}"
