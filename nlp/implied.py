"""What a wish says about its subject: who asks what the old car is worth cares about trading in."""

from collections.abc import Collection, Iterator, Sequence

from nlp.reading import Concern, Intent

SUBJECTS = {
    "ask_promo": "price", "quote": "price", "tradein_eval": "tradein", "finance_plan": "finance",
}  # fmt: skip
# Sums that are asked for where one of these is named are theirs and not the price of the car.
PRICED = frozenset((
    "cost", "tradein", "finance", "policy", "service", "energy", "charging", "battery", "resale",
))  # fmt: skip
# Who does one of these means the gift for coming, or what was promised.
BESIDE = frozenset((
    "complaint", "opt_out", "referral", "test_drive", "visit", "chitchat", "lost", "delay",
    "cool_off",
))  # fmt: skip
OFFERED = frozenset(("price", "tradein"))  # what other shops have too: 怎么处理, 有什么活动
RULE = "implied"
GUESSED = "second"  # the rule of an intent that only the second opinion has heard
SURE = 0.55  # it is only concluded


def concerns(felt: Sequence[Concern], found: Sequence[Intent], ours: bool) -> Iterator[Concern]:
    """The subjects of the wishes, where nothing was read about them; for an offer or a gift,
    which other shops have too, only where the message is about cars (`ours`)."""
    known = {c.code for c in felt}
    if not BESIDE.isdisjoint(i.code for i in found):
        return
    for intent in found:
        code = SUBJECTS.get(intent.code)
        if code is None or code in known or intent.negated or _elsewhere(intent.code, known):
            continue
        if not ours and (code in OFFERED or intent.rule.startswith(GUESSED)):
            continue
        known.add(code)
        yield Concern(code, 0, SURE, intent.evidence, intent.span, f"{RULE}: {intent.rule}")


def _elsewhere(intent: str, known: Collection[str]) -> bool:
    if intent == "ask_promo" and known == {"service"}:
        return False  # 再送两次保养
    return SUBJECTS[intent] == "price" and not PRICED.isdisjoint(known)


# Words for what is offered, which somebody who judges it only names: 给的优惠挺到位.
MENTIONED = frozenset(("优惠", "优惠力度", "报价", "报价单", "指导价", "活动", "折扣"))
TRUSTED = frozenset(("price", "trust", "cost"))
FELT = {"finance_plan": "finance", "tradein_eval": "tradein"}


def planned(felt: Sequence[Concern], found: Sequence[Intent], act: str) -> list[Intent]:
    """利息太高了 judges and plans nothing."""
    judged = {c.code for c in felt if c.polarity} if act == "statement" else set()
    return [i for i in found if not _told(i, judged)]


def _told(intent: Intent, judged: Collection[str]) -> bool:
    if intent.evidence in MENTIONED:
        return not TRUSTED.isdisjoint(judged)
    return FELT.get(intent.code) in judged or (
        intent.code == "compare" and _verdict(intent, judged)
    )


def _verdict(intent: Intent, judged: Collection[str]) -> bool:
    """跟合资的比差口气 has compared already."""
    return bool(judged) and intent.evidence[0] in "跟和与同" and intent.evidence.endswith("比")
