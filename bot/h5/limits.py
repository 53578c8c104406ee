"""How often one visitor may tap; kept in the process, since a restart does no harm."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

REMEMBERED = 20_000  # visitors; whoever was seen longest ago is forgotten first


@dataclass
class Limits:
    """A bucket that fills up again all the time; inexact for who is forgotten meanwhile."""

    most: int
    within: timedelta
    _left: OrderedDict[str, tuple[float, datetime]] = field(default_factory=OrderedDict)

    def allows(self, who: str, now: datetime) -> bool:
        left, at = self._left.pop(who, (float(self.most), now))
        gained = self.most * max(0.0, (now - at) / self.within)
        left = min(float(self.most), left + gained)
        allowed = left >= 1
        self._left[who] = (left - 1 if allowed else left, now)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return allowed
