"""偏好题: what a member likes becomes a tag, with the notice shown and the consent kept."""

from handlers import concerns, earning
from handlers.context import Ctx
from handlers.games.preference import NAME, NOTICE
from handlers.games.seat import ALONE, Said, Seat
from nlp import mask
from storage import consents, customers, games, tags
from storage.customers import Customer
from storage.games import Round

KIND, SOURCE, WHAT = "preference", "quiz", "偏好推荐"
UNKNOWN = "没有记过您的偏好，也不会给您发营销消息。不想参加群里的游戏，说 不参加。"
GONE = "好，以后不再给您发活动和推荐，您选过的偏好也删掉了。需要时随时找顾问。"


def noted(round_: Round, seat: Seat, ctx: Ctx) -> str:
    """After an answer: its tags in place of those of an earlier one, and a point for taking part.

    Only of somebody who is a customer, may be tagged, and has seen the notice, which stands with
    the question. A right answer of a quiz never comes here.
    """
    chosen = round_.body.get("votes", {}).get(seat.player)
    if round_.game != NAME or chosen is None:
        return ""
    customer = customers.get(ctx.db, seat.player)
    if customer and may_tag(customer, ctx):
        _keep(customer, round_, int(chosen), ctx)
    s = ctx.settings.preferences
    got = earning.earn(round_.chat_id, seat.player, s.points, NAME,
                       f"like:{round_.id}:{seat.player}", ctx)  # fmt: skip
    return earning.told(round_.chat_id, seat.player, s.points, got, ctx) if got else ""


def may_tag(customer: Customer, ctx: Ctx) -> bool:
    """Whoever left the games, refused the archive or wants no messages is not read for liking."""
    return not customer.archive_refused_at and not games.out(ctx.db, customer.id)


def _keep(customer: Customer, round_: Round, chosen: int, ctx: Ctx) -> None:
    body, s = round_.body, ctx.settings.preferences
    for others in body["tags"]:
        for code in others:
            tags.remove(ctx.db, customer.id, KIND, code)
    evidence = f"偏好题“{body['text']}”选了“{body['options'][chosen]}”"
    for code in body["tags"][chosen]:
        customers.tag(ctx.db, customer.id, kind=KIND, code=code, now=ctx.now, value=code,
                      evidence=mask.phones(evidence), confidence=s.confidence, source=SOURCE,
                      keep_days=s.keep_days, rule=body["id"])  # fmt: skip
    _agree(customer, True, NOTICE, ctx)


def _agree(customer: Customer, given: bool, words: str, ctx: Ctx) -> None:
    """A row where it changes what held before."""
    before = next((c for c in consents.of(ctx.db, customer.id) if c.what == WHAT), None)
    if before is None or before.given != given:
        consents.note(ctx.db, consent_id=ctx.new_id(), customer=customer.id, what=WHAT,
                      given=given, words=words, channel="group", by=customer.id,
                      now=ctx.now)  # fmt: skip


def withdraw(words: str, seat: Seat, ctx: Ctx) -> Said | None:
    """退订, said in a group or on its page: at once, for liking and for all that is marketing."""
    if seat.chat.startswith(ALONE):
        return None
    customer = customers.get(ctx.db, seat.player)
    if customer is None:
        return Said(UNKNOWN)
    forget(customer, ctx)
    _agree(customer, False, words, ctx)
    concerns.refuse(customer, words, ctx)
    told = f"{customer.name}在群里说“{words}”，已停止对TA的全部营销消息，偏好标签也删了。"
    return Said(GONE, report=(customer.owner, told) if customer.owner else None)


def forget(customer: Customer, ctx: Ctx) -> None:
    for tag in customers.tags(ctx.db, customer.id, ctx.now, KIND):
        tags.remove(ctx.db, customer.id, KIND, tag.code)
