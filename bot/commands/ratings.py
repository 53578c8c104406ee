"""ratings: what staff think of the aibot's answers."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import click

from bot.commands.common import Options, at_option, json_option, moment, opened, show, told
from handlers.ratings import BAD, GOOD, REASONS
from storage import ratings as stored
from storage.ratings import Rating


@click.command()
@click.option("--days", default=30, show_default=True, help="看最近多少天")
@at_option
@json_option
@click.pass_obj
def ratings(options: Options, days: int, at: str, as_json: bool) -> None:
    """智能机器人的回答被评为准或不准各多少次，不准的是哪些问题。"""
    with told():
        config = options.load()
        since = moment(at, config.server.timezone) - timedelta(days=days)
        with opened(config) as store:
            counts, bad = stored.counts(store, since), stored.bad(store, since)
    if not as_json:
        click.echo(_head(counts, bad))
    rows = [_row(rating, body) for rating, body in bad]
    columns = {"question": "问的什么", "reasons": "哪里不准", "words": "补充", "member": "谁"}
    show(rows, columns, as_json=as_json)


def _head(counts: dict[int, int], bad: list[tuple[Rating, str]]) -> str:
    good, wrong = counts.get(GOOD, 0), counts.get(BAD, 0)
    reasons = Counter(REASONS[r] for rating, _ in bad for r in rating.reasons)
    named = "、".join(f"{name}{n}" for name, n in reasons.most_common())
    return f"准 {good} 次，不准 {wrong} 次" + (f"（{named}）" if named else "") + "。"


def _row(rating: Rating, body: str) -> dict[str, Any]:
    reasons = "、".join(REASONS[r] for r in rating.reasons)
    return {"question": _question(body), "reasons": reasons, "words": rating.words,
            "member": rating.member, "at": rating.at.isoformat()}  # fmt: skip


def _question(body: str) -> str:
    """ "" once the question itself was forgotten."""
    if not body:
        return ""
    return str((json.loads(body).get("text") or {}).get("content") or "")
