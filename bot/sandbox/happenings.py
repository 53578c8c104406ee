"""Things people do in the pretend client that WeCom reports as events: state first, then XML."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.contacts import Contacts
from bot.sandbox.world import ApiError, Customer, Impossible, World

Fields = Mapping[str, str]
Event = dict[str, Any]

_RELATION = ("user", "customer")
# What each event takes; the first ones, up to "|", are required.
FIELDS: Mapping[str, str] = {
    "add_external_contact": "user customer | state name way",
    "add_half_external_contact": "user customer | state name way",
    "edit_external_contact": "user customer | state remark tags",
    "del_external_contact": "user customer | source",
    "del_follow_user": "user customer",
    "transfer_fail": "user customer | reason",
    "msg_audit_approved": "user customer",
    "chat_create": "chat user | name",
    "chat_add_member": "chat customer | scene by",
    "chat_del_member": "chat customer | scene",
    "chat_change_name": "chat name",
    "chat_change_owner": "chat user",
    "chat_change_notice": "chat | notice",
    "chat_dismiss": "chat",
    "tag_create": "group name",
    "tag_update": "tag name",
    "tag_delete": "tag",
    "tag_group_delete": "group",
    "tag_shuffle": "",
    "enter_agent": "user",
    "groupmsg_confirm": "user",
    "subscribe": "user",
    "unsubscribe": "user",
    "click": "user key",
    "view": "user key",
    "enter_chat": "user",
    "feedback": "user type | reasons words",
    "kf_enter": "customer | scene param",
    "kf_end": "customer",
    "kf_fail": "customer msgid | type",
}
KF_EVENTS = frozenset({"kf_enter", "kf_end", "kf_fail"})
APP_EVENTS = frozenset({"enter_agent", "subscribe", "unsubscribe", "click", "view"})


def check(name: str, fields: Fields) -> None:
    """Refuse what is not an event, or not a field of it; changes nothing."""
    if name not in FIELDS:
        raise Impossible(f"没有这种事件：{name}")
    required, _, optional = (part.split() for part in FIELDS[name].partition("|"))
    missing = [field for field in required if not fields.get(field)]
    unknown = [field for field in fields if field not in (*required, *optional)]
    if missing or unknown:
        wrong = f"缺少 {'、'.join(missing)}" if missing else f"没有字段 {'、'.join(unknown)}"
        raise Impossible(f"事件 {name} {wrong}")


def contact_event(world: World, contacts: Contacts, name: str, fields: Fields) -> Event:
    """The elements of a customer-contact event, after the company's state has followed it."""
    if name.startswith("chat_"):
        return {"Event": "change_external_chat", **_chat_event(world, contacts, name, fields)}
    if name.startswith("tag_"):
        return {"Event": "change_external_tag", **_tag_event(contacts, name, fields)}
    userid = userid_of(world, fields["user"])
    common = {"ChangeType": name, "UserID": userid, "ExternalUserID": fields["customer"]}
    more = _RELATIONS[name](contacts, userid, fields)
    return {"Event": "change_external_contact", **common, **more}


def userid_of(world: World, userid: str) -> str:
    member = world.member(userid)
    if member is None:
        raise Impossible(f"没有这个成员：{userid}")
    return member.userid


def _add(contacts: Contacts, userid: str, fields: Fields) -> Event:
    customer = fields["customer"]
    state = fields.get("state", "")
    way = int(fields.get("way") or 1)
    code = contacts.add(userid, Customer(customer, fields.get("name") or customer), state, way)
    return _given(State=state, WelcomeCode=code)


def _edit(contacts: Contacts, userid: str, fields: Fields) -> Event:
    _related(contacts, userid, fields)
    contacts.edit(userid, fields["customer"], fields.get("remark"), fields.get("tags"))
    return _given(State=fields.get("state", ""))


def _part(contacts: Contacts, userid: str, fields: Fields) -> Event:
    _related(contacts, userid, fields)
    contacts.part(userid, fields["customer"])
    return _given(Source=fields.get("source", ""))


def _fail(contacts: Contacts, userid: str, fields: Fields) -> Event:
    return {"FailReason": fields.get("reason") or "customer_refused"}


def _related(contacts: Contacts, userid: str, fields: Fields) -> None:
    if not contacts.related(userid, fields["customer"]):
        raise Impossible(f"{fields['customer']} 不是 {userid} 的客户")


def _given(**elements: str) -> Event:
    return {name: value for name, value in elements.items() if value}


_RELATIONS: Mapping[str, Callable[[Contacts, str, Fields], Event]] = {
    "add_external_contact": _add,
    "add_half_external_contact": _add,
    "edit_external_contact": _edit,
    "del_external_contact": _part,
    "del_follow_user": _part,
    "transfer_fail": _fail,
    "msg_audit_approved": _edit,
}


def _tag_event(contacts: Contacts, name: str, fields: Fields) -> Event:
    change = name.removeprefix("tag_").removeprefix("group_")
    if change == "shuffle":
        return {"ChangeType": change}
    kind = "tag_group" if name.startswith("tag_group_") else "tag"
    return {"ChangeType": change, "Id": _tag_changed(contacts, name, fields), "TagType": kind}


def _tag_changed(contacts: Contacts, name: str, fields: Fields) -> str:
    if name == "tag_create":
        try:
            return contacts.make_tag(fields["group"], fields["name"])
        except ApiError as wrong:
            raise Impossible(f"标签 {fields['name']} 建不了：{wrong.text}") from None
    if name == "tag_update":
        return contacts.rename_tag(fields["tag"], fields["name"])
    if name == "tag_delete":
        return contacts.drop_tag(fields["tag"])
    return contacts.drop_tag_group(fields["group"])


def _chat_event(world: World, contacts: Contacts, name: str, fields: Fields) -> Event:
    chat_id = fields["chat"]
    if name == "chat_create":
        owner = userid_of(world, fields["user"])
        contacts.start_chat(chat_id, fields.get("name", ""), owner)
        return {"ChangeType": "create", "ChatId": chat_id}
    if chat_id not in contacts.chats:
        raise Impossible(f"没有这个客户群：{chat_id}")
    if name == "chat_dismiss":
        del contacts.chats[chat_id]
        return {"ChangeType": "dismiss", "ChatId": chat_id}
    detail = name.removeprefix("chat_")
    update = {"ChangeType": "update", "ChatId": chat_id, "UpdateDetail": detail}
    return {**update, **_chat_change(world, contacts, detail, fields)}


def _chat_change(world: World, contacts: Contacts, detail: str, fields: Fields) -> Event:
    chat = contacts.chats[fields["chat"]]
    if detail == "change_name":
        chat.name = fields["name"]
    elif detail == "change_owner":
        chat.owner = userid_of(world, fields["user"])
    elif detail == "change_notice":
        chat.notice = fields.get("notice", "")
    elif detail in ("add_member", "del_member"):
        return _members_changed(contacts, detail, fields)
    return {}


def _members_changed(contacts: Contacts, detail: str, fields: Fields) -> Event:
    people = fields["customer"].split(",")
    if detail == "add_member":
        last, current = contacts.join(fields["chat"], people, fields.get("by", ""))
    else:
        last, current = contacts.leave(fields["chat"], people)
    scene = "JoinScene" if detail == "add_member" else "QuitScene"
    return {
        scene: int(fields.get("scene") or 0),
        "MemChangeCnt": len(people),
        "MemChangeList": {"Item": people},
        "LastMemVer": f"v{last}",
        "CurMemVer": f"v{current}",
    }
