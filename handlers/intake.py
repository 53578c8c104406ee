"""Customers, leads and orders from an operator's table: understood, shown, then brought in.

Nobody is told and nothing falls due by an import: the first day with thousands of old customers
is a quiet one. A due date of their own in the table is kept.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from handlers import journey, leads, tiers
from handlers.context import Ctx
from handlers.tiers import ORDER
from nlp import mask
from scriptbank.problems import LoadError, Problem
from storage import customers, events, followups
from storage import leads as rows
from storage.customers import Customer

# What a column is for: its heading in an export, then other names that operators use.
HEADINGS: dict[str, tuple[str, ...]] = {
    "id": ("编号", "客户编号", "external_userid", "外部联系人ID"),
    "name": ("姓名", "客户姓名", "客户", "称呼", "客户称呼", "名称"),
    "phone": ("电话", "手机", "手机号", "手机号码", "联系电话", "客户电话"),
    "source": ("来源", "渠道", "线索来源", "来源渠道"),
    "model": ("车型", "意向车型", "关注车型", "意向车系"),
    "store": ("门店", "所属门店", "店"),
    "owner": ("顾问", "销售顾问", "归属", "跟进人", "所属顾问"),
    "level": ("级别", "意向级别", "客户级别"),
    "stage": ("阶段", "销售阶段"),
    "added_at": ("加微时间", "添加时间", "建档时间", "创建时间", "线索时间"),
    "due": ("下次跟进", "下次跟进时间", "回访时间"),
    "note": ("备注", "说明", "跟进记录"),
}
ORDERS: dict[str, tuple[str, ...]] = {
    "id": HEADINGS["id"],
    "name": HEADINGS["name"],
    "phone": HEADINGS["phone"],
    "event": ("事件", "类型", "状态", "订单状态"),
    "at": ("时间", "日期", "下单时间", "下订时间", "订单日期"),
    "note": HEADINGS["note"],
}
_PHONE = re.compile(r"(?:\+?86[- ]?)?(1[3-9]\d[- ]?\d{4}[- ]?\d{4})")
_NOON = time(12, 0)
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日")
_TIMES = tuple(f"{day} {clock}" for day in _DATES for clock in ("%H:%M", "%H:%M:%S"))
LONGEST = 200  # characters of a cell that is kept
STAGES = ("线索", "加微", "开口", "到店", "试驾", "报价", "下订", "交付", "战败")
KEPT = ("name", "phone", "source", "model", "store", "level", "stage", "added_at")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table that is well formed."""

    number: int
    cells: Mapping[str, Any]

    def text(self, name: str) -> str:
        return str(self.cells.get(name) or "")


@dataclass(slots=True)
class Plan:
    """What an import would do; `bad` rows are told and left out, the others go in."""

    new: list[tuple[Customer, Line]] = field(default_factory=list)
    changed: list[tuple[Customer, dict[str, Any], Line]] = field(default_factory=list)
    unchanged: int = 0
    bad: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)  # taken, but not all of it


def read(
    cells: Sequence[Sequence[object]], file: str, known: Mapping[str, Sequence[str]],
    renamed: Mapping[str, str],
) -> tuple[list[Line], list[Problem]]:  # fmt: skip
    """The rows by column; `renamed` maps an operator's own heading to one of ours.

    Raises `LoadError` when the heading row cannot be used. Columns nobody knows are named.
    """
    if not cells or not any(cells[0]):
        raise LoadError((Problem("第一行应是列名", file, 1),))
    header = [str(name or "").strip() for name in cells[0]]
    meaning = {alias: name for name, aliases in known.items() for alias in (name, *aliases)}
    if unknown := [to for to in renamed.values() if to not in meaning]:
        allowed = "、".join(aliases[0] for aliases in known.values())
        raise LoadError((Problem(f"没有“{unknown[0]}”这一列；可以对到：{allowed}", file),))
    columns = [meaning.get(renamed.get(name, name)) for name in header]
    if "name" not in columns and "id" not in columns and "phone" not in columns:
        found = "、".join(filter(None, header))
        hint = f"表里是：{found}。用 --map 客户称谓=姓名 对上"
        raise LoadError((Problem(f"要有 姓名、电话、编号 中的一列；{hint}", file, 1),))
    unread = [name for name, column in zip(header, columns, strict=True) if name and not column]
    spare = [Problem("不认识的列，没有读；用 --map 对上", file, 1, name) for name in unread]
    named = ((n, dict(zip(columns, row, strict=False))) for n, row in enumerate(cells[1:], 2))
    full = ((n, {c: v for c, v in row.items() if c and v not in ("", None)}) for n, row in named)
    lines = [Line(n, {str(c): v for c, v in row.items()}) for n, row in full if row]
    return lines, spare


