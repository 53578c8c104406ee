"""每日话题: one topic a day for each group, by mix, and none again too soon."""

import functools
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from handlers.context import Ctx
from handlers.materials import OWNERS
from storage import group_sop as rows
from storage import materials

FILE = Path(__file__).parents[1] / "data" / "group_topics.toml"
MIX = ("用车", "热点", "车主", "产品")
STORIES = "车主"
GOLDEN = 0.6180339887498949  # steps of this size fill 0–1 evenly, from wherever they begin
TAG = "话题"  # a material of this kind, or with this word in its title, is a topic as well


@dataclass(frozen=True, slots=True)
class Topic:
    """`material` is its id where it comes out of the library."""

    id: str
    mix: str
    title: str
    text: str
    material: str = ""


@dataclass(frozen=True, slots=True)
class Picked:
    topic: Topic
    why: str


@functools.cache
def shipped() -> tuple[Topic, ...]:
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))["topic"]
    return tuple(Topic(one["id"], one["mix"], one["title"], one["text"]) for one in given)


def everything(ctx: Ctx) -> tuple[Topic, ...]:
    """The shipped ones and those of the material library; owners' own words are stories."""
    live = materials.live(ctx.db, ctx.today)
    tagged = [one for one in live if one.words and (one.kind in OWNERS or TAG in one.title)]
    own = (Topic(f"material:{one.id}", STORIES if one.kind in OWNERS else "产品", one.title,
                 one.words, one.id) for one in tagged)  # fmt: skip
    return (*shipped(), *own)


def pick(chat_id: str, day: date, ctx: Ctx, *, keep: bool = True) -> Picked:
    """The topic of that day; once kept it is the same, whatever was added meanwhile."""
    known = everything(ctx)
    days = ctx.settings.group_sop.topic_days
    had = rows.had(ctx.db, chat_id, day - timedelta(days=days))
    if settled := next((one for one in known if one.id == had.get(day.isoformat())), None):
        return Picked(settled, "今天已经定了这个话题")
    used = {topic for on, topic in had.items() if on != day.isoformat()}
    mix = mix_of(chat_id, day, ctx)
    fresh = [one for one in known if one.id not in used]
    among = [one for one in fresh if one.mix == mix]
    topic = min(among or fresh or known, key=lambda one: _rank(chat_id, day, one.id))
    if keep:
        rows.note_topic(ctx.db, chat_id, day, topic.id)
    return Picked(topic, _why(mix, bool(among), bool(fresh), ctx))


def _why(mix: str, among: bool, fresh: bool, ctx: Ctx) -> str:
    s = ctx.settings.group_sop
    if among:
        share = 100 * s.topic_mix.get(mix, 0) // max(1, sum(s.topic_mix.values()))
        return f"今天轮到{mix}类（占{share}%），{s.topic_days}天内没在本群用过"
    return f"{mix}类{s.topic_days}天内都用过了，换一类" if fresh else "话题都用过一轮，从头再来"


def mix_of(chat_id: str, day: date, ctx: Ctx) -> str:
    """Which kind is due: over a few weeks each group comes to the shares of the settings."""
    shares = [(name, ctx.settings.group_sop.topic_mix.get(name, 0)) for name in MIX]
    total = sum(n for _, n in shares) or 1
    spot = (_rank(chat_id) / 2**32 + day.toordinal() * GOLDEN) % 1.0 * total
    for name, n in shares:
        spot -= n
        if spot < 0:
            return name
    return shares[0][0]


def _rank(chat_id: str, *more: object) -> int:
    """Chance that is the same each time."""
    words = "/".join(map(str, (chat_id, *more)))
    return int.from_bytes(hashlib.blake2s(words.encode(), digest_size=4).digest(), "big")


def yesterday(chat_id: str, day: date, ctx: Ctx) -> str:
    """The title of the last topic within a week, for 昨日话题."""
    had = rows.had(ctx.db, chat_id, day - timedelta(days=7))
    before: Sequence[str] = sorted(on for on in had if on < day.isoformat())
    known = {one.id: one.title for one in everything(ctx)} if before else {}
    return known.get(had[before[-1]], "") if before else ""
