"""What the sandbox page shows of this moment, as plain data."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox import demo
from bot.sandbox.player import ZONE
from bot.sandbox.stage import Said, Stage
from handlers import cadence, cards
from handlers.context import Ctx
from handlers.words import CONCERN_STATES, POLARITY, TIERS, weekday
from nlp.labels import CONCERNS, INTENTS
from storage import customers, events
from storage import followups as owed
from storage.db import Db

FURTHEST_DAYS = 31
LAST = 60  # messages a window shows


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is shown in each window."""

    customer: str
    advisor: str
    manager: str
    desk: bool = False  # the customer's window shows 微信客服 instead of the private chat


async def state(stage: Stage, wanted: Wanted) -> dict[str, Any]:
    now = stage.clock.now()
    inside = await stage.running.writer.do(lambda db: _inside(db, stage, wanted, now))
    local = now.astimezone(ZONE)
    return {
        "clock": f"{local:%Y-%m-%d %H:%M} {weekday(local.date())}",
        "archive": stage.archive,
        "home": stage.url,
        "problems": stage.pretend.problems[-3:],
        "people": _people(stage),
        "customer": _desk(stage, wanted) if wanted.desk else _private(stage, wanted),
        "advisor": _chat(stage, wanted.advisor, "app"),
        "manager": _chat(stage, wanted.manager, "app"),
        "group": _chat(stage, demo.TEAM_CHAT, "aibot"),
        "inside": inside,
    }


def _people(stage: Stage) -> dict[str, Any]:
    names = stage.pretend.api.contacts.names
    return {
        "customers": [{"id": key, "name": name} for key, name in names.items()],
        "advisors": [{"id": a.userid, "name": a.name} for a in demo.ADVISORS],
        "managers": [{"id": m.userid, "name": m.name} for m in demo.MANAGERS],
        "chat": next(iter(stage.pretend.api.contacts.chats), ""),
        "group": {"id": demo.TEAM_CHAT, "name": stage.pretend.world.internal[0].name,
                  "bot": stage.pretend.world.bot_name},
    }  # fmt: skip


def _private(stage: Stage, wanted: Wanted) -> list[dict[str, Any]]:
    """What was said in the private chat, and the welcome that WeCom brought by itself."""
    lines = [(p.at, p.who, p.text) for p in stage.private if p.customer == wanted.customer]
    lines += [
        (datetime.fromisoformat(str(i["at"])), "advisor", str(i["text"]))
        for i in stage.pretend.received()
        if i["to"] == wanted.customer and i["surface"] != "kf"
    ]
    lines.sort(key=lambda line: line[0])
    return [{"who": who, "text": text, "at": _time(at)} for at, who, text in lines[-LAST:]]


def _desk(stage: Stage, wanted: Wanted) -> list[dict[str, Any]]:
    """The service chat, with the menus that can be tapped."""
    said = [s for s in stage.said if s.surface == "kf" and s.who == wanted.customer]
    got = [i for i in stage.pretend.received() if i["to"] == wanted.customer]
    lines: list[tuple[datetime, int, dict[str, Any]]] = [
        (s.at, 0, {"who": "customer", "text": s.text, "menu": []}) for s in said
    ]
    lines += [
        (datetime.fromisoformat(str(i["at"])), i["n"], {
            "who": "desk", "text": str(i["text"]),
            "menu": [one["content"] for one in i.get("menu") or []]})
        for i in got if i["surface"] == "kf"
    ]  # fmt: skip
    lines.sort(key=lambda line: line[:2])
    return [{**shown, "at": _time(at)} for at, _, shown in lines[-LAST:]]


def _chat(stage: Stage, who: str, surface: str) -> list[dict[str, Any]]:
    """What somebody said and received, in order of time."""
    said = [s for s in stage.said if (s.chat if surface == "aibot" else s.who) == who]
    said = [s for s in said if s.surface == surface]
    got = [i for i in stage.pretend.received() if i["to"] == who and not i.get("dropped")]
    entries: list[tuple[str, int, dict[str, Any]]] = [
        (s.at.isoformat(), s.order, _own(s, surface)) for s in said
    ]
    entries += [(str(i["at"]), 10**9 + i["n"], _received(i)) for i in got]
    entries.sort(key=lambda e: e[:2])
    return [entry for _, _, entry in entries[-LAST:]]


