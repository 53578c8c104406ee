"""Acting on a line of the digest: 3 转李娜, 3 批注 …, 有用 3, 为什么 3, 表扬."""

import re
from collections.abc import Iterator
from typing import Any

from handlers import digest_more, escalation, undo
from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.keepsakes import Kept
from handlers.settings import Advisor, Manager
from handlers.values import Action, Inbound, Send
from handlers.words import short
from nlp import mask
from storage import customers, digests, events
from storage.customers import Customer
from storage.dialogs import Dialog

MOVE, NOTE, PRAISE = "digest_move", "digest_note", "digest_praise"
MOST_VOTES = 3
MOST_ASKED = 5
LONGEST = 120
NO_DIGEST = "还没有日报。回复 日报 现在出一份。"
HOW = {
    "漏斗": "那段时间走到每一步的客户，一步一位只算一次；旁边是此前的日均，周报、月报是前一期。",
    "逾期": "应联系日早于今天、还没处理的跟进；一位客户只算最早的一件。",
    "未回复": "客户说话超过30分钟、之后没有联系记录的，看近3天。",
    "级别": "级别变化的记录，升降按 N、C、B、A、H、O 的次序。",
    "未到店": "顾问记下的未到店。",
    "投诉": "客户话里有投诉意思的记录，到此刻为止。",
    "待批战败": "顾问交了、还没人批的战败申请。",
    "话术缺口": "顾问来问、库里没有合适话术的问题，意思相近的并成一个。",
    "关注点": "近7天客户提到的关注点，按人数。",
    "客户": "门店现有客户，按意向和级别。",
    "评价": "客户对到店、试驾、交付点的星：4、5星满意，3星一般，1、2星不满意。",
    "社群": "系数由流入、流出、沉默、建群时间算，公式在 docs/formulas.md。",
    "话术": "近30天给出够多次的话术，按采纳率。",
    "奖品": "兑换了还没领的奖品，和还没发的转介绍谢礼。",
    "数据健康": "消息有没有断、有没有处理失败或发送失败、客户核对有没有做完。",
    "异常": "和近28天同一时段的均值比，超出两个标准差。",
    "表扬": "从成交、交付、试驾、到店、联系里挑最接近成交的一项，挑做得最多的一位。",
}


def _line(member: str, n: int, ctx: Ctx) -> dict[str, Any] | str:
    """A line of the newest digest, or what is wrong with its number."""
    body = digests.latest(ctx.db, member)
    if body is None:
        return NO_DIGEST
    parts = body["parts"]
    if not 1 <= n <= len(parts):
        return f"日报只有{len(parts)}条，请用 1 到 {len(parts)}。"
    found: dict[str, Any] = parts[n - 1]
    return found


def _people(line: dict[str, Any], manager: Manager, ctx: Ctx) -> list[Customer]:
    """Whom a line is about, as far as they are still in the reader's stores."""
    keys = dict.fromkeys(line.get("customers", ()))
    found = (customers.get(ctx.db, key) for key in keys)
    return [c for c in found if c and c.store in manager.stores and c.deleted_at is None]


# 3 转李娜, 3 批注 今天务必联系


