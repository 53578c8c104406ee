"""练话术: which answer fits what a customer says; what was wrong comes again, and again later.

For advisors, without points: what is counted is for them and for who runs their store.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.customer_groups import INTERNAL
from handlers.games.base import LETTERS
from handlers.games.seat import Seat
from handlers.settings import Advisor
from handlers.values import Action, Inbound, Send
from handlers.words import short
from scriptbank import fill
from scriptbank.script import Script
from storage import groups, training
from storage.dialogs import Dialog
from storage.games import Round

DO = "drill"
SCRIPT, FACT = "script:", "quiz:"
WRONG = 3  # answers that do not fit
LONGEST = 60
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Drill:
    """A question with its answers in the order in which they are shown."""

    key: str
    text: str
    options: tuple[str, ...]
    right: int
    explain: str

    @property
    def letter(self) -> str:
        return LETTERS[self.right]

    def question(self) -> dict[str, object]:
        """As the quiz of a group asks it."""
        return {"id": self.key, "text": self.text, "options": list(self.options),
                "answer": self.letter, "explain": self.explain}  # fmt: skip


# Making questions


def usable(ctx: Ctx) -> dict[str, Script]:
    """Published answers to what customers ask that need no name or figure filled in."""
    return {
        s.id: s for s in ctx.bank.all()
        if s.q and s.concerns and s.scope == "企业" and s.live(ctx.today) and _said(s)
    }  # fmt: skip


def _said(script: Script) -> str:
    """What would be sent; "" where something is missing in it."""
    filled = fill.fill(script, {}, follow_up=False)
    return "" if filled.missing else short(filled.text, LONGEST)


def _rank(about: str, one: str) -> str:
    """An order that is the same for everybody at any time."""
    return hashlib.blake2s(f"{about}/{one}".encode(), digest_size=8).hexdigest()


def of_script(script: Script, others: Mapping[str, Script]) -> Drill | None:
    """The right answer among three of other scenes; None where there are not three."""
    away = [o for o in others.values() if not set(o.concerns) & set(script.concerns)
            and o.scene != script.scene]  # fmt: skip
    away.sort(key=lambda o: _rank(script.id, o.id))
    right = _said(script)
    texts = list(dict.fromkeys([right, *(_said(o) for o in away[: WRONG * 3])]))[: WRONG + 1]
    if len(texts) <= WRONG:
        return None
    texts.sort(key=lambda text: _rank(script.id, text))
    why = f"“{script.title}”：{right}"
    return Drill(f"{SCRIPT}{script.id}", f"客户说“{script.q}”，哪句合适？", tuple(texts),
                 texts.index(right), why)  # fmt: skip


def of_fact(question: Mapping[str, object]) -> Drill:
    options = question["options"]
    texts = tuple(str(one) for one in options) if isinstance(options, list | tuple) else ()
    return Drill(f"{FACT}{question['id']}", str(question["text"]), texts,
                 LETTERS.index(str(question["answer"])), str(question["explain"]))  # fmt: skip


def drill(key: str, ctx: Ctx) -> Drill | None:
    """The question of that key, as it would be asked today; None when it is gone."""
    if key.startswith(FACT):
        found = next((q for q in ctx.quiz if f"{FACT}{q['id']}" == key), None)
        return of_fact(found) if found and not found.get("preference") else None
    known = usable(ctx)
    script = known.get(key.removeprefix(SCRIPT))
    return of_script(script, known) if script else None


def keys(ctx: Ctx) -> list[str]:
    facts = [f"{FACT}{q['id']}" for q in ctx.quiz if not q.get("preference")]
    return [*(f"{SCRIPT}{one}" for one in usable(ctx)), *facts]


# One by one, in the app chat


def command(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    member = msg.sender
    most = ctx.settings.training.per_day
    if training.answered(ctx.db, member, ctx.on(ctx.today, time())) >= most:
        yield Send(member, f"今天练了{most}题，够了，明天再来。")
        return
    found = following(member, ctx)
    if found is None:
        yield Send(member, "都练完了，到该复习的时候再来。")
        return
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, found.options, strict=False)]
    yield Send(member, "\n".join([f"📝 {found.text}", *lines]))
    options = tuple((letter, letter) for letter, _ in zip(LETTERS, found.options, strict=False))
    about = {"question": found.key, "right": found.letter, "explain": found.explain}
    yield ask(member, Choice(DO, "练话术", "选哪个？", options, about), ctx)


def following(member: str, ctx: Ctx) -> Drill | None:
    """What is due again, otherwise one that was never asked."""
    for key in training.due(ctx.db, member, ctx.now):
        if found := drill(key, ctx):
            return found
    seen = training.known(ctx.db, member)
    fresh = sorted((k for k in keys(ctx) if k not in seen), key=lambda k: _rank(member, k))
    return next((found for k in fresh[:10] if (found := drill(k, ctx))), None)


def chosen(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    body = dialog.body
    good = answer == body["right"]
    days = learnt(dialog.id, dialog.member, body["question"], good, ctx)
    if days is None:
        yield Send(dialog.member, "这一题答过了，回复 练习 再来一题。")
        return
    told = "✅ 对。" if good else f"不对，应该选{body['right']}。"
    again = f"{days}天后再练一次。" if days else "今天还会再出。"
    yield Send(dialog.member, f"{told}{body['explain']}\n{again}回复 练习 再来一题。")


def learnt(key: str, member: str, question: str, good: bool, ctx: Ctx) -> int | None:
    """Note an answer and when the question comes again, in days; None for one noted before."""
    if not training.answer(ctx.db, key, member, question, good, ctx.now):
        return None
    before = training.state(ctx.db, member, question)
    box = (int(before["box"]) if before else 0) + 1 if good else 0
    steps = ctx.settings.training.steps
    days = steps[min(max(box, 1), len(steps)) - 1] if steps else 1
    training.move(ctx.db, member, question, box, _morning(days, ctx), ctx.now)
    return days


def _morning(days: int, ctx: Ctx) -> datetime:
    """From midnight of that day on, so that a question is due with the first coffee."""
    return ctx.on(ctx.today + timedelta(days=days), time()) if days else ctx.now


# In an internal group


def lent(chat: str, ctx: Ctx) -> Ctx | None:
    """The quiz with questions of the drill and worth no points; None outside internal groups."""
    room = groups.get(ctx.db, chat)
    if room and room["kind"] != INTERNAL:
        return None
    known = usable(ctx)
    first = sorted(known, key=lambda one: _rank(f"{chat}{ctx.today}", one))[:20]
    found = [d.question() for one in first if (d := of_script(known[one], known))]
    games = ctx.settings.games.model_copy(update={"quiz_points": 0})
    return replace(ctx, quiz=tuple(found), settings=ctx.settings.model_copy(
        update={"games": games}))  # fmt: skip


def noted(round_: Round, seat: Seat, good: bool, ctx: Ctx) -> str:
    """An answer in a group counts like one in the app chat; the group hears nothing of it."""
    key = str(round_.body.get("id", ""))
    if key.startswith(SCRIPT) and ctx.team.known(seat.player):
        learnt(f"{round_.id}:{seat.player}", seat.player, key, good, ctx)
    return ""


# Scores


def board(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """成绩: a manager's advisors; an advisor's own, with what to look at again."""
    if manager := ctx.team.in_charge(msg.sender):
        team = ctx.team.advisors_of(manager.stores)
    else:
        advisor = ctx.team.advisor(msg.sender)
        team = [advisor] if advisor else []
    lines = list(_scores(team, ctx))
    none = "近7天没有人练过。回复 练习 出一题。"
    yield Send(msg.sender, "\n".join(["练话术，近7天：", *lines]) if lines else none)


def _scores(team: Sequence[Advisor], ctx: Ctx) -> Iterator[str]:
    until = ctx.now + timedelta(seconds=1)  # what was answered this very moment counts
    found = training.scores(ctx.db, [a.userid for a in team], until - WEEK, until)
    for one in sorted(team, key=lambda a: (-found[a.userid][1], a.userid)):
        n, good = found[one.userid]
        if n:
            weak = [
                d.text for key in training.weak(ctx.db, one.userid, 1) if (d := drill(key, ctx))
            ]
            again = f"；要再看：{short(weak[0], 30)}" if weak else ""
            yield f"· {one.name}：{n}题，答对{good}题（{good / n:.0%}）{again}"


def line(team: Sequence[Advisor], ctx: Ctx) -> str:
    """For the morning sheet: who practised yesterday; "" when nobody did."""
    until = ctx.on(ctx.today, time())
    found = training.scores(ctx.db, [a.userid for a in team], until - timedelta(days=1), until)
    parts = [f"{a.name}{found[a.userid][1]}/{found[a.userid][0]}" for a in team
             if found[a.userid][0]]  # fmt: skip
    return f"昨天练话术（对/答）：{'、'.join(parts)}" if parts else ""
