"""The pretend company: an invented electric-car brand, three stores, sixty days of its life."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app import Knowledge
from bot.sandbox.world import Customer as Contact
from bot.sandbox.world import Group, Internal, Member, World
from handlers import concerns, journey, tiers
from handlers.context import Ctx
from handlers.settings import Advisor, Manager, Nlp, Settings, Store
from handlers.stars import OWN
from handlers.team import Team
from storage import checkins, customers, events, followups, groups, points, scripts, stars
from storage.customers import Customer
from storage.db import Db

BRAND = "青屿"
BOT = "小福"
DAYS = 60
START = datetime(2026, 3, 6, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

STORES = (
    Store(id="bj-cy", name="朝阳店", city="北京", address="朝阳区东四环北路8号"),
    Store(id="bj-hd", name="海淀店", city="北京", address="海淀区西四环北路66号"),
    Store(id="gz-th", name="天河店", city="广州", address="天河区黄埔大道中120号"),
)
ADVISORS = (
    Advisor(userid="zhang", name="张伟", store="bj-cy", rest=("周二",)),
    Advisor(userid="lina", name="李娜", store="bj-cy", rest=("周三",)),
    Advisor(userid="wangq", name="王强", store="bj-cy", rest=("周四",)),
    Advisor(userid="zhao", name="赵敏", store="bj-hd", rest=("周二",)),
    Advisor(userid="sun", name="孙磊", store="bj-hd", rest=("周三",)),
    Advisor(userid="he", name="何静", store="gz-th", rest=("周一",)),
    Advisor(userid="liang", name="梁宇", store="gz-th", rest=("周二",)),
    Advisor(userid="huang", name="黄珊", store="gz-th", rest=("周四",)),
)
MANAGERS = (
    Manager(userid="chen", name="陈静", stores=("bj-cy",)),
    Manager(userid="zhou", name="周涛", stores=("bj-cy", "bj-hd")),
    Manager(userid="lin", name="林颖", stores=("gz-th",)),
)
SETTINGS = Settings(
    stores=STORES, advisors=ADVISORS, managers=MANAGERS, nlp=Nlp(own_brands=(BRAND,))
)
TEAM_CHAT = "team"
FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程苏"
)
SOURCES = ("垂媒", "投放", "自然到店", "官方", "活动")

# What customers of the first sixty days asked; the demo reads them as it reads any message.
ASKED = (
    "S6冬天续航怎么样", "高速上能跑多少公里", "现在有什么优惠", "S6落地大概多少钱",
    "家里没车位怎么充电", "充电桩免费安装吗", "电池质保多久", "会不会自燃啊",
    "后备箱能放下婴儿车吗", "后排空间大不大", "首付最低多少", "分三年月供多少",
    "旧车置换能补多少", "和同级比优势在哪", "保值率怎么样", "智驾好用吗", "车机卡不卡",
    "提车要等多久", "现在有现车吗", "绿牌指标你们能办吗", "有点贵，再便宜点",
    "我老婆觉得颜色不好看", "先了解一下，不急", "周末可以试驾吗", "试驾要预约吗",
    "售后网点多吗", "保养一次多少钱", "加速怎么样", "底盘是不是偏硬", "内饰味道大吗",
    "M8第三排坐得下大人吗", "S4和S6差在哪", "价格能不能再谈谈", "贷款利息多少",
    "儿童座椅接口有吗", "雨天刹车稳不稳",
)  # fmt: skip
STEPS = (
    ("到店", 0.45, 5),
    ("试驾", 0.7, 1),
    ("报价", 0.6, 2),
    ("下订", 0.35, 5),
    ("交付", 0.4, 14),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demo before they become rows."""

    id: str
    name: str
    title: str
    owner: Advisor
    model: str
    days: int  # since they became a contact


def people() -> list[Person]:
    rng = random.Random("people")
    found = [
        Person("wang", "王女士", "女士", ADVISORS[0], "S6", 12),
        Person("li", "李先生", "先生", ADVISORS[0], "S6", 20),
    ]
    for n in range(3, 121):
        title = rng.choice(("先生", "女士"))
        owner = ADVISORS[n % len(ADVISORS)]
        family = FAMILY[n % len(FAMILY)] if n % 7 else rng.choice("王李张陈")
        if owner.userid == "zhang" and family in "王李":
            family = "钱"  # 王女士 and 李先生 are each one person to him
        model = rng.choices(("S6", "S4", "M8"), (6, 3, 2))[0]
        found.append(Person(f"c{n:03d}", f"{family}{title}", title, owner, model, _tenure(rng)))
    return found


def _tenure(rng: random.Random) -> int:
    """Days since they were added; squared, since a living store grows."""
    return 1 + int((DAYS - 1) * rng.random() ** 2)


