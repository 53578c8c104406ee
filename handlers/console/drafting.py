"""A script as a form: what was typed becomes a script, or says which field is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from handlers import library
from handlers.console.values import Field, Panel, Piece
from handlers.context import Ctx
from handlers.drafts import MARKS
from nlp.labels import CONCERNS, INTENTS
from scriptbank import guard
from scriptbank.columns import COLUMNS, Column, Row, cell, script
from scriptbank.fill import VARIABLES, fill
from scriptbank.lint import lint
from scriptbank.problems import Problem
from scriptbank.rules import BLOCK, WARN
from scriptbank.script import STAGES, STYLES, Script

LONG = {"body": 7, "also": 4, "facts": 3, "follow_up": 2, "note": 2}
NOTES = {
    "body": "变量写成 {客户称呼}；[[ ]] 里的句子，缺了变量就整句不出现",
    "also": "一行一个", "facts": "一行一条：内容｜来源｜日期", "follow_up": "接在正文后面的反问",
    "note": "只给顾问看", "concerns": "例如 价格、续航", "intents": "例如 试驾、问价",
    "tiers": "高、中、低，空着都适用", "models": "空着都适用", "stores": "门店编号，空着都适用",
    "valid_from": "例如 2026-03-01", "valid_to": "例如 2026-03-31", "attachments": "素材编号",
    "tags": "一行一个，或用；分开",
}  # fmt: skip
ORDER = (
    "title", "stage", "scene", "q", "also", "body", "follow_up", "concerns", "intents", "tiers",
    "style", "models", "stores", "objection", "valid_from", "valid_to", "facts", "attachments",
    "tags", "note", "pinned",
)  # fmt: skip
BY_FIELD = {column.field: column for column in COLUMNS}
NAMES: Mapping[str, Mapping[str, str]] = {"concerns": CONCERNS, "intents": INTENTS}
SAMPLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "all": ("王女士（什么都知道）", {
        "客户称呼": "王女士", "客户姓": "王", "顾问名": "张伟", "门店": "朝阳店",
        "门店地址": "朝阳北路1号", "车型": "S6", "配置": "长续航版", "颜色": "白色",
        "优惠": "置换补贴", "优惠截止": "本月底", "月供": "2980元", "首付": "3万", "群名": "车友群",
        "试驾时间": "周六上午10点", "群链接": "https://example.com/h5/g", "昨日话题": "冬天续航",
        "未解决问题": "价格"}),
    "name": ("李先生（只知道称呼）", {"客户称呼": "李先生", "客户姓": "李"}),
    "none": ("新客户（什么都不知道）", {}),
}  # fmt: skip


def fields(found: Script, typed: Mapping[str, str]) -> Iterator[Field]:
    """The form of a script; what was typed stays as it was typed."""
    for name in ORDER:
        column = BY_FIELD[name]
        value = typed.get(name, _shown(column, getattr(found, name)))
        yield _field(column, value)


def _field(column: Column, value: str) -> Field:
    name, note = column.field, NOTES.get(column.field, "")
    label = column.heading + ("（必填）" if column.required else "")
    if name == "stage":
        return Field(name, label, value, "choice", tuple((one, one) for one in STAGES))
    if name == "style":
        return Field(name, label, value, "choice", tuple((one, one or "不分") for one in STYLES))
    if column.kind == "flag":
        return Field(name, label, value, "choice", (("", "否"), ("是", "是")))
    if name == "q":
        return Field(name, label, value, "wide")
    if name in LONG:
        return Field(name, label, value, "text", note=note, rows=LONG[name])
    return Field(name, label, value, note=note)


def _shown(column: Column, value: object) -> str:
    names = NAMES.get(column.field)
    if names and isinstance(value, tuple):
        return "、".join(names.get(code, code) for code in value)
    return cell(column, value).replace("\n", "；" if column.field not in LONG else "\n")


def read(was: Script, typed: Mapping[str, str]) -> Script | tuple[Problem, ...]:
    """What was typed, on top of what the form does not show."""
    values = {name: _coded(name, typed[name]) for name in ORDER if name in typed}
    found = script(Row("", 0, {**values, "id": was.id}))
    if not isinstance(found, Script):
        return found
    kept = {"version": was.version, "status": was.status, "scope": was.scope, "owner": was.owner}
    return replace(found, **kept)  # type: ignore[arg-type]


def _coded(name: str, text: str) -> str:
    """价格、续航 as the library keeps them; a word that is no name stays, and lint finds it."""
    codes = {title: code for code, title in NAMES.get(name, {}).items()}
    if not codes:
        return text
    for mark in "、,，;；|｜":
        text = text.replace(mark, "\n")
    return "\n".join(codes.get(word, word) for word in text.split())


# What is said beside the form


def wrong(problems: Sequence[Problem]) -> Panel:
    lines = tuple((Piece(f"{p.column}：{p.advice}"),) for p in problems)
    return Panel("还不能存", lines, "bad")


def preview(found: Script, sample: str) -> Panel:
    title, values = SAMPLES.get(sample, SAMPLES["all"])
    filled = fill(found, values)
    lack = "、".join(filled.missing)
    note = f"采用时会先问顾问：{lack}" if lack else ""
    return Panel(f"发给{title}", ((Piece(filled.text or "（空）"),),), note=note)


def verdict(found: Script, ctx: Ctx) -> Panel:
    """The guard's findings with their cures, then what the library's own check says."""
    text = f"{found.body}\n{found.follow_up}"
    said = guard.check(text, ctx.today, found.facts)
    lines = [_finding(one) for one in said]
    checked = [p for p in lint((found,), ctx.today) if p.rule != "guard"]
    lines += [(Piece(f"· {_heading(p)}：{p.advice}"),) for p in checked]
    if any(one.severity == BLOCK for one in said):
        return Panel("有不能发的话，发布不了", tuple(lines), "bad")
    if checked or any(one.severity == WARN for one in said):
        return Panel("可以发，请看一眼提醒", tuple(lines), "warn")
    if not found.body.strip():
        empty = (Piece("正文还没有写，写好再点“看效果”。"),)
        return Panel("能不能发", (*lines, empty), "warn", f"能用的变量：{'、'.join(VARIABLES)}")
    clean = (Piece("没有发现问题，可以发。"),)
    return Panel("能不能发", (*lines, clean), "ok", f"能用的变量：{'、'.join(VARIABLES)}")


def _finding(one: guard.Finding) -> tuple[Piece, ...]:
    head = Piece(f"{MARKS[one.severity]}：“")
    return head, Piece(one.words, "told"), Piece(f"”（{one.rule}）{one.advice}")


def _heading(problem: Problem) -> str:
    column = BY_FIELD.get(problem.column)
    name = column.heading if column else problem.column
    return f"{name}“{problem.seen}”" if problem.rule in ("code", "variable") else name


def difference(title: str, was: Script, now: Script) -> Panel:
    """Field by field; what went is struck through, what came is underlined."""
    lines: list[tuple[Piece, ...]] = []
    for edit in library.edits(was, now):
        column = BY_FIELD[edit.field]
        before = _shown(column, getattr(was, edit.field))
        after = _shown(column, getattr(now, edit.field))
        lines.append((Piece(f"{edit.heading}："), *pieces(before, after)))
    same = ((Piece("没有差别。"),),)
    note = "划线的是去掉的，下划线的是加上的。" if lines else ""
    return Panel(title, tuple(lines) or same, note=note)


def pieces(was: str, now: str) -> Iterator[Piece]:
    """Both texts in one line: 有点[-贵-][+高+]."""
    for _, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if was[a:b] == now[c:d]:
            yield Piece(was[a:b])
            continue
        if a < b:
            yield Piece(was[a:b], "gone")
        if c < d:
            yield Piece(now[c:d], "come")
