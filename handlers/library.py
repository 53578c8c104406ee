"""The script library as it is stored: every change a version, an import taken back as a whole."""

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
from storage import scripts
from storage.db import Db
from storage.scripts import Import, Version

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
    return len(_write(db, found, now, by, why))


def keep(ctx: Ctx, found: Sequence[Script], by: str, why: str) -> None:
    """Save, and let the running bank find them at once; the last thing a handler does, since
    the bank would not feel a transaction that fails."""
    ids = [script.id for script in found]
    save(ctx.db, found, ctx.now, by, why)
    for script_id in ids:
        ctx.bank.put(known(ctx.db, script_id))


def _write(
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
        _fit_to_publish(old, day)
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
        _fit_to_publish(script, day)
    save(db, (replace(script, status=status),), now, by, f"{script.status}→{status}")
    return known(db, script_id)


def _fit_to_publish(script: Script, day: date) -> None:
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


# Imports


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. `held` are published in the file but not fit for customers: the
    guard blocks them, so they come in for review."""

    new: tuple[Script, ...]
    changed: tuple[tuple[Script, Script], ...]  # as it is, as it would be
    removed: tuple[Script, ...]
    unchanged: int
    held: tuple[Script, ...]

    @property
    def fresh(self) -> tuple[Script, ...]:
        """What would be written."""
        return (*self.new, *(after for _, after in self.changed))


def preview(have: Iterable[Script], read_in: Iterable[Script], day: date) -> Preview:
    """Compare by id. Advisors' own scripts are in no table, so they never count as removed."""
    old = {script.id: script for script in have}
    held: dict[str, Script] = {}
    wanted: dict[str, Script] = {}
    for script in read_in:
        was = old.get(script.id)
        if was is not None and same(was, script):
            wanted[script.id] = was
            continue
        wanted[script.id] = script
        if _newly_live(was, script) and blocks(script, day):
            held[script.id] = script
            wanted[script.id] = replace(script, status=REVIEW)
    pairs = [(old[key], s) for key, s in wanted.items() if key in old and not same(old[key], s)]
    new = tuple(s for key, s in wanted.items() if key not in old)
    gone = tuple(s for key, s in old.items() if key not in wanted and _replaceable(s))
    return Preview(
        new, tuple(pairs), gone, len(wanted) - len(new) - len(pairs), tuple(held.values())
    )


def _newly_live(was: Script | None, script: Script) -> bool:
    """Would be published with words that were not published before."""
    old = was and (was.status, was.body, was.follow_up, was.facts)
    new = (script.status, script.body, script.follow_up, script.facts)
    return script.status == LIVE and old != new


def _replaceable(script: Script) -> bool:
    return script.scope != "个人" and script.status != STOPPED


def bring_in(
    db: Db, found: Preview, now: datetime, *, source: str, by: str, remove: bool
) -> Import:
    """Apply what was shown; call it in a transaction. One record lets `undo` take it back."""
    gone = [replace(s, status=STOPPED) for s in found.removed] if remove else []
    changed = _write(db, (*found.fresh, *gone), now, by, f"导入 {source}")
    record = Import(f"import-{now:%Y%m%dT%H%M%S.%f}", source, by, now, tuple(changed))
    if changed:
        scripts.note_import(db, record)
    return record


@dataclass(frozen=True, slots=True)
class Undone:
    """`kept` were changed again after the import and stay as they are."""

    what: Import
    restored: int
    dropped: int
    kept: tuple[str, ...]


def undo(db: Db, now: datetime, by: str = "") -> Undone:
    """Take the last import back: what it changed is as before, what it brought is gone."""
    last = scripts.last_import(db)
    if last is None:
        raise Refused("没有可以撤销的导入")
    back: list[Script] = []
    gone: list[str] = []
    kept: list[str] = []
    for script_id, was, became in last.changed:
        current = get(db, script_id)
        if current is None or not same(current, at_version(db, script_id, became)):
            kept.append(script_id)
        elif was:
            back.append(at_version(db, script_id, was))
        else:
            gone.append(script_id)
    save(db, back, now, by, f"撤销导入 {last.source}")
    scripts.drop(db, gone)
    scripts.undone(db, last.id, now)
    return Undone(last, len(back), len(gone), tuple(kept))
