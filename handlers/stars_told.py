"""评价 王女士 2星 交车等太久: what an advisor was told about a visit, taken back with 撤销."""

import re
from collections.abc import Iterator
from datetime import timedelta

from handlers import stars, undo
from handlers.context import Ctx
from handlers.stars import NAMES, SAME_VISIT, TOLD, VISITS, WAY
from handlers.values import Action, Send
from storage import events
from storage import stars as rows
from storage.customers import Customer
from storage.stars import OVER, Star

RECENT = timedelta(days=90)  # so long ago may lie what an advisor notes down a word about
COMMAND = (
    r"^(?:代录)?评价\s+(?P<name>[^\s\d]{1,20})\s+"
    r"(?P<text>(?:[1-5一二三四五]\s*星|非常满意|很不满意|不满意|满意|一般)(?:[\s，,：:].{0,200})?)$"
)
_GIVEN = re.compile(
    r"^(?:(?P<n>[1-5一二三四五])\s*星|(?P<word>\S+?))(?:[\s，,：:]+(?P<words>.*))?$"
)
_DIGITS = "〇一二三四五"


def noted(customer: Customer, text: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """Their word, told apart from what they tap themselves."""
    given, words = _given(text)
    one = _about(customer, member, ctx)
    if one is None or not given:
        days = RECENT.days
        yield Send(member, f"{customer.name}近{days}天没有记到店、试驾或交付。先记录，例如：记录 "
                           f"{customer.name} 到店")  # fmt: skip
        return
    if stars.own(one):
        yield Send(member, f"{customer.name}这次自己评过了：{one.stars}星，以客户自己的为准。")
        return
    before = stars.alarm_of(one, ctx)
    _, actions = stars.rated(one, given, ctx, channel=TOLD, words=words)
    said = f"{customer.name}对{stars.visit(one, ctx)}{given}星（{NAMES[given]}）"
    alarm = stars.alarm_of(one, ctx)
    kept = {"way": WAY, "customer": customer.id, "was": stars.before(one),
            "alert": alarm if alarm != before else ""}  # fmt: skip
    undo.remember_more(ctx, member, f"{said}的代录", kept)
    yield Send(member, f"记下了：{said}，算作顾问代录。记错了再说一次就改过来，或回复 撤销。")
    yield from actions


def _given(text: str) -> tuple[int, str]:
    found = _GIVEN.match(text.strip())
    if found is None:
        return 0, ""
    if n := found["n"]:
        return (_DIGITS.find(n) if n in _DIGITS else int(n)), found["words"] or ""
    return next((k for k, v in NAMES.items() if v == found["word"]), 0), found["words"] or ""


def _about(customer: Customer, member: str, ctx: Ctx) -> Star | None:
    """The newest visit, asked about or not."""
    last = events.last(ctx.db, customer.id, *VISITS)
    if last is None or ctx.now - last.at > RECENT:
        return None
    before = rows.newest(ctx.db, customer.id, last.at - SAME_VISIT)
    if before:
        return before
    fresh = Star(ctx.new_id(), last.id, customer.id, customer.owner or member, customer.store,
                 last.kind, OVER, last.at)  # fmt: skip
    rows.put(ctx.db, fresh)
    return fresh
