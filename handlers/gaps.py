"""Questions nobody could answer: put together by likeness, each one tap away from a draft."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from handlers import library
from handlers.context import Ctx
from handlers.words import short
from scriptbank import replies
from scriptbank.script import Query, Script, Suggestion
from scriptbank.wording import features, fold, letters
from storage import scripts
from storage.db import Row, at

# Of two wordings' features, the share that both must have. From here on one in 5,000 pairs of the
# demo library's questions about different things is taken for one question.
ALIKE = 0.5
ANSWER_WITHIN = timedelta(hours=2)
SHORTEST = 6  # characters; 好的 answers nothing
ALSO = 5  # other wordings that a draft takes along
_NUMBERS = re.compile(r"[0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Gaps that ask the same; `wordings` are counted, the most frequent first."""

    wordings: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...]

    @property
    def question(self) -> str:
        return self.wordings[0][0]

    @property
    def times(self) -> int:
        return len(self.rows)

    @property
    def reason(self) -> str:
        return Counter(str(row["reason"]) for row in self.rows).most_common(1)[0][0]


def clusters(rows: Iterable[Row]) -> tuple[Cluster, ...]:
    """Greedily: a question joins the likest group that a more frequent one began.

    The same rows in any order give the same clusters, those asked most first.
    """
    asked: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: (str(r["at"]), str(r["question"]))):
        asked[letters(str(row["question"])) or str(row["question"])].append(row)
    ranked = sorted(asked, key=lambda key: (-len(asked[key]), key))
    found = [_cluster([asked[key] for key in keys]) for keys in _grouped(ranked)]
    return tuple(sorted(found, key=lambda c: (-c.times, c.question)))


def _cluster(wordings: list[list[Row]]) -> Cluster:
    ranked = sorted(wordings, key=lambda rows: (-len(rows), str(rows[0]["question"])))
    counted = tuple((str(rows[0]["question"]), len(rows)) for rows in ranked)
    return Cluster(counted, tuple(row for rows in ranked for row in rows))


def _grouped(ranked: Iterable[str]) -> list[list[str]]:
    """Each wording beside the likest that began a group, or at the head of its own."""
    groups: list[list[str]] = []
    heads: list[set[str]] = []
    holding: defaultdict[str, list[int]] = defaultdict(list)  # the groups whose head has a feature
    for key in ranked:
        own = features(key, fold(key))
        shared = Counter(n for feature in sorted(own) for n in holding[feature])
        near = [(-2 * count / (len(own) + len(heads[n])), n) for n, count in shared.items()
                if _numbers(groups[n][0]) == _numbers(key)]  # fmt: skip
        best, n = min(near, default=(0.0, -1))
        if -best >= ALIKE:
            groups[n].append(key)
            continue
        for feature in own:
            holding[feature].append(len(groups))
        groups.append([key])
        heads.append(own)
    return groups


def _numbers(question: str) -> list[str]:
    """S6 and S7, 2 years and 8 years: what asks for another figure or model is another question."""
    return _NUMBERS.findall(question)


# What there is to answer with


def nearest(cluster: Cluster, ctx: Ctx) -> Suggestion | None:
    """The script that comes nearest, which may only lack this wording."""
    found = ctx.bank.suggest(Query(cluster.question, day=ctx.today), 1).items
    return found[0] if found else None


def answer(cluster: Cluster, ctx: Ctx) -> str:
    """The best that a colleague answered, "" when nobody did: what was saved as an own script,
    otherwise what was written to the customer soon after; of several the one that shares most."""
    questions = {letters(question) for question, _ in cluster.wordings}
    own = (s.body for s in ctx.bank.all() if s.scope == "个人" and s.status == library.LIVE
           and questions & {letters(s.q), *map(letters, s.also)})  # fmt: skip
    return _best(own, cluster) or _best(_written(cluster, ctx), cluster)


def _written(cluster: Cluster, ctx: Ctx) -> Iterator[str]:
    """To each who asked, the message that answers: it need not be the next one."""
    for row in cluster.rows:
        asked_at = at(row["at"])
        rows = row["customer"] and scripts.written_to(
            ctx.db, row["customer"], asked_at, asked_at + ANSWER_WITHIN
        )
        said = [text for r in rows or () if len(text := r["text"].strip()) >= SHORTEST]
        found = replies.best(str(row["question"]), said)
        if found is not None:
            yield library.nameless(said[found], row["customer"], ctx)


def _best(texts: Iterable[str], cluster: Cluster) -> str:
    return min(texts, key=_by(partial(replies.shared, cluster.question)), default="")


def _by(score: Callable[[str], float]) -> Callable[[str], tuple[float, str]]:
    """The highest first, equal ones by their text."""
    return lambda text: (-score(text), text)


# The draft


def draft(cluster: Cluster, ctx: Ctx) -> Script:
    """A script of this question for somebody to look over."""
    said = answer(cluster, ctx)
    near = nearest(cluster, ctx)
    reading = ctx.read(cluster.question)
    return Script(
        id=draft_id(cluster), title=short(cluster.question, 16), body=said or library.UNWRITTEN,
        stage=near.script.stage if near else "通用", q=cluster.question,
        also=tuple(question for question, _ in cluster.wordings[1 : ALSO + 1]),
        concerns=tuple(c.code for c in reading.concerns), status=library.DRAFT,
        note=f"来自缺口清单，问过{cluster.times}次；" + ("正文是顾问当时的回答，请核对"
                                                 if said else "还没有人答过，请写正文"),
    )  # fmt: skip


def draft_id(cluster: Cluster) -> str:
    digest = hashlib.blake2s(letters(cluster.question).encode(), digest_size=4)
    return f"gap-{digest.hexdigest()}"


def take(cluster: Cluster, ctx: Ctx, by: str = "") -> Script:
    """一键入库: store the draft and take its questions off the queue; call in a transaction."""
    script = draft(cluster, ctx)
    if library.get(ctx.db, script.id):
        raise library.Refused(f"这个问题已经有草稿 {script.id}，改它就行")
    library.save(ctx.db, (script,), ctx.now, by, "缺口入库")
    scripts.fill_gaps(ctx.db, [row["id"] for row in cluster.rows], script.id)
    return script


def row(n: int, cluster: Cluster, ctx: Ctx) -> dict[str, Any]:
    """One line of the list."""
    near = nearest(cluster, ctx)
    return {
        "n": n, "question": cluster.question, "times": cluster.times, "reason": cluster.reason,
        "examples": [question for question, _ in cluster.wordings[1:4]],
        "nearest": near.script.title if near else "", "nearest_id": near.script.id if near else "",
        "score": near.score if near else 0.0, "answer": answer(cluster, ctx),
    }  # fmt: skip
