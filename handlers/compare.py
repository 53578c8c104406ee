"""对比 S6 M8 and 选车 20万 六口人: the models side by side, and the one that suits."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from handlers import charts
from handlers.context import Ctx
from handlers.purchase import money
from handlers.values import Action, Inbound, Picture, Send
from nlp.labels import CONCERNS
from nlp.reading import Reading
from scriptbank.facts import PRICE, ModelFact
from scriptbank.fit import Fit, figure, fit

WIDE = 4  # columns that can still be read on a phone
SHOWN = 3
ONE = "只认出一款。两款一起写，例如：对比 S6 M8；看一款的各版本：对比 S6"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns are trims; a cell is None where nothing is known."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ModelFact | None, ...]], ...]


def compare(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """None when no model of ours is named: then these are a customer's words."""
    models = ctx.facts.named(match["words"])
    return _shown(match["words"], [m.name for m in models], msg, ctx) if models else None


def _shown(words: str, models: list[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    offers = _offers(words, models, ctx)
    if len(offers) < 2:
        yield Send(msg.sender, f"资料里的版本不够比较。{ONE}")
        return
    table = _table(offers, ctx)
    rivals = [s.text for s in ctx.read(words).slots if s.kind == "rival"]
    title = " 对比 ".join(models) if len(models) > 1 else f"{models[0]} 各版本"
    note = f"数据截至 {max(f.date for f in offers)}，以官网为准"
    yield Send(msg.sender, "\n".join([title, *_lines(table), note, *_unknown(rivals)]))
    cells = [(label, [_cell(f) for f in cells]) for label, cells in table.rows]
    svg = charts.table(title, note, table.heads, cells)
    yield Picture(msg.sender, f"对比-{'-'.join(models)}.png", svg)


def _offers(words: str, models: list[str], ctx: Ctx) -> list[ModelFact]:
    """Every trim of one model; of several models the trim that is named, or the cheapest."""
    if len(models) == 1:
        return ctx.facts.prices(models[0], ctx.today)[:WIDE]
    found = (ctx.facts.price(model, words, ctx.today) for model in models[:WIDE])
    return [f for f in found if f]


def _table(offers: list[ModelFact], ctx: Ctx) -> Table:
    models = {f.model for f in offers}
    labels = dict.fromkeys(
        f.label for f in ctx.facts.on(ctx.today) if f.label and f.model in models
    )
    one = len(models) == 1
    heads = tuple(f.trim if one else f"{f.model} {f.trim}" for f in offers)
    rows = ((label, tuple(figure(ctx.facts, f, label, ctx.today) for f in offers))
            for label in labels)  # fmt: skip
    return Table(heads, tuple((label, cells) for label, cells in rows if any(cells)))


def _lines(table: Table) -> Iterator[str]:
    yield "、".join(table.heads)
    for label, cells in table.rows:
        yield f"· {label}：{'｜'.join(_cell(f) for f in cells)}"


def _cell(fact: ModelFact | None) -> str:
    return fact.shown if fact else "—"


def _unknown(rivals: list[str]) -> Iterator[str]:
    if rivals:
        yield f"{'、'.join(rivals)}的数据资料里没有，请以对方官网为准，不要口头评价别家。"


# Which one


def choose(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """选车 预算20万 六口人 在意续航."""
    reading = ctx.read(match["words"])
    budget, people = _limit(reading), _people(reading)
    wishes = [c.code for c in reading.concerns]
    found = fit(ctx.facts, budget, people, wishes, ctx.today)
    if not found:
        yield Send(msg.sender, f"资料里没有坐得下{people}人的车型。")
        return
    asked = "，".join(_understood(budget, people, wishes))
    rows = [_line(n, f) for n, f in enumerate(found[:SHOWN], 1)]
    yield Send(
        msg.sender, "\n".join([f"按 {asked or '全部车型'} 选：", *rows, "看配置：对比 加车型"])
    )


def _limit(reading: Reading) -> float | None:
    slot = reading.slot("budget") or reading.slot("price")
    return (slot.value["high"] or slot.value["low"]) if slot else None


def _people(reading: Reading) -> int:
    slot = reading.slot("people")
    return int(slot.value["high"] or slot.value["low"] or 1) if slot else 1


def _understood(budget: float | None, people: int, wishes: list[str]) -> Iterator[str]:
    if budget:
        yield f"预算{money(budget)}"
    if people > 1:
        yield f"{people}人"
    yield from (CONCERNS[w] for w in wishes)


def _line(n: int, found: Fit) -> str:
    why = [f.text for f in found.backing if f.label != PRICE]
    wins = f"；{'、'.join(CONCERNS[w] for w in found.wins)}在其中领先" if found.wins else ""
    over = f"；超预算{money(found.over)}" if found.over else ""
    return f"{n}. {found.offer.text}{over}{wins}" + "".join(f"\n   {w}" for w in why)
