"""What people say to the aibot: check-in and games in internal groups, questions in private."""

import re
from collections.abc import Callable, Iterator
from itertools import chain

from handlers import (
    checkins,
    commands,
    draws,
    pick,
    preferences,
    prizes,
    rankings,
    suggest,
    together,
    training,
    watch_ears,
)
from handlers.context import Ctx
from handlers.games import control, host, seat
from handlers.games.found import GAMES
from handlers.games.seat import Said, Seat
from handlers.router import Router, on
from handlers.values import Action, Answer, Inbound, Send

HELP = (
    "我会：签到｜今天想说 …｜签到日历｜答题｜成语接龙｜猜价格｜谜语（发 游戏 看全部）｜我的积分"
    "｜排行榜｜奖品｜兑换 1｜抽奖｜不参加。@我 加上这些词就行。"
)
LOST = "没看懂。" + HELP
WELCOME = "你好，我是小福。私聊我可以查话术，例如：冬天续航怎么答；在群里 @我 可以签到、答题。"

POINTING = 8  # characters; such short words only point at what is quoted

Say = Callable[[re.Match[str], Seat, Ctx], Said | None]


def _number(_: re.Match[str], who: Seat, ctx: Ctx) -> Said:
    """For the operator, who writes it into the configuration."""
    return Said(f"这个群的群号是 {who.chat}")


def _help(_: re.Match[str], who: Seat, ctx: Ctx) -> Said:
    return Said(HELP)


def _gather(match: re.Match[str], who: Seat, ctx: Ctx) -> Said | None:
    found = started(match["rest"])
    return control.gather(*found, who, ctx) if found else control.menu(who, ctx)


def _drill(who: Seat, ctx: Ctx) -> Said | None:
    """A question of the drill for everybody in an internal group; elsewhere no word of ours."""
    lent = training.lent(who.chat, ctx)
    return host.start("答题", "", who, lent) if lent else None


def started(words: str) -> tuple[str, str] | None:
    """The game that these words start, and what they say of it; None for other words."""
    for game in GAMES.values():
        for name in (game.name, *game.starts):
            if words.rstrip("!！。~ ") == name:
                return game.name, ""
            rest = words.removeprefix(name)
            if game.subject and rest != words and rest[:1] in " ：:\n　":
                return game.name, rest.strip(" ：:\n　")
    return None


