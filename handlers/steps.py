"""What a plan's step comes to: a draft to tap, a line among the reminders, a 群发 to confirm.

Nothing here writes to a customer. The ledger is asked before an advisor is bothered and again when
they tap; a refusal puts the step off and says why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import brief, enrol, followups, group_tasks, ledger, reversals, sop, undo, winback
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.sop import Plan, Step
from handlers.values import Action, MassTask, Send
from handlers.words import TIERS, clock, short
from scriptbank import fill, guard
from scriptbank.script import Script
from storage import customers, dialogs, rules
from storage import followups as owed
from storage import lost as losses
from storage import sop as rows
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.sop import Run

A_TICK = 50
LIST = "drafts"
BUTTONS = (("发送", "send"), ("改天", "later"), ("跳过", "skip"), ("退出", "leave"))
MASS_BUTTONS = (("建群发", "send"), ("跳过", "skip"))
SHOWN, SENT, PASSED, LATER = "给了顾问", "已发", "跳过", "改天"


@dataclass(frozen=True, slots=True)
class Due:
    """A step whose time has come, for a customer who may be written to."""

    run: Run
    plan: Plan
    step: Step
    n: int
    customer: Customer
    reader: str


def tick(ctx: Ctx) -> Iterator[Action]:
    ready: dict[tuple[str, str], list[Due]] = {}
    for run in rows.due(ctx.db, ctx.now, A_TICK):
        if found := _ready(run, ctx):
            ready.setdefault((found.reader, found.step.do), []).append(found)
    for (reader, do), mine in sorted(ready.items(), key=lambda pair: pair[0]):
        if do == "mass":
            yield from _mass(reader, mine, ctx)
        elif do == "task":
            _tasks(mine, ctx)
        else:
            yield from _drafts(reader, mine, ctx)


def _ready(run: Run, ctx: Ctx) -> Due | None:
    """The step, if it may be shown now; otherwise the run is ended, or put off with its reason."""
    customer, plan = customers.get(ctx.db, run.customer), enrol.plan_of(run.plan, ctx)
    if ended := enrol.over(plan, run, customer, ctx):
        enrol.leave(run, rows.LEFT, ended, ctx)
    elif plan and customer and run.step >= len(plan.steps):
        enrol.finish(plan, run, customer, ctx)
        if plan.then.get("group"):
            group_tasks.propose(customer, f"走完了“{plan.name}”", ctx)
    elif plan and customer:
        if when := _put_off(plan, customer, ctx):
            _wait(run, *when, ctx)
            return None
        step = plan.steps[run.step]
        return Due(run, plan, step, run.step, customer, enrol.reader(customer, ctx))
    return None


def _put_off(plan: Plan, customer: Customer, ctx: Ctx) -> tuple[datetime, str] | None:
    """Until when and why."""
    if not enrol.reader(customer, ctx):
        return enrol.next_shift(customer, ctx), "顾问不在班"
    if refusal := ledger.ask(customer, ctx):
        return _allowed(ctx), short(refusal.removeprefix("⚠️ "), 60)
    if plan.wakeup and (refusal := winback.capped(customer, ctx)):
        return ctx.tomorrow(ctx.local.time()), refusal
    return None


def _allowed(ctx: Ctx) -> datetime:
    """In quiet hours when these are over, otherwise at this time tomorrow."""
    q = ctx.settings.quiet
    if ctx.local.time() < q.customer_to:
        return ctx.on(ctx.today, q.customer_to)
    return ctx.tomorrow(max(min(ctx.local.time(), q.customer_from), q.customer_to))


def _wait(run: Run, to: datetime, why: str, ctx: Ctx) -> None:
    if rows.claim(ctx.db, run, to):
        rows.put(ctx.db, replace(run, due_at=to, why=f"延到{_clock(to, ctx)}：{why}"))


def _clock(at: datetime, ctx: Ctx) -> str:
    local = at.astimezone(ctx.zone)
    return f"{local.month}月{local.day}日{clock(local)}"


def _step_id(run: Run, n: int) -> str:
    return f"{run.id}:{n}"


def _advance(found: Due, state: str, why: str, ctx: Ctx) -> bool:
    """Claim the step and set the next; False when another process was faster."""
    run, last = found.run, found.n + 1 == len(found.plan.steps)
    if last:
        to = ctx.now + enrol.SETTLE
    else:
        planned = enrol.due(found.plan, found.n + 1, run, ctx)
        to = sop.following(found.plan, found.n, planned, ctx.now)
    if not rows.claim(ctx.db, run, to):
        return False
    rows.put(ctx.db, replace(run, step=found.n + 1, due_at=to, why=""))
    rows.step(ctx.db, step_id=_step_id(run, found.n), run=run, n=found.n, state=state, why=why,
              now=ctx.now)  # fmt: skip
    rules.hit(ctx.db, [f"sop.{found.plan.name}"], ctx.now)
    return True


# Drafts


def _drafts(reader: str, found: Sequence[Due], ctx: Ctx) -> Iterator[Action]:
    """One as a card, several as one list; a reader is not bothered twice in half an hour."""
    name = f"drafts:{reader}"
    pause = timedelta(minutes=ctx.settings.followups.batch_minutes)
    free, _ = rows.scan(ctx.db, name, ctx.now)
    if free > ctx.now:
        for one in found:
            rows.claim(ctx.db, one.run, free)
        return
    most = ctx.settings.followups.batch_items
    taken = [one for one in found[:most] if _has_words(one, ctx)
             and _advance(one, SHOWN, "", ctx)]  # fmt: skip
    if not taken:
        return
    rows.scanned(ctx.db, name, ctx.now + pause, "")
    if len(taken) == 1:
        yield from show(taken[0].run, taken[0].n, reader, ctx)
    else:
        yield _list(reader, taken, ctx)


def _has_words(found: Due, ctx: Ctx) -> bool:
    """Without something to say there is no draft; a wake-up waits for a new reason."""
    if text(found.plan, found.n, found.customer, ctx)[0]:
        return True
    to = ctx.now + timedelta(days=7)
    if found.step.do == "recall" and ctx.now - found.run.base_at < timedelta(days=180):
        _wait(found.run, to, "没有新的理由", ctx)
    else:
        _advance(found, PASSED, "话术库里没有对题的", ctx)
    return False


def text(plan: Plan, n: int, customer: Customer, ctx: Ctx) -> tuple[str, str, str]:
    """What to say, why, and with which reason of recall; "" where there is nothing to say."""
    step = plan.steps[n]
    if step.do == "recall":
        call = winback.next_call(customer, ctx)
        return (call.text, f"{step.say}，理由：{call.title}", call.reason) if call else ("", "", "")
    if step.text:
        script = Script(id="sop", title=plan.name, body=step.text, stage="通用")
        return fill.fill(script, followups.values(customer, ctx)).text, step.say, ""
    return brief.say(step.words, step.stage, customer, ctx), step.say, ""


def _list(reader: str, taken: Sequence[Due], ctx: Ctx) -> Send:
    ids = [[one.run.id, one.n] for one in taken]
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=reader, kind=LIST, body={"ids": ids},
                  now=ctx.now)  # fmt: skip
    lines = [f"{n}. {one.customer.name}｜{one.plan.name} 第{one.n + 1}步：{one.step.say}"
             for n, one in enumerate(taken, 1)]  # fmt: skip
    return Send(reader, "\n".join([f"SOP 到点，{len(taken)}位的话术备好了：", *lines,
                                   "回复序号看话术，点了发送才算。"]))  # fmt: skip


def open_(dialog: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    """Line `n` of a list of drafts."""
    ids = dialog.body["ids"]
    run = rows.get(ctx.db, ids[n - 1][0]) if 1 <= n <= len(ids) else None
    if run is None:
        yield Send(dialog.member, f"请回复 1 到 {len(ids)}。")
        return
    yield from show(run, ids[n - 1][1], dialog.member, ctx)


def show(run: Run, n: int, reader: str, ctx: Ctx) -> Iterator[Action]:
    """The words to read and a card to decide with."""
    customer, plan = customers.get(ctx.db, run.customer), enrol.plan_of(run.plan, ctx)
    if customer is None or plan is None or _gone(run, customer):
        yield Send(reader, "这一步不用发了：客户退订了，或计划已经结束。")
        return
    words, why, reason = text(plan, n, customer, ctx)
    wake = _wake(customer, reason, ctx) if plan.wakeup else ""
    head = f"{TIERS[customer.tier]}·{customer.level}级"
    total = len(plan.steps)
    choice = Choice(
        "sop", f"{customer.name}｜{plan.name} 第{n + 1}/{total}步",
        f"{head}｜为什么：{why}。要发的话：“{short(words, 60)}”{_doubts(words, ctx)}"
        "点“发送”，整段话单独给您转发。",
        BUTTONS, {"run": run.id, "n": str(n), "customer": customer.id, "text": words,
                  "wake": wake},
    )  # fmt: skip
    yield ask(reader, choice, ctx)


def _doubts(words: str, ctx: Ctx) -> str:
    return "" if guard.passes(guard.check(words, ctx.today)) else "（⛔ 有不能发的词，请先改）"


def _wake(customer: Customer, reason: str, ctx: Ctx) -> str:
    """Note a wake-up that is about to be offered."""
    loss = losses.newest(ctx.db, customer.id)
    key = ctx.new_id()
    losses.wake(ctx.db, wake_id=key, loss=loss.id if loss and reason else "",
                customer=customer.id, reason=reason or "唤醒", now=ctx.now)  # fmt: skip
    return key


def _gone(run: Run, customer: Customer) -> bool:
    ended = run.state not in (rows.RUNNING, rows.WAITING, rows.DONE)
    return bool(ended or customer.opted_out_at or customer.deleted_at)


def decided(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """发送, 改天, 跳过, 退出: on a draft's card."""
    body, member = dialog.body, dialog.member
    run, customer = rows.get(ctx.db, body["run"]), customers.get(ctx.db, body["customer"])
    dialogs.close(ctx.db, dialog.id)
    if run is None or customer is None or _gone(run, customer):
        name = customer.name if customer else "这位客户"
        why = "已退订" if customer and customer.opted_out_at else run.why if run else "已不在"
        yield Send(member, f"{name}不用发了：{why or '计划已经结束'}。")
    elif value == "send":
        yield from _send(run, customer, body, member, ctx)
    elif value == "leave":
        was = undo.before(customer, ctx)
        enrol.leave(run, rows.LEFT, f"{ctx.team.name(member)}退出", ctx)
        here = replace(run, step=int(body["n"]), due_at=None)
        undo.remember(ctx, member, f"{customer.name}退出“{run.plan}”", was,
                      more=reversals.left([here]))  # fmt: skip
        yield Send(member, f"{customer.name}已退出“{run.plan}”，后面的步骤不再来。")
    elif value == "later":
        morning = enrol.next_shift(customer, ctx)
        _again(run, int(body["n"]), morning, LATER, ctx)
        yield Send(member, f"好，{customer.name}这一步{_clock(morning, ctx)}再给您。")
    else:
        _mark(run, int(body["n"]), PASSED, f"{ctx.team.name(member)}跳过", ctx)
        yield Send(member, f"好，{customer.name}这一步跳过，后面照常。")


