"""Every number of the trade, with its default; `config.toml` may change each of them."""

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Weekday = Literal["周一", "周二", "周三", "周四", "周五", "周六", "周日"]
Days = Annotated[int, Field(ge=0, le=3650)]
Minutes = Annotated[int, Field(ge=0, le=100_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Weight = Annotated[float, Field(ge=0, le=100)]
Action = Annotated[str, Field(pattern=r"^\S+ \d{1,4}/[1-9]\d{0,2}$")]  # what it is worth / its cap
Points = Annotated[str, Field(pattern=r"^\S+ \d{1,4}$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Tiers(Section):
    active_days: Days = 14
    active_games: Count = 1
    active_messages: Count = 3  # said in an official group
    talking_messages: Count = 2
    appointment_days: Days = 14
    lower_dwell_days: Days = 3
    window_h_days: Days = 7
    window_a_days: Days = 15
    window_b_days: Days = 30
    window_c_days: Days = 90
    override_days: Annotated[int, Field(ge=1, le=365)] = 7


class Scores(Section):
    """三种分值和四象限：权重、分档、阈值。"""

    intent_weight: Weight = 0.5
    budget_weight: Weight = 0.25
    brand_weight: Weight = 0.25
    potential_a: Weight = 4.0
    potential_b: Weight = 2.5
    recent_weight: Weight = 0.4
    often_weight: Weight = 0.4
    total_weight: Weight = 0.2
    recent_days: tuple[Days, Days, Days, Days] = (7, 14, 30, 90)
    often_times: tuple[Count, Count, Count, Count] = (1, 3, 6, 12)
    total_times: tuple[Count, Count, Count, Count] = (1, 6, 12, 24)
    activity_a: Weight = 4.0
    activity_b: Weight = 2.5
    actions: tuple[Action, ...] = (
        "点击 50/5", "收藏 20/1", "分享 30/3", "问价 20/3", "想试驾 20/2", "预约 20/2",
        "到店 30/2", "试驾 40/1", "报价 20/2",
    )  # fmt: skip
    decay_days: Annotated[int, Field(ge=1, le=3650)] = 30  # an action counts half after so many
    bands: tuple[Count, Count, Count, Count] = (4, 30, 80, 120)  # percent
    active_days: Days = 30
    active_points: tuple[Points, ...] = (
        "发言 1", "签到 1", "互动 2", "点击 1", "分享 3", "到店 5", "试驾 5",
    )  # fmt: skip
    high_intent: Weight = 3.0
    high_activity: Count = 5
    audiences: str = ""  # the company's own file of audiences

    @property
    def worth(self) -> dict[str, tuple[int, int]]:
        """What each action is worth, and after how many times no more."""
        found = (action.partition(" ") for action in self.actions)
        return {name: (int(v.split("/")[0]), int(v.split("/")[1])) for name, _, v in found}

    @property
    def points(self) -> dict[str, int]:
        return {name: int(n) for name, _, n in (one.partition(" ") for one in self.active_points)}


class Followups(Section):
    cadence_o_days: Days = 7
    cadence_h_days: Days = 2
    cadence_a_days: Days = 4
    cadence_b_days: Days = 7
    cadence_c_days: Days = 15
    cadence_n_days: Days = 1
    cadence_low_tier_days: Days = 14
    newcomer_days: Days = 3
    morning: time = time(8, 45)
    morning_items: Count = 8
    batch_minutes: Minutes = 30
    batch_items: Count = 5
    spoke_recently_minutes: Minutes = 120
    confirm_before: time = time(17, 0)
    shift_from: time = time(8, 30)
    shift_to: time = time(18, 30)
    first_touch_minutes: Minutes = 5
    focus_minutes: Minutes = 30
    undo_minutes: Minutes = 60
    waiting_minutes: tuple[Minutes, ...] = (5, 15, 30)  # the last one tells the managers
    escalate_days: tuple[Days, Days, Days] = (1, 3, 7)  # overdue, managers, high risk
    escalate_at: time = time(9, 30)
    holidays: Literal["work", "rest"] = "work"  # whether stores are open on public holidays
    cadence_low_reply_days: Days = 7
    cadence_fan_days: Days = 30
    unanswered_touches: Annotated[int, Field(ge=1, le=100)] = 3  # then at the low frequency
    decide_days: Days = 14
    fan_days: Days = 35
    stale_factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    rhythm_touches: Annotated[int, Field(ge=1, le=100)] = 5  # before an hour is believed
    responsive_factor: Annotated[float, Field(ge=0.25, le=1)] = 0.75
    unresponsive_factor: Annotated[float, Field(ge=1, le=4)] = 1.5
    high_value_sources: tuple[str, ...] = ("垂媒",)
    table: str = ""  # the company's own rows of the cadence


class Journey(Section):
    """到店的预约、侧面状态、周期与卡住。"""

    brief_minutes: Minutes = 60
    ask_minutes: Minutes = 30
    reason_at: time = time(17, 30)
    visit_at: time = time(10, 0)
    dormant_days: Days = 60
    heated_days: Days = 14
    window_days: Days = 90
    samples: Annotated[int, Field(ge=1, le=1000)] = 5
    chat_customers: Count = 100_000
    stuck_days: tuple[Days, Days, Days, Days, Days, Days] = (3, 14, 3, 5, 7, 45)  # 加微 … 下订


class Leads(Section):
    """线索的来源与分配。"""

    accept_minutes: Minutes = 15
    tilt_days: Days = 30
    by_state: dict[str, str] = {}


class Lost(Section):
    """战败的申请与召回。"""

    min_contacts: Count = 3  # before somebody may be given up
    wakeups: Annotated[int, Field(ge=1, le=31)] = 2  # in 30 days, to one customer
    window_days: Days = 180  # of the report
    reasons: str = ""  # the company's own file of reasons to call somebody back


class Pools(Section):
    """公海：多久没有有效联系就回到门店。"""

    on: bool = False  # since it moves customers
    days: dict[str, Days] = {"H": 30, "A": 30, "B": 45, "C": 60, "N": 30}
    warn_days: Days = 3
    protect_days: Days = 30
    per_day: Count = 3
    per_person: Count = 20  # claimed within the protection


class Referral(Section):
    """转介绍。"""

    rewards: dict[str, str] = {"到店": "品牌周边一份", "下订": "首次保养券一张"}
    window_days: Days = 180

    @field_validator("rewards")
    @classmethod
    def _no_cash(cls, given: dict[str, str]) -> dict[str, str]:
        for step, what in given.items():
            if step not in ("到店", "试驾", "下订", "交付"):
                raise ValueError(f"“{step}”不是能发礼的步骤，可以写：到店、试驾、下订、交付")
            if re.search(r"现金|红包|返现|转账|佣金|提成|\d+\s*元", what):
                raise ValueError(f"“{what}”是现金；转介绍只发非现金的礼")
        return given


class Sop(Section):
    """一对一 SOP 和 1vN 群任务。"""

    plans: str = ""  # a folder with the company's own plans
    wait_days: Days = 14  # behind another plan
    again_days: Days = 90  # before the same plan begins anew for somebody
    group_task: bool = True
    group_task_days: Annotated[int, Field(ge=1, le=60)] = 5


class GroupSop(Section):
    """客户群的计划。"""

    plans: str = ""  # a folder with the company's own plans
    per_day: Annotated[int, Field(ge=1, le=10)] = 2  # messages into one group
    per_week: Annotated[int, Field(ge=1, le=50)] = 8
    newcomer_days: Annotated[int, Field(ge=1, le=60)] = 14
    cohort_days: Days = 7  # joined so near to one another
    cohort_share: Annotated[float, Field(gt=0.5, le=1)] = 0.8
    topic_mix: dict[str, Count] = {"用车": 40, "热点": 25, "车主": 20, "产品": 15}
    topic_days: Annotated[int, Field(ge=1, le=365)] = 30  # before a topic comes again
    score_days: Annotated[int, Field(ge=7, le=366)] = 90  # of the store score for test drives
    card_groups: Annotated[int, Field(ge=1, le=10)] = 3  # texts of their own on one card

    @field_validator("topic_mix")
    @classmethod
    def _known_kinds(cls, given: dict[str, int]) -> dict[str, int]:
        if unknown := given.keys() - {"用车", "热点", "车主", "产品"}:
            raise ValueError(f"“{min(unknown)}”不是话题的类别，可以写：用车、热点、车主、产品")
        return given


class Quiet(Section):
    customer_from: time = time(21, 0)
    customer_to: time = time(9, 0)
    customer_per_day: Count = 1
    customer_per_week: Count = 3
    complaint_days: Days = 7


class Games(Section):
    quiz_points: Count = 5
    quiz_minutes: Minutes = 30
    quiz_per_day: Count = 5
    per_day: Count = 5  # rounds of each other game
    round_minutes: Minutes = 60
    chain_minutes: Minutes = 10  # without a further idiom
    side_days: Annotated[int, Field(ge=1, le=60)] = 3
    side_most: Annotated[int, Field(ge=1, le=10)] = 3
    lobby_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    turn_minutes: Annotated[int, Field(ge=1, le=1440)] = 3
    hint_points: Count = 2
    least_people: Count = 3  # real people before a bonus pays


class Earning(Section):
    """积分的上限、有效期和等级。"""

    cap: Count = 30  # a day, from one source
    caps: dict[str, Count] = {}  # of a source that has one of its own
    expire_days: Days = 365  # 0 keeps them for ever
    levels: tuple[Points, ...] = ("新人 0", "活跃 50", "达人 200", "资深 600", "元老 1500")

    def most(self, source: str) -> int:
        return self.caps.get(source, self.cap)


class Prizes(Section):
    code_days: Annotated[int, Field(ge=1, le=365)] = 30  # to pick a prize up


class Draws(Section):
    least_people: Annotated[int, Field(ge=1, le=1000)] = 3
    top_prize: Annotated[int, Field(ge=0, le=50_000)] = 50_000  # yuan: the law's limit
    blocked: tuple[str, ...] = ()  # ids of members who may not win


class Checkins(Section):
    day_starts: time = time(0, 0)
    points: Count = 1
    words_least: Annotated[int, Field(ge=1, le=200)] = 8  # characters of 今天想说
    words_points: Count = 1
    makeups: Annotated[int, Field(ge=0, le=31)] = 1  # a month
    makeup_days: Annotated[int, Field(ge=1, le=31)] = 7  # how far back
    makeup_cost: Count = 0
    badges: tuple[Count, ...] = (3, 7, 14, 30)
    remind: bool = True  # the group, of who has not checked in today
    remind_at: time = time(17, 0)


class Rankings(Section):
    """新人榜和活跃榜：各算几分，取前几名。"""

    newcomer_days: Annotated[int, Field(ge=1, le=60)] = 14
    message: Count = 1
    messages_per_day: Count = 10
    message_least: Annotated[int, Field(ge=1, le=100)] = 4  # characters
    game: Count = 3
    checkin: Count = 2
    invited: Count = 5
    shown: Annotated[int, Field(ge=3, le=30)] = 10
    weekly_at: time = time(9, 30)
    prizes: tuple[str, ...] = ()  # for the first, the second … newcomer of the week


class Together(Section):
    """共同目标和邀请。"""

    days: Annotated[int, Field(ge=1, le=60)] = 7
    draw_days: Annotated[int, Field(ge=1, le=30)] = 3  # to enter the draw that was unlocked
    invite_points: Count = 5
    invite_days: Annotated[int, Field(ge=1, le=90)] = 7  # who leaves sooner takes them along


class Preferences(Section):
    """偏好题。"""

    points: Count = 1  # for taking part, whatever the answer
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 180
    confidence: Annotated[float, Field(gt=0, le=1)] = 0.8


class Training(Section):
    """练话术。"""

    per_day: Count = 20
    steps: tuple[Days, ...] = (1, 3, 7, 14, 30)  # days until a question comes again


class Activities(Section):
    """活动模板和效果。"""

    templates: str = ""  # a folder with the company's own templates
    after_days: Annotated[int, Field(ge=1, le=90)] = 14
    budget: Count = 100_000  # yuan, of one activity


class Watch(Section):
    """社群预警。"""

    on: bool = True
    silent_days: Annotated[int, Field(ge=1, le=60)] = 3
    voices: Annotated[int, Field(ge=2, le=50)] = 3  # members who complain of one thing
    voices_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    unanswered_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    urgent_minutes: Annotated[int, Field(ge=1, le=10_080)] = 120
    normal_hours: Annotated[int, Field(ge=1, le=720)] = 24
    again_hours: Annotated[int, Field(ge=1, le=720)] = 24
    daily_at: time = time(10, 0)
    rumours: tuple[str, ...] = (
        "减配", "召回", "自燃", "暴雷", "跑路", "倒闭", "停产", "断轴", "失灵",
    )  # fmt: skip
    poaching: tuple[str, ...] = (
        "别家销售", "加我微信", "加我v", "加v", "私聊我", "比他们便宜", "我这边更便宜",
        "我家更便宜", "换个店", "别在这买", "代购车", "低价出", "扫码进群",
    )  # fmt: skip


class H5(Section):
    """群成员的页面。"""

    link_days: Annotated[int, Field(ge=30, le=3650)] = 180
    posts_per_minute: Annotated[int, Field(ge=5, le=1000)] = 30  # of one visitor
    reread_minutes: Annotated[int, Field(ge=1, le=1440)] = 5  # a group, for a visitor not in it
    refresh_seconds: Annotated[int, Field(ge=0, le=600)] = 20  # while a round runs; 0 for never
    drive_days: Annotated[int, Field(ge=1, le=60)] = 14  # ahead, to choose from
    drive_slots: tuple[time, ...] = (time(10, 0), time(14, 0), time(16, 0))


class Stars(Section):
    """客户对到店、试驾、交付的评价。"""

    on: bool = True
    after_hours: Annotated[int, Field(ge=0, le=72)] = 2
    within_days: Annotated[int, Field(ge=1, le=30)] = 3
    link_days: Annotated[int, Field(ge=1, le=90)] = 14
    low: Annotated[int, Field(ge=1, le=4)] = 2


class Digest(Section):
    morning: time = time(8, 45)
    evening: time = time(17, 45)
    mean_days: Days = 7
    weekly: bool = True
    weekly_on: Weekday = "周一"
    monthly: bool = True
    monthly_on: Annotated[int, Field(ge=1, le=28)] = 1
    longer_at: time = time(9, 0)  # the week's and the month's edition
    recap: bool = True
    recap_at: time = time(18, 0)
    silent_days: Annotated[int, Field(ge=1, le=60)] = 3  # a newcomer of a group says nothing


class Analytics(Section):
    """报表的样本下限、分档和权重。"""

    samples: Annotated[int, Field(ge=1, le=1000)] = 5
    report_days: Annotated[int, Field(ge=1, le=366)] = 7
    answer_minutes: Minutes = 30
    cohort_days: tuple[Days, Days, Days] = (30, 60, 90)
    cohort_months: Annotated[int, Field(ge=1, le=24)] = 6
    activity_days: Annotated[int, Field(ge=1, le=90)] = 7
    band_days: Annotated[int, Field(ge=10, le=120)] = 28
    band_samples: Annotated[int, Field(ge=2, le=120)] = 10
    band_width: Annotated[float, Field(ge=0.5, le=10)] = 2.0
    tilt_least: Weight = 0.5
    tilt_most: Weight = 2.0
    life_inflow: Weight = 40
    life_outflow: Weight = 30
    life_awake: Weight = 30
    life_inflow_full: Annotated[float, Field(gt=0, le=1)] = 0.05
    life_outflow_full: Annotated[float, Field(gt=0, le=1)] = 0.03
    life_stages: tuple[Weight, Weight, Weight] = (70, 50, 30)
    life_young_weeks: Weight = 2
    life_silent_days: Annotated[int, Field(ge=1, le=90)] = 14


class Nlp(Section):
    lexicon: str = ""
    model: str = ""
    own_brands: tuple[str, ...] = ()
    tags: str = ""  # the company's own dictionary of tags
    burst_seconds: Annotated[int, Field(ge=0, le=60)] = 3


class Scriptbank(Section):
    suggestions: Annotated[int, Field(ge=1, le=5)] = 3
    seen_days: Days = 7
    four_eyes: bool = True  # who wrote a script does not publish it, where there are two operators
    facts: str = ""  # the company's own file of model facts
    materials: str = "var/materials"  # where pictures and films to pass on lie


class Privacy(Section):
    messages_days: Days = 180
    tags_days: Days = 365
    inbox_days: Days = 90


class Store(Section):
    id: str
    name: str
    city: str = ""
    address: str = ""
    tilt: Annotated[float, Field(ge=0, le=100)] = 1.0  # its share of leads, against the others


class Advisor(Section):
    userid: str
    name: str
    store: str
    rest: tuple[Weekday, ...] = ()
    shift_from: time | None = None  # where it is not that of the others
    shift_to: time | None = None
    deputy: str = ""  # userid of who stands in
    invites: bool = False  # 邀约专员: brings customers in and hands them over


class Room(Section):
    """A customer group, where its name does not tell what it is for."""

    chat: str  # its id, or its name
    kind: Literal["", "潜客", "意向", "车主", "活动", "1vN", "内部"] = ""  # "" as its name tells
    official: bool = True


class Manager(Section):
    userid: str
    name: str
    stores: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()  # all stores of these cities
    brand: bool = False  # all stores
    names: bool | None = None  # sees who the customers are; a brand sees counts unless it is set
    webhook: str = ""  # the robot that also posts the digest into their group
    chat: str = ""  # the group made by `salesbot chats create` that gets it too


class Colleague(Section):
    """Somebody beside the advisors and managers."""

    userid: str
    name: str
    role: Literal["社群运营", "车友服务官"]
    stores: tuple[str, ...] = ()


class Welcome(Section):
    on: bool = True
    text: str = ""  # "" takes the library's script for it
    by_state: dict[str, str] = {}  # a text of its own for a channel's State


class Page(Section):
    """Something to read for a visitor who is only looking."""

    title: str
    url: str
    desc: str = ""
    model: str = ""  # for whoever asked about it; "" is for everybody


class Kf(Section):
    """微信客服."""

    answer: bool = True
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.8  # of the wording, to answer unseen
    questions: bool = True
    welcome: str = ""
    servicers: tuple[str, ...] = ()  # userids who take visitors; () takes every advisor
    reading: tuple[Page, ...] = ()  # led to by a link, once a visitor


class Contacts(Section):
    """客户联系."""

    reconcile: bool = True  # every night, once customer contact is known to be connected
    write_tags: bool = False


class Reach(Section):
    """What follows from the shell's part of the file: how internal groups are spoken to unasked."""

    link: bool = False
    robots: dict[str, str] = {}  # the robot's name, by the aibot's id of the group
    pages: str = ""  # where the pages of this program are reached, "" when nobody can


class Access(Section):
    operators: tuple[str, ...] = ()  # told of strangers and of what is broken


class Settings(Section):
    """The part of the configuration that handlers see."""

    timezone: str = "Asia/Shanghai"
    reach: Reach = Reach()
    access: Access = Access()
    kf: Kf = Kf()
    contacts: Contacts = Contacts()
    welcome: Welcome = Welcome()
    tiers: Tiers = Tiers()
    scores: Scores = Scores()
    followups: Followups = Followups()
    journey: Journey = Journey()
    leads: Leads = Leads()
    lost: Lost = Lost()
    pools: Pools = Pools()
    referral: Referral = Referral()
    sop: Sop = Sop()
    group_sop: GroupSop = GroupSop()
    quiet: Quiet = Quiet()
    games: Games = Games()
    points: Earning = Earning()
    prizes: Prizes = Prizes()
    draws: Draws = Draws()
    checkins: Checkins = Checkins()
    rankings: Rankings = Rankings()
    together: Together = Together()
    preferences: Preferences = Preferences()
    training: Training = Training()
    activities: Activities = Activities()
    watch: Watch = Watch()
    h5: H5 = H5()
    stars: Stars = Stars()
    digest: Digest = Digest()
    analytics: Analytics = Analytics()
    nlp: Nlp = Nlp()
    scriptbank: Scriptbank = Scriptbank()
    privacy: Privacy = Privacy()
    stores: tuple[Store, ...] = ()
    advisors: tuple[Advisor, ...] = ()
    managers: tuple[Manager, ...] = ()
    colleagues: tuple[Colleague, ...] = ()
    groups: tuple[Room, ...] = ()
