"""Intents, signals, speech act, and for whom the customer asks."""

import re
from collections.abc import Collection, Mapping, Sequence

from nlp.alarms import HINT
from nlp.clauses import Clause, index
from nlp.concerns import Finding, leaves_open
from nlp.labels import SPECS
from nlp.match import Hit
from nlp.normalise import Normal
from nlp.reading import Concern, Intent, Signal

NEVER_NEGATED = (
    "opt_out",
    "complaint",
    "lost",
    "delay",
    "cool_off",
    "cancel_order",
    "greeting",
    "thanks",
    "chitchat",
)
TIERS = ("high", "mid", "low")
UNDONE = frozenset(("cancel_order", "opt_out"))
UNDOING = frozenset("不没")
MAY = re.compile("能|可以")  # 定金能退吗 is asked before it is paid
OTHERS = re.compile(
    "朋友|同事|邻居|亲戚|别人|有人|谁|人家|群友|同学|发小|表[哥弟姐妹]|我[哥姐弟妹舅叔姨]|嫂子|领导"
)  # who bought, if not the customer


def find(
    original: str, normal: Normal, hits: Sequence[Hit], ends: list[int], clauses: Sequence[Clause]
) -> list[Intent]:
    """One intent of each code: its longest words, or the first said without a negation."""
    best: dict[str, tuple[bool, int, Hit]] = {}  # said without a denial, how long, where
    for hit in hits:
        code, size = hit.rule.code, hit.end - hit.start
        if hit.rule.name.endswith(HINT):
            size = 0  # whatever else is said of it says more
        held = best.get(code)
        if held and held[0] and held[1] >= size:
            continue
        clause = clauses[index(ends, hit.start)]
        if _unmeant(normal.text, hit, clause):
            continue
        meant = code in NEVER_NEGATED or not _denied(normal.text, hit, clause)
        if held is None or (meant, size) > held[:2]:
            best[code] = meant, size, hit
    if "opt_out" in best and _order_back(best["opt_out"][2], hits):
        del best["opt_out"]
    if "referral" in best:  # 同事也想试试: the others do
        for code in ("test_drive", "visit"):
            if code in best and OTHERS.search(normal.text, 0, best[code][2].start):
                del best[code]
    if "lost" in best and "order" in best and _overlap(best["lost"][2], best["order"][2]):
        del best["order"]  # 定了理想 is an order, but not here
    return [_intent(original, normal, hit, not meant) for meant, _, hit in best.values()]


KIND = re.compile("不考虑(?:电车|国产|新能源|油车|日系|合资|混动|纯电)")
WANTED = re.compile("就想|就要|想要|要买|想买|只看|只要|只想|考虑(?!电车|国产|新能源)")
FEARED = re.compile("怕|担心|万一")
DENYING = re.compile("(?:不是|并非|没有?|不想|不会|没想)(?:说|要|想|打算|来|在)?(?:要|去)?$")
# 有事微信说，别打电话 is about the manner of contact
MANNER = re.compile(
    "(?:微信|短信|打字|文字|留言)[里上]?(?:说|聊|联系|找我|就行|沟通)|发(?:微信|文字|短信)(?:就|吧|给)|打字"
)
CALLS = re.compile("电话|语音|短信|打")


def _unmeant(text: str, hit: Hit, clause: Clause) -> bool:
    """Words of an intent that say something else here."""
    code = hit.rule.code
    if code == "lost":
        return bool(OTHERS.search(text, clause.start, hit.start)) or _other_kind(text)
    if code == "complaint":
        before = text[clause.start : hit.start]
        return bool(FEARED.search(before) or DENYING.search(before))
    if code == "greeting":  # 早上降价, 早几天提
        return text[hit.start : hit.end] == "早" and clause.end - clause.start > EARLY
    if code == "opt_out" and CALLS.search(text, hit.start, hit.end) and MANNER.search(text):
        return True
    return code in UNDONE and _undone(text, hit)


EARLY = 3  # characters of a clause that greets: 老师早


def _other_kind(text: str) -> bool:
    """不考虑电车，就想买油车 wants another car, and has not given up."""
    return KIND.search(text) is not None and WANTED.search(text) is not None


def _undone(text: str, hit: Hit) -> bool:
    """不取消订单, 我没拉黑你, 订单先别给我退."""
    if text[max(0, hit.start - 1) : hit.start] in UNDOING:
        return True
    return hit.rule.code == "cancel_order" and "别" in text[hit.start : hit.end]


def _overlap(a: Hit, b: Hit) -> bool:
    return a.start < b.end and b.start < a.end


TAKEN_BACK = 2  # characters of 退订, which may mean the messages or the order


def _order_back(hit: Hit, hits: Sequence[Hit]) -> bool:
    """退订 with an order in sight takes back the order: 我要退订，定金能退吗."""
    if hit.end - hit.start != TAKEN_BACK:
        return False
    return any(h.rule.code in ("deposit", "cancel_order") and not _overlap(h, hit) for h in hits)


