"""Two pairs of eyes: who wrote a script does not publish it, as soon as there is somebody else."""

from dataclasses import replace

from handlers.context import Ctx
from handlers.library import LIVE, REVIEW, Refused, get, known, same, set_status, unpacked
from scriptbank.script import Script
from storage import scripts
from storage.db import Db


def wanted(ctx: Ctx) -> bool:
    return ctx.settings.scriptbank.four_eyes and len(set(ctx.settings.access.operators)) > 1


def named(by: str, ctx: Ctx) -> None:
    """Raise Refused where nobody is told apart: two pairs of eyes are two people by name.

    Whoever is named must be an operator, even where one pair of eyes is enough: a name that nobody
    bears would stand in the versions as if somebody had looked.
    """
    operators = ctx.settings.access.operators
    if by in operators or (not by and not wanted(ctx)):
        return
    known = "、".join(f"{ctx.team.name(one)}（{one}）" for one in operators)
    said = f"没有叫 {by} 的运营" if by else "没写是谁"
    if wanted(ctx):
        raise Refused(f"{said}：话术要两个人看过才发布，请加 --by 和 userid，可以是{known}")
    may = f"可以是{known}" if known else "先在 config.toml 的 access.operators 里填运营的 userid"
    raise Refused(f"{said}：--by 要写运营的 userid，{may}；不写 --by 就记成“命令行”")


def authors(db: Db, key: str) -> frozenset[str]:
    """Whose words stand in a script that nobody else has seen: since it was last published."""
    found = scripts.versions(db, key)
    wrote = set()
    for n, version in enumerate(found):
        if version.status == LIVE:
            break
        before = unpacked(found[n + 1].body) if n + 1 < len(found) else None
        if before is None or not _alike(unpacked(version.body), before):
            wrote.add(version.by_whom)
    return frozenset(wrote)


def _alike(one: Script, other: Script) -> bool:
    """But for the status."""
    return same(replace(one, status=""), replace(other, status=""))


def check(stored: Script | None, edited: Script, by: str, ctx: Ctx) -> None:
    """Raise Refused where `by` would publish words of their own."""
    if edited.status != LIVE or not wanted(ctx):
        return
    if stored is not None and stored.status == LIVE:
        raise Refused("已发布的话术改了要另一位审核：请点“存为待审，先不用”，"
                      f"再请{_others(by, ctx)}看一遍。")  # fmt: skip
    if stored is None or not _alike(stored, edited):
        raise Refused(f"审核时又改了内容，就成了您写的：请先点“保存”，再请{_others(by, ctx)}审核。")
    if by in authors(ctx.db, stored.id):
        raise Refused(f"这一版是您写的，要另一位来审核：请{_others(by, ctx)}看一遍再发布。")


def publish(key: str, by: str, ctx: Ctx) -> Script:
    """One that waits for review goes out, by somebody who did not write it."""
    stored = known(ctx.db, key)
    check(stored, replace(stored, status=LIVE), by, ctx)
    return set_status(ctx.db, key, LIVE, ctx.today, ctx.now, by)


def waiting(ctx: Ctx) -> list[Script]:
    """What the newest import brought and nobody has looked at yet."""
    last = scripts.last_import(ctx.db)
    found = (get(ctx.db, key) for key, _, _ in last.changed) if last else ()
    return [script for script in found if script and script.status == REVIEW]


def check_back(key: str, n: int, by: str, ctx: Ctx) -> None:
    """An earlier version comes back to customers only when it was published before."""
    old = scripts.version(ctx.db, key, n)
    if wanted(ctx) and old is not None and old.status != LIVE:
        raise Refused(f"第{n}版没有发布过，不能直接用：请先点“存为待审，先不用”，改好再请"
                      f"{_others(by, ctx)}审核。")  # fmt: skip


def waits_for(stored: Script, ctx: Ctx) -> str:
    """Who may publish what waits for review, in words; "" where anybody may."""
    if stored.status != REVIEW or not wanted(ctx):
        return ""
    wrote = authors(ctx.db, stored.id)
    may = [who for who in ctx.settings.access.operators if who not in wrote]
    names = "、".join(ctx.team.name(who) for who in sorted(wrote) if who)
    return f"{names or '有人'}写的，要{_named(may, ctx)}审核。"


def _others(by: str, ctx: Ctx) -> str:
    return _named([who for who in ctx.settings.access.operators if who != by], ctx)


def _named(people: list[str], ctx: Ctx) -> str:
    return "或".join(ctx.team.name(who) for who in people[:3]) or "另一位运营"
