"""共同目标: what a group reaches together and unlocks once; and points for bringing a friend."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta

from handlers import draws, earning, h5_links, reach, whens
from handlers.context import Ctx
from handlers.games.seat import ALONE, Said, Seat
from handlers.values import Action, Inbound, Send
from handlers.words import exactly
from storage import draws as drawn
from storage import games, groups, points, together
from storage.db import Row, at
from storage.together import MISSED, OPEN, REACHED, STOPPED, Goal

RIGHT, CHECKIN, PLAY, INVITE = "答对", "签到", "参加", "邀请"
UNITS = {RIGHT: "题", CHECKIN: "次", PLAY: "人次", INVITE: "人"}
HOW = {
    RIGHT: "答对一题算一题，发 答题 开始；不想算进去说 不参加。",
    CHECKIN: "每天签到一次算一次，发 签到；不想算进去说 不参加。",
    PLAY: "玩任何一个游戏都算，发 游戏 看能玩什么；不想算进去说 不参加。",
    INVITE: "邀请朋友进群，每位算一位；不想算进去说 不参加。",
}
SOURCE, BACK = "共同目标", "邀请收回"
END = time(21, 0)
BAR = 10
USAGE = (
    "写法：共同目标 群名 答对50题 奖励 每人10分，或者：共同目标 群名 签到100次 到周日 奖励 抽奖 "
    "车模 3份 199元。能数的有：答对、签到、参加、邀请。"
)
PATTERN = (
    r"^共同目标\s+(?P<group>\S{1,30})\s+(?P<counts>答对|签到|参加|邀请)\s*(?P<n>\d{1,5})"
    r"\s*(?:题|次|人次|人|局|位)?(?:\s+(?:截止|到)\s*(?P<until>\S{1,16}))?"
    r"\s+奖励\s*(?P<reward>\S.{0,80})$"
)
_POINTS = re.compile(r"^(?:每人)?\s*(?P<n>\d{1,4})\s*(?:积)?分$")
_DRAW = re.compile(r"^抽奖\s*(?P<prize>\S.*)$")


# Setting a goal


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """By the group's owner, the manager of its store, or who runs groups there."""
    rooms = h5_links.mine(match["group"], msg.sender, ctx)
    if len(rooms) != 1:
        yield Send(msg.sender, _which(match["group"], rooms))
        return
    try:
        found = _goal(match, rooms[0], msg.sender, ctx)
    except draws.Unlawful as wrong:
        yield Send(msg.sender, f"{wrong}。")
        return
    together.begin(ctx.db, found)
    yield Send(msg.sender, f"共同目标开始了，下面的话可以贴到{rooms[0]['name']}：")
    yield Send(msg.sender, told(found, ctx))


