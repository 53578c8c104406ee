"""Choosing the scripts that answer a question, for this customer, with the reason in words."""

import re
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from nlp import normalise, tokens
from scriptbank.index import Index, Wording
from scriptbank.learn import Weights
from scriptbank.script import Query, Script, Suggestion, Suggestions, Usage
from scriptbank.wording import LONGEST, letters, strays, trade

# Weighed by hand on questions of our own, so that nine in ten about other things are met with
# 没有把握 and few of the others are. A long question that is near is nearer than a short one, whose
# few words are easily shared by chance; a subject of the trade speaks for it, a thing from
# elsewhere that the script does not have (电动轮椅, 扫地机器人) against it.
CONFIDENT = 0.78
AGREED, LETTER, LETTERS = 0.13, 0.025, 14
TRADE, SUBJECTS, STRAY = 0.06, 2, 0.4
ENOUGH = 20  # uses below which a rate is not told: two of three is no 67 %
STYLE_SHARE = 0.98  # of another style's nearness, so that the very wording still goes first
NEAREST = 40  # scripts judged for one question
WEIGHTS = {
    "wording": 1.0, "concern": 0.08, "intent": 0.05, "stage": 0.08, "model": 0.06, "tier": 0.03,
    "style": 0.04, "adoption": 0.06, "reply": 0.03, "favourite": 0.04, "pinned": 0.04,
    "seen": -0.25, "aside": -0.08,
}  # fmt: skip
TOP = sum(weight for weight in WEIGHTS.values() if weight > 0)
TINY = 1e-9  # more than the order of adding changes
PRIOR = Usage(shown=30, adopted=9, replied=4)  # what a script is taken for before anybody used it
# What an advisor asks for the own work; it answers no customer.
_OURS = re.compile(
    "客户|群里|群友|怎么(?:问|帮|请|邀约|邀请|告诉|提醒|讲|祝福|主持|欢迎|开口|开场|打招呼|收尾|跟进"
    "|联系|唤醒|回访|回(?!事)|接|发|写|暖场|公布)"
)
_EMPTY = frozenset("的了吗呢啊吧呀么是有在我你您他她它们这那就也都还和与及请问")


@dataclass(frozen=True, slots=True)
class _Traits:
    """A script with what judging it asks for, made ready when it is put in."""

    script: Script
    question: str  # that it answers, as compared
    styles: list[str]  # the scripts that answer it, this one among them
    text: str  # all its words, for telling what was found
    open: bool  # it may be shown to everybody on every day, who asks about its models
    ours: bool  # it is of the advisors' own trade
    asks_model: bool  # its question names a model that it is for
    models: tuple[str, ...]
    concerns: frozenset[str]
    intents: frozenset[str]
    id: str  # this and the rest as the script has them
    stage: str
    tiers: tuple[str, ...]
    style: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class Ranked:
    """A script with its score, before anything is said about it."""

    script: Script
    score: float
    near: float


@dataclass(frozen=True, slots=True)
class Ranking:
    confident: bool
    best: tuple[Ranked, ...]


_Found = tuple[float, str, float]  # the score below zero so that the best sorts first, id, nearness


class _Asked(NamedTuple):
    """A question with what judging all scripts by it asks for."""

    query: Query
    lower: str
    ours: bool  # an advisor asks for the own work
    concerns: frozenset[str]
    intents: frozenset[str]


