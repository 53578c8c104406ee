"""From the hits in each clause to concerns: what it is about, and whether the customer is happy."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from nlp import polarity
from nlp.clauses import Clause
from nlp.labels import SPECS
from nlp.match import Hit, outermost, widest

DEGREE = (
    "有那么一点", "有点儿", "有一点", "有点", "有些", "非常", "特别", "比较", "确实", "实在",
    "相当", "稍微", "略微", "还是", "真的", "超级", "过于", "太", "很", "挺", "真", "好", "超",
    "更", "最", "偏", "蛮", "略", "稍",
)  # fmt: skip
LAST_OF_DEGREE = frozenset(word[-1] for word in DEGREE)
FAINT = 0.5  # topics weaker than this need somebody to ask about them or judge them
PLAIN = 0.8  # so do those weaker than this in a story; in a chat they are what it is about
NAMING = frozenset(("topic", "cue", "ask"))
START = itemgetter(0)  # of a hit
# 征信不好能贷吗 asks what to do about a trouble; the trouble itself is stated.
FOLLOWS = re.compile(
    "(?:还|也|的话|了|是|这|都|,){0,3}"
    "(?:能|可以|怎么办|咋办|影响|正常|真的|怎么(?:回事|处理|解决|弄)|咋(?:回事|整|弄)|找谁)"
)
STORY = 28  # characters; longer messages are stories in which much is named in passing
WINDED, TELLING = 24, 10  # in longer clauses a judging word is mostly about something else
# 猛不猛, 能不能: looked for from the middle, which is rarer than Chinese characters
EITHER = re.compile("[不没](?<=([\u4e00-\u9fff])[不没])\\1(?<!得不得)(?!起|动)")
BRIEF = 12  # characters in a clause that is about one thing


class Finding(NamedTuple):
    """One thing that one clause says; several are weighed into a concern."""

    code: str
    polarity: float
    start: int
    end: int
    rule: str
    weight: float
    faint: bool = False
    asked: bool = False


@dataclass(slots=True)
class _Clause:
    """The hits of one clause by kind."""

    clause: Clause
    told: bool  # part of a long story rather than of a chat
    mocked: bool  # a message with 呵呵 or the like
    hits: dict[str, list[Hit]]

    def of(self, kind: str) -> Sequence[Hit]:
        return self.hits.get(kind, ())

    @property
    def size(self) -> int:
        return self.clause.end - self.clause.start

    def reach(self) -> polarity.Reach:
        if self.told:
            return polarity.TOLD
        return polarity.SHORT if self.size <= BRIEF else polarity.LONG

    def cues(self) -> Sequence[Hit]:
        """What names and judges at once; in a story only the plainest words do."""
        found = self.of("cue")
        return [h for h in found if h.rule.strength >= PLAIN] if self.told else found

    def judging(self) -> list[Hit]:
        return [h for kind in polarity.JUDGING for h in self.of(kind)]


def find(text: str, clauses: Sequence[Clause], hits: Sequence[Hit]) -> list[Finding]:
    """All findings of a message, clause by clause; a clause without a topic speaks of the last."""
    kinds = {h.rule.kind for h in hits}
    if NAMING.isdisjoint(kinds) or ("foreign" in kinds and "home" not in kinds):
        return []
    found: list[Finding] = []
    last: list[Finding] = []
    for part in _by_clause(clauses, hits):
        if NAMING.isdisjoint(part.hits):
            last = _reacted(text, part, last)
        else:
            found += last
            last = _of_clause(text, part)
    found += last
    if "mock" in kinds and "mishap" in kinds:
        found = [f._replace(polarity=-abs(f.polarity)) for f in found]
    return _plain(found, len(text))


def _plain(found: list[Finding], size: int) -> list[Finding]:
    """Without the faint ones, where something plainer is said; a question of its own counts."""
    codes = {f.code for f in found if not f.faint}
    if not codes:
        return found
    return [f for f in found if not f.faint or (f.asked and size <= STORY) or f.code in codes]


def _by_clause(clauses: Sequence[Clause], hits: Sequence[Hit]) -> list[_Clause]:
    told = clauses[-1].end > STORY if clauses else False
    mocked = any(h.rule.kind == "mock" for h in hits)
    parts: list[_Clause] = []
    rest = iter(clauses)
    end = 0
    for hit in sorted(hits, key=START):
        if hit.start >= end:
            clause = next((c for c in rest if hit.start < c.end), None)
            if clause is None:
                break
            parts.append(_Clause(clause, told, mocked, {}))
            end = clause.end
        parts[-1].hits.setdefault(hit.rule.kind, []).append(hit)
    return parts


def _of_clause(text: str, part: _Clause) -> list[Finding]:
    asking = _asking(text, part)
    cues = [_cue(text, part, hit, asking) for hit in widest(part.cues())]
    cues = _unasked(_owned(text, cues, part), part.of("ask")) if cues else cues
    found = cues + [
        _topic(text, part, hit, asking)
        for hit in _topics(text, part)
        if not cues or not _told(cues, hit, part.told)
    ]
    if not part.told and not asking:
        found = _spoken(found, len(text))
    if not asking and not part.of("asked"):
        found = [f for f in found if not f.faint or f.polarity]
    found += [Finding(h.rule.code, 0.0, h.start, h.end, h.rule.name, 0.9) for h in part.of("ask")]
    return _undismissed(text, part, found)


def _told(cues: Sequence[Finding], topic: Hit, story: bool) -> bool:
    """Whether a cue holds the words of a topic; weak ones in a chat, whatever the cue's code."""
    weak = topic.rule.strength < PLAIN and not story
    return any(
        c.start <= topic.start and topic.end <= c.end and (weak or c.code == topic.rule.code)
        for c in cues
    )