def plan(lines: Iterable[Line], file: str, ctx: Ctx) -> Plan:
    """Compare with what is known, by number, then by phone; nothing is written."""
    found = Plan()
    seen: dict[str, int] = {}
    for line in lines:
        try:
            customer, due = _customer(line, ctx)
        except ValueError as wrong:
            column, _, advice = str(wrong).partition("|")
            found.bad.append(
                Problem(advice, file, line.number, column, seen=line.text(_key(column)))
            )
            continue
        line = replace(line, cells={**line.cells, "due": due})
        if (first := seen.setdefault(customer.id, line.number)) != line.number:
            found.bad.append(Problem(f"和第{first}行是同一位客户", file, line.number))
            continue
        _compare(customer, line, file, found, ctx)
    return found


def _key(heading: str) -> str:
    return next((name for name, aliases in HEADINGS.items() if aliases[0] == heading), "name")


def _customer(line: Line, ctx: Ctx) -> tuple[Customer, datetime | None]:
    """The row as a customer; ValueError "column|advice" for what cannot be."""
    name, phone = line.text("name").strip()[:40], _phone(line.text("phone"))
    known = _known(line.text("id").strip(), phone, ctx)
    if not name and known is None:
        raise ValueError("姓名|新客户要有姓名")
    store, owner = _place(line, ctx)
    level = line.text("level").strip().upper().removesuffix("级")
    if level and level not in ORDER:
        raise ValueError(f"级别|应为 {'、'.join(ORDER)} 之一")
    stage = line.text("stage").strip()
    if stage and stage not in STAGES:
        raise ValueError(f"阶段|应为 {'、'.join(STAGES)} 之一")
    key = known.id if known else line.text("id").strip() or _made(name, phone, owner)
    return Customer(
        id=key, name=name, phone=phone, store=store, owner=owner, stage=stage,
        source=line.text("source").strip()[:40], model=line.text("model").strip()[:40],
        level=level, added_at=_moment(line, "added_at", "加微时间", ctx),
    ), _moment(line, "due", "下次跟进", ctx)  # fmt: skip


def _phone(text: str) -> str:
    """Digits; "" for none and for one that was masked on its way out of here."""
    plain = text.strip().removesuffix(".0")
    if not plain or "*" in plain:
        return ""
    match = _PHONE.fullmatch(plain)
    if match is None:
        raise ValueError("电话|应为11位手机号")
    return re.sub(r"\D", "", match[1])


def _known(key: str, phone: str, ctx: Ctx) -> Customer | None:
    if key:
        return customers.get(ctx.db, key)
    found = customers.with_phone(ctx.db, phone) if phone else []
    return found[0] if found else None


def _made(name: str, phone: str, owner: str) -> str:
    """The same row gives the same number, so that a table may come in twice."""
    told = f"{phone or name}/{'' if phone else owner}"
    return "imp-" + hashlib.blake2s(told.encode(), digest_size=8).hexdigest()


def _place(line: Line, ctx: Ctx) -> tuple[str, str]:
    """Store and advisor by number or by name; an advisor brings their store."""
    owner, store = line.text("owner").strip(), line.text("store").strip()
    advisor = next(
        (a for a in ctx.settings.advisors if owner and owner in (a.userid, a.name)), None
    )
    if owner and advisor is None:
        raise ValueError("顾问|名单里没有这个人；先写进 [[advisors]]")
    shop = next((s for s in ctx.settings.stores if store and store in (s.id, s.name)), None)
    if store and shop is None:
        raise ValueError("门店|没有这家店；先写进 [[stores]]")
    return (
        shop.id if shop else advisor.store if advisor else ""
    ), advisor.userid if advisor else ""


