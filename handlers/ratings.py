"""What staff think of the aibot's answers: kept, and counted for whoever keeps the library."""

from collections.abc import Iterator
from typing import Any

from handlers.context import Ctx
from handlers.router import Router
from handlers.values import Action, Inbound
from nlp import mask
from storage import ratings
from storage.ratings import Rating

GOOD, BAD, WITHDRAWN = 1, 2, 3
REASONS = {1: "答非所问", 2: "不完整", 3: "有错误", 4: "数据不对"}
LONGEST = 500


def rated(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The newest word of a member on an answer counts; taking it back leaves none."""
    told = _told(msg)
    answer, verdict = str(told.get("id") or ""), told.get("type")
    if not answer or verdict not in (GOOD, BAD, WITHDRAWN):
        return
    if verdict == WITHDRAWN:
        ratings.withdraw(ctx.db, answer, msg.sender)
        return
    given = told.get("inaccurate_reason_list") or []
    reasons = tuple(r for r in given if r in REASONS) if isinstance(given, list) else ()
    words = mask.phones(str(told.get("content") or ""))[:LONGEST]
    ratings.put(ctx.db, Rating(answer, msg.sender, verdict, reasons, words, ctx.now))
    return
    yield


def _told(msg: Inbound) -> dict[str, Any]:
    event = msg.fields.get("event")
    found = event.get("feedback_event") if isinstance(event, dict) else None
    return found if isinstance(found, dict) else {}


router = Router(((lambda m: m.channel == "aibot" and m.event == "feedback_event", rated),))
