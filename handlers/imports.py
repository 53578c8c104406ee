"""A table that comes in: shown before it is applied, taken back as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from rapidfuzz import fuzz, process

from handlers import library
from scriptbank.lint import NEAR
from scriptbank.script import Script
from scriptbank.wording import letters
from storage import scripts
from storage.db import Db
from storage.scripts import Import

COMPARED = 1_000_000  # pairs of texts that an import compares, which takes about a second


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do.

    `held` are published in the file, but the guard blocks them, so they come in for review; so do
    those that `wait` for a second person.
    `copies` are new ones that say what another says already, with that other.
    """

    new: tuple[Script, ...]
    changed: tuple[tuple[Script, Script], ...]  # as it is, as it would be
    removed: tuple[Script, ...]
    unchanged: int
    held: tuple[Script, ...]
    copies: tuple[tuple[Script, Script], ...]
    wait: tuple[Script, ...] = ()

    @property
    def fresh(self) -> tuple[Script, ...]:
        """What would be written."""
        return (*self.new, *(after for _, after in self.changed))


def preview(
    have: Iterable[Script], read_in: Iterable[Script], day: date, *, second: bool = False
) -> Preview:
    """Compare by id. Advisors' own scripts are in no table, so they never count as removed.

    With `second`, what would be published waits for a second person.
    """
    old = {script.id: script for script in have}
    held: dict[str, Script] = {}
    wait: dict[str, Script] = {}
    wanted: dict[str, Script] = {}
    for script in read_in:
        was = old.get(script.id)
        if was is not None and library.same(was, script):
            wanted[script.id] = was
            continue
        wanted[script.id] = script
        if _newly_live(was, script) and library.blocks(script, day):
            held[script.id] = script
            wanted[script.id] = replace(script, status=library.REVIEW)
        elif second and script.status == library.LIVE:
            wait[script.id] = script
            wanted[script.id] = replace(script, status=library.REVIEW)
    known = [(old[key], s) for key, s in wanted.items() if key in old]
    pairs = tuple((was, now) for was, now in known if not library.same(was, now))
    new = tuple(s for key, s in wanted.items() if key not in old)
    gone = tuple(s for key, s in old.items() if key not in wanted and _replaceable(s))
    return Preview(
        new, pairs, gone, len(known) - len(pairs), tuple(held.values()),
        _copies(new, old.values()), tuple(wait.values()),
    )  # fmt: skip


def _copies(new: Sequence[Script], have: Iterable[Script]) -> tuple[tuple[Script, Script], ...]:
    """Each new one with the likest of those before it. Comparing all with all takes minutes in a
    large library; there `lint` looks for copies when somebody has the time."""
    all_scripts = [*have, *new]
    if len(new) * len(all_scripts) > COMPARED:
        return ()
    bodies = [letters(script.body) for script in all_scripts]
    first = len(all_scripts) - len(new)
    found = ((n, process.extractOne(bodies[n], bodies[:n], scorer=fuzz.ratio, score_cutoff=NEAR))
             for n in range(first, len(bodies)) if bodies[n])  # fmt: skip
    return tuple((all_scripts[n], all_scripts[best[2]]) for n, best in found if best)


def _newly_live(was: Script | None, script: Script) -> bool:
    """Would be published with words that were not published before."""
    old = was and (was.status, was.body, was.follow_up, was.facts)
    new = (script.status, script.body, script.follow_up, script.facts)
    return script.status == library.LIVE and old != new


def _replaceable(script: Script) -> bool:
    return script.scope != "个人" and script.status != library.STOPPED


def bring_in(
    db: Db, found: Preview, now: datetime, *, source: str, by: str, remove: bool
) -> Import:
    """Apply what was shown; call it in a transaction. One record lets `undo` take it back."""
    gone = [replace(s, status=library.STOPPED) for s in found.removed] if remove else []
    changed = library.write(db, (*found.fresh, *gone), now, by, f"导入 {source}")
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
        raise library.Refused("没有可以撤销的导入")
    back: list[Script] = []
    gone: list[str] = []
    kept: list[str] = []
    for script_id, was, became in last.changed:
        current = library.get(db, script_id)
        if current is None or not library.same(current, library.at_version(db, script_id, became)):
            kept.append(script_id)
        elif was:
            back.append(library.at_version(db, script_id, was))
        else:
            gone.append(script_id)
    library.save(db, back, now, by, f"撤销导入 {last.source}")
    scripts.drop(db, gone)
    scripts.undone(db, last.id, now)
    return Undone(last, len(back), len(gone), tuple(kept))
