"""The lexicon and the script library: read at start, swapped as a whole when they change."""

import asyncio
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bot.app import Knowledge
from bot.config import Config
from bot.wecom.envelope import Kept
from bot.writer import Writer
from nlp import tokens
from nlp.lexicon import Lexicon, LexiconError
from scriptbank import load
from scriptbank.bank import Bank
from scriptbank.script import Fact, Script
from storage import scripts
from storage.db import Db

__all__ = ["Knowledge", "quiz", "read", "save", "stored"]

QUIZ = Path(__file__).resolve().parent.parent / "handlers" / "games" / "data" / "quiz.toml"


def lexicon(config: Config) -> Lexicon:
    tokens.load()
    folder = config.settings.nlp.lexicon
    return Lexicon.load(config.path(folder) if folder else None)


def shipped_lexicon() -> Lexicon:
    tokens.load()
    return Lexicon.load(None)


def archived(message: Mapping[str, Any]) -> Kept:
    """A decrypted message object of the chat archive, as it is kept in the inbox."""
    body = json.dumps(message, ensure_ascii=False)
    lane = str(message.get("roomid") or message.get("from") or "")
    return Kept(f"archive:{message['msgid']}", "archive", lane, body)


def quiz(path: Path = QUIZ) -> tuple[Mapping[str, object], ...]:
    """The questions of the product quiz."""
    return tuple(tomllib.loads(path.read_text(encoding="utf-8"))["question"])


async def read(config: Config, writer: Writer) -> Knowledge:
    found = await writer.do(stored)
    at = await writer.do(scripts.stamp_of)
    return Knowledge(lexicon(config), Bank(found), quiz(), scripts_at=at)


async def refresh(known: Knowledge, writer: Writer) -> list[str]:
    """Swap in what has changed on disk or in the store; a broken file never replaces a good one.

    Returns what was done or what is wrong, a sentence each; the same complaint is made once.
    """
    said: list[str] = []
    if known.lexicon.changed():
        said += await asyncio.to_thread(_reload, known)
    now = await writer.do(scripts.stamp_of)
    if now != known.scripts_at:
        found = await writer.do(stored)
        known.bank = await asyncio.to_thread(Bank, found)
        known.scripts_at = now
        said.append(f"话术库已更新：{len(found)} 条")
    return said


def _reload(known: Knowledge) -> list[str]:
    try:
        known.lexicon = known.lexicon.reload()
    except LexiconError as exc:
        said = f"词库有错，继续用旧的：{exc}"
        fresh = said != known.complaint
        known.complaint = said
        return [said] if fresh else []
    known.complaint = ""
    return ["词库已更新"]


def shipped() -> tuple[Script, ...]:
    return load.library()


def save(db: Db, found: tuple[Script, ...] | list[Script], now: datetime) -> int:
    """Write scripts to the store; one whose content changed gets the next version."""
    known = {s.id: s for s in stored(db)}
    changed = 0
    for script in found:
        was = known.get(script.id)
        if was is not None and _same(was, script):
            continue
        version = was.version + 1 if was else script.version
        row = {**_plain(script), "version": version}
        body = json.dumps(row, ensure_ascii=False, sort_keys=True)
        scripts.put(
            db, script_id=script.id, body=body, status=script.status, version=version, now=now
        )
        changed += 1
    return changed


def _same(one: Script, other: Script) -> bool:
    return {**_plain(one), "version": 0} == {**_plain(other), "version": 0}


def _plain(script: Script) -> dict[str, Any]:
    row = asdict(script)
    for name in ("valid_from", "valid_to"):
        row[name] = row[name].isoformat() if row[name] else None
    return row


def stored(db: Db) -> tuple[Script, ...]:
    return tuple(_script(json.loads(body)) for body in scripts.bodies(db))


def _script(row: dict[str, Any]) -> Script:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    values["facts"] = tuple(Fact(**f) for f in row["facts"])
    for name in ("valid_from", "valid_to"):
        values[name] = date.fromisoformat(row[name]) if row[name] else None
    return Script(**values)