def _send(
    run: Run, customer: Customer, body: dict[str, Any], member: str, ctx: Ctx
) -> Iterator[Action]:
    if refusal := ledger.ask(customer, ctx):
        to = max(_allowed(ctx), enrol.next_shift(customer, ctx))
        _again(run, int(body["n"]), to, LATER, ctx)
        yield Send(member, f"{refusal}这一步{_clock(to, ctx)}再给您。")
        return
    n, touch, was = int(body["n"]), ctx.new_id(), undo.before(customer, ctx)
    _mark(run, n, SENT, "", ctx)
    if body["wake"]:
        losses.woke(ctx.db, body["wake"], ctx.now)
    ledger.note(customer, touch, ctx)
    customers.change(ctx.db, customer.id, contacted_at=ctx.now)
    if customer.stage != "战败":
        followups.touched(customer, ctx)
    undo.remember(ctx, member, f"{customer.name}“{run.plan}”第{n + 1}步已发送", was,
                  more=reversals.sent(run, n, touch, body["wake"]))  # fmt: skip
    yield Send(member, body["text"])


def _mark(run: Run, n: int, state: str, why: str, ctx: Ctx) -> None:
    rows.step(ctx.db, step_id=_step_id(run, n), run=run, n=n, state=state, why=why, now=ctx.now)


