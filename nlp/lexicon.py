"""The lexicon as a value, and reading a message with it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nlp import alarms, clauses, concerns, implied, intents, load, second, slots
from nlp.cars import Cars
from nlp.clauses import Clause
from nlp.concerns import Finding
from nlp.load import LexiconError
from nlp.match import Hit, Matcher, uncovered
from nlp.normalise import Normal, plain
from nlp.places import Places
from nlp.reading import CONCERNS, Concern, Intent, Reading, Slot

__all__ = ["Lexicon", "LexiconError"]

DATA = Path(__file__).parent / "data"
FILES = (
    "concerns.toml", "opinions.toml", "intents.toml", "signals.toml", "slots.toml", "own.toml",
)  # fmt: skip
SHANGHAI = ZoneInfo("Asia/Shanghai")
# A longer word hides shorter ones of the same use only: 多少钱 is no 多, but it is a question.
FEELING = frozenset((
    "topic", "cue", "ask", "good", "bad", "up", "down", "worry", "asked", "asks", "rhetorical",
    "praise", "blame", "supposed", "foreign", "home", "mock", "mishap", "glad", "sad",
))  # fmt: skip
MEANING = frozenset(("intent", "act", "signal", "slot", "about"))
GROUPS = {
    **dict.fromkeys(FEELING, 0), **dict.fromkeys(MEANING, 1), "shadow": 2, "eclipse": 3,
}  # fmt: skip
OWN = "own."  # rules that were added by corrections are named so
DERIVED = frozenset(("rival.named", "spec.asked", "tradein_eval.asked", "finance_plan.asked"))
CLEAR = 0.35  # the sum of all findings beyond which a polarity is no longer neutral
BOUND = frozenset(("requirement", "condition"))  # 必须有天窗 does not praise it
RANK = {code: rank for rank, code in enumerate(CONCERNS)}
Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything needed to read a message; shared by threads, never changed by a message."""

    matcher: Matcher
    cars: Cars
    places: Places
    rules: frozenset[str]
    folder: Path
    signature: Signature

    @classmethod
    def load(cls, folder: Path | None = None) -> "Lexicon":
        """Read the files of a folder; a file that it lacks is the one that ships."""
        folder = folder or DATA
        entries: list[load.Entry] = []
        for name in FILES:
            entries.extend(load.rules(load.read(_path(folder, name))))
        cars = Cars(*load.cars(load.read(_path(folder, "brands.toml"))))
        matcher = Matcher(((plain(pattern), rule) for pattern, rule in entries), GROUPS)
        places = _places(folder)
        names = frozenset(rule.name for _, rule in entries) | DERIVED
        second.shipped(), alarms.shipped()  # read now, or the first customer waits for them
        return cls(matcher, cars, places, names, folder, signature(folder))

    def reload(self, folder: Path | None = None) -> "Lexicon":
        """A new lexicon from the files as they are now; this one stays when that raises."""
        return Lexicon.load(folder or self.folder)

    def changed(self) -> bool:
        """Whether a file was touched since it was read."""
        return signature(self.folder) != self.signature

    def read(
        self,
        text: str,
        *,
        at: datetime,
        sender: str = "customer",
        own_brands: Iterable[str] = (),
    ) -> Reading:
        """What the text says; an advisor's words give slots only."""
        normal = Normal.of(text)
        parts = clauses.split(normal.text)
        ends = [c.end for c in parts]
        feelings, meanings, corrected = self._heard(normal.text, ends)
        kinds: dict[str, list[Hit]] = {}
        for hit in meanings:
            kinds.setdefault(hit.rule.kind, []).append(hit)
        now = at.astimezone(SHANGHAI).replace(tzinfo=None)
        own = tuple(own_brands)
        found = slots.find(self.cars, self.places, text, normal, kinds.get("slot", ()), now, own)
        act = intents.speech_act(normal.text, kinds.get("act", ()), parts)
        if sender == "advisor" or not parts:
            return Reading(text, slots=found, speech_act=act)
        others = ("rival",) if own else ("model", "rival")
        cars = [s for s in found if s.kind in others]
        said = _Said(text, normal, parts, ends, kinds, feelings, cars, bool(own))
        read = _ruled(said, act)
        if not corrected:  # a company's own rules are corrections, nothing speaks against them
            read = _weighed_again(said, read)
        return _told(said, read, found, _fired(feelings, meanings))

    def hits(self, text: str, ends: Sequence[int]) -> list[Hit]:
        """Every rule that matches a normalised text, longer words of other meaning heeded."""
        feelings, meanings, _ = self._heard(text, ends)
        return feelings + meanings

    def _heard(self, text: str, ends: Sequence[int]) -> tuple[list[Hit], list[Hit], bool]:
        """What counts for feelings and for the rest, and whether a correction had its say."""
        feelings, meanings, shadows, eclipses = self.matcher.grouped(text, ends)
        groups = (feelings, meanings, shadows, eclipses)
        corrected = any(h.rule.name.startswith(OWN) for group in groups for h in group)
        return uncovered(feelings, shadows), uncovered(meanings, eclipses), corrected


