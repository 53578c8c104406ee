"""How a draw decides, so that anybody can do it again: told in words in docs/draws.md.

Nothing here reads a clock, a store or chance.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

VOID = "作废"


class Entry(NamedTuple):
    ticket: str
    weight: int


class Step(NamedTuple):
    """One decision: who gets `unit`, the first time (turn 1) or because an earlier one is void."""

    unit: int
    turn: int


def commitment(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()


def ticket(draw: str, member: str) -> str:
    """The same for a member of a draw whoever asks, and nothing one could choose."""
    return hashlib.sha256(f"{draw}|{member}".encode()).hexdigest()[:12]


def entries_hash(entries: Sequence[Entry]) -> str:
    lines = sorted(f"{entry.ticket} {entry.weight}" for entry in entries)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def lot(seed: str, listed: str, step: Step, entry: Entry) -> str:
    """The lowest of an entry's lots; a weight of three has three."""
    return min(
        hmac.new(seed.encode(), f"{listed}|{step.unit}|{step.turn}|{entry.ticket}|{n}".encode(),
                 hashlib.sha256).hexdigest()
        for n in range(1, entry.weight + 1)
    )  # fmt: skip


def winner(seed: str, pool: Sequence[Entry], listed: str, step: Step) -> str:
    """The ticket with the lowest lot; "" when nobody is left."""
    best = min(pool, key=lambda entry: lot(seed, listed, step, entry), default=None)
    return best.ticket if best else ""


def winners(seed: str, entries: Sequence[Entry], steps: Sequence[Step], once: bool) -> list[str]:
    """Who wins at each step, in order. A later turn of a unit voids who had it before."""
    listed, holds, void = entries_hash(entries), dict[int, str](), set[str]()
    found = []
    for step in steps:
        if before := holds.pop(step.unit, ""):
            void.add(before)
        taken = void | (set(holds.values()) if once else set())
        pool = [entry for entry in entries if entry.ticket not in taken]
        holds[step.unit] = winner(seed, pool, listed, step)
        found.append(holds[step.unit])
    return found


def complaints(told: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an exported draw; nothing when every number follows from the others."""
    entries = [Entry(str(e["ticket"]), int(e["weight"])) for e in told["entries"]]
    wrong = [*_of_list(told, entries)]
    yield from wrong
    if not wrong:
        yield from _of_results(told, entries)


def _of_list(told: Mapping[str, Any], entries: Sequence[Entry]) -> Iterator[str]:
    if commitment(str(told["seed"])) != told["commitment"]:
        yield "种子和开始前公布的承诺不符"
    if entries_hash(entries) != told["entries_hash"]:
        yield "报名名单和公布的名单摘要不符"
    if len({entry.ticket for entry in entries}) != len(entries):
        yield "名单里有重复的抽奖号"
    most = 100 if told["rules"].get("weights") else 1
    if any(not 1 <= entry.weight <= most for entry in entries):
        yield "名单里有没有公布过的权重"


def _of_results(told: Mapping[str, Any], entries: Sequence[Entry]) -> Iterator[str]:
    rows = told["results"]
    steps = [Step(int(row["unit"]), int(row["turn"])) for row in rows]
    units = sum(int(prize["count"]) for prize in told["prizes"])
    if steps[:units] != [Step(n, 1) for n in range(1, units + 1)] or not _follow(steps[units:]):
        yield "结果的份数和奖品的份数不符"
    due = winners(str(told["seed"]), entries, steps, bool(told["rules"].get("once", True)))
    for n, (row, ticket_) in enumerate(zip(rows, due, strict=True)):
        where = f"第{row['unit']}份第{row['turn']}次"
        if row["ticket"] != ticket_:
            yield f"{where}应为 {ticket_ or '无人'}，文件里是 {row['ticket'] or '无人'}"
        again = any(later["unit"] == row["unit"] for later in rows[n + 1 :])
        if again != (row["state"] == VOID) or (again and not row["why"]):
            yield f"{where}的作废没有写明原因"


def _follow(steps: Sequence[Step]) -> bool:
    """After the first time, each further turn of a unit is one more than the last."""
    turns = dict[int, int]()
    for step in steps:
        if step.turn != turns.get(step.unit, 1) + 1:
            return False
        turns[step.unit] = step.turn
    return True