def _intent(original: str, normal: Normal, hit: Hit, denied: bool) -> Intent:
    start, end = normal.span(hit.start, hit.end)
    return Intent(
        hit.rule.code, hit.rule.strength, denied, original[start:end], (start, end), hit.rule.name
    )


# About the customer's place, not about the car.
AT_HOME = re.compile("桩|车位|小区|物业|充电站|电表|排队")


def settled(
    original: str, normal: Normal, findings: Sequence[Finding], found: Sequence[Intent], act: str
) -> list[Intent]:
    """The intents in the light of what is felt and how it is said."""
    felt = {f.code for f in findings if f.polarity}
    kept = [i for i in found if not _idle(i.code, felt, act)]
    kept = list({i.code: i for i in (_upkeep(normal.text, i, findings) for i in kept)}.values())
    if findings or len(kept) > 1:
        kept = [i for i in kept if i.code != "chitchat"]  # 哈哈 beside a question is only a smile
    return _dealing(original, normal, findings, _spec(original, normal, findings, kept, act), act)


DEALS = {"tradein": "tradein_eval", "finance": "finance_plan"}
NAMED = 0.7  # the weight of what is asked about in the plainest words for it
POLITE = frozenset(("ask_spec", "greeting", "thanks", "chitchat"))


def _dealing(
    original: str, normal: Normal, findings: Sequence[Finding], found: Sequence[Intent], act: str
) -> list[Intent]:
    """公积金能用吗 asks about the terms, whatever the words for it."""
    plain = (f for f in findings if f.asked and not f.polarity and f.weight >= NAMED)
    about = next((f for f in plain if f.code in DEALS), None)
    if about is None or act != "question" or not POLITE.issuperset(i.code for i in found):
        return list(found)
    start, end = normal.span(about.start, about.end)
    code = DEALS[about.code]
    return [*found, Intent(code, 0.5, False, original[start:end], (start, end), f"{code}.asked")]


# What these cost is a fact about the car; what the car or its insurance costs is asked for a quote.
UPKEEP = frozenset(("service", "energy", "charging", "battery", "quality", "comfort"))
INSURANCE = re.compile("[保车]险|保费|[三全]险|三者|税|车价|裸车|落地")


def _upkeep(text: str, intent: Intent, findings: Sequence[Finding]) -> Intent:
    """保养一次多少钱 asks a fact and wants no quote."""
    if intent.code != "quote" or INSURANCE.search(text):
        return intent
    about = {f.code for f in findings}
    costly = about - {"cost"} if about != {"cost"} else {"service"}
    return intent._replace(code="ask_spec") if costly and costly <= UPKEEP else intent


FELT = {"finance_plan": "finance", "tradein_eval": "tradein"}
# Somebody who does one of these asks about it, whatever part of the car is named.
BUSY = frozenset((
    "compare", "deposit", "order", "referral", "tradein_eval", "complaint", "cancel_order",
    "ask_address", "ask_promo",
))  # fmt: skip


def _idle(code: str, felt: Collection[str], act: str) -> bool:
    """利息太高了 judges and plans nothing; 没有HUD就算了 has not given up."""
    if code == "lost":
        return act == "condition"
    if code == "delay":  # 交车又往后推: the store puts off, not the customer
        return "delivery" in felt
    return act == "statement" and FELT.get(code) in felt


def _spec(
    original: str, normal: Normal, findings: Sequence[Finding], found: Sequence[Intent], act: str
) -> list[Intent]:
    """With `ask_spec` where the customer asks what the car is like, and only there."""
    others = [i for i in found if i.code != "ask_spec"]
    if act != "question":
        return others
    if len(others) < len(found):
        stranger = findings and not any(f.code in SPECS for f in findings)
        return others if stranger else list(found)
    about = next((f for f in findings if f.asked and _fact(normal.text, f)), None)
    if about is None or not BUSY.isdisjoint(i.code for i in others):
        return others
    start, end = normal.span(about.start, about.end)
    derived = Intent("ask_spec", 0.5, False, original[start:end], (start, end), "spec.asked")
    return [*others, derived]


def _fact(text: str, finding: Finding) -> bool:
    if finding.code not in SPECS or finding.polarity:
        return False
    return finding.code != "charging" or not AT_HOME.search(text)


NOT_UNDONE = re.compile("[不没别](?:想|要|用|是要?|)(?:取消|退|撤)")


def settled_codes(text: str, act: str) -> set[str]:
    """What is told of others or denied is left to the rules."""
    known = act == "condition" or OTHERS.search(text) or _other_kind(text)
    codes = {"lost"} if known else set()
    if NOT_UNDONE.search(text):
        codes.add("cancel_order")
    return codes


DENIALS = (
    "不想", "不要", "不用", "不需要", "不考虑", "先不", "暂时不", "没空", "没时间", "没想",
    "没打算", "不打算", "不准备", "别", "不方便", "去不了", "不能", "懒得", "没兴趣", "不必",
    "无需", "没必要", "用不着", "不太想", "来不了", "不走", "不办", "不做", "不愿意", "不愿",
    "不去", "不会", "不接受",
)  # fmt: skip
UNDENIED = re.compile(
    "有没有|能不能|可不可以|要不要|是不是|会不会|不是不|想不想|用不用|需不需要|不能不|不得不|别忘|难道|就不能"
)


