"""Whatever WeCom does on the way - again, late, out of order, never - each event happens once.

A state machine delivers, repeats in fresh encryption, replays old bytes, lets time pass, dies in
the middle of the work and starts again; a small model says what must be there.
"""

import os
import secrets
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from wecom_kit import AES_KEY, CORP, TOKEN

from bot.app import App
from bot.clock import SandboxClock
from bot.sandbox import demo
from bot.sandbox.push import xml
from bot.wecom import cipher, envelope
from bot.wecom.cipher import Channel, Refused
from storage import customers, inbox
from storage.customers import Customer
from storage.sqlite import Sqlite

APP = Channel("app", TOKEN, AES_KEY, CORP)
CONTACT = Channel("contact", "contactTok", AES_KEY[::-1], CORP)
EXAMPLES = int(os.environ.get("SALESBOT_ARRIVALS", "12"))  # `make soak` takes more
WINDOW_S = 3600
ADVISORS = ("zhang", "lina", "wangq")
STEPS = [timedelta(0), timedelta(seconds=20), timedelta(minutes=40), timedelta(hours=5),
         timedelta(days=30)]  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that happened at WeCom: who is told of it, by which mark its effect is known."""

    channel: Channel
    plaintext: str
    lane: str
    mark: str


@dataclass(frozen=True)
class Captured:
    """The bytes of one delivery."""

    event: Event
    query: dict
    body: bytes


def asked(n, who, now):
    said = {"ToUserName": CORP, "FromUserName": who, "CreateTime": int(now.timestamp()),
            "MsgType": "text", "Content": f"提醒我明天上午10点给王女士发资料第{n}号",
            "MsgId": 7000 + n, "AgentID": 1000002}  # fmt: skip
    return Event(APP, xml(said), who, f"发资料第{n}号")


def came(n, who, now):
    said = {"ToUserName": CORP, "FromUserName": "sys", "CreateTime": int(now.timestamp()),
            "MsgType": "event", "Event": "change_external_contact",
            "ChangeType": "add_external_contact", "UserID": who,
            "ExternalUserID": f"wmcame{n:04}"}  # fmt: skip
    return Event(CONTACT, xml(said), f"wmcame{n:04}", f"wmcame{n:04}")


class Platform(RuleBasedStateMachine):
    """What WeCom does to the program, and what the program must have made of it."""

    def __init__(self, knowledge, template):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="salesbot-"))
        self.file = Path(shutil.copy(template, self.folder / "arrivals.db"))
        self.db = Sqlite(self.file)
        self.clock = SandboxClock(demo.START, frozen=True)
        self.app = App(demo.SETTINGS, CORP, "小福", self.clock, None, SimpleNamespace(), knowledge)
        self.app.door = SimpleNamespace(pressed=False)  # no callback waits behind the work
        self.events: list[Event] = []
        self.captured: list[Captured] = []
        self.arrived: dict[str, Event] = {}  # by id, in the order they were kept
        self.done: set[str] = set()

    def teardown(self):
        self.db.close()
        shutil.rmtree(self.folder)

    # What happens at WeCom

    @rule(who=st.sampled_from(ADVISORS))
    def somebody_writes(self, who):
        self.events.append(asked(len(self.events), who, self.clock.now()))

    @rule(who=st.sampled_from(ADVISORS), how_many=st.integers(2, 3))
    def several_are_added_in_one_second(self, who, how_many):
        """One sender, `sys`, and one CreateTime."""
        for _ in range(how_many):
            self.events.append(came(len(self.events), who, self.clock.now()))

    @rule(who=st.sampled_from(ADVISORS), order=st.permutations(range(3)))
    def a_burst_arrives_in_some_order(self, who, order):
        first = len(self.events)
        for _ in order:
            self.somebody_writes(who)
        for n in order:
            self.receive(self.sealed(self.events[first + n]))

    @precondition(lambda self: self.events)
    @rule(data=st.data(), times=st.integers(1, 4))
    def it_is_delivered(self, data, times):
        """In any order, again and again, each time in fresh encryption; some never are."""
        event = data.draw(st.sampled_from(self.events))
        for _ in range(times):
            one = self.sealed(event)
            self.captured.append(one)
            self.receive(one)

    @precondition(lambda self: self.captured)
    @rule(data=st.data())
    def old_bytes_come_again(self, data):
        self.receive(data.draw(st.sampled_from(self.captured)))

    @rule(step=st.sampled_from(STEPS))
    def time_passes(self, step):
        self.clock.add(step)

    # What happens here

    @rule()
    def the_work_is_done(self):
        waiting = [w.kept.id for w in inbox.waiting(self.db, 1000)]
        while inbox.depth(self.db):
            with self.db.atomic():
                self.app._handle_waiting(self.db, None)
        self.done.update(waiting)

    @rule()
    def it_dies_in_the_middle_of_the_work(self):
        self.db._conn.execute("begin immediate")
        self.app._handle_waiting(self.db, None)
        self.db._conn.close()  # nothing was committed
        self.db = Sqlite(self.file)

    @rule()
    def it_is_started_again(self):
        self.db.close()
        self.db = Sqlite(self.file)

    # The way in, as the callback goes it

    def sealed(self, event):
        sealed = cipher.encrypt(event.channel, event.plaintext, secrets.token_bytes(16))
        stamp, nonce = str(int(self.clock.now().timestamp())), secrets.token_hex(4)
        query = {"msg_signature": cipher.sign(event.channel.token, stamp, nonce, sealed),
                 "timestamp": stamp, "nonce": nonce}  # fmt: skip
        return Captured(event, query, xml({"Encrypt": sealed}).encode())

    def receive(self, one):
        now = self.clock.now()
        age = abs(now.timestamp() - int(one.query["timestamp"]))
        if age > WINDOW_S:
            with pytest.raises(Refused) as told:
                envelope.open(one.event.channel, one.query, one.body, now, WINDOW_S)
            assert (told.value.status, told.value.reason) == (403, "window")
            return
        plain = envelope.open(one.event.channel, one.query, one.body, now, WINDOW_S)
        kept = envelope.identify(one.event.channel.name, plain)
        row = inbox.Kept(kept.id, kept.channel, kept.lane, kept.body)
        assert kept.lane == one.event.lane
        assert inbox.keep(self.db, row, now) == (kept.id not in self.arrived)
        self.arrived.setdefault(kept.id, one.event)

    # What must be there

    @invariant()
    def everything_that_arrived_is_kept_once(self):
        kept = {row["id"]: row["state"] for row in self.db.rows("select id, state from inbox")}
        assert kept.keys() == self.arrived.keys()
        assert {key for key, state in kept.items() if state == "done"} == self.done

    @invariant()
    def what_was_handled_happened_once_and_the_rest_not_at_all(self):
        marks = self.db.rows("select reason as mark from followups where reason like '%发资料第%'")
        marks += self.db.rows("select id as mark from customers where id like 'wmcame%'")
        found = Counter(row["mark"] for row in marks)
        wanted = Counter(self.arrived[key].mark for key in self.done)
        assert {mark: 1 for mark in wanted} == wanted
        assert {self.mark_in(text): n for text, n in found.items()} == wanted

    def mark_in(self, text):
        return next(e.mark for e in self.events if e.mark in text)

    @invariant()
    def each_conversation_is_answered_in_the_order_it_arrived(self):
        sql = "select body from outbox where target = :who and kind = 'text' order by seq"
        for who in ADVISORS:
            came = [e.mark for key, e in self.arrived.items() if key in self.done and e.lane == who]
            said = [row["body"] for row in self.db.rows(sql, who=who) if "发资料第" in row["body"]]
            assert [self.mark_in(text) for text in said] == came


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("arrivals") / "template.db"
    store = Sqlite(path)
    store.migrate()
    for who in ADVISORS:
        known = Customer(id=f"wm{who}", name="王女士", store="bj-cy", owner=who,
                         added_at=demo.START)  # fmt: skip
        customers.add(store, known)
    store.run("pragma wal_checkpoint(truncate)")
    store.close()
    return path


@pytest.mark.timeout(max(600, 10 * EXAMPLES))
def test_whatever_comes_however_often_each_event_happens_once(knowledge, template):
    run_state_machine_as_test(
        lambda: Platform(knowledge, template),
        settings=hypothesis_settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None),
    )