class Bank:
    """The library in memory; `put` and `drop` are felt by the next `suggest`."""

    def __init__(self, scripts: Iterable[Script] = ()) -> None:
        self._traits: dict[str, _Traits] = {}
        self._styles: dict[str, list[str]] = {}  # scripts by their question
        self._concerned: defaultdict[str, list[str]] = defaultdict(list)  # in order of their ids
        self._index = Index()
        for script in scripts:
            self.put(script)

    def __len__(self) -> int:
        return len(self._traits)

    def get(self, script_id: str) -> Script | None:
        found = self._traits.get(script_id)
        return found.script if found else None

    def all(self) -> tuple[Script, ...]:
        return tuple(found.script for found in self._traits.values())

    def put(self, script: Script) -> None:
        """Add the script, in place of the one with its id."""
        self.drop(script.id)
        asking = question(script)
        found = _traits(script, asking, self._styles.setdefault(asking, []))
        self._traits[script.id] = found
        found.styles.append(script.id)
        for concern in found.concerns:
            insort(self._concerned[concern], script.id)
        self._index.add(script.id, wordings(script))

    def drop(self, script_id: str) -> None:
        found = self._traits.pop(script_id, None)
        if found is None:
            return
        found.styles.remove(script_id)
        if not found.styles:
            del self._styles[found.question]
        for concern in found.concerns:
            listed = self._concerned[concern]
            del listed[bisect_left(listed, script_id)]
        self._index.drop(script_id)

    def learn(self, weights: Weights) -> None:
        """Rank wordings by what use has taught; empty weights forget it."""
        self._index.learn(weights)

    def suggest(self, query: Query, k: int = 3) -> Suggestions:
        """The best `k`; not `confident` when none of them is near enough to be shown as answer."""
        ranking = self.rank(query, k)
        return Suggestions(ranking.confident, self.tell((one, query) for one in ranking.best))

    def rank(self, query: Query, k: int = 3) -> Ranking:
        """The same before anything is said about them.

        Of several styles of one answer the best stands for all; the others follow at the end.
        """
        best = tuple(map(self._ranked, self._best(_asked(query), k)))
        return Ranking(any(self._sure(one, query) for one in best[:1]), best)

    def _ranked(self, found: _Found) -> Ranked:
        below, key, near = found
        return Ranked(self._traits[key].script, -below, near)

    def _distinct(self, found: Iterable[_Found], k: int) -> Iterator[_Found]:
        """The best of each question in order, then the other styles in order."""
        questions: set[str] = set()
        others = []
        for one in found:
            if len(questions) == k:
                return
            question = self._traits[one[1]].question
            if question in questions:
                others.append(one)
            else:
                questions.add(question)
                yield one
        yield from others[: k - len(questions)]

    def tell(self, picked: Iterable[tuple[Ranked, Query]]) -> tuple[Suggestion, ...]:
        """Each with what was found of the question that it answers, and why."""
        said: dict[str, tuple[str, ...]] = {}
        told = []
        for one, query in picked:
            if query.text not in said:
                said[query.text] = words(query.text)
            told.append(self._told(one, query, said[query.text]))
        return tuple(told)

    def _sure(self, best: Ranked, query: Query) -> bool:
        traits = self._traits[best.script.id]
        agreed = bool(traits.concerns & query.concerns.keys() or traits.intents & {*query.intents})
        return certainty(best.near, query.text, traits.text, agreed) >= CONFIDENT

    def _best(self, asked: _Asked, k: int) -> list[_Found]:
        """By the words; and by what concerns the customer whatever the words, unless even who
        agrees in everything else would not be among the best `k`."""
        near = dict(self._index.near(asked.query.text, max(NEAREST, 4 * k)))
        found = sorted(_judged(self._styles_of(near, near, asked.query), asked))
        best = list(self._distinct(found, k))
        questions = {self._traits[key].question for _, key, _ in best}
        if len(questions) == k and -best[-1][0] > _most(asked) / TOP + TINY:
            return best
        worded = {self._traits[key].question for key in near}
        lists = (self._concerned[concern][:NEAREST] for concern in asked.query.concerns)
        others = (key for key in dict.fromkeys(chain.from_iterable(lists))
                  if self._traits[key].question not in worded)  # fmt: skip
        found += _judged(self._styles_of(others, near, asked.query), asked)
        return list(self._distinct(sorted(found), k))

    def _styles_of(
        self, keys: Iterable[str], near: Mapping[str, float], query: Query
    ) -> Iterator[tuple[_Traits, float]]:
        """All that may be shown of the questions of these, which come the nearest first.

        Styles of one answer share what any of them is found by.
        """
        traits, several = self._traits, set[str]()
        for nearest in keys:
            first = traits[nearest]
            if len(first.styles) > 1:
                if first.question in several:
                    continue
                several.add(first.question)
            shared = STYLE_SHARE * near.get(nearest, 0.0)
            for key in first.styles:
                found = traits[key]
                if (found.open and not (found.models and query.model)) or fits(found.script, query):
                    yield found, max(near.get(key, 0.0), shared)

    def _told(self, one: Ranked, query: Query, asked_words: tuple[str, ...]) -> Suggestion:
        matched = found(asked_words, self._traits[one.script.id].text)
        why = reason(one.script, query, matched)
        parts = {"wording": one.near, **agreement(one.script, query)}
        return Suggestion(one.script, round(one.score, 4), matched, why, parts)


