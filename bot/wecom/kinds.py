"""The only module that talks to wechatpy: typed messages, and the XML of passive replies.

wechatpy 2.0.0a26 leaves out a number of events; they join its registry here, so that
`parse_message` answers for them as it does for its own.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wechatpy.fields import BaseField, IntegerField, StringField
from wechatpy.replies import BaseReply
from wechatpy.work import parse_message
from wechatpy.work.events import EVENT_TYPES, BaseEvent
from wechatpy.work.replies import TextReply

_CARD = {
    "key": StringField("EventKey"),
    "task_id": StringField("TaskId"),
    "card_type": StringField("CardType"),
    "response_code": StringField("ResponseCode"),
    "selected_items": BaseField("SelectedItems", {}),
}
_ALERT = {"effect_time": IntegerField("EffectTime", 0)}
_MISSING: Mapping[str, Mapping[str, Any]] = {
    "template_card_event": _CARD,
    "template_card_menu_event": _CARD,
    "change_contact": {
        "change_type": StringField("ChangeType"),
        "user_id": StringField("UserID"),
        "new_user_id": StringField("NewUserID"),
        "name": StringField("Name"),
        "department": StringField("Department"),
    },
    "view_miniprogram": {"key": StringField("EventKey")},
    "msgaudit_notify": {},
    "kf_account_auth_change": {
        "added": BaseField("AuthAddOpenKfId"),
        "removed": BaseField("AuthDelOpenKfId"),
    },
    "customer_acquisition": {
        "change_type": StringField("ChangeType"),
        "link_id": StringField("LinkId"),
        "user_id": StringField("UserID"),
        "external_user_id": StringField("ExternalUserID"),
        "state": StringField("State"),
    },
    "share_agent_change": {},
    "share_chain_change": {},
    "switch_workbench_mode": {"mode": StringField("Mode")},
    "inactive_alert": _ALERT,
    "close_inactive_agent": _ALERT,
    "reopen_inactive_agent": _ALERT,
    "low_active_alert": _ALERT,
    "low_active": _ALERT,
    "active_restored": _ALERT,
}


def _register(event: str, fields: Mapping[str, Any]) -> None:
    """Making the class is registering it: wechatpy's base class sees to that."""
    common = {"event": event, "agent": IntegerField("AgentID", 0)}
    name = "".join(word.title() for word in event.split("_")) + "Event"
    type(BaseEvent)(name, (BaseEvent,), {**common, **fields})


for _event, _fields in _MISSING.items():
    if _event not in EVENT_TYPES:
        _register(_event, _fields)


# what no XML document may hold, not even escaped
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def typed(plaintext: str) -> Any:
    """wechatpy's message or event; None for what it cannot read (it raises a dozen ways)."""
    try:
        return parse_message(plaintext)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def sent_at(message: Any) -> datetime | None:
    """When WeCom says it happened, or None when it does not say so in a usable way."""
    if message is None:
        return None
    try:
        at = message.create_time
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return at if isinstance(at, datetime) else None


class UpdateButtonReply(BaseReply):  # type: ignore[misc]  # wechatpy carries no types
    """Makes the pressed card's buttons a text that cannot be pressed any more."""

    type = "update_button"
    replace_name = StringField("ReplaceName")

    def render(self) -> str:
        common = str(super().render()).removesuffix("\n</xml>")
        name = self._fields["replace_name"].to_xml(self.replace_name)
        # the base class puts every field at the top; WeCom wants this one inside Button
        return f"{common.replace(name, f'<Button>{name}</Button>')}\n</xml>"


def update_button(to_user: str, corp_id: str, replace_name: str, create_time: int) -> str:
    reply = UpdateButtonReply(
        source=corp_id, target=to_user, time=create_time, replace_name=cdata(replace_name)
    )
    return str(reply.render())


def text_reply(to_user: str, corp_id: str, content: str, create_time: int) -> str:
    reply = TextReply(source=corp_id, target=to_user, time=create_time, content=cdata(content))
    return str(reply.render())


def cdata(text: str) -> str:
    """Text that is safe between CDATA brackets; wechatpy does not split the closing mark."""
    return _ILLEGAL.sub("", text).replace("]]>", "]]]]><![CDATA[>")
