"""Who would get what when: one plan over many groups, as a table and in a few lines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from handlers.context import Ctx
from handlers.group_plans import runs, weeks, wording
from handlers.group_plans.plan import DOES, EVERYBODY, Node, Plan
from handlers.group_plans.rooms import Room
from handlers.group_plans.runs import AUTO
from handlers.tables import Column, Table
from handlers.words import short, weekday
from storage import group_sop as rows

TEXTS = 3
COLUMNS = (
    Column("group", "群"), Column("store", "门店"), Column("owner", "群主"), Column("kind", "类型"),
    Column("people", "客户", "count"), Column("newcomers", "新人", "count"),
    Column("weeks", "多数在"), Column("stage", "阶段和系数"), Column("plan", "计划"),
    Column("first", "第一条"), Column("why", "为什么"),
)  # fmt: skip
NOTE = (
    "周数按每个人自己的进群日期；系数的四项是流入、流出、沉默、建群周数。"
    "每一条都先给群主，点了才算发。"
)


@dataclass(frozen=True, slots=True)
class Would:
    """What would happen in one group; `plan` is None where nothing begins."""

    room: Room
    plan: Plan | None
    why: str

    @property
    def refused(self) -> bool:
        return self.plan is None


def would(name: str, found: Sequence[Room], ctx: Ctx) -> list[Would]:
    """For one plan, or for the one that each group's own state asks for."""
    known = runs.plans(ctx)
    named = next((plan for plan in known if plan.name == name), None)
    return [_one(room, name, named, known, ctx) for room in found]


def _one(
    room: Room, name: str, named: Plan | None, known: Sequence[Plan], ctx: Ctx
) -> Would:  # fmt: skip
    plan, why = named, ""
    if name == AUTO:
        plan, why = weeks.recommend(room.row, room.state, known)
    if plan is None:
        return Would(room, None, why)
    if refusal := runs.refused(plan, room, ctx):
        return Would(room, None, refusal)
    return Would(room, plan, why or _place(plan, room, ctx))


def _place(plan: Plan, room: Room, ctx: Ctx) -> str:
    """Whether it goes first, and whether it is meant for such a group."""
    first = next((r for r in rows.open_of(ctx.db, room.id) if r.state == rows.RUNNING), None)
    if first and first.priority >= plan.priority:
        return f"先排队，等“{first.plan}”走完"
    if first:
        return f"“{first.plan}”先停下让路，走完再接着"
    other = weeks.suits(plan, room.row, room.state)
    return f"可以开始；提醒：{other}" if other else "可以开始"


def table(found: Sequence[Would], begins: date, ctx: Ctx) -> Table:
    lines = tuple(_row(one, begins, ctx) for one in found)
    return Table("group_plans", "群计划预览", COLUMNS, lines, NOTE)


def _row(one: Would, begins: date, ctx: Ctx) -> tuple[str | int, ...]:
    row, state = one.room.row, one.room.state
    newcomers = weeks.meant("新人", state.seats, ctx)
    first = one.plan.nodes[0] if one.plan else None
    return (
        one.room.name, ctx.team.store(row["store"]).name, ctx.team.name(row["owner"]), row["kind"],
        len(state.seats), len(newcomers), state.why, state.told,
        one.plan.name if one.plan else "不开始", moment(first, begins) if first else "", one.why,
    )  # fmt: skip


def moment(node: Node, begins: date) -> str:
    day = begins + timedelta(days=node.day - 1)
    return f"{day.month}月{day.day}日{weekday(day)} {node.at}"


def texts(found: Sequence[Would], begins: date, ctx: Ctx, most: int = TEXTS) -> list[str]:
    """The first texts as they would stand in the first of the groups, without anybody's name.

    Who plans for many groups sees counts; the names are for whoever posts.
    """
    one = next((one for one in found if one.plan), None)
    if one is None or one.plan is None:
        return []
    seats = tuple(replace(seat, name="") for seat in one.room.state.seats)
    room = replace(one.room, state=replace(one.room.state, seats=seats))
    return [_text(node, room, begins, ctx) for node in one.plan.nodes[:most]]


def _text(node: Node, room: Room, begins: date, ctx: Ctx) -> str:
    day = begins + timedelta(days=node.day - 1)
    said = wording.of(node, room, day, ctx, keep=False)
    who = "" if node.to == EVERYBODY else f"（给{node.to}）"
    words = said.text or (f"素材：{said.material.title}" if said.material else "")
    shown = f"这一天不发：{said.not_now}" if said.not_now else words
    return f"{moment(node, begins)} {DOES[node.do]}·{node.kind}{who}：{shown}"


def told(name: str, found: Sequence[Would], begins: date, ctx: Ctx) -> list[str]:
    """A few lines, whether there are eleven groups or five hundred."""
    ready = [one for one in found if one.plan]
    people = sum(len(one.room.state.seats) for one in ready)
    owners = len({one.room.row["owner"] for one in ready})
    head = f"“{name}”：{len(found)}个群里{len(ready)}个可以开始，群主{owners}位，客户{people}人。"
    by_plan = Counter(one.plan.name for one in ready if one.plan)
    out = [head]
    if name == AUTO and by_plan:
        out.append("按每个群的阶段：" + "、".join(f"{p} {n}个" for p, n in by_plan.most_common()))
    out += [f"· {_brief(one)}" for one in ready[:5]]
    out += [f"· ……还有{len(ready) - 5}个群"] if len(ready) > 5 else []
    reasons = Counter(one.why for one in found if not one.plan)
    out += [f"不开始{n}个：{short(why, 60)}" for why, n in reasons.most_common(3)]
    if first := texts(found, begins, ctx):
        out.append("前三条（以第一个群为例）：")
        out += [f"{n}. {short(text, 90)}" for n, text in enumerate(first, 1)]
    return out


def _brief(one: Would) -> str:
    state = one.room.state
    return (f"{short(one.room.name, 14)}｜{len(state.seats)}人｜{state.told}｜{state.why}"
            f"｜{one.plan.name if one.plan else ''}")  # fmt: skip
