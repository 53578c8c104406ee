"""社群预警 by the clock: what was held back, is overdue, was not answered; quiet groups."""

from collections.abc import Iterator
from datetime import timedelta

from handlers import watch, watch_words
from handlers.analytics.groups import life_of
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.values import Action, Send
from handlers.watch import ARCHIVE, FALLING, POACHING, SILENT, UNANSWERED, Place, Sign
from handlers.words import short
from storage import figures, groups, rankings, sop
from storage import watch as rows
from storage.db import Row, at
from storage.watch import Alert

SCAN = "watch"
ROOMS = 50  # groups a minute
NAMED = 5
ORDER = ("萌芽", "成长", "成熟", "衰退", "沉寂")
LATE = timedelta(hours=6)  # a walk that was missed by so much waits for tomorrow


def tick(ctx: Ctx) -> Iterator[Action]:
    if not ctx.settings.watch.on:
        return
    for found in rows.untold(ctx.db):
        yield from watch.tell(found, ctx)
    for found in rows.overdue(ctx.db, ctx.now):
        yield from _raised(found, ctx)
    for question in rows.unanswered(ctx.db, ctx.now):
        yield from _unanswered(question, ctx)
    yield from _walk(ctx)


def _raised(found: Alert, ctx: Ctx) -> Iterator[Action]:
    """Past its deadline: to whoever runs the store, once, with the same buttons."""
    if not rows.raised(ctx.db, found.id, ctx.now):
        return
    above = [m.userid for m in ctx.team.managers_of(found.store) if m.userid != found.owner]
    if found.owner:
        yield Send(found.owner, f"预警超时：{found.why}，已经告诉经理，请尽快处理。")
    head = f"超时没处理完（{ctx.team.name(found.owner)}，{found.state}）：" if found.owner else ""
    for manager in above:
        yield watch.card(found, manager, head, ctx)


def _unanswered(question: Row, ctx: Ctx) -> Iterator[Action]:
    room = groups.get(ctx.db, question["chat_id"])
    if not rows.close(ctx.db, question["id"]) or room is None:
        return
    minutes = int((ctx.now - at(question["at"])).total_seconds() // 60)
    name = watch.nickname(question["chat_id"], question["member"], ctx)
    sign = Sign(UNANSWERED, question["member"], f"{name}的问题{minutes}分钟没人回",
                f"{name}：{question['words']}", question["member"], ARCHIVE)  # fmt: skip
    yield from watch.alarm(sign, watch.place_of(room, ctx), ctx)


# Once a day, group by group


def _walk(ctx: Ctx) -> Iterator[Action]:
    clock = ctx.settings.watch.daily_at
    today = ctx.on(ctx.today, clock)
    due, behind = sop.scan(ctx.db, SCAN, today if ctx.now <= today else ctx.tomorrow(clock))
    if ctx.now < due:
        return
    found = rankings.rooms(ctx.db, behind, INTERNAL, ROOMS)
    more = len(found) == ROOMS
    sop.scanned(ctx.db, SCAN, ctx.now if more else ctx.tomorrow(clock),
                found[-1]["chat_id"] if more else "")  # fmt: skip
    if ctx.now - today < LATE:
        for room in found:
            yield from _looked_at(room, watch.place_of(room, ctx), ctx)


def _looked_at(room: Row, place: Place, ctx: Ctx) -> Iterator[Action]:
    yield from _silent(place, ctx)
    yield from _falling(room, place, ctx)
    yield from _nicknames(place, ctx)


def _silent(place: Place, ctx: Ctx) -> Iterator[Action]:
    """Who joined within two weeks, long enough ago to have said or played something."""
    s = ctx.settings
    until = ctx.now - timedelta(days=s.watch.silent_days)
    since = ctx.now - timedelta(days=s.followups.decide_days)
    found = figures.silent_newcomers(ctx.db, place.chat, (since, until))
    if not found:
        return
    names = "、".join(watch.nickname(place.chat, row["member"], ctx) for row in found[:NAMED])
    more = f"等{len(found)}位" if len(found) > NAMED else ""
    why = f"进群{s.watch.silent_days}天以上还没说话、没玩过的新人{len(found)}位"
    topic = ",".join(sorted(str(row["member"])[-6:] for row in found))
    yield from watch.alarm(Sign(SILENT, short(topic, 200), why, f"{names}{more}"), place, ctx)


def _falling(room: Row, place: Place, ctx: Ctx) -> Iterator[Action]:
    """A stage lower than when it was last looked at; a young group has none to fall from."""
    found, life = life_of(room, ctx.now, ctx)
    if life is None:
        return
    was = rows.stage(ctx.db, place.chat)
    rows.keep_stage(ctx.db, place.chat, life.stage, ctx.now)
    fell = was in ORDER[1:] and ORDER.index(life.stage) > ORDER.index(was)
    if fell:
        inputs = (
            f"流入{life.inflow:.0%}、流出{life.outflow:.0%}、沉默{life.silent:.0%}、"
            f"建群{life.weeks:.0f}周，系数{life.value:.0f}，{found.members}位客户"
        )
        why = f"从{was}掉到{life.stage}"
        yield from watch.alarm(Sign(FALLING, life.stage, why, inputs), place, ctx)


def _nicknames(place: Place, ctx: Ctx) -> Iterator[Action]:
    """Of those who joined since yesterday."""
    since = ctx.now - timedelta(days=1)
    for member, row in groups.members(ctx.db, place.chat).items():
        if row["staff"] or at(row["joined_at"]) < since:
            continue
        if found := watch_words.contact(str(row["name"])):
            why = "新进群的人昵称里有联系方式"
            yield from watch.alarm(Sign(POACHING, member, why, found, member), place, ctx)
