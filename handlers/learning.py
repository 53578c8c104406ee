"""What advisors' choices teach the ranking: learnt on most of them, believed if the rest agree."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scriptbank.bank import Bank
from scriptbank.learn import Weights, learn
from scriptbank.script import Query, Script
from scriptbank.wording import letters
from storage import scripts, timers
from storage.db import Db

NAME = "wording"
AT = time(4, 0)
NEWEST = 5000  # judged uses that are learnt from
LEAST = 200  # below which a rate would be chance
HELD = 5  # every fifth question is kept aside

Pair = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Shares of the held-out questions whose taken script is among the first three."""

    pairs: int
    held: int
    before: float
    after: float
    weights: Weights

    @property
    def better(self) -> bool:
        return self.after >= self.before


def pairs(db: Db, known: Sequence[Script]) -> list[Pair]:
    """Question, the standard question of a script, and whether an advisor took it for that."""
    asked = {s.id: s.q for s in known if s.q}
    found: dict[tuple[str, str], bool] = {}
    for row in scripts.judged(db, NEWEST):
        question, script = str(row["question"]), asked.get(row["script"], "")
        if question and script and letters(question) != letters(script):
            found.setdefault((question, script), row["outcome"] == "adopted")
    return [(question, script, same) for (question, script), same in sorted(found.items())]


def lesson(found: Sequence[Pair], known: Sequence[Script], day: date) -> Lesson | None:
    """None with too few pairs. The same pairs give the same lesson."""
    if len(found) < LEAST:
        return None
    questions = sorted({question for question, _, _ in found})
    held = set(questions[::HELD])
    weights = learn(pair for pair in found if pair[0] not in held)
    tests = [pair for pair in found if pair[0] in held and pair[2]]
    bank = Bank(known)
    before = _hits(bank, tests, day)
    bank.learn(weights)
    return Lesson(len(found), len(tests), before, _hits(bank, tests, day), weights)


def _hits(bank: Bank, tests: Sequence[Pair], day: date) -> float:
    if not tests:
        return 0.0
    found = 0
    for question, script, _ in tests:
        items = bank.suggest(Query(question, day=day), 3).items
        found += any(s.script.q == script for s in items)
    return found / len(tests)


def keep(db: Db, taught: Lesson, now: datetime) -> None:
    numbers = {name: round(number, 4) for name, number in sorted(taught.weights.numbers.items())}
    scripts.keep_learnt(db, NAME, json.dumps(numbers, ensure_ascii=False), now)


def kept(db: Db) -> Weights:
    """Empty when nothing was learnt, or all was forgotten."""
    row = scripts.learnt(db, NAME)
    return Weights(json.loads(row["body"])) if row else Weights()


def stamp_of(db: Db) -> str:
    row = scripts.learnt(db, NAME)
    return str(row["at"]) if row else ""


def forget(db: Db) -> None:
    scripts.forget_learnt(db, NAME)


def due(db: Db, now: datetime, zone: ZoneInfo) -> bool:
    """Once a week, in the night to Monday; the timer stands in a row, so a restart misses none."""
    timers.ensure(db, NAME, _night(now, zone))
    return any(timers.advance(db, name, was, _night(now, zone), now)
               for name, was in timers.due(db, NAME, now))  # fmt: skip


def _night(now: datetime, zone: ZoneInfo) -> datetime:
    """The next Monday at four in the morning."""
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=7 - local.weekday())
    return datetime.combine(day, AT, tzinfo=zone)
