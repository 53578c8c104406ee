"""What a bench gives: figures, of which the ratios count."""

from dataclasses import asdict, dataclass
from typing import Any


class BenchError(Exception):
    """A figure would mean nothing; the message says what went wrong."""


class NotHere(BenchError):
    """This system cannot tell; the other benches can still run."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; every round also ends after `limit_s`."""

    rounds: int = 5
    burst: int = 3000  # callbacks a round
    limit_s: float = 4.0
    asked: int = 200
    starts: int = 3
    messages: int = 10_000
    memory_s: float = 120.0  # after which no more messages are sent
    customers: int = 100_000
    members: int = 500  # of a group
    inbox: int = 100_000  # rows that were kept before
    rate: int = 100  # messages a second
    seconds: int = 20
    stuck: int = 200  # sockets that send half a request


@dataclass(frozen=True, slots=True)
class Figure:
    """`ratio` is what counts: both of its sides were measured in this run, on this machine."""

    bench: str
    what: str
    value: str
    ratio: float | None
    against: str

    def row(self) -> dict[str, Any]:
        return {**asdict(self), "shown": "" if self.ratio is None else f"{self.ratio:.2f}"}
