"""Wiring: the lists of routers and ticks, and the path of a message through them."""

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar, cast

from bot import groupmsg as mass
from bot import outbox as sending
from bot.archive import messages
from bot.clock import Clock
from bot.contacts import DETAIL, TOLD
from bot.outbox import Sender
from bot.plain import readable
from bot.reload import Watch
from bot.shares import Shares
from bot.wecom import envelope
from bot.wecom.envelope import Kept
from bot.writer import Writer
from handlers import (
    archive,
    checkins,
    clockwatch,
    commands,
    contacts,
    customer_groups,
    digests,
    draws,
    earning,
    escalation,
    followups,
    group_tasks,
    groupmsg,
    groups,
    housekeeping,
    kf,
    knocks,
    leads,
    leave,
    leavers,
    menu,
    notices,
    overrides,
    pick,
    plans,
    pools,
    prizes,
    rankings,
    ratings,
    reconcile,
    scores,
    stars,
    steps,
    surfaces,
    sweep,
    tallying,
    thaw,
    together,
    watch_rounds,
    writeback,
)
from handlers.audience import Audiences, standard
from handlers.context import Ctx
from handlers.dictionary import Dictionary, shipped
from handlers.games import host
from handlers.group_plans import days as group_days
from handlers.router import combine
from handlers.settings import Settings
from handlers.team import Team
from handlers.values import Action, Answer, Inbound, Send, UpdateCard
from nlp.lexicon import Lexicon
from nlp.model import Model
from scriptbank.bank import Bank
from scriptbank.facts import Facts
from scriptbank.script import Usage
from storage import inbox, stops
from storage import outbox as parcels
from storage.db import Again, Db

log = logging.getLogger(__name__)
T = TypeVar("T")

ROUTER = combine(
    (
        commands.router,
        menu.router,
        groupmsg.router,
        contacts.router,
        groups.router,
        ratings.router,
        notices.router,
        archive.router,
        kf.router,
    )
)
TICKS: tuple[Callable[[Ctx], Iterator[Action]], ...] = (
    clockwatch.tick, sweep.tick, leave.tick, leavers.tick, followups.tick, escalation.tick,
    knocks.tick, thaw.tick, leads.tick, overrides.tick, scores.tick,
    plans.tick, steps.tick, group_tasks.tick, group_days.tick, pools.tick,
    tallying.tick, digests.tick, housekeeping.tick, kf.tick, customer_groups.tick,
    reconcile.tick, writeback.tick, groupmsg.tick, host.tick, checkins.tick,
    earning.tick, prizes.tick, draws.tick, surfaces.tick,
    together.tick, rankings.tick, watch_rounds.tick, stars.tick,
)  # fmt: skip
GLANCE_S = 0.2  # how often a process looks for what others have put in line
PAUSE_S = 1.0  # after a round that failed
COUNT_MINUTES = 10
BATCH = 32  # messages that share a commit
SLICE_S = 0.02  # how long they may take while callbacks wait for theirs
FAR_MS = 10**14  # milliseconds since 1970; beyond it is no time of ours
BELL = "msgaudit_notify"  # there is something new in the chat archive


@dataclass
class Knowledge:
    """What is read from files and tables and swapped as a whole when it changes."""

    lexicon: Lexicon
    bank: Bank
    quiz: tuple[Mapping[str, object], ...] = ()
    facts: Facts = field(default_factory=Facts)
    tags: Dictionary = field(default_factory=shipped)
    audiences: Audiences = field(default_factory=standard)
    scripts_at: str = ""  # state of the library when the bank was read
    learnt_at: str = ""  # state of what use has taught when it was read
    complaint: str = ""  # what was last wrong with the lexicon's files
    watch: Watch | None = None  # the company's own plans and reasons, as they were read
    model: Model | None = None
    usage: Mapping[str, Usage] | None = None  # counted every few minutes, not at every question


