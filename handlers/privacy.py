"""A customer's rights over their data: to see, correct, withdraw, come back, be forgotten.

Where customers can speak to us (微信客服) they ask themselves; elsewhere the advisor asks for them.
What they agreed to or refused is a ledger with their words.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from handlers import tiers
from handlers.context import Ctx
from handlers.undo import before, remember
from handlers.values import Action, Button, Card, File, Send
from handlers.words import TIERS, exactly
from nlp import mask
from nlp.labels import CONCERNS
from storage import audit, consents, customers, dialogs, erasure, events, relations
from storage.consents import Consent
from storage.customers import Customer
from storage.db import Db, Row
from storage.dialogs import Dialog

MARKETING = "营销消息"
# What may be put right by hand, and the column it is kept in; 城市 is a tag.
FIELDS = {"称呼": "name", "姓名": "name", "名字": "name", "电话": "phone", "手机": "phone",
          "车型": "model", "来源": "source"}  # fmt: skip
LONGEST = 40
_FIND = "要写清改什么：更正 王女士 称呼 王姐。可改：称呼、电话、车型、来源、城市。"
# A visitor's own words in 微信客服, taken whole: a wish inside a sentence goes to a person.
MINE = {"我的资料": "data", "查看我的资料": "data", "删除我的资料": "erase", "注销": "erase",
        "恢复": "restore", "恢复接收": "restore", "同意恢复": "restore"}  # fmt: skip
CONFIRM = "确认删除"
_PHONE = re.compile(r"1[3-9]\d{9}")


def perform(customer: Customer, member: str, then: dict[str, str], ctx: Ctx) -> Iterator[Action]:
    """What a member asked for a customer."""
    do, words = then["do"], then.get("text", "").strip(" ：:，,")
    if do == "data":
        yield from show(customer, member, ctx)
    elif do == "correct":
        yield from correct(customer, words, member, ctx)
    elif do == "erase":
        yield from ask_to_erase(customer, member, ctx)
    elif do == "restore":
        yield from restore(customer, words, member, ctx)
    elif do == "consent":
        yield from agree(customer, words, member, ctx)


DOES = ("data", "correct", "erase", "restore", "consent")


# To see


def profile(customer: Customer, ctx: Ctx) -> dict[str, list[Row]]:
    """Everything the store holds of a customer, by table; complete, since it asks every table."""
    found: dict[str, list[Row]] = {}
    for table, place in erasure.PLACES.items():
        if place.how in ("delete", "unname"):
            column = place.columns[0]
            rows = ctx.db.rows(f"select * from {table} where {column} = :id", id=customer.id)
            found |= {table: rows} if rows else {}
    return found


def summary(customer: Customer, ctx: Ctx) -> list[str]:
    """The same in words, a line each, for a person to read."""
    c = customer
    out = [
        f"称呼：{c.name}",
        f"电话：{mask.phones(c.phone) or '未留'}",
        f"来源：{c.source or '未知'}；阶段：{c.stage}；关注车型：{c.model or '未知'}",
        f"意向：{TIERS[c.tier]}（{c.tier_reason or '尚未判断'}）",
        f"级别：{c.level}级（{c.level_reason or '尚未判断'}）",
    ]
    for tag in customers.tags(ctx.db, customer.id, ctx.now):
        name = CONCERNS.get(tag.code, tag.value or tag.code)
        out.append(f"标签：{name}“{mask.phones(tag.evidence)}”，{_day(tag.first_at, ctx)}起")
    for event in events.of(ctx.db, customer.id):
        words = mask.phones(event.evidence)
        out.append(f"经过：{_day(event.at, ctx)} {event.kind} {words}".rstrip())
    for said in customers.talk(ctx.db, customer.id, 1000):
        who = "客户" if said["who"] == "customer" else "顾问"
        out.append(f"聊天：{said['at'][:10]} {who}：{said['text']}")
    for one in consents.of(ctx.db, customer.id):
        out.append(f"同意：{_day(one.at, ctx)} {_said(one)}（{one.channel}）")
    return out


def _day(at: Any, ctx: Ctx) -> str:
    return f"{at.astimezone(ctx.zone):%Y-%m-%d}"


def _agreed(given: bool) -> str:
    return "同意" if given else "拒绝"


def _said(one: Consent) -> str:
    return f"{_agreed(one.given)}{one.what}“{one.words}”"


def show(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    lines = summary(customer, ctx)
    counts = {table: len(rows) for table, rows in profile(customer, ctx).items()}
    yield Send(
        member,
        f"{customer.name}的资料共{sum(counts.values())}条，见下面的文件，可转给本人。"
        f"要改：更正 {customer.name} 称呼 …；要删：删除资料 {customer.name}。",
    )
    yield File(member, f"{customer.name}的资料.txt", "\n".join(lines) + "\n")


def as_json(customer: Customer, ctx: Ctx) -> str:
    """For another program: every row as it is kept."""
    return json.dumps(profile(customer, ctx), ensure_ascii=False, indent=1, default=str) + "\n"


# To correct


def correct(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """更正 王女士 称呼 王姐: the column is named, the rest is the value."""
    field = next((f for f in (*FIELDS, "城市") if words.startswith(f)), "")
    value = words.removeprefix(field).strip(" ：:，,。")[:LONGEST]
    if not field or not value:
        yield Send(member, _FIND)
        return
    if FIELDS.get(field) == "phone" and not _PHONE.fullmatch(value):
        yield Send(member, f"“{value}”不像手机号，应为11位数字，例如 13800001234。")
        return
    _change(customer, field, value, ctx)
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind="更正", when=ctx.now,
               source="advisor", evidence=field, by_whom=member)  # fmt: skip
    yield Send(member, f"已更正：{field}改为{mask.phones(value)}。")


def _change(customer: Customer, field: str, value: str, ctx: Ctx) -> None:
    if field == "城市":
        customers.tag(ctx.db, customer.id, kind="city", code=value, value=value, now=ctx.now,
                      evidence="更正", source="advisor", keep_days=365)  # fmt: skip
    else:
        customers.change(ctx.db, customer.id, **{FIELDS[field]: value})


# To refuse and to come back


def restore(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """Undo an opt-out: only with the customer's own words, which the ledger keeps."""
    if customer.opted_out_at is None:
        yield Send(member, f"{customer.name}没有退订，不用恢复。")
        return
    if not words:
        example = f"恢复 {customer.name}：以后有活动可以告诉我"
        yield Send(member, f"请写上客户同意的原话，例如：{example}")
        return
    was = before(customer, ctx)
    event_id = _come_back(customer, words, "advisor", member, ctx)
    remember(ctx, member, f"{customer.name}的恢复", was, event_id)
    yield Send(
        member,
        f"已恢复：可以再联系{customer.name}了，仍守安静时段和次数上限。记错了回复 撤销。",
    )