class _Said(NamedTuple):
    """A customer's message as the rules meet it."""

    text: str
    normal: Normal
    parts: Sequence[Clause]
    ends: list[int]
    kinds: Mapping[str, list[Hit]]  # what was meant, by kind of rule
    feelings: Sequence[Hit]
    cars: Sequence[Slot]  # that are not ours
    owned: bool  # whether our own makes are known


class _Read(NamedTuple):
    """What has been understood so far."""

    findings: Sequence[Finding]
    felt: tuple[Concern, ...]
    found: Sequence[Intent]
    suspected: Sequence[Intent]
    act: str


def _ruled(said: _Said, act: str) -> _Read:
    """What the rules make of it."""
    text, normal = said.text, said.normal
    findings = concerns.find(normal.text, said.parts, said.feelings)
    wishes = intents.find(text, normal, said.kinds.get("intent", ()), said.ends, said.parts)
    believed = alarms.believed(normal.text, wishes)
    hinted = len(believed) < len(wishes)
    found = intents.settled(text, normal, findings, believed, act)
    findings = concerns.meant(findings, {i.code for i in found if not i.negated})
    findings += _rivals(normal.text, said.cars, found, findings)
    suspected = alarms.heard(text, normal, said.parts, found, hinted)
    return _Read(findings, _weighed(text, normal, findings), found, suspected, act)


def _weighed_again(said: _Said, ruled: _Read) -> _Read:
    """With the second opinion, and with what the wishes imply."""
    normal, (findings, felt, found, suspected, act) = said.normal, ruled
    barred = _settled(normal.text, findings, act, said.owned)
    heard = {h.rule.kind for h in said.feelings}
    if told := second.heard(said.text, normal, said.parts, heard, barred):
        felt = tuple(second.concerns(told, felt))
        suspected = second.alarms(told, found, suspected)
        act = second.act(told, act)
        found = second.intents(told, found, felt, act)
    found = implied.planned(felt, found, act)
    return _Read(findings, _subjects(normal.text, felt, found, heard), found, suspected, act)


def _told(said: _Said, read: _Read, found: tuple[Slot, ...], rules: tuple[str, ...]) -> Reading:
    """Everything that was understood, as one value."""
    text, normal, kinds = said.text, said.normal, said.kinds
    signs = intents.signals(text, normal, kinds.get("signal", ()), said.ends, said.parts)
    return Reading(
        text,
        concerns=tuple(_with_sums(text, read.felt, found)),
        intents=(*read.found, *read.suspected),
        slots=slots.settled(found, read.found, read.felt),
        signals=tuple(signs),
        speech_act=read.act,
        tier_signal=intents.tier(normal.text, signs, read.found, read.felt, read.act),
        about=next((h.rule.value for h in kinds.get("about", ())), ""),
        rules=rules,
    )


def _places(folder: Path) -> Places:
    tree, words = _path(folder, "places.json"), _path(folder, "places.toml")
    try:
        return Places.load(tree, words)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise LexiconError(f"{tree.name} or {words.name}: not the shape expected: {exc!r}") from exc