def usage(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """共同目标 alone: those that are open in one's own groups, and how to set one."""
    rooms = h5_links.mine("", msg.sender, ctx)
    open_ = [g for room in rooms for g in together.of_chat(ctx.db, room["chat_id"], OPEN)]
    lines = [f"{_room(g, ctx)}：{progress(g, ctx)}" for g in open_[:8]]
    yield Send(msg.sender, "\n".join([*(lines or ["现在没有进行中的共同目标。"]), USAGE]))


def stop(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """取消共同目标 群名: the newest one that is open."""
    rooms = h5_links.mine(match["group"], msg.sender, ctx)
    found = [g for room in rooms for g in together.of_chat(ctx.db, room["chat_id"], OPEN)]
    if len(rooms) != 1 or not found:
        none = f"{rooms[0]['name']}没有进行中的共同目标。" if len(rooms) == 1 else ""
        yield Send(msg.sender, none or _which(match["group"], rooms))
    elif together.end(ctx.db, found[0].id, STOPPED, ctx.now):
        yield Send(msg.sender, f"“{found[0].title}”取消了，已经得的积分不变。")


def _which(name: str, rooms: list[Row]) -> str:
    if not rooms:
        return f"没有叫“{name}”的、由您管的群。群主、本店经理和社群运营可以设共同目标。"
    names = "、".join(room["name"] for room in rooms[:6])
    return f"有{len(rooms)}个群名字里有“{name}”：{names}。请写全名。"


def _goal(match: re.Match[str], room: Row, by: str, ctx: Ctx) -> Goal:
    counts, target = match["counts"], int(match["n"])
    if not target:
        raise draws.Unlawful("目标至少是1")
    until = _until(match["until"] or "", ctx)
    reward = _reward(match["reward"].strip(), until, ctx)
    title = f"{counts}{target}{UNITS[counts]}"
    return Goal(ctx.new_id(), room["chat_id"], title, counts, target, reward, OPEN, by, ctx.now,
                until)  # fmt: skip


def _until(words: str, ctx: Ctx) -> datetime:
    """The evening of the day that is named; so many days from now where none is."""
    day = ctx.today + timedelta(days=ctx.settings.together.days)
    if words:
        said = whens.said(words, ctx)
        if said is None:
            raise draws.Unlawful(f"没看懂截止的日子“{words}”，写 周日 或 3月14日 这样")
        day = said.astimezone(ctx.zone).date()
    return ctx.on(day, END)


def _reward(words: str, until: datetime, ctx: Ctx) -> dict[str, object]:
    """Points for everybody who helped, or a draw that is checked now and opened then."""
    if match := _POINTS.match(words):
        return {"points": int(match["n"])}
    if match := _DRAW.match(words):
        given = [draws.prize_of(one) for one in re.split(r"[;；]", match["prize"]) if one.strip()]
        closes = until + timedelta(days=ctx.settings.together.draw_days)
        draws.lawful(given, closes, ctx)
        return {"draw": given}
    raise draws.Unlawful("奖励写 每人10分，或者 抽奖 车模 3份 199元")


# Coming nearer


def note(seat: Seat, counts: str, key: str, ctx: Ctx) -> str:
    """A member has done something that counts; returns what the group hears of it, mostly "".

    Whoever left the games helps no goal, and the same message counts once.
    """
    if seat.chat.startswith(ALONE) or games.out(ctx.db, seat.player):
        return ""
    said = []
    for found in together.of_chat(ctx.db, seat.chat, OPEN):
        if found.counts != counts or found.until <= ctx.now or not together.hold(ctx.db, found.id):
            continue
        if together.add(ctx.db, found.id, _hash(key), seat.player, ctx.now):
            said.append(_nearer(found, ctx))
    return "\n".join(filter(None, said))


def _hash(key: str) -> str:
    """Keys may hold a member's id, which a forgotten member must not leave behind."""
    return hashlib.sha256(key.encode()).hexdigest()[:24]


def _nearer(found: Goal, ctx: Ctx) -> str:
    done = together.done(ctx.db, found.id)
    if done >= found.target:
        return _unlock(found, ctx)
    half = done * 2 >= found.target > (done - 1) * 2
    return progress(found, ctx) if half or found.target - done <= 3 else ""


def _unlock(found: Goal, ctx: Ctx) -> str:
    """Whoever closes it gives the reward; everybody else comes too late to."""
    if not together.end(ctx.db, found.id, REACHED, ctx.now):
        return ""
    head = f"🎉 共同目标达成：{found.title}！"
    if "points" in found.reward:
        n = _share_out(found, int(found.reward["points"]), ctx)
        return f"{head}出过力的{n}位每人{found.reward['points']}分，已经记上了。"
    return f"{head}抽奖解锁了。\n{_draw(found, ctx)}"


def _draw(found: Goal, ctx: Ctx) -> str:
    """The announcement of the draw; why there is none, where a rule was made stricter since."""
    closes = ctx.now + timedelta(days=ctx.settings.together.draw_days)
    rules = {"joined_before": ctx.now.isoformat(), "spoke": True, "once": True, "weights": ""}
    try:
        opened = draws.new(found.chat_id, found.title, found.reward["draw"], rules, closes,
                           found.by_whom, ctx)  # fmt: skip
    except draws.Unlawful as wrong:
        return f"抽奖没有开成：{wrong}，请群主换奖品。"
    return draws.announcement(opened, ctx)


def _share_out(found: Goal, worth: int, ctx: Ctx) -> int:
    """To those who took part and are still there."""
    here = set(groups.inside(ctx.db, found.chat_id))
    took = [one for one in together.parts(ctx.db, found.id) if one in here]
    for member in took:
        earning.earn(found.chat_id, member, worth, SOURCE, f"goal:{found.id}:{_hash(member)}", ctx)
    return len(took)


# Telling


def progress(found: Goal, ctx: Ctx) -> str:
    """答对50题 ▓▓▓▓░░░░░░ 21/50，还差29题."""
    done = min(together.done(ctx.db, found.id), found.target)
    full = BAR * done // found.target
    left = found.target - done
    return (f"{found.title} {'▓' * full}{'░' * (BAR - full)} {done}/{found.target}，"
            f"还差{left}{UNITS[found.counts]}")  # fmt: skip


def told(found: Goal, ctx: Ctx) -> str:
    """For the group, with all conditions."""
    until = exactly(found.until.astimezone(ctx.zone))
    return "\n".join([f"🎯 共同目标：{progress(found, ctx)}", f"截止：{until}",
                      f"达成后：{reward(found)}", HOW[found.counts]])  # fmt: skip


def reward(found: Goal) -> str:
    if "points" in found.reward:
        return f"出过力的每人{found.reward['points']}分"
    kinds = "、".join(
        f"{p['name']}{p['count']}份（价值{p['worth']}元）" for p in found.reward["draw"]
    )
    return f"解锁抽奖：{kinds}"


def shown(seat: Seat, ctx: Ctx) -> Said:
    """共同目标, said in a group."""
    found = together.of_chat(ctx.db, seat.chat, OPEN)
    if not found:
        return Said("现在没有共同目标，可以请群主开一个。")
    mine = [together.parts(ctx.db, g.id).get(seat.player, 0) for g in found]
    return Said("\n\n".join(f"{told(g, ctx)}\n您出了{n}份力。"
                             for g, n in zip(found, mine, strict=True)))  # fmt: skip


def tick(ctx: Ctx) -> Iterator[Action]:
    """What was reached is told to whoever set it; what was not is closed with thanks."""
    for found in together.untold(ctx.db):
        if together.tell(ctx.db, found.id, ctx.now):
            yield from _reached(found, ctx)
    for found in together.due(ctx.db, ctx.now):
        done = together.done(ctx.db, found.id)
        if not together.end(ctx.db, found.id, MISSED, ctx.now):
            continue
        unit = UNITS[found.counts]
        words = (f"共同目标“{found.title}”到时间了，大家一起做到了{done}{unit}，"
                 f"就差{found.target - done}{unit}，谢谢每一位！下次再来。")  # fmt: skip
        yield Send(found.by_whom, f"{_room(found, ctx)}：{words}")
        yield from reach.tell(found.chat_id, words, ctx)


def _reached(found: Goal, ctx: Ctx) -> Iterator[Action]:
    opened = drawn.of_chat(ctx.db, found.chat_id, drawn.OPEN) if "draw" in found.reward else []
    more = [draws.announcement(d, ctx) for d in opened if d.title == found.title]
    words = "\n".join([f"🎉 共同目标达成：{found.title}！{reward(found)}。", *more])
    yield Send(found.by_whom, f"{_room(found, ctx)}的共同目标达成了，下面的话可以贴到群里：")
    yield Send(found.by_whom, words)
    yield from reach.tell(found.chat_id, words, ctx)


def _room(found: Goal, ctx: Ctx) -> str:
    room = groups.get(ctx.db, found.chat_id)
    return str(room["name"]) if room else "您的群"


# Bringing a friend


def invited(chat: str, inviter: str, friend: str, joined: datetime, ctx: Ctx) -> None:
    """Points for whoever brought somebody in, once for each friend, wherever they come again."""
    worth = ctx.settings.together.invite_points
    fresh = ctx.now - joined < timedelta(days=1)  # a list read for the first time tells old news
    if not inviter or inviter == friend or not fresh or ctx.team.known(inviter):
        return
    if games.out(ctx.db, inviter) or inviter not in groups.inside(ctx.db, chat):
        return
    earning.earn(chat, inviter, worth, INVITE, _invitation(friend), ctx)
    note(Seat(chat, inviter, "", _invitation(friend)), INVITE, _invitation(friend), ctx)


def _invitation(friend: str) -> str:
    return f"invite:{_hash(friend)}"


def left(chat: str, friend: str, ctx: Ctx) -> None:
    """Whoever leaves soon takes the points along, as far as they were not spent."""
    row = together.booked(ctx.db, _invitation(friend))
    within = timedelta(days=ctx.settings.together.invite_days)
    if row is None or row["chat_id"] != chat or ctx.now - at(row["at"]) >= within:
        return
    points.hold(ctx.db, chat, row["member"])
    held = min(int(row["delta"]), points.balance(ctx.db, chat, row["member"]))
    if held > 0:
        points.add(ctx.db, key=f"{_invitation(friend)}:back", chat_id=chat, member=row["member"],
                   delta=-held, reason=BACK, now=ctx.now)  # fmt: skip
