"""Fifty simulated members of one group: what they tap on its page, drawn from a seed."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import TypeVar

from bot.sandbox import demo
from bot.sandbox.stage import Stage
from bot.sandbox.world import Customer as Contact
from handlers import h5, h5_guests
from handlers.context import Ctx
from handlers.games.idioms import known
from handlers.h5_guests import CUSTOMER, MEMBER
from handlers.values import Action
from storage import customers, games, groups
from storage.customers import Customer
from storage.db import Db, Row
from storage.games import Round

T = TypeVar("T")
CHAT, GROUP, OWNER, STORE = "g50", "青屿周末看车群", "zhang", "bj-cy"
FIRST = 35  # are there when the fortnight begins; the others come later
BETWEEN = timedelta(seconds=7)  # from one tap to the next
TWICE = 0.1  # of what is tapped arrives a second time
NAMES = ("阿杰", "团团妈", "老周", "小鹿", "大白", "青柠", "山里人", "胖达", "苏苏", "跑山的老何",
         "豆包爸", "木木", "一杯美式", "北北", "阿May", "老司机张", "小满", "晚风", "四季豆",
         "江湖", "柚子", "阿城", "果果妈", "海盐", "鱼丸", "南山", "七七", "大橘", "小马", "云朵",
         "铁柱", "桃子", "冬冬", "安安", "麦兜", "听雨", "老陈", "米粒", "阿飞", "草莓", "长风",
         "笑笑", "石头", "兔兔", "土豆", "可乐", "静静", "阿宝", "星河", "布丁")  # fmt: skip
SENTENCES = ("今天想说 周末想带孩子去看看S6", "今天想说 昨天试驾回来还在回味",
             "今天想说 天气真好适合出门跑一圈")  # fmt: skip
LETTERS = ("A", "B", "C")
SAID: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "判断题": ("对", "错"), "投票": ("投 A", "投 B", "投 C"),
    "活动接龙": ("报名", "报名 2人", "退出报名", "报名"),
    "许愿池": ("许愿 多开几次试驾会", "许愿 车机出个宠物模式", "许愿 办一次亲子露营"),
    "征集": ("投稿 春天在方向盘后面等我", "投稿 第一次带爸妈上高速", "投稿 樱花落在引擎盖上"),
    "盲盒话题": ("我说 冬天先热车再上路", "我说 昨晚去密云，路上真安静", "我说 孩子上车就睡着了"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """How likely they come by on a day, and how much they know."""

    id: str
    name: str
    eager: float
    knows: float


@dataclass
class Crowd:
    """Counts on its own what everybody did, so that the store can be held against it."""

    stage: Stage
    seed: int
    taps: int = 0
    again: int = 0  # taps that arrived a second time
    odd: list[str] = field(default_factory=list)  # and what they changed, which is nothing
    days: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.people = [Person(f"m{n:02d}", name, self.rng.uniform(0.3, 0.95), self.rng.random())
                       for n, name in enumerate(NAMES)]  # fmt: skip
        self.members = self.people[:FIRST]

    async def gather(self) -> None:
        """The group as it is before the first day: some for months, most since last week."""
        contacts, now = self.stage.pretend.api.contacts, self.stage.clock.now()
        contacts.start_chat(CHAT, GROUP, OWNER)
        for person in self.people:
            contacts.add(OWNER, Contact(person.id, person.name), "")
        contacts.join(CHAT, [person.id for person in self.members])
        await self.stage.running.writer.do(lambda db: self._history(db, now))

    def _history(self, db: Db, now: datetime) -> None:
        groups.put(db, chat_id=CHAT, name=GROUP, kind="潜客", owner=OWNER, store=STORE,
                   now=now - timedelta(days=60))  # fmt: skip
        groups.join(db, CHAT, OWNER, "张伟", now - timedelta(days=60))
        db.run("update group_members set staff = 1 where member = :owner", owner=OWNER)
        for n, person in enumerate(self.members):
            came = now - timedelta(days=15 if n < 8 else 2, minutes=n)
            groups.join(db, CHAT, person.id, person.name, came)
            customers.add(db, Customer(id=person.id, name=person.name, store=STORE, owner=OWNER,
                                       added_at=came, model="S6"))  # fmt: skip
        groups.move(db, CHAT, "v2")

    async def arrive(self) -> list[Person]:
        """The others, brought by friends; the platform tells of it."""
        fresh = self.people[FIRST:]
        for n, person in enumerate(fresh):
            await self.stage.pretend.event("chat_add_member", chat=CHAT, customer=person.id,
                                           by=self.people[n % 5].id)  # fmt: skip
        self.members = self.people
        await self.stage.running.app.idle()
        return fresh

    # Tapping

    async def says(self, member: str, words: str) -> str:
        """Some taps arrive twice; the second one must change nothing."""
        self.taps += 1
        once = f"tap-{self.taps:06d}"
        said = await self._tap(member, words, once, "first")
        if self.rng.random() < TWICE:
            self.again += 1
            before = await self.read(_ledger)
            await self._tap(member, words, once, "again")
            self.odd += [] if await self.read(_ledger) == before else [f"{member}：{words}"]
        self.stage.clock.add(BETWEEN)
        return said

    async def _tap(self, member: str, words: str, once: str, delivery: str) -> str:
        kind = MEMBER if member == OWNER else CUSTOMER

        def act(ctx: Ctx) -> tuple[str, Sequence[Action]]:
            room = groups.get(ctx.db, CHAT)
            assert room is not None
            return h5.say(words, h5_guests.guest(f"{kind}/{member}", room, ctx), once, ctx)

        return await self.stage.running.app.decide(f"crowd:{once}:{delivery}", act)

    async def read(self, view: Callable[[Db], T]) -> T:
        return await self.stage.running.writer.do(view)

    # A day

    async def check_in(self) -> list[Person]:
        """Whoever comes by, some with a sentence."""
        came = [person for person in self.members if self.rng.random() < person.eager]
        for person in came:
            words = "签到" if self.rng.random() < 0.7 else self.rng.choice(SENTENCES)
            said = await self.says(person.id, words)
            if "签到成功" in said:
                self.days[person.id].add(self.stage.clock.now().astimezone(
                    demo.SETTINGS_ZONE).date())  # fmt: skip
        return came

    async def answer(self, game: str, most: int) -> list[str]:
        """Some of those who are there move in a game while it is open; what each was told."""
        told = []
        for person in self.rng.sample(self.members, min(most, len(self.members))):
            open_ = [one for one in await self.read(_open) if one.game == game]
            told += [await self.says(person.id, words)
                     for one in open_ for words in self._move(one, person)]  # fmt: skip
        return told

    def _move(self, round_: Round, person: Person) -> Iterator[str]:
        """What somebody may say who knows some of the answers."""
        state, knows = round_.body, self.rng.random() < person.knows
        if round_.game == "成语接龙":
            yield from (f"接 {words}" for words in _next(state["used"]))
        elif "answers" in state:
            yield f"猜 {state['answers'][0] if knows else '不知道啊'}"
        elif "value" in state:
            unit = "000元" if state["unit"] == "元" else state["unit"]
            yield f"猜 {self.rng.randrange(100, 400)}{unit}"
        elif round_.game == "答题" and knows:
            yield f"答题 {state['answer']}"
        else:
            yield f"{round_.game} {self.rng.choice(SAID.get(round_.game, LETTERS))}"


def _next(used: Sequence[str]) -> Iterator[str]:
    """An idiom that goes on from the last one, if there is one."""
    last = known()[used[-1]].last
    fits = (one for one in known().values() if one.first == last and one.words not in used)
    yield from (one.words for one in islice(fits, 1))


def _ledger(db: Db) -> list[Row]:
    return db.rows("select id, delta from points order by id")


def _open(db: Db) -> list[Round]:
    return games.shown(db, CHAT)
