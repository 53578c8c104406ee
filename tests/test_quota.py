"""WeCom takes only so much: what waits, what goes first, and how it goes on by itself."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from bot import app, quota
from bot.outbox import put
from bot.quota import ASKED, DIGESTS, GAMES, REMINDERS, Quotas, urgency
from bot.sandbox.demo import START
from bot.sandbox.wecom import ApiError
from bot.wecom.errors import UNREACHABLE, WeComError
from handlers.values import Send
from storage import outbox
from storage.outbox import Parcel

MINUTE = timedelta(minutes=1)
CAUSES = {"zhang": "tick:handlers.followups:1", "chen": "tick:handlers.digests:1",
          "Lin.Advisor": "tick:handlers.games.host:1"}  # fmt: skip


class Limit:
    """The platform's own: so many in a minute; what is above it shuts the call for a while."""

    def __init__(self, office, most, closed_until):
        self.office, self.most, self.closed_until = office, most, closed_until
        self.send = office.pretend.api._table["message/send"]
        self.began, self.taken, self.shut = START, 0, START
        self.refused: list[datetime] = []
        self.before = 0  # taken until the first refusal
        office.pretend.api._table["message/send"] = self.call

    def call(self, query, body):
        now = self.office.clock.now()
        if now >= self.shut and now - self.began >= MINUTE:
            self.began, self.taken = now, 0
        if now < self.shut or self.taken >= self.most:
            self.refuse(now)
        self.taken += 1
        self.before += not self.refused
        return self.send(query, body)

    def refuse(self, now):
        if now >= self.shut:
            self.shut = self.closed_until(now)
            self.most *= 1 if self.shut - now <= MINUTE else 99  # the hour and the day are new
        self.refused.append(now)
        raise ApiError(45009, "api freq out of limit")


def midnight(now):
    return now.astimezone(START.tzinfo).replace(hour=0, minute=0) + timedelta(days=1)


@pytest.mark.parametrize(
    ("closed_until", "refusals", "late"),
    [
        (lambda now: now + MINUTE, 12, MINUTE),
        (lambda now: now + timedelta(hours=1), 8, 31 * MINUTE),
        (midnight, 36, 31 * MINUTE),
    ],
    ids=["minute", "hour", "day"],
)
async def test_a_spent_quota_is_waited_for_and_what_matters_goes_first(
    office, closed_until, refusals, late
):
    limit, sender = Limit(office, 4, closed_until), office.sender()
    for who in ("Lin.Advisor", "chen", "zhang"):
        await office.put(*(Send(who, f"第{n}条") for n in range(3)), cause=CAUSES[who])
    await office.put(*(Send("zhang", f"答{n}") for n in range(4)))
    while set(await office.states()) != {"sent"}:
        await office.flush(sender)
        office.clock.add(MINUTE)
        assert office.clock.now() - START < timedelta(hours=16)

    shown = [item["to"] for item in office.pretend.received()]
    assert Counter(shown) == {"zhang": 7, "chen": 3, "Lin.Advisor": 3}
    assert shown[limit.before :] == sorted(shown[limit.before :], key=list(CAUSES).index)
    assert office.got() == [f"第{n}条" for n in range(3)] + [f"答{n}" for n in range(4)]
    assert len(limit.refused) <= refusals
    assert max(Counter(limit.refused).values()) <= 3  # those that were under way together
    assert office.clock.now() - limit.shut <= late


async def test_while_it_is_spent_other_ways_go_on(office):
    office.pretend.api.plan_faults("message/send", 45009)
    await office.put(Send("zhang", "一"), Send("chen", "二"))
    await office.flush()
    assert office.pretend.api.calls["message/send"] <= 2

    await office.flush()
    assert office.pretend.api.calls["message/send"] <= 2


