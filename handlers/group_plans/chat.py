"""社群计划 by chat: which there are, who would get what, on and off; 今天群里发什么 for owners."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType

from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.group_plans import days, preview, runs, wording
from handlers.group_plans import plan as language
from handlers.group_plans.plan import Plan
from handlers.group_plans.preview import Would
from handlers.group_plans.rooms import Filter, Room, Unclear, parse, scope, select
from handlers.group_plans.runs import AUTO
from handlers.h5_links import RUNS
from handlers.values import Action, Inbound, Send
from handlers.words import short, weekday
from storage import dialogs, groups
from storage import group_sop as rows
from storage.db import Row
from storage.dialogs import Dialog
from storage.group_sop import Run, Step

DO = "group_plan"
PATTERN = r"^(?:社群计划|群计划)(?:\s+(?P<verb>\S{1,4})(?:\s+(?P<rest>\S.{0,80}))?)?$"
TODAY = (
    r"^(?:今天)?(?:群里(?:要|该)?发点?(?:什么|啥)|群里?的?话题)"
    r"(?:\s+(?P<name>\S{1,30}))?[？?]?$"
)
NOT_YOURS = "社群计划由店长、社群运营和管理员来管。您是群主的话，回复 今天群里发什么。"
BUTTONS = (("开始", "go"), ("先不", "no"))
_DAY = re.compile(r"^(?:(?P<y>20\d\d)-)?(?P<m>\d{1,2})(?:月|-)(?P<d>\d{1,2})日?$")
USAGE = ("社群计划 预览 新人两周 潜客群 50人以上｜社群计划 推荐｜社群计划 开始 自动 北京｜"
         "社群计划 停 新人两周｜暂停、继续同样")  # fmt: skip


def words(msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """For an operator who is on no other list."""
    found = re.match(PATTERN, msg.text.strip())
    return command(found, msg, ctx) if found and scope(msg.sender, ctx) else None


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not scope(msg.sender, ctx):
        yield Send(msg.sender, NOT_YOURS)
        return
    verb = match["verb"]
    if not verb:
        yield Send(msg.sender, "\n".join(listing(msg.sender, ctx)))
        return
    if verb not in VERBS:
        yield Send(msg.sender, f"没有“{verb}”这个说法。可以说：{USAGE}")
        return
    try:
        yield from VERBS[verb]((match["rest"] or "").split(), msg.sender, ctx)
    except Unclear as wrong:
        yield Send(msg.sender, str(wrong))


# The list


def listing(member: str, ctx: Ctx) -> list[str]:
    counted: dict[str, dict[str, int]] = {}
    for row in rows.counts(ctx.db, scope(member, ctx)):
        counted.setdefault(row["plan"], {})[row["state"]] = row["n"]
    out = ["社群计划（一个群同时只走一个，优先级高的先）："]
    out += [_line(plan, counted.get(plan.name, {})) for plan in runs.plans(ctx)]
    folder = ctx.settings.group_sop.plans
    out += [f"⚠️ {one}" for one in (language.own(folder)[1] if folder else ())]
    return [*out, USAGE]


def _line(plan: Plan, counted: Mapping[str, int]) -> str:
    state = "、".join(f"{name}{counted[name]}个群" for name in (*rows.OPEN, rows.DONE, rows.STOPPED)
                     if counted.get(name))  # fmt: skip
    mark = "▶" if counted.get(rows.RUNNING) else "·"
    loop = "，循环" if plan.repeat else ""
    about = state or short(plan.say, 40)
    return f"{mark} {plan.name}（{plan.days}天{len(plan.nodes)}条{loop}）{about}"


# Words


def split(given: Sequence[str], ctx: Ctx) -> tuple[str, Filter, date]:
    """The plan, the filter, the first day; raises `Unclear`."""
    if not given:
        raise Unclear(f"要写是哪个计划，例如：{USAGE}")
    name, *more = given
    if name != AUTO and runs.plan_of(name, ctx) is None:
        known = "、".join(plan.name for plan in runs.plans(ctx))
        raise Unclear(f"没有叫“{name}”的计划。有：{known}；也可以写 {AUTO}。")
    found = [day for word in more if (day := _day(word, ctx))]
    kept = [word for word in more if _day(word, ctx) is None]
    return name, parse(kept, ctx), found[0] if found else usual(ctx)


def _day(word: str, ctx: Ctx) -> date | None:
    """10月1日, 2026-10-01, 明天; None for another word."""
    near = {"今天": 0, "明天": 1, "后天": 2}.get(word)
    if near is not None:
        return ctx.today + timedelta(days=near)
    found = _DAY.match(word)
    if found is None:
        return None
    try:
        day = date(int(found["y"] or ctx.today.year), int(found["m"]), int(found["d"]))
    except ValueError:
        raise Unclear(f"没有“{word}”这一天。") from None
    if day < ctx.today and not found["y"]:
        day = day.replace(year=day.year + 1)
    if not ctx.today <= day <= ctx.today + timedelta(days=366):
        raise Unclear(f"“{word}”要在今天以后的一年里。")
    return day


def usual(ctx: Ctx) -> date:
    """Tomorrow: everybody who is to post has the day before to look at it."""
    return ctx.today + timedelta(days=1)


def _show(given: Sequence[str], member: str, ctx: Ctx) -> Iterator[Action]:
    name, wanted, begins = split(given, ctx)
    found = preview.would(name, select(wanted, member, ctx), ctx)
    lines = preview.told(name, found, begins, ctx)
    how = f"开始：社群计划 开始 {' '.join(given)}"
    yield Send(member, "\n".join([_span(wanted, begins), *lines, how]))


def _span(wanted: Filter, begins: date) -> str:
    return f"范围：{wanted.words}；{begins.month}月{begins.day}日{weekday(begins)}开始"


def _recommend(given: Sequence[str], member: str, ctx: Ctx) -> Iterator[Action]:
    """What the coefficient with its four inputs chooses for each group."""
    yield from _show([AUTO, *given], member, ctx)


def _begin(given: Sequence[str], member: str, ctx: Ctx) -> Iterator[Action]:
    """Asked once more with the counts, since it may be about many groups."""
    name, wanted, begins = split(given, ctx)
    found = preview.would(name, select(wanted, member, ctx), ctx)
    if not any(one.plan for one in found):
        why = found[0].why if found else f"没有符合“{wanted.words}”的群"
        yield Send(member, f"没有群可以开始“{name}”：{why}。")
        return
    yield Send(member, "\n".join([_span(wanted, begins), *preview.told(name, found, begins, ctx)]))
    n = sum(1 for one in found if one.plan)
    choice = Choice(DO, f"给{n}个群开始“{name}”？", f"{_span(wanted, begins)}。每一条都先给群主，"
                    "点了才算发；随时可以停。", BUTTONS,
                    {"name": name, "words": " ".join(wanted.said), "begins": begins.isoformat()},
                    )  # fmt: skip
    yield ask(member, choice, ctx)


def decided(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """开始, 先不: the groups are looked for again, as they are now."""
    member, body = dialog.member, dialog.body
    dialogs.close(ctx.db, dialog.id)
    if value != "go":
        yield Send(member, "好，没有开始。")
        return
    begins = max(date.fromisoformat(body["begins"]), ctx.today)
    found = select(parse(body["words"].split(), ctx), member, ctx)
    started = begin(preview.would(body["name"], found, ctx), begins, member, ctx,
                    auto=body["name"] == AUTO)  # fmt: skip
    yield Send(member, told(body["name"], started, begins))


def begin(
    found: Sequence[Would], begins: date, member: str, ctx: Ctx, *, auto: bool = False
) -> list[Run]:
    made = [runs.start(one.plan, one.room, begins, member, ctx, auto=auto)
            for one in found if one.plan]  # fmt: skip
    return [run for run in made if run]


def told(name: str, started: Sequence[Run], begins: date) -> str:
    waiting = sum(run.state == rows.WAITING for run in started)
    more = f"，其中{waiting}个先排队" if waiting else ""
    return (f"已为{len(started)}个群安排“{name}”，{begins.month}月{begins.day}日开始{more}。"
            f"看日历：看板 → 社群日历；停下来：社群计划 停 {name}")  # fmt: skip


# Off, paused, on again


def changed(verb: str, name: str, wanted: Filter, member: str, ctx: Ctx) -> int:
    """Stop, pause or resume in the groups that the filter lets through; returns how many."""
    chats = {room.id for room in select(wanted, member, ctx)}
    who = ctx.team.name(member)
    n = 0
    for run in _runs(name, chats, ctx):
        if verb == "继续" and run.state == rows.PAUSED:
            runs.resume(run, ctx)
        elif verb == "暂停" and run.state in (rows.RUNNING, rows.WAITING, rows.AHEAD):
            runs.pause(run, f"{who}暂停", ctx)
        elif verb not in ("继续", "暂停"):
            runs.end(run, rows.STOPPED, f"{who}停了计划", ctx)
        else:
            continue
        n += 1
    return n


def _runs(name: str, chats: set[str], ctx: Ctx) -> list[Run]:
    if name == AUTO:
        return [run for chat in sorted(chats) for run in rows.open_of(ctx.db, chat) if run.auto]
    return [run for run in rows.on_plan(ctx.db, name) if run.chat_id in chats]


def _change(verb: str) -> Callable[[Sequence[str], str, Ctx], Iterator[Action]]:
    def act(given: Sequence[str], member: str, ctx: Ctx) -> Iterator[Action]:
        name, wanted, _ = split(given, ctx)
        n = changed(verb, name, wanted, member, ctx)
        did = {"停": "停了", "停止": "停了"}.get(verb, f"{verb}了")
        none = f"{wanted.words}里没有可以{verb}的“{name}”。"
        yield Send(member, f"{n}个群的“{name}”{did}。" if n else none)

    return act


VERBS: Mapping[str, Callable[[Sequence[str], str, Ctx], Iterator[Action]]] = MappingProxyType({
    "预览": _show, "推荐": _recommend, "开始": _begin, "开启": _begin,
    "停": _change("停"), "停止": _change("停止"), "暂停": _change("暂停"),
    "继续": _change("继续"),
})  # fmt: skip


# 今天群里发什么


def today(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The day's steps of the groups somebody owns or runs; with a name the texts as well."""
    found = _mine(match["name"] or "", msg.sender, ctx)
    lines = [
        (room, step) for room in found for step in rows.of_day(ctx.db, room["chat_id"], ctx.today)
    ]
    if not found:
        yield Send(msg.sender, "没有找到您的客户群：要是群主，或是这家店的社群运营、店长。")
    elif not lines:
        yield Send(msg.sender, f"今天{len(found)}个群都没有安排。社群计划由店长或运营来开。")
    elif len(found) == 1:
        yield from _texts(found[0], [step for _, step in lines], msg.sender, ctx)
    else:
        yield Send(msg.sender, "\n".join(_day_lines(lines, ctx)))


