"""How far a group's members are, each by their own join date, and which plan suits the group."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from handlers.analytics.formulas import GroupFigures, Life
from handlers.analytics.groups import life_of
from handlers.context import Ctx
from handlers.group_plans.plan import NEWCOMERS, THIS_WEEK, WEEKS, Plan
from nlp import mask
from storage import group_sop as rows
from storage.db import Row, at

WEEK = 7


@dataclass(frozen=True, slots=True)
class Seat:
    """A customer in a group; `days` since they joined."""

    id: str
    name: str
    days: int


@dataclass(frozen=True, slots=True)
class State:
    """Where a group stands. `band` is what most members are in, `why` says how many of how many."""

    seats: tuple[Seat, ...]
    band: str
    why: str
    cohort: bool
    figures: GroupFigures
    life: Life | None

    @property
    def stage(self) -> str:
        return self.life.stage if self.life else "没有客户"

    @property
    def told(self) -> str:
        """The coefficient with its four inputs."""
        if self.life is None:
            return "没有客户，不算系数"
        one = self.life
        return (f"{one.stage}，系数{one.value:.0f}（流入{one.inflow:.0%}、流出{one.outflow:.0%}、"
                f"沉默{one.silent:.0%}、建群{one.weeks:.0f}周）")  # fmt: skip


def state(room: Row, ctx: Ctx) -> State:
    seats = seats_of(room["chat_id"], ctx)
    figures, life = life_of(room, ctx.now, ctx)
    is_cohort = cohort(seats, ctx)
    band, why = majority(seats)
    if is_cohort:
        band, why = band_of(_middle(seats).days), f"同批群，{why}"
    return State(seats, band, why, is_cohort, figures, life)


def seats_of(chat_id: str, ctx: Ctx) -> tuple[Seat, ...]:
    """The customers; staff of ours are none, whatever the list says of them."""
    found = [
        Seat(row["member"], mask.phones(row["name"]), _days(row["joined_at"], ctx))
        for row in rows.seats(ctx.db, chat_id)
        if not ctx.team.known(row["member"])
    ]
    return tuple(found)


def _days(joined: str, ctx: Ctx) -> int:
    """Whole days of the calendar, as people count them."""
    return max(0, (ctx.today - at(joined).astimezone(ctx.zone).date()).days)


def band_of(days: int) -> str:
    """The 14th day after joining still belongs to the second week."""
    week = days // WEEK + 1
    return WEEKS[0] if week <= 2 else WEEKS[1] if week <= 4 else WEEKS[2]


def majority(seats: Sequence[Seat]) -> tuple[str, str]:
    """What most members are in; of two that are level the earlier, which needs more care."""
    if not seats:
        return "", "没有客户"
    counted = Counter(band_of(seat.days) for seat in seats)
    band = max(WEEKS, key=lambda one: (counted[one], -WEEKS.index(one)))
    return band, f"多数在{said(band)}（{counted[band]}/{len(seats)}）"


def said(band: str) -> str:
    """第1-2周, 第5周以后."""
    return f"第{band.removesuffix('+')}周{'以后' if band.endswith('+') else ''}"


def _middle(seats: Sequence[Seat]) -> Seat:
    return sorted(seats, key=lambda seat: seat.days)[len(seats) // 2]


def cohort(seats: Sequence[Seat], ctx: Ctx) -> bool:
    """Built at one go: nearly everybody joined within a few days of one another."""
    s = ctx.settings.group_sop
    if len(seats) < 2:
        return False
    middle = _middle(seats).days
    near = sum(abs(seat.days - middle) <= s.cohort_days for seat in seats)
    return near / len(seats) >= s.cohort_share


def meant(to: str, seats: Sequence[Seat], ctx: Ctx) -> tuple[Seat, ...]:
    """Whom a node is for, the latest first; everybody where it is for the whole group."""
    most = {NEWCOMERS: ctx.settings.group_sop.newcomer_days, THIS_WEEK: WEEK}.get(to)
    found = [seat for seat in seats if most is None or seat.days < most]
    return tuple(sorted(found, key=lambda seat: (seat.days, seat.id)))


def names(seats: Sequence[Seat], most: int = 8) -> str:
    """小美、阿强等23位: nobody reads five hundred names."""
    known = [seat.name for seat in seats if seat.name]
    if seats and not known:
        return f"{len(seats)}位新朋友"
    listed = "、".join(known[:most])
    return listed if len(seats) <= most else f"{listed}等{len(seats)}位"


def not_now(weeks: str, found: State) -> str:
    """Why a node for certain weeks is not for this group; "" when it is."""
    if not weeks or not found.band or weeks == found.band:
        return ""
    return f"这条给{said(weeks)}的群，本群{found.why}"


# Which plan


def suits(plan: Plan, room: Row, found: State) -> str:
    """Why a plan is not meant for a group, in words; "" when it is."""
    for value, wanted, what in (
        (room["kind"], plan.kinds, "群"), (found.stage, plan.stages, "阶段"),
        (found.band, plan.weeks, "周"),
    ):  # fmt: skip
        if wanted and value not in wanted:
            return f"计划给{'、'.join(wanted)}{what}，本群是{value or '不明'}{what}"
    return ""


def recommend(room: Row, found: State, plans: Sequence[Plan]) -> tuple[Plan | None, str]:
    """The strongest plan that this group's kind, stage and weeks ask for, and why."""
    chosen = [plan for plan in plans
              if not plan.dated and plan.stages and not suits(plan, room, found)]  # fmt: skip
    if not chosen:
        return None, f"{found.told}；{found.why}：没有对得上的计划"
    best = max(chosen, key=lambda plan: (plan.priority, plan.name))
    asked = "、".join(part for part in (f"{room['kind']}群", found.told, found.why) if part)
    return best, f"{asked}，选“{best.name}”"


def first_of(day: date) -> date:
    return day.replace(day=1)


def last_of(day: date) -> date:
    return (first_of(day) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
