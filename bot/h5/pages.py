"""The pages as HTML: forms and links alone, so that they work in every browser, without script."""

import io
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import segno
from aiohttp import web
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

HERE = Path(__file__).parent
FILES = {"h5.css": "text/css"}
POLICY = ("default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
          "form-action 'self'; frame-ancestors 'self'")  # fmt: skip


class Pages:
    def __init__(self, notices: Mapping[str, str]) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.globals |= {"once": once, "qr": qr, **notices}

    def html(self, name: str, status: int = 200, **values: Any) -> web.Response:
        text = self._templates.get_template(f"{name}.html").render(values)
        answer = web.Response(status=status, text=text, content_type="text/html")
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    def note(self, status: int, title: str, text: str, again: str = "") -> web.Response:
        return self.html("note", status, title=title, text=text, again=again)

    async def static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound
        body = (HERE / "static" / name).read_bytes()
        return web.Response(body=body, content_type=FILES[name], charset="utf-8",
                            headers={"Cache-Control": "max-age=3600"})  # fmt: skip


def once() -> str:
    """Fresh for each form, so that a second click of it is known to be the same."""
    return secrets.token_hex(8)


def qr(words: str) -> Markup:
    """As SVG inside the page, which needs no script and no style of its own."""
    out = io.BytesIO()
    segno.make(words, error="m", micro=False).save(
        out, kind="svg", scale=5, border=2, xmldecl=False, svgns=True, omitsize=True, title=words
    )
    return Markup(out.getvalue().decode())
