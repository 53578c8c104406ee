"""战败: filed by an advisor with its reason, agreed to or sent back by the store's manager.

Nobody is given up by one person alone: a form of a few questions, at least so many contacts, a
card for the manager. Only the approval closes what is owed and moves the stage.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from handlers import stages, tiers
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.undo import before, remember
from handlers.values import Action, Send
from handlers.words import ago, short
from nlp import mask
from storage import customers, dialogs, events, rhythms
from storage import followups as owed
from storage import lost as rows
from storage.customers import Customer
from storage.dialogs import Dialog
from storage.lost import Loss

FILE = Path(__file__).with_name("data") / "lost.toml"
STAGE, KIND = "战败", "lost"
MISMATCH, OTHER = "需求不匹配", "其他"
VISITS = ("到店", "试驾", "试乘", "报价")
COUNTED = "算数的：采用话术发出、已联系、到店、试驾、报价"
DECISIONS = (("同意", "agree"), ("退回", "back"), ("改类别", "turn"))
_GAP = re.compile(
    r"(?:差|贵|便宜|高|低)了?个?\s*(?P<n>\d+(?:\.\d+)?)\s*(?P<unit>万|[wW]|千|百|元|块)?"
)
_PLAIN_GAP = re.compile(r"^(?P<n>\d+(?:\.\d+)?)\s*(?P<unit>万|[wW]|千|百|元|块)?[左右多]*$")
_UNITS = {"万": 10000, "w": 10000, "W": 10000, "千": 1000, "百": 100}
_NOT_KNOWN = re.compile(r"^(?:不清楚|不知道|没问|不详|没说|跳过|无)$")
_BOUGHT = re.compile(r"买|订|定|提车|选了|换了")


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    kind: str
    words: tuple[str, ...]
    asks: str = ""


@dataclass(frozen=True, slots=True)
class Contacts:
    """What counts as having tried."""

    touches: int
    visits: int

    @property
    def total(self) -> int:
        return self.touches + self.visits

    def words(self) -> str:
        return f"已记{self.total}次（联系{self.touches}次，到店、试驾、报价{self.visits}次）"


@functools.cache
def reasons() -> tuple[Reason, ...]:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))["reason"]
    return tuple(Reason(r["name"], r["kind"], tuple(r["words"]), r.get("asks", "")) for r in given)


def named(name: str) -> Reason | None:
    return next((r for r in reasons() if r.name == name), None)


def meant(words: str) -> Reason | None:
    """The reason on the list that these words name: by its number, its name, or what is said."""
    words = words.strip(" 。！!")
    if words.isdecimal():
        n = int(words)
        return reasons()[n - 1] if 1 <= n <= len(reasons()) else None
    if exact := next((r for r in reasons() if r.name in words), None):
        return exact
    scored = [(max((len(w) for w in r.words if w in words), default=0), r) for r in reasons()]
    most = max(scored, key=lambda pair: pair[0])
    return most[1] if most[0] else None


def gap(words: str) -> int:
    """The price gap in yuan, 0 where none is named; a bare small number means 万."""
    found = _GAP.search(words) or _PLAIN_GAP.match(words.strip())
    if found is None:
        return 0
    amount, unit = float(found["n"]), found["unit"] or ""
    return round(amount * _UNITS.get(unit, 1 if unit or amount >= 100 else 10000))


def money(yuan: int) -> str:
    return f"{yuan / 10000:g}万元" if yuan >= 10000 else f"{yuan}元"


def rival(words: str, ctx: Ctx) -> str:
    """The competitor's car or brand that is named."""
    slot = ctx.read(words).slot("rival")
    value = slot.value if slot else None
    return str(value.get("series") or value.get("brand") or "") if isinstance(value, dict) else ""


def contacts(customer: Customer, ctx: Ctx) -> Contacts:
    found = events.of(ctx.db, customer.id, *VISITS)
    days = {event.at.astimezone(ctx.zone).date() for event in found}
    return Contacts(rhythms.of(ctx.db, customer.id).touches, len(days))


def bought(customer: Customer, ctx: Ctx) -> str:
    """The customer's own words that they have bought elsewhere, "" when they said no such thing."""
    found = customers.tags(ctx.db, customer.id, ctx.now, "intent")
    said = next((t.evidence for t in found if t.code == "lost"), "")
    return said if _BOUGHT.search(said) else ""


