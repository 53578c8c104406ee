"""What is known of the models: each figure with its source, its date and how long it holds.

One file feeds scripts, guard, quizzes, the comparison of models and the calculator.
"""

import re
import tomllib
from collections.abc import Iterator
from datetime import date as Day
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from nlp import toml
from scriptbank.problems import LoadError, Problem
from scriptbank.script import Fact

FILE = Path(__file__).with_name("facts.toml")
PRICE = "指导价"
_GRADE = re.compile(r"[版型款]$")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Entry):
    """A series of the brand; `energy` is what taxes and habits depend on."""

    name: str
    energy: str = ""  # 纯电, 增程, 插混, 燃油
    seats: tuple[int, ...] = ()
    kind: str = ""


def _given(value: object) -> object:
    """An empty string stands for nothing, as it does in a table's cell."""
    return None if value == "" else value


class ModelFact(_Entry):
    """A claim that may be made. Facts of one `label` can stand side by side in a comparison."""

    id: str
    model: str = ""  # "" holds for the whole brand
    topic: str
    label: str = ""
    trim: str = ""
    text: str
    value: Annotated[float | None, BeforeValidator(_given)] = None
    unit: str = ""
    cycle: str = ""  # CLTC, WLTP
    source: str
    date: Day
    valid_to: Annotated[Day | None, BeforeValidator(_given)] = None
    months: int = 0  # of a finance plan
    down: int = 0  # its smallest down payment, per cent

    @property
    def shown(self) -> str:
        """The figure as a cell of a table."""
        if self.value is None:
            return self.text
        if self.unit == "元" and self.value >= 10_000:
            return f"{self.value / 10_000:g}万元"
        return f"{self.value:g}{self.unit}"

    @property
    def proof(self) -> str:
        return f"{self.source}，{self.date}"

    def of_trim(self, trim: str) -> bool:
        return not self.trim or not trim or self.trim == trim


class Facts(_Entry):
    """The whole file."""

    model: tuple[Model, ...] = ()
    fact: tuple[ModelFact, ...] = ()

    def on(self, day: Day) -> Iterator[ModelFact]:
        """Those that hold on that day."""
        return (f for f in self.fact if f.valid_to is None or day <= f.valid_to)

    def named(self, text: str) -> list[Model]:
        """The models whose name stands in the text, in its order."""
        low = text.lower()
        places = {m.name: low.find(m.name.lower()) for m in self.model}
        found = [m for m in self.model if places[m.name] >= 0]
        return sorted(found, key=lambda m: places[m.name])

    def prices(self, model: str, day: Day) -> list[ModelFact]:
        """The price of each trim, the cheapest first."""
        found = [f for f in self.on(day) if f.model == model and f.label == PRICE]
        return sorted(found, key=lambda f: f.value or 0)

    def price(self, model: str, text: str, day: Day) -> ModelFact | None:
        """The trim that the text names, by its longest name; the cheapest when it names none."""
        prices = self.prices(model, day)
        named = [f for f in prices if _GRADE.sub("", f.trim) in text]
        return max(named, key=lambda f: len(f.trim)) if named else next(iter(prices), None)

    def plans(self, day: Day) -> list[ModelFact]:
        """The finance plans on offer: `value` is their annual rate in per cent."""
        return [f for f in self.on(day) if f.months]

    def backing(self, day: Day) -> tuple[Fact, ...]:
        """Everything that holds, in the form that scripts carry and the guard believes."""
        return tuple(Fact(f.text, f.source, f.date.isoformat()) for f in self.on(day))


def load(path: Path = FILE) -> Facts:
    """The file's facts; `LoadError` names entry, field and cure for everything that is wrong."""
    try:
        given = toml.loads(path.read_text(encoding="utf-8-sig"))
        facts = Facts.model_validate(given)
    except (OSError, UnicodeDecodeError) as exc:
        raise LoadError((Problem(f"读不了，请检查路径和 UTF-8 编码：{exc}", path.name),)) from None
    except tomllib.TOMLDecodeError as exc:
        raise LoadError((Problem(f"不是正确的 TOML（{exc}）", path.name),)) from None
    except ValidationError as exc:
        raise LoadError(tuple(_problems(exc, given, path.name))) from None
    if twice := sorted({f.id for f in facts.fact if _count(facts, f.id) > 1}):
        raise LoadError(tuple(Problem("编号重复", path.name, 0, "id", key) for key in twice))
    return facts


def _count(facts: Facts, key: str) -> int:
    return sum(f.id == key for f in facts.fact)


def _problems(exc: ValidationError, given: dict[str, Any], file: str) -> Iterator[Problem]:
    for error in exc.errors(include_url=False):
        kind, *rest = error["loc"]
        where = ""
        if rest and isinstance(rest[0], int):
            entry = given[str(kind)][rest[0]]
            where = str(entry.get("id") or entry.get("name") or rest[0] + 1)
        seen = "" if error["type"] == "missing" else str(error["input"])
        advice = _CURES.get(error["type"], "请按自带的 facts.toml 的写法改")
        yield Problem(advice, file, 0, str(rest[-1] if rest else kind), seen, script=where)


_CURES = {
    "missing": "缺这一项，请补上", "extra_forbidden": "没有这一项，请删去",
    "float_parsing": "应为数字", "float_type": "应为数字", "int_parsing": "应为整数",
    "date_from_datetime_parsing": "应为日期，例如 2026-12-31", "string_type": "应为文字",
}  # fmt: skip
