"""Trials of two scripts: which of them a customer may be shown, and what has come of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from handlers.context import Ctx
from handlers.library import LIVE, STOPPED, Refused, known, set_status
from handlers.values import Action, Send
from scriptbank import trial as judging
from scriptbank.script import Query, Script
from scriptbank.trial import Arm, Verdict
from storage import trials
from storage.trials import Trial

RUNNING, ENDED, DECIDED = "running", "stopped", "decided"
LEAST = 30  # sendings of each arm below which nothing could be said


@dataclass(frozen=True, slots=True)
class Standing:
    trial: Trial
    a: Arm
    b: Arm
    verdict: Verdict


def start(a: str, b: str, ctx: Ctx, *, tier: str, stage: str, arm: int, by: str) -> Trial:
    """Try `a` against `b`; Refused when that would tell nothing."""
    for script_id in (a, b):
        if known(ctx.db, script_id).status != LIVE:
            raise Refused(f"{script_id} 还没有发布，先发布再试")
        if any(script_id in (t.a, t.b) for t in trials.running(ctx.db)):
            raise Refused(f"{script_id} 已经在另一个试验里")
    if a == b:
        raise Refused("两条话术要不一样")
    if arm < LEAST:
        raise Refused(f"每组至少{LEAST}次，少了看不出差别")
    trial = Trial(f"t{ctx.new_id()[:6]}", a, b, tier, stage, arm, ctx.now, by)
    trials.start(ctx.db, trial)
    return trial


def hidden(query: Query, customer: str, ctx: Ctx) -> frozenset[str]:
    """The scripts this customer must not be shown, since they are in the other arm."""
    if not customer:
        return frozenset()
    return frozenset(_other(t, customer) for t in trials.running(ctx.db) if _concerns(t, query))


def _concerns(trial: Trial, query: Query) -> bool:
    return trial.tier in ("", query.tier) and trial.stage in ("", query.stage)


def _other(trial: Trial, customer: str) -> str:
    return trial.b if judging.arm_of(trial.id, customer) == "a" else trial.a


def standing(trial: Trial, ctx: Ctx) -> Standing:
    """Only customers who got the script of their own arm are counted."""
    rows = [r for r in trials.sent(ctx.db, trial, trial.ended_at or ctx.now)
            if r["script"] != _other(trial, r["customer"])]  # fmt: skip
    arms = {}
    for script in (trial.a, trial.b):
        own = [r for r in rows if r["script"] == script]
        replied = sum(r["replied_at"] is not None for r in own)
        arms[script] = Arm(len(own), replied, sum(r["harmed"] for r in own))
    a, b = arms[trial.a], arms[trial.b]
    return Standing(trial, a, b, judging.judge(a, b, trial.arm))


def decide(trial_id: str, winner: str, ctx: Ctx, by: str) -> Script:
    """A person takes `winner` (a or b): the trial ends and the other script is stopped."""
    trial = trials.get(ctx.db, trial_id)
    if trial is None or trial.state == DECIDED:
        raise Refused(f"没有还在进行的试验 {trial_id}")
    words = standing(trial, ctx).verdict.words
    loser = trial.b if winner == "a" else trial.a
    trials.end(ctx.db, trial.id, DECIDED, f"选了 {winner.upper()}；{words}", ctx.now)
    return set_status(ctx.db, loser, STOPPED, ctx.today, ctx.now, by)


def tick(ctx: Ctx) -> Iterator[Action]:
    """Stop what harms at once; tell once when a trial has reached its numbers."""
    for trial in trials.running(ctx.db):
        found = standing(trial, ctx)
        if found.verdict.state != "waiting":
            trials.end(ctx.db, trial.id, ENDED, found.verdict.words, ctx.now)
            text = f"话术试验 {trial.id}（{trial.a} 对 {trial.b}）：{found.verdict.words}。" + (
                f"决定后运行 salesbot scripts trial pick {trial.id} a 或 b"
            )
            yield from (Send(member, text) for member in ctx.settings.access.operators)
