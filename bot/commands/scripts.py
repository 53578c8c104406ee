"""scripts: the life of the library, from a table that comes in to the gap that becomes a draft."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import track
from xlsxwriter.exceptions import FileCreateError

from bot import library, pages
from bot.clock import WallClock
from bot.commands.common import (
    BROKEN,
    WRONG_USE,
    Options,
    context,
    fail,
    json_option,
    opened,
    show,
    told,
)
from bot.config import Config
from handlers import four_eyes, imports
from handlers import gaps as queue
from handlers import library as shelf
from handlers.context import Ctx
from handlers.imports import Preview
from handlers.library import Refused
from handlers.words import short
from scriptbank import tables
from scriptbank.bank import ENOUGH
from scriptbank.lint import lint as lint_scripts
from scriptbank.problems import LoadError, Problem
from scriptbank.script import Script
from storage import scripts as rows
from storage.db import Db

KINDS = (".toml", ".xlsx", ".csv")
LONG = 2000  # rows from which an import takes seconds
LISTED = 10  # lines of each kind in a preview
BY = "命令行"
by_option = click.option("--by", default="", help="谁做的（运营的 userid）；要两人审核时必填")


@contextmanager
def answered() -> Iterator[None]:
    """A refusal of the library is an answer too: one sentence, exit code 1."""
    with told():
        try:
            yield
        except Refused as exc:
            fail(str(exc))


def _today(config: Config) -> date:
    return WallClock().now().astimezone(ZoneInfo(config.settings.timezone)).date()


@click.group()
def scripts() -> None:
    """话术库。"""


# In and out


@scripts.command("import")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="只看会改什么")
@click.option("-y", "--yes", is_flag=True, help="不问，直接导入")
@click.option("--remove", is_flag=True, help="文件里没有的话术停用")
@click.option("--marked", type=click.Path(path_type=Path), help="有错时把标好的副本写到这个 xlsx")
@by_option
@json_option
@click.pass_obj
def import_(
    options: Options, file: Path | None, dry_run: bool, yes: bool, remove: bool,
    marked: Path | None, by: str, as_json: bool,
) -> None:  # fmt: skip
    """从 toml、xlsx 或 csv 导入；不给文件就导入自带的演示库。"""
    with answered():
        found = _read(file, marked) if file else library.shipped()
        config = options.load()
        with opened(config) as store:
            second = file is not None and four_eyes.wanted(_ctx(store, config))
            seen = imports.preview(library.stored(store), _watched(found), _today(config),
                                   second=second)  # fmt: skip
            writes = bool(seen.fresh or (remove and seen.removed))
            if not as_json:
                click.echo("\n".join(_told(seen, remove=remove)))
            go = not dry_run and (yes or not writes or _agreed())
            if go:
                if second or by:
                    four_eyes.named(by, _ctx(store, config))
                source = file.name if file else "自带的演示库"
                _apply(store, seen, source, by or BY, remove=remove)
    if as_json:
        click.echo(json.dumps(_as_json(seen, applied=go), ensure_ascii=False))
    elif go:
        click.echo(_done(len(found), seen, len(seen.removed) if remove else 0, writes=writes))
    elif not dry_run:
        click.echo("没有导入。")


def _watched(found: Sequence[Script]) -> Iterable[Script]:
    """Under a progress bar, when it takes seconds to judge them all."""
    return track(found, "核对", console=Console(stderr=True), disable=len(found) < LONG)


def _ctx(store: Db, config: Config) -> Ctx:
    return context(store, config, WallClock().now())


def _apply(store: Db, seen: Preview, source: str, by: str, *, remove: bool) -> None:
    with store.atomic():
        imports.bring_in(store, seen, WallClock().now(), source=source, by=by, remove=remove)


def _agreed() -> bool:
    """A person at a terminal is asked; a script that runs this has decided already."""
    return not at_terminal() or click.confirm("导入吗？", err=True)


def at_terminal() -> bool:
    return sys.stdin.isatty()


def _read(file: Path, marked: Path | None) -> Sequence[Script]:
    try:
        return tables.read(file)
    except LoadError as exc:
        can_mark = file.suffix.lower() != ".toml" and any(p.row for p in exc.problems)
        if can_mark and marked:
            _mark(file, exc.problems, marked)
        hint = f"标好的副本：{marked}" if marked else "加 --marked 错误.xlsx，可得到标好错处的副本"
        fail(f"{exc}\n{hint}" if can_mark else str(exc))


def _mark(file: Path, problems: Iterable[Problem], out: Path) -> None:
    try:
        tables.mark(file, problems, out)
    except FileCreateError as exc:
        fail(f"标好的副本写不进 {out}：{exc}")


def _told(seen: Preview, *, remove: bool) -> Iterator[str]:
    """What would happen, ten lines of each kind."""
    yield from _listed("新增", [f"{s.id} {s.title}" for s in seen.new])
    yield from _listed("改动", [_changed(*pair) for pair in seen.changed])
    gone = "停用（文件里没有）" if remove else "文件里没有（不动；要停用加 --remove）"
    yield from _listed(gone, [f"{s.id} {s.title}" for s in seen.removed])
    yield from _listed("和另一条几乎一样", [f"{s.id} ≈ {other.id} {other.title}"
                                  for s, other in seen.copies])  # fmt: skip
    yield from _listed("有不能发的话，先进待审", [f"{s.id} {s.title}" for s in seen.held])
    yield from _listed("等另一位运营审核，先不用", [f"{s.id} {s.title}" for s in seen.wait])
    yield f"没变 {seen.unchanged} 条。"


def _listed(name: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{name} {len(lines)} 条："
        yield from (f"  {line}" for line in lines[:LISTED])
    if len(lines) > LISTED:
        yield f"  ……另有 {len(lines) - LISTED} 条"


def _changed(was: Script, now: Script) -> str:
    return f"{was.id} {was.title}：{'、'.join(e.heading for e in shelf.edits(was, now))}"


def _done(total: int, seen: Preview, stopped: int, *, writes: bool) -> str:
    line = (
        f"导入 {total} 条：新增 {len(seen.new)}，改动 {len(seen.changed)}，没变 {seen.unchanged}。"
    )
    gone = f"停用 {stopped} 条。" if stopped else ""
    wait = "\n请另一位运营看过后发布：salesbot scripts approve --by userid" if seen.wait else ""
    return line + gone + wait + ("\n要撤销这次导入：salesbot scripts undo" if writes else "")


def _as_json(seen: Preview, *, applied: bool) -> dict[str, object]:
    changed = [{"id": was.id, "fields": [e.field for e in shelf.edits(was, now)]}
               for was, now in seen.changed]  # fmt: skip
    return {
        "new": [s.id for s in seen.new], "changed": changed,
        "removed": [s.id for s in seen.removed], "unchanged": seen.unchanged,
        "held": [s.id for s in seen.held], "wait": [s.id for s in seen.wait], "applied": applied,
        "copies": [[s.id, other.id] for s, other in seen.copies],
    }  # fmt: skip


@scripts.command()
@click.pass_obj
def undo(options: Options) -> None:
    """撤销最近一次导入；再运行一次，撤销再前面一次。"""
    with answered(), opened(options.load()) as store, store.atomic():
        done = imports.undo(store, WallClock().now(), BY)
    click.echo(f"已撤销导入“{done.what.source}”：恢复 {done.restored} 条，去掉 {done.dropped} 条。")
    if done.kept:
        some = "、".join(done.kept[:LISTED])
        click.echo(f"导入之后又改过的 {len(done.kept)} 条没有动：{some}")


@scripts.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def export(options: Options, file: Path) -> None:
    """导出成 toml、xlsx 或 csv，改完可再导入。"""
    if file.suffix not in KINDS:
        fail(f"{file.name} 的后缀要是 {'、'.join(KINDS)} 之一", WRONG_USE)
    with told(), opened(options.load()) as store:
        found = library.stored(store)
        tables.write(file, found)
    click.echo(f"导出 {len(found)} 条到 {file}")


# Versions and status


@scripts.command()
@click.argument("script_id", metavar="编号")
@json_option
@click.pass_obj
def versions(options: Options, script_id: str, as_json: bool) -> None:
    """一条话术的每一版：什么时候、谁、为什么、改了哪些字段。"""
    with answered():
        config = options.load()
        with opened(config) as store:
            found = rows.versions(store, script_id)
            if not found:
                shelf.known(store, script_id)
    zone = ZoneInfo(config.settings.timezone)
    older = [shelf.unpacked(v.body) for v in found]
    changed = [*(_headings(was, now) for now, was in pairwise(older)), ""]
    table = [{"version": v.version, "status": v.status, "by": v.by_whom, "why": v.why,
              "at": v.at.astimezone(zone).isoformat(" ", "minutes"), "changed": headings}
             for v, headings in zip(found, changed, strict=True)]  # fmt: skip
    columns = {"version": "版本", "status": "状态", "at": "时间", "by": "谁", "why": "为什么",
               "changed": "改了"}  # fmt: skip
    show(table, columns, as_json=as_json)


def _headings(was: Script, now: Script) -> str:
    return "、".join(e.heading for e in shelf.edits(was, now))


@scripts.command()
@click.argument("script_id", metavar="编号")
@click.argument("a", required=False, type=int)
@click.argument("b", required=False, type=int)
@json_option
@click.pass_obj
def diff(options: Options, script_id: str, a: int | None, b: int | None, as_json: bool) -> None:
    """两版差在哪些字段；不给版本就比最近两版，只给一个就和最新的比。"""
    with answered(), opened(options.load()) as store:
        have = [v.version for v in rows.versions(store, script_id)]
        if not have:
            shelf.known(store, script_id)
        first, second = a or (have[1] if len(have) > 1 else have[0]), b or have[0]
        was, now = (shelf.at_version(store, script_id, n) for n in (first, second))
    found = shelf.edits(was, now)
    if as_json:
        table = [{"field": e.field, "was": e.was, "now": e.now} for e in found]
        click.echo(json.dumps(table, ensure_ascii=False))
        return
    click.echo(f"{script_id} 第{first}版 → 第{second}版" + ("" if found else "：没有差别"))
    for edit in found:
        click.echo("\n".join([edit.heading, *_lines("-", edit.was), *_lines("+", edit.now)]))


def _lines(sign: str, text: str) -> Iterator[str]:
    return (f"  {sign} {line}" for line in text.split("\n") if line)


@scripts.command()
@click.argument("script_id", metavar="编号")
@click.argument("version", metavar="版本", type=int)
@by_option
@click.pass_obj
def rollback(options: Options, script_id: str, version: int, by: str) -> None:
    """回到以前某一版的内容；会记成新的一版。"""
    with answered():
        config = options.load()
        with opened(config) as store, store.atomic():
            now = WallClock().now()
            if by:
                four_eyes.named(by, _ctx(store, config))
            found = shelf.rollback(store, script_id, version, _today(config), now, by or BY)
    click.echo(f"“{found.title}”已回到第{version}版的内容，记为第{found.version}版。")


@scripts.command("set")
@click.argument("script_id", metavar="编号")
@click.argument("status", metavar="状态",
                type=click.Choice([shelf.REVIEW, shelf.LIVE, shelf.STOPPED]))  # fmt: skip
@by_option
@click.pass_obj
def set_(options: Options, script_id: str, status: str, by: str) -> None:
    """换状态：草稿 → 待审 → 发布 → 停用；有不能发的话就不让发布，自己写的要另一位发布。"""
    with answered():
        config = options.load()
        with opened(config) as store, store.atomic():
            ctx = _ctx(store, config)
            if by or status == shelf.LIVE:  # to stop one is anybody's, and urgent
                four_eyes.named(by, ctx)
            if status == shelf.LIVE:
                found = four_eyes.publish(script_id, by or BY, ctx)
            else:
                found = shelf.set_status(store, script_id, status, ctx.today, ctx.now, by or BY)
    click.echo(f"“{found.title}”现在是{found.status}。")


@scripts.command()
@by_option
@click.pass_obj
def approve(options: Options, by: str) -> None:
    """发布最近一次导入里待审的话术；导入的人自己不能发布。"""
    with answered():
        config = options.load()
        with opened(config) as store, store.atomic():
            ctx = _ctx(store, config)
            four_eyes.named(by, ctx)
            found = [_published(script, by or BY, ctx) for script in four_eyes.waiting(ctx)]
    left = [said for said in found if said]
    click.echo(f"发布 {len(found) - len(left)} 条。" if found else "最近一次导入里没有待审的话术。")
    click.echo("\n".join(_listed("没有发布", left)), nl=bool(left))
    if left:
        raise SystemExit(BROKEN)


def _published(script: Script, by: str, ctx: Ctx) -> str:
    """Why not; "" when it is out."""
    try:
        four_eyes.publish(script.id, by, ctx)
    except Refused as exc:
        return f"{script.id}：{exc}"
    return ""


# Use and gaps


@scripts.command()
@click.option("--days", default=30, show_default=True, help="看最近多少天")
@click.option("--page", type=click.Path(path_type=Path), help="写成一个网页文件，手机上也能看")
@json_option
@click.pass_obj
def stats(options: Options, days: int, page: Path | None, as_json: bool) -> None:
    """每条话术展示、采用、被拒多少次。"""
    with told():
        config = options.load()
        with opened(config) as store:
            titles = {s.id: s.title for s in library.stored(store)}
            used = rows.usage(store, WallClock().now() - timedelta(days=days))
            if page:
                page.write_text(_page(store, config, titles, days), encoding="utf-8")
    if page:
        click.echo(f"写好了：{page}")
        return
    table = [{**r, "title": titles.get(r["script"], "（已删除）"),
              "rate": f"{r['adopted'] / r['shown']:.0%}" if r["shown"] >= ENOUGH else "样本不足"}
             for r in sorted(used, key=lambda r: (-r["adopted"], r["script"]))]  # fmt: skip
    columns = {"script": "编号", "title": "标题", "shown": "展示", "adopted": "采用",
               "edited": "改写",
               "refused": "不合适", "replied": "回复", "rate": "采用率"}  # fmt: skip
    show(table, columns, as_json=as_json)


def _page(store: Db, config: Config, titles: Mapping[str, str], days: int) -> str:
    ctx = context(store, config, WallClock().now())
    used = rows.usage(store, ctx.now - timedelta(days=days))
    names = ("shown", "adopted", "edited", "refused", "replied")
    ranked = sorted(used, key=lambda r: (-r["adopted"], -r["shown"], r["script"]))
    table = [{**r, "title": titles.get(r["script"], "（已删除）"),
              "share": round(100 * r["adopted"] / r["shown"]) if r["shown"] >= ENOUGH else None}
             for r in ranked]  # fmt: skip
    found = queue.clusters(rows.gaps(store, ctx.now - timedelta(days=days)))
    return pages.page(
        "scripts", rows=table, gaps=[queue.row(n, c, ctx) for n, c in enumerate(found[:20], 1)],
        total={name: sum(r[name] for r in used) for name in names},
        unused=len(titles.keys() - {r["script"] for r in used}), days=days, enough=ENOUGH,
        since=(ctx.local - timedelta(days=days)).date(), until=ctx.today,
    )  # fmt: skip


days_option = click.option("--days", default=7, show_default=True, help="看最近多少天")


@scripts.command()
@days_option
@json_option
@click.pass_obj
def gaps(options: Options, days: int, as_json: bool) -> None:
    """答不上来的问题，问法相近的归在一起，问得多的在前。"""
    with told():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, WallClock().now())
            found = queue.clusters(rows.gaps(store, ctx.now - timedelta(days=days)))
            table = [queue.row(n, cluster, ctx) for n, cluster in enumerate(found, 1)]
    if as_json:
        show(table, {}, as_json=True)
        return
    shown = [{**r, "examples": "\n".join(r["examples"]), "answer": short(r["answer"], 40),
              "nearest": f"{r['nearest']}（{r['score']:.2f}）" if r["nearest"] else ""}
             for r in table]  # fmt: skip
    columns = {"n": "序号", "times": "次数", "question": "问题", "examples": "还这样问",
               "reason": "原因", "nearest": "最近的话术", "answer": "顾问怎么答的"}  # fmt: skip
    show(shown, columns, as_json=False)
    if found:
        click.echo("salesbot scripts draft 序号，把它变成一条草稿。")


@scripts.command()
@click.argument("n", metavar="序号", type=int)
@days_option
@click.pass_obj
def draft(options: Options, n: int, days: int) -> None:
    """一键入库：把缺口清单的第几条变成一条草稿话术。"""
    with answered():
        config = options.load()
        with opened(config) as store, store.atomic():
            ctx = context(store, config, WallClock().now())
            found = queue.clusters(rows.gaps(store, ctx.now - timedelta(days=days)))
            if not 1 <= n <= len(found):
                raise Refused(f"缺口清单里只有{len(found)}条；先运行 salesbot scripts gaps 看序号")
            made = queue.take(found[n - 1], ctx, BY)
    click.echo(f"已建草稿 {made.id}：“{made.q}”。")
    click.echo(f"正文：{made.body}")
    click.echo(f"导出改好再导入，然后 salesbot scripts set {made.id} 待审。")


@scripts.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def lint(options: Options, file: Path | None, as_json: bool) -> None:
    """挑毛病：违禁词、没来源的数字、过期、重复、未知变量。"""
    with told():
        found: Iterable[Script] = tables.read(file) if file else library.shipped()
        problems = lint_scripts(found, WallClock().now().date())
    show([{"said": str(p)} for p in problems], {"said": "问题"}, as_json=as_json)
    if problems:
        raise SystemExit(BROKEN)
