"""清单 王女士: what belongs to the stage, ticked by evidence or by the advisor's word."""

import functools
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from handlers import stages
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.undo import before, remember
from handlers.values import Action, Inbound, Send
from handlers.words import ranged
from storage import appointments, customers, dialogs, events, groups, scripts
from storage.customers import Customer
from storage.dialogs import Dialog

FILE = Path(__file__).with_name("data") / "checklist.toml"
EVENT = "清单"  # an event whose evidence is the step that was ticked by word
SCRIPTS = 50  # of those passed on, newest first
OPEN = ("", "stuck")


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    of: tuple[str, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """`by` is the evidence in words, "" for a step that is still to be done."""

    item: Item
    by: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the evidence is looked for in."""

    customer: Customer
    tags: Mapping[str, str]  # kind, and code of a concern or intent, with the words
    events: Mapping[str, events.Event]
    scripts: frozenset[str]  # stages of the library
    by_word: Mapping[str, str]
    open_worries: int
    appointment: bool
    group: bool


@functools.cache
def stages_() -> tuple[Stage, ...]:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))["stage"]
    return tuple(
        Stage(one["name"], tuple(one["of"]),
              tuple(Item(i["id"], i["text"], tuple(i["evidence"])) for i in one["steps"]))
        for one in given
    )  # fmt: skip


@functools.cache
def _things() -> Mapping[str, tuple[str, ...]]:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))["prepare"]
    return {one.get("kind") or one["concern"]: tuple(one["things"]) for one in given}


def prepare(kind: str, concerns: Iterable[str]) -> list[str]:
    """What to lay ready for an appointment of that kind with somebody of these open concerns."""
    names = [kind, *sorted(concerns)]
    return [thing for name in names for thing in _things().get(name, ())][:6]


# Ticks


def _tag(name: str, k: Known) -> str:
    return f"客户说过“{k.tags[name]}”" if name in k.tags else ""


def _happened(name: str, k: Known) -> str:
    return f"已{name}" if name in k.events else ""


def _script(name: str, k: Known) -> str:
    return f"发过{name}话术" if name in k.scripts else ""


def _touched(name: str, k: Known) -> str:
    """Contacted after that had happened."""
    event, told = k.events.get(name), k.customer.contacted_at
    return f"{name}之后联系过" if event and told and told > event.at else ""


def _plain(name: str, k: Known) -> str:
    c = k.customer
    facts: dict[str, Callable[[], str]] = {
        "phone": lambda: "有电话" if c.phone else "",
        "source": lambda: f"来源{c.source}" if c.source else "",
        "level": lambda: f"{c.level}级" if c.level not in "N" else "",
        "contacted": lambda: "联系过" if c.contacted_at else "",
        "appointment": lambda: "有预约" if k.appointment else "",
        "group": lambda: "在群里" if k.group else "",
        "answered": lambda: "没有未回应的顾虑" if not k.open_worries and k.tags else "",
    }
    return facts[name]()


_LOOK: Mapping[str, Callable[[str, Known], str]] = MappingProxyType({
    "tag": _tag, "event": _happened, "script": _script, "touched": _touched,
})  # fmt: skip


def _tick(item: Item, known: Known) -> Tick:
    if word := known.by_word.get(item.id):
        return Tick(item, word)
    for one in item.evidence:
        how, _, name = one.partition(":")
        if by := _LOOK[how](name, known) if name else _plain(one, known):
            return Tick(item, by)
    return Tick(item)


def gather(customer: Customer, ctx: Ctx) -> Known:
    tags = customers.tags(ctx.db, customer.id, ctx.now)
    found = events.of(ctx.db, customer.id, *stages.FORWARD, limit=200)
    used = [ctx.bank.get(row["script"]) for row in scripts.adopted(ctx.db, customer.id, SCRIPTS)]
    by_word = events.of(ctx.db, customer.id, EVENT, limit=100)
    concerns = [t for t in tags if t.kind == "concern"]
    return Known(
        customer=customer,
        tags={name: ranged(t.value) or t.evidence for t in tags for name in (t.kind, t.code)},
        events={e.kind: e for e in reversed(found)},
        scripts=frozenset(s.stage for s in used if s),
        by_word={e.evidence: f"{ctx.team.name(e.by_whom)}打的勾" for e in by_word},
        open_worries=sum(t.state in OPEN and t.polarity <= 0 for t in concerns),
        appointment=any(a.state != "取消" for a in appointments.of(ctx.db, customer.id)),
        group=bool(groups.of_member(ctx.db, customer.id)),
    )  # fmt: skip


def ticks(customer: Customer, ctx: Ctx) -> list[tuple[Stage, list[Tick]]]:
    """The steps of the stage the customer has reached, and of those before it."""
    known = gather(customer, ctx)
    reached = _reached(customer)
    return [(stage, [_tick(item, known) for item in stage.items])
            for stage in stages_()[: reached + 1]]  # fmt: skip


def _reached(customer: Customer) -> int:
    """战败 and the like have no steps of their own: what was before them still stands."""
    return next((n for n, stage in enumerate(stages_()) if customer.stage in stage.of), 0)


def next_step(customer: Customer, ctx: Ctx) -> str:
    """The first unticked step, those of the present stage before older ones."""
    for _, found in reversed(ticks(customer, ctx)):
        for tick in found:
            if not tick.by:
                return tick.item.text
    return ""


def line(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """For the card."""
    ended = customer.opted_out_at or customer.deleted_at or customer.stage in stages.ENDS
    if not ended and (step := next_step(customer, ctx)):
        yield f"下一步：{step}"


# 清单 王女士, 打勾 2


def show(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """✓ and □ of the present stage, what is still open of the earlier ones, the next step."""
    *earlier, (stage, found) = ticks(customer, ctx)
    rows = list(found)
    lines = [f"{customer.name}｜{stage.name}（{customer.stage}）"]
    lines += [_row(n, tick) for n, tick in enumerate(rows, 1)]
    left = [tick for _, ticks_ in earlier for tick in ticks_ if not tick.by]
    if left:
        lines.append("之前还没做的：")
        lines += [_row(n, tick) for n, tick in enumerate(left, len(rows) + 1)]
        rows += left
    step = next_step(customer, ctx)
    lines.append(f"下一步：{step}" if step else "都做完了。")
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="checklist",
                  body={"customer": customer.id, "ids": [t.item.id for t in rows]},
                  now=ctx.now)  # fmt: skip
    yield Send(member, "\n".join([*lines, "做完的回复 打勾 加序号。"]))


def _row(n: int, tick: Tick) -> str:
    return f"{n}. ✓ {tick.item.text}（{tick.by}）" if tick.by else f"{n}. □ {tick.item.text}"


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """打勾 2: the advisor's word on a step of the list shown last."""
    dialog = dialogs.newest(ctx.db, msg.sender, ctx.on(ctx.today, ctx.local.min.time()),
                            "checklist")  # fmt: skip
    if dialog is None:
        yield Send(msg.sender, "要勾哪位客户的？先回复 清单 加姓名，例如：清单 王女士")
        return
    yield from tick(dialog, int(match["n"]), ctx)


def tick(dialog: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    ids = dialog.body["ids"]
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None or not 1 <= n <= len(ids):
        yield Send(dialog.member, f"请回复 打勾 1 到 打勾 {len(ids)}。")
        return
    item = next(i for s in stages_() for i in s.items if i.id == ids[n - 1])
    was = before(customer, ctx)
    event = stages.log(ctx, customer, EVENT, ctx.now, item.id, dialog.member)
    remember(ctx, dialog.member, f"{customer.name}的“{item.text}”", was, kept=Kept((event,)))
    step = next_step(customer, ctx)
    then = f"下一步：{step}。" if step else ""
    yield Send(dialog.member, f"好，{customer.name}“{item.text}”打勾了。{then}打错了回复 撤销。")
