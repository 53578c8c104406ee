"""设置 in the console: every key with its value and where that comes from; nothing is changed."""

from handlers.console.parts import Line, section, text
from handlers.console.values import Choice, Page, Panel, Piece, Setting, View
from handlers.context import Ctx
from handlers.tables import Table
from handlers.whatif_past import TRIED


def page(view: View, _: Ctx) -> Page:
    every, wrong = view.lent.settings()
    groups = tuple(dict.fromkeys(one.group for one in every))
    words, group = view.query.get("q", ""), view.query.get("group", "")
    changed = view.query.get("changed", "")
    shown = [one for one in every if _wanted(one, words, group, changed)]
    names = [name for name in groups if any(one.group == name for one in shown)]
    panels = (Panel("文件现在有错，重启会起不来", ((Piece(wrong),),), "bad"),) if wrong else ()
    return Page(
        "设置", clock=False, search=words, hint="键、说明、值", panels=panels,
        lead="只看不改：把“要改就写”那一行抄进 config.toml 对应的节，改好值，再重启。",
        choices=(
            Choice("group", "哪一节", (("", "全部"), *((g, g) for g in groups)), group),
            Choice("changed", "来源", (("", "全部"), ("yes", "不是默认的")), changed)),
        sections=tuple(
            section(_table(n, name), (_line(one) for one in shown if one.group == name), view)
            for n, name in enumerate(names)),
    )  # fmt: skip


def _wanted(one: Setting, words: str, group: str, changed: str) -> bool:
    said = f"{one.key} {one.meaning} {one.value}".lower()
    return (
        all(word in said for word in words.lower().split())
        and group in ("", one.group)
        and (not changed or one.value != one.default)
    )


def _table(n: int, name: str) -> Table:
    return Table(f"part{n}", name, (
        text("key", "键"), text("value", "现在"), text("default", "默认"), text("source", "来自"),
        text("meaning", "意思"), text("paste", "要改就写")), ())  # fmt: skip


def _line(one: Setting) -> Line:
    link = f"whatif?given={one.key}" if one.key.partition(".")[0] in TRIED else ""
    return Line((one.key, one.value, one.default, one.source, one.meaning or None,
                 one.paste or None), link)  # fmt: skip