DENIED = re.compile("(?:不|没|没有)$|" + "|".join(DENIALS))


def _denied(text: str, hit: Hit, clause: Clause) -> bool:
    before = text[max(clause.start, hit.start - 6) : hit.start]
    if UNDENIED.search(text, max(clause.start, hit.start - 6), hit.start + 1):
        return False
    if DENIED.search(before):
        return True
    after = text[hit.end : min(clause.end, hit.end + 4)]
    return after.startswith(
        ("不了", "就不", "就算了", "先不", "不用", "不考虑", "不需要", "去不了", "就免了")
    )


def signals(
    original: str, normal: Normal, hits: Sequence[Hit], ends: list[int], clauses: Sequence[Clause]
) -> list[Signal]:
    found: dict[str, Signal] = {}
    for hit in hits:
        if hit.rule.name in found:
            continue
        clause = clauses[index(ends, hit.start)]
        if hit.rule.tier != "low" and _denied(normal.text, hit, clause):
            continue
        start, end = normal.span(hit.start, hit.end)
        found[hit.rule.name] = Signal(
            hit.rule.name.removeprefix("signal."),
            hit.rule.tier,
            hit.rule.level,
            original[start:end],
            (start, end),
        )
    return sorted(found.values(), key=lambda s: (TIERS.index(s.tier), s.span))


NEAR = frozenset((
    "test_drive", "visit", "order", "deposit", "finance_plan", "tradein_eval", "ask_address",
))  # fmt: skip
WEIGHING = frozenset(("compare", "ask_promo", "quote"))
LATER = frozenset(("cool_off", "delay"))
READ = frozenset(("money", "price", "compare"))  # better seen in what is felt and asked
MOVED = re.compile("改|换个|去不|来不|过不去|没空|没时间|抽不开|临时|晚点|[晚明后]天?[再聊说]")


def tier(
    text: str, found: Sequence[Signal], intents: Sequence[Intent], findings: Sequence[Concern],
    act: str,
) -> str:  # fmt: skip
    """How near a purchase is, from what the customer does and cares about."""
    said = {i.code: i for i in intents if not i.negated}
    if "opt_out" in said or ("lost" in said and act != "condition"):
        return "low"
    if "complaint" in said or _withdrawn(intents):
        return "none"
    signs, felt = {s.tier for s in found if s.name not in READ}, {f.code for f in findings}
    near = bool(NEAR & said.keys()) or "finance" in felt or "high" in signs or _total(said)
    if LATER & said.keys() and not (NEAR - {"tradein_eval", "finance_plan"}) & said.keys():
        return "none" if _appointment(said) else "low"
    if near or (act == "question" and _stock(text, findings)):
        return "high"
    if "low" in {s.tier for s in found}:
        return "low"
    dealt = any(f.code == "tradein" and f.polarity for f in findings)
    if WEIGHING & said.keys() or felt & {"price", "rival"} or dealt or "mid" in signs:
        return "mid"
    return "none"


TOTAL = re.compile("落地|下来|明细|裸车|总共|保险|保费|到手|开走|实在价|底价|最低")


def _total(said: Mapping[str, Intent]) -> bool:
    """Who asks for the sum on the road is nearer than who asks what the car costs."""
    return "quote" in said and TOTAL.search(said["quote"].evidence) is not None


def _withdrawn(intents: Sequence[Intent]) -> bool:
    """定金能退吗 is asked before it is paid."""
    return any(i.code == "cancel_order" and not MAY.search(i.evidence) for i in intents)


def _appointment(said: Mapping[str, Intent]) -> bool:
    """A new hour for a visit or a chat puts off nothing but that."""
    return "cool_off" not in said and MOVED.search(said["delay"].evidence) is not None


def _stock(text: str, findings: Sequence[Concern]) -> bool:
    """Whether somebody asks for a car to take, and not whether others have taken theirs."""
    found = any(f.code == "delivery" and not f.polarity for f in findings)
    return found and not OTHERS.search(text)


def speech_act(text: str, hits: Sequence[Hit], clauses: Sequence[Clause]) -> str:
    """A real question first, then condition, refusal and requirement."""
    shown = [h for h in hits if h.rule.value == "assertion"]
    open_ones = [c for c in clauses if not any(c.start <= h.start < c.end for h in shown)]
    questions = [h for h in hits if h.rule.value == "question"]
    if any(_asks(text, c, questions) for c in open_ones):
        return "question"
    acts = {h.rule.value for h in hits}
    return next((a for a in ("condition", "refusal", "requirement") if a in acts), "statement")


def _asks(text: str, clause: Clause, questions: Sequence[Hit]) -> bool:
    if "?" in clause.mark or leaves_open(text[clause.start : clause.end]):
        return True
    return any(clause.start <= h.start < clause.end for h in questions)