# The form


def apply(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """战败 王女士 …: what the words tell already is not asked for again."""
    newest = rows.newest(ctx.db, customer.id)
    if customer.stage == STAGE:
        yield Send(member, f"{customer.name}已经是战败。又有意向了，记录一件新的事就行，"
                           f"例如：记录 {customer.name} 到店")  # fmt: skip
    elif newest and rows.waits(ctx.db, newest.id) and not _decides(customer, member, ctx):
        yield Send(member, f"{customer.name}的战败申请已经交了，在等经理批。")
    elif customer.level == "O":
        yield Send(member, f"{customer.name}有订单。订单取消了先记：记录 {customer.name} 退单")
    elif refusal := _too_early(customer, member, ctx):
        yield Send(member, refusal)
    else:
        form = {"customer": customer.id, "words": mask.phones(words), "reason": "", "rival": "",
                "gap": 0, "asked": []}  # fmt: skip
        yield from _on(_heard(form, words, ctx), member, ctx)


def _decides(customer: Customer, member: str, ctx: Ctx) -> bool:
    """A manager of the store needs nobody else's approval."""
    manager = ctx.team.manager(member)
    return bool(manager and customer.store in manager.stores and customer.owner != member)


def _too_early(customer: Customer, member: str, ctx: Ctx) -> str:
    """Why it is too early to give up, in words."""
    least = ctx.settings.lost.min_contacts
    tried = contacts(customer, ctx)
    if tried.total >= least or bought(customer, ctx) or _decides(customer, member, ctx):
        return ""
    return (f"{customer.name}还不能报战败：{tried.words()}，至少要{least}次。{COUNTED}。"
            f"再联系{least - tried.total}次（回复 客户 {customer.name} 看话术），联系过的回复 "
            f"已联系 {customer.name}；客户亲口说买了别家的，把原话贴给我就能报。")  # fmt: skip


def _heard(form: dict[str, Any], words: str, ctx: Ctx) -> dict[str, Any]:
    """The form with what these words tell."""
    found = meant(words) if words.strip() else None
    other, dearer = rival(words, ctx), gap(words) if words.strip() else 0
    if found is None and other:
        found = named("竞品选择")
    return {**form, "reason": form["reason"] or (found.name if found else ""),
            "rival": form["rival"] or other, "gap": form["gap"] or dearer}  # fmt: skip


def _on(form: dict[str, Any], member: str, ctx: Ctx) -> Iterator[Action]:
    """Ask for what is missing, or file it."""
    customer = customers.get(ctx.db, form["customer"])
    if customer is None:
        yield Send(member, "这位客户已经不在名单里了。")
        return
    proof = bought(customer, ctx)
    if not form["reason"] and proof:
        form = _heard({**form, "reason": "竞品选择"}, proof, ctx)
    reason = named(form["reason"])
    wants = "reason" if reason is None else reason.asks
    if wants and not form[wants] and wants not in form["asked"]:
        yield _question(customer, {**form, "asked": [*form["asked"], wants]}, wants, member, ctx)
    elif reason is None:
        yield _question(customer, form, "reason", member, ctx)
    else:
        yield from _file(customer, form, reason, proof, member, ctx)


def _question(
    customer: Customer, form: dict[str, Any], wants: str, member: str, ctx: Ctx
) -> Send:  # fmt: skip
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind=KIND,
                  body={**form, "wants": wants}, now=ctx.now)  # fmt: skip
    listed = "、".join(f"{n} {r.name}" for n, r in enumerate(reasons(), 1))
    asked = {
        "reason": f"{customer.name}为什么战败？回复序号或直接说：{listed}",
        "rival": f"{customer.name}选了哪款？回复车名，不知道就回 不清楚",
        "gap": f"{customer.name}价格差多少？例如 1.2万，不知道就回 不清楚",
    }
    return Send(member, asked[wants])


