"""The script library as it is stored: every change is a version, publishing asks the guard."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from handlers.context import Ctx
from handlers.values import Action, Send
from scriptbank import guard
from scriptbank.columns import COLUMNS, cell
from scriptbank.guard import Finding
from scriptbank.rules import BLOCK
from scriptbank.script import Fact, Script
from storage import customers, scripts
from storage.db import Db
from storage.scripts import Version

DRAFT, REVIEW, LIVE, STOPPED = "草稿", "待审", "发布", "停用"
# What a script may become next; a draft is looked at by somebody before customers see it.
NEXT = {DRAFT: (REVIEW, STOPPED), REVIEW: (LIVE, STOPPED), LIVE: (REVIEW, STOPPED),
        STOPPED: (REVIEW, LIVE)}  # fmt: skip
UNWRITTEN = "【待补充】"  # stands where a draft has no answer yet
NIGHT = "到期停用"
_FIELDS = tuple(field.name for field in dataclasses.fields(Script))


class Refused(Exception):
    """The library stays as it is; the message says why and what to do."""


# Rows


def packed(script: Script) -> str:
    row: dict[str, Any] = {name: getattr(script, name) for name in _FIELDS}
    row["facts"] = [dataclasses.asdict(fact) for fact in script.facts]
    for name in ("valid_from", "valid_to"):
        row[name] = row[name].isoformat() if row[name] else None
    return json.dumps(row, ensure_ascii=False, sort_keys=True)


def unpacked(body: str) -> Script:
    row = json.loads(body)
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    values["facts"] = tuple(Fact(**f) for f in row["facts"])
    for name in ("valid_from", "valid_to"):
        values[name] = date.fromisoformat(row[name]) if row[name] else None
    return Script(**values)


def stored(db: Db) -> tuple[Script, ...]:
    return tuple(map(unpacked, scripts.bodies(db)))


def get(db: Db, script_id: str) -> Script | None:
    body = scripts.body_of(db, script_id)
    return unpacked(body) if body else None


def known(db: Db, script_id: str) -> Script:
    found = get(db, script_id)
    if found is None:
        raise Refused(f"没有编号为 {script_id} 的话术；用 scripts export 看全部编号")
    return found


def save(db: Db, found: Iterable[Script], now: datetime, by: str = "", why: str = "") -> int:
    """Write scripts to the store; one whose content changed gets the next version."""
    return len(write(db, found, now, by, why))


def keep(ctx: Ctx, found: Sequence[Script], by: str, why: str) -> None:
    """Save, and let the running bank find them at once; the last thing a handler does, since
    the bank would not feel a transaction that fails."""
    ids = [script.id for script in found]
    save(ctx.db, found, ctx.now, by, why)
    for script_id in ids:
        ctx.bank.put(known(ctx.db, script_id))


def write(
    db: Db, found: Iterable[Script], now: datetime, by: str, why: str
) -> list[tuple[str, int, int]]:
    """Returns id, version before (0 for none) and after, of those that changed."""
    rows: list[Version] = []
    changed: list[tuple[str, int, int]] = []
    for script in {script.id: script for script in found}.values():
        was = get(db, script.id)
        if was is not None and same(was, script):
            continue
        last = scripts.last_version(db, script.id)
        n = max(last + 1, script.version if was is None else 0)
        fresh = replace(script, version=n)
        rows.append(Version(script.id, n, packed(fresh), script.status, now, by, why))
        changed.append((script.id, was.version if was else 0, n))
    scripts.put(db, rows)
    return changed


def same(one: Script, other: Script) -> bool:
    """Equal but for the number of the version."""
    return replace(one, version=0) == replace(other, version=0)


def nameless(text: str, customer_id: str, ctx: Ctx) -> str:
    """Words for one customer as words for anybody: the name becomes a variable."""
    customer = customers.get(ctx.db, customer_id) if customer_id else None
    known = customer is not None and len(customer.name) > 1
    return text.replace(customer.name, "{客户称呼}") if customer and known else text


# Versions


@dataclass(frozen=True, slots=True)
class Edit:
    """A field that differs, as a table would show both values."""

    field: str
    heading: str
    was: str
    now: str


def edits(was: Script, now: Script) -> tuple[Edit, ...]:
    """The fields that differ, the number of the version aside."""
    pairs = ((c, getattr(was, c.field), getattr(now, c.field)) for c in COLUMNS)
    return tuple(
        Edit(c.field, c.heading, cell(c, old), cell(c, new))
        for c, old, new in pairs
        if old != new and c.field != "version"
    )


def at_version(db: Db, script_id: str, n: int) -> Script:
    found = scripts.version(db, script_id, n)
    if found is None:
        have = "、".join(str(v.version) for v in scripts.versions(db, script_id)) or "没有"
        raise Refused(f"{script_id} 没有第{n}版；有的版本：{have}")
    return unpacked(found.body)


def rollback(db: Db, script_id: str, n: int, day: date, now: datetime, by: str = "") -> Script:
    """The content of version `n` again, as the newest version."""
    old = at_version(db, script_id, n)
    was = get(db, script_id)
    if was is not None and same(was, old):
        raise Refused(f"{script_id} 现在的内容就是第{n}版，不用回退")
    if old.status == LIVE:
        fit_to_publish(old, day)
    save(db, (old,), now, by, f"回退到第{n}版")
    return known(db, script_id)


# Status


def blocks(script: Script, day: date) -> tuple[Finding, ...]:
    """What the guard will not let out."""
    found = guard.check(f"{script.body}\n{script.follow_up}", day, script.facts)
    return tuple(f for f in found if f.severity == BLOCK)


def set_status(
    db: Db, script_id: str, status: str, day: date, now: datetime, by: str = ""
) -> Script:
    """Move a script on; published only after review, and when the guard lets it pass."""
    script = known(db, script_id)
    if script.status == status:
        raise Refused(f"“{script.title}”已经是{status}")
    if status not in NEXT[script.status]:
        steps = "或".join(NEXT[script.status])
        raise Refused(f"“{script.title}”现在是{script.status}，下一步只能是{steps}；"
                      f"先运行 scripts set {script_id} {REVIEW}")  # fmt: skip
    if status == LIVE:
        fit_to_publish(script, day)
    save(db, (replace(script, status=status),), now, by, f"{script.status}→{status}")
    return known(db, script_id)


def fit_to_publish(script: Script, day: date) -> None:
    """Raise Refused with the reason where this must not be shown to customers."""
    if not script.body.strip() or UNWRITTEN in script.body:
        raise Refused(f"“{script.title}”的正文还没写，不能发布")
    if script.valid_to and script.valid_to < day:
        raise Refused(f"“{script.title}”的失效日期 {script.valid_to} 已过，先改日期再发布")
    if found := blocks(script, day):
        said = "；".join(f"“{f.words}”（{f.rule}）{f.advice}" for f in found)
        raise Refused(f"“{script.title}”不能发布：{said}")


def expire(ctx: Ctx) -> Iterator[Action]:
    """Stop what has passed its last day, and tell the operators in one message."""
    over = [s for s in ctx.bank.all() if _over(s, ctx.today)]
    # The bank may be a minute older than the store.
    now = [s for one in over if (s := get(ctx.db, one.id)) and _over(s, ctx.today)]
    stopped = [replace(s, status=STOPPED) for s in sorted(now, key=lambda s: s.id)]
    if not stopped:
        return
    keep(ctx, stopped, "", NIGHT)
    rows = [f"· {s.title}（{s.id}，{s.valid_to}到期）" for s in stopped[:10]]
    more = [f"……另有{len(stopped) - 10}条"] if len(stopped) > 10 else []
    text = "\n".join([f"{len(stopped)}条话术到期，已停用：", *rows, *more,
                      "要续用，请改失效日期后重新导入。"])  # fmt: skip
    for operator in ctx.settings.access.operators:
        yield Send(operator, text)


def _over(script: Script, day: date) -> bool:
    return script.status == LIVE and script.valid_to is not None and script.valid_to < day
