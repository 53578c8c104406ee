"""话术库 in the console: find a script, change it, see what that does, send it through review."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from urllib.parse import quote

from handlers import four_eyes, library
from handlers.console import drafting, trying
from handlers.console.parts import Line, count, moment, section, text
from handlers.console.values import (
    Button,
    Choice,
    Field,
    Form,
    Missing,
    Page,
    Panel,
    Piece,
    Section,
    Stat,
    View,
)
from handlers.context import Ctx
from handlers.library import DRAFT, LIVE, REVIEW, STOPPED, Refused
from handlers.tables import Table
from handlers.values import Action
from scriptbank.script import SCOPES, STAGES, STATUSES, Script
from storage import audit, scripts
from storage.db import stamp

DUE = timedelta(days=30)
OWN = SCOPES[-1]  # an advisor's own; nobody else's business
USED = timedelta(days=30)
# What can be done with a script of that status: the button, its words, and the status after it.
STEPS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "": (("save", "保存草稿", DRAFT), ("review", "提交审核", REVIEW)),
    DRAFT: (("save", "保存草稿", DRAFT), ("review", "提交审核", REVIEW),
            ("stop", "停用", STOPPED)),
    REVIEW: (("save", "保存", REVIEW), ("publish", "审核通过，发布", LIVE),
             ("back", "退回修改", DRAFT), ("stop", "停用", STOPPED)),
    LIVE: (("save", "保存，继续用", LIVE), ("review", "存为待审，先不用", REVIEW),
           ("stop", "停用", STOPPED)),
    STOPPED: (("save", "保存", STOPPED), ("review", "提交审核", REVIEW)),
}  # fmt: skip


# The list


def listing(view: View, ctx: Ctx) -> Page:
    shared = [s for s in library.stored(ctx.db) if s.scope != OWN]
    found = [s for s in shared if _wanted(s, view.query, ctx)]
    waiting = sum(s.status == REVIEW for s in shared)
    due = sum(_due(s, ctx) for s in shared)
    return Page(
        "话术库", clock=False, search=view.query.get("q", ""), hint="标题、问法、正文、编号",
        choices=_choices(shared, view), sections=(_table(found, view, ctx),),
        stats=(Stat("全部", str(len(shared)), "不含顾问自己的"),
               Stat("待审", str(waiting), "等人看", warn=waiting > 0),
               Stat("快到期", str(due), "已过期或30天内", warn=due > 0)),
        forms=(Form("没有合适的话术？", "script", (), (Button("", "新写一条"),), asks=True),),
    )  # fmt: skip


def _wanted(s: Script, query: Mapping[str, str], ctx: Ctx) -> bool:
    words = query.get("q", "").strip().lower()
    said = "\n".join((s.id, s.title, s.q, *s.also, s.body, s.scene)).lower()
    return (
        all(word in said for word in words.split())
        and query.get("stage", "") in ("", s.stage)
        and query.get("scene", "") in ("", s.scene)
        and query.get("status", "") in ("", s.status)
        and (query.get("due") != "yes" or _due(s, ctx))
    )


def _due(s: Script, ctx: Ctx) -> bool:
    return s.status != STOPPED and s.valid_to is not None and s.valid_to < ctx.today + DUE


def _choices(shared: list[Script], view: View) -> tuple[Choice, ...]:
    stages = tuple((one, one) for one in STAGES)
    scenes = tuple((one, one) for one in sorted({s.scene for s in shared if s.scene}))
    states = tuple((one, one) for one in STATUSES)
    return (
        _choice("stage", "阶段", stages, view), _choice("scene", "场景", scenes, view),
        _choice("status", "状态", states, view),
        _choice("due", "到期", (("yes", "快到期"),), view),
    )  # fmt: skip


def _choice(key: str, title: str, options: tuple[tuple[str, str], ...], view: View) -> Choice:
    return Choice(key, title, (("", "全部"), *options), view.query.get(key, ""))


def _table(found: list[Script], view: View, ctx: Ctx) -> Section:
    table = Table("library", f"话术 · {len(found)}条", (
        text("title", "标题"), text("stage", "阶段"), text("scene", "场景"), text("status", "状态"),
        text("until", "到期"), count("shown", "推荐"), count("adopted", "采用"),
        count("version", "版本"), text("id", "编号")), (), "近30天推荐和采用几次。")  # fmt: skip
    used = {row["script"]: row for row in scripts.usage(ctx.db, ctx.now - USED)}
    lines = (
        Line((s.title, s.stage, s.scene, s.status, s.valid_to.isoformat() if s.valid_to else None,
              used.get(s.id, {}).get("shown", 0), used.get(s.id, {}).get("adopted", 0),
              s.version, s.id), f"script?key={quote(s.id, safe='')}")
        for s in found
    )  # fmt: skip
    return section(table, lines, view)


# One script


def page(view: View, ctx: Ctx) -> Page:
    """The form with what the program makes of it; an earlier version where one is asked for."""
    stored = _stored(view.query, ctx)
    if stored is not None and (n := view.query.get("at", "")):
        return _earlier(stored, n, view, ctx)
    was = stored or _blank()
    typed = view.query if "body" in view.query else {}
    edited = drafting.read(was, typed) if typed else was
    title = f"{was.title}" if stored else "新写一条话术"
    return Page(
        title, lead=_lead(stored, ctx) if stored else "", clock=False,
        forms=(_form(stored, was, view),), panels=tuple(_panels(stored, edited, view, ctx)),
        sections=(_versions(was.id, view, ctx),) if stored else (),
    )  # fmt: skip


def _lead(stored: Script, ctx: Ctx) -> str:
    said = (stored.status, f"第{stored.version}版", stored.id, four_eyes.waits_for(stored, ctx))
    return " · ".join(filter(None, said))


def _stored(query: Mapping[str, str], ctx: Ctx) -> Script | None:
    """None for one that is to be made."""
    key = query.get("key", "")
    if not key:
        return None
    found = library.get(ctx.db, key)
    if found is None or found.scope == OWN:
        raise Missing(key)
    return found


def _blank() -> Script:
    return Script(id="new", title="", body="", stage="通用", version=0, status=DRAFT)


def _form(stored: Script | None, was: Script, view: View) -> Form:
    typed, status = view.query, was.status if stored else ""
    samples = tuple((key, title) for key, (title, _) in drafting.SAMPLES.items())
    fields = [
        Field("key", "", stored.id if stored else "", "hidden"),
        Field("version", "", str(was.version), "hidden"),  # what is shown now is known
        *drafting.fields(was, typed if "body" in typed else {}),
        Field("", "看看效果", kind="head"),
        Field("sample", "预览给谁看", typed.get("sample", "all"), "choice", samples),
        *trying.fields(typed),
        Field("", "保存", kind="head"),
        Field("why", "为什么改", typed.get("why", ""), note="留在版本里；退回时必须写"),
    ]
    buttons = [Button("look", "看效果", main=True)]
    buttons += [Button(do, label) for do, label, _ in STEPS[status]]
    return Form("", "script", tuple(fields), tuple(buttons))


def _panels(
    stored: Script | None, edited: Script | tuple[object, ...], view: View, ctx: Ctx
) -> Iterator[Panel]:
    if said := view.query.get("refused"):
        yield Panel("没有保存", ((Piece(said),),), "bad")
    if not isinstance(edited, Script):
        yield drafting.wrong(edited)  # type: ignore[arg-type]
        return
    if stored and _overtaken(stored, view.query):
        yield from _both(stored, edited, view, ctx)
    elif stored and edited != stored:
        yield drafting.difference(f"和存着的第{stored.version}版比", stored, edited)
    yield drafting.preview(edited, view.query.get("sample", "all"))
    yield drafting.verdict(edited, ctx)
    yield from trying.panels(edited, view.query, ctx)


def _overtaken(stored: Script, query: Mapping[str, str]) -> bool:
    return query.get("version", str(stored.version)) != str(stored.version)


def _both(stored: Script, edited: Script, view: View, ctx: Ctx) -> Iterator[Panel]:
    """What the other one saved meanwhile, and how ours differs from it."""
    last = scripts.versions(ctx.db, stored.id)[0]
    who = ctx.team.name(last.by_whom) if last.by_whom else "别人"
    n = view.query.get("version", "")
    opened = scripts.version(ctx.db, stored.id, int(n)) if n.isdecimal() else None
    if opened:
        theirs = library.unpacked(opened.body)
        yield drafting.difference(f"{who}刚存了第{stored.version}版，改了", theirs, stored)
    yield drafting.difference("您的和新存的比", stored, edited)


def _versions(key: str, view: View, ctx: Ctx) -> Section:
    table = Table("versions", "每一版", (
        text("version", "版本"), text("status", "状态"), moment("at", "时间"), text("by", "谁"),
        text("why", "为什么"), text("changed", "改了")), (), "点版本看差别、恢复。")  # fmt: skip
    found = scripts.versions(ctx.db, key)
    older = [library.unpacked(v.body) for v in found]
    changed = ["、".join(e.heading for e in library.edits(was, now))
               for now, was in pairwise(older)]  # fmt: skip
    lines = (
        Line((f"第{v.version}版", v.status, stamp(v.at),
              ctx.team.name(v.by_whom) if v.by_whom else "", v.why, said),
             f"script?key={quote(key, safe='')}&at={v.version}")
        for v, said in zip(found, [*changed, ""], strict=True)
    )  # fmt: skip
    return section(table, lines, view)


def _earlier(stored: Script, n: str, view: View, ctx: Ctx) -> Page:
    try:
        old = library.at_version(ctx.db, stored.id, int(n))
    except (Refused, ValueError):
        raise Missing(n) from None
    fields = (Field("key", "", stored.id, "hidden"), Field("at", "", n, "hidden"),
              Field("version", "", str(stored.version), "hidden"))  # fmt: skip
    form = Form("", "script", fields, (Button("restore", f"恢复第{n}版的内容", main=True),),
                note="恢复会记成新的一版，现在的内容也留着。")  # fmt: skip
    refused = view.query.get("refused")
    panels = [Panel("没有恢复", ((Piece(refused),),), "bad")] if refused else []
    panels.append(drafting.difference(f"从现在的第{stored.version}版回到第{n}版", stored, old))
    return Page(f"{old.title} · 第{n}版", clock=False, forms=(form,),
                panels=(*panels, drafting.preview(old, "all"), drafting.verdict(old, ctx)),
                sections=(_versions(stored.id, view, ctx),))  # fmt: skip


# What the buttons do


def act(view: View, ctx: Ctx) -> tuple[str, tuple[Action, ...]]:
    """Where to go next; Refused when somebody was quicker, or the script is not fit."""
    return _done(view.query, view.reader.member, ctx), ()


def _done(query: Mapping[str, str], by: str, ctx: Ctx) -> str:
    """Save, move on or restore."""
    stored = _stored(query, ctx)
    if stored and _overtaken(stored, query):
        raise Refused("您打开之后，别人已经存了新的一版。请看右边两边的差别，改好再存。")
    if query.get("do") == "restore" and stored:
        return _restore(stored, query.get("at", ""), by, ctx)
    if not stored and not query.get("title", "").strip():
        raise Refused("标题还没有填。")
    was = stored or replace(_blank(), id=f"web-{ctx.new_id()[:10]}")
    edited = drafting.read(was, query)
    if not isinstance(edited, Script):
        raise Refused("；".join(f"{p.column}：{p.advice}" for p in edited))
    wanted = _step(was.status if stored else "", query)
    return _save(stored, replace(edited, status=wanted), query, by, ctx)


def _step(status: str, query: Mapping[str, str]) -> str:
    """The status after this button."""
    found = {do: after for do, _, after in STEPS[status]}.get(query.get("do", ""))
    if found is None:
        raise Refused(f"这条话术现在是{status or '新的'}，不能这样做。请刷新页面再看。")
    if query.get("do") == "back" and not query.get("why", "").strip():
        raise Refused("退回要写原因，写的人才知道改哪里。")
    return found


def _save(
    stored: Script | None, edited: Script, query: Mapping[str, str], by: str, ctx: Ctx
) -> str:
    if edited.status == LIVE:
        library.fit_to_publish(edited, ctx.today)
        if stored is None or not library.same(stored, edited):
            four_eyes.check(stored, edited, by, ctx)
    elif edited.status == REVIEW and not edited.body.strip():
        raise Refused("正文还没有写。")
    if stored and library.same(stored, edited):
        raise Refused("内容没有变，不用保存。")
    moved = stored is not None and stored.status != edited.status
    step = f"{stored.status}→{edited.status}" if stored and moved else ""
    said = "：".join(filter(None, (step, query.get("why", "").strip())))
    return _kept(edited, by, said or "在看板里改", ctx)


def _restore(stored: Script, n: str, by: str, ctx: Ctx) -> str:
    """An earlier content keeps the status of now: only review publishes."""
    old = replace(library.at_version(ctx.db, stored.id, int(n) if n.isdecimal() else 0),
                  status=stored.status)  # fmt: skip
    if old.status == LIVE:
        library.fit_to_publish(old, ctx.today)
        four_eyes.check_back(stored.id, int(n), by, ctx)
    if library.same(stored, old):
        raise Refused(f"现在的内容就是第{n}版，不用恢复。")
    return _kept(old, by, f"恢复第{n}版", ctx)


def _kept(found: Script, by: str, why: str, ctx: Ctx) -> str:
    n = scripts.last_version(ctx.db, found.id) + 1
    audit.note(ctx.db, who=by, what=f"console script {found.id} v{n}", customer="", now=ctx.now)
    library.keep(ctx, (found,), by, why[:200])
    done = "saved" if found.status == LIVE else "kept"
    return f"script?key={quote(found.id, safe='')}&done={done}"
