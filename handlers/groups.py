"""What people say to the aibot: check-in and games in internal groups, questions in private."""

import re
from collections.abc import Callable, Iterator

from handlers import checkins, commands, pick, suggest
from handlers.context import Ctx
from handlers.games import host
from handlers.router import Router, on
from handlers.values import Action, Answer, Inbound

HELP = "我会：签到｜答题｜我的积分｜排行榜。@我 加上这些词就行。"
LOST = "没看懂。" + HELP
WELCOME = "你好，我是小福。私聊我可以查话术，例如：冬天续航怎么答；在群里 @我 可以签到、答题。"

Say = Callable[[Inbound, Ctx], Iterator[Action]]


def _quiz(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    return host.start("答题", msg, ctx)


def _help(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Answer(HELP)


SAYINGS: tuple[tuple[re.Pattern[str], Say], ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (r"^(?:签到|打卡|我来签到|早安打卡)[!！。~]*$", checkins.check_in),
        (r"^(?:答题|来一题|出题|开始答题|再来一题)[!！。]*$", _quiz),
        (r"^(?:排行榜|排名|积分榜)$", checkins.board),
        (r"^(?:我的积分|积分|我的签到|我的打卡)$", checkins.mine),
        (r"^(?:帮助|help|\?|？)?$", _help),
    )
)


def said(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    words = msg.text.strip()
    if not msg.chat:
        return private(words, msg, ctx)
    for pattern, say in SAYINGS:
        if pattern.match(words):
            return say(msg, ctx)
    return host.move(msg, words, ctx) or iter([Answer(LOST)])


def private(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A question of an advisor in the single chat: the three best scripts as one answer."""
    if not commands.known(msg.sender, ctx):
        yield Answer(commands.STRANGER)
        return
    if not words or words in ("帮助", "help"):
        yield Answer(WELCOME)
        return
    reading = ctx.read(words)
    found = pick.find(words, reading, None, msg.sender, (), ctx)
    yield Answer("\n".join(suggest.listed(found, None, ctx)).strip())


def entered(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Answer(WELCOME)


router = Router(
    (
        (on("aibot", "text", "mixed", "voice"), said),
        (lambda m: m.channel == "aibot" and m.event == "enter_chat", entered),
    )
)
