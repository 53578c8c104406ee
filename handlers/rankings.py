"""新人榜, 活跃榜: who has done most in a group this week, and why; with nicknames only."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from handlers import prizes
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.earning import business_day
from handlers.games.seat import Said, Seat, called
from handlers.values import Action, Send
from storage import archive, groups, h5, rankings, sop
from storage import prizes as stock
from storage.db import Row, at

NEWCOMERS, EVERYBODY = "新人榜", "活跃榜"
WEEK = timedelta(days=7)
SCAN = "rankings"
ROOMS = 50  # groups a minute on Monday morning
MEDALS = ("🥇", "🥈", "🥉")


@dataclass(frozen=True, slots=True)
class Score:
    """One member's week: the points, and what they are made of."""

    member: str
    name: str
    points: int
    said: int
    played: int
    checked: int
    invited: int

    @property
    def reasons(self) -> str:
        parts = (("发言", self.said), ("游戏", self.played), ("签到", self.checked),
                 ("邀请", self.invited))  # fmt: skip
        return "、".join(f"{word}{n}" for word, n in parts if n)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the board; `moved` is None for who was not on it the week before."""

    n: int
    score: Score
    moved: int | None
    behind: int  # points to the place above, 0 for the first


@dataclass(frozen=True, slots=True)
class Week:
    """From a Monday on; `last` is its last day that counts."""

    first: date
    last: date
    since: datetime
    until: datetime


def week(ctx: Ctx, back: int = 0) -> Week:
    """This week so far, or a whole one before it; days as they count for check-ins."""
    today = business_day(ctx)
    first = today - timedelta(days=today.weekday()) - back * WEEK
    last = first + timedelta(days=6) if back else today
    start = ctx.settings.checkins.day_starts
    since = ctx.on(first, start)
    return Week(first, last, since, ctx.on(last + timedelta(days=1), start))


# Counting


def board(chat: str, which: str, ctx: Ctx, back: int = 0) -> list[Place]:
    """Everybody with points, the best first; on a tie whoever came earlier."""
    now = _scores(chat, which, week(ctx, back), ctx)
    was = {one.member: n for n, one in
           enumerate(_scores(chat, which, week(ctx, back + 1), ctx), 1)}  # fmt: skip
    return [
        Place(n, one, was[one.member] - n if one.member in was else None,
              now[n - 2].points - one.points if n > 1 else 0)
        for n, one in enumerate(now, 1)
    ]  # fmt: skip


def _scores(chat: str, which: str, span: Week, ctx: Ctx) -> list[Score]:
    seats = [row for row in _seats(chat, ctx) if _counts(row, which, span, ctx)]
    if not seats:
        return []
    said = _said(chat, span, ctx)
    played = rankings.played(ctx.db, chat, span.since, span.until)
    checked = rankings.checked_in(ctx.db, chat, span.first, span.last)
    invited = rankings.invited(ctx.db, chat, span.since, span.until)
    found = [_score(row, (said.get(row["member"], 0), played.get(row["member"], 0),
                          checked.get(row["member"], 0), invited.get(row["member"], 0)), ctx)
             for row in seats]  # fmt: skip
    return sorted((one for one in found if one.points), key=lambda one: -one.points)


def _seats(chat: str, ctx: Ctx) -> list[Row]:
    room = groups.get(ctx.db, chat)
    internal = room is None or room["kind"] == INTERNAL
    rows = rankings.seats(ctx.db, chat, internal)
    return rows if internal else [row for row in rows if not ctx.team.known(row["member"])]


def _counts(row: Row, which: str, span: Week, ctx: Ctx) -> bool:
    """A newcomer of that week: so short a time ago at its end, or now while it lasts."""
    until = min(span.until, ctx.now)
    joined = at(row["joined_at"])
    young = until - timedelta(days=ctx.settings.rankings.newcomer_days)
    return joined < until and (which != NEWCOMERS or joined >= young)


def _said(chat: str, span: Week, ctx: Ctx) -> Counter[str]:
    """Messages that count: long enough, not said before in the week, so many a day."""
    s = ctx.settings.rankings
    heard, days = set[tuple[str, str]](), Counter[tuple[str, date]]()
    found = Counter[str]()
    for row in rankings.said(ctx.db, chat, span.since, span.until, archive.WORDLESS):
        words, member = "".join(str(row["text"]).split()), str(row["member"])
        day = (member, at(row["at"]).astimezone(ctx.zone).date())
        short = len(words) < s.message_least or len(set(words)) < 2  # 哈哈哈哈
        if short or (member, words) in heard or days[day] >= s.messages_per_day:
            continue
        heard.add((member, words))
        days[day] += 1
        found[member] += 1
    return found


def _score(row: Row, did: tuple[int, int, int, int], ctx: Ctx) -> Score:
    s = ctx.settings.rankings
    weights = (s.message, s.game, s.checkin, s.invited)
    points = sum(n * weight for n, weight in zip(did, weights, strict=True))
    return Score(row["member"], _nickname(row, ctx), points, *did)


def _nickname(row: Row, ctx: Ctx) -> str:
    """As the group calls them; never how an advisor notes them down."""
    name, member = str(row["name"]), str(row["member"])
    if ctx.team.known(member):
        return called(ctx.team.name(member))
    return called("" if h5.remarked(ctx.db, member, name) else name)


# Telling


def shown(which: str, seat: Seat, ctx: Ctx) -> Said:
    """新人榜 or 活跃榜, as the group reads it, and where one stands oneself."""
    places = board(seat.chat, which, ctx)
    if not places:
        return Said(_nobody(which, ctx))
    mine = next((one for one in places if one.score.member == seat.player), None)
    below = [own(mine, seat.name)] if mine else []
    return Said("\n".join([*_lines(which, places, week(ctx), ctx), *below]))


def _nobody(which: str, ctx: Ctx) -> str:
    who = f"进群{ctx.settings.rankings.newcomer_days}天内的新人" if which == NEWCOMERS else "大家"
    return f"这周还没有人上榜。{who}签到、玩游戏、邀请朋友都算分，发 签到 试试。"


def _lines(which: str, places: Sequence[Place], span: Week, ctx: Ctx) -> Iterator[str]:
    s = ctx.settings.rankings
    young = f"，进群{s.newcomer_days}天内" if which == NEWCOMERS else ""
    yield f"🌱 {which}（{_day(span.first)}到{_day(span.last)}{young}）"
    yield from (line(one) for one in places[: s.shown])
    yield (f"怎么算：发言{s.message}分（一天最多{s.messages_per_day}条）、游戏{s.game}分、"
           f"签到{s.checkin}分、邀请{s.invited}分。不想上榜说 不参加。")  # fmt: skip


def line(one: Place) -> str:
    """🥇 小雨 32分（发言8、签到5）↑2，再得3分到第1."""
    mark = MEDALS[one.n - 1] if one.n <= len(MEDALS) else f"{one.n}."
    return f"{mark} {one.score.name} {one.score.points}分（{one.score.reasons}）{moved(one)}"


def moved(one: Place) -> str:
    if one.moved is None:
        return "新上榜"
    return f"↑{one.moved}" if one.moved > 0 else f"↓{-one.moved}" if one.moved else "持平"


def own(one: Place, name: str) -> str:
    ahead = f"，再得{one.behind + 1}分就超过第{one.n - 1}名" if one.n > 1 else "，排在最前面"
    return f"{name}：第{one.n}名，{one.score.points}分{ahead}。"


def _day(day: date) -> str:
    return f"{day.month}月{day.day}日"


# The week's end


def tick(ctx: Ctx) -> Iterator[Action]:
    """On Monday morning each owner gets last week's board as a text to paste, some at a time."""
    due, behind = sop.scan(ctx.db, SCAN, _monday(ctx))
    if ctx.now < due:
        return
    rooms = rankings.rooms(ctx.db, behind, INTERNAL, ROOMS)
    more = len(rooms) == ROOMS
    sop.scanned(ctx.db, SCAN, ctx.now if more else _monday(ctx),
                rooms[-1]["chat_id"] if more else "")  # fmt: skip
    if business_day(ctx).weekday() == 0:  # after an outage nobody wants Monday's board on Thursday
        for room in rooms:
            yield from _closed(room, ctx)


