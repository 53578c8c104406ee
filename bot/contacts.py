"""Customer contact towards the platform: read contacts, groups and tags, mark contacts."""

from collections.abc import Mapping
from typing import Any

from bot.caller import Act, Caller
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers.values import Ask, LookUp, Mark
from handlers.writeback import FAMILY, learnt
from storage import outbox, relations
from storage.db import Db
from storage.outbox import Parcel
from storage.relations import CorpTag

DETAIL, TOLD = "detail", "told"  # the channels by which answers come back
LANE = "sync:"  # lanes that lead to no person
PER_MINUTE = 600  # in such a lane; the platform takes 10 000
NOT_RELATED, NO_SUCH_TAG, TAG_EXISTS = 84061, 40068, 40071
CALLS: Mapping[str, tuple[str, str]] = {
    "members": ("GET", "get_follow_user_list"),
    "contacts": ("POST", "batch/get_by_user"),
    "chats": ("POST", "groupchat/list"),
    "chat": ("POST", "groupchat/get"),
    "tags": ("POST", "get_corp_tag_list"),
}
# What is read of an answer; phone numbers, pictures and the like are not even kept.
WANTED = frozenset((
    "errcode", "errmsg", "next_cursor", "external_contact", "external_contact_list",
    "external_userid", "follow_info", "follow_user", "userid", "name", "gender", "type",
    "remark", "createtime", "add_way", "state", "tags", "tag_id", "tag_name", "group_name",
    "group_chat_list", "group_chat", "chat_id", "owner", "create_time", "notice", "member_list",
    "join_time", "invitor", "member_version", "tag_group", "group_id", "id", "tag"
))  # fmt: skip


def packed(action: Ask | LookUp | Mark) -> tuple[str, str, dict[str, Any]]:
    """Kind, lane and body of the parcel; the reads of one run follow each other."""
    if isinstance(action, LookUp):
        return "lookup", action.external_userid, {"cursor": action.cursor} if action.cursor else {}
    if isinstance(action, Mark):
        body = {"userid": action.userid, "external_userid": action.external_userid,
                "add": list(action.add), "remove": list(action.remove)}  # fmt: skip
        return "mark", f"{LANE}mark", body
    lane = action.run or str(action.body.get("chat_id") or "tags")
    return "ask", f"{LANE}{lane}", asked(action)


def asked(action: Ask) -> dict[str, Any]:
    """The question, which comes back beside the answer."""
    return {"call": action.call, "body": dict(action.body), "run": action.run, "n": action.number}


def slim(answer: Any) -> Any:
    """Only what is read, whatever else the platform told."""
    if isinstance(answer, Mapping):
        return {name: slim(value) for name, value in answer.items() if name in WANTED}
    return [slim(one) for one in answer] if isinstance(answer, list) else answer


async def fetch(client: Client, secret: str, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer; a refusal that repeating cannot change is an answer as well."""
    method, path = CALLS[call]
    sent = body if method == "POST" else None
    try:
        found = await client.call(secret, method, f"externalcontact/{path}", json=sent)
    except WeComError as error:
        return refusal(error)
    kept: dict[str, Any] = slim(found)
    return kept


def refusal(error: WeComError) -> dict[str, Any]:
    if not error.permanent and error.kind != "C":
        raise error
    return {"errcode": error.code, "errmsg": f"{error.message.partition(',')[0]} {error.cure}"}


class Register(Caller):
    """An answer and its parcel share a commit."""

    def _acts(self) -> Mapping[str, Act]:
        return {"lookup": self._look_up, "ask": self._ask, "mark": self._mark}

    async def _call(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        return await self._client.call(self._secret, method, f"externalcontact/{path}", **given)

    async def _look_up(self, parcel: Parcel, given: dict[str, Any]) -> None:
        answer = await self._contact({**given, "external_userid": parcel.target})
        told = {**answer, "cursor": given.get("cursor", "")}
        await self._tell(parcel, f"{DETAIL}:{parcel.id}", parcel.target, told)

    async def _contact(self, params: dict[str, str]) -> dict[str, Any]:
        try:
            answer = await self._call("GET", "get", params=params)
        except WeComError as error:
            if not error.permanent:
                raise
            return refusal(error)
        found: dict[str, Any] = slim(answer)
        return found

    async def _ask(self, parcel: Parcel, given: dict[str, Any]) -> None:
        answer = await fetch(self._client, self._secret, given["call"], given["body"])
        name = f"{given['run']}:{given['n']}" if given["run"] else parcel.id
        await self._tell(parcel, f"{TOLD}:{name}", "sys", {**given, "answer": answer})

    async def _mark(self, parcel: Parcel, given: dict[str, Any]) -> None:
        """Tags are named in the parcel, since their ids may not exist yet."""
        userid, customer = given["userid"], given["external_userid"]
        known = await self._tags(given["add"])
        add = [known[name].id for name in given["add"] if name in known]
        remove = [known[name].id for name in given["remove"] if name in known]
        body = {"userid": userid, "external_userid": customer, "add_tag": add,
                "remove_tag": remove}  # fmt: skip
        try:
            if add or remove:
                await self._call("POST", "mark_tag", json=body)
        except WeComError as error:
            await self._not_marked(parcel, customer, error)
            return
        now = self._clock.now()

        def note(db: Db) -> None:
            stay = relations.tag_ids(db, customer, userid).union(add).difference(remove)
            relations.retag(db, customer, userid, stay)
            outbox.sent(db, [parcel.id], now)

        await self._writer.do(note)

    async def _not_marked(self, parcel: Parcel, customer: str, error: WeComError) -> None:
        if error.code == NOT_RELATED:  # something was missed: read how it stands
            answer = await self._contact({"external_userid": customer})
            await self._tell(parcel, f"{DETAIL}:{parcel.id}", customer, answer)
            return
        if error.code == NO_SUCH_TAG:  # somebody deleted it: made again when it is tried again
            await self._writer.do(lambda db: relations.forget_tags(db, family_name=FAMILY))
            raise WeComError(error.code, error.message, permanent=False)
        raise error

    async def _tags(self, names: list[str]) -> dict[str, CorpTag]:
        """The tags of our own group by name, made where they are missing."""
        known = await self._writer.do(lambda db: relations.corp_tags(db, FAMILY))
        if set(names) <= known.keys():
            return known
        known = await self._learn(await self._call("POST", "get_corp_tag_list", json={}))
        missing = [name for name in names if name not in known]
        if missing:
            tags = [{"name": name} for name in missing]
            body = {"group_name": FAMILY, "tag": tags}
            known = await self._learn(await self._call("POST", "add_corp_tag", json=body))
        return known

    async def _learn(self, answer: Mapping[str, Any]) -> dict[str, CorpTag]:
        ours = [tag for tag in learnt(answer) if tag.family_name == FAMILY]

        def note(db: Db) -> dict[str, CorpTag]:
            relations.learn_tags(db, ours)
            return relations.corp_tags(db, FAMILY)

        return await self._writer.do(note)