async def test_a_refused_token_is_told_to_the_operator_once(office):
    """Nothing can leave while it lasts; what was noted is there when it is over."""
    office.operators = ("chen",)
    office.pretend.api.plan_faults("message/send", 40014, times=10_000)
    await office.put(Send("zhang", "好"), Send("Lin.Advisor", "好"))
    sender, began = office.sender(), office.clock.now()
    while office.clock.now() - began < timedelta(minutes=30):
        await office.flush(sender)
        office.clock.add(timedelta(seconds=10))

    fetches = office.pretend.api.calls["gettoken"]
    assert fetches <= 3 * 30
    office.pretend.api._faults.clear()
    await office.settle(minutes=1)
    (told,) = office.got("chen")
    assert "access_token 一再被拒" in told
    assert office.got() == office.got("Lin.Advisor") == ["好"]


async def test_what_stood_behind_and_was_never_tried_is_not_in_doubt(office):
    """For five hours its lane is stopped by the one before it; then its own answer is a 500."""
    office.pretend.callbacks.faults.set("busy", 1.0)
    await office.put(Send("zhang", "一"), Send("zhang", "二"))
    sender = office.sender()
    for _ in range(5 * 12):
        await office.flush(sender)
        office.clock.add(timedelta(minutes=5))
    office.pretend.callbacks.faults.clear()
    sender._client = Second(office.client)

    for _ in range(20):
        await office.flush(sender)
        office.clock.add(timedelta(minutes=5))

    assert office.got() == ["一", "二"]


class Second:
    """The connection breaks once, at the second message that goes out."""

    def __init__(self, client):
        self.client, self.count = client, 0

    async def send(self, secret, body):
        self.count += 1
        if self.count == 2:
            error = WeComError(UNREACHABLE, "reset", False, 5.0)
            error.doubt = True
            raise error
        return await self.client.send(secret, body)


def test_a_thousand_games_do_not_hide_an_answer(db):
    for n in range(200):
        put(db, f"tick:handlers.games.host:{n}", START, [Send(f"m{n}", "开奖")])
    put(db, "tick:handlers.digests:1", START, [Send("chen", "早报")])
    put(db, "app:m:1:7", START, [Send("zhang", "好")])

    found = [p.target for p in outbox.due(db, START, 4)]
    assert found == ["zhang", "chen", "m0", "m1"]


def test_every_job_has_its_place_in_the_line():
    ranks = {job.__module__: urgency(f"tick:{job.__module__}:2026") for job in app.TICKS}

    assert quota.LATER.keys() <= ranks.keys()
    assert ranks["handlers.followups"] == ranks["handlers.escalation"] == REMINDERS
    assert (ranks["handlers.digests"], ranks["handlers.games.host"]) == (DIGESTS, GAMES)
    assert urgency("app:m:1000002:7001") == ASKED


def parcel(kind="text", target="zhang", urgency=0):
    return Parcel("p", kind, target, "{}", 0, None, START, 0, urgency=urgency)


def test_the_pauses_grow_until_something_is_taken_and_end_with_the_day(db):
    quotas, now, pauses = Quotas(), START, []
    for _ in range(6):
        until = quotas.spent(db, "message/send", now)
        pauses.append(int((until - now) / MINUTE))
        now = until

    assert pauses == [1, 5, 15, 30, 30, 30]
    quotas.fine(db, "message/send", now)
    assert quotas.spent(db, "message/send", now) - now == MINUTE
    late = START.replace(hour=23, minute=50)
    for _ in range(3):
        late = quotas.spent(db, "other", late)
    assert late == START.replace(hour=0) + timedelta(days=1)


def test_those_under_way_together_count_once(db):
    quotas = Quotas()
    first = quotas.spent(db, "message/send", START)

    assert quotas.spent(db, "message/send", START + MINUTE / 2) == first
    assert quotas.until("message/send", START) == first
    assert quotas.until("kf/send_msg", START) is None


def test_the_first_finds_out_and_then_the_most_urgent_go(db):
    quotas = Quotas()
    game, digest, two = parcel(urgency=3), parcel(urgency=2), [parcel(urgency=1)] * 2
    robot = [parcel("robot", "hook:a", 9)]
    opened = quotas.spent(db, "message/send", START)
    lanes = [[game], [digest], two, robot]

    assert quotas.chosen(lanes) == [two[:1], robot]
    quotas.fine(db, "message/send", opened)
    assert quotas.chosen(lanes) == [two, robot]
    quotas.fine(db, "message/send", opened + MINUTE)
    assert quotas.chosen(lanes) == lanes