SLIGHT = 0.5  # the weight of a word that is only named, and not the plainest for its topic
NAMED = 0.6  # that of the plainest word for a topic that is only named
CURT = 16  # characters of a message that has one thing to say
# These stand beside what is said of the car and are meant all the same.
APART = frozenset((
    "price", "finance", "tradein", "policy", "delivery", "trust", "rival", "family",
))  # fmt: skip


def _spoken(found: list[Finding], size: int) -> list[Finding]:
    """开空调续航掉一半 is about range: what is only named beside a judgement is its setting."""
    judged = {f.code for f in found if f.polarity}
    if not judged:
        return found
    least = NAMED if size <= CURT else SLIGHT
    return [f for f in found if f.weight > least or f.code in judged or f.code in APART]


def _topics(text: str, part: _Clause) -> list[Hit]:
    """The topics of a clause; 多少钱 is not the price of the car where upkeep is named."""
    topics = outermost(widest(part.of("topic")))
    if part.told or not any(h.rule.code in PRICED for h in topics):
        return topics
    return [h for h in topics if h.rule.code != "price" or _car_price(text, h)]


def _car_price(text: str, topic: Hit) -> bool:
    return not CARS_OWN.isdisjoint(text[topic.start : topic.end])


CARS_OWN = frozenset("价惠地裸折扣降")


# Of these a story gives figures and reports; only plain cues are feelings about them.
WEIGHED = frozenset(("price", "energy", "power", "safety"))
PRICED = frozenset(("cost", "finance", "tradein", "service", "resale"))
FEES = ("费", "油钱", "充电")


def _owned(text: str, cues: list[Finding], part: _Clause) -> list[Finding]:
    """保养费贵不贵 is about what the upkeep costs, not about the price of the car."""
    named = (*part.of("topic"), *part.of("cue"))
    if not any(h.rule.code in PRICED or text.endswith(FEES, 0, h.end) for h in named):
        return cues
    return [c for c in cues if c.code != "price"]


def _unasked(cues: list[Finding], asks: Sequence[Hit]) -> list[Finding]:
    """便宜点 asks for it and does not praise."""
    return [
        c for c in cues
        if not any(
            a.rule.code == c.code and a.start < c.end and c.start < a.end
            and a.end - a.start >= c.end - c.start
            for a in asks
        )
    ]  # fmt: skip


def _asking(text: str, part: _Clause) -> bool:
    """A question asks; it does not judge. 怎么这么贵 judges all the same."""
    if part.of("rhetorical"):
        return False
    if "?" in part.clause.mark or part.of("asks"):
        return True
    return leaves_open(text[part.clause.start : part.clause.end])


OPEN = ("不", "没", "没有", "吗", "么", "对吧", "是吧", "有吧", "伐")
TOLD = re.compile(
    "(?:都|也|还|就|才|并|是|又|我|说|绝|从|可|有)[不没]$|(?:[都也还就是并于事]|样)没有$"
)
LAST_OPEN = frozenset(word[-1] for word in OPEN)
PARTICLES = "啊呀哈哦呢嘛哇咧哒噢"


def leaves_open(clause: str) -> bool:
    """Whether a clause asks by its form: 行不, 带没, 有吧, 能不能."""
    if ("不" in clause or "没" in clause) and EITHER.search(clause):
        return True
    bare = clause.rstrip(PARTICLES)
    return len(bare) > 1 and bare[-1] in LAST_OPEN and bare.endswith(OPEN) and not TOLD.search(bare)