def _mine(name: str, member: str, ctx: Ctx) -> list[Row]:
    """Owned, or of the stores that somebody plans for; by the full name before a part of it."""
    owned = [room for key in rows.owned(ctx.db, member) if (room := groups.get(ctx.db, key))]
    near = rows.rooms(ctx.db, _posting(member, ctx), INTERNAL)
    known = {room["chat_id"]: room for room in (*owned, *near)}
    found = [room for room in known.values() if name in room["name"] and room["kind"] != INTERNAL]
    return [room for room in found if room["name"] == name] or found


def _posting(member: str, ctx: Ctx) -> tuple[str, ...]:
    """The stores in whose groups they may have to post; who reads only figures has none."""
    manager, runs = ctx.team.in_charge(member), ctx.team.colleague(member, RUNS)
    return (*(manager.stores if manager else ()), *(runs.stores if runs else ()))


def _day_lines(lines: Sequence[tuple[Row, Step]], ctx: Ctx) -> list[str]:
    day = ctx.today
    out = [f"今天群里发什么（{day.month}月{day.day}日{weekday(day)}），{len(lines)}条："]
    out += [f"{n}. {short(room['name'], 14)}｜{describe(step, ctx)}"
            for n, (room, step) in enumerate(lines[:15], 1)]  # fmt: skip
    out += [f"还有{len(lines) - 15}条"] if len(lines) > 15 else []
    return [*out, f"要整段文字：今天群里发什么 {lines[0][0]['name']}"]


