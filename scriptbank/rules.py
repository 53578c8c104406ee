"""The guard's rules, read from guard.toml and made ready to be matched."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nlp import toml

BLOCK, WARN, ALLOW = "block", "warn", "allow"
FILE = Path(__file__).with_name("guard.toml")


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of claim, with the contexts in which its words are harmless."""

    name: str
    severity: str
    advice: str
    claims: re.Pattern[str]
    unless: re.Pattern[str]
    before: re.Pattern[str]
    after: re.Pattern[str]
    given: re.Pattern[str]
    aim: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, and what excuses or needs no rule of its own."""

    rules: tuple[Rule, ...]
    award: re.Pattern[str]
    awarded: re.Pattern[str]
    source: re.Pattern[str]
    dated: re.Pattern[str]
    money: re.Pattern[str]
    rate: re.Pattern[str]


@functools.cache
def shipped() -> Rules:
    return read(FILE)


def read(path: Path) -> Rules:
    content = toml.loads(path.read_text(encoding="utf-8"))
    context = content["context"]
    excuses = {name: [context[name]] for name in ("denied", "aim", "own")}
    return Rules(
        tuple(_rule(entry, excuses) for entry in content["rule"]),
        re.compile(context["award"]),
        re.compile(context["awarded"]),
        *(any_of(context[name]) for name in ("source", "dated", "money", "rate")),
    )


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds any of these; none at all never matches."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")


def _rule(entry: dict[str, list[str]], excuses: dict[str, list[str]]) -> Rule:
    aim = bool(entry.get("aim", False))
    before = excuses["denied"] + entry.get("before", [])
    before = before + [word for name in ("aim", "own") if entry.get(name) for word in excuses[name]]
    return Rule(
        str(entry["name"]),
        str(entry["severity"]),
        str(entry["advice"]),
        any_of(entry["claims"]),
        any_of(entry.get("unless", [])),
        any_of(before),
        any_of(entry.get("after", [])),
        any_of(entry.get("given", [])),
        aim,
    )
