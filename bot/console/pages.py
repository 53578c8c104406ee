"""Pages as HTML: what people typed is text, and no script stands in a page."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from handlers.console.door import PERIODS, USUAL
from handlers.console.pages import PAGES
from handlers.console.values import Chart, Page, Reader
from handlers.tables import Cell, Column, Table

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
FILES = {"console.css": "text/css", "console.js": "text/javascript",
         "chart.umd.min.js": "text/javascript"}  # fmt: skip
HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without any, a form of ours would not say that it is ours
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}  # fmt: skip
KEPT = ("store", "days")  # filters that go along to the next page
DONE = {
    "yes": "已重新排队，马上再试一次。", "no": "没有找到这一条，可能已经重发过了。",
    "saved": "已保存，顾问马上用得到新的。", "kept": "已保存；发布后顾问才用得到。",
    "taught": "已采用，从下一条消息起就这样读。",
    "rejected": "没有采用，词库不变。", "withdrawn": "已撤下，从下一条消息起不再用。",
    "stopped": "已急停，要发的都排着。", "resumed": "已恢复发送。", "started": "已开始。",
    "ended": "已停止，没发的不再提醒。",
}  # fmt: skip
RIGHT = frozenset(("count", "share", "days", "minutes", "money"))


class Pages:
    """`path` is where the console stands, also behind a proxy with a part of its address."""

    def __init__(self, path: str, zone: ZoneInfo) -> None:
        self._path = path
        self._zone = zone
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True,
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip

    def page(
        self, name: str, page: Page, reader: Reader, query: Mapping[str, str], token: str,
        status: int = 200, *, took: float = 0.0,
    ) -> web.Response:  # fmt: skip
        menu = [
            (key, one.menu) for key, one in PAGES.items() if one.menu and one.roles & reader.roles
        ]
        return self._html(
            "page.html", status, name=name, page=page, reader=reader, menu=menu, token=token,
            kept=urlencode({k: query[k] for k in KEPT if query.get(k)}),
            periods=PERIODS if page.clock else {}, days=query.get("days") or USUAL,
            address=lambda **more: _address(name, query, more), cell=self._cell,
            drawn=_drawn, right=RIGHT, sort=query.get("sort", ""),
            done=DONE.get(query.get("done", ""), ""), took=f"{took:.1f}" if took else "",
            hidden={k: v for k, v in query.items() if k in ("sort", "id")},
        )  # fmt: skip

    def note(self, status: int, title: str, text: str, **more: object) -> web.Response:
        values: dict[str, object] = {"link": "", "ask": False, **more}
        return self._html("note.html", status, title=title, text=text, **values)

    def _cell(self, cell: Cell, column: Column) -> str:
        if cell is None or cell == "":
            return "–"
        if column.kind == "time" and isinstance(cell, str):
            return f"{datetime.fromisoformat(cell).astimezone(self._zone):%m月%d日 %H:%M}"
        if isinstance(cell, str):
            return cell
        return _number(cell, column.kind)

    def _html(self, template: str, status: int, **values: object) -> web.Response:
        text = self._templates.get_template(template).render(path=self._path, **values)
        body = text.encode("utf-8", "replace")  # half a character of a nickname
        answer = web.Response(status=status, body=body, content_type="text/html", charset="utf-8")
        answer.headers.update(HEADERS)
        return answer

    async def static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound
        return web.Response(body=(STATIC / name).read_bytes(), content_type=FILES[name],
                            charset="utf-8", headers={"Cache-Control": "max-age=3600",
                            "X-Content-Type-Options": "nosniff"})  # fmt: skip


def _number(cell: float, kind: str) -> str:
    if kind == "share":
        return f"{cell:.1%}"
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.1f}"


def _address(name: str, query: Mapping[str, str], more: Mapping[str, str]) -> str:
    """This page with something changed; an empty value takes it out."""
    wanted = {**{k: v for k, v in query.items() if k not in ("as", "table", "done")}, **more}
    told = urlencode({k: v for k, v in wanted.items() if v})
    return f"{name}?{told}" if told else name


def _drawn(chart: Chart) -> str:
    """For the script, in an attribute; the template escapes it."""
    return json.dumps({
        "kind": chart.kind, "title": chart.title, "labels": chart.labels, "percent": chart.percent,
        "series": [{"name": one.name, "values": one.values} for one in chart.series],
    }, ensure_ascii=False)  # fmt: skip


def one(page: Page, name: str) -> Table | None:
    """The table of that name; with the page's title it is a file."""
    found = next((s.table for s in page.sections if s.table.name == name), None)
    return replace(found, title=f"{page.title} {found.title}") if found else None
