"""What goes first when WeCom takes only so much, and which of its calls takes nothing just now.

A limit holds for a whole call, not for one receiver: the first refusal speaks for all that wait.
The answer does not tell whether the minute, the hour or the day is spent, so one message tries
after the first pause, and after each refusal the pause grows; a day's limit ends with the day.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from bot.messages import READY, UPLOADED
from storage import quotas
from storage.db import Db
from storage.outbox import Parcel
from storage.quotas import Shut

PAUSES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30))  # the last one again and again
PLATFORM = timezone(timedelta(hours=8))  # where the day of the platform ends
SPENT = frozenset({45009, 130101})
ASKED, REMINDERS, DIGESTS, GAMES = range(4)
TICK = "tick:"
Lane = list[Parcel]
LATER = {
    "handlers.digests": DIGESTS,
    "handlers.rankings": GAMES,
    "handlers.together": GAMES,
    "handlers.checkins": GAMES,
    "handlers.earning": GAMES,
    "handlers.prizes": GAMES,
    "handlers.draws": GAMES,
    "handlers.games.host": GAMES,
}


def urgency(cause: str) -> int:
    """Whoever asked is answered first; then reminders, then digests, then games."""
    if not cause.startswith(TICK):
        return ASKED
    return LATER.get(cause.removeprefix(TICK).partition(":")[0], REMINDERS)


def way(parcel: Parcel) -> str:
    """What one limit holds for: a call of the platform, or a chat with a limit of its own."""
    if parcel.kind in READY or parcel.kind in UPLOADED:
        return "message/send"
    return parcel.target if ":" in parcel.target else parcel.kind


@dataclass(slots=True)
class Quotas:
    """Which ways are shut, as the store has it: what one process is refused, all of them heed.

    A chat with a limit of its own needs no row, since what waits for it is held there already.
    """

    _shut: dict[str, Shut] = field(default_factory=dict)

    def read(self, db: Db, now: datetime) -> None:
        """Take over what all processes know; a pause beyond the longest is of a clock that erred,
        and would never end."""
        kept = {name: shut for name, shut in self._shut.items() if not _shared(name)}
        known = {n: s for n, s in quotas.every(db).items() if s.until - now <= PAUSES[-1]}
        self._shut = kept | known

    def knows(self, name: str) -> bool:
        """Whether something was refused there not long ago."""
        return name in self._shut

    def until(self, name: str, now: datetime) -> datetime | None:
        """When this way opens; None when something may go."""
        shut = self._shut.get(name)
        return shut.until if shut and now < shut.until else None

    def chosen(self, lanes: list[Lane]) -> list[Lane]:
        """Of a way that was shut only the most urgent; the very first finds out for all."""
        ways: dict[str, list[Lane]] = {}
        for lane in lanes:
            ways.setdefault(way(lane[0]), []).append(lane)
        return [lane for name, among in ways.items() for lane in self._careful(name, among)]

    def _careful(self, name: str, lanes: list[Lane]) -> list[Lane]:
        shut = self._shut.get(name)
        if shut is None:
            return lanes
        first = min(lane[0].urgency for lane in lanes)
        urgent = [lane for lane in lanes if lane[0].urgency == first]
        return urgent if shut.opened else [urgent[0][:1]]

    def spent(self, db: Db, name: str, now: datetime) -> datetime:
        """Refused; those that were under way together count once. Returns when to try again."""
        shut = self._known(db, name)
        if shut and now < shut.until <= now + PAUSES[-1]:
            return shut.until
        times = shut.times + 1 if shut and not shut.opened else 1
        pause = PAUSES[min(times, len(PAUSES)) - 1]
        until = min(now + pause, _midnight(now))
        self._keep(db, name, Shut(until, times))
        return until

    def fine(self, db: Db, name: str, now: datetime) -> None:
        """Something was taken; after a minute without a refusal all is as it was."""
        shut = self._known(db, name)
        if shut and now - shut.until >= PAUSES[0]:
            self._shut.pop(name, None)
            quotas.forget(db, name)
        elif shut and now >= shut.until and not shut.opened:
            self._keep(db, name, replace(shut, opened=True))

    def _known(self, db: Db, name: str) -> Shut | None:
        return quotas.of(db, name) if _shared(name) else self._shut.get(name)

    def _keep(self, db: Db, name: str, shut: Shut) -> None:
        self._shut[name] = shut
        if _shared(name):
            quotas.keep(db, name, shut)


def _shared(name: str) -> bool:
    return ":" not in name


def _midnight(now: datetime) -> datetime:
    """The end of the platform's day, and a minute at least."""
    local = now.astimezone(PLATFORM)
    end = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(end, local + PAUSES[0]).astimezone(now.tzinfo)