def _moment(line: Line, name: str, heading: str, ctx: Ctx) -> datetime | None:
    value = line.cells.get(name)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=ctx.zone)
    if isinstance(value, date):
        return ctx.on(value, _NOON)
    text = str(value or "").strip()
    for form in (*_TIMES, *_DATES):
        try:
            at = datetime.strptime(text, form).replace(tzinfo=ctx.zone)
        except ValueError:
            continue
        return at if form in _TIMES else ctx.on(at.date(), _NOON)
    if text:
        raise ValueError(f"{heading}|应为日期，例如 2026-03-06 或 2026-03-06 14:00")
    return None


def _compare(customer: Customer, line: Line, file: str, found: Plan, ctx: Ctx) -> None:
    was = customers.get(ctx.db, customer.id)
    if was is None:
        found.new.append((_complete(customer, ctx), line))
        return
    if customer.owner and was.owner and customer.owner != was.owner:
        found.notes.append(Problem(
            f"归{ctx.team.name(was.owner)}，没有改归属；要改请由经理转", file, line.number, "顾问",
            seen=ctx.team.name(customer.owner),
        ))  # fmt: skip
    news = {n: v for n in KEPT if (v := getattr(customer, n)) and v != getattr(was, n)}
    if was.owner == "" and customer.owner:
        news["owner"] = customer.owner
    if line.cells.get("due") or news:
        found.changed.append((was, news, line))
    else:
        found.unchanged += 1


def _complete(customer: Customer, ctx: Ctx) -> Customer:
    """A new one with what must not be empty."""
    at = customer.added_at or ctx.now
    return replace(
        customer, added_at=at, stage=customer.stage or "线索", level=customer.level or "N",
        level_reason="导入" if customer.level else "", level_at=at,
    )  # fmt: skip


def bring_in(found: Plan, ctx: Ctx, each: Callable[[], None] = lambda: None) -> int:
    """Write what was planned; returns how many customers it was. Call it in a transaction."""
    for customer, line in found.new:
        customers.add(ctx.db, customer)
        _log(customer.id, "导入", line, ctx)
        _due(customer, line, ctx)
        each()
    for was, news, line in found.changed:
        if news:
            if "level" in news:
                news |= {"level_reason": "导入", "level_at": ctx.now}
            customers.change(ctx.db, was.id, **news)
            _log(was.id, "导入", line, ctx)
        _due(was, line, ctx)
        each()
    return len(found.new) + len(found.changed)


def _log(customer: str, kind: str, line: Line, ctx: Ctx) -> None:
    evidence = line.text("note")[:LONGEST]
    events.add(ctx.db, event_id=ctx.new_id(), customer=customer, kind=kind, when=ctx.now,
               source="import", evidence=evidence)  # fmt: skip


def _due(customer: Customer, line: Line, ctx: Ctx) -> None:
    due, reason = line.cells.get("due"), line.text("note")[:LONGEST] or "导入时约定的跟进"
    if isinstance(due, datetime) and due > ctx.now - timedelta(days=1) and customer.owner:
        followups.plan(ctx.db, followup_id=ctx.new_id(), customer=customer.id,
                       advisor=customer.owner, kind="own", due=max(due, ctx.now),
                       reason=reason, now=ctx.now)  # fmt: skip


# Leads


def arrivals(
    lines: Iterable[Line], file: str, ctx: Ctx, each: Callable[[], None] = lambda: None
) -> tuple[list[leads.Arrived], list[Problem], list[Problem]]:
    """Each row as a lead of its own: assigned, offered, told. With what is bad, and what is old.

    Writes at once, since who gets the next one depends on who got this one; undo it by the
    transaction. The actions are the caller's to send.
    """
    came: list[leads.Arrived] = []
    bad: list[Problem] = []
    old: list[Problem] = []
    for line in lines:
        try:
            customer, _ = _customer(line, ctx)
        except ValueError as wrong:
            column, _, advice = str(wrong).partition("|")
            bad.append(Problem(advice, file, line.number, column, seen=line.text(_key(column))))
            continue
        if _came_before(customer, ctx):
            old.append(Problem("这条线索导入过，没有再分", file, line.number))
        else:
            came.append(_arrived(customer, line, ctx))
        each()
    return came, bad, old


