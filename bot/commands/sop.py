"""sop, winback: plans and what calling back has brought, as their readers would see it."""

from pathlib import Path

import click

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
from handlers import enrol, plans
from handlers import sop as planning
from handlers import winback as calling
from handlers.context import Ctx
from handlers.sop import Plan
from handlers.words import exactly
from storage import sop as rows


@click.group()
def sop() -> None:
    """一对一 SOP：有哪些计划、谁会收到什么、开启和停止、检查计划文件。"""


@sop.command("list")
@for_option
@at_option
@json_option
@click.pass_obj
def list_(options: Options, userid: str, at: str, as_json: bool) -> None:
    """每个计划开着没有、几位在走。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            _known(userid, ctx)
            found = [_row(plan, userid, ctx) for plan in enrol.plans(ctx)]
    columns = {"name": "计划", "priority": "优先级", "on": "开着的门店", "starts": "什么时候开始",
               "steps": "步数", "running": "进行中", "waiting": "排队", "done": "走完"}  # fmt: skip
    show(found, columns, as_json=as_json)


def _row(plan: Plan, userid: str, ctx: Ctx) -> dict[str, object]:
    switched, counted = rows.switches(ctx.db), plans.counts(userid, ctx).get(plan.name, {})
    on = [s for s in plans.scope(userid, ctx) if enrol.is_on(plan, s, switched)]
    return {"name": plan.name, "priority": plan.priority, "on": "、".join(on),
            "starts": plans.starts(plan), "steps": len(plan.steps),
            "running": counted.get(rows.RUNNING, 0), "waiting": counted.get(rows.WAITING, 0),
            "done": counted.get(rows.DONE, 0)}  # fmt: skip


@sop.command()
@click.argument("name")
@for_option
@at_option
@json_option
@click.pass_obj
def preview(options: Options, name: str, userid: str, at: str, as_json: bool) -> None:
    """谁会在什么时候收到什么，最多 20 行。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            _known(userid, ctx)
            found = [_line(one, ctx) for one in plans.preview(_plan(name, ctx), userid, ctx)]
    columns = {"when": "什么时候", "customer": "客户", "step": "第几步", "what": "收到什么",
               "why_not": "现在为什么不能"}  # fmt: skip
    show(found, columns, as_json=as_json)


def _line(one: plans.Preview, ctx: Ctx) -> dict[str, object]:
    return {"when": exactly(one.when.astimezone(ctx.zone)), "customer": one.customer.name,
            "step": one.step, "what": one.what, "why_not": one.why_not}  # fmt: skip


@sop.command()
@click.argument("name")
@for_option
@click.pass_obj
def start(options: Options, name: str, userid: str) -> None:
    """为 USERID 管的门店开启一个计划。"""
    _turn(options, name, userid, enrol.ON)


@sop.command()
@click.argument("name")
@for_option
@click.pass_obj
def stop(options: Options, name: str, userid: str) -> None:
    """为 USERID 管的门店停止一个计划，正在走的都退出。"""
    _turn(options, name, userid, enrol.OFF)


def _turn(options: Options, name: str, userid: str, state: str) -> None:
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment("", config.server.timezone))
            if ctx.team.manager(userid) is None:
                fail(f"{userid} 不在 [[managers]] 里，开启和停止由经理来", WRONG_USE)
            with store.atomic():
                left = plans.turn(_plan(name, ctx), state, userid, ctx)
            stores = "、".join(plans.scope(userid, ctx))
    more = f"，{left}位退出" if state == enrol.OFF else ""
    click.echo(f"已{state}“{name}”：{stores}{more}")


@sop.command()
@click.argument("files", nargs=-1, required=True,
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
def lint(files: tuple[Path, ...]) -> None:
    """检查计划文件：错误带文件、行号、字段、写的是什么、应该是什么。"""
    broken = 0
    for file in files:
        plan, problems = planning.read(file.name, _text(file))
        broken += len(problems)
        for problem in problems:
            click.echo(str(problem))
        if plan:
            click.echo(f"{file.name}：“{plan.name}”没有问题，{len(plan.steps)}步")
    if broken:
        fail(f"{broken} 处要改")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{file} 不是 UTF-8 文本，请另存为 UTF-8")


@click.command()
@for_option
@at_option
@json_option
@click.pass_obj
def winback(options: Options, userid: str, at: str, as_json: bool) -> None:
    """战败召回的结果：召回率、下订率，旁边是案例的参考值。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            _known(userid, ctx)
            if not as_json:
                click.echo("\n".join(calling.lines(userid, ctx)))
                return
            worth, found = calling.results(userid, ctx)
            answered = [one for one in found if one.answered]
    show([{"worth": worth, "called": len(found), "answered": len(answered),
           "ordered": sum(one.ordered for one in answered),
           "yardstick_answered": calling.CALLED_BACK, "yardstick_ordered": calling.ORDERED}],
         {}, as_json=True)  # fmt: skip


def _known(userid: str, ctx: Ctx) -> None:
    if not (ctx.team.advisor(userid) or ctx.team.manager(userid)):
        fail(f"{userid} 不在 [[advisors]] 和 [[managers]] 里", WRONG_USE)


def _plan(name: str, ctx: Ctx) -> Plan:
    found = enrol.plan_of(name, ctx)
    if found is None:
        known = "、".join(plan.name for plan in enrol.plans(ctx))
        fail(f"没有叫“{name}”的计划；有：{known}", WRONG_USE)
    return found
