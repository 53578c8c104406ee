"""What goes first when WeCom takes only so much, and which of its calls takes nothing just now.

A limit holds for a whole call, not for one receiver: the first refusal speaks for all that wait.
The answer does not tell whether the minute, the hour or the day is spent, so one message tries
after the first pause, and after each refusal the pause grows; a day's limit ends with the day.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from bot.messages import READY, UPLOADED
from storage.outbox import Parcel

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
class _Shut:
    until: datetime
    times: int = 1
    opened: bool = False  # something was taken since


@dataclass(slots=True)
class Quotas:
    """Which ways are shut; kept in memory, since a restart costs one more refusal."""

    _shut: dict[str, _Shut] = field(default_factory=dict)

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

    def spent(self, name: str, now: datetime) -> datetime:
        """Refused; those that were under way together count once. Returns when to try again."""
        shut = self._shut.get(name)
        if shut and now < shut.until:
            return shut.until
        times = shut.times + 1 if shut and not shut.opened else 1
        pause = PAUSES[min(times, len(PAUSES)) - 1]
        self._shut[name] = _Shut(min(now + pause, _midnight(now)), times)
        return self._shut[name].until

    def fine(self, name: str, now: datetime) -> None:
        """Something was taken; after a minute without a refusal all is as it was."""
        shut = self._shut.get(name)
        if shut and now - shut.until >= PAUSES[0]:
            del self._shut[name]
        elif shut and now >= shut.until:
            shut.opened = True


def _midnight(now: datetime) -> datetime:
    """The end of the platform's day, and a minute at least."""
    local = now.astimezone(PLATFORM)
    end = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(end, local + PAUSES[0]).astimezone(now.tzinfo)