def _traits(script: Script, asking: str, styles: list[str]) -> _Traits:
    return _Traits(
        script, asking, styles, normalise.plain(" ".join((*asked(script), script.body))),
        _open(script), bool(_OURS.search(script.q)), any(m in script.q for m in script.models),
        tuple(model.lower() for model in script.models), frozenset(script.concerns),
        frozenset(script.intents), script.id, script.stage, script.tiers, script.style,
        script.pinned,
    )  # fmt: skip


def _open(script: Script) -> bool:
    dated = script.valid_from or script.valid_to
    narrow = script.stores or script.scope == "个人"
    return script.status == "发布" and not dated and not narrow


def _asked(query: Query) -> _Asked:
    return _Asked(
        query, query.text.lower(), bool(_OURS.search(query.text)), frozenset(query.concerns),
        frozenset(query.intents),
    )  # fmt: skip


def _most(asked: _Asked) -> float:
    """What all but the wording may add at the most, were everything to agree."""
    query = asked.query
    possible = {
        "concern": asked.concerns, "intent": asked.intents, "stage": query.stage, "model": True,
        "tier": query.tier, "style": query.style, "adoption": True, "reply": True,
        "favourite": query.favourites, "pinned": True,
    }  # fmt: skip
    return sum(WEIGHTS[part] for part, given in possible.items() if given)


def _judged(found: Iterable[tuple[_Traits, float]], asked: _Asked) -> Iterator[_Found]:
    """What the parts of `agreement` come to, for dozens of scripts a question.

    Parts that are none are left out and the others added in their order, so that the sum is the
    same to the last bit.
    """
    query, _, _, concerns, intents = asked
    stage, tier, style, weights = query.stage, query.tier, query.style, WEIGHTS
    for one, near in found:
        total = weights["wording"] * near
        if concerns and (both := one.concerns & concerns):
            total += weights["concern"] * (len(both) / len(concerns))
        if intents and (both := one.intents & intents):
            total += weights["intent"] * (len(both) / len(intents))
        if stage and one.stage == stage:
            total += weights["stage"]
        if one.models:
            total += weights["model"] * _named(one, asked)
        if tier and tier in one.tiers:
            total += weights["tier"]
        if style and one.style == style:
            total += weights["style"]
        yield -max(0.0, _fared(one, total, asked) / TOP), one.id, near


def _fared(one: _Traits, total: float, asked: _Asked) -> float:
    """With the parts that tell how the script fared and for whom it is."""
    query, key = asked.query, one.id
    usage = query.usage.get(key)
    taken, answered = UNUSED if usage is None else (adoption(usage), reply(usage))
    total = total + WEIGHTS["adoption"] * taken + WEIGHTS["reply"] * answered
    if key in query.favourites:
        total += WEIGHTS["favourite"]
    if one.pinned:
        total += WEIGHTS["pinned"]
    if key in query.seen:
        total += WEIGHTS["seen"]
    if one.ours and not asked.ours and one.stage != query.stage:
        total += WEIGHTS["aside"]
    return total


def _named(traits: _Traits, asked: _Asked) -> float:
    if asked.query.model in traits.script.models or any(m in asked.lower for m in traits.models):
        return 1.0
    return -float(traits.asks_model)


def certainty(near: float, text: str, found: str, agreed: bool = False) -> float:
    """How sure it is that the nearest wording asks the same. `found` is all that its entry says;
    `agreed` when the message was also understood to be about its subject."""
    plain = letters(text)
    long = LETTER * min(len(plain), LETTERS)
    subjects = TRADE * min(trade(plain), SUBJECTS)
    return near + long + subjects + AGREED * agreed - STRAY * strays(plain, found)


def question(script: Script) -> str:
    """What makes two scripts styles of one answer: the same standard question."""
    return letters(script.q) or script.id


