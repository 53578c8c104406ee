"""What customers ask next: counted from what they asked after a script, offered beneath it."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from handlers.context import Ctx
from scriptbank.script import Script, Suggestions
from scriptbank.wording import letters
from storage import scripts
from storage.customers import Customer

COUNTED = 5  # transitions from which a likeliest question is told
TWICE = 2  # what was asked but once is no habit
SHOWN = 2
SINCE = timedelta(days=180)
LINKED = timedelta(days=14)  # a question after that is a new subject


def count(customer: Customer, question: str, found: Suggestions, ctx: Ctx) -> None:
    """The first question after a script was sent is counted once, by the script that answers it."""
    last = scripts.last_adopted(ctx.db, customer.id, ctx.now - LINKED)
    if last is None or not found.confident or letters(last["question"]) == letters(question):
        return
    scripts.follow(
        ctx.db, use_id=last["id"], script=last["script"],
        next_script=found.items[0].script.id, now=ctx.now,
    )  # fmt: skip


def likely(shown: Iterable[str], member: str, ctx: Ctx) -> list[Script]:
    """The questions most often asked after these scripts; none when too few were counted."""
    ids = list(shown)
    after = Counter(scripts.followed(ctx.db, ids, ctx.now - SINCE) if ids else {})
    if after.total() < COUNTED:
        return []
    ranked = sorted(after.items(), key=lambda pair: (-pair[1], pair[0]))
    asked = (ctx.bank.get(key) for key, n in ranked if n >= TWICE and key not in ids)
    return [s for s in asked if s and s.q and s.live(ctx.today) and _for(s, member)][:SHOWN]


def _for(script: Script, member: str) -> bool:
    return script.scope != "个人" or script.owner == member


def line(found: list[Script]) -> list[str]:
    """接下来常问：1) … 2) …, or nothing."""
    if not found:
        return []
    asked = " ".join(f"{n}) {s.q}" for n, s in enumerate(found, 1))
    return ["", f"接下来常问：{asked}（回复 下一问 1 看话术）"]
