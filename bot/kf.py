"""微信客服 towards the platform: pull what is new, answer, hand over."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from bot import pictures
from bot.caller import Act, Caller
from bot.messages import DESC, TITLE, cut
from bot.wecom.errors import WeComError
from handlers.values import Kf, KfHand, KfInvite, KfLink, KfPull, KfText
from storage import inbox, kf
from storage.db import Db
from storage.outbox import Parcel

CHANNEL = "kf"
PAGE = 1000
STALE_TOKEN, REPEATED, WRONG_STATE = 95007, 95013, 95016
NOT_SERVING = (95014, 95015)
POOL, SERVED = 2, 3
PAGES = 10_000  # in one pull; a platform that never ends is left until the next bell
MENU_BYTES = 1000


def packed(action: Kf) -> tuple[str, str, dict[str, Any]]:
    """Kind, lane and body of the parcel. One account is pulled by one lane at a time."""
    body: dict[str, Any]
    if isinstance(action, KfPull):
        body = {"open_kfid": action.open_kfid, "token": action.token}
        return "kf_pull", f"kf:{action.open_kfid}", body
    if isinstance(action, KfText):
        menu = [list(item) for item in action.menu]
        body = {"open_kfid": action.open_kfid, "text": action.text, "menu": menu,
                "code": action.code}  # fmt: skip
        return "kf_text", action.to, body
    if isinstance(action, KfLink):
        body = {"open_kfid": action.open_kfid, "title": action.title, "desc": action.desc,
                "url": action.url}  # fmt: skip
        return "kf_link", action.to, body
    if isinstance(action, KfHand):
        body = {"open_kfid": action.open_kfid, "servicer": action.servicer}
        return "kf_hand", action.to, body
    if isinstance(action, KfInvite):
        body = {"open_kfid": action.open_kfid, "userid": action.userid, "wording": action.wording}
        return "kf_invite", action.to, body
    return "kf_who", action.to, {}


class Desk(Caller):
    def _acts(self) -> Mapping[str, Act]:
        return {
            "kf_pull": self._pull, "kf_text": self._text, "kf_link": self._link,
            "kf_hand": self._hand, "kf_invite": self._invite, "kf_who": self._who,
        }  # fmt: skip

    async def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._client.call(self._secret, "POST", f"kf/{path}", json=body)

    async def _pull(self, _: Parcel, given: dict[str, Any]) -> None:
        """Page by page; a page and the place after it are kept in one commit."""
        account, token = given["open_kfid"], given["token"]
        at = await self._writer.do(lambda db: kf.cursor(db, account))
        for _page in range(PAGES):
            body = {"cursor": at, "token": token, "limit": PAGE, "open_kfid": account}
            try:
                answer = await self._call("sync_msg", body)
            except WeComError as error:
                if error.code != STALE_TOKEN or not token:
                    raise
                token = ""  # slower, but nothing is left lying
                continue
            at = str(answer.get("next_cursor") or at)
            await self._keep(account, answer.get("msg_list") or [], at)
            if not answer.get("has_more"):
                return

    async def _keep(self, account: str, found: list[dict[str, Any]], at: str) -> None:
        now = self._clock.now()
        rows = [inbox.Kept(f"{CHANNEL}:{m['msgid']}", CHANNEL, visitor(m), _text_of(m))
                for m in found]  # fmt: skip

        def keep(db: Db) -> None:
            for row in rows:
                inbox.keep(db, row, now)
            kf.move(db, account, at, now)

        await self._writer.do(keep)
        if rows:
            self._bell()

    async def _text(self, parcel: Parcel, given: dict[str, Any]) -> None:
        path, whom = ("send_msg_on_event", {"code": given["code"]}) if given["code"] else (
            "send_msg", {"touser": parcel.target, "open_kfid": given["open_kfid"]})  # fmt: skip
        await self._once(parcel, path, {**whom, **content(given["text"], given["menu"])})

    async def _once(self, parcel: Parcel, path: str, body: Mapping[str, Any]) -> None:
        """The id follows from the parcel, so a repeat after a crash is known as one."""
        own = hashlib.blake2s(parcel.id.encode(), digest_size=16).hexdigest()
        try:
            await self._call(path, {**body, "msgid": own})
        except WeComError as error:
            if error.code != REPEATED:
                raise

    async def _link(self, parcel: Parcel, given: dict[str, Any]) -> None:
        """A link must have a picture; it is uploaded each time, since few are sent."""
        data = await asyncio.to_thread(pictures.png, cover(given["title"]))
        thumb = await self._client.upload(self._secret, "image", "cover.png", data)
        link = {"title": cut(given["title"], TITLE, "link.title"), "url": given["url"],
                "desc": cut(given["desc"], DESC, "link.desc"), "thumb_media_id": thumb}  # fmt: skip
        whom = {"touser": parcel.target, "open_kfid": given["open_kfid"]}
        await self._once(parcel, "send_msg", {**whom, "msgtype": "link", "link": link})

    async def _hand(self, parcel: Parcel, given: dict[str, Any]) -> None:
        whom = {"open_kfid": given["open_kfid"], "external_userid": parcel.target}
        try:
            if not given["servicer"]:
                await self._call("service_state/trans", {**whom, "service_state": POOL})
                return
            to = {"service_state": SERVED, "servicer_userid": given["servicer"]}
            await self._call("service_state/trans", {**whom, **to})
        except WeComError as error:
            if error.code in NOT_SERVING:
                await self._call("service_state/trans", {**whom, "service_state": POOL})
            elif error.code != WRONG_STATE or not await self._is_with_a_person(whom):
                raise

    async def _is_with_a_person(self, whom: Mapping[str, str]) -> bool:
        """Done already, by us before a crash or by a servicer."""
        state = (await self._call("service_state/get", whom)).get("service_state")
        return state in (POOL, SERVED)

    async def _invite(self, parcel: Parcel, given: dict[str, Any]) -> None:
        member = {"userid": given["userid"], "wording": given["wording"]}
        whom = {"open_kfid": given["open_kfid"], "external_userid": parcel.target}
        await self._call("customer/upgrade_service", {**whom, "type": 1, "member": member})

    async def _who(self, parcel: Parcel, _: dict[str, Any]) -> None:
        """Keep the nickname in the inbox like anything else that the platform told."""
        answer = await self._call("customer/batchget", {
            "external_userid_list": [parcel.target], "need_enter_session_context": 0})  # fmt: skip
        found = next(iter(answer.get("customer_list") or []), None)
        if found is None:
            return
        told = {"event": {"event_type": "kf_name"}, "nickname": found.get("nickname", "")}
        body = {"msgid": parcel.id, "msgtype": "event", "external_userid": parcel.target, **told}
        row = inbox.Kept(f"{CHANNEL}:{parcel.id}", CHANNEL, parcel.target, _text_of(body))
        await self._writer.do(lambda db: inbox.keep(db, row, self._clock.now()))
        self._bell()


def visitor(message: Mapping[str, Any]) -> str:
    """Who it is about; an event carries the id inside."""
    inside = message.get("event") or {}
    return str(message.get("external_userid") or inside.get("external_userid") or "")


def cover(title: str) -> str:
    """A quiet square with the first words of what is to be read."""
    words = escape(title[:4])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240">'
            f'<rect width="240" height="240" fill="#eaf0fd"/><rect x="24" y="160" width="64" '
            f'height="6" fill="#2b62d9"/><text x="24" y="132" font-size="40" fill="#1d2530" '
            f'font-family="Noto Sans CJK SC">{words}</text></svg>')  # fmt: skip


def content(text: str, menu: list[list[str]]) -> dict[str, Any]:
    if not menu:
        return {"msgtype": "text", "text": {"content": text}}
    head = text.encode()[:MENU_BYTES].decode(errors="ignore")
    items = [{"type": "click", "click": {"id": key, "content": words}} for key, words in menu]
    return {"msgtype": "msgmenu", "msgmenu": {"head_content": head, "list": items}}


def _text_of(message: Mapping[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False)