def world() -> World:
    """The same company as the pretend WeCom knows it."""
    staff = [(a.userid, a.name) for a in ADVISORS] + [(m.userid, m.name) for m in MANAGERS]
    everybody = people()
    customers_ = tuple(Contact(p.id, p.name, (p.owner.userid,)) for p in everybody)
    mine = [p.id for p in everybody if p.owner.userid == "zhang"]
    first = ("wang", "li", *[c for c in mine if c not in ("wang", "li")][:9])
    owners = tuple(p.id for p in everybody if p.owner.store == "gz-th")[:12]
    return World(
        corp_id="ww5a1e5b07de000001",
        agent_id=1000002,
        app_secret="sandbox-app-secret",
        contact_secret="sandbox-contact-secret",
        aibot_id="aib-sandbox",
        members=tuple(Member(userid, name) for userid, name in staff),
        customers=customers_,
        groups=(
            Group("g1", "青屿S6看车群", "zhang", ("zhang", *first)),
            Group("g2", "青屿天河车主群", "he", ("he", *owners)),
        ),
        internal=(Internal(TEAM_CHAT, "销售内训群", tuple(userid for userid, _ in staff)),),
        bot_name=BOT,
    )


def fill(db: Db, knowledge: Knowledge, end: datetime) -> None:
    """Live through sixty days that end at `end`, by the same code that handles real messages."""
    everybody = people()
    rng = random.Random("history")
    moments: list[tuple[datetime, int, Person, str]] = []
    for person in everybody:
        moments += _life(person, end, rng)
    night = end - timedelta(days=DAYS)
    for number, (at, _, person, what) in enumerate(sorted(moments, key=lambda m: m[:2])):
        while night < at:
            tiers.decay(_ctx(db, knowledge, night, f"demo:night:{night:%j}"))
            night += timedelta(days=1)
        _live(_ctx(db, knowledge, at, f"demo:{number}"), person, what)
    _settle(db, everybody, end, rng)
    _starred(db, end)
    _used(db, knowledge, everybody, end, rng)
    _grouped(db, everybody, end, rng)
    tiers.decay(_ctx(db, knowledge, end - timedelta(hours=6), "demo:end"))


def _ctx(db: Db, know: Knowledge, at: datetime, cause: str) -> Ctx:
    return Ctx(db=db, now=at, lexicon=know.lexicon, bank=know.bank, rng=random.Random(cause),
               settings=SETTINGS, team=Team(SETTINGS), cause=cause)  # fmt: skip


def _life(
    person: Person, end: datetime, rng: random.Random
) -> list[tuple[datetime, int, Person, str]]:
    """When they were added, what they asked, how far they came; all before the end."""
    day = (end - timedelta(days=person.days)).astimezone(SETTINGS_ZONE)
    at = day.replace(hour=rng.randrange(9, 18), minute=rng.randrange(60), second=0, microsecond=0)
    at = min(at, end - timedelta(hours=2))
    found = [(at, 0, person, "added")]
    n = 0
    if rng.random() < 0.75:
        for _ in range(rng.randrange(1, 5)):
            at += timedelta(hours=rng.randrange(1, 70), minutes=rng.randrange(60))
            n += 1
            found.append((at, n, person, "asks " + rng.choice(ASKED)))
        for step, chance, days in STEPS:
            if rng.random() > chance:
                break
            at += timedelta(days=rng.randrange(1, days + 3), hours=rng.randrange(3))
            n += 1
            found.append((at, n, person, f"logs {step}"))
    if person.id == "wang":
        found = [found[0], (end - timedelta(days=9), 1, person, "asks S6和S4差在哪"),
                 (end - timedelta(days=5), 2, person, "asks 家里没车位怎么充电")]  # fmt: skip
    if person.id == "li":
        found = [found[0], (end - timedelta(days=10), 1, person, "asks 首付最低多少"),
                 (end - timedelta(days=3), 2, person, "logs 到店")]  # fmt: skip
    return [moment for moment in found if moment[0] < end - timedelta(hours=1)]


SETTINGS_ZONE = ZoneInfo(SETTINGS.timezone)


def _live(ctx: Ctx, person: Person, what: str) -> None:
    kind, _, words = what.partition(" ")
    if kind == "added":
        _add(ctx, person)
        return
    customer = customers.get(ctx.db, person.id)
    if customer is None:
        return
    if kind == "asks":
        concerns.note(customer, words, ctx, source="paste", member=person.owner.userid)
    else:
        note = journey.Note(words, None, False, words)
        list(journey.record(customer, note, person.owner.userid, ctx))


