"""Choosing the scripts that answer a question, for this customer, with the reason in words."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

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
PRIOR = Usage(shown=30, adopted=9, replied=4)  # what a script is taken for before anybody used it
# What an advisor asks for the own work; it answers no customer.
_OURS = re.compile(
    "客户|群里|群友|怎么(?:问|帮|请|邀约|邀请|告诉|提醒|讲|祝福|主持|欢迎|开口|开场|打招呼|收尾|跟进"
    "|联系|唤醒|回访|回(?!事)|接|发|写|暖场|公布)"
)
_EMPTY = frozenset("的了吗呢啊吧呀么是有在我你您他她它们这那就也都还和与及请问")


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A script with the parts of its score, before anything is said about it."""

    script: Script
    score: float
    parts: Mapping[str, float]


class Bank:
    """The library in memory; `put` and `drop` are felt by the next `suggest`."""

    def __init__(self, scripts: Iterable[Script] = ()) -> None:
        self._scripts: dict[str, Script] = {}
        self._texts: dict[str, str] = {}  # all a script's words, for telling what was found
        self._questions: dict[str, str] = {}  # the question a script answers, as compared
        self._styles: defaultdict[str, set[str]] = defaultdict(set)  # the scripts answering it
        self._concerned: defaultdict[str, set[str]] = defaultdict(set)
        self._index = Index()
        for script in scripts:
            self.put(script)

    def __len__(self) -> int:
        return len(self._scripts)

    def get(self, script_id: str) -> Script | None:
        return self._scripts.get(script_id)

    def all(self) -> tuple[Script, ...]:
        return tuple(self._scripts.values())

    def put(self, script: Script) -> None:
        """Add the script, in place of the one with its id."""
        self.drop(script.id)
        self._scripts[script.id] = script
        self._texts[script.id] = normalise.plain(" ".join((*asked(script), script.body)))
        self._questions[script.id] = question(script)
        self._styles[question(script)].add(script.id)
        for concern in script.concerns:
            self._concerned[concern].add(script.id)
        self._index.add(script.id, wordings(script))

    def drop(self, script_id: str) -> None:
        script = self._scripts.pop(script_id, None)
        if script is None:
            return
        del self._texts[script_id]
        self._styles[self._questions.pop(script_id)].discard(script_id)
        for concern in script.concerns:
            self._concerned[concern].discard(script_id)
        self._index.drop(script_id)

    def learn(self, weights: Weights) -> None:
        """Rank wordings by what use has taught; empty weights forget it."""
        self._index.learn(weights)

    def suggest(self, query: Query, k: int = 3) -> Suggestions:
        """The best `k`; not `confident` when none of them is near enough to be shown as answer.

        Of several styles of one answer the best stands for all; the others follow at the end.
        """
        near = self._found(query, k)
        ranked = [_judge(self._scripts[key], score, query) for key, score in near.items()]
        ranked.sort(key=lambda one: (-one.score, one.script.id))
        asked_words = words(query.text)
        items = tuple(self._told(one, query, asked_words) for one in self._distinct(ranked)[:k])
        return Suggestions(any(self._sure(one, query.text) for one in ranked[:1]), items)

    def _sure(self, best: _Ranked, text: str) -> bool:
        agreed = best.parts["concern"] > 0 or best.parts["intent"] > 0
        found = self._texts[best.script.id]
        return certainty(best.parts["wording"], text, found, agreed) >= CONFIDENT

    def _found(self, query: Query, k: int) -> dict[str, float]:
        """Nearness by id: by the words, and what concerns the customer whatever the words.

        Styles of one answer share what any of them is found by.
        """
        limit = max(NEAREST, 4 * k)
        near = {hit.key: hit.score for hit in self._index.search(query.text, limit)}
        for concern in query.concerns:
            for key in sorted(self._concerned[concern])[:NEAREST]:
                near.setdefault(key, 0.0)
        best: dict[str, float] = {}
        for key, score in near.items():
            question = self._questions[key]
            best[question] = max(score, best.get(question, 0.0))
        pooled = {
            key: max(near.get(key, 0.0), STYLE_SHARE * score)
            for question, score in best.items()
            for key in self._styles[question]
        }
        return {key: score for key, score in pooled.items() if fits(self._scripts[key], query)}

    def _distinct(self, ranked: list[_Ranked]) -> list[_Ranked]:
        """The best of each question in order, then the other styles in order."""
        first: dict[str, _Ranked] = {}
        for one in ranked:
            first.setdefault(self._questions[one.script.id], one)
        others = [one for one in ranked if first[self._questions[one.script.id]] is not one]
        return [*first.values(), *others]

    def _told(self, one: _Ranked, query: Query, asked_words: tuple[str, ...]) -> Suggestion:
        matched = found(asked_words, self._texts[one.script.id])
        why = reason(one.script, query, matched)
        return Suggestion(one.script, round(one.score, 4), matched, why, one.parts)


def _judge(script: Script, near: float, query: Query) -> _Ranked:
    parts = {"wording": near, **agreement(script, query)}
    score = sum(WEIGHTS[name] * value for name, value in parts.items())
    return _Ranked(script, max(0.0, score / TOP), parts)


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
    """The smoothed share of what was sent that customers answered."""
    return (usage.replied + PRIOR.replied) / (usage.adopted + PRIOR.adopted)


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
