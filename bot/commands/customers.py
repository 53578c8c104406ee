"""customers: one on a card, all of them in a table, in and out; merged, and forgotten."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from bot import outbox as sending
from bot.clock import WallClock
from bot.commands.common import (
    BROKEN,
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
from handlers import cards, intake, merge, names, privacy
from handlers.context import Ctx
from handlers.intake import HEADINGS, ORDERS
from handlers.values import Send
from scriptbank import tables
from scriptbank.problems import Problem
from storage import audit, merging
from storage import customers as people
from storage.customers import Customer
from storage.leads import Lead

LISTED = 10  # lines of each kind in a preview
LONG = 2000  # rows from which it takes seconds


@click.group()
def customers() -> None:
    """客户。"""


def _one(name: str, userid: str, ctx: Ctx) -> Customer:
    found = names.look(name, userid, ctx)
    if found.one is None:
        among = "、".join(names.describe(c, ctx) for c in found.candidates)
        said = f"，可能是：{among}" if among else f"，{userid} 名下没有"
        fail(f"没有唯一的“{name}”{said}")
    return found.one


def _note(userid: str, what: str, customer: str, ctx: Ctx) -> None:
    """On the command line as in the chat: who looked is kept."""
    with ctx.db.atomic():
        audit.note(ctx.db, who=userid, what=what, customer=customer, now=WallClock().now())


@customers.command("show")
@click.argument("name")
@for_option
@at_option
@json_option
@click.pass_obj
def show_customer(options: Options, name: str, userid: str, at: str, as_json: bool) -> None:
    """一位客户的卡片，按 USERID 看得到的范围。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, moment(at, config.server.timezone))
            customer = _one(name, userid, ctx)
            lines = cards.lines(customer, ctx)
            _note(userid, "show", customer.id, ctx)
            tags = people.tags(store, customer.id, ctx.now)
    if as_json:
        rows = [{"kind": t.kind, "code": t.code, "polarity": t.polarity, "value": t.value,
                 "evidence": t.evidence, "confidence": t.confidence} for t in tags]  # fmt: skip
        click.echo(json.dumps({"card": lines, "tags": rows}, ensure_ascii=False))
    else:
        click.echo("\n".join(lines))


# In