def _cue(text: str, part: _Clause, hit: Hit, asking: bool) -> Finding:
    sign = float(hit.rule.polarity)
    start = hit.start
    if polarity.negated(text, hit.start, part.clause.start):
        sign = 0.0 if "别" in text[max(0, hit.start - 2) : hit.start] else -sign * 0.8
        start = max(part.clause.start, hit.start - 1)
    else:
        start = _with_degree(text, hit.start, part.clause.start)
    if _supposed(part, hit) or part.size > (TELLING if part.told else WINDED):
        sign = 0.0
    if part.told and start == hit.start and hit.rule.code in WEIGHED:
        sign = 0.0  # 贵 without 太 or 有点 compares more often than it complains
    turned = _turned(text, part, hit)
    sign = -sign if turned else sign
    asked = asking and not turned and not FOLLOWS.match(text, hit.end, part.clause.end)
    sign = 0.0 if asked else sign
    return Finding(hit.rule.code, sign, start, hit.end, hit.rule.name, 1.0, asked=asked)


def _supposed(part: _Clause, cue: Hit) -> bool:
    """要是坏了换一个得好几万 supposes and fears: such words belong to the cue."""
    return any(not cue.start <= h.start < cue.end for h in part.of("supposed"))


FOR_SHOW = re.compile("(?:哪里|哪儿|哪有|也叫|也算|这叫|谁说|谁说的|不能说|好一个)$")
MOCKED = re.compile("(?:啥|什么|个屁|个鬼|个锤子|个毛|才怪)(?!时候)")


def _turned(text: str, part: _Clause, cue: Hit) -> bool:
    """哪里便宜了, 便宜啥呀, 谁说续航不行: asked for show, the opposite is meant."""
    if FOR_SHOW.search(text, max(part.clause.start, cue.start - 4), cue.start):
        return True
    if cue.rule.polarity < 0:
        return False
    sneer = part.mocked and "?" in part.clause.mark
    return sneer or MOCKED.match(text, cue.end, part.clause.end) is not None


def _with_degree(text: str, start: int, least: int) -> int:
    if text[start - 1 : start] not in LAST_OF_DEGREE:
        return start
    for word in DEGREE:
        if start - len(word) >= least and text.startswith(word, start - len(word)):
            return start - len(word)
    return start


def _topic(text: str, part: _Clause, hit: Hit, asking: bool) -> Finding:
    rule = hit.rule
    faint = rule.strength < (PLAIN if part.told else FAINT)
    if asking:
        weight = 0.7 if rule.strength >= PLAIN else SLIGHT
        return Finding(rule.code, 0.0, hit.start, hit.end, rule.name, weight, faint, True)
    vague = part.of("supposed") or (part.told and rule.code in WEIGHED)
    verdict = None if vague else _verdict(text, part, hit) or _mood(part)
    if verdict is None and part.of("worry") and rule.code != "rival":  # 纠结 weighs two cars
        worry = part.of("worry")[0]
        sign = 0.5 if polarity.negated(text, worry.start, part.clause.start) else -0.8
        verdict = sign, worry
    if verdict is None:
        weight = 0.6 if rule.strength >= PLAIN else SLIGHT
        return Finding(rule.code, 0.0, hit.start, hit.end, rule.name, weight, faint)
    sign, other = verdict
    return Finding(
        rule.code, sign, min(hit.start, other.start), max(hit.end, other.end), rule.name, 0.8
    )


def _mood(part: _Clause) -> tuple[float, Hit] | None:
    """How the customer takes it, wherever in the clause it is said: 肉疼, 美滋滋."""
    for kind, sign in (("sad", -0.8), ("glad", 0.8)):
        if part.of(kind):
            return sign, part.of(kind)[0]
    return None


def _reacted(text: str, part: _Clause, before: Sequence[Finding]) -> list[Finding]:
    """一个月电费一百，美滋滋: a clause that only judges, judges what was named just before."""
    if part.told or _asking(text, part) or any(f.asked for f in before):
        return list(before)
    verdict = _mood(part) or _overall(text, part)
    if verdict is None:
        return list(before)
    sign = verdict[0]
    return [f if f.polarity else f._replace(polarity=sign, weight=0.8) for f in before]


def _overall(text: str, part: _Clause) -> tuple[float, Hit] | None:
    plain = [*part.of("good"), *part.of("bad")]
    found = polarity.verdicts(text, part.clause, plain, "") if plain else []
    return (found[0][1], found[0][0]) if found and part.size <= BRIEF else None


