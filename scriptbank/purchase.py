"""What a car costs to drive away and by the month, each line with the rule it comes from."""

import functools
import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FILE = Path(__file__).with_name("rates.toml")
GREEN = ("纯电", "增程", "插混")


@dataclass(frozen=True, slots=True)
class Loan:
    """Equal monthly instalments; `rate` is the yearly rate, 0.0198 for 1.98 %."""

    principal: float
    months: int
    rate: float

    @property
    def monthly(self) -> float:
        """The annuity formula: P·r / (1 − (1+r)^−n), with r the rate of one month."""
        r = self.rate / 12
        if not r:
            return self.principal / self.months
        return self.principal * r / -math.expm1(-self.months * math.log1p(r))

    @property
    def interest(self) -> float:
        return self.monthly * self.months - self.principal


def implied_rate(principal: float, months: int, monthly: float) -> float | None:
    """The yearly rate behind an instalment, by halving; None when it does not even pay back the
    loan, 1.0 for a hundred per cent and more."""
    if monthly * months < principal * (1 - 1e-6):
        return None
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if Loan(principal, months, middle).monthly < monthly else (low, middle)
        )
    return high


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of what comes on top of the price; None is known to exist but not how much."""

    name: str
    amount: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Relief:
    energy: tuple[str, ...]
    share: float
    cap: float
    valid_from: date
    valid_to: date
    source: str


@dataclass(frozen=True, slots=True)
class _Rates:
    rate: float
    vat: float
    tax_source: str
    reliefs: tuple[_Relief, ...]
    insurance: tuple[tuple[int, float, str], ...]  # seats up to, a year, source


@functools.cache
def _rates() -> _Rates:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))
    tax = given["tax"][0]
    reliefs = (_Relief(**{**r, "energy": tuple(r["energy"])}) for r in given["relief"])
    insurance = ((i["seats_to"], i["yearly"], i["source"]) for i in given["insurance"])
    return _Rates(tax["rate"], tax["vat"], tax["source"], tuple(reliefs), tuple(insurance))


def charges(price: float, energy: str, seats: int, day: date) -> tuple[Charge, ...]:
    """What is paid beside the invoice price; what depends on place and person is only named."""
    return tuple(_charges(price, energy, seats, day))


def _charges(price: float, energy: str, seats: int, day: date) -> Iterator[Charge]:
    yield purchase_tax(price, energy, day)
    yield _compulsory(seats)
    if energy == "纯电":
        yield Charge("车船税", 0, "纯电动乘用车不属于车船税征税范围")
    elif energy in GREEN:
        yield Charge("车船税", 0, "列入免征目录的新能源车免征")
    else:
        yield Charge("车船税", None, "按排量和当地标准")
    yield Charge("商业险", None, "以保险公司报价为准")
    yield Charge("上牌", None, "以当地收费和门店公示为准")


def purchase_tax(price: float, energy: str, day: date) -> Charge:
    """10 % of the price without value-added tax, less the relief of that day for such cars."""
    known = _rates()
    full = price / (1 + known.vat) * known.rate
    relief = next((r for r in known.reliefs
                   if energy in r.energy and r.valid_from <= day <= r.valid_to), None)  # fmt: skip
    if relief is None:
        return Charge("购置税", full, f"不含税价的10%，{known.tax_source}")
    told = "免征" if relief.share == 1 else "减半"
    reason = (
        f"新能源{told}、最多减{relief.cap / 10_000:g}万元，到{relief.valid_to}，{relief.source}"
    )
    return Charge("购置税", full - min(full * relief.share, relief.cap), reason)


def _compulsory(seats: int) -> Charge:
    known = _rates().insurance
    _, yearly, source = next((row for row in known if seats <= row[0]), known[-1])
    return Charge("交强险", yearly, f"家庭自用{seats}座首年，{source}")
