"""标签不对: the advisor says that something was read wrongly, and it is so at once."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handlers import acts, bursts, names, tags, tiers, undo
from handlers.context import Ctx
from handlers.tags import Held
from handlers.values import Action, Inbound, Send
from handlers.words import POLARITY, TIERS, short
from nlp.labels import CONCERNS, INTENTS
from storage import corrections, customers, dialogs
from storage import tags as rows
from storage.corrections import Correction
from storage.customers import Customer
from storage.customers import Tag as Fact
from storage.dialogs import Dialog

OFFERED = 8
CORRECTED = ("concern", "intent", "signal")  # what words may be read for wrongly
CODES = {name: code for code, name in CONCERNS.items()}
SIGNS = {"满意": 1, "喜欢": 1, "在问": 0, "关心": 0, "关注": 0, "担心": -1, "不满": -1, "嫌": -1}
NONE = ("没有", "不是", "无", "没说", "去掉", "删掉")
_JOINTS = re.compile(r"\s+|应该是|改成|改为|→|->|，|,")


@dataclass(frozen=True, slots=True)
class Right:
    """What it is instead; an empty code means nothing at all."""

    code: str = ""
    polarity: int = 0


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """标签不对, 标签不对 价格, 标签不对 王女士 价格 续航."""
    words = [w for w in _JOINTS.split(match["rest"] or "") if w]
    named = names.look(words[0], msg.sender, ctx).one if words else None
    customer = named or acts.looked_at(msg.sender, ctx)
    if customer is None:
        yield Send(msg.sender, "哪位客户的标签不对？例如：标签不对 王女士 价格")
    elif left := (words[1:] if named else words):
        yield from _told(customer, left, msg.sender, ctx)
    else:
        yield from ask(customer, msg.sender, ctx)


def ask(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """Which of them? Where only one was read, it is that."""
    found = [f for f in customers.tags(ctx.db, customer.id, ctx.now) if f.kind in CORRECTED]
    if not found:
        yield Send(member, f"{customer.name}没有从话里读出来的标签，不用改。")
        return
    if len(found) == 1:
        yield from correct(customer, found[0], Right(), member, ctx)
        return
    shown = sorted(found, key=lambda f: f.kind != "concern")[:OFFERED]
    keys = [[f.kind, f.code] for f in shown]
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind="wrong",
                  body={"customer": customer.id, "facts": keys}, now=ctx.now)  # fmt: skip
    lines = [f"{n}. {tags.label(f)}：“{short(f.evidence, 20)}”" for n, f in enumerate(shown, 1)]
    tail = f"回复序号去掉它；该是别的就回复 标签不对 {customer.name} 价格 续航。"
    yield Send(member, "\n".join([f"{customer.name}的哪个标签不对？", *lines, tail]))


def pick(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    """The digit that answers `ask`."""
    keys = asked.body["facts"]
    customer = customers.get(ctx.db, asked.body["customer"])
    if customer is None or not 1 <= n <= len(keys):
        yield Send(asked.member, f"请回复 1 到 {len(keys)}。")
        return
    dialogs.close(ctx.db, asked.id)
    kind, code = keys[n - 1]
    fact = _stored(customer, kind, code, ctx)
    if fact is None:
        yield Send(asked.member, "这个标签已经去掉了。")
        return
    yield from correct(customer, fact, Right(), asked.member, ctx)


def _stored(customer: Customer, kind: str, code: str, ctx: Ctx) -> Fact | None:
    found = customers.tags(ctx.db, customer.id, ctx.now, kind)
    return next((f for f in found if f.code == code), None)


def _told(customer: Customer, words: Sequence[str], member: str, ctx: Ctx) -> Iterator[Action]:
    """What is wrong was named, perhaps with what is right."""
    held = tags.find(words[0], customer, ctx)
    fact = _fact(customer, words[0], held, ctx)
    right = _right(fact, words[1:]) if fact else None
    if fact and right is None:
        allowed = "、".join([*CONCERNS.values(), "满意", "担心", "在问", "没有"])
        yield Send(member, f"没看懂“{' '.join(words[1:])}”。后面可以写：{allowed}")
    elif fact and right:
        yield from correct(customer, fact, right, member, ctx)
    elif held:
        yield from deny(customer, held, member, ctx)
    else:
        yield Send(member, f"{customer.name}没有“{words[0]}”这个标签。回复 标签 {customer.name}"
                           " 看有哪些。")  # fmt: skip


def _fact(customer: Customer, word: str, held: Held | None, ctx: Ctx) -> Fact | None:
    """The row behind a word: 价格, 试驾, or a tag that rests on one reading alone."""
    if held and held.entry.least == 1 and held.facts[0].kind in CORRECTED:
        return held.facts[0]
    if code := CODES.get(word):
        return _stored(customer, "concern", code, ctx)
    intents = {name: code for code, name in INTENTS.items()}
    return _stored(customer, "intent", intents[word], ctx) if word in intents else None


def _right(fact: Fact, words: Sequence[str]) -> Right | None:
    """续航; 担心; 续航 担心; 没有, or no word at all; None for words that mean none of these."""
    code, sign = "", None
    for word in words:
        if word in CODES:
            code = CODES[word]
        elif word in SIGNS:
            sign = SIGNS[word]
        elif word not in NONE:
            return None
    if not code and sign is None:
        return Right()
    if fact.kind != "concern":
        return None
    return Right(code or fact.code, fact.polarity if sign is None else sign)


def correct(
    customer: Customer, fact: Fact, right: Right, member: str, ctx: Ctx
) -> Iterator[Action]:
    """Take the row away or put the right one there; what was wrong is kept to learn from."""
    keys = [(fact.kind, fact.code), *([("concern", right.code)] if right.code else [])]
    was = [(kind, code, rows.get(ctx.db, customer.id, kind, code))
           for kind, code in dict.fromkeys(keys)]  # fmt: skip
    text = bursts.whole(customer.id, fact.message, ctx) or fact.evidence
    _keep(customer, fact, right, text, was, member, ctx)
    rows.remove(ctx.db, customer.id, fact.kind, fact.code)
    if right.code:
        days = max(90, ctx.tags.keep("concern", right.code))
        customers.tag(ctx.db, customer.id, kind="concern", code=right.code, now=ctx.now,
                      polarity=right.polarity, evidence=fact.evidence, source="advisor",
                      keep_days=days, rule="advisor", message=fact.message)  # fmt: skip
    after = tiers.rejudge(customers.get(ctx.db, customer.id) or customer, ctx)
    becomes = f"，改为{CONCERNS[right.code]}（{POLARITY[right.polarity]}）" if right.code else ""
    yield Send(member, f"已去掉{customer.name}的{tags.label(fact)}“{short(fact.evidence, 20)}”"
                       f"{becomes}。现在是{TIERS[after.tier]}·{after.level}级。"
                       "这条更正会用来改词库。改错了回复 撤销。")  # fmt: skip


def _keep(
    customer: Customer, fact: Fact, right: Right, text: str, was: corrections.Was, member: str,
    ctx: Ctx,
) -> None:  # fmt: skip
    before = undo.before(customer, ctx)
    made = Correction(
        id=ctx.new_id(), customer=customer.id, member=member, at=ctx.now, text=text,
        kind=fact.kind, code=fact.code, polarity=fact.polarity, evidence=fact.evidence,
        rule=fact.rule, right_code=right.code, right_polarity=right.polarity,
        state=corrections.OPEN,
    )  # fmt: skip
    corrections.add(ctx.db, made, was)
    undo.remember(ctx, member, f"{customer.name}的标签更正", before, correction=made.id)


def deny(customer: Customer, held: Held, member: str, ctx: Ctx) -> Iterator[Action]:
    """A tag that is concluded from several things: each may be right, the conclusion is not."""
    name = held.entry.name
    fact = tags.denial(held)
    was = [(fact.kind, fact.code, rows.get(ctx.db, customer.id, fact.kind, fact.code))]
    _keep(customer, fact, Right(), held.facts[0].evidence, was, member, ctx)
    customers.tag(ctx.db, customer.id, kind=fact.kind, code=name, now=ctx.now, source="advisor",
                  evidence=fact.evidence, keep_days=held.entry.days)  # fmt: skip
    yield Send(member, f"已去掉{customer.name}的“{name}”，{held.entry.days}天内不再给。"
                       "改错了回复 撤销。")  # fmt: skip