def _come_back(customer: Customer, words: str, channel: str, by: str, ctx: Ctx) -> str:
    customers.change(ctx.db, customer.id, opted_out_at=None)
    note(customer, MARKETING, True, words, channel, by, ctx)
    event_id = ctx.new_id()
    events.add(ctx.db, event_id=event_id, customer=customer.id, kind="恢复", when=ctx.now,
               source=channel, evidence=mask.phones(words), by_whom=by)  # fmt: skip
    tiers.rejudge(replace(customer, opted_out_at=None), ctx)
    return event_id


def agree(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """同意 王女士 活动通知：她说可以发; without words the ledger is shown."""
    what, _, said = words.replace(":", "：").partition("：")
    given = not what.startswith("不同意")
    what = what.removeprefix("不同意").strip()
    if what and said.strip():
        said = said.strip()
        note(customer, what[:LONGEST], given, said, "advisor", member, ctx)
        yield Send(member, f"已记入同意台账：{customer.name}{_agreed(given)}{what}（“{said}”）。")
        return
    rows = [f"· {exactly(one.at.astimezone(ctx.zone))} {_said(one)}"
            for one in consents.of(ctx.db, customer.id)]  # fmt: skip
    head = f"{customer.name}的同意台账：" if rows else f"{customer.name}还没有同意记录。"
    tail = f"要记：同意 {customer.name} 活动通知：TA的原话"
    yield Send(member, "\n".join([head, *rows, tail]))


def note(
    customer: Customer, what: str, given: bool, words: str, channel: str, by: str, ctx: Ctx
) -> None:
    """One line of the ledger; the words are kept without phone numbers."""
    consents.note(ctx.db, consent_id=ctx.new_id(), customer=customer.id, what=what, given=given,
                  words=mask.phones(words)[:200], channel=channel, by=by, now=ctx.now)  # fmt: skip


# To be forgotten


def ask_to_erase(customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """Nothing is deleted by one slip of the thumb."""
    counts = sum(len(rows) for rows in profile(customer, ctx).values())
    dialog = ctx.new_id()
    dialogs.begin(ctx.db, dialog_id=dialog, member=member, kind="erase",
                  body={"customer": customer.id}, now=ctx.now)  # fmt: skip
    yield Card(
        to=member, task_id=dialog, title=f"删除{customer.name}的全部资料？",
        desc="删除后不能恢复，也不能撤销",
        text=f"标签、聊天、跟进、到店记录等{counts}条。只留一条不含内容的凭证。"
        + ("TA已下订：订单合同另按法规保存，不在这里。" if customer.level == "O" else ""),
        buttons=(Button(CONFIRM, "erase", 3), Button("先不删", "keep", 1)),
    )  # fmt: skip


def decide(dialog: Dialog, key: str, ctx: Ctx) -> Iterator[Action]:
    """The card's answer, by tap or by the words 确认删除."""
    dialogs.close(ctx.db, dialog.id)
    customer = customers.get(ctx.db, dialog.body["customer"])
    if customer is None:
        yield Send(dialog.member, "这位客户的资料已经不在了。")
    elif key != "erase":
        yield Send(dialog.member, f"好，{customer.name}的资料没有动。")
    else:
        yield from _forget(customer, dialog.member, "advisor", ctx)


def _forget(customer: Customer, member: str, why: str, ctx: Ctx) -> Iterator[Action]:
    name, store, owner = customer.name, customer.store, customer.owner
    number, counts = forget(customer, member, why, ctx)
    rows = sum(counts.values())
    yield Send(member, f"已删除{name}的全部资料（{rows}条），凭证编号 {number}，只记时间和条数。")
    others = {m.userid for m in ctx.team.managers_of(store)} | ({owner} if owner else set())
    for other in sorted(others - {member}):
        who = ctx.team.name(member)
        yield Send(other, f"{who}按客户要求删除了一位客户的全部资料，凭证编号 {number}。")


def forget(customer: Customer, by: str, why: str, ctx: Ctx) -> tuple[str, dict[str, int]]:
    """Erase a customer everywhere; returns the record's number and the rows of each table."""
    who = person(customer, ctx.db)
    audit.note(ctx.db, who=by, what="forget", customer=customer.id, now=ctx.now)
    counts = erasure.erase(ctx.db, who)
    number = erasure.record(ctx.db, who, counts, now=ctx.now, by=by, why=why,
                            opted_out=customer.opted_out_at is not None)  # fmt: skip
    return number, counts


def person(customer: Customer, db: Db) -> erasure.Person:
    """By what they may be recognised in a text."""
    remarks = relations.of(db, customer.id)
    named = {customer.name, *(r.remark for r in remarks), *(r.nickname for r in remarks)} - {""}
    return erasure.Person(customer.id, tuple(sorted(named)), (customer.phone,))


# In the customer's own voice


def mine(customer: Customer, words: str, ctx: Ctx) -> tuple[str, Iterator[Action]] | None:
    """A visitor's own request: what they are answered, and what leaves for others; None if none."""
    do = MINE.get(words.strip(" 。.！!"))
    if do == "data":
        return "\n".join(summary(customer, ctx))[:600], iter(())
    if do == "erase":
        told = "好的，您的资料已全部删除，之后的消息会当作新的咨询。"
        return told, iter(list(_forget(customer, customer.owner, "customer", ctx)))
    if do == "restore":
        if customer.opted_out_at:
            _come_back(customer, words, "kf", "", ctx)
        return "好的，以后有合适的活动会告诉您。随时可以回复“退订”。", iter(())
    return None
