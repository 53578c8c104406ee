"""What an advisor answers about an appointment: by a button, a digit or in words; the lists."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from handlers import brief, journey, knocks, logged
from handlers.context import Ctx
from handlers.logged import Note
from handlers.values import Action, Inbound, Send
from storage import appointments as rows
from storage import customers, dialogs
from storage.appointments import Appointment
from storage.customers import Customer
from storage.dialogs import Dialog

GONE = "这个预约已经不在了。"
WHEN = "when"
DAYS = {"今天": 0, "今日": 0, "明天": 1, "明日": 1, "昨天": -1, "后天": 2}
_ANSWERS: Mapping[str, tuple[str, ...]] = {
    "到店": ("到了", "来了", "到店了"), "missed": ("没来", "没到", "爽约"),
    "confirmed": ("确认", "已确认", "确认了"), "cancelled": ("取消", "不来了"), "moved": ("改期",),
}  # fmt: skip


def chosen(dialog: Dialog, value: str, ctx: Ctx) -> Iterator[Action]:
    """An answer to 和…确认预约 or 到了吗."""
    found = rows.get(ctx.db, dialog.body["appointment"])
    customer = customers.get(ctx.db, dialog.body["customer"])
    if found is None or customer is None:
        yield Send(dialog.member, GONE)
        return
    dialogs.close(ctx.db, dialog.id)
    if not found.open:
        yield Send(dialog.member, f"{customer.name}这次已经记为“{found.state}”。要改直接说，例如："
                                  f"{customer.name}到了")  # fmt: skip
    elif value == "moved":
        yield from _ask_when(found, customer, dialog.member, ctx)
    else:
        yield from journey.record(customer, _note(value, found), dialog.member, ctx)


def _note(value: str, found: Appointment) -> Note:
    if value == "missed":
        return Note(found.kind, None, True, f"约了{found.kind}没来")
    special = {"confirmed": ("确认", "已确认"), "cancelled": ("取消预约", "取消")}
    kind, words = special.get(value, (value, f"约的{found.kind}"))
    return Note(kind, None, False, words)


def _ask_when(found: Appointment, customer: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=member, kind=WHEN,
                  body={"customer": customer.id}, now=ctx.now)  # fmt: skip
    yield Send(member, f"{customer.name}改到什么时候？直接回复时间，例如：周日上午10点")


def words(asked: Dialog, text: str, ctx: Ctx) -> Iterator[Action] | None:
    """到了, 没来，堵车, 改到周日上午, without a name: of whom was just asked about."""
    if asked.kind == WHEN:
        return _moved(asked, text, ctx)
    if asked.kind != "choice" or asked.body["do"] not in ("came", "confirm"):
        return None
    options = [value for _, value in asked.body["options"]]
    plain = text.strip(" 。！!")
    for value in options:
        if plain in _ANSWERS.get(value, (f"{value}了", value)):
            return chosen(asked, value, ctx)
    asks = ctx.read(text).speech_act == "question"
    notes = logged.read(text, ctx) if len(text) <= 30 and not asks else ()
    return _recorded(asked, notes, ctx) if notes and _answers(notes, options) else None


def _answers(notes: tuple[Note, ...], options: list[str]) -> bool:
    """What happened, or what stands on the card: 到了，试驾了，报价23.8万 answers it as well."""
    special = {"改期": "moved", "取消预约": "cancelled", "确认": "confirmed"}
    kinds = {"missed" if n.missed else special.get(n.kind, n.kind) for n in notes
             if not n.happened}  # fmt: skip
    return kinds <= {*options, "cancelled"}


def _recorded(asked: Dialog, notes: tuple[Note, ...], ctx: Ctx) -> Iterator[Action]:
    dialogs.close(ctx.db, asked.id)
    if customer := customers.get(ctx.db, asked.body["customer"]):
        yield from journey.record_all(customer, notes, asked.member, ctx)


def _moved(asked: Dialog, text: str, ctx: Ctx) -> Iterator[Action] | None:
    at, day = logged.timed(text, ctx)
    customer = customers.get(ctx.db, asked.body["customer"])
    if at is None or customer is None:
        return None
    dialogs.close(ctx.db, asked.id)
    return journey.record(customer, Note("改期", at, False, "改期", day=day), asked.member, ctx)


# 今天的预约, 明天的预约


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """An advisor's own, a manager's stores'."""
    word = match["day"] or "今天"
    day = ctx.today + timedelta(days=DAYS[word])
    pairs = of_day(msg.sender, ctx.on(day, datetime.min.time()), ctx)
    if not pairs:
        yield Send(msg.sender, f"{word}没有预约。约好了说：记录 王女士 周六下午3点试驾")
        return
    yield from knocks.listing(pairs, f"{word}有{len(pairs)}个预约：", msg.sender, ctx, "brief")


WHO_COMES = (
    r"^(?P<day>\S{2,8}?)(?:都|还|有|要|会)*+(?:到店|来店|试驾|预约|来)?(?:的)?(?:有)?"
    r"(?:谁|哪些(?:客户|人)?|几个人?|多少人?|几位(?:客户)?)"
    r"(?:要|会|约了)?(?:来|到店|过来|来店里?|看车|来看车|试驾|来试驾|的?预约)?(?:的)?[？?]?$"
)


def coming(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """明天谁来, 周末有几个人来试驾: of a time that is not over."""
    slot = ctx.lexicon.read(match["day"], at=ctx.now, sender="advisor").slot("datetime")
    if slot is None or slot.text != match["day"]:
        return None
    start, end = (datetime.fromisoformat(slot.value[key]) for key in ("from", "to"))
    if end <= ctx.now:
        return None
    pairs = of_day(msg.sender, start, ctx, end - start)
    if not pairs:
        return iter(
            [Send(msg.sender, f"{match['day']}没有预约。约好了说：王女士周六下午3点来试驾")]
        )
    head = f"{match['day']}有{len(pairs)}个预约："
    return knocks.listing(pairs, head, msg.sender, ctx, "brief")


def of_day(
    member: str, start: datetime, ctx: Ctx, long: timedelta = timedelta(days=1)
) -> list[tuple[Appointment, Customer]]:
    manager = ctx.team.manager(member)
    sees = manager is not None and manager.names
    whose = {a.userid for a in ctx.team.advisors_of(manager.stores)} if manager and sees else set()
    found = rows.of_advisors(ctx.db, sorted(whose | {member}), start, start + long)
    return [(one, c) for one in found if (c := customers.get(ctx.db, one.customer))]


def open_(dialog: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    """Line `n` of a list of appointments."""
    ids = dialog.body["ids"]
    found = rows.get(ctx.db, ids[n - 1]) if 1 <= n <= len(ids) else None
    customer = customers.get(ctx.db, found.customer) if found else None
    if found is None or customer is None:
        yield Send(dialog.member, f"请回复 1 到 {len(ids)}。")
    elif dialog.body["do"] == "confirm" and found.open:
        yield from knocks.confirm(found, customer, dialog.member, ctx)
    else:
        yield Send(dialog.member, brief.text(found, customer, ctx))
