"""A store that lives through ninety days by dice: four advisors, a hundred and twenty customers.

Everything goes through the program's own routes and ticks; only who does what is thrown. What the
bot sent is kept with its time, so that a test can ask about all of it afterwards.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from bot.app import ROUTER, Knowledge
from handlers import cadence, escalation, followups, housekeeping, leave, sweep
from handlers.context import Ctx
from handlers.settings import Advisor, Manager, Settings, Store
from handlers.team import Team
from handlers.values import Action, Card, Inbound, Send
from scriptbank.bank import Bank
from storage import customers, groups
from storage.customers import Customer
from storage.sqlite import Sqlite

TICKS = (sweep.tick, leave.tick, followups.tick, escalation.tick, housekeeping.tick)
STORE = Store(id="s1", name="朝阳店", city="北京", address="东四环北路8号")
ADVISORS = (
    Advisor(userid="zhang", name="张伟", store="s1", rest=("周二",), deputy="lina"),
    Advisor(userid="lina", name="李娜", store="s1", rest=("周三",), deputy="wangq"),
    Advisor(userid="wangq", name="王强", store="s1", rest=("周四",)),
    Advisor(userid="zhao", name="赵敏", store="s1", rest=("周一",), shift_from=time(10),
            shift_to=time(20)),
)  # fmt: skip
SETTINGS = Settings(
    stores=(STORE,),
    advisors=ADVISORS,
    managers=(Manager(userid="chen", name="陈静", stores=("s1",)),),
)
STAGES = {row.stage for row in cadence.table().rows} - {"售后关怀", "订单交付", "促成"}
DAYS, PEOPLE = 90, 120
STEP = timedelta(minutes=15)
WARM = ("现在有现车吗，这周能定", "首付多少，月供多少", "周末可以试驾吗", "和同级比优势在哪")
COOL = ("先了解一下，不急", "冬天续航怎么样", "家里没车位怎么充电", "好的", "后备箱能放婴儿车吗",
        "在的")  # fmt: skip
STEPS = ("到店", "试驾", "报价", "下订", "交付")
FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹"


@dataclass
class Person:
    """How somebody behaves; `buys` tells whether they walk the whole way."""

    id: str
    name: str
    owner: str
    day: int
    answers: float
    hour: int
    warm: float
    buys: bool
    leaves: tuple[int, str] = (999, "")
    steps: int = 0


@dataclass(frozen=True)
class Shown:
    at: datetime
    to: str
    action: Action


@dataclass
class Life:
    """The store while it lives, and everything that was sent in it."""

    db: Sqlite
    knowledge: Knowledge
    start: datetime
    settings: Settings = SETTINGS
    now: datetime = field(init=False)
    dice: random.Random = field(default_factory=lambda: random.Random("ninety days"))
    shown: list[Shown] = field(default_factory=list)
    claims: list[tuple[datetime, str, str]] = field(default_factory=list)  # when, customer, kind
    gone: dict[str, datetime] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    plans: dict[datetime, list] = field(default_factory=lambda: defaultdict(list))
    count: int = 0
    watch: Callable[["Life"], None] = lambda _: None  # looks on after each tick

    def __post_init__(self):
        self.now = self.start
        self.bank = self._bank()
        self.people = [self._person(n) for n in range(PEOPLE)]
        self.diligence = {"zhang": 0.9, "lina": 0.85, "wangq": 0.75, "zhao": 0.8}

    def _person(self, n):
        dice = self.dice
        name = f"{FAMILY[n % len(FAMILY)]}{'先生' if n // len(FAMILY) % 2 else '女士'}"
        if n >= 2 * len(FAMILY):
            given = dice.choice("晓建文志雅思") + dice.choice("明丽华宁军")
            name = f"{FAMILY[n % len(FAMILY)]}{given}"
        leaves = (999, "")
        if n % 17 == 5:
            leaves = (dice.randrange(20, 80), dice.choice(("退订", "删除")))
        return Person(f"p{n:03d}", name, ADVISORS[n % 4].userid, max(0, dice.randrange(-30, 60)),
                      dice.choice((0.05, 0.2, 0.4, 0.6, 0.9)), dice.randrange(9, 22),
                      dice.random(), n % 6 == 0, leaves)  # fmt: skip

    # One day after the other

    def live(self):
        for day in range(DAYS):
            self._morning(day)
            while self.now < self._at(day, time(22)):
                self.now += STEP
                self._act()
                if not self._off(day):
                    self._tick()
            self._check(day)
            self.now = self._at(day + 1, time(3))
            self._tick()
            self.now = self._at(day + 1, time(8, 0))
        return self

    def _at(self, day, clock):
        return datetime.combine(self.start.date() + timedelta(days=day), clock,
                                tzinfo=self.start.tzinfo)  # fmt: skip

    def _off(self, day):
        """Two outages: a forenoon and a whole day."""
        return (day == 30 and 9 <= self.now.hour < 13) or day == 55

    def _bank(self):
        """A part of the library, since thousands of reminders look into it."""
        found = self.knowledge.bank.all()
        return Bank([s for n, s in enumerate(found) if n % 5 == 0 or s.stage in STAGES])

    def ctx(self):
        self.count += 1
        return Ctx(db=self.db, now=self.now, lexicon=self.knowledge.lexicon,
                   bank=self.bank, rng=random.Random(self.count), settings=self.settings,
                   team=Team(self.settings), cause=f"s{self.count}", usage={},
                   facts=self.knowledge.facts)  # fmt: skip

    def tell(self, channel, kind, sender, text="", **more):
        msg = Inbound(f"m{self.count}", channel, kind, sender, self.now, text, **more)
        with self.db.atomic():
            return list(ROUTER.dispatch(msg, self.ctx()))

    def _tick(self):
        for job in TICKS:
            with self.db.atomic():
                for action in job(self.ctx()):
                    self.shown.append(Shown(self.now, action.to, action))
                    self._read(action)
        sql = "select customer, kind from followups where reminded_at = :now"
        found = self.db.rows(sql, now=self.now)
        self.claims += [(self.now, row["customer"], row["kind"]) for row in found]
        self.watch(self)

    # What people do

    def _morning(self, day):
        for person in self.people:
            if person.day == day:
                self._arrive(person)
            elif person.day < day and person.id not in self.gone:
                self._wish(person, day)
        words = {(19, "zhang"): "明天请假到周日", (40, "wangq"): "请假4天", (63, "lina"): "请假3天",
                 (64, "lina"): "销假"}  # fmt: skip
        for (when, who), said in words.items():
            if when == day:
                for action in self.tell("app", "text", who, said):
                    self._read(action)

    def _arrive(self, person):
        if person.day:
            fields = {
                "ChangeType": "add_external_contact",
                "UserID": person.owner,
                "ExternalUserID": person.id,
                "State": self.dice.choice(("垂媒", "活动", "")),
            }
            self.tell("contact", "event", "sys", event="change_external_contact", fields=fields)
            customers.change(self.db, person.id, name=person.name)
        else:
            customers.add(self.db, Customer(id=person.id, name=person.name, store="s1",
                                            owner=person.owner, added_at=self.now,
                                            level_at=self.now))  # fmt: skip
            followups.plan_cadence(customers.get(self.db, person.id), self.ctx())
        if self.dice.random() < 0.4:
            groups.put(self.db, chat_id="g1", name="意向群", kind="潜客", owner="zhang", store="s1",
                       now=self.now)  # fmt: skip
            groups.join(self.db, "g1", person.id, person.name, self.now)

    def _wish(self, person, day):
        if person.leaves[0] == day:
            self._leave(person)
        elif self.dice.random() < 0.02 + 0.04 * person.warm:
            self._later(person.hour, lambda: self._say(person))
        if person.buys and person.steps < len(STEPS) and self.dice.random() < 0.06:
            word = STEPS[person.steps]
            person.steps += 1
            owner = customers.get(self.db, person.id).owner
            self._later(11, lambda: self.tell("app", "text", owner, f"记录 {person.name} {word}"))

    def _leave(self, person):
        self.gone[person.id] = self.now
        if person.leaves[1] == "退订":
            self._say(person, "别再发了，不要再联系我")
        else:
            fields = {"ChangeType": "del_follow_user", "UserID": person.owner,
                      "ExternalUserID": person.id}  # fmt: skip
            self.tell("contact", "event", "sys", event="change_external_contact", fields=fields)

    def _later(self, hour, act):
        at = self.now.replace(hour=hour, minute=self.dice.randrange(0, 6) * 10, second=0)
        self.plans[at if at > self.now else at + timedelta(days=1)].append(act)

    def _act(self):
        for at in sorted(at for at in self.plans if at <= self.now):
            for act in self.plans.pop(at):
                act()

    def _say(self, person, text=""):
        if person.id in self.gone and not text:
            return
        owner = customers.get(self.db, person.id).owner
        words = text or self.dice.choice(WARM if self.dice.random() < person.warm else COOL)
        self.tell("archive", "text", person.id, words, to=owner)
        if self.dice.random() < 0.8 and not text:  # mostly answered before long
            at = self.now + timedelta(minutes=self.dice.choice((10, 20, 40)))
            self.plans[at].append(lambda: self.tell("archive", "text", owner, "好的，我看一下回您",
                                                    to=person.id))  # fmt: skip

    def _read(self, action):
        """An advisor works through a list in the hour after it came; a manager answers cards."""
        if isinstance(action, Card) and action.to == "chen":
            fields = {"TaskId": action.task_id, "EventKey": action.buttons[0].key,
                      "ResponseCode": "rc"}  # fmt: skip
            at = self.now + timedelta(minutes=30)
            self.plans[at].append(lambda: self.tell("app", "event", "chen", fields=fields,
                                                    event="template_card_event"))  # fmt: skip
        elif isinstance(action, Send) and "为什么：" in action.text:
            lines = [row for row in action.text.splitlines() if row[:1].isdecimal()]
            for n, row in enumerate(lines, 1):
                self._work(action.to, row.partition(". ")[2].partition("｜")[0], n)
        elif isinstance(action, Card) and action.title.startswith("该联系"):
            self._work(action.to, action.title[3:].partition("了")[0], 1)

    def _work(self, advisor, name, n):
        person = next((p for p in self.people if p.name == name), None)
        if person is None or self.dice.random() > self.diligence.get(advisor, 0):
            return
        said = f"已联系 {name}" if self.dice.random() < 0.93 else f"客户 {name}"
        at = self.now + timedelta(minutes=10 * n)
        self.plans[at].append(lambda: self.tell("app", "text", advisor, said))
        if self.dice.random() < person.answers:
            then = self.now.replace(hour=person.hour) if person.hour > self.now.hour else at
            self.plans[max(then, at) + timedelta(minutes=20)].append(lambda: self._say(person))

    # What must hold at the end of each day

    def _check(self, day):
        from ninety_rules import forgotten, stuck

        if day > 3 and not 54 <= day <= 57:
            self.late += [f"day {day}: {words}" for words in (*forgotten(self), *stuck(self))]
