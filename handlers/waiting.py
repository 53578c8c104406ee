"""A customer who waits for an answer: the advisor after some minutes, then the managers.

Only where both sides can be seen, or a visitor was handed to a person, is it known that no answer
was given. The clock stands still outside opening hours.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from handlers import shifts
from handlers.context import Ctx
from handlers.settings import Advisor
from handlers.values import Action, Button, Card, Send
from handlers.words import TIERS, short
from nlp import mask
from nlp.reading import Reading
from storage import customers, dialogs, followups, rules
from storage.customers import Customer
from storage.followups import FollowUp

KIND = "waiting"
UNANSWERED = "unanswered"  # once everybody was told; from then on it stands on the lists
CLOSES = ("thanks", "chitchat")  # who says no more than that waits for nothing
WORDS = frozenset(("收到", "知道了", "好", "好的", "好滴", "行", "可以", "ok", "嗯", "明白", "了解",
                   "谢谢", "再见", "👌", "👍", "🙏"))  # fmt: skip
ENDINGS = " 。！!~～，,了哈啦呢的"


def heard(customer: Customer, text: str, at: datetime, reading: Reading | None, ctx: Ctx) -> None:
    """The clock starts with the first message nobody has answered; "" is a picture or voice."""
    advisor = ctx.team.advisor(customer.owner)
    steps = ctx.settings.followups.waiting_minutes
    if advisor is None or not steps or customer.opted_out_at or _needs_none(text, reading):
        return
    if any(one.kind == KIND for one in followups.open_of(ctx.db, customer.id)):
        return
    words = f"客户说“{short(mask.phones(text), 40)}”" if text.strip() else "客户发来图片或语音"
    followups.plan(
        ctx.db, followup_id=ctx.new_id(), customer=customer.id, advisor=advisor.userid, kind=KIND,
        due=shifts.after(advisor, at, steps[0], ctx), reason=f"{words}，还没有人回复", now=at,
        rule=KIND,
    )  # fmt: skip


def _needs_none(text: str, reading: Reading | None) -> bool:
    """谢谢 and 好的 close a talk rather than open one."""
    if reading is None or not text.strip():
        return False
    if text.strip().lower().rstrip(ENDINGS) in WORDS or text.strip().lower() in WORDS:
        return True
    said = {intent.code for intent in reading.intents}
    asks = reading.concerns or reading.speech_act == "question"
    return bool(said) and said <= set(CLOSES) and not asks


def answered(customer: str, at: datetime, ctx: Ctx) -> None:
    """An answer was seen, given at that time; what was asked after it still waits."""
    for one in followups.open_of(ctx.db, customer):
        if one.kind in (KIND, UNANSWERED) and one.created_at <= at:
            followups.close(ctx.db, one.id, ctx.now, "已回复")


def _times(followup: FollowUp, advisor: Advisor, ctx: Ctx) -> list[datetime]:
    """When each step is due."""
    steps = ctx.settings.followups.waiting_minutes
    return [shifts.after(advisor, followup.created_at, minutes, ctx) for minutes in steps]


def alert(followup: FollowUp, ctx: Ctx) -> Iterator[Action]:
    """The step that is due now; those missed while the program was off are not made up."""
    customer = customers.get(ctx.db, followup.customer)
    advisor = ctx.team.advisor(followup.advisor)
    if customer is None or advisor is None or customer.opted_out_at or customer.deleted_at:
        followups.close(ctx.db, followup.id, ctx.now, "不再需要")
        return
    times = _times(followup, advisor, ctx) or [ctx.now]  # switched off since
    ahead = [at for at in times if at > ctx.now]
    then = ahead[0] if ahead else shifts.next_morning(advisor, ctx)
    if not followups.reminded(ctx.db, followup, ctx.now, then):
        return
    if not ahead:
        followups.turn(ctx.db, followup.id, UNANSWERED)
    step = len(times) - len(ahead)
    rules.hit(ctx.db, [f"waiting.{step}"], ctx.now)
    reader = shifts.stand_in(advisor, ctx)
    if reader and shifts.on_shift(reader, ctx):
        yield _card(followup, customer, reader.userid, ctx)
    if not ahead and len(times) > 1:
        yield from _managers(followup, customer, step, ctx)


def _card(followup: FollowUp, customer: Customer, reader: str, ctx: Ctx) -> Card:
    dialog = ctx.new_id()
    body = {"followup": followup.id, "customer": customer.id}
    dialogs.begin(ctx.db, dialog_id=dialog, member=reader, kind="item", body=body, now=ctx.now)
    absent = f"（代{ctx.team.name(followup.advisor)}）" if reader != followup.advisor else ""
    return Card(
        to=reader, task_id=dialog, title=f"{customer.name}等了{_long(followup, ctx)}{absent}",
        desc=f"{TIERS[customer.tier]}·{customer.level}级",
        text=f"{followup.reason}。回了就点 已回，或回复 已回。",
        buttons=(Button("已回", "done", 1), Button("给话术", "other"), Button("为什么", "why")),
    )  # fmt: skip


def _managers(followup: FollowUp, customer: Customer, step: int, ctx: Ctx) -> Iterator[Action]:
    owner = ctx.team.name(followup.advisor)
    text = (f"⏱ {customer.name}（顾问{owner}）等了{_long(followup, ctx)}：{followup.reason}。"
            f"已提醒过顾问{step - 1}次，请安排人先回。")  # fmt: skip
    for manager in ctx.team.managers_of(customer.store):
        yield Send(manager.userid, text)


def _long(followup: FollowUp, ctx: Ctx) -> str:
    waited = ctx.now - followup.created_at
    if waited < timedelta(hours=1):
        return f"{int(waited.total_seconds() // 60)}分钟"
    return f"{int(waited.total_seconds() // 3600)}小时"
