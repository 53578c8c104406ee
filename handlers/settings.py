"""Every number of the trade, with its default; `config.toml` may change each of them."""

from datetime import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Weekday = Literal["周一", "周二", "周三", "周四", "周五", "周六", "周日"]
Days = Annotated[int, Field(ge=0, le=3650)]
Minutes = Annotated[int, Field(ge=0, le=100_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Tiers(Section):
    active_days: Days = 14
    active_games: Count = 1
    talking_messages: Count = 2
    appointment_days: Days = 14
    lower_dwell_days: Days = 3
    window_h_days: Days = 7
    window_a_days: Days = 15
    window_b_days: Days = 30
    window_c_days: Days = 90


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


class Checkins(Section):
    day_starts: time = time(0, 0)
    points: Count = 1
    badges: tuple[Count, ...] = (3, 7, 14, 30)


class Digest(Section):
    morning: time = time(8, 45)
    evening: time = time(17, 45)
    mean_days: Days = 7


class Nlp(Section):
    lexicon: str = ""
    model: str = ""
    own_brands: tuple[str, ...] = ()
    tags: str = ""  # the company's own dictionary of tags
    burst_seconds: Annotated[int, Field(ge=0, le=60)] = 3


class Scriptbank(Section):
    suggestions: Annotated[int, Field(ge=1, le=5)] = 3
    seen_days: Days = 7
    facts: str = ""  # the company's own file of model facts
    materials: str = "var/materials"  # where pictures and films to pass on lie


class Privacy(Section):
    messages_days: Days = 180
    inbox_days: Days = 90


class Store(Section):
    id: str
    name: str
    city: str = ""
    address: str = ""


class Advisor(Section):
    userid: str
    name: str
    store: str
    rest: tuple[Weekday, ...] = ()


class Manager(Section):
    userid: str
    name: str
    stores: tuple[str, ...]
    webhook: str = ""  # the robot that also posts the digest into their group


class Welcome(Section):
    on: bool = True
    text: str = ""  # "" takes the library's script for it
    by_state: dict[str, str] = {}  # a text of its own for a channel's State


class Kf(Section):
    """微信客服."""

    answer: bool = True
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.8  # of the wording, to answer unseen
    questions: bool = True
    welcome: str = ""
    servicers: tuple[str, ...] = ()  # userids who take visitors; () takes every advisor


class Contacts(Section):
    """客户联系."""

    reconcile: bool = True  # every night, once customer contact is known to be connected
    write_tags: bool = False


class Access(Section):
    operators: tuple[str, ...] = ()  # told of strangers and of what is broken


class Settings(Section):
    """The part of the configuration that handlers see."""

    timezone: str = "Asia/Shanghai"
    access: Access = Access()
    kf: Kf = Kf()
    contacts: Contacts = Contacts()
    welcome: Welcome = Welcome()
    tiers: Tiers = Tiers()
    followups: Followups = Followups()
    quiet: Quiet = Quiet()
    games: Games = Games()
    checkins: Checkins = Checkins()
    digest: Digest = Digest()
    nlp: Nlp = Nlp()
    scriptbank: Scriptbank = Scriptbank()
    privacy: Privacy = Privacy()
    stores: tuple[Store, ...] = ()
    advisors: tuple[Advisor, ...] = ()
    managers: tuple[Manager, ...] = ()
