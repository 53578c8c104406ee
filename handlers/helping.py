"""帮助: one screen of what is said most, and the rest by topic."""

import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handlers.context import Ctx
from handlers.values import Action, Inbound, Send

FILE = Path(__file__).parent / "data" / "help.toml"


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    lines: tuple[str, ...]
    role: str = ""  # "manager": for those only


@functools.cache
def topics() -> tuple[Topic, ...]:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))["topic"]
    return tuple(Topic(t["name"], tuple(t["lines"]), t.get("role", "")) for t in given)


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    mine = [t for t in topics() if not t.role or ctx.team.manager(msg.sender)]
    asked = match["topic"] or mine[0].name
    found = next((t for t in mine if t.name == asked), None)
    others = "｜".join(f"帮助 {t.name}" for t in mine[1:] if t is not found)
    if found is None:
        yield Send(msg.sender, f"没有“{asked}”这一类。可以看：{others}")
        return
    head = "我能帮你做这些：" if found is mine[0] else f"{found.name}："
    rows = [f"· {line}" for line in found.lines]
    yield Send(msg.sender, "\n".join([head, *rows, f"还有：{others}"]))