def asked(script: Script) -> tuple[str, ...]:
    """The questions a script answers and the words it is filed under."""
    return (script.q, *script.also, script.title, script.scene, *script.tags)


def wordings(script: Script) -> Iterator[Wording]:
    """What a script is found by; a customer's own question says more than our answer's words."""
    for text in (script.q, *script.also):
        yield Wording(text)
    yield Wording(" ".join((script.title, script.scene, *script.tags)), 0.9)
    yield Wording(script.body, whole=False)


def fits(script: Script, query: Query) -> bool:
    """May this script be shown to that advisor for that customer, today?"""
    return (
        (query.day is None or script.live(query.day))
        and (not script.stores or not query.store or query.store in script.stores)
        and (script.scope != "个人" or script.owner == query.advisor)
        and (not script.models or not query.model or query.model in script.models)
    )


def agreement(script: Script, query: Query) -> dict[str, float]:
    """How script and customer agree beside the wording, each part 0..1 (a model -1..1)."""
    return {
        "concern": _shared(script.concerns, tuple(query.concerns)),
        "intent": _shared(script.intents, query.intents),
        "stage": float(bool(query.stage) and script.stage == query.stage),
        "model": named(script, query),
        "tier": float(bool(query.tier) and query.tier in script.tiers),
        "style": float(bool(query.style) and script.style == query.style),
        "adoption": adoption(query.usage.get(script.id, Usage())),
        "reply": reply(query.usage.get(script.id, Usage())),
        "favourite": float(script.id in query.favourites),
        "pinned": float(script.pinned),
        "seen": float(script.id in query.seen),
        "aside": aside(script, query),
    }


def named(script: Script, query: Query) -> float:
    """1 for the model that is asked about, -1 when the script's question names another one."""
    text = query.text.lower()
    if query.model in script.models or any(model.lower() in text for model in script.models):
        return 1.0
    return -float(any(model in script.q for model in script.models))


def aside(script: Script, query: Query) -> float:
    """1 for a script of the advisors' own trade (客户没回怎么跟进) when a customer asks."""
    wanted = script.stage == query.stage or _OURS.search(query.text)
    return float(not wanted and bool(_OURS.search(script.q)))


def adoption(usage: Usage) -> float:
    """The smoothed share of showings that advisors took; a few uses hardly move it.

    Taken but rewritten counts half: the subject was right, the words were not.
    """
    taken = usage.adopted - usage.edited / 2
    return (taken + PRIOR.adopted) / (usage.shown + PRIOR.shown)


def reply(usage: Usage) -> float:
    """The smoothed share of what was sent that customers answered.

    At most all of it: what an advisor refused after the customer had answered was not sent.
    """
    return min(1.0, (usage.replied + PRIOR.replied) / (usage.adopted + PRIOR.adopted))


UNUSED = adoption(Usage()), reply(Usage())


def words(text: str) -> tuple[str, ...]:
    """The words of a question that tell something, each once, in order."""
    return tuple(filter(telling, dict.fromkeys(tokens.cut(normalise.plain(text[:LONGEST])))))


def found(asked_words: Iterable[str], text: str) -> tuple[str, ...]:
    return tuple(word for word in asked_words if word in text)


def telling(word: str) -> bool:
    """Not punctuation and not a word every sentence has."""
    return any(map(str.isalnum, word)) and not _EMPTY.issuperset(word)


def reason(script: Script, query: Query, matched: tuple[str, ...]) -> str:
    """One line for the advisor; a rate only when enough showings stand behind it."""
    words = "+".join(matched[:4]) or script.scene or script.stage
    usage = query.usage.get(script.id, Usage())
    return "；".join([f"命中：{words}", *_rates(usage), *(["店长置顶"] if script.pinned else [])])


def _rates(usage: Usage) -> Iterator[str]:
    if usage.shown >= ENOUGH:
        yield f"近30天采纳率{_percent(usage.adopted, usage.shown)}（{usage.shown}次）"
    if usage.adopted >= ENOUGH:
        yield f"回复率{_percent(usage.replied, usage.adopted)}（{usage.adopted}次）"


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)}%"


def _shared(ours: tuple[str, ...], theirs: tuple[str, ...]) -> float:
    return len(set(ours) & set(theirs)) / len(set(theirs)) if theirs else 0.0
