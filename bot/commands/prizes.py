"""prizes: what points can be exchanged for, how much is left, and who is to be sent what."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from bot.clock import WallClock
from bot.commands.common import WRONG_USE, Options, context, fail, json_option, opened, show, told
from handlers import prizes as exchange
from handlers.draws import CASH
from nlp import mask
from scriptbank import tables
from storage import prizes as rows
from storage.db import Row
from storage.prizes import LAPSED, LIVE, RETURNED, TAKEN, WAITING, Prize

COLUMNS = {"code": "领取码", "name": "奖品", "state": "状态", "how": "方式", "store": "门店",
           "customer": "姓名", "phone": "电话", "at": "兑换时间", "until": "有效到",
           "used_at": "核销时间"}  # fmt: skip


@click.group()
def prizes() -> None:
    """奖品：积分能换什么、还剩多少、要发给谁。"""


@prizes.command()
@click.argument("name", metavar="名称")
@click.option("--cost", type=click.IntRange(1, 1_000_000), required=True, help="要几分")
@click.option("--stock", type=click.IntRange(0, 100_000), required=True, help="有几份")
@click.option("--worth", type=click.IntRange(0, 1_000_000), default=0, help="价值多少元")
@click.option("--how", type=click.Choice(["自提", "邮寄"]), default="自提", help="怎么给")
@click.option("--store", default="", help="只给这家店的群；不写各店都有")
@click.option("--per-member", type=click.IntRange(0, 1000), default=1, help="每人限几份，0 不限")
@click.option("--conditions", default="", help="要说明的条件")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="兑到哪一天")
@click.pass_obj
def add(
    options: Options, name: str, cost: int, stock: int, worth: int, how: str, store: str,
    per_member: int, conditions: str, until: datetime | None,
) -> None:  # fmt: skip
    """加一种奖品。"""
    if CASH.search(name):
        fail(f"“{name}”是现金或可转让的东西，积分只换实物和服务", WRONG_USE)
    with told():
        config = options.load()
        if store and store not in {one.id for one in config.settings.stores}:
            known = "、".join(one.id for one in config.settings.stores)
            fail(f"没有门店 {store}，可用的有 {known}", WRONG_USE)
        with opened(config) as db, db.atomic():
            key = f"p{len(rows.everything(db)) + 1}"
            last = until.date() if until else None
            rows.add(db, Prize(key, name, cost, stock, worth, how, store, per_member, conditions,
                               last, LIVE, WallClock().now()))  # fmt: skip
    click.echo(f"已加奖品 {key}：{name}，{cost}分，{stock}份。")


@prizes.command("list")
@json_option
@click.pass_obj
def list_(options: Options, as_json: bool) -> None:
    """全部奖品和库存。"""
    with told(), opened(options.load()) as db:
        found = rows.everything(db)
    table = [{"id": p.id, "name": p.name, "cost": p.cost, "stock": p.stock, "worth": p.worth,
              "how": p.how, "store": p.store, "until": p.until,
              "state": "在用" if p.state == LIVE else "停用"} for p in found]  # fmt: skip
    show(table, {"id": "编号", "name": "名称", "cost": "积分", "stock": "库存", "worth": "价值",
                 "how": "方式", "store": "门店", "until": "兑到", "state": "状态"},
         as_json=as_json)  # fmt: skip


@prizes.command(context_settings={"ignore_unknown_options": True})
@click.argument("prize_id", metavar="编号")
@click.argument("delta", type=int, metavar="增减")
@click.pass_obj
def stock(options: Options, prize_id: str, delta: int) -> None:
    """补货或减少：prizes stock p1 20，prizes stock p1 -5；不会减到 0 以下。"""
    with told(), opened(options.load()) as db, db.atomic():
        done = rows.restock(db, prize_id, delta)
        found = rows.get(db, prize_id)
    if found is None:
        fail(f"没有奖品 {prize_id}")
    if not done:
        fail(f"{found.name}只有{found.stock}份，减不了{-delta}份")
    click.echo(f"{found.name}现在{found.stock}份。")


@prizes.command()
@click.argument("prize_id", metavar="编号")
@click.pass_obj
def stop(options: Options, prize_id: str) -> None:
    """下架一种奖品；已经兑换的照样能领。"""
    with told(), opened(options.load()) as db, db.atomic():
        done = rows.stop(db, prize_id)
    if not done:
        fail(f"没有在用的奖品 {prize_id}")
    click.echo(f"奖品 {prize_id} 已下架，兑换过的照样能领。")


@prizes.command()
@click.argument("code", metavar="领取码")
@click.option("--reason", required=True, help="为什么退")
@click.pass_obj
def refund(options: Options, code: str, reason: str) -> None:
    """没领走的退掉：积分和库存都还回去。"""
    with told():
        config = options.load()
        with opened(config) as db, db.atomic():
            found = rows.by_code(db, code.upper())
            ctx = context(db, config, WallClock().now())
            done = found is not None and exchange.refund(found, RETURNED, "命令行", reason, ctx)
    if found is None:
        fail(f"没有领取码 {code.upper()}")
    if not done:
        fail(f"{found.name}{found.state}，退不了")
    click.echo(f"{found.name}已退，还给会员{found.cost}分。")


@prizes.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--all", "every", is_flag=True, help="连已领、已退、过期的一起")
@click.pass_obj
def export(options: Options, file: Path, every: bool) -> None:
    """导出要发的奖品到 xlsx 或 csv；电话打码，公式不会被执行。"""
    states = (WAITING, TAKEN, RETURNED, LAPSED) if every else (WAITING,)
    with told(), opened(options.load()) as db:
        found = [_cells(row) for row in rows.listed(db, states)]
    _write(file, [list(COLUMNS.values()), *found])
    click.echo(f"导出 {len(found)} 份奖品到 {file}。")


def _cells(row: Row) -> list[str]:
    """A code is worth the prize: the list shows no more than its end."""
    shown = {**row, "code": f"****{row['code'][-4:]}", "phone": mask.phones(row["phone"])}
    return ["" if shown[key] is None else str(shown[key]) for key in COLUMNS]


def _write(file: Path, table: Sequence[Sequence[str]]) -> None:
    if file.suffix == ".csv":
        out = io.StringIO()
        csv.writer(out).writerows([tables.guarded(cell) for cell in cells] for cells in table)
        file.write_bytes(out.getvalue().encode("utf-8-sig"))
    elif file.suffix == ".xlsx":
        with tables.workbook(file) as book:
            sheet = book.add_worksheet("奖品")
            for n, cells in enumerate(table):
                for column, cell in enumerate(cells):
                    sheet.write_string(n, column, cell)
    else:
        fail(f"不认识的格式“{file.suffix}”；请用 .xlsx 或 .csv", WRONG_USE)