SAYINGS: tuple[tuple[re.Pattern[str], Say], ...] = tuple(
    (re.compile(pattern, re.S), say)
    for pattern, say in (
        (
            r"^(?:签到|打卡|我来签到|早安打卡)[!！。~]*$",
            lambda _, s, c: checkins.check_in(s, "", c),
        ),
        (
            r"^(?:(?:签到|打卡)[\s:：，,]+)?(?:今天|今日)?我?想说\s*+[:：，,]?\s*+(?P<words>\S.*)$",
            lambda m, s, c: checkins.check_in(s, m["words"], c),
        ),
        (r"^补签(?:\s*(?P<day>\S.*))?$", lambda m, s, c: checkins.make_up(s, m["day"] or "", c)),
        (r"^(?:签到|打卡)日历$", lambda _, s, c: checkins.calendar(s, c)),
        (r"^(?:我的)?徽章$", lambda _, s, c: checkins.badges(s, c)),
        (
            r"^(?:排行榜|排名|积分榜|我排第几|我第几名?|谁第一)[？?]?$",
            lambda _, s, c: checkins.board(s, c),
        ),
        (
            r"^(?:新人榜|新人排行榜?|新人排名)$",
            lambda _, s, c: rankings.shown(rankings.NEWCOMERS, s, c),
        ),
        (
            r"^(?:活跃榜|本周排行榜?|周榜)$",
            lambda _, s, c: rankings.shown(rankings.EVERYBODY, s, c),
        ),
        (r"^(?:练话术|练习|话术练习)$", lambda _, s, c: _drill(s, c)),
        (r"^(?:共同目标|目标|目标进度)$", lambda _, s, c: together.shown(s, c)),
        (
            r"^(?P<words>退订|TD|td|不再接收|别发了|不要打扰)$",
            lambda m, s, c: preferences.withdraw(m["words"], s, c),
        ),
        (
            r"^(?:我的积分|积分|我的签到|我的打卡|我的等级|我?有?(?:多少|几)(?:积)?分了?)[？?]?$",
            lambda _, s, c: checkins.mine(s, c),
        ),
        (r"^积分明细$", lambda _, s, c: checkins.history(s, c)),
        (
            r"^(?:奖品|奖品列表|兑换|礼品|怎么(?:兑换|换)|(?:积分)?能?换(?:什么|啥))[？?]?$",
            lambda _, s, c: prizes.listed(s, c),
        ),
        (r"^兑换\s*(?P<n>\d{1,3})$", lambda m, s, c: prizes.exchange(int(m["n"]), s, c)),
        (r"^我的(?:奖品|兑换)$", lambda _, s, c: prizes.mine(s, c)),
        (
            r"^(?:退回|取消兑换)\s*(?P<code>\w{4,12})$",
            lambda m, s, c: prizes.give_back(m["code"], s, c),
        ),
        (r"^(?:抽奖|抽奖活动)$", lambda _, s, c: draws.shown(s, c)),
        (r"^(?:参加抽奖|我要抽奖)$", lambda _, s, c: draws.enter(s, c)),
        (r"^(?:中奖名单|开奖结果)$", lambda _, s, c: draws.results(s, c)),
        (
            r"^(?:今天)?(?:游戏|玩游戏|玩什么|玩啥|玩点啥|有什么游戏|有啥玩的)[？?]?$",
            lambda _, s, c: control.menu(s, c),
        ),
        (r"^组局\s*(?P<rest>.*)$", _gather),
        (r"^(?:报名|我来|我要?参加)$", lambda _, s, c: control.join(s, c)),
        (r"^(?:加入|加入游戏)$", lambda _, s, c: control.come_in(s, c)),
        (r"^(?:开始|开局|开始游戏)$", lambda _, s, c: control.begin(s, c)),
        (
            r"^(?:暂停|游戏暂停)(?:游戏|\s*(?P<game>\S+))?$",
            lambda m, s, c: control.pause(m["game"] or "", s, c),
        ),
        (
            r"^(?:继续|游戏继续)(?:游戏|\s*(?P<game>\S+))?$",
            lambda m, s, c: control.resume(m["game"] or "", s, c),
        ),
        (
            r"^(?:结束|游戏结束)(?:游戏|\s*(?P<game>\S+))?$",
            lambda m, s, c: control.stop(m["game"] or "", s, c),
        ),
        (r"^(?:提示|给个提示|提示一下)[!！。]*$", lambda _, s, c: control.hint(s, c)),
        (r"^(?:不参加|不参加游戏|我不参加|退出游戏)$", lambda _, s, c: control.sit_out(s, c)),
        (r"^(?:参加|参加游戏|恢复参加)$", lambda _, s, c: control.come_back(s, c)),
        (r"^(?:群号|这个群的群号)$", _number),
        (r"^(?:帮助|help|\?|？)?$", _help),
        (r"^(?:在吗|在不在|你好|您好|hi|hello)[？?！!。~～]*$", _help),
        (r"^(?:谢谢|多谢|谢啦|辛苦了)[！!。~～]*$", lambda _, s, c: Said("不客气，常来玩。")),
    )
)


def said(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    words = msg.text.strip()
    if not msg.chat:
        return private(words, msg, ctx)
    found = heard(words, seat.of(msg, ctx), ctx)
    return chain(_tell(found or Said(LOST)), () if found else watch_ears.inside(msg, ctx))


def heard(words: str, who: Seat, ctx: Ctx) -> Said | None:
    """What a group's member is answered on any stage; None when it is nothing for us."""
    for pattern, say in SAYINGS:
        match = pattern.match(words)
        if match and (found := say(match, who, ctx)):
            return found
    if found := host.move(who, words, ctx):
        return found
    if wanted := started(words):
        return host.start(*wanted, who, ctx)
    return host.late(who, words, ctx) or host.hanging(who, ctx)


def _tell(found: Said) -> Iterator[Action]:
    yield Answer(found.text)
    if found.report:
        yield Send(*found.report)


def private(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A question of an advisor in the single chat: the three best scripts as one answer."""
    if not commands.known(msg.sender, ctx):
        yield Answer(commands.STRANGER)
        return
    if not words or words in ("帮助", "help"):
        yield Answer(WELCOME)
        return
    words = _quoted(msg, words)
    reading = ctx.read(words)
    found = pick.find(words, reading, None, msg.sender, (), ctx)
    yield Answer("\n".join(suggest.listed(found, None, ctx)).strip())


def _quoted(msg: Inbound, words: str) -> str:
    """怎么回, said to a quoted message, asks about what is quoted."""
    quote = msg.fields.get("quote")
    text = quote.get("text") if isinstance(quote, dict) else None
    said = str(text.get("content") or "").strip() if isinstance(text, dict) else ""
    return said if said and len(words) <= POINTING else words


def entered(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Answer(WELCOME)


MEDIA = {"image": "图片", "file": "文件", "video": "视频"}


def unread(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Answer(f"{MEDIA.get(msg.kind, '这种消息')}我看不了，把客户的话打成文字发给我就行。")


router = Router(
    (
        (on("aibot", "text", "mixed", "voice"), said),
        (lambda m: m.channel == "aibot" and m.event == "enter_chat", entered),
        (lambda m: m.channel == "aibot" and m.kind not in ("event", "stream"), unread),
    )
)