class Dice:
    """A `random.Random` that is seeded when it is first thrown, since that costs more than most
    jobs of a tick, which never throw it."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    @cached_property
    def _thrown(self) -> random.Random:
        return random.Random(self._seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._thrown, name)


def _nobody() -> None:
    """Rung until somebody listens."""


@dataclass
class App:
    """Holds everything; `keep` and `answer` are what the callback routes need of it."""

    settings: Settings
    corp_id: str
    bot_name: str
    clock: Clock
    writer: Writer
    sender: Sender
    knowledge: Knowledge
    salt: str = ""
    shadow: bool = False  # nothing leaves, the callback's own answers neither
    shares: Shares = field(default_factory=Shares)
    on_bell: Callable[[], None] = _nobody  # rung when the chat archive has something new
    _waiting: dict[str, list["asyncio.Future[str]"]] = field(default_factory=dict)
    _inbox_bell: asyncio.Event = field(default_factory=asyncio.Event)
    _outbox_bell: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.team = Team(self.settings)
        self.door = self.shares.door or self.writer  # a callback waits for no page and no tick
        self.sender.on_answer = self._inbox_bell.set

    # The callback's side

    async def keep(self, kept: Kept) -> bool:
        now = self.clock.now()
        row = inbox.Kept(kept.id, kept.channel, kept.lane, kept.body)
        fresh = await self.door.do(lambda db: inbox.keep(db, row, now), urgent=True)
        self._inbox_bell.set()
        if kept.kind == BELL:
            self.on_bell()
        return fresh

    async def answer(self, message_id: str, wait_s: float) -> str | None:
        """The passive reply kept with a message; "" when there is none, None when not in time.

        LookupError when no such message was ever kept.
        """
        if not self.shares.alone:
            return await self._answered(message_id, wait_s)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(message_id, []).append(future)
        try:
            found = await self.writer.do(lambda db: inbox.reply(db, message_id))
            if found is None:
                raise LookupError(message_id)
            if found.done:
                return found.reply
            await self.work()  # who waits for an answer need not wait for the bell as well
            async with asyncio.timeout(wait_s):
                return await future
        except TimeoutError:
            return None
        finally:
            self._forget(message_id, future)

    async def _answered(self, message_id: str, wait_s: float) -> str | None:
        """Handled here, unless another process has the conversation: then its answer is read."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            found = await self.door.do(lambda db: inbox.reply(db, message_id))
            if found is None:
                raise LookupError(message_id)
            if found.done:
                return found.reply
            if loop.time() >= until:
                return None
            if not await self.work(found.lane):
                await asyncio.sleep(GLANCE_S / 2)

    async def gave(self, message_id: str) -> None:
        """The reply goes out with the callback's own answer, so no call has to bring it."""
        await self.writer.do(lambda db: parcels.drop(db, message_id, "update_card"))

    def _forget(self, message_id: str, future: "asyncio.Future[str]") -> None:
        left = [f for f in self._waiting.pop(message_id, []) if f is not future]
        if left:
            self._waiting[message_id] = left

    def ring(self) -> None:
        """Something was put into the inbox by another way than `keep`."""
        self._inbox_bell.set()

    # Deciding

    async def work(self, lane: str = "") -> int:
        """Handle a batch of kept messages in one commit; returns how many there were."""
        async with self.shares.lanes(lane) as ours:
            if ours == []:
                return 0
            replies = await self.writer.do(lambda db: self._handle_waiting(db, ours))
        for message_id, reply in replies:
            for future in self._waiting.get(message_id, ()):
                if not future.done():
                    future.set_result(reply)
        if replies:
            self._outbox_bell.set()
        return len(replies)

    def _handle_waiting(self, db: Db, lanes: list[str] | None) -> list[tuple[str, str]]:
        if self.knowledge.usage is None:  # before the first tick; afterwards each counts again
            self.knowledge.usage = pick.count(db, self.clock.now())
        done: list[tuple[str, str]] = []
        until = time.monotonic() + SLICE_S
        for waiting in inbox.waiting(db, BATCH, lanes):
            if done and self.door.pressed and time.monotonic() > until:
                break  # what is left is taken with the next batch
            done.append((waiting.kept.id, self._handle(db, waiting)))
        return done

    def _handle(self, db: Db, waiting: inbox.Waiting) -> str:
        """Decide and record in one transaction; what must leave the process waits in the outbox."""
        kept = waiting.kept
        try:
            with db.atomic():
                msg = self._spelt(read(kept, waiting.received_at, self.bot_name))
                ctx = self.ctx(db, kept.id, waiting.received_at)
                actions = list(ROUTER.dispatch(msg, ctx))
                silent = self.shadow or stops.silent(db, msg.channel)
                reply = "" if silent else passive(msg, actions, self.corp_id)
                sending.put(db, kept.id, ctx.now, actions)
                if reply and "req_id" in msg.fields:
                    sending.put_answer(db, msg, reply, ctx.now)
                inbox.done(db, kept.id, ctx.now, reply)
                return reply
        except Again:
            raise
        except Exception as exc:  # the only broad one on this path; the message stays, for replay
            log.exception("message %s failed", kept.id)
            inbox.failed(db, kept.id, f"{type(exc).__name__}: {exc}")
            return ""

    def _spelt(self, msg: Inbound) -> Inbound:
        """With the sender as the configuration writes them: to WeCom, capitals mean nothing."""
        return replace(msg, sender=self.team.userid(msg.sender), text=readable(msg.text))

    def ctx(self, db: Db, cause: str, now: datetime) -> Ctx:
        know, dice = self.knowledge, Dice(f"{self.salt}/{cause}")
        return Ctx(
            db=db, now=now, lexicon=know.lexicon, bank=know.bank,
            rng=cast(random.Random, dice), settings=self.settings, team=self.team,
            cause=cause, model=know.model, usage=know.usage, quiz=know.quiz,
            facts=know.facts, tags=know.tags, audiences=know.audiences,
        )  # fmt: skip

    async def decide(self, cause: str, act: Callable[[Ctx], tuple[T, Sequence[Action]]]) -> T:
        """What a page asks for: decided in one transaction, what must leave waits in the outbox."""
        now = self.clock.now()

        def run(db: Db) -> T:
            shown, actions = act(self.ctx(db, cause, now))
            sending.put(db, cause, now, list(actions))
            return shown

        found = await self.writer.do(run)
        self._outbox_bell.set()
        return found

    async def tell_operators(self, sentences: list[str]) -> None:
        now = self.clock.now()
        texts: list[Action] = [
            Send(operator, "\n".join(sentences)) for operator in self.settings.access.operators
        ]
        cause = f"operators:{now.isoformat()}"
        await self.writer.do(lambda db: sending.put(db, cause, now, texts))
        self._outbox_bell.set()

    async def tick(self) -> None:
        """Everything that is due now, each job in its own transaction."""
        now = self.clock.now()
        await self.writer.do(lambda db: self._tick(db, now))
        self._inbox_bell.set()  # replay, in a process of its own, may have put something back
        self._outbox_bell.set()

    def _tick(self, db: Db, now: datetime) -> None:
        if self.knowledge.usage is None or now.minute % COUNT_MINUTES == 0:
            self.knowledge.usage = pick.count(db, now)
        for job in TICKS:
            cause = f"tick:{job.__module__}:{now.isoformat()}"
            try:
                with db.atomic():
                    sending.put(db, cause, now, list(job(self.ctx(db, cause, now))))
            except Again:
                raise
            except Exception:  # one job must not stop the others; its rows are still due
                log.exception("tick %s failed", cause)

    # Running

    async def run(self) -> None:
        """Work and send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_forever(self._work_or_wait))
            group.create_task(self.send())

    async def send(self) -> None:
        """Until cancelled, without deciding anything."""
        await _forever(self._send_or_wait)

    async def _work_or_wait(self) -> None:
        self._inbox_bell.clear()
        if not await self.work():
            await self._rung(self._inbox_bell, None if self.shares.alone else GLANCE_S)

    async def _rung(self, bell: asyncio.Event, wait_s: float | None) -> None:
        """Until the bell rings, which is heard only in this process, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await bell.wait()

    async def _send_or_wait(self) -> None:
        self._outbox_bell.clear()
        if not await self.sender.flush():
            await self._rest()

    async def _rest(self) -> None:
        """Sleep until the bell rings or the next parcel falls due."""
        if not self.shares.alone:
            return await self._rung(self._outbox_bell, GLANCE_S)
        due = await self.writer.do(parcels.next_due)
        wait = max(0.2, (due - self.clock.now()).total_seconds()) if due else 3600.0
        await self._rung(self._outbox_bell, min(wait, 60.0))

    async def idle(self) -> None:
        """Work and send until nothing is left that can be done at this moment."""
        while await self.work() or await self.sender.flush():
            continue


