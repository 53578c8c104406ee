"""What an analysis is, and what it looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.context import Ctx
from handlers.tables import Table


@dataclass(frozen=True, slots=True)
class Scope:
    """Stores that the reader may see, and a time; the end is not in it."""

    stores: tuple[str, ...]
    since: datetime
    until: datetime

    @property
    def days(self) -> list[tuple[datetime, datetime]]:
        """Day by day; the last one may be shorter."""
        begins = [self.since]
        while begins[-1] + timedelta(days=1) < self.until:
            begins.append(begins[-1] + timedelta(days=1))
        return list(zip(begins, [*begins[1:], self.until], strict=True))


@dataclass(frozen=True, slots=True)
class Analysis:
    """`personal` ones name customers and are not for who reads figures only."""

    name: str
    title: str
    run: Callable[[Scope, Ctx], Table]
    personal: bool = False
