"""Is a text fit to be sent? Each risky claim with its place, its rule and a better wording."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from nlp.normalise import Normal
from scriptbank import rules, terms
from scriptbank.rules import ALLOW, BLOCK, WARN, Rule, Rules
from scriptbank.script import Fact

Span = tuple[int, int]
_DAY = r"(?:(20\d\d)[年/.-])?(\d{1,2})[月/.-](\d{1,2})[日号]?"
_ENDS = (
    re.compile(rf"{_DAY}(?=之?前|止|截止|为止|到期|结束|内有效)"),
    re.compile(rf"(?:截至|截止到?|有效期至?|到期日?)[: ]?{_DAY}"),
)
_GAP = re.compile(r"(?<=[一-鿿]) (?=[一-鿿])")
_HALF_YEAR = timedelta(days=183)
_REACH = 24  # characters beside a claim that may excuse it


@dataclass(frozen=True, slots=True)
class Finding:
    """`block` must not go out, `warn` needs a source or another wording; `allow` tells why words
    that look risky are fine where they stand."""

    severity: str
    rule: str
    span: Span  # half-open, in the text as it was given
    words: str
    advice: str


def check(text: str, today: date, facts: Iterable[Fact] = ()) -> tuple[Finding, ...]:
    """Every finding in order of place; amounts backed by one of the `facts` are not reported."""
    normal = Normal.of(text)
    kept = _without_gaps(normal.text)
    plain = "".join(map(normal.text.__getitem__, kept))
    known = rules.shipped()
    found = [
        *(finding for rule in known.rules for finding in _claims(plain, rule, known)),
        *_figures(plain, tuple(facts), known),
        *_expired(plain, today),
        *_slips(plain),
    ]
    return tuple(_placed(text, normal, kept, finding) for finding in _strongest(found))


def passes(findings: Iterable[Finding]) -> bool:
    """Nothing blocks; warnings are the advisor's to weigh."""
    return all(finding.severity != BLOCK for finding in findings)


def _claims(plain: str, rule: Rule, known: Rules) -> Iterator[Finding]:
    hits = list(rule.claims.finditer(plain))
    if not hits:
        return
    harmless = [found.span() for found in rule.unless.finditer(plain)]
    backed = bool(rule.given.search(plain))
    for hit in hits:
        if any(_overlap(hit.span(), span) for span in harmless):
            continue
        if backed or _excused(plain, hit.span(), rule, known):
            yield Finding(ALLOW, rule.name, hit.span(), hit[0], "语境允许")
        else:
            yield Finding(rule.severity, rule.name, hit.span(), hit[0], rule.advice)


def _excused(plain: str, span: Span, rule: Rule, known: Rules) -> bool:
    before = plain[max(0, span[0] - _REACH) : span[0]]
    after = plain[span[1] : span[1] + _REACH]
    if rule.before.search(before) or rule.after.search(after):
        return True
    return rule.aim and bool(known.award.search(before) and known.awarded.search(after))


def _figures(plain: str, facts: tuple[Fact, ...], known: Rules) -> Iterator[Finding]:
    """Amounts and rates of which neither source nor date is told."""
    if known.source.search(plain) or known.dated.search(plain):
        return
    backed = ""
    for name, pattern in (("金额没有出处", known.money), ("利率折扣没有出处", known.rate)):
        for hit in pattern.finditer(plain):
            backed = backed or _sourced(facts)
            numbers = re.findall(r"\d[\d.]*", hit[0])
            if not numbers or any(number not in backed for number in numbers):
                advice = "写明出处和截止日期，或“以门店公示为准”"
                yield Finding(WARN, name, hit.span(), hit[0], advice)


def _sourced(facts: tuple[Fact, ...]) -> str:
    return Normal.of(" ".join(fact.text for fact in facts if fact.source and fact.date)).text


def _expired(plain: str, today: date) -> Iterator[Finding]:
    for pattern in _ENDS:
        for hit in pattern.finditer(plain):
            day = _day(hit, today)
            if day and day < today:
                yield Finding(WARN, "日期已过", hit.span(), hit[0], "换成现行政策的日期，或删去")


def _slips(plain: str) -> Iterator[Finding]:
    """An instalment that does not follow from price, down payment, months and rate."""
    if "月" not in plain or "首付" not in plain:
        return
    said = terms.of(plain)
    if why := terms.slip(said):
        span = said.spans["monthly"]
        yield Finding(WARN, "月供算错", span, plain[slice(*span)], why)


def _day(hit: re.Match[str], today: date) -> date | None:
    """The date meant; without a year the one nearest to today."""
    try:
        day = date(int(hit[1] or today.year), int(hit[2]), int(hit[3]))
        return day if hit[1] or day > today - _HALF_YEAR else day.replace(year=day.year + 1)
    except ValueError:
        return None


def _strongest(found: list[Finding]) -> list[Finding]:
    """In order of place; of overlapping findings of one rule only the gravest and longest."""
    grave = {BLOCK: 0, WARN: 1, ALLOW: 2}
    kept: list[Finding] = []
    for one in sorted(found, key=lambda f: (grave[f.severity], f.span[0] - f.span[1], f.span)):
        if not any(_overlap(one.span, other.span) and one.rule == other.rule for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda f: (f.span, f.rule))


def _overlap(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _without_gaps(plain: str) -> list[int]:
    """The places of all characters but spaces between two Chinese ones: 零 首 付 is 零首付."""
    gaps = {found.start() for found in _GAP.finditer(plain)}
    return [at for at in range(len(plain)) if at not in gaps]


def _placed(text: str, normal: Normal, kept: list[int], finding: Finding) -> Finding:
    first, last = finding.span
    start, end = normal.span(kept[first], kept[last - 1] + 1)
    return Finding(finding.severity, finding.rule, (start, end), text[start:end], finding.advice)
