"""Who opens a page: the address that asks WeCom, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from bot.wecom.client import Client

SPENT = (40029, 42003, 42022)  # the code was used, is too old, or never was


@dataclass(frozen=True, slots=True)
class Visitor:
    """A member has a userid; everybody else at most an openid and, as a customer, their id."""

    userid: str = ""
    openid: str = ""
    external_userid: str = ""


def address(base: str, corp_id: str, agent_id: int, back: str, state: str) -> str:
    """Where the browser is sent; snsapi_base asks nobody anything."""
    query = {"appid": corp_id, "redirect_uri": back, "response_type": "code",
             "scope": "snsapi_base", "state": state, "agentid": agent_id}  # fmt: skip
    return f"{base.rstrip('/')}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"


async def visitor(client: Client, secret: str, code: str) -> Visitor:
    """Whose code it is; it works once. Raises WeComError."""
    return read(await client.call(secret, "GET", "auth/getuserinfo", params={"code": code}))


def read(answer: Mapping[str, Any]) -> Visitor:
    """Both spellings are met: userid here, UserId where an older gateway answers."""
    plain = {str(name).lower(): value for name, value in answer.items()}
    return Visitor(*(str(plain.get(key) or "") for key in ("userid", "openid", "external_userid")))


def origin(public_url: str) -> str:
    """https://bot.example.com as a browser writes it; "" for what is no web address."""
    found = urlsplit(public_url.strip())
    if found.scheme not in ("http", "https") or not found.hostname:
        return ""
    host = f"[{found.hostname}]" if ":" in found.hostname else found.hostname
    usual = {"http": 80, "https": 443}[found.scheme]
    port = "" if found.port in (None, usual) else f":{found.port}"
    return f"{found.scheme}://{host}{port}"
