"""The pretend WeCom: its people speak and press buttons, its API answers, its callbacks push."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox import cards, happenings, jssdk, messages, replies
from bot.sandbox.aibot import Aibot
from bot.sandbox.api import Api, Item
from bot.sandbox.callbacks import Callbacks
from bot.sandbox.devices import Devices
from bot.sandbox.doors import Doors
from bot.sandbox.longlink import LongLink
from bot.sandbox.oauth import Authorise
from bot.sandbox.push import Delivery, xml
from bot.sandbox.robots import key_of
from bot.sandbox.world import ApiError, Customer, Group, Impossible, Internal, Member, World
from bot.wecom import elements
from bot.wecom.cipher import Refused

__all__ = ["Customer", "Group", "Impossible", "Internal", "Member", "Pretend", "World"]

_MSGID = 7_000_000_000_000_000_000

Result = dict[str, Any]


class Pretend:
    """`now` is the sandbox's clock; only the time stamps of callbacks follow `real_now`.

    `first` is the number of the first message: to a store that outlives the process, the same
    ids again would be repeated deliveries. `base_url` is where the API's paths begin; without
    it the aibot is given no address for late answers.
    """

    def __init__(
        self,
        world: World,
        now: Callable[[], datetime],
        real_now: Callable[[], datetime],
        http: aiohttp.ClientSession | None = None,
        *,
        base_url: str = "",
        first: int = 1,
        poll_s: float = 1.0,
        repeat_s: float = 1.0,
        limit_s: float = 5.0,
    ) -> None:
        self.world = world
        self.api = Api(world, now)
        self.callbacks = Callbacks(world.corp_id, http, real_now, repeat_s, limit_s)
        self.link = LongLink(self.api, self._number)
        self.aibot = Aibot(self.api, self.callbacks, self._number, base_url, poll_s, self.link)
        self._now = now
        self._next = first
        self._doors = Doors(self)
        api, devices = self.api, Devices()
        self._pages = (
            Authorise(world, api.codes, devices, api.contacts),
            jssdk.Client(world, api.tickets, api.contacts, devices, api.feed.put),
        )

    def routes(self) -> list[web.RouteDef]:
        pages = [route for page in self._pages for route in page.routes()]
        return [*self._doors.routes(), *self.link.routes(), *pages]

    async def close(self) -> None:
        """Stop what was started over HTTP and still waits for an answer."""
        await self._doors.close()
        await self.link.close()

    async def connect(self, callbacks: Mapping[str, Mapping[str, str]]) -> None:
        """Set callback addresses: `{"app": {"url", "token", "encoding_aes_key"}, …}`."""
        await self.callbacks.connect(callbacks)
        self.api.takes_taps = self.callbacks.has("app")

    def received(self, after: int = 0) -> list[Item]:
        """What everyone received since message `after`."""
        return self.api.feed.after(after)

    @property
    def problems(self) -> list[str]:
        """What was wrong with deliveries and with the answers to them."""
        return self.callbacks.problems

    async def say(self, to: str, sender: str, text: str, group: str | None = None) -> Result:
        """Somebody writes to the app or the aibot; returns when the answer is complete."""
        if to == "kf":
            return await self.say_to_kf(sender, text)
        userid = self._speaker(to, sender)
        if to == "app":
            if group:
                raise Impossible("自建应用收不到群里的话，请去掉 group。")
            return await self._say_to_app(userid, text)
        msgid, delivery = await self.aibot.hear(userid, text, group)
        if delivery is None:
            return {"msgid": "", "delivered": False, "problem": "not mentioned"}
        return _result(msgid, delivery)

    def _speaker(self, to: str, sender: str) -> str:
        if to not in ("app", "aibot"):
            raise Impossible(f"to 只能是 app、aibot 或 kf，收到的是 {to}")
        if sender == "member" and self.world.member(sender) is None:
            sender = self.world.members[0].userid
        if sender == "customer" or sender in self.api.contacts.names:
            raise Impossible("客户不能和自建应用或智能机器人对话，只能由顾问转述。")
        return happenings.userid_of(self.world, sender)

    async def say_to_kf(self, sender: str, text: str) -> Result:
        """A WeChat user writes to 微信客服; choosing a menu's item is writing its words."""
        self._kf_channel()
        customer = self._visitor(sender)
        menu_id = self._menu_id(customer, text)
        msgid, token = self.api.kf.hear(customer, text, menu_id)
        return _result(msgid, await self.ring(token))

    def _visitor(self, sender: str) -> str:
        if sender == "customer" and sender not in self.api.contacts.names:
            return next(iter(self.api.contacts.names))
        if self.world.member(sender) is not None:
            raise Impossible("微信客服的来访者是微信用户，不是成员。")
        return sender

    def _menu_id(self, customer: str, text: str) -> str:
        """The newest menu is the one that can be tapped."""
        menus = (i.get("menu") for i in reversed(self.api.feed.items) if i["to"] == customer)
        newest: list[dict[str, Any]] = next((menu for menu in menus if menu), [])
        return next((str(item["id"]) for item in newest if item["content"] == text), "")

    def _kf_channel(self) -> str:
        channel = "kf" if self.callbacks.has("kf") else "app"
        self.callbacks.require(channel)
        return channel

    async def ring(self, token: str) -> Delivery:
        """The bell: there is something to pull."""
        own = {"ToUserName": self.world.corp_id, "CreateTime": int(self._now().timestamp()),
               "MsgType": "event", "Event": "kf_msg_or_event", "Token": token,
               "OpenKfId": self.world.open_kfid}  # fmt: skip
        return await self.callbacks.push(self._kf_channel(), xml(own))

    async def _say_to_app(self, userid: str, text: str) -> Result:
        msgid = _MSGID + self._number()
        fields = self._fields(userid, "text", Content=text, MsgId=msgid)
        delivery = await self.callbacks.push("app", xml(fields | self._agent()))
        self._take_passive(userid, delivery, None)
        return _result(str(msgid), delivery)

    def _fields(self, sender: str, kind: str, **own: Any) -> dict[str, Any]:
        created = int(self._now().timestamp())
        head = {"ToUserName": self.world.corp_id, "FromUserName": sender, "CreateTime": created}
        return {**head, "MsgType": kind, **own}

    def _agent(self) -> dict[str, Any]:
        return {"AgentID": self.world.agent_id}

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    async def tap(
        self,
        sender: str,
        button: str,
        n: int | None = None,
        selected: Mapping[str, Iterable[str]] | None = None,
    ) -> Result:
        """Press a button, by its text or key, on the newest card (or card `n`) that has it."""
        userid = self._speaker("app", sender)
        item, key, event = self._find_button(userid, button, n)
        own = self._pressed(item, key, selected or {})
        fields = self._fields(userid, "event", Event=event, **own)
        delivery = await self.callbacks.push("app", xml(fields | self._agent()))
        self._take_passive(userid, delivery, item)
        return {**_result("", delivery), "n": item["n"], "key": key}

    def _find_button(self, userid: str, button: str, n: int | None) -> tuple[Item, str, str]:
        for item in reversed(self.api.feed.items):
            if item["to"] == userid and n in (None, item["n"]) and _pressable(item):
                for text, key, event in cards.buttons(item["card"]):
                    if button in (text, key):
                        return item, key, event
        raise Impossible(f"{userid} 没有带按钮“{button}”的卡片。", 404)

    def _pressed(
        self, item: Item, key: str, selected: Mapping[str, Iterable[str]]
    ) -> dict[str, Any]:
        card = item["card"]
        found = {
            "EventKey": key,
            "TaskId": card["task_id"],
            "CardType": card["card_type"],
            "ResponseCode": self.api.new_code((item["n"],)),
        }
        chosen = cards.choices(card, selected)
        return {**found, "SelectedItems": {"SelectedItem": chosen}} if chosen else found

    def _take_passive(self, userid: str, delivery: Delivery, item: Item | None) -> None:
        """Show what came back in the callback's own answer."""
        if not delivery.reply:
            return
        try:
            reply = elements.read(delivery.reply)
            self._show_passive(userid, reply, item)
        except Refused as refused:
            self.problems.append(f"app: passive reply is no XML ({refused.reason})")
        except (ApiError, ValueError, TypeError, KeyError, AttributeError) as exc:
            self.problems.append(f"app: invalid passive reply: {exc}")

    def _show_passive(self, userid: str, reply: Mapping[str, Any], item: Item | None) -> None:
        kind = str(reply.get("MsgType"))
        if kind in ("update_button", "update_template_card"):
            if item is None:
                raise ValueError("a card update answers only a pressed card")
            self.api.change(item["n"], *replies.card_update(reply))
        elif kind == "text":
            text = messages.cut(str(reply.get("Content", "")), messages.TEXT_BYTES)
            self.api.feed.put(userid, "app", {"type": "text", "text": text})
        else:
            self.api.feed.put(userid, "app", {"type": kind, "reply": reply})

    async def event(self, name: str, /, **fields: str) -> Result:
        """Something happens in the client: the pretend company changes, then WeCom reports it."""
        happenings.check(name, fields)
        if name == "enter_chat":
            userid = happenings.userid_of(self.world, fields["user"])
            return _result(*await self.aibot.greet(userid))
        if name == "feedback":
            return await self._rate(fields)
        if name == "groupmsg_confirm":  # of which WeCom tells nobody
            userid = happenings.userid_of(self.world, fields["user"])
            return {"delivered": False, "sent": self.api.tasks.confirm(userid)}
        if name in happenings.KF_EVENTS:
            return await self._kf_event(name, fields)
        if name in happenings.APP_EVENTS:
            return await self._app_event(name, fields)
        channel = "contact" if self.callbacks.has("contact") else "app"
        self.callbacks.require(channel)  # before anything changes
        own = happenings.contact_event(self.world, self.api.contacts, name, fields)
        delivery = await self.callbacks.push(channel, xml(self._fields("sys", "event", **own)))
        return {**_result("", delivery), **own}

    async def _rate(self, fields: Mapping[str, str]) -> Result:
        userid = happenings.userid_of(self.world, fields["user"])
        reasons = [int(one) for one in fields.get("reasons", "").split(",") if one.isdecimal()]
        words = fields.get("words", "")
        return _result("", await self.aibot.rate(userid, int(fields["type"]), reasons, words))

    async def _kf_event(self, name: str, fields: Mapping[str, str]) -> Result:
        customer, desk = fields["customer"], self.api.kf
        if name == "kf_enter":
            token = desk.enter(customer, fields.get("scene", ""), fields.get("param", ""))
        elif name == "kf_end":
            token = desk.end(customer)
        else:
            token = desk.fail(customer, fields["msgid"], int(fields.get("type", "0")))
        return _result("", await self.ring(token))

    async def _app_event(self, name: str, fields: Mapping[str, str]) -> Result:
        userid = happenings.userid_of(self.world, fields["user"])
        own = self._fields(userid, "event", Event=name, EventKey=fields.get("key", ""))
        delivery = await self.callbacks.push("app", xml(own | self._agent()))
        self._take_passive(userid, delivery, None)
        return _result("", delivery)

    def identities(self) -> dict[str, Any]:
        """Everything an outside program needs to stand in for the bot."""
        world = self.world
        return {
            "corp_id": world.corp_id,
            "app": {"agent_id": world.agent_id, "secret": world.app_secret},
            "contact": {"secret": world.contact_secret},
            "kf": {"secret": world.kf_secret, "open_kfid": world.open_kfid},
            "aibot": {
                "bot_id": world.aibot_id,
                "secret": world.aibot_secret,
                "name": world.bot_name,
            },
            "members": [member.userid for member in world.members],
            "customers": list(self.api.contacts.names),
            "groups": list(self.api.contacts.chats),
            "internal": [chat.chatid for chat in world.internal],
            "webhooks": {chat.chatid: key_of(chat.chatid) for chat in world.internal},
            "callbacks": self.callbacks.keys,
        }


def _result(msgid: str, delivery: Delivery) -> Result:
    return {
        "msgid": msgid,
        "delivered": delivery.delivered,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "problem": delivery.problem,
    }


def _pressable(item: Item) -> bool:
    """A card in the app chat that arrived, was not recalled and still has its buttons."""
    card = item["card"]
    gone = item["dropped"] or item.get("recalled") or item["surface"] != "app"
    return not gone and bool(card) and "replace_name" not in card
