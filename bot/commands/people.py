"""followups, digest: what a person would see, at any moment."""

import json
from datetime import timedelta
from pathlib import Path

import click

from bot import pictures
from bot.commands.common import (
    WRONG_USE,
    Options,
    at_option,
    context,
    fail,
    for_option,
    json_option,
    moment,
    opened,
    show,
    told,
)
from handlers import digests, followups
from handlers.words import TIERS, when
from storage import customers as people
from storage import followups as owed


@click.group("followups")
def followups_() -> None:
    """跟进。"""


@followups_.command("due")
@for_option
@at_option
@json_option
@click.pass_obj
def due(options: Options, userid: str, at: str, as_json: bool) -> None:
    """到当天为止该联系谁、为什么、说什么。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            end = ctx.on(ctx.today + timedelta(days=1), ctx.settings.followups.shift_from)
            rows = []
            for followup in owed.owed_by(store, userid, end):
                customer = people.get(store, followup.customer)
                if customer is None:
                    continue
                item = followups.item(followup, customer, ctx)
                due_at = when(followup.due_at.astimezone(ctx.zone), ctx.local)
                rows.append({"customer": customer.name, "tier": TIERS[customer.tier],
                             "level": customer.level, "due": due_at, "why": item.why,
                             "say": item.say})  # fmt: skip
    columns = {"customer": "客户", "tier": "意向", "level": "级别", "due": "应联系", "why": "原因",
               "say": "说什么"}  # fmt: skip
    show(rows, columns, as_json=as_json)


@click.command()
@for_option
@at_option
@click.option("--edition", type=click.Choice(["morning", "evening"]), help="早报或晚报，默认按时刻")
@click.option("--picture", type=click.Path(path_type=Path), help="把图存成 PNG")
@json_option
@click.pass_obj
def digest(
    options: Options, userid: str, at: str, edition: str | None, picture: Path | None, as_json: bool
) -> None:
    """经理在那一刻会收到的日报。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            manager = ctx.team.manager(userid)
            if manager is None:
                known = "、".join(m.userid for m in ctx.settings.managers)
                fail(f"{userid} 不在 [[managers]] 里；已有：{known or '无'}", WRONG_USE)
            kind = edition or digests.edition_at(ctx)
            found = digests.compile_for(manager, kind, ctx)
    if picture is not None:
        picture.write_bytes(pictures.png(found.svg))
    if as_json:
        parts = [{"name": p.name, "line": p.line, "details": p.details} for p in found.parts]
        body = {"title": found.title, "headline": found.headline, "parts": parts,
                "actions": found.actions}  # fmt: skip
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        click.echo(found.text)
