"""两周: fourteen days of one group in the whole program, told day by day.

Fifty members tap on the group's page; the owner pastes what the plan lays before him; everything
else is done by the clock. The same seed tells the same story.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from bot.sandbox import demo
from bot.sandbox.crowd import CHAT, GROUP, OWNER, Crowd, Person
from bot.sandbox.player import shown
from bot.sandbox.stage import USUAL, Stage
from bot.sandbox.world import Impossible
from handlers import draws, lots
from handlers.context import Ctx
from handlers.games.found import GAMES
from handlers.groups import started
from handlers.words import short, weekday
from storage import checkins, groups, points
from storage import draws as drawn
from storage import prizes as shelf
from storage.db import Db
from storage.prizes import LIVE, Prize

T = TypeVar("T")
ZONE = demo.SETTINGS_ZONE
START = datetime(2026, 3, 9, 8, 30, tzinfo=ZONE)  # a Monday
DAYS = 14
MANAGER = "chen"
KNOCK = timedelta(minutes=30)  # rows know what is due, so a knock need not come every minute
# What is opened on which day beside the quiz; the owner opens those that last for days.
ROUNDS: Mapping[int, tuple[str, ...]] = MappingProxyType({
    1: ("猜价格",), 2: ("偏好题", "成语接龙"), 3: ("许愿池", "谜语"), 4: ("猜配置",),
    5: ("判断题",), 6: ("征集 我和爱车的春天", "成语接龙"), 7: ("偏好题", "盲盒话题"),
    8: ("投票 周末去哪 西湖 莫干山 千岛湖", "猜价格"), 9: ("猜词",), 10: ("看图猜车",),
    11: ("接龙 周末试驾日 10人 3月21日", "谜语"), 12: ("偏好题", "成语接龙"), 13: ("判断题",),
    14: ("猜配置",),
})  # fmt: skip
MORE = ("答题", "答题", "答题", "谜语", "谜语", "猜词", "猜词", "判断题")
PAID, WAVE, COMPLAINT, DRAW, SHOP = 5, 8, 10, 12, 6
PLAYING = 14  # members in a round
DRAWN = time(20, 30)
LINES, WIDE = 3, 90  # of a message that is told
ASIDE = ("【早报】", "【晚报】", "【周报】", "张伟，早上好", "好，记下了")
NAMES: Mapping[str, str] = MappingProxyType({OWNER: "张伟", MANAGER: "陈静"})
COMPLAINTS = ("车机又卡死了，导航半天出不来", "我的车机也卡，升级完更卡了", "车机太卡了，真闹心")
PRIZES = (("p1", "钥匙扣", 8, 12, 39), ("p2", "车模", 25, 3, 199))
RULES = {"spoke": True, "once": True, "weights": draws.WEIGHED, "joined_before": ""}


@dataclass
class Fortnight:
    stage: Stage
    crowd: Crowd
    seen: int = 0
    draw: str = ""

    async def told(self) -> AsyncIterator[str]:
        """Line by line, while it is lived through."""
        await self.crowd.gather()
        await self._decide(_shelved)
        yield f"# {GROUP}的两周，种子{self.crowd.seed}"
        for number in range(1, DAYS + 1):
            day = (START + timedelta(days=number - 1)).date()
            yield f"\n## 第{number}天 {day.month}月{day.day}日 {weekday(day)}"
            for hour, beat in BEATS:
                await self.stage.move(datetime.combine(day, hour, tzinfo=ZONE), KNOCK)
                before = self._fresh()
                for line in [*before, *await beat(self, number), *self._fresh()]:
                    yield line
        yield "\n## 两周以后"
        for line in await self._weighed():
            yield line

    # What everybody receives

    def _fresh(self) -> list[str]:
        """What the owner and the manager were sent meanwhile; the digests are another story."""
        found = self.stage.pretend.received(self.seen)
        self.seen = found[-1]["n"] if found else self.seen
        return [_told(one, self.stage.url) for one in found
                if one["to"] in (OWNER, MANAGER) and not _aside(one)]  # fmt: skip

    async def _says(self, who: str, words: str) -> list[str]:
        await self.stage.say("app", who, words)
        await self.stage.running.app.idle()
        return [f"  {NAMES[who]}：{words}", *self._fresh()]

    async def _taps(self, who: str, button: str) -> list[str]:
        await self.stage.tap(who, button)
        await self.stage.running.app.idle()
        return [f"  {NAMES[who]}点了“{button}”", *self._fresh()]

    async def _decide(self, act: Callable[[Ctx], T]) -> T:
        """As a command of the terminal does."""
        cause = f"fortnight:{self.stage.clock.now().isoformat()}"
        return await self.stage.running.app.decide(cause, lambda ctx: (act(ctx), ()))

    # A day

    async def morning(self, number: int) -> list[str]:
        return await MORNINGS[number](self) if number in MORNINGS else []

    async def greeted(self, _: int) -> list[str]:
        """The owner has seen to what the watch told of this morning."""
        with suppress(Impossible):
            return await self._taps(OWNER, "已解决")
        return []

    async def posted(self, _: int) -> list[str]:
        """The owner has pasted what was laid before him today."""
        with suppress(Impossible):  # nothing was, or it has been answered
            return await self._taps(OWNER, "已发")
        return []

    async def checked_in(self, _: int) -> list[str]:
        came = await self.crowd.check_in()
        today = self.stage.clock.now().astimezone(ZONE).date()
        runs = await self.crowd.read(lambda db: {one.name: _streak(db, one, today) for one in came})
        best = max(runs, key=lambda name: runs[name], default="")
        return [f"  签到 {len(came)}/{len(self.crowd.members)}人，{best}连续{runs.get(best, 0)}天"]

    async def afternoon(self, number: int) -> list[str]:
        if number == COMPLAINT:
            return await self._complained()
        open_ = await self.crowd.read(lambda db: drawn.of_chat(db, CHAT, drawn.OPEN))
        return await self._entered() if open_ else []

    async def quiz(self, number: int) -> list[str]:
        """One is told of; in the week of the quiz there are more of them."""
        told = await self._round("答题")
        more = [await self._round(words) for words in (MORE if number <= WAVE else ())]
        right = sum("🎉" in line for lines in more for line in lines)
        return [*told, *([f"    又开了{len(more)}题，答对{right}题"] if more else [])]

    async def rounds(self, number: int) -> list[str]:
        return [line for words in ROUNDS[number] for line in await self._round(words)]

    async def _round(self, words: str) -> list[str]:
        """Opened by somebody, played by some; what lasts for days stays open."""
        game = (started(words) or (words, ""))[0]
        starter = OWNER if GAMES[game].aside else self.crowd.rng.choice(self.crowd.members).id
        opened = await self.crowd.says(starter, words)
        told = await self.crowd.answer(game, PLAYING)
        won = [one for one in told if "🎉" in one]
        ended = "" if GAMES[game].aside or won else await self.crowd.says(OWNER, "结束")
        said = (won or ([ended] if ended else told))[-1:]
        return [f"  {short(opened, 70)}", f"    {len(told)}人次。{short(''.join(said), 90)}"]

    async def evening(self, number: int) -> list[str]:
        if number < SHOP:
            return []
        said = [await self.crowd.says(one.id, f"兑换 {self.crowd.rng.randint(1, 2)}")
                for one in self.crowd.rng.sample(self.crowd.members, 4)]  # fmt: skip
        return [f"  {short(one, 60)}" for one in said if "领取码" in one]

    # Days that are not like the others

    async def _begun(self) -> list[str]:
        return [
            *await self._says(MANAGER, "社群计划 开始 新人两周 今天"),
            *await self._taps(MANAGER, "开始"),
            *await self._says(OWNER, f"活动 新建 答题周 {GROUP}"),
            *await self._taps(OWNER, "开始"),
        ]

    async def _paid(self) -> list[str]:
        return await self._says(OWNER, "活动花费 答题周 380元 车模和横幅")

    async def _arrived(self) -> list[str]:
        fresh = await self.crowd.arrive()
        names = "、".join(one.name for one in fresh[:4])
        return [f"  {len(fresh)}位新人被朋友拉进群：{names}等，群里现在{len(self.crowd.members)}人"]

    async def _complained(self) -> list[str]:
        """Three of them within minutes, where the archive lets the program read it."""
        self.stage.archive, lines = True, []
        for person, words in zip(self.crowd.members[3:], COMPLAINTS, strict=False):
            await self.stage.say_private(person.id, CHAT, words)
            await self.stage.running.app.idle()
            lines += [f"  群里 {person.name}：{words}", *self._fresh()]
            self.stage.clock.add(timedelta(minutes=2))
        return [*lines, *await self._taps(OWNER, "已解决")]

    async def _promised(self) -> list[str]:
        closes = datetime.combine((START + timedelta(days=DAYS - 1)).date(), DRAWN, tzinfo=ZONE)
        given = [draws.prize_of("保温杯 5份 59元")]

        def act(ctx: Ctx) -> tuple[str, str]:
            found = draws.new(CHAT, "两周抽奖", given, RULES, closes, OWNER, ctx)
            return found.id, draws.announcement(found, ctx)

        self.draw, said = await self._decide(act)
        return [f"  {line}" for line in said.splitlines()]

    async def _entered(self) -> list[str]:
        """One after the other; who has entered before has their number already."""
        some = self.crowd.rng.sample(self.crowd.members, 20)
        said = [await self.crowd.says(one.id, "参加抽奖") for one in some]
        return [f"  {len(some)}人点了“参加抽奖”：{short(said[0], 60)}"]

    # What came of it

    async def _weighed(self) -> list[str]:
        record = await self._decide(self._record)
        wrong = list(lots.complaints(json.loads(json.dumps(record))))
        return [
            *await self._says(MANAGER, "活动 效果"),
            *await self.crowd.read(_liked), *await self.crowd.read(_board),
            f"  抽奖{len(record['entries'])}人报名，"
            f"按公布的算法重算：{'；'.join(wrong) or '对得上'}",
            f"  {self.crowd.taps}次点击里有{self.crowd.again}次重复送达，"
            f"多记的分：{len(self.crowd.odd)}",
        ]  # fmt: skip

    def _record(self, ctx: Ctx) -> dict[str, Any]:
        found = drawn.get(ctx.db, self.draw)
        return draws.export(found, ctx) if found else {}


def _told(item: Mapping[str, Any], url: str) -> str:
    """The first lines of it; a reader of the story need not read every text to its end."""
    text = shown(item).removeprefix(f"-> {item['to']}: ").replace(url, USUAL)
    rows = [short(line.partition("也可以回复序号")[0], WIDE)
            for line in text.splitlines() if line.strip()]  # fmt: skip
    more = ["…"] if len(rows) > LINES else []
    return "\n    ".join([f"  → {NAMES[str(item['to'])]}：{rows[0]}", *rows[1:LINES], *more])


def _aside(item: Mapping[str, Any]) -> bool:
    return item["type"] == "image" or str(item.get("text") or "").startswith(ASIDE)


def _shelved(ctx: Ctx) -> None:
    for key, name, cost, stock, worth in PRIZES:
        shelf.add(ctx.db, Prize(key, name, cost, stock, worth, "自提", "", 2, "", None, LIVE,
                                ctx.now))  # fmt: skip


def _streak(db: Db, person: Person, today: date) -> int:
    return checkins.streak(checkins.days(db, CHAT, person.id), today)


def _liked(db: Db) -> list[str]:
    """What the questions without a right answer have told."""
    sql = """select code, count(*) as n from tags where kind = 'preference'
        group by code order by n desc, code limit 8"""
    found = [f"{row['code']}{row['n']}位" for row in db.rows(sql)]
    return [f"  偏好题打的标签：{'、'.join(found)}"]


def _board(db: Db) -> list[str]:
    names = groups.members(db, CHAT)
    top = [f"{names[r['member']]['name']}{r['points']}分" for r in points.board(db, CHAT, 5)]
    return [f"  积分前五：{'、'.join(top)}"]


Beat = Callable[[Fortnight, int], Awaitable[list[str]]]
BEATS: tuple[tuple[time, Beat], ...] = (
    (time(9, 40), Fortnight.morning), (time(10, 20), Fortnight.greeted),
    (time(11, 0), Fortnight.posted),
    (time(12, 30), Fortnight.checked_in), (time(15, 10), Fortnight.afternoon),
    (time(16, 0), Fortnight.quiz), (time(18, 45), Fortnight.posted),
    (time(20, 0), Fortnight.rounds), (time(21, 30), Fortnight.evening),
)  # fmt: skip
MORNINGS: Mapping[int, Callable[[Fortnight], Awaitable[list[str]]]] = MappingProxyType({
    1: Fortnight._begun, PAID: Fortnight._paid, WAVE: Fortnight._arrived, DRAW: Fortnight._promised,
})  # fmt: skip