async def _forever(step: Callable[[], Awaitable[None]]) -> None:
    """A full disk or a broken row must not end the program: WeCom goes on sending."""
    while True:
        try:
            await step()
        except Exception:  # logged with its traceback, then tried again
            log.exception("a round failed")
            await asyncio.sleep(PAUSE_S)


def read(kept: inbox.Kept, received_at: datetime, bot_name: str) -> Inbound:
    """The full reading of a kept row; rows of the archive hold the decrypted object itself."""
    if kept.channel in (DETAIL, TOLD, mass.CHANNEL):
        return detailed(kept, received_at)
    if kept.channel == "archive" and kept.body.startswith("{"):
        return archived(kept, received_at)
    if kept.channel == "kf" and kept.body.startswith("{"):
        return visited(kept, received_at)
    return envelope.reread(kept.channel, kept.body, received_at, bot_name)


def detailed(kept: inbox.Kept, received_at: datetime) -> Inbound:
    """What the API told of a contact or a group, kept like any other message."""
    fields: dict[str, Any] = json.loads(kept.body)
    return Inbound(
        id=kept.id, channel="contact", kind=kept.channel, sender=kept.lane, sent_at=received_at,
        fields=fields,
    )  # fmt: skip


def visited(kept: inbox.Kept, received_at: datetime) -> Inbound:
    """One message of a 微信客服 account, as it was pulled."""
    data: dict[str, Any] = json.loads(kept.body)
    text, event = data.get("text") or {}, data.get("event") or {}
    seconds = data.get("send_time")
    return Inbound(
        id=kept.id, channel="kf", kind=str(data.get("msgtype", "")), sender=kept.lane,
        sent_at=datetime.fromtimestamp(int(seconds), UTC) if seconds else received_at,
        text=str(text.get("content", "")), event=str(event.get("event_type", "")),
        to=str(data.get("open_kfid") or event.get("open_kfid") or ""), fields=data,
    )  # fmt: skip