def signature(folder: Path) -> Signature:
    """Time and size of each file: what changes when somebody saves one."""
    paths = [_path(folder, name) for name in (*FILES, "brands.toml", "places.json", "places.toml")]
    return tuple((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in paths if p.exists())


def _path(folder: Path, name: str) -> Path:
    path = folder / name
    return path if path.exists() else DATA / name


SILENT = frozenset(("act", "home"))  # in so many messages that nobody counts them


def _fired(feelings: Iterable[Hit], meanings: Iterable[Hit]) -> tuple[str, ...]:
    hits = (*feelings, *meanings)
    return tuple(dict.fromkeys([h.rule.name for h in hits if h.rule.kind not in SILENT]))


def _rivals(
    text: str, cars: Sequence[Slot], found: Sequence[Intent], findings: Sequence[Finding]
) -> list[Finding]:
    """A comparison with a car by name is about a rival, also where no word for it is said.

    Two of our own side by side, 你们的S6和S4差在哪, are no rivals.
    """
    compares = any(i.code == "compare" for i in found)
    if not cars or not compares or any(_beside(f) for f in findings):
        return []
    last = cars[-1]
    at = text.find(plain(last.text))
    if at < 0:
        return []
    return [Finding("rival", 0.0, at, at + len(plain(last.text)), "rival.named", 0.8)]


def _beside(finding: Finding) -> bool:
    """What is compared, if not the cars as a whole."""
    return finding.code in ("rival", "tradein") or concerns.compared(finding)


def _weighed(text: str, normal: Normal, findings: Sequence[Finding]) -> tuple[Concern, ...]:
    codes: dict[str, list[Finding]] = {}
    for finding in findings:
        codes.setdefault(finding.code, []).append(finding)
    return tuple([_concern(text, normal, codes[c]) for c in sorted(codes, key=RANK.__getitem__)])


def _settled(text: str, findings: Sequence[Finding], act: str, owned: bool) -> frozenset[str]:
    """Codes about which the rules have said all there is, so that no second opinion is asked."""
    said = {f.code for f in findings if f.asked or act in BOUND}
    if any(f.code in concerns.PRICED for f in findings):
        said.add("price")
    if concerns.dismisses(text):
        said.update(CONCERNS)
    if owned:
        said.add("rival")
    return frozenset(said | intents.settled_codes(text, act))


def _subjects(
    text: str, felt: tuple[Concern, ...], found: Sequence[Intent], kinds: Collection[str]
) -> tuple[Concern, ...]:
    """With what the wishes are about; what is dismissed stays so."""
    if concerns.dismisses(text) or ("foreign" in kinds and "home" not in kinds):
        return felt
    more = tuple(implied.concerns(felt, found, bool(felt) or "home" in kinds))
    return tuple(sorted((*felt, *more), key=_rank)) if more else felt


SUMS = frozenset(("budget", "price", "down_payment", "monthly"))


def _with_sums(text: str, felt: Iterable[Concern], found: Iterable[Slot]) -> Iterator[Concern]:
    """What is shown as evidence holds the whole sum that it is about: not 万以内 but 20万以内."""
    sums = [slot.span for slot in found if slot.kind in SUMS]
    for concern in felt:
        start, end = concern.span
        whole = next((s for s in sums if s[0] <= start and end <= s[1]), (start, end))
        yield concern._replace(span=whole, evidence=text[whole[0] : whole[1]])


def _rank(concern: Concern) -> int:
    return RANK[concern.code]


def _concern(text: str, normal: Normal, findings: Sequence[Finding]) -> Concern:
    sign, shown, doubt = _sum(findings) if len(findings) > 1 else _single(findings[0])
    start, end = normal.span(shown.start, shown.end)
    return Concern(
        shown.code,
        sign,
        round(max(0.5, 1 - doubt * 0.8), 2),
        text[start:end],
        (start, end),
        shown.rule,
    )


def _single(finding: Finding) -> tuple[int, Finding, float]:
    total = finding.polarity * finding.weight
    sign = 0 if abs(total) < CLEAR else (1 if total > 0 else -1)
    return sign, finding, 1 - 0.75 * finding.weight


def _sum(findings: Sequence[Finding]) -> tuple[int, Finding, float]:
    """What several findings say together, the one to show, and how far they may all be wrong."""
    total = sum(f.polarity * f.weight for f in findings)
    sign = 0 if abs(total) < CLEAR else (1 if total > 0 else -1)
    agreeing = [f for f in findings if f.polarity * sign > 0] or findings
    shown = max(agreeing, key=lambda f: (f.weight, f.end - f.start))
    doubt = 1.0
    for finding in findings:
        doubt *= 1 - 0.75 * finding.weight
    return sign, shown, doubt