def _came_before(customer: Customer, ctx: Ctx) -> bool:
    """The same table twice is one lead: of that time, or of the last day where it tells none."""
    since = customer.added_at or ctx.now - timedelta(days=1)
    return any(
        lead.arrived_at == customer.added_at if customer.added_at else lead.arrived_at > since
        for lead in rows.of(ctx.db, customer.id)
    )


def _arrived(customer: Customer, line: Line, ctx: Ctx) -> leads.Arrived:
    return leads.arrive(
        ctx, name=customer.name, source=customer.source, phone=customer.phone,
        model=customer.model, store=customer.store, advisor=customer.owner,
        words=line.text("note")[:LONGEST], at=customer.added_at,
    )  # fmt: skip


# Orders and other things that happened


@dataclass(frozen=True, slots=True)
class Happened:
    customer: Customer
    kind: str
    at: datetime
    line: Line


def plan_orders(lines: Iterable[Line], file: str, ctx: Ctx) -> tuple[list[Happened], list[Problem]]:
    """Whose each row is and what it says; rows that fit nobody, or two, are told."""
    good: list[Happened] = []
    bad: list[Problem] = []
    for line in lines:
        try:
            good.append(_happened(line, ctx))
        except ValueError as wrong:
            column, _, advice = str(wrong).partition("|")
            bad.append(Problem(advice, file, line.number, column))
    return good, bad


def _happened(line: Line, ctx: Ctx) -> Happened:
    kind = next((k for word, k, _ in journey.WORDS if word in line.text("event")), "")
    if not kind:
        raise ValueError(f"事件|应为 {journey.DEALS} 之一，看到“{line.text('event')}”")
    at = _moment(line, "at", "时间", ctx)
    if at is None:
        raise ValueError("时间|要有时间")
    phone = _phone(line.text("phone"))
    customer = _known(line.text("id").strip(), phone, ctx)
    if customer is None:
        named = customers.named(ctx.db, line.text("name").strip())
        if len(named) != 1:
            said = "没有这位客户" if not named else f"有{len(named)}位同名客户"
            raise ValueError(f"姓名|{said}，请写上编号或电话")
        customer = named[0]
    return Happened(customer, kind, at, line)


def bring_orders(
    found: Iterable[Happened], ctx: Ctx, each: Callable[[], None] = lambda: None
) -> int:
    """Log each once, however often the table comes in; returns how many were new."""
    fresh = 0
    for one in found:
        told = f"{one.customer.id}/{one.kind}/{one.at.isoformat()}"
        key = "imp-" + hashlib.blake2s(told.encode(), digest_size=10).hexdigest()
        if not events.exists(ctx.db, key):
            fresh += 1
            events.add(ctx.db, event_id=key, customer=one.customer.id, kind=one.kind, when=one.at,
                       source="import", evidence=one.line.text("note")[:LONGEST])  # fmt: skip
            _advance(one, ctx)
        each()
    return fresh


def _advance(one: Happened, ctx: Ctx) -> None:
    """The stage goes forward with what happened, never back by an old row."""
    customer = customers.get(ctx.db, one.customer.id) or one.customer
    stage = journey.STAGES.get(one.kind, customer.stage)
    if stage in STAGES and STAGES.index(stage) > STAGES.index(customer.stage):
        customers.change(ctx.db, customer.id, stage=stage)
        customer = replace(customer, stage=stage)
    tiers.rejudge(customer, ctx)


# Out


def table(found: Iterable[Customer], ctx: Ctx) -> Iterator[dict[str, str]]:
    """The rows of an export, under the headings that an import reads; phones are masked."""
    for c in found:
        row = {f.name: getattr(c, f.name) for f in fields(Customer)}
        row["phone"] = mask.phones(c.phone)
        row["owner"] = ctx.team.name(c.owner) if c.owner else ""
        row["store"] = ctx.team.store(c.store).name if c.store else ""
        row["added_at"] = f"{c.added_at.astimezone(ctx.zone):%Y-%m-%d %H:%M}" if c.added_at else ""
        yield {aliases[0]: str(row.get(name) or "") for name, aliases in HEADINGS.items()
               if name in row} | {"意向": c.tier_reason}  # fmt: skip
