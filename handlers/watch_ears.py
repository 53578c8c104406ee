"""社群预警 where the archive does not reach: every other surface on which words come to us.

The platform lets no program hear a customer group. What is left: what members write on the
group's page, what the owner pastes, what is said to the aibot among staff, and private talk
(微信客服, words that an advisor pastes), which is counted for the store and not for a group.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence

from handlers import h5_links, paste, watch, watch_words
from handlers.context import Ctx
from handlers.h5_guests import Guest
from handlers.values import Action, Inbound, Send
from handlers.watch import INSIDE, PAGE, PASTED, UNANSWERED, Place, Sign, Word
from handlers.words import short
from nlp.reading import Reading
from storage import games, groups
from storage.customers import Customer
from storage.db import Row

LEAST = 6  # characters; what is shorter is a move of a game
HEARD = r"(?s)^群里(?:有人)?说\s*[:：]?\s*(?P<group>[^\s:：]{1,30})\s*[:：]?\s+(?P<talk>\S.*)$"
USAGE = r"^群里(?:有人)?说(?:\s+\S{1,30})?\s*$"
HOW = ("写法：第一行 群里说 群名，下面贴群里的聊天，一行一句，例如：\n群里说 S6看车群\n"
       "小满：车机又卡了\n大白：我的也卡")  # fmt: skip
NOTHING = "这段话里没有要预警的。听到的是：投诉、几个人抱怨同一件事、谣言、拉人、没人答的问题。"
PASSED_ON = "这个问题已经转给群主，TA会在群里回您。"
MOST = 60  # lines of one paste
NOBODY = "名单外的同事"


# On the group's page


def page(words: str, found: Guest, lost: bool, ctx: Ctx) -> tuple[bool, list[Action]]:
    """Whether it was a question for the owner, and what anybody must hear of these words."""
    if found.role != "member" or len(words) < LEAST or not ctx.settings.watch.on:
        return False, []
    if games.out(ctx.db, found.member):
        return False, []
    reading, place = ctx.read(words), watch.place_of(found.group, ctx)
    word = Word(found.member, found.name, words, ctx.now, PAGE)
    actions = list(watch.listen(word, reading, place, ctx))
    asked = lost and watch.question(reading)
    if asked:
        actions += _asked(word, reading, place, ctx)
    return asked, actions


def _asked(word: Word, reading: Reading, place: Place, ctx: Ctx) -> Iterator[Action]:
    """Nobody can answer on the page, so the owner hears of it in their shift, once a matter."""
    about = [c.code for c in reading.concerns] + [i.code for i in reading.intents]
    sign = Sign(UNANSWERED, f"{word.member}:{about[0]}", f"{word.name}问了一个问题",
                f"{word.name}：{watch.said_by(word)}", word.member, word.surface)  # fmt: skip
    return watch.alarm(sign, place, ctx)


# Among staff


def inside(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Words to the aibot that are no game and no command: rumours, and numbers let slip."""
    if not ctx.settings.watch.on:
        return
    room = groups.get(ctx.db, msg.chat)
    store = _store(msg.sender, room, ctx)
    place = Place(msg.chat, str(room["name"]) if room else "内部群", store,
                  _told(store, msg.sender, ctx))  # fmt: skip
    reading, (name, about) = ctx.read(msg.text), _speaker(msg.sender, ctx)
    evidence = f"{name}：{short(watch_words.masked(msg.text), 60)}"
    found = [*watch_words.slipped(msg.text, ctx),
             *watch_words.suspicious(msg.text, reading, ctx.settings)]  # fmt: skip
    for kind, topic, why in found:
        sign = Sign(kind, topic, f"{name}在内部群的话{why}", evidence, about, INSIDE)
        yield from watch.alarm(sign, place, ctx)


def _speaker(sender: str, ctx: Ctx) -> tuple[str, str]:
    """How they are called and kept: who is on no list is told apart, and not named."""
    if ctx.team.known(sender):
        return ctx.team.name(sender), ctx.team.userid(sender)
    return NOBODY, f"nick:{_apart(sender)}"


def _store(sender: str, room: Row | None, ctx: Ctx) -> str:
    """Of the speaker, or of the group; of a manager of several their first."""
    if advisor := ctx.team.advisor(sender):
        return advisor.store
    wide = ctx.team.manager(sender) or ctx.team.colleague(sender)
    return wide.stores[0] if wide and wide.stores else str(room["store"]) if room else ""


def _told(store: str, sender: str, ctx: Ctx) -> str:
    """Who is to look after it: the store's manager, and of a manager's own words somebody else."""
    above = [m.userid for m in ctx.team.managers.values() if store in m.stores and m.names]
    own = [m.userid for m in ctx.team.managers_of(store)]
    among = (*own, *above, *ctx.settings.access.operators)
    return next((one for one in among if one.lower() != sender.lower()), "")


def _apart(name: str) -> str:
    return hashlib.blake2s(name.encode(), digest_size=8).hexdigest()


# Between two people


def private(
    customer: Customer, words: str, reading: Reading, surface: str, ctx: Ctx
) -> Iterator[Action]:
    """Complaints are told to the advisor anyway; here it is what several say, and rumours."""
    if not ctx.settings.watch.on or not customer.store:
        return
    manager = ctx.team.head(customer.store)
    place = Place("", "", customer.store, manager)
    word = Word(customer.id, customer.name, words, ctx.now, surface)
    yield from watch.voices(word, reading, place, ctx)
    for kind, topic, why in watch_words.suspicious(words, reading, ctx.settings):
        if kind == watch.RUMOUR:
            sign = Sign(kind, f"{customer.store}:{topic}", f"{customer.name}{why}",
                        f"{customer.name}：{watch.said_by(word)}", customer.id,
                        surface)  # fmt: skip
            yield from watch.alarm(sign, place, ctx)


# Pasted out of a group


def pasted(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """群里说: what the owner copied out of the group, where no program can hear it."""
    rooms = h5_links.mine(match["group"], msg.sender, ctx)
    if len(rooms) != 1:
        yield Send(msg.sender, _which(match["group"], rooms))
        return
    lines = paste.lines(match["talk"])
    if not lines:
        yield Send(msg.sender, HOW)
        return
    alarms = [action for name, text in lines[:MOST]
              for action in _line(name, text, rooms[0], ctx)]  # fmt: skip
    more = f"只看了前{MOST}句。" if len(lines) > MOST else ""
    told = f"看了{min(len(lines), MOST)}句，要处理的在卡片里。" if alarms else NOTHING
    yield Send(msg.sender, f"{told}{more}")
    yield from alarms


def _which(name: str, rooms: Sequence[Row]) -> str:
    if not rooms:
        return f"没有叫“{name}”的、由您管的群。"
    return f"有{len(rooms)}个群名字里有“{name}”，请写全名：" + "、".join(
        str(room["name"]) for room in rooms[:6]
    )


def _line(name: str, text: str, room: Row, ctx: Ctx) -> Iterator[Action]:
    """Who is called so in the group, or somebody whom nobody knows; staff are not listened to."""
    here = {str(row["name"]): (member, row) for member, row in
            groups.members(ctx.db, room["chat_id"]).items()}  # fmt: skip
    member, row = here.get(name, (f"nick:{_apart(name)}", None))  # told apart, not named
    if (row and row["staff"]) or ctx.team.known(member):
        return
    reading = ctx.read(text)
    word = Word(member, name, text, ctx.now, PASTED)
    yield from watch.listen(word, reading, watch.place_of(room, ctx), ctx)


def usage(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Send(msg.sender, HOW)
