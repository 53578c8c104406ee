"""微信客服 of the pretend WeCom: one account, its sessions, a log to pull, five answers in 48 h."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox import messages
from bot.sandbox.media import Media
from bot.sandbox.world import ApiError, Impossible, World

NEW, ASSISTANT, POOL, SERVED, ENDED = range(5)
# What the API may change: from a state to these.
MOVES: Mapping[int, tuple[int, ...]] = {
    NEW: (ASSISTANT, POOL, SERVED), ASSISTANT: (POOL, SERVED), POOL: (SERVED,),
    SERVED: (SERVED, ENDED), ENDED: (),
}  # fmt: skip
WINDOW, ANSWERS = timedelta(hours=48), 5
BELL_LIFE, LOG_LIFE = timedelta(minutes=10), timedelta(days=3)
WELCOME_LIFE, CODE_LIFE = timedelta(seconds=20), timedelta(hours=48)
MENU_BYTES, MENU_ITEMS, TEXT_BYTES = 1024, 10, 2048
_ID = re.compile(r"[0-9A-Za-z_-]{1,32}")

Block = Mapping[str, Any]


@dataclass(slots=True)
class _Session:
    state: int = ENDED
    servicer: str = ""
    said_at: datetime | None = None
    left: int = 0
    welcomed_at: datetime | None = None


@dataclass(slots=True)
class _Code:
    customer: str
    good_until: datetime
    state: int | None  # in which it must still be used; None for the welcome
    menus: bool
    spent: bool = False


@dataclass(slots=True)
class Desk:
    """`show` puts into the feed what a customer sees."""

    world: World
    now: Callable[[], datetime]
    show: Callable[[str, str, dict[str, Any]], Any]
    media: Media
    servicers: dict[str, bool] = field(default_factory=dict)  # userid: taking customers
    log: list[dict[str, Any]] = field(default_factory=list)
    sessions: dict[str, _Session] = field(default_factory=dict)
    codes: dict[str, _Code] = field(default_factory=dict)
    bells: dict[str, datetime] = field(default_factory=dict)
    page: int = 1000  # messages a pull answers with at most; small ones make for empty pages
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.servicers.update({m.userid: True for m in self.world.members})

    def calls(self) -> Mapping[str, Callable[[Block, Block], dict[str, Any]]]:
        return {
            "kf/sync_msg": self._sync, "kf/send_msg": self._send,
            "kf/send_msg_on_event": self._send_on_event,
            "kf/service_state/get": self._state, "kf/service_state/trans": self._trans,
            "kf/customer/batchget": self._customers, "kf/account/list": self._accounts,
            "kf/servicer/list": self._servicers, "kf/add_contact_way": self._way,
            "kf/customer/upgrade_service": self._upgrade,
            "kf/customer/get_upgrade_service_config": self._upgrades,
        }  # fmt: skip

    # What customers do

    def enter(self, customer: str, scene: str = "", param: str = "") -> str:
        """They open the chat; returns the bell's token."""
        session = self._session(customer)
        event = {"event_type": "enter_session", "open_kfid": self.world.open_kfid,
                 "external_userid": customer, "scene": scene, "scene_param": param}  # fmt: skip
        silent = session.said_at is None
        recent = session.welcomed_at and self.now() - session.welcomed_at < WINDOW
        if silent and not recent:
            event["welcome_code"] = self._code(customer, WELCOME_LIFE, None, menus=True)
        return self._ring(self._event(customer, event))

    def hear(self, customer: str, text: str, menu_id: str = "") -> tuple[str, str]:
        """They write, or choose from a menu; returns message id and token."""
        session = self._session(customer)
        if session.state == ENDED:
            session.state, session.servicer = NEW, ""
        session.said_at, session.left = self.now(), ANSWERS
        content = {"content": text, **({"menu_id": menu_id} if menu_id else {})}
        item = self._message(customer, 3, "text", {"text": content})
        return item["msgid"], self._ring(item)

    def end(self, customer: str) -> str:
        """A servicer ends the session in the client."""
        session = self._session(customer)
        if session.state != SERVED:
            raise Impossible("没有人在接待，不能结束会话。")
        was, session.state, session.servicer = session.servicer, ENDED, ""
        code = self._code(customer, WELCOME_LIFE, ENDED, menus=True)
        return self._ring(self._event(customer, {
            "event_type": "session_status_change", "open_kfid": self.world.open_kfid,
            "external_userid": customer, "change_type": 3, "old_servicer_userid": was,
            "msg_code": code}))  # fmt: skip

    def fail(self, customer: str, msgid: str, kind: int) -> str:
        """An answer that was taken is not delivered after all."""
        return self._ring(self._event(customer, {
            "event_type": "msg_send_fail", "open_kfid": self.world.open_kfid,
            "external_userid": customer, "fail_msgid": msgid, "fail_type": kind}))  # fmt: skip

    def _session(self, customer: str) -> _Session:
        found = self.sessions.setdefault(customer, _Session())
        if found.said_at and self.now() - found.said_at > WINDOW:
            found.state, found.servicer = ENDED, ""
        return found

    def _event(self, customer: str, event: dict[str, Any]) -> dict[str, Any]:
        return self._message(customer, 4, "event", {"event": event})

    def _message(self, customer: str, origin: int, kind: str, own: Block) -> dict[str, Any]:
        item = {
            "msgid": f"kf-{len(self.log) + 1}", "open_kfid": self.world.open_kfid,
            "external_userid": customer, "send_time": int(self.now().timestamp()),
            "origin": origin, "msgtype": kind, **own,
        }  # fmt: skip
        if origin == 4:
            item.pop("external_userid")  # an event carries it inside
        self.log.append({**item, "at": self.now()})
        return item

    def _ring(self, _item: object) -> str:
        token = f"ENC-{secrets.token_hex(8)}"
        self.bells[token] = self.now() + BELL_LIFE
        return token

    def _code(self, customer: str, life: timedelta, state: int | None, *, menus: bool) -> str:
        code = f"CODE-{secrets.token_hex(6)}"
        self.codes[code] = _Code(customer, self.now() + life, state, menus)
        return code

    # What the program asks

    def _sync(self, _query: Block, body: Block) -> dict[str, Any]:
        """Pages of the last three days; the first one after a bell may well be empty."""
        if body.get("open_kfid") != self.world.open_kfid:
            raise ApiError(95000, "invalid open_kfid")
        cursor, token = str(body.get("cursor") or ""), str(body.get("token") or "")
        if len(cursor) > 64 or len(token) > 128 or not 0 < int(body.get("limit", 1000)) <= 1000:
            raise ApiError(40058, "invalid parameter")
        if token and self.now() > self.bells.get(token, self.now() - BELL_LIFE):
            raise ApiError(95007, "invalid token")
        start = self._start(cursor)
        if start < 0:  # a page without messages comes before those that have some
            return {"next_cursor": f"P{-start - 1}", "has_more": 1, "msg_list": []}
        limit = min(int(body.get("limit", 1000)), self.page)
        found = self.log[start : start + limit]
        after = start + len(found)
        listed = [{k: v for k, v in item.items() if k != "at"} for item in found]
        more = int(after < len(self.log))
        return {"next_cursor": f"C{after}", "has_more": more, "msg_list": listed}

    def _start(self, cursor: str) -> int:
        """Where to read on; negative when an empty page comes first."""
        old = sum(self.now() - item["at"] > LOG_LIFE for item in self.log)
        if not re.fullmatch(r"(?:[CP]\d{1,9})?", cursor):
            raise ApiError(40058, "invalid cursor")
        at = int(cursor[1:]) if cursor else old
        waits = cursor[:1] != "P" and self.page < 1000 and at < len(self.log)
        return -at - 1 if waits else at

    def _send(self, _query: Block, body: Block) -> dict[str, Any]:
        customer, session = self._whom(body)
        if session.state not in (NEW, ASSISTANT):
            raise ApiError(95016, "session state does not allow it")
        msgid = self._id_of(body)
        if msgid in self.seen:
            raise ApiError(95013, "msgid repeated")
        shown = self._shown(body, ("text", "image", "voice", "video", "file", "link", "msgmenu"))
        if session.said_at is None or self.now() - session.said_at > WINDOW:
            raise ApiError(95002, "over 48 hours")
        if session.left <= 0:
            raise ApiError(95001, "over 5 messages")
        session.left -= 1
        self.seen.add(msgid)
        self.show(customer, "kf", {**shown, "msgid": msgid})
        return {"msgid": msgid}

    def _send_on_event(self, _query: Block, body: Block) -> dict[str, Any]:
        code = self.codes.get(str(body.get("code")))
        msgid = self._id_of(body)
        if code is None or code.spent or self.now() > code.good_until:
            raise ApiError(95004, "invalid code")
        session = self._session(code.customer)
        if code.state is not None and session.state != code.state:
            raise ApiError(95016, "session state does not allow it")
        shown = self._shown(body, ("text", "msgmenu") if code.menus else ("text",))
        code.spent = True
        if code.state is None:
            session.welcomed_at = self.now()
        self.show(code.customer, "kf", {**shown, "msgid": msgid})
        return {"msgid": msgid}

    def _whom(self, body: Block) -> tuple[str, _Session]:
        customer = str(body.get("touser") or body.get("external_userid") or "")
        if body.get("open_kfid") != self.world.open_kfid:
            raise ApiError(95000, "invalid open_kfid")
        if customer not in self.sessions:
            raise ApiError(84061, "not existed external userid")
        return customer, self._session(customer)

    def _id_of(self, body: Block) -> str:
        given = body.get("msgid")
        if given is None:
            return f"kfa-{secrets.token_hex(6)}"
        if not isinstance(given, str) or not _ID.fullmatch(given):
            raise ApiError(40058, "invalid msgid")
        return given

    def _shown(self, body: Block, allowed: tuple[str, ...]) -> dict[str, Any]:
        kind = str(body.get("msgtype"))
        if kind not in allowed:
            raise ApiError(40008, "invalid message type")
        content = body.get(kind)
        if not isinstance(content, Mapping):
            raise ApiError(40063, f"missing {kind}")
        if kind == "msgmenu":
            return _menu(content)
        if kind == "text":
            words = str(content.get("content") or "")
            if not words:
                raise ApiError(44004, "empty content")
            if len(words.encode()) > TEXT_BYTES:
                raise ApiError(45002, "content size out of limit")
            return {"type": "text", "text": words}
        if kind == "link":
            return self._link(content)
        return {"type": kind, "text": messages.cut(str(content.get("title") or kind), 128)}

    def _link(self, content: Block) -> dict[str, Any]:
        """A link without a picture is refused; title and description are cut."""
        url, title = str(content.get("url") or ""), str(content.get("title") or "")
        if not title:
            raise ApiError(41016, "missing title")
        if not url:
            raise ApiError(41010, "missing url")
        if len(url.encode()) > 2048:
            raise ApiError(40039, "url too long")
        self.media.get(content.get("thumb_media_id"), self.now(), "image")
        seen = {"title": messages.cut(title, 128), "url": url,
                "desc": messages.cut(str(content.get("desc") or ""), 512)}  # fmt: skip
        return {"type": "link", "text": f"{seen['title']}\n{seen['desc']}", "link": seen}

    def _state(self, _query: Block, body: Block) -> dict[str, Any]:
        _, session = self._whom(body)
        return {"service_state": session.state, "servicer_userid": session.servicer}

    def _trans(self, _query: Block, body: Block) -> dict[str, Any]:
        customer, session = self._whom(body)
        to = int(body["service_state"])
        if to not in MOVES[session.state]:
            raise ApiError(95016, "session state does not allow it")
        servicer = str(body.get("servicer_userid") or "")
        if to == SERVED and not self.servicers.get(servicer, False):
            raise ApiError(95014 if servicer in self.servicers else 95015, "servicer not serving")
        session.state, session.servicer = to, servicer if to == SERVED else ""
        life = WELCOME_LIFE if to == ENDED else CODE_LIFE
        coded = to in (POOL, SERVED, ENDED)
        return {"msg_code": self._code(customer, life, to, menus=to == ENDED)} if coded else {}

    def _customers(self, _query: Block, body: Block) -> dict[str, Any]:
        wanted = body["external_userid_list"]
        if not 1 <= len(wanted) <= 100:
            raise ApiError(40058, "external_userid_list")
        names = {c.external_userid: c.name for c in self.world.customers}
        known = [key for key in wanted if key in self.sessions]
        listed = [{"external_userid": key, "nickname": names.get(key, "微信用户"), "avatar": "",
                   "gender": 0} for key in known]  # fmt: skip
        return {"customer_list": listed, "invalid_external_userid":
                [key for key in wanted if key not in self.sessions]}  # fmt: skip

    def _accounts(self, _query: Block, _body: Block) -> dict[str, Any]:
        account = {"open_kfid": self.world.open_kfid, "name": "在线客服", "avatar": ""}
        return {"account_list": [account]}

    def _servicers(self, query: Block, _body: Block) -> dict[str, Any]:
        if query.get("open_kfid") != self.world.open_kfid:
            raise ApiError(95000, "invalid open_kfid")
        return {"servicer_list": [{"userid": who, "status": 0 if serving else 1}
                                  for who, serving in self.servicers.items()]}  # fmt: skip

    def _way(self, _query: Block, body: Block) -> dict[str, Any]:
        scene = str(body.get("scene") or "")
        if not re.fullmatch(r"[0-9A-Za-z_-]{0,32}", scene):
            raise ApiError(95011, "invalid scene")
        return {"url": f"https://work.weixin.qq.com/kfid/{self.world.open_kfid}?enc_scene={scene}"}

    def _upgrade(self, _query: Block, body: Block) -> dict[str, Any]:
        """A card that invites to add an advisor; it is shown, and costs no answer."""
        customer, _ = self._whom(body)
        if int(body["type"]) != 1 or self.world.member(str(body["member"]["userid"])) is None:
            raise ApiError(95021, "upgrade service is not permitted")
        member = body["member"]
        shown = {"type": "upgrade", "text": str(member.get("wording") or ""),
                 "member": str(member["userid"])}  # fmt: skip
        self.show(customer, "kf", shown)
        return {}

    def _upgrades(self, _query: Block, _body: Block) -> dict[str, Any]:
        return {"member_range": {"userid_list": list(self.servicers), "department_id_list": []},
                "groupchat_range": {"chat_id_list": []}}  # fmt: skip


def _menu(content: Block) -> dict[str, Any]:
    listed = content.get("list") or []
    for name in ("head_content", "tail_content"):
        if len(str(content.get(name) or "").encode()) > MENU_BYTES:
            raise ApiError(95008, f"{name} too long")
    if not listed or len(listed) > MENU_ITEMS:
        raise ApiError(95009, "invalid menu list")
    items = []
    for item in listed:
        kind = item["type"]
        own = item[kind]
        if kind == "click":
            if not 0 < len(own["content"].encode()) <= 128 or len(own["id"].encode()) > 128:
                raise ApiError(95009, "click item")
            items.append({"id": own["id"], "content": own["content"]})
        elif kind not in ("view", "miniprogram", "text"):
            raise ApiError(95009, "menu item type")
    head = str(content.get("head_content") or "")
    return {"type": "msgmenu", "text": head, "menu": items}