def describe(step: Step, ctx: Ctx) -> str:
    plan = runs.plan_of(step.plan, ctx)
    if plan is None or step.node >= len(plan.nodes):
        return f"{step.plan}（{step.state}）"
    node = plan.nodes[step.node]
    why = f"：{short(step.why, 30)}" if step.state == rows.PASSED and step.why else ""
    return f"{node.at} {plan.name} 第{node.day}天·{node.kind}（{step.state}{why}）"


def _texts(room: Row, steps: Sequence[Step], member: str, ctx: Ctx) -> Iterator[Action]:
    """Every step of the day in one group, each text by itself."""
    yield Send(member, "\n".join([f"{room['name']}今天{len(steps)}条：",
                                  *(describe(step, ctx) for step in steps)]))  # fmt: skip
    known = runs.room_of(room["chat_id"], ctx)
    for step in steps:
        if known and step.state in (rows.DUE, rows.GIVEN):
            yield from _text(step, known, member, ctx)


def _text(step: Step, room: Room, member: str, ctx: Ctx) -> Iterator[Action]:
    plan = runs.plan_of(step.plan, ctx)
    if plan is None or step.node >= len(plan.nodes):
        return
    found = wording.of(plan.nodes[step.node], room, step.on_day, ctx)
    if found.not_now:
        yield Send(member, f"{plan.nodes[step.node].at}这条今天不发：{found.not_now}。")
    else:
        yield from days.handed(step.said or found.text, found.material, member)
