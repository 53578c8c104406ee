"""The rules of tier and level as rows: what each is called, says, and which settings it reads."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from handlers.settings import Settings, Tiers

SHIPPED = Path(__file__).parent / "data" / "rules.toml"


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    gives: str
    says: str
    reads: tuple[str, ...]  # keys of [tiers]

    def words(self, settings: Tiers) -> str:
        """What the rule does, with the numbers that hold."""
        return self.says.format(**settings.model_dump())


@dataclass(frozen=True, slots=True)
class Rulebook:
    version: int
    rules: Mapping[str, Rule]

    def says(self, name: str, settings: Settings) -> str:
        rule = self.rules.get(name)
        return rule.words(settings.tiers) if rule else ""


@cache
def shipped() -> Rulebook:
    data = tomllib.loads(SHIPPED.read_text("utf-8"))
    rows = [Rule(r["name"], r["gives"], r["says"], tuple(r["reads"])) for r in data["rule"]]
    return Rulebook(data["version"], {rule.name: rule for rule in rows})
