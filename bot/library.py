"""The lexicon and the script library: read at start, swapped as a whole when they change."""

import asyncio
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.app import Knowledge
from bot.config import Config
from bot.wecom.envelope import Kept
from bot.writer import Writer
from handlers.library import save, stored
from nlp import tokens
from nlp.lexicon import Lexicon, LexiconError
from nlp.model import Model
from scriptbank import facts as model_facts
from scriptbank import load
from scriptbank.bank import Bank
from scriptbank.facts import Facts
from scriptbank.script import Script
from storage import scripts

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


def model(config: Config) -> Model | None:
    """What `salesbot train` wrote, if the settings name it."""
    folder = config.settings.nlp.model
    return Model.load(config.path(folder)) if folder else None


def quiz(path: Path = QUIZ) -> tuple[Mapping[str, object], ...]:
    """The questions of the product quiz."""
    return tuple(tomllib.loads(path.read_text(encoding="utf-8"))["question"])


def facts(config: Config) -> Facts:
    """What is known of the models: the company's own file, or the demo brand's."""
    own = config.settings.scriptbank.facts
    return model_facts.load(config.path(own)) if own else model_facts.load()


async def read(config: Config, writer: Writer) -> Knowledge:
    found = await writer.do(stored)
    at = await writer.do(scripts.stamp_of)
    learnt = model(config)
    return Knowledge(
        lexicon(config), Bank(found), quiz(), facts(config), scripts_at=at, model=learnt
    )


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
        bank = await asyncio.to_thread(_shelved, found, known.bank)
        if bank is not known.bank:
            known.bank = bank
            said.append(f"话术库已更新：{len(found)} 条")
        known.scripts_at = now
    return said


def _shelved(found: tuple[Script, ...], bank: Bank) -> Bank:
    """The bank of these scripts; the same one when it holds them already, as after an advisor's
    own change, which is no news."""
    return bank if set(found) == set(bank.all()) else Bank(found)


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