def _add(ctx: Ctx, person: Person) -> None:
    customers.add(
        ctx.db,
        Customer(id=person.id, name=person.name, title=person.title, store=person.owner.store,
                 owner=person.owner.userid, source=ctx.rng.choice(SOURCES), model=person.model,
                 added_at=ctx.now, level_at=ctx.now),
    )  # fmt: skip
    events.add(ctx.db, event_id=ctx.new_id(), customer=person.id, kind="加微", when=ctx.now,
               source="system")  # fmt: skip


def _settle(db: Db, everybody: list[Person], end: datetime, rng: random.Random) -> None:
    """Most advisors answered and kept their dates; some did not, which is what digests show."""
    for person in everybody:
        customer = customers.get(db, person.id)
        if customer is None:
            continue
        if customer.spoke_at and (rng.random() < 0.85 or person.id in ("wang", "li")):
            answered = min(customer.spoke_at + timedelta(minutes=rng.randrange(3, 200)),
                           end - timedelta(minutes=50))  # fmt: skip
            customers.change(db, person.id, contacted_at=answered)
            if person.id != "wang":
                customers.settle(db, person.id, "", "answered")
        for owed in followups.open_of(db, person.id):
            if owed.due_at < end:
                _keep_or_not(db, owed, end, rng)


def _starred(db: Db, end: datetime) -> None:
    """Of those who were asked how their visit was, most have said so."""
    rng = random.Random("stars")
    while found := stars.due(db, end + timedelta(days=1)):
        for one in found:
            n = rng.choice((5, 5, 5, 4, 4, 4, 3, 3, 2, 0, 0, 0))
            if n and one.due_at and one.due_at < end - timedelta(days=1):
                stars.rate(db, one.id, n, OWN, one.due_at, "")
            else:
                stars.move(db, one, stars.OVER)


def _keep_or_not(db: Db, owed: followups.FollowUp, end: datetime, rng: random.Random) -> None:
    morning = end.astimezone(SETTINGS_ZONE).replace(hour=8, minute=45, second=0, microsecond=0)
    if rng.random() < 0.85:
        followups.snooze(db, owed.id, morning + timedelta(days=rng.randrange(1, 9)))
    else:
        followups.snooze(db, owed.id, morning + timedelta(days=1))
        sql = "update followups set origin_at = :at, reminded_at = :at, overdue = 2 where id = :id"
        db.run(sql, at=morning - timedelta(days=2), id=owed.id)


def _used(
    db: Db, know: Knowledge, everybody: list[Person], end: datetime, rng: random.Random
) -> None:
    """How scripts fared: some are taken often, some hardly ever."""
    scripts_ = know.bank.all()
    for n in range(400):
        person = rng.choice(everybody)
        at = end - timedelta(minutes=rng.randrange(60, 30 * 24 * 60))
        # squared, so that a few scripts gather enough uses for a rate
        script = scripts_[int(len(scripts_) * rng.random() ** 2)] if scripts_ else None
        if script is None:
            return
        use = f"demo-use-{n}"
        scripts.shown(db, ids=[(use, script.id)], advisor=person.owner.userid, customer=person.id,
                      question=rng.choice(ASKED), now=at)  # fmt: skip
        scripts.outcome(db, use, rng.choices(("adopted", "shown", "refused"), (5, 4, 1))[0])


def _grouped(db: Db, everybody: list[Person], end: datetime, rng: random.Random) -> None:
    names = {p.id: p.name for p in everybody} | {a.userid: a.name for a in ADVISORS}
    there = world()
    for group in there.groups:
        kind = "车主" if group.chat_id == "g2" else "潜客"
        _group(db, group.chat_id, group.name, kind, group.owner, group.members, names, end)
    chat = there.internal[0]
    _group(db, chat.chatid, chat.name, "内部", "chen", chat.members, names, end)
    for advisor in ADVISORS[1:]:
        for back in range(1, rng.randrange(2, 9)):
            at = (end - timedelta(days=back)).astimezone(SETTINGS_ZONE)
            checkins.add(db, chat_id=chat.chatid, member=advisor.userid, day=at.date(), now=at)
            points.add(db, key=f"demo:{advisor.userid}:{back}", chat_id=chat.chatid,
                       member=advisor.userid, delta=1, reason="签到", now=at)  # fmt: skip


def _group(
    db: Db, chat_id: str, name: str, kind: str, owner: str, members: tuple[str, ...],
    names: dict[str, str], end: datetime,
) -> None:  # fmt: skip
    began = end - timedelta(days=DAYS)
    groups.put(db, chat_id=chat_id, name=name, kind=kind, owner=owner, store="bj-cy", now=began)
    for n, member in enumerate(members):
        groups.join(db, chat_id, member, names.get(member, member), began + timedelta(days=n))
