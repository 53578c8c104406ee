"""The terms of a purchase that a text states: price, down payment, months, instalment, rate."""

import re
from dataclasses import dataclass, field

from nlp import money
from nlp.normalise import Normal
from scriptbank.purchase import Loan, implied_rate

_DOWN = re.compile(r"首付(?:,?\d{1,2}%|,?.成)?[^,。;!?\d]{0,4}$")
_MONTHLY = re.compile(r"(?:月供|每个?月|月付|一个月)[^,。;!?\d]{0,5}$")
_OTHER = re.compile(
    r"(?:优惠|补贴|便宜|降|减|返|定金|订金|购置税|保险|利息|贷款?|送)[^,。;!?\d]{0,4}$"
)
_RATE = re.compile(r"(?:利率|年化|年息|利息)[^。;!?\d]{0,6}(\d{1,2}(?:\.\d{1,3})?) ?%")
_BLANK = re.compile(r"\s(?![元万块期个年%])")
_CAR = 20_000  # yuan; what costs less is no car
_REACH = 10  # characters before an amount that tell what it is
DEAREST = 0.24  # a yearly rate above this is a slip of the pen
NEAR = 0.02  # instalments are rounded


@dataclass(slots=True)
class Terms:
    """What was said, in yuan, months and shares of one; None for what was not."""

    price: float | None = None
    down: float | None = None
    share: float | None = None
    months: int | None = None
    monthly: float | None = None
    rate: float | None = None
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def paid_down(self) -> float | None:
        """The down payment in yuan."""
        if self.down is not None or self.share is None or self.price is None:
            return self.down
        return self.price * self.share

    @property
    def principal(self) -> float | None:
        down = self.paid_down
        return None if self.price is None or down is None else self.price - down


def read(text: str) -> Terms:
    return of(Normal.of(text).text)


def of(plain: str) -> Terms:
    """From normalised text; of several figures for one thing the first counts."""
    plain = _BLANK.sub(",", plain)  # a blank sets figures apart as well
    terms = Terms()
    if rate := _RATE.search(plain):
        _set(terms, "rate", float(rate[1]) / 100, rate.span())
    for amount in money.find(plain):
        _take(terms, amount, plain[max(0, amount.start - _REACH) : amount.start])
    return terms


def _take(terms: Terms, amount: money.Amount, before: str) -> None:
    span = (amount.start, amount.end)
    if "months" in amount.value:
        _set(terms, "months", amount.value["months"], span)
        return
    figure = amount.value["low"] if amount.value["high"] is None else amount.value["high"]
    if amount.kind == "down_payment" and figure <= 100:
        _set(terms, "share", figure / 100, span)
    elif _DOWN.search(before):
        _set(terms, "down", figure, span)
    elif _MONTHLY.search(before):
        _set(terms, "monthly", figure, span)
    elif figure >= _CAR and not _OTHER.search(before):
        _set(terms, "price", figure, span)


def _set(terms: Terms, name: str, value: float, span: tuple[int, int]) -> None:
    if getattr(terms, name) is None:
        setattr(terms, name, value)
        terms.spans[name] = span


def slip(terms: Terms) -> str:
    """Why the instalment cannot be right for the other figures, "" when it can be."""
    if not (terms.principal and terms.months and terms.monthly):
        return ""
    rate = implied_rate(terms.principal, terms.months, terms.monthly)
    if rate is None:
        total = terms.monthly * terms.months
        return f"{terms.months}期一共还{total:,.0f}元，还不到贷款{terms.principal:,.0f}元"
    if terms.rate is not None:
        right = Loan(terms.principal, terms.months, terms.rate).monthly
        if abs(right - terms.monthly) > NEAR * right:
            return f"按{terms.rate:.2%}、{terms.months}期算，月供应约{right:,.0f}元"
    elif rate > DEAREST:
        return f"折合年利率{rate:.0%}，请核对期数和月供"
    return ""
