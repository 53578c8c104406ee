"""The page itself and the short ones that say why there is none."""

import json
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from bot.sidebar import oauth
from nlp.labels import CONCERNS

STATIC = Path(__file__).parent / "static"
FILES = {"sidebar.css": "text/css", "sidebar.js": "text/javascript"}


class Pages:
    """`jssdk` is the address of WeCom's script, the only one that is not ours."""

    def __init__(self, jssdk: str) -> None:
        self._jssdk = jssdk
        self._templates = Environment(loader=FileSystemLoader(STATIC), autoescape=True)
        own = f"'self' {oauth.origin(jssdk)}".strip()
        self._policy = (
            f"default-src 'none'; script-src {own}; connect-src {own}; style-src 'self'; "
            "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        )

    def main(self, member: str, token: str, corp_id: str, agent_id: int) -> web.Response:
        return self._html(
            "page.html", 200, member=member, token=token, corp_id=corp_id, agent_id=agent_id,
            jssdk=self._jssdk, concerns=json.dumps(CONCERNS, ensure_ascii=False),
        )  # fmt: skip

    def note(self, status: int, title: str, text: str, again: bool = False) -> web.Response:
        return self._html("note.html", status, title=title, text=text, again=again)

    def _html(self, name: str, status: int, **values: object) -> web.Response:
        text = self._templates.get_template(name).render(values)
        answer = web.Response(status=status, text=text, content_type="text/html")
        answer.headers["Content-Security-Policy"] = self._policy
        return answer

    async def static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound
        body = (STATIC / name).read_bytes()
        return web.Response(body=body, content_type=FILES[name], charset="utf-8")