def _monday(ctx: Ctx) -> datetime:
    """The next Monday's hour that is still ahead."""
    clock: time = ctx.settings.rankings.weekly_at
    day = ctx.today - timedelta(days=ctx.today.weekday())
    this = ctx.on(day, clock)
    return this if ctx.now < this else ctx.on(day + WEEK, clock)


def _closed(room: Row, ctx: Ctx) -> Iterator[Action]:
    chat, span = str(room["chat_id"]), week(ctx, 1)
    found = [(which, board(chat, which, ctx, 1)) for which in (NEWCOMERS, EVERYBODY)]
    texts = ["\n".join(_lines(which, places, span, ctx)) for which, places in found if places]
    if not texts or not ctx.team.known(room["owner"]):
        return
    won = list(_prizes(chat, found[0][1], span, ctx))
    yield Send(room["owner"], f"{room['name']}上周的榜单在下面，可以直接贴到群里。")
    yield Send(room["owner"], "\n\n".join(["\n".join([texts[0], *won]), *texts[1:]]))


def _prizes(chat: str, places: Sequence[Place], span: Week, ctx: Ctx) -> Iterator[str]:
    """Each place of a week brings its prize once, whoever counts again."""
    for one, prize in zip(places, ctx.settings.rankings.prizes, strict=False):
        key = f"rank:{chat}:{span.first}:{one.n}"
        if stock.by_id(ctx.db, key) is None:
            prizes.award(key, chat, one.score.member, prize, ctx)
        yield f"🎁 {one.score.name} 得到{prize}，说 我的奖品 看领取码。"
