"""The lexicon and the script library: read at start, swapped as a whole when they change."""

import asyncio
import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot import garbage
from bot.app import Knowledge
from bot.config import Config
from bot.reload import Watch
from bot.wecom.envelope import Kept
from bot.writer import Writer
from handlers import audience, cadence, dictionary, learning
from handlers.audience import Audiences
from handlers.dictionary import Dictionary
from handlers.library import save, stored
from nlp import tokens
from nlp.lexicon import Lexicon, LexiconError
from nlp.model import Model
from scriptbank import facts as model_facts
from scriptbank import load
from scriptbank.bank import Bank
from scriptbank.facts import Facts
from scriptbank.learn import Weights
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
    lane = str(message.get("roomid") or message.get("from") or message.get("user") or "")
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


def tags(config: Config) -> Dictionary:
    """What gives a customer which tag: the company's own file, or the one that ships."""
    own = config.settings.nlp.tags
    return dictionary.load(config.path(own)) if own else dictionary.shipped()


def audiences(config: Config) -> Audiences:
    """The company's own file of audiences, or the one that ships."""
    own = config.settings.scores.audiences
    return audience.load(config.path(own), tags(config)) if own else audience.standard()


async def read(config: Config, writer: Writer) -> Knowledge:
    """All of it as it is now: what a program that begins works with."""
    with garbage.resting():
        return await _read(config, writer)


async def _read(config: Config, writer: Writer) -> Knowledge:
    cadence.table(config.settings.followups.table)  # what is broken is told now, not in a tick
    found = await writer.do(stored)
    at = await writer.do(scripts.stamp_of)
    taught_at = await writer.do(learning.stamp_of)
    bank = shelve(found, await writer.do(learning.kept))
    return Knowledge(
        lexicon(config), bank, quiz(), facts(config), tags(config), audiences(config),
        scripts_at=at,
        learnt_at=taught_at, model=model(config), watch=Watch.over(config.settings),
    )  # fmt: skip


def shelve(found: Iterable[Script], learnt: Weights) -> Bank:
    """The bank of these scripts, ranked by what use has taught."""
    bank = Bank(found)
    if learnt:
        bank.learn(learnt)
    return bank


async def refresh(known: Knowledge, writer: Writer) -> list[str]:
    """Swap in what has changed on disk or in the store; a broken file never replaces a good one.

    Returns what was done or what is wrong, a sentence each; the same complaint is made once.
    """
    said: list[str] = []
    if known.lexicon.changed():
        said += await asyncio.to_thread(_reload, known)
    if known.tags.changed():
        said += _reload_tags(known)
    if known.audiences.changed():
        said += _reload_audiences(known)
    if known.watch:
        said += await asyncio.to_thread(known.watch.look)
    now = await writer.do(scripts.stamp_of)
    if now != known.scripts_at:
        said += await _reshelve(known, writer)
        known.scripts_at = now
    taught = await writer.do(learning.stamp_of)
    if taught != known.learnt_at:
        known.bank.learn(await writer.do(learning.kept))
        known.learnt_at = taught
        said.append("话术排序已按顾问的使用更新")
    return said


async def _reshelve(known: Knowledge, writer: Writer) -> list[str]:
    found = await writer.do(stored)
    bank = await asyncio.to_thread(_shelved, found, known.bank)
    if bank is known.bank:
        return []
    bank.learn(await writer.do(learning.kept))
    known.bank = bank
    return [f"话术库已更新：{len(found)} 条"]


async def teach(known: Knowledge, writer: Writer, now: datetime, zone: ZoneInfo) -> None:
    """Each Sunday night the ranking learns from the week's choices; `refresh` then takes it up."""
    if not await writer.do(lambda db: learning.due(db, now, zone)):
        return
    found, scripts_now = await writer.do(
        lambda db: (learning.pairs(db, known.bank.all()), known.bank.all())
    )
    taught = await asyncio.to_thread(learning.lesson, found, scripts_now, now.date())
    if taught and taught.better:
        await writer.do(lambda db: learning.keep(db, taught, now))


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


def _reload_tags(known: Knowledge) -> list[str]:
    try:
        known.tags = known.tags.reload()
    except dictionary.DictionaryError as exc:
        known.tags = known.tags.seen()
        return [f"标签字典有错，继续用旧的：{exc}"]
    return ["标签字典已更新"]


def _reload_audiences(known: Knowledge) -> list[str]:
    try:
        known.audiences = known.audiences.reload(known.tags)
    except audience.AudienceError as exc:
        known.audiences = known.audiences.seen()
        return [f"人群文件有错，继续用旧的：{exc}"]
    return ["人群已更新"]


def shipped() -> tuple[Script, ...]:
    return load.library()
