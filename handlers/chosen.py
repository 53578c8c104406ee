"""What follows an answer to a question with a few answers."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from handlers import (
    activities,
    digest_lines,
    escalation,
    group_tasks,
    h5_claims,
    leads,
    leave,
    leavers,
    lost,
    overrides,
    prizes,
    sharing,
    stars,
    steps,
    training,
    verdicts,
    visits,
    watch,
)
from handlers.context import Ctx
from handlers.group_plans import chat as group_plans
from handlers.group_plans import days as group_days
from handlers.values import Action, Send
from storage.dialogs import Dialog

TAKE: Mapping[str, Callable[[Dialog, str, Ctx], Iterator[Action]]] = MappingProxyType({
    "verdict": verdicts.chosen, "reassign": escalation.chosen, "deputy": leave.chosen,
    "confirm": visits.chosen, "came": visits.chosen, "lead": leads.chosen, "lead_to": leads.given,
    "lost": lost.decided, "sop": steps.decided, "sop_mass": steps.mass_decided,
    "group_task": group_tasks.decided,
    group_plans.DO: group_plans.decided, group_days.DO: group_days.decided,
    "override": overrides.chosen, "override_why": overrides.reasoned,
    digest_lines.MOVE: digest_lines.chosen, digest_lines.NOTE: digest_lines.chosen,
    digest_lines.PRAISE: digest_lines.praised,
    leavers.DO: sharing.chosen, prizes.DO: prizes.chosen, h5_claims.DO: h5_claims.chosen,
    activities.PICK: activities.picked, activities.WHERE: activities.placed,
    activities.SURE: activities.decided,
    watch.DO: watch.chosen, stars.DO: stars.chosen, training.DO: training.chosen,
})  # fmt: skip


def decide(dialog: Dialog, key: str, ctx: Ctx) -> Iterator[Action]:
    """A button was pressed."""
    yield from take(dialog, int(key.partition(":")[2]), ctx)


def take(dialog: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    options = dialog.body["options"]
    if not 1 <= n <= len(options):
        yield Send(dialog.member, f"请回复 1 到 {len(options)}。")
        return
    yield from TAKE[dialog.body["do"]](dialog, options[n - 1][1], ctx)


def words(asked: Dialog, text: str, ctx: Ctx) -> Iterator[Action] | None:
    """An answer in words: 到了, 改到周日上午, or what stands on a button; None for others."""
    if actions := visits.words(asked, text, ctx):
        return actions
    options = asked.body.get("options", ())
    said = text.strip(" 。！!")
    n = next((n for n, (label, _) in enumerate(options, 1) if label == said), 0)
    return take(asked, n, ctx) if n else None
