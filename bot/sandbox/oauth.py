"""The pretend authorise page: the tester says who opens it, and a code comes back for them."""

import hashlib
import html
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from bot.sandbox.contacts import Contacts
from bot.sandbox.devices import Devices
from bot.sandbox.world import ApiError, World

CODE_LIFE = timedelta(minutes=5)
SCOPES = ("snsapi_base", "snsapi_privateinfo")
STATE = re.compile(r"[0-9A-Za-z]{0,128}")
LOCAL = ("127.0.0.1", "localhost", "::1")
STRANGER = "stranger"
Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Code:
    who: str
    at: datetime
    used: bool = False


class Codes:
    """Codes that were given out, and whom `auth/getuserinfo` names for them."""

    def __init__(self, world: World, now: Callable[[], datetime], contacts: Contacts) -> None:
        self._world = world
        self._now = now
        self._contacts = contacts
        self._codes: dict[str, _Code] = {}

    def calls(self) -> Mapping[str, Callable[[Block, Block], dict[str, Any]]]:
        return {"auth/getuserinfo": self._visitor, "user/getuserinfo": self._older}

    def give(self, who: str) -> str:
        """A code for a userid, an external_userid or somebody the company has never met."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(who, self._now())
        return code

    def _visitor(self, query: Block, _: Block) -> dict[str, Any]:
        who = self._spend(query.get("code"))
        member = self._world.member(who)
        if member:
            return {"userid": member.userid}
        known = {"external_userid": who} if self._contacts.followed(who) else {}
        return {"openid": "o" + hashlib.sha1(who.encode()).hexdigest()[:27], **known}

    def _older(self, query: Block, body: Block) -> dict[str, Any]:
        """The path that libraries still call spells its fields in another way."""
        names = {"userid": "UserId", "openid": "OpenId"}
        found = self._visitor(query, body)
        return {**{names.get(key, key): value for key, value in found.items()}, "DeviceId": "d1"}

    def _spend(self, code: object) -> str:
        if not code:
            raise ApiError(41008, "missing code")
        found = self._codes.get(str(code))
        if found is None or found.used:
            raise ApiError(40029, "invalid code")
        self._codes[str(code)] = replace(found, used=True)
        if self._now() - found.at > CODE_LIFE:
            raise ApiError(42003, "code expired")
        return found.who


class Authorise:
    """`/connect/oauth2/authorize`, under both addresses of the pretend platform."""

    def __init__(self, world: World, codes: Codes, devices: Devices, contacts: Contacts) -> None:
        self._world = world
        self._codes = codes
        self._devices = devices
        self._contacts = contacts

    def routes(self) -> list[web.RouteDef]:
        path = "/connect/oauth2/authorize"
        return [web.get(base + path, self._page) for base in ("", "/sandbox/wecom")]

    async def _page(self, request: web.Request) -> web.Response:
        """At once for a device that belongs to somebody, as snsapi_base does; else a choice."""
        query = request.query
        if problem := self._problem(query):
            return _html(f"<h1>打不开</h1><p>{html.escape(problem)}</p>", 400)
        device = self._devices.of(request)
        who = query.get("who") or (device.who if device else "")
        if who:
            return self._back(query, who)
        return _html(self._choice(query))

    def _problem(self, query: Mapping[str, str]) -> str:
        back = urlsplit(query.get("redirect_uri", ""))
        if query.get("appid") != self._world.corp_id:
            return "appid 不是这家企业的 corp_id（40013）。"
        if back.scheme not in ("http", "https") or back.hostname not in LOCAL:
            return "redirect_uri 的域名不在可信域名里；沙盒只信本机（50001）。"
        if query.get("response_type") != "code" or query.get("scope") not in SCOPES:
            return "response_type 要是 code，scope 要是 snsapi_base 或 snsapi_privateinfo。"
        if not STATE.fullmatch(query.get("state", "")):
            return "state 最多 128 位字母和数字。"
        return ""

    def _back(self, query: Mapping[str, str], who: str) -> web.Response:
        to = query["redirect_uri"]
        more = urlencode({"code": self._codes.give(who), "state": query.get("state", "")})
        joint = "&" if urlsplit(to).query else "?"
        return web.Response(status=302, headers={"Location": f"{to}{joint}{more}"})

    def _choice(self, query: Mapping[str, str]) -> str:
        given = {name: value for name, value in query.items() if name != "who"}
        groups = (
            ("成员", [(m.userid, m.name) for m in self._world.members]),
            ("客户", list(self._contacts.names.items())[:12]),
            ("其他", [(STRANGER, "陌生人")]),
        )
        parts = ["<h1>你是谁？</h1><p>真的企业微信不会问，它认得是谁打开的。这里由你来选。</p>"]
        for title, people in groups:
            rows = "".join(_link(given, who, name) for who, name in people)
            parts.append(f"<h2>{title}</h2><ul>{rows}</ul>")
        return "".join(parts)


def _link(given: Mapping[str, str], who: str, name: str) -> str:
    address = html.escape("?" + urlencode({**given, "who": who}))
    return f'<li><a href="{address}">{html.escape(name)}</a> <small>{html.escape(who)}</small></li>'


def _html(body: str, status: int = 200) -> web.Response:
    head = ('<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>模拟网页授权</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="/sandbox/wecom/authorise.css">')  # fmt: skip
    answer = web.Response(status=status, text=head + body, content_type="text/html")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'"
    return answer
