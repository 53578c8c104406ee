"""召回: somebody who was lost is written to again, with a new reason each time; what came of it.

Only the kind 其他 is called back, by the plan 战败召回; here is with which words, what happens when
they answer, and how the results stand beside what the case reports.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from handlers import followups, sides
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from handlers.words import ago, rate
from nlp import toml
from scriptbank import fill
from scriptbank.script import Script
from storage import customers, events
from storage import lost as rows
from storage import materials as library
from storage.customers import Customer
from storage.db import Row, at
from storage.lost import Loss

FILE = Path(__file__).with_name("data") / "winback.toml"
CALLED_BACK, ORDERED = 0.15, 0.40  # the case's figures; shown beside ours, never used to decide
OWNERS = ("试驾感受", "提车分享")  # kinds of material told by an owner who agreed
ANSWERS = timedelta(days=30)  # words later than that answer no wake-up
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Reason:
    """Something new to say; a claim about prices or policy has its dates and its source."""

    id: str
    title: str
    words: str
    lost: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    begins: date | None = None
    ends: date | None = None
    source: str = ""

    def holds(self, loss: Loss, model: str, day: date) -> bool:
        begun = self.begins is None or self.begins <= day
        over = self.ends is not None and self.ends < day
        meant = not self.lost or loss.reason in self.lost
        return begun and not over and meant and (not self.models or model in self.models)


@functools.lru_cache(maxsize=4)
def reasons(path: str = "") -> tuple[Reason, ...]:
    return read(Path(path or FILE))


def read(path: Path) -> tuple[Reason, ...]:
    """ValueError with the line where one of them lacks something."""
    text = path.read_text(encoding="utf-8")
    given = toml.loads(text).get("reason", ())
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip() == "[[reason]]"]
    for one, line in zip(given, lines, strict=False):
        if lacking := [key for key in ("id", "title", "words") if not one.get(key)]:
            raise ValueError(f"{path.name}:{line} 这条理由少了 {'、'.join(lacking)}，请补上")
    return tuple(_reason(one) for one in given)


def _reason(given: dict[str, Any]) -> Reason:
    return Reason(
        given["id"], given["title"], given["words"], tuple(given.get("lost", ())),
        tuple(given.get("models", ())), given.get("from"), given.get("to"),
        given.get("source", ""),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One wake-up, ready to be laid before the advisor."""

    loss: str
    reason: str
    title: str
    text: str


def next_call(customer: Customer, ctx: Ctx) -> Call | None:
    """The first reason that this customer has not been called back with; None without a new one."""
    loss = rows.newest(ctx.db, customer.id)
    if loss is None:
        return None
    used = rows.reasons(ctx.db, customer.id)
    found = next((r for r in _candidates(customer, loss, ctx) if r.id not in used), None)
    if found is None:
        return None
    script = Script(id=found.id, title=found.title, body=found.words, stage="战败挽回")
    text = fill.fill(script, followups.values(customer, ctx)).text
    return Call(loss.id, found.id, found.title, text)


def _candidates(customer: Customer, loss: Loss, ctx: Ctx) -> Iterator[Reason]:
    """Owners' own words first, then what is new, then the plain questions."""
    for one in library.live(ctx.db, ctx.today):
        about = not one.models or customer.model in one.models.split()
        if one.kind in OWNERS and about and one.words:
            words = f"{{客户称呼}}，有位车主说了说真实感受，我转给您看看：{one.words}"
            yield Reason(f"material:{one.id}", f"车主感受“{one.title}”", words)
    own = reasons(ctx.settings.lost.reasons)
    held = [r for r in own if r.holds(loss, customer.model, ctx.today)]
    yield from sorted(held, key=lambda r: r.ends is None)  # what ends soon goes first


def capped(customer: Customer, ctx: Ctx) -> str:
    """Why they must not be woken yet, in words."""
    most = ctx.settings.lost.wakeups
    n = rows.woken(ctx.db, customer.id, ctx.now - MONTH)
    return f"30天内已经唤醒过{n}次（上限{most}）" if n >= most else ""


def heard(customer: Customer, ctx: Ctx) -> Iterator[Action]:
    """The customer wrote: where that answers a wake-up, the advisor is told at once."""
    if not rows.answered(ctx.db, customer.id, ctx.now - ANSWERS, ctx.now):
        return
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind="召回回应",
               when=ctx.now, source="message")  # fmt: skip
    if customer.stage != "战败":
        yield Send(customer.owner, f"{customer.name}回应了唤醒，SOP 已停，请今天就接着聊。")
        return
    state = sides.of(customer, ctx)
    now = f"现在是{state.state}（{state.reason}）。" if state.state else ""
    yield Send(customer.owner, f"🔥 {customer.name}回应了召回。{now}召回已停，请今天就接着聊；"
                               f"回复 客户 {customer.name} 看TA当时为什么没买。")  # fmt: skip


# The result


@dataclass(frozen=True, slots=True)
class Called:
    """One lost customer who was written to again."""

    customer: Customer
    loss: Loss
    times: int
    answered: bool
    ordered: bool


def results(member: str, ctx: Ctx) -> tuple[int, list[Called]]:
    """How many may be called back within the window, and those who were; by a member's scope."""
    since = ctx.now - timedelta(days=ctx.settings.lost.window_days)
    manager = ctx.team.manager(member)
    if manager:
        found = rows.approved(ctx.db, since, stores=manager.stores)
    else:
        found = rows.approved(ctx.db, since, advisor=member)
    worth = [loss for loss in found if loss.kind == "其他"]
    return len(worth), [one for loss in worth if (one := _called(loss, ctx))]


def _called(loss: Loss, ctx: Ctx) -> Called | None:
    calls: Sequence[Row] = rows.calls(ctx.db, loss.id)
    customer = customers.get(ctx.db, loss.customer)
    if not calls or customer is None:
        return None
    answered = any(call["answered_at"] for call in calls)
    first = at(calls[0]["sent_at"])
    order = events.last(ctx.db, customer.id, "下订")
    return Called(customer, loss, len(calls), answered, bool(order and order.at > first))


def lines(member: str, ctx: Ctx) -> list[str]:
    """Counts, rates with their denominators, the case's figures beside them."""
    worth, found = results(member, ctx)
    answered = [one for one in found if one.answered]
    ordered = [one for one in answered if one.ordered]
    days = ctx.settings.lost.window_days
    return [
        f"召回（近{days}天批准的战败，只算“其他”一类）：",
        f"可召回{worth}位，已唤醒{len(found)}位",
        f"召回率 {rate(len(answered), len(found))}＝有回应÷已唤醒；案例参考 {CALLED_BACK:.0%}",
        f"下订率 {rate(len(ordered), len(answered))}＝下订÷有回应；案例参考 {ORDERED:.0%}",
    ]


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """召回: for an advisor their own, for a manager their stores."""
    manager = ctx.team.manager(msg.sender)
    text = lines(msg.sender, ctx)
    if manager is None or manager.names:
        _, found = results(msg.sender, ctx)
        recent = sorted(found, key=lambda one: (not one.answered, one.customer.id))
        text += [f"· {_line(one, ctx)}" for one in recent[:10]]
    yield Send(msg.sender, "\n".join(text))


def _line(one: Called, ctx: Ctx) -> str:
    became = "已下订" if one.ordered else "有回应" if one.answered else "还没回"
    lost_at = ago(one.loss.decided_at, ctx.now)
    return f"{one.customer.name}（{lost_at}战败，{one.loss.reason}）唤醒{one.times}次，{became}"
