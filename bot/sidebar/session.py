"""Cookies that only we can have made: a member's session, and the login that is under way."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.writer import Writer
from storage import sessions
from storage.db import Db
from storage.sessions import Key

LIFE = timedelta(days=7)
RENEW = timedelta(days=1)  # a page opened later than that starts a fresh session
LOGIN_LIFE = timedelta(minutes=10)
KEY_LIFE = timedelta(days=30)
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Session:
    """`nonce` tells one session from another; what proves a form is ours follows from it."""

    member: str
    nonce: str
    at: datetime

    def old(self, now: datetime) -> bool:
        return now - self.at > RENEW


def seal(key: Key, purpose: str, what: dict[str, Any]) -> str:
    """The id of the key, what it says, and a mark that needs the key."""
    body = base64.urlsafe_b64encode(json.dumps(what).encode()).decode().rstrip("=")
    return f"{key.id}.{body}.{_mark(key, purpose, body)}"


def opened(keys: Iterable[Key], purpose: str, text: str) -> dict[str, Any] | None:
    """What was sealed for that purpose; None for everything else."""
    name, _, rest = text.partition(".")
    body, _, mark = rest.partition(".")
    key = next((k for k in keys if k.id == name), None)
    if key is None or not hmac.compare_digest(_mark(key, purpose, body).encode(), mark.encode()):
        return None
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def _mark(key: Key, purpose: str, body: str) -> str:
    said = f"{purpose}.{body}".encode()
    return hmac.new(key.key.encode(), said, hashlib.sha256).hexdigest()


class Keyring:
    """The keys of the store, read again when a cookie names one that is not known yet.

    A session of one `room` opens no other.
    """

    def __init__(self, writer: Writer, clock: Clock, room: str = "") -> None:
        self._writer = writer
        self._clock = clock
        self._room = f"{room}-" if room else ""
        self._keys: tuple[Key, ...] = ()

    async def begin(self, member: str) -> tuple[str, Session]:
        """The cookie of a fresh session."""
        session = Session(member, secrets.token_hex(8), self._clock.now())
        what = {"m": session.member, "n": session.nonce, "t": int(session.at.timestamp())}
        return seal(await self._newest(), f"{self._room}session", what), session

    async def session(self, cookie: str, life: timedelta = LIFE) -> Session | None:
        found = await self._open(f"{self._room}session", cookie, life)
        if found is None:
            return None
        return Session(str(found["m"]), str(found["n"]), datetime.fromtimestamp(found["t"], UTC))

    async def token(self, session: Session) -> str:
        """What a page of this session, and no other site, can send along."""
        return (await self._tokens(session))[0]

    async def proves(self, session: Session, token: str) -> bool:
        known = await self._tokens(session)
        return any(hmac.compare_digest(one.encode(), token.encode()) for one in known)

    async def _tokens(self, session: Session) -> list[str]:
        """By the newest key, and by those that it took the place of while a page was open."""
        await self._newest()
        whose = f"{session.member}.{session.nonce}"
        return [_mark(key, f"{self._room}form", whose) for key in self._keys]

    async def link(self, name: str) -> str:
        """A sealed name for an address; whoever has it may come in with it."""
        what = {"l": name, "t": int(self._clock.now().timestamp())}
        return seal(await self._newest(), f"{self._room}link", what)

    async def linked(self, text: str, life: timedelta) -> tuple[str, datetime] | None:
        """The name and when it was sealed; None for what we did not seal."""
        found = await self._open(f"{self._room}link", text, life) if text.isascii() else None
        return (str(found["l"]), datetime.fromtimestamp(found["t"], UTC)) if found else None

    async def login(self) -> tuple[str, str]:
        """The cookie of a login and the state that has to come back with it."""
        state = secrets.token_hex(16)
        what = {"s": state, "t": int(self._clock.now().timestamp())}
        return seal(await self._newest(), "login", what), state

    async def came_back(self, cookie: str, state: str) -> bool:
        found = await self._open("login", cookie, LOGIN_LIFE)
        return found is not None and hmac.compare_digest(str(found["s"]).encode(), state.encode())

    async def _open(self, purpose: str, cookie: str, life: timedelta) -> dict[str, Any] | None:
        name = cookie.partition(".")[0]
        if name and all(key.id != name for key in self._keys):
            self._keys = tuple(await self._writer.do(sessions.keys))  # another process made it
        found = opened(self._keys, purpose, cookie)
        if found is None:
            return None
        age = self._clock.now() - datetime.fromtimestamp(found["t"], UTC)
        return found if -SKEW < age < life else None

    async def _newest(self) -> Key:
        now = self._clock.now()
        if not self._keys or now - self._keys[0].at > KEY_LIFE:
            fresh = Key(secrets.token_hex(4), secrets.token_hex(32), now)
            self._keys = tuple(await self._writer.do(lambda db: _renewed(db, fresh)))
        return self._keys[0]


def _renewed(db: Db, fresh: Key) -> list[Key]:
    """The keys of the store, a fresh one first where the newest has grown old."""
    known = sessions.keys(db)
    if not known or fresh.at - known[0].at > KEY_LIFE:
        sessions.drop(db, fresh.at - KEY_LIFE - LIFE)
        sessions.add(db, fresh)
    return sessions.keys(db)