@customers.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "maps", multiple=True, metavar="表里的列=我们的列", help="列名对不上时用")
@click.option("--leads", is_flag=True, help="当作新线索：按门店权重、班次和手上的活分给顾问并通知")
@click.option("--orders", is_flag=True, help="表里是到店、试驾、下订、交付等记录，不是客户")
@click.option("--dry-run", is_flag=True, help="只看会改什么")
@json_option
@click.pass_obj
def import_(
    options: Options, file: Path, maps: tuple[str, ...], leads: bool, orders: bool, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """从 xlsx 或 csv 导入客户（--leads 线索，--orders 订单）；好的行导入，坏的行逐条说明。"""
    if leads and orders:
        fail("--leads 和 --orders 只能写一个", WRONG_USE)
    renamed = dict(_pair(one) for one in maps)
    with told():
        config = options.load()
        columns = ORDERS if orders else HEADINGS
        lines, spare = intake.read(tables.grid(file), file.name, columns, renamed)
        with opened(config) as store:
            ctx = context(store, config, WallClock().now())
            with _bar(len(lines), as_json) as step:
                bring = _orders if orders else _leads if leads else _customers
                said = bring(lines, file.name, ctx, step, dry_run=dry_run)
    _report(said, spare, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    theirs, is_pair, ours = text.partition("=")
    if not (theirs.strip() and is_pair and ours.strip()):
        fail(f"--map 是 {text!r}，应为 表里的列=我们的列，例如 客户称谓=姓名", WRONG_USE)
    return theirs.strip(), ours.strip()


Step = Callable[[], None]


@contextmanager
def _bar(rows: int, quiet: bool) -> Iterator[Step]:
    console = Console(stderr=True)
    hidden = quiet or rows < LONG or not console.is_terminal
    with Progress(console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("导入", total=rows)
        yield lambda: bar.advance(task)


Said = dict[str, object]


def _customers(
    lines: Sequence[intake.Line], file: str, ctx: Ctx, step: Step, *, dry_run: bool
) -> Said:
    found = intake.plan(lines, file, ctx)
    examples = [f"新增 {c.name or c.phone}" for c, _ in found.new[:LISTED]]
    examples += [f"改 {c.name}：{_news(news)}" for c, news, _ in found.changed[:LISTED] if news]
    if not dry_run:
        with ctx.db.atomic():
            intake.bring_in(found, ctx, step)
    return {"applied": not dry_run, "new": len(found.new), "changed": len(found.changed),
            "unchanged": found.unchanged, "examples": examples, "bad": found.bad,
            "notes": found.notes}  # fmt: skip


def _leads(lines: Sequence[intake.Line], file: str, ctx: Ctx, step: Step, *, dry_run: bool) -> Said:
    """A dry run does everything and takes it back: only so it is known who would get whom."""
    ctx.db.run("savepoint leads")
    came, bad, old = intake.arrivals(lines, file, ctx, step)
    examples = [f"{one.customer.name} → {_whose(one.lead, ctx)}" for one in came[:LISTED]]
    if dry_run:
        ctx.db.run("rollback to leads")
    else:
        actions = [action for one in came for action in one.actions]
        sending.put(ctx.db, ctx.cause, ctx.now, actions)
    ctx.db.run("release leads")
    again = sum(one.known for one in came)
    return {"applied": not dry_run, "new": len(came) - again, "changed": again,
            "unchanged": len(old), "examples": examples, "bad": bad, "notes": old}  # fmt: skip


def _whose(lead: Lead, ctx: Ctx) -> str:
    return ctx.team.name(lead.advisor) if lead.advisor else "上班后分"


def _orders(
    lines: Sequence[intake.Line], file: str, ctx: Ctx, step: Step, *, dry_run: bool
) -> Said:
    good, bad = intake.plan_orders(lines, file, ctx)
    examples = [f"{one.customer.name} {one.at:%Y-%m-%d} {one.kind}" for one in good[:LISTED]]
    fresh = 0
    if not dry_run:
        with ctx.db.atomic():
            fresh = intake.bring_orders(good, ctx, step)
    new = len(good) if dry_run else fresh
    return {"applied": not dry_run, "new": new, "changed": 0, "unchanged": len(good) - new,
            "examples": examples, "bad": bad, "notes": []}  # fmt: skip


def _news(news: Mapping[str, object]) -> str:
    return "、".join(f"{HEADINGS[n][0]}→{_cell(v)}" for n, v in news.items() if n in HEADINGS)


def _cell(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)


def _report(said: Said, spare: list[Problem], *, as_json: bool) -> None:
    bad, notes = _told(said["bad"]), [*map(str, spare), *_told(said["notes"])]
    if as_json:
        click.echo(json.dumps({**said, "bad": bad, "notes": notes}, ensure_ascii=False))
    else:
        done = "已导入" if said["applied"] else "会导入（--dry-run，没有写）"
        examples = said["examples"]
        for line in examples if isinstance(examples, list) else []:
            click.echo(f"  {line}")
        click.echo(f"{done}：新增 {said['new']}，改动 {said['changed']}，不变 {said['unchanged']}，"
                   f"没导入 {len(bad)}。")  # fmt: skip
        for line in [*notes[:LISTED], *bad[: 2 * LISTED]]:
            click.echo(line, err=True)
        if len(bad) > 2 * LISTED:
            click.echo(f"还有 {len(bad) - 2 * LISTED} 行有错，加 --json 看全部。", err=True)
    if bad:
        raise SystemExit(BROKEN)


def _told(problems: object) -> list[str]:
    return [str(problem) for problem in problems] if isinstance(problems, list) else []


# Out


@customers.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@for_option
@click.option("--one", "name", default="", help="只导出这一位的全部资料，FILE 写 .json 或 .txt")
@click.pass_obj
def export(options: Options, file: Path, userid: str, name: str) -> None:
    """导出 USERID 看得到的客户到 xlsx 或 csv；号码打码，公式不会被执行。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, WallClock().now())
            if name:
                customer = _one(name, userid, ctx)
                _write_one(file, customer, ctx)
                _note(userid, "export", customer.id, ctx)
                click.echo(f"{customer.name}的全部资料写进 {file}。")
                return
            rows = list(intake.table(names.visible(userid, ctx, -1), ctx))
            _note(userid, f"export {len(rows)}", "", ctx)
    _write(file, rows)
    click.echo(f"导出 {len(rows)} 位客户到 {file}。")


def _write_one(file: Path, customer: Customer, ctx: Ctx) -> None:
    """What a person may ask a copy of, for them (text) or for another program (JSON)."""
    if file.suffix not in (".json", ".txt"):
        fail(f"{file.name}：一位客户的资料写成 .json 或 .txt", WRONG_USE)
    lines = "\n".join(privacy.summary(customer, ctx)) + "\n"
    text = privacy.as_json(customer, ctx) if file.suffix == ".json" else lines
    file.write_text(text, encoding="utf-8")


def _write(file: Path, rows: Sequence[Mapping[str, str]]) -> None:
    headings = list(rows[0]) if rows else [names[0] for names in HEADINGS.values()]
    if file.suffix == ".csv":
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(headings)
        writer.writerows([tables.guarded(cell) for cell in row.values()] for row in rows)
        file.write_bytes(out.getvalue().encode("utf-8-sig"))
    elif file.suffix == ".xlsx":
        with tables.workbook(file) as book:
            sheet = book.add_worksheet("客户")
            sheet.freeze_panes(1, 2)
            for n, cells in enumerate([headings, *(row.values() for row in rows)]):
                for column, cell in enumerate(cells):
                    sheet.write_string(n, column, cell)
    else:
        fail(f"不认识的格式“{file.suffix}”；请用 .xlsx 或 .csv", WRONG_USE)


# Put together, and gone


@customers.command("merge")
@click.argument("kept", metavar="留下的")
@click.argument("gone", metavar="[并入的]", required=False)
@click.option("--undo", is_flag=True, help="把最近一次并入这位的拆开")
@for_option
@click.pass_obj
def merge_(options: Options, kept: str, gone: str | None, undo: bool, userid: str) -> None:
    """把同一个人的两条并成一条；--undo 拆开。"""
    if bool(gone) == undo:
        fail("写两个名字来合并，或一个名字加 --undo 来拆开", WRONG_USE)
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, WallClock().now())
            first = _one(kept, userid, ctx)
            if undo and merging.newest(store, first.id) is None:
                fail(f"{first.name}没有可以拆开的合并")
            with store.atomic():
                other = _one(gone, userid, ctx) if gone else None
                done = (merge.perform(first, other, userid, ctx) if other
                        else merge.part(first, userid, ctx))  # fmt: skip
                said = [a.text for a in done if isinstance(a, Send) and a.to == userid]
    click.echo("\n".join(said))


@customers.command("forget")
@click.argument("name")
@for_option
@click.option("-y", "--yes", is_flag=True, help="不问，直接删除")
@json_option
@click.pass_obj
def forget(options: Options, name: str, userid: str, yes: bool, as_json: bool) -> None:
    """删除一位客户的全部资料；只留一条不含内容的凭证，旧备份恢复时也会再删。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, WallClock().now())
            customer = _one(name, userid, ctx)
            if not yes and not click.confirm(
                f"删除{customer.name}的全部资料，不能恢复？", err=True
            ):
                fail("没有删除。")
            with store.atomic():
                number, counts = privacy.forget(customer, userid, "operator", ctx)
            store.settle()
    rows = [{"table": table, "rows": n} for table, n in counts.items()]
    show(rows, {"table": "表", "rows": "行"}, as_json=as_json)
    if not as_json:
        click.echo(f"已删除，凭证编号 {number}。之前的备份文件里仍有TA：过期的备份请销毁。")