def archived(kept: inbox.Kept, received_at: datetime) -> Inbound:
    """One decrypted message object of the chat archive; `text` is what the sender wrote."""
    data: dict[str, Any] = json.loads(kept.body)
    room, to = str(data.get("roomid") or ""), data.get("tolist")
    return Inbound(
        id=kept.id, channel="archive", kind=str(data.get("msgtype") or data.get("action") or ""),
        sender=str(data.get("from") or data.get("user") or ""), sent_at=_said(data, received_at),
        text=messages.words(data), chat=room,
        # in a room everybody is listed, so nobody in particular was spoken to
        to=str(to[0]) if isinstance(to, list) and to and not room else "", fields=data,
    )  # fmt: skip


def _said(data: Mapping[str, Any], received_at: datetime) -> datetime:
    """The archive is fetched later than things are said, many at once; each tells its own time."""
    stamp = data.get("msgtime") or data.get("time")
    if not isinstance(stamp, int) or not 0 < stamp < FAR_MS:
        return received_at
    return min(received_at, datetime.fromtimestamp(stamp / 1000, UTC))


def passive(msg: Inbound, actions: list[Action], corp_id: str) -> str:
    """The plaintext that goes back in the callback's own answer, "" for none."""
    for action in actions:
        if isinstance(action, UpdateCard):
            stamp = int(msg.sent_at.timestamp())
            return envelope.update_button_xml(msg.sender, corp_id, action.text, stamp)
        if isinstance(action, Answer) and msg.event == "enter_chat":
            return json.dumps({"msgtype": "text", "text": {"content": action.text}},
                              ensure_ascii=False)  # fmt: skip
        if isinstance(action, Answer):
            return envelope.stream_reply(msg.id, action.text, rated=not msg.chat)
    return ""