def answer(asked: Dialog, words: str, ctx: Ctx) -> Iterator[Action] | None:
    """What was said to a question of the form; None when it is no answer to it."""
    wants = asked.body["wants"]
    if wants == "back":
        return _sent_back(asked, words, ctx)
    if wants != "reason" and _NOT_KNOWN.match(words.strip()):
        return _next(asked, {}, ctx)
    if wants == "rival":
        named_ = rival(words, ctx) or (words.strip() if len(words) <= 12 else "")
        return _next(asked, {"rival": mask.phones(named_)}, ctx) if named_ else None
    if wants == "gap":
        return _next(asked, {"gap": gap(words)}, ctx) if gap(words) else None
    found = meant(words)
    if found is None:
        return None
    heard = _heard({**asked.body, "reason": found.name}, "" if words.isdecimal() else words, ctx)
    return _next(asked, heard, ctx)


def digit(asked: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    """A bare number: of the list, or so many 万."""
    found = answer(asked, str(n), ctx)
    if found is None:
        yield Send(asked.member, f"请回复 1 到 {len(reasons())}，或直接说原因。")
    else:
        yield from found


def _next(asked: Dialog, more: Mapping[str, Any], ctx: Ctx) -> Iterator[Action]:
    dialogs.close(ctx.db, asked.id)
    yield from _on({**asked.body, **more}, asked.member, ctx)


# Filing


def _file(
    customer: Customer, form: Mapping[str, Any], reason: Reason, proof: str, member: str, ctx: Ctx
) -> Iterator[Action]:
    loss = Loss(
        id=ctx.new_id(), customer=customer.id, advisor=customer.owner or member,
        store=customer.store, reason=reason.name, kind=reason.kind, asked_at=ctx.now,
        rival=form["rival"], gap=form["gap"], contacts=contacts(customer, ctx).total,
        words=short(form["words"], 200), evidence=mask.phones(proof),
        last_at=customer.contacted_at,
    )  # fmt: skip
    rows.put(ctx.db, loss)
    managers = ctx.team.managers_of(customer.store)
    if _decides(customer, member, ctx) or not managers:
        yield from _agree(loss, customer, member, ctx)
        return
    was = before(customer, ctx)
    remember(ctx, member, f"{customer.name}的战败申请", was, kept=Kept(losses=(loss.id,)))
    names = "、".join(manager.name for manager in managers)
    yield Send(member, f"{customer.name}的战败申请已交给{names}：{told(loss)}。批准之前照常跟进。"
                       "报错了回复 撤销。")  # fmt: skip
    for manager in managers:
        yield card(loss, customer, manager.userid, ctx)


def told(loss: Loss) -> str:
    """竞品选择（比亚迪海豹，差1.2万元）."""
    more = [loss.rival, f"差{money(loss.gap)}" if loss.gap else ""]
    inside = "，".join(part for part in more if part)
    return f"{loss.reason}（{inside}）" if inside else loss.reason


def card(loss: Loss, customer: Customer, manager: str, ctx: Ctx) -> Action:
    advisor = ctx.team.name(loss.advisor)
    facts = [
        f"顾问{advisor}报战败：{told(loss)}",
        f"联系{loss.contacts}次，上次联系{ago(loss.last_at, ctx.now)}，"
        f"客户说话{ago(customer.spoke_at, ctx.now)}",
        kind_words(loss.kind, loss.reason),
        *([f"客户原话“{short(loss.evidence, 30)}”"] if loss.evidence else []),
        *([f"顾问说“{short(loss.words, 40)}”"] if loss.words else []),
    ]
    choice = Choice("lost", f"{customer.name}战败，批不批？", "。".join(facts) + "。", DECISIONS,
                    {"loss": loss.id, "customer": customer.id})  # fmt: skip
    return ask(manager, choice, ctx)


def kind_words(kind: str, reason: str) -> str:
    """What kind it is, who says so, and what follows."""
    listed = named(reason)
    why = f"按“{reason}”" if listed and listed.kind == kind else "经理改的"
    then = "不召回" if kind == MISMATCH else "批准后7、30、90天各请顾问召回一次"
    return f"类别：{kind}（{why}），{then}"


# Deciding


def decided(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """A manager's answer; who comes second is told who was first."""
    loss = rows.get(ctx.db, dialog.body["loss"])
    customer = customers.get(ctx.db, loss.customer) if loss else None
    if loss is None or customer is None:
        yield Send(dialog.member, "这份申请已经不在了。")
    elif not rows.waits(ctx.db, loss.id):
        by = ctx.team.name(loss.decided_by) or "系统"
        said = f"已由{by}处理：{loss.state}" if loss.decided_by else f"已经{loss.state}"
        yield Send(dialog.member, f"{customer.name}的战败申请{said}。")
    elif value == "agree":
        yield from _agree(loss, customer, dialog.member, ctx)
    elif value == "turn":
        turned = replace(loss, kind=OTHER if loss.kind == MISMATCH else MISMATCH)
        rows.put(ctx.db, turned)
        yield card(turned, customer, dialog.member, ctx)
    else:
        dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=dialog.member, kind=KIND,
                      body={"wants": "back", "loss": loss.id}, now=ctx.now)  # fmt: skip
        yield Send(dialog.member, f"退回{customer.name}的战败申请，请说一句原因，会转给顾问。")


def _agree(loss: Loss, customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    was = before(customer, ctx)
    event = stages.log(ctx, customer, STAGE, ctx.now, told(loss), member)
    rows.put(ctx.db, replace(loss, state=rows.AGREED, decided_by=member, decided_at=ctx.now,
                             event=event))  # fmt: skip
    owed.drop(ctx.db, customer.id, ctx.now, STAGE)
    now = stages.write(customer, stages.moved(customer, ctx), ctx)
    tiers.rejudge(now, ctx)
    remember(ctx, member, f"{customer.name}的战败", was, event=event)
    then = kind_words(loss.kind, loss.reason)
    yield Send(member, f"已记录：{customer.name} 战败，{told(loss)}。跟进已停。{then}。"
                       "批错了回复 撤销。")  # fmt: skip
    if loss.advisor != member and ctx.team.advisor(loss.advisor):
        who = ctx.team.name(member)
        yield Send(loss.advisor, f"{who}同意了{customer.name}的战败：{told(loss)}。{then}。")


def _sent_back(asked: Dialog, words: str, ctx: Ctx) -> Iterator[Action]:
    dialogs.close(ctx.db, asked.id)
    loss = rows.get(ctx.db, asked.body["loss"])
    customer = customers.get(ctx.db, loss.customer) if loss else None
    if loss is None or customer is None or not rows.waits(ctx.db, loss.id):
        yield Send(asked.member, "这份申请已经处理过了。")
        return
    why = short(mask.phones(words), 80)
    rows.put(ctx.db, replace(loss, state=rows.RETURNED, decided_by=asked.member,
                             decided_at=ctx.now, answer=why))  # fmt: skip
    yield Send(asked.member, f"已退回{customer.name}的战败申请，原因已转给"
                             f"{ctx.team.name(loss.advisor)}。")  # fmt: skip
    by = ctx.team.name(asked.member)
    yield Send(loss.advisor, f"{by}退回了{customer.name}的战败申请：{why}。请再联系；"
                             f"还是不行，再回复 战败 {customer.name} 重报。")  # fmt: skip


def waiting(stores: tuple[str, ...], ctx: Ctx) -> list[tuple[Loss, Customer]]:
    """Applications that nobody has decided about, the oldest first."""
    found = rows.waiting(ctx.db, stores)
    return [(one, c) for one in found if (c := customers.get(ctx.db, one.customer))]


def listing(_: re.Match[str], msg: Any, ctx: Ctx) -> Iterator[Action] | None:
    """待批战败: the cards again, for a manager."""
    manager = ctx.team.manager(msg.sender)
    if manager is None or not manager.names:
        return None
    return _cards(manager.stores, msg.sender, ctx)


def _cards(stores: tuple[str, ...], member: str, ctx: Ctx) -> Iterator[Action]:
    found = waiting(stores, ctx)
    if not found:
        yield Send(member, "没有等着批的战败申请。")
    for loss, customer in found[:5]:
        yield card(loss, customer, member, ctx)


def line(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """For the card."""
    loss = rows.newest(ctx.db, customer.id)
    if loss and rows.waits(ctx.db, loss.id):
        yield f"战败申请待批：{told(loss)}（{ago(loss.asked_at, ctx.now)}交）"
    elif loss and loss.state == rows.AGREED and customer.stage == STAGE:
        yield f"战败：{told(loss)}，{loss.kind}"
    elif loss and loss.state == rows.RETURNED and ctx.now - loss.asked_at < timedelta(days=30):
        yield f"战败申请被退回：{loss.answer}"
