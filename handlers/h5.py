"""What one does on the page of a customer group.

It is said in the words of the chat, so that a tap on the page and a word to the aibot are the
same thing to the games, the points and the prizes.
"""

import re
from dataclasses import replace

from handlers import groups as chat
from handlers import prizes, watch_ears
from handlers.context import Ctx
from handlers.games import alone, host
from handlers.games.found import GAMES
from handlers.games.seat import Said, Seat
from handlers.h5_guests import CHANNEL, Guest
from handlers.values import Action, Inbound, Send
from storage import games

LONGEST = 200  # characters that one can say at once
LOOKING = "您还不在这个群里，可以看，不能参加。进群之后再打开就行；刚进群的话，过一两分钟再试。"
STAFF = "您是员工，这里看到的是群成员的样子；可以开局、暂停、结束游戏，不签到、不得分。"
LOST = "没看懂。页面上有的都可以点；正在玩的游戏，直接写答案。"
_RUNS = re.compile(r"^(?:(?:暂停|继续|结束)(?:游戏|\s*\S+)?|组局.*)$")
# What the chat tells one to say, as it is done here; the longer ones first.
HERE = (
    ("@我 回复字母作答，每人一次机会。", "点选项作答，每人一次机会。"),
    ("@我 说 投 A 这样投票，一人一票，可以改。", "点选项投票，一人一票，可以改。"),
    ("@我 说 报名（带家人说 报名 2人）；来不了说 退出报名。", "带一位家人点“报名 2人”。"),
    ("@我 说 偏好题 A 这样选，可以改。", "点选项就行，可以改。"),
    ("@我 说 ", "写 "), ("@我 ", ""),
)  # fmt: skip
_SEND = re.compile(r"(?<=[。，先])发 (?=[一-鿿])")
_NOT_HERE = re.compile(r"^(?:群号|这个群的群号|帮助|help|\?|？|)$")


def say(words: str, found: Guest, once: str, ctx: Ctx) -> tuple[str, list[Action]]:
    """What the page answers, and what leaves because of it."""
    words = words.strip()[:LONGEST]
    said = _answered(words, found, once, ctx)
    asked, alarms = watch_ears.page(words, found, said.text == LOST, ctx)
    text = watch_ears.PASSED_ON if asked else plain(said.text)
    return text, [*([Send(*said.report)] if said.report else []), *alarms]


def _answered(words: str, found: Guest, once: str, ctx: Ctx) -> Said:
    if found.role == "looking":
        return Said(LOOKING)
    if found.role == "staff":
        return _hosted(words, found.seat(once), ctx)
    seat = found.seat(once)
    if _NOT_HERE.match(words):
        return Said(LOST)
    if (wanted := chat.started(words)) and GAMES[wanted[0]].aside:
        late = Said(f"{wanted[0]}没有开着；由群主或运营来开，开了就会出现在这里。")
        return host.move(seat, words, ctx) or _late(words, seat, ctx) or late
    return chat.heard(words, seat, ctx) or _late(words, seat, ctx) or Said(LOST)


def _hosted(words: str, seat: Seat, ctx: Ctx) -> Said:
    """Staff run the games of their group and take no part in them."""
    if chat.started(words) or _RUNS.match(words):
        return chat.heard(words, seat, ctx) or Said(LOST)
    return Said(STAFF)


def _late(words: str, seat: Seat, ctx: Ctx) -> Said | None:
    """An answer to a poll that has closed meanwhile names the poll."""
    name = next((name for name in GAMES if words.startswith(name)), "")
    return host.late(seat, words.removeprefix(name).strip(" ：:"), ctx) if name else None


def exchange(prize: str, found: Guest, once: str, ctx: Ctx) -> str:
    """By the prize and not by its place, which moves when another is withdrawn."""
    if found.role != "member":
        return LOOKING if found.role == "looking" else STAFF
    places = {one.id: n for n, one in enumerate(prizes.offered(found.chat, ctx), 1)}
    if prize not in places:
        return "这个奖品刚刚下架了，换一个看看。"
    return plain(prizes.exchange(places[prize], found.seat(once), ctx).text)


def alone_with(words: str, found: Guest, once: str, ctx: Ctx) -> Said:
    """A game by oneself, beside those of the group; the same as in 微信客服."""
    if found.role != "member":
        return Said(LOOKING if found.role == "looking" else STAFF)
    msg = Inbound(found.seat(once).key, CHANNEL, "text", found.member, ctx.now, words)
    said = alone.heard(words, msg, found.name, ctx)
    return replace(said, text=plain(said.text)) if said else Said(LOST)


def plain(text: str) -> str:
    """The chat's words for a page, where nobody is addressed."""
    for chat_says, page_says in HERE:
        text = text.replace(chat_says, page_says)
    return _SEND.sub("点 ", text)


def settled(found: Guest, ctx: Ctx) -> list[Action]:
    """Rounds whose time is up are ended by whoever looks, where no tick tells the group."""
    late = [r for r in games.shown(ctx.db, found.chat) if r.ends_at <= ctx.now]
    if not late:
        return []
    said, _ = host.settled(found.chat, ctx)
    return [Send(*said.report)] if said and said.report else []