def move(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """None where there is no advisor of that name: these are other words."""
    manager = ctx.team.in_charge(msg.sender)
    to = _advisor(match["to"], manager, ctx) if manager else None
    if manager is None or to is None:
        return None
    line = _line(manager.userid, int(match["n"]), ctx)
    if isinstance(line, str):
        return iter([Send(msg.sender, line)])
    people = _named(_people(line, manager, ctx), match["name"] or "")
    free = [c for c in people if c.owner != to.userid]
    choice = Choice(MOVE, f"把哪一位转给{to.name}？", "", (), {"to": to.userid})
    return _one(free, choice, msg.sender, ctx)


def note(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    manager = ctx.team.in_charge(msg.sender)
    if manager is None:
        return None
    line = _line(manager.userid, int(match["n"]), ctx)
    if isinstance(line, str):
        return iter([Send(msg.sender, line)])
    words = short(mask.phones(match["text"]), LONGEST)
    people = _people(line, manager, ctx)
    named = [c for c in people if words.startswith(f"{c.name} ")]
    if named:
        words = words.removeprefix(f"{named[0].name} ").strip()
    choice = Choice(NOTE, "批注给哪一位客户？", f"批注：{words}。", (), {"words": words})
    return _one(named[:1] or people, choice, msg.sender, ctx)


def _advisor(name: str, manager: Manager, ctx: Ctx) -> Advisor | None:
    team = ctx.team.advisors_of(manager.stores)
    return next((a for a in team if name in (a.name, a.userid)), None)


def _named(people: list[Customer], name: str) -> list[Customer]:
    return [c for c in people if c.name == name] if name else people


def _one(people: list[Customer], choice: Choice, member: str, ctx: Ctx) -> Iterator[Action]:
    """Do it for the only one, or ask which."""
    if not people:
        yield Send(member, "这一条没有可以这样处理的客户。回复 详情 加序号看名单。")
    elif len(people) == 1:
        yield from DO[choice.do](people[0], choice.about, member, ctx)
    else:
        options = tuple((f"{c.name}{c.level}级", c.id) for c in people[:MOST_ASKED])
        yield ask(member, Choice(choice.do, choice.title, choice.text, options, choice.about), ctx)


def chosen(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """One of them was picked; they may have gone elsewhere since."""
    manager, customer = ctx.team.in_charge(dialog.member), customers.get(ctx.db, value)
    if manager is None or customer is None or customer.store not in manager.stores:
        yield Send(dialog.member, "这位客户已经不在您的门店了。")
        return
    yield from DO[dialog.body["do"]](customer, dialog.body, dialog.member, ctx)


def _move(customer: Customer, about: Any, member: str, ctx: Ctx) -> Iterator[Action]:
    to = ctx.team.advisor(about["to"])
    if to is not None and customer.owner != to.userid:
        yield from escalation.reassign(customer, to, member, ctx)


def _note(customer: Customer, about: Any, member: str, ctx: Ctx) -> Iterator[Action]:
    """The advisor reads it now, and whoever opens the card later."""
    words = about["words"]
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer.id, kind=digest_more.NOTE,
               when=ctx.now, source="advisor", evidence=words, by_whom=member)  # fmt: skip
    who = ctx.team.name(member)
    if ctx.team.advisor(customer.owner) is None:
        yield Send(member, f"{customer.name}现在没有顾问，批注记在了客户卡片上。")
        return
    yield Send(customer.owner, f"{who}批注了{customer.name}：{words}\n"
                               f"回复 客户 {customer.name} 看卡片。")  # fmt: skip
    yield Send(member, f"已告诉{ctx.team.name(customer.owner)}，也记在{customer.name}的卡片上。")


def tell(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """提醒张伟联系王女士: a note, whichever line it is about."""
    return _note(customer, {"words": short(mask.phones(words), LONGEST)}, member, ctx)


def keep(customer: Customer, words: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """An advisor's own note, for whoever opens the card later."""
    was, words = undo.before(customer, ctx), short(mask.phones(words), LONGEST)
    event = ctx.new_id()
    events.add(ctx.db, event_id=event, customer=customer.id, kind=digest_more.NOTE, when=ctx.now,
               source="advisor", evidence=words, by_whom=member)  # fmt: skip
    undo.remember(ctx, member, f"{customer.name}的备注", was, kept=Kept(events=(event,)))
    yield Send(member, f"已记在{customer.name}的卡片上：{words}。记错了回复 撤销。")


DO = {MOVE: _move, NOTE: _note}


# 有用 3, 没用 3


def vote(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        return None
    return _vote(manager, int(match["n"]), 1 if match["word"] == "有用" else -1, ctx)


def _vote(manager: Manager, n: int, step: int, ctx: Ctx) -> Iterator[Action]:
    line = _line(manager.userid, n, ctx)
    if isinstance(line, str):
        yield Send(manager.userid, line)
        return
    stands = digests.vote(ctx.db, manager.userid, line["name"], step, MOST_VOTES, ctx.now)
    way = "往前排" if stands > 0 else "往后排" if stands < 0 else "按原来的顺序排"
    yield Send(manager.userid, f"好，以后您的日报里“{line['name']}”{way}（只影响您自己的）。"
                               f"回复 为什么 {n} 看它怎么排、怎么算。")  # fmt: skip


# 为什么 3


def explain(member: str, n: int, ctx: Ctx) -> Iterator[Action]:
    """How a figure came about: the rule, the way of the data, the rows, its place."""
    line = _line(member, n, ctx)
    if isinstance(line, str):
        yield Send(member, line)
        return
    name = line["name"]
    votes = digests.votes_of(ctx.db, member, name)
    said = f"，您说过{'有用' if votes > 0 else '没用'}（{votes:+d}）" if votes else ""
    lines = [f"{n}. {line['line']}", f"怎么算：{HOW.get(name, line.get('source') or '本系统记录')}"]
    if line.get("source"):
        lines.append(f"从哪来：{line['source']}")
    lines.append(f"排在第{n}：紧急度{line.get('urgency', 0)}{said}")
    rows = [f"· {row}" for row in line["details"][:8]]
    more = len(line["details"]) - len(rows)
    tail = [f"另有{more}行，回复 详情 {n} 看全部。"] if more > 0 else []
    yield Send(member, "\n".join([*lines, *rows, *tail]))


# 表扬


def praise(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """The words are laid before the manager; only their tap sends them."""
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        return None
    return _praise(manager, ctx)


def _praise(manager: Manager, ctx: Ctx) -> Iterator[Action]:
    body = digests.latest(ctx.db, manager.userid)
    line = next((p for p in body["parts"] if p["name"] == "表扬"), None) if body else None
    if line is None:
        yield Send(manager.userid, "最近的日报里没有可以表扬的记录。回复 日报 出一份新的。")
        return
    words, to = line["details"][0], line["about"]
    about = {"to": to, "words": words}
    answers = (("发送", "yes"), ("不发", "no"))
    choice = Choice(PRAISE, f"发给{ctx.team.name(to)}？", f"{words}\n", answers, about)
    yield ask(manager.userid, choice, ctx)


def praised(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    if value != "yes":
        yield Send(dialog.member, "好，没有发。")
        return
    to = ctx.team.advisor(dialog.body["to"])
    if to is None:
        yield Send(dialog.member, "这位顾问已经不在名单里了。")
        return
    yield Send(to.userid, f"{dialog.body['words']}——{ctx.team.name(dialog.member)}")
    yield Send(dialog.member, f"已发给{to.name}。")
