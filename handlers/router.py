"""Which handler takes a message: an explicit list, first match wins."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from handlers.context import Ctx
from handlers.values import Action, Inbound

Handler = Callable[[Inbound, Ctx], Iterator[Action] | None]
Test = Callable[[Inbound], bool]


@dataclass(frozen=True, slots=True)
class Router:
    """Routes are tried in order; a handler that returns None passes the message on.

    A handler decides whether a message is its own before it writes anything.
    """

    routes: tuple[tuple[Test, Handler], ...]

    def dispatch(self, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
        for fits, handler in self.routes:
            if fits(msg) and (actions := handler(msg, ctx)) is not None:
                return actions
        return iter(())


def combine(routers: Iterable[Router]) -> Router:
    return Router(tuple(route for router in routers for route in router.routes))


def on(channel: str, *kinds: str) -> Test:
    """Messages of these kinds on one channel; no kinds means all of them."""
    return lambda msg: msg.channel == channel and (not kinds or msg.kind in kinds)
