"""A group's plan as operators have it in Excel: a row is a node; a bad row keeps all of it out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from rapidfuzz import fuzz, process

from handlers.group_plans import plan as language
from handlers.group_plans.plan import DOES, EVERYBODY, Node, Plan
from handlers.sop import Problem

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "day": ("天", "第几天", "日", "天数"),
    "at": ("时间", "几点", "发送时间"),
    "kind": ("类型", "栏目"),
    "text": ("内容", "文案", "话术", "正文"),
    "link": ("链接", "网址"),
    "material": ("素材",),
    "to": ("对象", "发给谁"),
    "do": ("方式", "怎么发"),
    "weeks": ("周", "适合周数"),
    "theme": ("主题",),
    "note": ("备注", "说明"),
}
NEEDED = ("day", "at", "kind")
NEAR, LIKE = 50, "（写法相近）"  # of 100: 文按 is 文案, 负责人 is nothing of ours
PLACE = "链接/素材"  # one column for both: what begins with http is a link
TITLES = tuple(names[0] for names in HEADINGS.values())
_DO = {words: key for key, words in DOES.items()}
_CLOCK = re.compile(r"^(\d{1,2})[:：点](\d{2})?分?$")


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: Mapping[str, object]

    def text(self, key: str) -> str:
        value = self.cells.get(key)
        return "" if value is None else str(value).strip()


def read(
    cells: Sequence[Sequence[object]], file: str, *, name: str, say: str = "", priority: int = 50
) -> tuple[Plan | None, dict[str, Any], tuple[Problem, ...]]:
    """The plan, and as it is kept; or everything that is wrong with the table, row by row."""
    header = [str(one or "").strip() for one in cells[0]] if cells else []
    meaning = {alias: key for key, names in HEADINGS.items() for alias in (key, *names)}
    columns = [PLACE if one.replace(" ", "") in (PLACE, "素材/链接") else meaning.get(one, "")
               for one in header]  # fmt: skip
    if missing := [HEADINGS[key][0] for key in NEEDED if key not in columns]:
        seen = "、".join(filter(None, header)) or "空"
        return None, {}, (Problem(file, 1, "列名", seen, f"有{'、'.join(missing)}这几列"),)
    strange = tuple(_strange(header, columns, file))
    if any(LIKE in one.wanted for one in strange):
        return None, {}, strange
    rows = [_Row(n, dict(zip(columns, line, strict=False))) for n, line in enumerate(cells[1:], 2)]
    full = [row for row in rows if any(row.text(key) for key in columns if key)]
    problems = tuple(one for row in full for one in _cells(row, file))
    if problems:
        return None, {}, (*strange, *problems)
    head = {"name": name, "say": say or f"从{file}导入", "priority": priority}
    plan, given, wrong = _given(full, file, head)
    return plan, given, (*strange, *wrong)


def _strange(header: Sequence[str], columns: Sequence[str], file: str) -> Iterator[Problem]:
    """A heading that nobody knows: one that is nearly one of ours is a slip, others are named."""
    names = [name for aliases in HEADINGS.values() for name in aliases]
    for seen, key in zip(header, columns, strict=True):
        if key or not seen:
            continue
        near = process.extractOne(seen, names, scorer=fuzz.ratio, score_cutoff=NEAR)
        wanted = f"“{near[0]}”{LIKE}，不要就删掉这一列" if near else \
            f"{'、'.join(TITLES)}之一；这一列没有用上"  # fmt: skip
        yield Problem(file, 1, "列名", seen, wanted)


def _cells(row: _Row, file: str) -> Iterator[Problem]:
    """What is no number of a day and no hour; everything else is checked as in a file."""
    if _day(row) is None:
        seen = row.text("day") or "空"
        yield Problem(file, row.number, "天", seen, f" 1 到 {language.MOST_DAYS} 的天数")
    if not _clock(row.cells.get("at")):
        yield Problem(file, row.number, "时间", row.text("at") or "空", " 10:00 这样的钟点")
    if (do := row.text("do")) and do not in _DO:
        yield Problem(file, row.number, "方式", do, "、".join(_DO) + "之一")


def _day(row: _Row) -> int | None:
    """3, 3.0, 第3天."""
    found = re.fullmatch(r"第?\s*(\d{1,2})(?:\.0)?\s*[天日]?", row.text("day"))
    return int(found[1]) if found else None


def _clock(value: object) -> str:
    """10:00, 10点, 0.4166 of a day as spreadsheets keep it, or a time; "" for what is none."""
    if isinstance(value, time | datetime):
        return f"{value:%H:%M}"
    if isinstance(value, float) and 0 <= value < 1:
        minutes = round(value * 1440)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    found = _CLOCK.match(re.sub(r"^(\d{1,2}:\d{2}):00$", r"\1", str(value or "").strip()))
    if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:
        return ""
    return f"{int(found[1]):02d}:{found[2] or '00'}"


def _given(
    rows: Sequence[_Row], file: str, head: Mapping[str, Any]
) -> tuple[Plan | None, dict[str, Any], tuple[Problem, ...]]:
    ordered = sorted(rows, key=lambda row: (_day(row) or 0, row.number))
    days: dict[int, dict[str, Any]] = {}
    for row in ordered:
        number = _day(row) or 0
        day = days.setdefault(number, {"day": number, "theme": "", "node": []})
        day["theme"] = day["theme"] or row.text("theme")
        day["node"].append(_node(row))
    given = {**head, "day": list(days.values())}
    lines = [row.number for row in ordered]
    plan, problems = language.checked(given, file, lambda _, n: lines[n - 1] if n else 1)
    return plan, given, tuple(_named(one) for one in problems)


def _node(row: _Row) -> dict[str, str]:
    place = row.text(PLACE)
    link = row.text("link") or (place if place.startswith(("http://", "https://")) else "")
    material = row.text("material") or ("" if place == link else place)
    found = {"at": _clock(row.cells.get("at")), "do": _DO.get(row.text("do"), "card"),
             "kind": row.text("kind"), "to": row.text("to") or EVERYBODY, "link": link,
             "material": material}  # fmt: skip
    return {**found, **{key: row.text(key) for key in ("weeks", "text", "note")}}


def _named(one: Problem) -> Problem:
    """节点3.kind is 类型 to whoever wrote the table; its line says which."""
    key = one.field.rpartition(".")[2]
    title = HEADINGS[key][0] if key in HEADINGS else key
    return Problem(one.file, one.line, title, one.seen, one.wanted)


# Out


def lines(plan: Plan) -> list[tuple[str, ...]]:
    """The plan as a table that `read` takes back."""
    return [TITLES, *(_line(node, plan) for node in plan.nodes)]


def _line(node: Node, plan: Plan) -> tuple[str, ...]:
    cells = {"day": str(node.day), "at": node.at, "kind": node.kind, "text": node.text,
             "link": node.link, "material": node.material, "to": node.to, "do": DOES[node.do],
             "weeks": node.weeks, "theme": plan.themes.get(node.day, ""),
             "note": node.note}  # fmt: skip
    return tuple(cells[key] for key in HEADINGS)


def hints() -> list[tuple[str, str]]:
    """The second sheet of the template: what each column takes."""
    return [
        ("天", f"从开始那天算第几天，1 到 {language.MOST_DAYS}，可以不连续"),
        ("时间", "10:00；18:30 以后的，提前到下班前给群主"),
        ("类型", "、".join(language.TYPES)),
        ("内容", "要发的话；类型是话题、不写内容，就从话题库里按比例取"),
        ("链接", "https:// 开头，会放在话的下面"),
        ("素材", "素材库里的种类（试驾感受、提车分享）或标题里的词"),
        ("对象", "、".join(language.WHOM) + "；不写就是全群"),
        ("方式", "转发（群主自己贴）、群发（建群发任务）、任务（不发到群里）；不写就是转发"),
        ("周", "、".join(language.WEEKS) + "；写了就只发给多数成员在这几周的群"),
        ("备注", "只给群主看"),
        ("变量", "、".join(f"{{{one}}}" for one in language.VARIABLES)),
    ]
