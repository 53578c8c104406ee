"""Messages that one person sends in one breath are read together; the log keeps each of them.

What belongs together is decided from rows and the times of the messages, so a replay decides the
same. When a later piece arrives, what the earlier ones had given is taken back and the whole is
read anew: nothing counts twice, and what only a fragment seemed to say does not stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from handlers.context import Ctx
from handlers.values import Inbound
from nlp.reading import Reading
from nlp.second import OPINION
from storage import bursts, customers, events, tags
from storage.bursts import Burst
from storage.customers import Customer
from storage.db import Row, at, moment

MOST = 10  # messages; whoever writes on is telling a story
ENDS = frozenset("。！？!?…~～吗呢吧啊呀哦了")
TURNS = ("就不", "不去", "不想", "不用", "不要", "不考虑", "不是问题", "不担心", "算了")
WROTE = 3  # the origin of what a visitor of customer service wrote
MASKED = ("phone", "plate")  # the log has them masked, so they cannot be read a second time
_JUDGED = ("tier", "track", "tier_reason", "level", "level_reason", "model")
_MOVES = ("级别", "意向", "顾虑")


@dataclass(frozen=True, slots=True)
class Breath:
    """What is to be read now: `text` is all of it, `heard` the intents acted on already."""

    text: str
    first_at: datetime
    last_at: datetime
    ids: tuple[str, ...]
    earlier: Burst | None = None  # of which this is the next piece
    late: bool = False  # belongs to an older burst than the one that is kept

    @property
    def heard(self) -> frozenset[str]:
        return frozenset(self.earlier.body["heard"]) if self.earlier else frozenset()

    @property
    def counted(self) -> frozenset[str]:
        """Rules that were counted for the earlier pieces."""
        return frozenset(self.earlier.body["rules"]) if self.earlier else frozenset()


def gather(
    customer: Customer, text: str, said_at: datetime, msg_id: str, source: str, member: str,
    ctx: Ctx, *, piece: bool,
) -> Breath:  # fmt: skip
    """The message with those that it goes on from; one that is no `piece` begins anew."""
    kept = bursts.get(ctx.db, customer.id)
    order: list[str] = kept.body["ids"] if kept else []
    again = msg_id in order
    if not (piece or again) or not _window(ctx):
        return Breath(text, said_at, said_at, (msg_id,))
    among = {row["id"]: row for row in _beside(customer.id, said_at, source, member, ctx)}
    same = again or not among.keys().isdisjoint(order)
    if same:
        among = {key: row for key, row in among.items() if key in order}
    if len(among) >= MOST:
        return Breath(text, said_at, said_at, (msg_id,))
    among[msg_id] = {"id": msg_id, "text": text, "at": said_at.isoformat()}
    rows = sorted(among.values(), key=lambda row: (at(row["at"]), _place(row["id"], order)))
    return Breath(
        joined([row["text"] for row in rows], ctx), at(rows[0]["at"]), at(rows[-1]["at"]),
        tuple(row["id"] for row in rows), kept if same else None,
        late=not same and len(rows) > 1,
    )  # fmt: skip


def _window(ctx: Ctx) -> timedelta:
    return timedelta(seconds=ctx.settings.nlp.burst_seconds)


def _place(msg_id: str, order: Sequence[str]) -> int:
    """Messages of one moment stay in the order in which they were handled."""
    return order.index(msg_id) if msg_id in order else len(order)


def _beside(
    customer_id: str, said_at: datetime, source: str, member: str, ctx: Ctx
) -> list[Row]:  # fmt: skip
    """What was said just before and after that moment, up to a pause or an answer."""
    window = _window(ctx)
    reach = window * MOST
    rows = bursts.said(ctx.db, customer_id, said_at - reach, said_at + reach)
    earlier = [r for r in rows if at(r["at"]) <= said_at]
    later = [r for r in rows if at(r["at"]) > said_at]
    before = _run(reversed(earlier), said_at, source, member, window)
    return [*reversed(before), *_run(later, said_at, source, member, window)]


def _run(
    rows: Iterable[Row], near: datetime, source: str, member: str, window: timedelta
) -> list[Row]:  # fmt: skip
    found: list[Row] = []
    for row in rows:
        own = row["who"] == "customer" and row["source"] == source and row["member"] == member
        if not own or abs(at(row["at"]) - near) > window:
            break
        found.append(row)
        near = at(row["at"])
    return found


def joined(pieces: Sequence[str], ctx: Ctx) -> str:
    """后排 + 空间 + 有点小 is one sentence; what says something beside what did is another line."""
    text = run = pieces[0]
    for piece in pieces[1:]:
        if _parted(run, piece, ctx):
            text, run = f"{text}\n{piece}", piece
        else:
            between = " " if _latin(run[-1:]) and _latin(piece[:1]) else ""
            text, run = text + between + piece, run + between + piece
    return text


def _parted(run: str, piece: str, ctx: Ctx) -> bool:
    """Where the first has come to its end, or each of them can stand for itself."""
    if run.rstrip()[-1:] in ENDS:
        return True
    if piece.startswith(TURNS):  # 周六试驾 + 就不去了
        return False
    first, second = ctx.read(run), ctx.read(piece)
    asked = second.concerns and second.speech_act == "question"
    return (_says(first) or first.speech_act == "question") and bool(asked or _says(second))


def _says(reading: Reading) -> bool:
    """It judges or wants something."""
    judged = any(c.polarity and not c.rule.endswith(".word") for c in reading.concerns)
    # What is merely named says nothing yet, and fragments are not what an opinion is learnt from.
    return judged or any(not i.rule.startswith(OPINION) for i in reading.intents)


def _latin(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


# Taking back, and keeping what that needs


def take_back(customer: Customer, breath: Breath, ctx: Ctx) -> Customer:
    """The customer as before the earlier pieces of this burst; for the first one nothing is."""
    if breath.earlier is None:
        return customer
    body = breath.earlier.body
    for kind, code, row in body["before"]:
        if row is None:
            tags.remove(ctx.db, customer.id, kind, code)
        else:
            tags.put(ctx.db, row)
    since = moment(body["since"])
    for move in events.of(ctx.db, customer.id, *_MOVES):
        if since and move.at >= since:
            events.undo(ctx.db, move.id, ctx.now)
    judged = {**body["judged"], "level_at": moment(body["level_at"])}
    customers.change(ctx.db, customer.id, **judged)
    return replace(customer, **judged)


def keep(customer: Customer, breath: Breath, reading: Reading, keys: Iterable[tuple[str, str]],
         source: str, member: str, ctx: Ctx) -> None:  # fmt: skip
    """Before the rows of `keys` are written: what stands there now. A late piece keeps nothing."""
    if breath.late:
        return
    was = breath.earlier.body if breath.earlier else _fresh(customer, ctx)
    known = {(kind, code) for kind, code, _ in was["before"]}
    added = [[kind, code, tags.get(ctx.db, customer.id, kind, code)]
             for kind, code in dict.fromkeys(keys)
             if (kind, code) not in known and kind not in MASKED]  # fmt: skip
    body = {
        **was, "ids": list(breath.ids), "before": [*was["before"], *added],
        "rules": sorted({*was["rules"], *reading.rules}),
        "heard": sorted({*was["heard"], *(i.code for i in reading.intents if not i.negated)}),
    }  # fmt: skip
    bursts.put(ctx.db, Burst(customer.id, source, member, breath.first_at, breath.last_at, body))


def _fresh(customer: Customer, ctx: Ctx) -> dict[str, Any]:
    return {
        "before": [], "rules": [], "heard": [], "since": ctx.now.isoformat(),
        "judged": {name: getattr(customer, name) for name in _JUDGED},
        "level_at": customer.level_at.isoformat() if customer.level_at else None,
    }  # fmt: skip


def whole(customer_id: str, msg_id: str, ctx: Ctx) -> str:
    """The masked words of a message with those of the same breath; "" when it is not kept."""
    row = bursts.message(ctx.db, msg_id)
    if row is None:
        return ""
    beside = _beside(customer_id, at(row["at"]), row["source"], row["member"], ctx)
    kept = bursts.get(ctx.db, customer_id)
    own = kept.body["ids"] if kept and msg_id in kept.body["ids"] else [msg_id]
    texts = {r["id"]: r["text"] for r in [*beside, row]}
    return joined([texts[key] for key in own if key in texts] or [row["text"]], ctx)


def spoken(customer_id: str, since: datetime, ctx: Ctx) -> int:
    """How often a customer spoke, what was said in one breath counted once."""
    found = bursts.moments(ctx.db, customer_id, since)
    window = _window(ctx)
    return sum(later - earlier > window for earlier, later in pairwise(found)) + bool(found)


# What is still to come


def more_coming(msg: Inbound, ctx: Ctx) -> bool:
    """Whether the next piece waits in the inbox already: it will be answered with this one."""
    until = (msg.sent_at + _window(ctx)).timestamp()
    waiting = bursts.waiting(ctx.db, msg.id, msg.channel, msg.chat or msg.sender)
    return any(_by(data) == msg.sender and _sent(data) <= until for data in waiting)


def _by(data: Mapping[str, Any]) -> str:
    """Who wrote a text in the archive or to customer service; "" for anything else."""
    theirs = data.get("msgtype") == "text" and data.get("origin", WROTE) == WROTE
    return str(data.get("from") or data.get("external_userid") or "") if theirs else ""


def _sent(data: Mapping[str, Any]) -> float:
    """The archive counts milliseconds, customer service seconds."""
    return float(data.get("send_time") or float(data.get("msgtime") or 0) / 1000)


def going_on(customer: Customer, source: str, member: str, ctx: Ctx) -> bool:
    """Whether words at this moment would go on from the customer's last ones."""
    return bool(_window(ctx)) and bool(_beside(customer.id, ctx.now, source, member, ctx))