def _again(run: Run, n: int, to: datetime, state: str, ctx: Ctx) -> None:
    """The step is laid before the advisor once more; what follows it waits."""
    if run.state == rows.DONE or run.step > n + 1:
        return
    rows.put(ctx.db, replace(run, step=n, due_at=to))
    _mark(run, n, state, f"延到{_clock(to, ctx)}", ctx)


# Tasks and 群发


def _tasks(found: Sequence[Due], ctx: Ctx) -> None:
    """A line among the advisor's reminders, which has its own rules of batching."""
    for one in found:
        if _advance(one, SHOWN, "", ctx):
            words, why, _ = text(one.plan, one.n, one.customer, ctx)
            owed.plan(ctx.db, followup_id=ctx.new_id(), customer=one.customer.id,
                      advisor=one.customer.owner, kind="sop", due=ctx.now, now=ctx.now,
                      reason=f"SOP {one.plan.name}第{one.n + 1}步：{why}", say=words)  # fmt: skip


def _mass(reader: str, found: Sequence[Due], ctx: Ctx) -> Iterator[Action]:
    """One card for everybody who is at the same step of the same plan."""
    together: dict[tuple[str, int], list[Due]] = {}
    for one in found:
        if _advance(one, SHOWN, "", ctx):
            together.setdefault((one.plan.name, one.n), []).append(one)
    for (name, n), mine in together.items():
        step = mine[0].step
        people = "、".join(one.customer.name for one in mine[:5])
        more = f"等{len(mine)}位" if len(mine) > 5 else f"{len(mine)}位"
        about: Any = {"runs": [one.run.id for one in mine], "n": str(n), "text": step.text}
        choice = Choice("sop_mass", f"{name} 第{n + 1}步：给{len(mine)}位的群发",
                        f"{people}（{more}）。为什么：{step.say}。内容：“{step.text}”",
                        MASS_BUTTONS, about)  # fmt: skip
        yield ask(reader, choice, ctx)


def mass_decided(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """建群发: a task for whoever may still be written to; it is confirmed in the client."""
    n, member = int(dialog.body["n"]), dialog.member
    dialogs.close(ctx.db, dialog.id)
    runs = [run for key in dialog.body["runs"] if (run := rows.get(ctx.db, key))]
    pairs = [(run, c) for run in runs if (c := customers.get(ctx.db, run.customer))]
    live = [(run, c) for run, c in pairs if not _gone(run, c)]
    if value != "send":
        for run, _ in live:
            _mark(run, n, PASSED, f"{ctx.team.name(member)}跳过", ctx)
        yield Send(member, "好，这次群发跳过，后面照常。")
        return
    allowed = [(run, c) for run, c in live if c.owner == member and not ledger.ask(c, ctx)]
    if not allowed:
        yield Send(member, "这些客户现在都不适合发（安静时段、已到上限、退订或投诉），没有建群发。")
        return
    for run, _ in allowed:
        _mark(run, n, SENT, "群发", ctx)
    yield MassTask(ctx.new_id(), member, tuple(c.id for _, c in allowed), dialog.body["text"])
