"""The formulas of the figures, each one pure function; docs/formulas.md works each through once.

None stands for 样本不足: of too few nothing is claimed, and never 0 %.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def share(part: int, whole: int, least: int) -> float | None:
    """How many of whom; None where the whole is smaller than the guard. Domain guide §2."""
    return part / whole if whole >= max(least, 1) else None


# 首响


@dataclass(frozen=True, slots=True)
class Waits:
    """`median` and `p90` in minutes; `within` is the share of all that waited."""

    count: int
    median: float | None
    p90: float | None
    within: float | None


def waits(answered: Sequence[float], open_: int, limit: float, least: int) -> Waits:
    """Median, P90 and the share answered in time. Domain guide §12.7.

    `open_` waited longer than the limit and still do: they are in the share and in no median.
    """
    whole = len(answered) + open_
    within = share(sum(one <= limit for one in answered), whole, least)
    if len(answered) < max(least, 2):
        return Waits(whole, None, None, within)
    p90 = statistics.quantiles(answered, n=10, method="inclusive")[8]
    return Waits(whole, statistics.median(answered), p90, within)


# 满意度


@dataclass(frozen=True, slots=True)
class Satisfied:
    """`share` and `mean` are None where there are too few."""

    good: int
    middle: int
    bad: int
    share: float | None
    mean: float | None

    @property
    def count(self) -> int:
        return self.good + self.middle + self.bad


def satisfied(given: Mapping[int, int], least: int) -> Satisfied:
    """Four and five stars ÷ all that were given. Domain guide §12; where to cut is our own.

    `given` is how often each number of stars was tapped.
    """
    good, bad = given.get(5, 0) + given.get(4, 0), given.get(2, 0) + given.get(1, 0)
    whole = good + given.get(3, 0) + bad
    mean = sum(n * times for n, times in given.items()) / whole if whole >= least else None
    return Satisfied(good, given.get(3, 0), bad, share(good, whole, least), mean)


def beside(one: Satisfied, others: Satisfied) -> float | None:
    """By how much one is liked better than the others together; None where either are too few.

    Our own: the others without the one, so that half a store is not compared with itself.
    """
    if one.share is None or others.share is None:
        return None
    return one.share - others.share


# 门店得分


@dataclass(frozen=True, slots=True)
class StoreFigures:
    contacts: int
    groups: int
    visits: int
    drives: int
    orders: int


@dataclass(frozen=True, slots=True)
class StoreScore:
    """`raw` is 0–200, since each half holds two parts; `even` is the same on 0–100."""

    contacts: float
    groups: float
    drives: float
    orders: float

    @property
    def raw(self) -> float:
        return (self.contacts + self.groups) * 0.5 + (self.drives + self.orders) * 0.5

    @property
    def even(self) -> float:
        return self.raw / 2


def store_scores(found: Mapping[str, StoreFigures], least: int) -> dict[str, StoreScore]:
    """(加微数得分＋建群数得分)×50%＋(试驾率得分＋下订率得分)×50%, of the stores of one city.

    The case's formula. Each part is 0–100 between the lowest and the highest of those that are
    compared. Who has fewer visits than the guard is not among them.
    """
    fit = {key: one for key, one in found.items() if one.visits >= max(least, 1)}
    if len(fit) < 2:
        return {}
    parts = {
        "contacts": even({key: one.contacts for key, one in fit.items()}),
        "groups": even({key: one.groups for key, one in fit.items()}),
        "drives": even({key: one.drives / one.visits for key, one in fit.items()}),
        "orders": even({key: one.orders / one.visits for key, one in fit.items()}),
    }
    return {key: StoreScore(**{name: part[key] for name, part in parts.items()}) for key in fit}


def even(found: Mapping[str, float]) -> dict[str, float]:
    """0–100 between the lowest and the highest; where all are equal nobody is ahead: 50."""
    low, high = min(found.values()), max(found.values())
    if high == low:
        return dict.fromkeys(found, 50.0)
    return {key: 100 * (value - low) / (high - low) for key, value in found.items()}


def tilts(scores: Mapping[str, float], least: float, most: float) -> dict[str, float]:
    """The share of test-drive leads that a score speaks for: against the mean, within limits.

    That leads tilt to the better store is the case's; how far is ours.
    """
    mean = statistics.fmean(scores.values()) if scores else 0.0
    if not mean:
        return dict.fromkeys(scores, 1.0)
    return {key: round(min(most, max(least, one / mean)), 1) for key, one in scores.items()}


# 社群生命周期


@dataclass(frozen=True, slots=True)
class GroupFigures:
    members: int
    joined: int  # within seven days
    left: int
    silent: int  # members without a word or an action
    weeks: float


@dataclass(frozen=True, slots=True)
class LifeRule:
    """Weights and bounds of the coefficient."""

    inflow: float
    outflow: float
    awake: float
    inflow_full: float
    outflow_full: float
    stages: tuple[float, float, float]
    young_weeks: float


@dataclass(frozen=True, slots=True)
class Life:
    """The four inputs beside what was made of them."""

    inflow: float
    outflow: float
    silent: float
    weeks: float
    value: float
    stage: str


def life(found: GroupFigures, rule: LifeRule) -> Life | None:
    """40·min(1,in/0.05)＋30·(1−min(1,out/0.03))＋30·(1−dead); none of an empty group.

    The four inputs are the case's, the weights are the domain guide's §9.
    """
    if found.members <= 0:
        return None
    into, out = found.joined / found.members, found.left / found.members
    dead = min(1.0, found.silent / found.members)
    value = (
        rule.inflow * min(1.0, into / rule.inflow_full)
        + rule.outflow * (1 - min(1.0, out / rule.outflow_full))
        + rule.awake * (1 - dead)
    )
    return Life(into, out, dead, found.weeks, value, _stage(value, found.weeks, rule))


def _stage(value: float, weeks: float, rule: LifeRule) -> str:
    if weeks < rule.young_weeks:
        return "萌芽"
    growing, ripe, fading = rule.stages
    if value >= growing:
        return "成长"
    if value >= ripe:
        return "成熟"
    return "衰退" if value >= fading else "沉寂"


# 异常


@dataclass(frozen=True, slots=True)
class Band:
    """`verdict` is 偏高, 偏低, 正常 or 样本不足."""

    today: int
    mean: float
    sd: float
    verdict: str

    @property
    def odd(self) -> bool:
        return self.verdict in ("偏高", "偏低")


def band(today: int, before: Sequence[int], width: float, least: int) -> Band:
    """Today against mean ± `width` standard deviations of the days before. Domain guide §11.

    A sample is a day on which anything was counted; with fewer of them nothing is claimed.
    """
    mean = statistics.fmean(before) if before else 0.0
    sd = statistics.pstdev(before) if before else 0.0
    if sum(one > 0 for one in before) < least:
        return Band(today, mean, sd, "样本不足")
    if today > mean + width * sd:
        return Band(today, mean, sd, "偏高")
    return Band(today, mean, sd, "偏低" if today < mean - width * sd else "正常")
