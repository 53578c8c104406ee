"""What is due in groups today: a text ready to paste and a card for the owner, who posts it.

Nothing goes into a group by itself. The ledger is asked before the owner is; what cannot go on its
day is closed with the reason and never sent late.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers import h5_links, ledger, materials, shifts, undo
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.group_plans import runs, wording
from handlers.group_plans.plan import EVERYBODY, Node, Plan
from handlers.group_plans.rooms import Room
from handlers.group_plans.wording import Wording
from handlers.settings import Advisor
from handlers.values import Action, MassTask, Send
from handlers.words import short
from storage import group_sop as rows
from storage import groups, touches
from storage.dialogs import Dialog
from storage.dialogs import close as close_dialog
from storage.group_sop import Step
from storage.materials import Material

DO = "group_step"
SENT, DONE, MASS, LATER, SKIP = ("已发", "sent"), ("做完了", "sent"), ("建群发", "mass"), \
    ("改天", "later"), ("跳过", "skip")  # fmt: skip
PAUSE = timedelta(minutes=30)
NAMED = 6  # groups that a card names


@dataclass(frozen=True, slots=True)
class Ready:
    """A step that may be laid before somebody now."""

    step: Step
    plan: Plan
    node: Node
    room: Room
    wording: Wording
    reader: str


def tick(ctx: Ctx) -> Iterator[Action]:
    for chat_id in dict.fromkeys(run.chat_id for run in rows.beginning(ctx.db, ctx.today)):
        runs.settle(chat_id, ctx)
    for step in rows.unanswered(ctx.db, ctx.today):
        _close(step, "给过了，当天没有点“已发”", ctx)
    together: dict[tuple[str, str, int], list[Ready]] = {}
    due = rows.due(ctx.db, ctx.now)
    known = {plan.name: plan for plan in runs.plans(ctx)} if due else {}
    for step in due:
        if found := _ready(step, known.get(step.plan), ctx):
            key = (found.reader, step.plan, step.node)
            together.setdefault(key, []).append(found)
    for found_ones in together.values():
        yield from _lay(found_ones, ctx)


def _close(step: Step, why: str, ctx: Ctx) -> None:
    if rows.move(ctx.db, step, state=rows.PASSED, why=why, now=ctx.now):
        _finish([step], ctx)


def _finish(steps: Iterable[Step], ctx: Ctx) -> None:
    for key in dict.fromkeys(step.run for step in steps):
        if run := rows.get(ctx.db, key):
            runs.finish(run, ctx)


def _ready(step: Step, plan: Plan | None, ctx: Ctx) -> Ready | None:
    """The step with its words, or None after it was closed or put off with its reason."""
    room = runs.room_of(step.chat_id, ctx)
    if room is None:
        _dismissed(step, ctx)
    elif step.on_day < ctx.today:
        _close(step, f"{step.on_day.month}月{step.on_day.day}日没有发出去，过了日子不补", ctx)
    elif plan is None or step.node >= len(plan.nodes):
        _close(step, "计划文件里没有这一步了", ctx)
    else:
        return _asked(step, plan, room, ctx)
    return None


def _dismissed(step: Step, ctx: Ctx) -> None:
    if run := rows.get(ctx.db, step.run):
        runs.end(run, rows.STOPPED, "群已解散", ctx)
    else:
        _close(step, "群已解散", ctx)


def _asked(step: Step, plan: Plan, room: Room, ctx: Ctx) -> Ready | None:
    node = plan.nodes[step.node]
    if refusal := node.spoken and ledger.ask_planned(room.id, room.name, ctx):
        _put_off(step, refusal.removeprefix("⚠️ "), ctx)
        return None
    reader = reader_of(room, ctx)
    if not reader:
        _wait(step, ctx.now + PAUSE, "群主不在班，也没有别人可以发", ctx)
        return None
    found = wording.of(node, room, step.on_day, ctx)
    if found.not_now:
        _close(step, found.not_now, ctx)
        return None
    return Ready(step, plan, node, room, found, reader)


def _put_off(step: Step, why: str, ctx: Ctx) -> None:
    """Early in the day the quiet hours end; nothing else gets better before its day is over."""
    awake = ctx.on(ctx.today, ctx.settings.quiet.customer_to)
    if ctx.now < awake:
        _wait(step, awake, why, ctx)
    else:
        _close(step, why, ctx)


def _wait(step: Step, to: datetime, why: str, ctx: Ctx) -> None:
    if to.astimezone(ctx.zone).date() > step.on_day:
        _close(step, why, ctx)
    else:
        rows.move(ctx.db, step, state=rows.DUE, why=why, now=ctx.now, due=to)


# Who posts it


def reader_of(room: Room, ctx: Ctx) -> str:
    """The owner when they are at work, else who runs groups there, else a manager in the group."""
    owner = str(room.row["owner"])
    advisor = ctx.team.advisor(owner)
    if advisor and shifts.on_shift(advisor, ctx):
        return owner
    if advisor is None and ctx.team.known(owner) and open_hours(ctx):
        return owner
    if advisor and not shifts.at_work(advisor, ctx):
        return next(_others(room, advisor, ctx), "")
    return ""


def open_hours(ctx: Ctx) -> bool:
    s = ctx.settings.followups
    return s.shift_from <= ctx.local.time() < s.shift_to


def _others(room: Room, owner: Advisor, ctx: Ctx) -> Iterator[str]:
    if not open_hours(ctx):
        return
    for one in ctx.settings.colleagues:
        if one.role == h5_links.RUNS and owner.store in one.stores:
            yield one.userid
    inside = groups.members(ctx.db, room.id)
    for manager in ctx.team.managers_of(owner.store):
        if manager.userid in inside:
            yield manager.userid


# The card


def _lay(found: Sequence[Ready], ctx: Ctx) -> Iterator[Action]:
    """One card for all groups of a reader at the same node, their texts before it."""
    taken = [one for one in found if _given(one, ctx)]
    if not taken:
        return
    texts = _texts(taken)
    if len(texts) <= ctx.settings.group_sop.card_groups:
        for text, mine in texts.items():
            yield from handed(text, mine[0].wording.material, mine[0].reader)
    yield _card(taken, texts, ctx)


def _given(one: Ready, ctx: Ctx) -> bool:
    """Noted with the words that go into the group; those of a task are for the owner only."""
    why, said = "；".join(one.wording.why), one.wording.text if one.node.spoken else ""
    return rows.move(ctx.db, one.step, state=rows.GIVEN, why=why, now=ctx.now, said=said,
                     reader=one.reader)  # fmt: skip


def _texts(taken: Sequence[Ready]) -> dict[str, list[Ready]]:
    found: dict[str, list[Ready]] = {}
    for one in taken:
        found.setdefault(one.wording.text, []).append(one)
    return found


def handed(text: str, material: Material | None, reader: str) -> Iterator[Action]:
    """The text by itself, so that it can be passed on as it stands, and what goes along."""
    if text:
        yield Send(reader, text)
    for action in materials.out(material, reader) if material else ():
        if not (isinstance(action, Send) and action.text == text):
            yield action


def _card(taken: Sequence[Ready], texts: dict[str, list[Ready]], ctx: Ctx) -> Action:
    first = taken[0]
    node, plan = first.node, first.plan
    choice = Choice(
        DO, f"{_called(taken)}｜{plan.name} 第{node.day}天",
        f"{_how(taken, texts, ctx)}{_why(taken)}{_note(node)}",
        _buttons(taken), {"steps": [one.step.id for one in taken]},  # type: ignore[dict-item]
    )  # fmt: skip
    return ask(first.reader, choice, ctx)


def _called(taken: Sequence[Ready]) -> str:
    return short(taken[0].room.name, 16) if len(taken) == 1 else f"{len(taken)}个群"


def _how(taken: Sequence[Ready], texts: dict[str, list[Ready]], ctx: Ctx) -> str:
    node = taken[0].node
    names = "、".join(short(one.room.name, 12) for one in taken[:NAMED])
    more = f"等{len(taken)}个群" if len(taken) > NAMED else ""
    to = "" if node.to == EVERYBODY else f"，@{node.to}"
    if not node.spoken:
        return f"{node.at}前做这件事：{names}{more}。"
    if len(texts) > ctx.settings.group_sop.card_groups:
        return (f"{node.at}发到{names}{more}{to}。各群文字不同："
                "点“建群发”一次备好，或回复 今天群里发什么 加群名 取一段。")  # fmt: skip
    order = "上面的话" if len(texts) == 1 else f"上面{len(texts)}段话依次"
    return f"{order}{node.at}发到{names}{more}{to}。"


def _why(taken: Sequence[Ready]) -> str:
    why = dict.fromkeys(reason for one in taken for reason in one.wording.why)
    return f"依据：{short('；'.join(why), 120)}。" if why else ""


def _note(node: Node) -> str:
    return f"备注：{node.note}。" if node.note else ""


def _buttons(taken: Sequence[Ready]) -> tuple[tuple[str, str], ...]:
    node = taken[0].node
    if not node.spoken:
        return (DONE, LATER, SKIP)
    own = all(one.room.row["owner"] == one.reader and one.wording.text for one in taken)
    if node.do == "mass" and own:
        return (MASS, LATER, SKIP)
    if own and node.to == EVERYBODY:
        return (SENT, MASS, LATER, SKIP)
    return (SENT, LATER, SKIP)


# What the owner answered


def decided(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """已发, 建群发, 改天, 跳过."""
    member = dialog.member
    close_dialog(ctx.db, dialog.id)
    known = [step for key in dialog.body["steps"] if (step := rows.step(ctx.db, key))]
    live = [step for step in known if step.state == rows.GIVEN]
    if not live:
        why = known[0].why if known else ""
        yield Send(member, f"这一条已经结束了{f'：{short(why, 60)}' if why else ''}。")
        return
    does = {"sent": _sent, "mass": _mass, "later": _later}.get(value, _skipped)
    yield from does(live, member, ctx)
    _finish(live, ctx)


def _sent(steps: Sequence[Step], member: str, ctx: Ctx) -> Iterator[Action]:
    """The owner has posted it: it counts as a touch of the group."""
    for step in steps:
        done = rows.move(ctx.db, step, state=rows.SENT, why=step.why, now=ctx.now)
        if done and step.said:
            touches.note(ctx.db, touch_id=undo.touch_of(step.id), person=step.chat_id,
                         channel="group", kind="marketing", by=member, now=ctx.now)  # fmt: skip
    _undoable(steps, "已发" if steps[0].said else "做完了", member, ctx)
    yield Send(member, f"好，记下了（{len(steps)}个群）。点错了就回复 撤销。")


def _undoable(steps: Sequence[Step], button: str, member: str, ctx: Ctx) -> None:
    room = groups.get(ctx.db, steps[0].chat_id)
    name = str(room["name"]) if room else "群"
    more = f"等{len(steps)}个群" if len(steps) > 1 else ""
    what = f"{name}{more}“{steps[0].plan}”的“{button}”"
    undo.remember_steps(ctx, member, what, [step.id for step in steps])


def _mass(steps: Sequence[Step], member: str, ctx: Ctx) -> Iterator[Action]:
    """A task for each text; the platform sends it when the owner confirms it in the client."""
    ready: dict[str, list[Step]] = {}
    refused = ""
    for step in steps:
        room = groups.get(ctx.db, step.chat_id)
        why = ledger.ask_group(step.chat_id, room["name"], ctx) if room else "群已解散"
        if why:
            refused = why.removeprefix("⚠️ ")
            rows.move(ctx.db, step, state=rows.PASSED, why=refused, now=ctx.now)
        elif rows.move(ctx.db, step, state=rows.MASS, why="建了群发，等群主确认", now=ctx.now):
            ready.setdefault(step.said, []).append(step)
    for text, mine in ready.items():
        yield MassTask(ctx.new_id(), member, (), text, tuple(step.chat_id for step in mine))
    left = len(steps) - sum(map(len, ready.values()))
    if left:
        yield Send(member, f"有{left}个群没有建群发：{refused}")


def _later(steps: Sequence[Step], member: str, ctx: Ctx) -> Iterator[Action]:
    """Tomorrow at the same hour; it has that day then, and not two."""
    for step in steps:
        day = ctx.today + timedelta(days=1)
        hour = step.due_at.astimezone(ctx.zone).time()
        rows.move(ctx.db, step, state=rows.DUE, why=f"{ctx.team.name(member)}改天", now=ctx.now,
                  due=ctx.on(day, hour), day=day)  # fmt: skip
    yield Send(member, "好，明天同一时间再给您。")


def _skipped(steps: Sequence[Step], member: str, ctx: Ctx) -> Iterator[Action]:
    for step in steps:
        why = f"{ctx.team.name(member)}跳过"
        rows.move(ctx.db, step, state=rows.SKIPPED, why=why, now=ctx.now)
    _undoable(steps, "跳过", member, ctx)
    yield Send(member, "好，这一条跳过，后面照常。点错了就回复 撤销。")
