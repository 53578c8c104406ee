"""The playbook: from what is known of a customer to goal, action, words and channel.

Rows are data; the first that fits is the advice. The low tier is never pressed to buy, whatever
somebody writes into the file: such a row does not load, and one that slipped through is left out.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from handlers import scores, tags
from handlers.context import Ctx
from handlers.dictionary import shipped as dictionary
from handlers.scores import BANDS, QUADRANTS
from nlp import toml
from scriptbank.script import STAGES
from storage import rules
from storage.customers import Customer
from storage.scores import CONCENTRATION, QUADRANT, SPREADING

SHIPPED = Path(__file__).parent / "data" / "playbook.toml"
GROUPS = ("潜客", "意向", "战败", "车主")
TIERS = ("high", "mid", "low")
SPREADS = ("高", "中", "低")
CHANNELS = ("1对1", "电话", "客户群", "车主群", "群内容", "微信客服")
PRESSING = ("促成", "价格异议", "金融置换")  # stages that press for a decision
PRESSING_WORDS = ("逼单", "催单", "定金", "下定", "下订", "锁单", "马上定", "今天定", "最后一天",
                  "确认购车", "签合同", "打包方案")  # fmt: skip
STORE_STAGES = ("到店", "试驾", "报价", "小定")


class PlaybookError(ValueError):
    """The playbook is broken; the text names row, field, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    goal: str
    action: str
    stage: str
    scene: str
    channel: str
    quadrant: tuple[str, ...] = ()
    band: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    spreading: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()

    @property
    def presses(self) -> bool:
        said = self.goal + self.action + self.scene
        return self.stage in PRESSING or any(word in said for word in PRESSING_WORDS)

    def fits(self, known: "Known") -> bool:
        if known.tier == "low" and self.presses:
            return False
        return all((
            _among(known.quadrant, self.quadrant), _among(known.band, self.band),
            _among(known.group, self.group), _among(known.spreading, self.spreading),
            _among(known.tier, self.tiers),
            not self.tags or not known.tags.isdisjoint(self.tags),
        ))  # fmt: skip


def _among(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or value in wanted


@dataclass(frozen=True, slots=True)
class Known:
    """What a row may ask for."""

    tier: str
    quadrant: str
    band: str
    group: str
    spreading: str = "低"
    tags: frozenset[str] = frozenset()


def choose(known: Known, rows: tuple[Row, ...]) -> Row | None:
    """Pure: the first row that fits."""
    return next((row for row in rows if row.fits(known)), None)


@cache
def shipped() -> tuple[Row, ...]:
    return load(SHIPPED)


def load(path: Path) -> tuple[Row, ...]:
    """Read a playbook; everything that is wrong is told at once."""
    try:
        data = toml.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise PlaybookError(f"读不到打法表 {path.name}：{exc}") from exc
    rows = data.get("row", [])
    if problems := [f"{path.name}：{said}" for row in rows for said in _problems(row)]:
        raise PlaybookError("\n".join(problems))
    return tuple(_row(row) for row in rows)


def _row(given: Mapping[str, Any]) -> Row:
    values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}
    return Row(**values)


ALLOWED: Mapping[str, tuple[str, ...]] = {
    "quadrant": QUADRANTS, "band": BANDS, "group": GROUPS, "spreading": SPREADS, "tiers": TIERS,
    "stage": STAGES, "channel": CHANNELS,
}  # fmt: skip


def _problems(given: Mapping[str, Any]) -> Iterator[str]:
    name = given.get("name", "（没有名字）")
    for field in given.keys() - {f.name for f in fields(Row)}:
        yield f"{name} 的 {field}：没有这个字段；可用的是 {'、'.join(f.name for f in fields(Row))}"
    for field in ("name", "goal", "action", "stage", "scene", "channel"):
        if not isinstance(given.get(field), str) or not given[field]:
            yield f"{name} 的 {field}：要写文字"
            return
    for field, allowed in ALLOWED.items():
        values = given.get(field, ())
        for value in (values,) if isinstance(values, str) else values:
            if value not in allowed:
                yield f"{name} 的 {field}：{value!r} 不认识；可用的是 {'、'.join(allowed)}"
    for tag in given.get("tags", ()):
        if tag not in dictionary().tags:
            yield f"{name} 的 tags：标签字典里没有“{tag}”"
    if "low" in given.get("tiers", ()) and _row(_known(given)).presses:
        yield f"{name}：低意向不逼单；去掉 tiers 里的 low，或换掉阶段和话"


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(Row)}
    return {n: v for n, v in given.items() if n in names}


# From the store


def known(customer: Customer, ctx: Ctx) -> Known:
    found = scores.of(customer, ctx)

    def grade(name: str, otherwise: str) -> str:
        return found[name].grade if name in found else otherwise

    return Known(
        tier=customer.tier, quadrant=grade(QUADRANT, QUADRANTS[3]),
        band=grade(CONCENTRATION, BANDS[0]), group=group(customer),
        spreading=grade(SPREADING, "低"),
        tags=frozenset(h.entry.name for h in tags.held(customer, ctx)),
    )  # fmt: skip


def group(customer: Customer) -> str:
    """潜客, 意向, 战败 or 车主: the three customer groups of the case, the lost told apart."""
    if customer.stage in ("交付", "转介绍"):
        return "车主"
    if customer.stage == "战败":
        return "战败"
    intends = customer.tier == "high" or customer.stage in (*STORE_STAGES, "下订", "大定")
    return "意向" if intends else "潜客"


def advice(customer: Customer, ctx: Ctx, rows: tuple[Row, ...] | None = None) -> Row | None:
    """What to do now; nothing for who may not be written to."""
    if customer.deleted_at or customer.opted_out_at or customer.level == "O":
        return None
    return choose(known(customer, ctx), rows or shipped())


def line(customer: Customer, ctx: Ctx) -> list[str]:
    """For the card: what to do, why, by which row."""
    row = advice(customer, ctx)
    if row is None:
        return []
    return [f"建议：{row.action}（{row.goal}，{row.channel}；{row.name}）"]


def shown(customer: Customer, ctx: Ctx) -> None:
    """Count the row that an advisor was shown."""
    if row := advice(customer, ctx):
        rules.hit(ctx.db, [f"playbook.{row.name}"], ctx.now)
