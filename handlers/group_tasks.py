"""1vN groups: a customer who becomes hot is to have a group of their own, made by the advisor."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from handlers import enrol
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.values import Action, Send
from handlers.words import exactly
from storage import customers, events, groups
from storage import sop as rows
from storage.customers import Customer
from storage.db import Row
from storage.dialogs import Dialog
from storage.sop import GroupTask

KIND = "1vN"
KINDS = ("级别", "意向")
HOT = ("H", "A")
OPEN, MADE, TOLD, EXPIRED, REFUSED = "待建", "已建", "已告知", "过期", "不建"
PLANNED = "备好"  # nobody is at work to hear of it yet
BUTTONS = (("要开场白", "words"), ("不建", "no"))
AGAIN = timedelta(days=60)
_ROSE = re.compile(r"^(?P<was>[OHABCN]|.意向)→(?P<now>[OHABCN]|.意向)")
_ORDER = ("N", "C", "B", "A", "H", "O")


def heard(event: Row, ctx: Ctx) -> None:
    """A level or a tier moved; who rose to the top gets a task."""
    customer = customers.get(ctx.db, event["customer"])
    moved = event["kind"] in KINDS and rose(event["evidence"])
    if customer and moved and hot(customer):
        propose(customer, event["evidence"].partition("：")[0], ctx)


def rose(evidence: str) -> bool:
    """B→H, 中意向→高意向; not O→H of an order that was taken back."""
    found = _ROSE.match(evidence)
    if found is None:
        return False
    if found["now"] in _ORDER and found["was"] in _ORDER:
        up = _ORDER.index(found["now"]) > _ORDER.index(found["was"])
        return up and found["now"] in HOT
    return found["now"] == "高意向"


def hot(customer: Customer) -> bool:
    """Pursued, and at level H or A."""
    return (customer.tier, customer.track) == ("high", "pursuing") and customer.level in HOT


def unfit(customer: Customer, ctx: Ctx) -> bool:
    """Gone, or with such a group already, or with a task of late."""
    gone = customer.opted_out_at or customer.deleted_at or not customer.owner
    newest = next(iter(rows.tasks_of(ctx.db, customer.id)), None)
    lately = newest is not None and ctx.now - newest.made_at < AGAIN
    return bool(gone or lately or rows.has_group(ctx.db, customer.id, KIND))


def propose(customer: Customer, why: str, ctx: Ctx) -> None:
    if not ctx.settings.sop.group_task or unfit(customer, ctx):
        return
    until = ctx.now + timedelta(days=ctx.settings.sop.group_task_days)
    task = GroupTask(
        id=enrol.run_id("group", customer.id, ctx.now.isoformat()), customer=customer.id,
        advisor=customer.owner, name=name(customer), members=_members(customer, ctx),
        words=_words(customer, ctx), why=why, state=PLANNED, made_at=ctx.now, until=until,
    )  # fmt: skip
    rows.put_task(ctx.db, task)


def name(customer: Customer) -> str:
    model = customer.model or "购车"
    return f"{customer.name}·{model}专属服务群"


def _members(customer: Customer, ctx: Ctx) -> str:
    """The advisor and a manager of the store."""
    staff = [ctx.team.name(customer.owner)]
    staff += [manager.name for manager in ctx.team.managers_of(customer.store)[:1]]
    return "、".join([customer.name, *staff])


def _words(customer: Customer, ctx: Ctx) -> str:
    managers = ctx.team.managers_of(customer.store)
    manager = f"，{managers[0].name}经理也在" if managers else ""
    about = f"{customer.model}的" if customer.model else ""
    me = ctx.team.name(customer.owner)
    return (f"{customer.name}您好，这个群专门为您服务：我是{me}{manager}。"
            f"{about}配置、金融、试驾有任何问题，直接在群里说，我们一起给您答。")  # fmt: skip


def tick(ctx: Ctx) -> Iterator[Action]:
    for task in rows.tasks_in(ctx.db, PLANNED):
        customer = customers.get(ctx.db, task.customer)
        if customer is None or customer.opted_out_at or customer.deleted_at:
            rows.put_task(ctx.db, replace(task, state=EXPIRED))
        elif reader := enrol.reader(customer, ctx):
            rows.put_task(ctx.db, replace(task, state=OPEN))
            yield _card(task, customer, reader, ctx)
    for task in rows.tasks_in(ctx.db, MADE):
        rows.put_task(ctx.db, replace(task, state=TOLD))
        yield Send(task.advisor, f"看到“{task.chat}”了，{task.name}的建群任务完成。")
    for task in rows.expired(ctx.db, ctx.now):
        rows.put_task(ctx.db, replace(task, state=EXPIRED))


def _card(task: GroupTask, customer: Customer, reader: str, ctx: Ctx) -> Action:
    text = (f"{task.why}，还没有一对多服务群。群名：{task.name}；拉谁：{task.members}。"
            f"{exactly(task.until.astimezone(ctx.zone))}前建好，建好自动销掉这条。")  # fmt: skip
    choice = Choice("group_task", f"给{customer.name}建个1vN群", text, BUTTONS,
                    {"task": task.id, "customer": customer.id})  # fmt: skip
    return ask(reader, choice, ctx)


def decided(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    task = rows.task(ctx.db, dialog.body["task"])
    if task is None or task.state in (MADE, TOLD, EXPIRED):
        yield Send(dialog.member, "这个建群任务已经结束了。")
    elif value == "words":
        yield Send(dialog.member, task.words)
    else:
        rows.put_task(ctx.db, replace(task, state=REFUSED))
        yield Send(dialog.member, f"好，不建{task.name}了，60天内不再提。")


def grouped(chat_id: str, ctx: Ctx) -> None:
    """The members of a group are known: whose task it is, has been done."""
    group = groups.get(ctx.db, chat_id)
    if group is None or group["kind"] != KIND:
        return
    for member in groups.inside(ctx.db, chat_id):
        task = next(iter(rows.tasks_of(ctx.db, member)), None)
        if task and task.state in (PLANNED, OPEN):
            rows.put_task(ctx.db, replace(task, state=MADE, chat=group["name"]))
            events.add(ctx.db, event_id=ctx.new_id(), customer=member, kind="建群",
                       when=ctx.now, source="system", evidence=group["name"])  # fmt: skip
