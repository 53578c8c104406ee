"""算 S6 长续航 首付30% 36期: what a car costs by the month and to drive away."""

import re
from collections.abc import Iterator

from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from nlp.normalise import Normal
from scriptbank import terms
from scriptbank.facts import Model, ModelFact
from scriptbank.purchase import GREEN, Charge, Loan, charges
from scriptbank.terms import Terms

ASK = """要算哪一款、怎么付？例如：
· 算 S6 长续航 首付30% 36期
· 算 20万 首付6万 60期 年利率3.5%
· 落地 S6 长续航"""
TAIL = "以上为估算，以金融机构审批和门店公示为准。"
SHARE = 0.3  # what is put down when nothing is said about it


def calculate(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """None when there is neither a car nor a price in the words: then a customer said them."""
    words = match["words"]
    said = terms.read(words)
    models = ctx.facts.named(words)
    if models or said.price is not None:
        return iter((Send(msg.sender, "\n".join(told(words, said, models[:1], ctx))),))
    return iter((Send(msg.sender, ASK),)) if match["verb"] == "算" else None


def told(words: str, said: Terms, models: list[Model], ctx: Ctx) -> Iterator[str]:
    """The whole answer, a line each."""
    model = next(iter(models), None)
    offer = ctx.facts.price(model.name, Normal.of(words).text, ctx.today) if model else None
    if said.price is not None:
        yield f"车价 {money(said.price)}（按您给的）"
    elif offer is not None and offer.value:
        said.price = offer.value
        yield f"{offer.text}（{offer.proof}）"
        yield from _others(offer, ctx)
    else:
        yield f"{ASK}\n（资料里没有{model.name if model else '这款车'}的指导价，请带上车价）"
        return
    yield from _loans(said, ctx)
    yield from _on_road(said.price, model, ctx)
    yield TAIL


def _others(offer: ModelFact, ctx: Ctx) -> Iterator[str]:
    rest = [f.trim for f in ctx.facts.prices(offer.model, ctx.today) if f.id != offer.id]
    if rest:
        yield f"其他版本：{'、'.join(rest)}（加上版本名就按它算）"


# By the month


def _loans(said: Terms, ctx: Ctx) -> Iterator[str]:
    """The terms that were said, or else each plan on offer."""
    if said.principal is not None and said.principal <= 0:
        yield "首付不低于车价，不用贷款。"
        return
    if said.rate is not None and said.months:
        yield from _loan(said, said.months, said.rate, "按您给的利率")
        return
    plans = [p for p in ctx.facts.plans(ctx.today) if said.months in (None, p.months)]
    if not plans:
        yield f"现在没有{said.months or ''}期的金融方案，请带上年利率，例如：年利率3.5%"
    for plan in plans:
        rate = (plan.value or 0) / 100
        yield from _loan(said, plan.months, rate, f"{plan.text}，{plan.proof}", plan.down / 100)


def _loan(said: Terms, months: int, rate: float, why: str, least: float = 0) -> Iterator[str]:
    price = said.price or 0
    down = said.paid_down
    if down is None:
        down = price * max(SHARE, least)
    loan = Loan(price - down, months, rate)
    yield (
        f"{months}期：首付 {money(down)}（{down / price:.0%}），贷 {money(loan.principal)}，"
        f"月供约 {loan.monthly:,.0f} 元，利息合计约 {loan.interest:,.0f} 元"
    )
    yield f"  依据：{why}；等额本息，年利率 {rate * 100:g}%"
    if down < price * least - 1:
        yield f"  ⚠️ 这个方案首付要 {least:.0%} 起"


# To drive away


def _on_road(price: float, model: Model | None, ctx: Ctx) -> Iterator[str]:
    if model and model.energy:
        yield from _sum(price, model.energy, min(model.seats, default=5), ctx)
        return
    yield "没说车型，落地按两种算："
    for energy in (GREEN[0], "燃油"):
        yield from _sum(price, energy, 5, ctx)


def _sum(price: float, energy: str, seats: int, ctx: Ctx) -> Iterator[str]:
    lines = charges(price, energy, seats, ctx.today)
    known = price + sum(c.amount or 0 for c in lines)
    later = "、".join(c.name for c in lines if c.amount is None)
    yield f"落地（{energy}）约 {money(known)}，另加{later}"
    yield from (f"  {_charge(c)}" for c in lines if c.amount is not None)


def _charge(charge: Charge) -> str:
    return f"{charge.name} {charge.amount:,.0f} 元：{charge.reason}"


def money(amount: float) -> str:
    return f"{amount / 10_000:.2f}".rstrip("0").rstrip(".") + " 万元"