def _own(said: Said, surface: str) -> dict[str, Any]:
    name = next((a.name for a in demo.ADVISORS if a.userid == said.who), said.who)
    name = next((m.name for m in demo.MANAGERS if m.userid == said.who), name)
    return {"mine": True, "name": name, "type": "text", "text": said.text, "at": _time(said.at)}


def _received(item: dict[str, Any]) -> dict[str, Any]:
    shown = {"mine": False, "n": item["n"], "type": item["type"], "text": item.get("text", ""),
             "at": _time(datetime.fromisoformat(str(item["at"])))}  # fmt: skip
    if item.get("recalled"):
        return {**shown, "type": "text", "text": "［助手撤回了一条消息］"}
    if item["type"] == "template_card":
        shown["card"] = _card(item["card"])
    if item["type"] == "image":
        shown["image"] = item["image"]
    return shown


def _card(card: dict[str, Any]) -> dict[str, Any]:
    title = card.get("main_title") or {}
    replaced = card.get("replace_name") or ""
    return {
        "title": title.get("title", ""),
        "desc": title.get("desc", ""),
        "text": card.get("sub_title_text", ""),
        "buttons": [b["text"] for b in card.get("button_list") or []],
        "replaced": replaced,
    }


def _time(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%m-%d %H:%M}"


def _inside(db: Db, stage: Stage, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """The bot's own view: the customer, what is owed, what came in and goes out."""
    ctx = stage.running.app.ctx(db, "page", now)
    return {
        "customer": _customer(ctx, wanted.customer),
        "owed": _owed(ctx, wanted.advisor),
        "inbox": _rows(db, "select id, channel, state, received_at as at, error from inbox "
                           "order by seq desc limit 8"),
        "outbox": _rows(db, "select kind, target, state, created_at as at, error from outbox "
                            "order by seq desc limit 8"),
    }  # fmt: skip


def _rows(db: Db, sql: str) -> list[dict[str, Any]]:
    return [{**row, "at": _time(datetime.fromisoformat(row["at"]))} for row in db.rows(sql)]


def _customer(ctx: Ctx, customer_id: str) -> dict[str, Any] | None:
    customer = customers.get(ctx.db, customer_id)
    if customer is None:
        return None
    tags = customers.tags(ctx.db, customer.id, ctx.now)
    return {
        "name": customer.name, "tier": TIERS[customer.tier], "level": customer.level,
        "stage": customer.stage, "model": customer.model,
        "tier_reason": customer.tier_reason, "level_reason": customer.level_reason,
        "owner": ctx.team.name(customer.owner), "store": ctx.team.store(customer.store).name,
        "opted_out": customer.opted_out_at is not None,
        "tags": list(_tags(tags)),
        "events": [f"{_time(e.at)} {e.kind} {e.evidence}".strip()
                   for e in events.of(ctx.db, customer.id, limit=6)],
    }  # fmt: skip


def _tags(tags: Iterable[customers.Tag]) -> Iterable[dict[str, Any]]:
    for tag in tags:
        if tag.kind == "concern":
            state = f"{POLARITY[tag.polarity]}·{CONCERN_STATES[tag.state]}"
            name = CONCERNS.get(tag.code, tag.code)
        elif tag.kind == "intent":
            state, name = "意图", INTENTS.get(tag.code, tag.code)
        elif tag.kind in cards.SLOTS:
            state, name = cards.SLOTS[tag.kind], tag.value
        else:
            continue
        yield {"kind": tag.kind, "name": name, "state": state, "polarity": tag.polarity,
               "evidence": tag.evidence, "mentions": tag.mentions}  # fmt: skip


def _owed(ctx: Ctx, advisor: str) -> list[dict[str, str]]:
    found = owed.owed_by(ctx.db, advisor, ctx.now.replace(year=ctx.now.year + 1))
    rows = []
    for followup in found[:6]:
        customer = customers.get(ctx.db, followup.customer)
        if customer:
            due = _time(followup.due_at)
            kind = cadence.label(followup.kind, ctx)
            rows.append(
                {
                    "name": customer.name,
                    "due": due,
                    "why": f"{kind}：{followup.reason or customer.level + '级'}",
                }
            )
    return rows