def _verdict(text: str, part: _Clause, topic: Hit) -> tuple[float, Hit] | None:
    """What the clause says about a topic, in words that no cue has taken."""
    free = part.judging()
    if not free:
        return None
    taken = [h for h in part.cues() if h.rule.code != "family"]
    if taken:
        free = [h for h in free if not any(t.start <= h.start < t.end for t in taken)]
    found = polarity.verdicts(text, part.clause, free, topic.rule.scale)
    return polarity.judge(topic, found, part.reach())


DISMISSED = re.compile(
    "[不无](?:(?<=不)(?:是问题|是事|重要|在乎|在意|关心|考虑|担心|怕|用|算什么|算啥|打紧|要紧)|(?<=无)所谓)"
)
# A clause of its own that waves the one before it aside: 补贴那点钱有没有都行，我不在乎
WAVED = re.compile(
    "[,。 ]*(?:这个|这点|那个|反正|我|倒|都|也|这些|对我来说|跟我|就){0,3}"
    "(?:不(?:在乎|在意|重要|挑|强求|算什么|打紧|要紧|讲究|用(?:再|多)?(?:讲|说|谈))|无所谓|没关系|看得开|都行|随便)"
)
# 空间小点没事, 早几天晚几天都没关系, 补贴有没有都行
BEARABLE = re.compile(
    "[点些](?:儿|也|都|倒)?(?:没事|没啥|无所谓|能接受|也行|都行)|有没有(?:都|也)?(?:行|一样)|都能接受|[跟和与]我没(?:啥|有)?关系|都没(?:啥|有)?关系"
)


def dismisses(text: str) -> bool:
    """Whether something is named that is explicitly no matter."""
    return bool(DISMISSED.search(text) or BEARABLE.search(text))


def _undismissed(text: str, part: _Clause, found: list[Finding]) -> list[Finding]:
    """价格不是问题, 不担心续航: named, but explicitly not what holds the customer back."""
    if not found:
        return found
    if BEARABLE.search(text, part.clause.start, part.clause.end) or WAVED.match(
        text, part.clause.end
    ):
        return []
    if not DISMISSED.search(text, part.clause.start, part.clause.end):
        return found
    return [f for f in found if not _dismissed(text, part.clause, f)]


AFTER = (
    "不是问题", "不是事", "不重要", "无所谓", "不在乎", "不在意", "不算什么", "不算啥",
    "不打紧", "不要紧",
)  # fmt: skip


def _dismissed(text: str, clause: Clause, finding: Finding) -> bool:
    before = text[max(clause.start, finding.start - 4) : finding.end]
    after = text[finding.start : min(clause.end, finding.end + 6)]
    if any(w in before for w in ("不担心", "不考虑", "不在乎", "不在意", "不关心", "不怕", "不用")):
        return True
    return any(w in after for w in AFTER)


# Who does one of these names parts of the car in passing: 交了定金啥时候能选颜色.
PASSING = frozenset((
    "lost", "referral", "visit", "test_drive", "ask_address", "cancel_order", "deposit", "opt_out",
    "order", "complaint",
))  # fmt: skip


# Of these a deal is made, so that nobody names them in passing.
DEALING = frozenset(("price", "finance", "tradein", "policy", "delivery", "trust", "rival"))


def meant(found: list[Finding], intents: AbstractSet[str]) -> list[Finding]:
    """Without what is only named, where the customer is about something else."""
    found = _compared(found) if "compare" in intents else found
    if {"quote", "order"} & intents or any(f.code == "delivery" for f in found):
        found = [f for f in found if f.polarity or f.rule not in CHOSEN]
    if PASSING.isdisjoint(intents):
        return found
    return [f for f in found if f.polarity or f.weight > SLIGHT or f.code in DEALING]


# A colour or a trim says which car is asked for: 白色有现车吗, 顶配落地多少.
CHOSEN = frozenset(("exterior.faint", "exterior.chat", "config.faint"))


def _compared(found: list[Finding]) -> list[Finding]:
    """后排跟凯美瑞比哪个大 is about the space, and not about the other car as a whole."""
    if not any(compared(f) for f in found):
        return found
    return [f for f in found if f.polarity or f.code != "rival"]


def compared(finding: Finding) -> bool:
    """Whether one thing of both cars is asked about, rather than the cars: 差在哪 is the cars."""
    return finding.code in SPECS and not finding.polarity and finding.rule != "config.chat"
