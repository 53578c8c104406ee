"""Customer contact in the pretend company: relations, groups, tags and welcome messages."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.world import ApiError, Customer, Impossible, World

WELCOME_LIFE = timedelta(seconds=20)
TEXT_BYTES = 4000
Block = Mapping[str, Any]


@dataclass(slots=True)
class _Relation:
    """One member's contact with one customer; tags belong to it, not to the customer."""

    since: int
    state: str = ""
    tags: dict[str, None] = field(default_factory=dict)  # ids, in the order they were given
    remark: str = ""
    way: int = 1


@dataclass(slots=True)
class _Chat:
    name: str
    owner: str
    since: int
    members: dict[str, int]  # userid or external_userid: when they joined
    version: int = 1
    notice: str = ""
    invitors: dict[str, str] = field(default_factory=dict)
    before: tuple[datetime, dict[str, int], int] | None = None  # what is still shown, till when


@dataclass(slots=True)
class _TagGroup:
    id: str
    name: str
    since: int
    tags: dict[str, str] = field(default_factory=dict)  # id: name


@dataclass(frozen=True, slots=True)
class _Welcome:
    customer: str
    at: datetime
    used: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """A welcome message as the customer gets it."""

    customer: str
    text: str
    attachments: tuple[Any, ...]


class Contacts:
    """`now` is the sandbox's clock. The API calls answer dictionaries or raise ApiError."""

    def __init__(self, world: World, now: Callable[[], datetime]) -> None:
        self._world = world
        self._now = now
        since = self._seconds()
        self.names = {c.external_userid: c.name for c in world.customers}
        self._relations = {
            (userid, c.external_userid): _Relation(since)
            for c in world.customers
            for userid in c.follow
        }
        self.chats = {
            g.chat_id: _Chat(g.name, g.owner, since, dict.fromkeys((g.owner, *g.members), since))
            for g in world.groups
        }
        self.genders: dict[str, int] = {}
        self.lag = timedelta(0)  # by which groupchat/get follows what happened in a group
        self._tag_groups: list[_TagGroup] = []
        self._tag_count = 0
        self._welcomes: dict[str, _Welcome] = {}

    def _seconds(self) -> int:
        return int(self._now().timestamp())

    def add(self, userid: str, customer: Customer, state: str, way: int = 1) -> str:
        """Make them contacts; the welcome code, or "" when they already were."""
        self.names.setdefault(customer.external_userid, customer.name)
        if (userid, customer.external_userid) in self._relations:
            return ""
        relation = _Relation(self._seconds(), state, way=way)
        self._relations[userid, customer.external_userid] = relation
        code = f"WC-{len(self._welcomes) + 1}"
        self._welcomes[code] = _Welcome(customer.external_userid, self._now())
        return code

    def part(self, userid: str, external_userid: str) -> None:
        self._relations.pop((userid, external_userid), None)

    def edit(self, userid: str, external_userid: str, remark: str | None, tags: str | None) -> None:
        """What a member changes in the client; tags are those they tick, by their names."""
        relation = self._relations[userid, external_userid]
        if remark is not None:
            relation.remark = remark
        if tags is not None:
            wanted = set(tags.split(","))
            relation.tags = {id: None for g in self._tag_groups for id, name in g.tags.items()
                             if name in wanted}  # fmt: skip

    def related(self, userid: str, external_userid: str) -> bool:
        return (userid, external_userid) in self._relations

    def followed(self, external_userid: str) -> bool:
        """By anybody of the company."""
        return any(customer == external_userid for _, customer in self._relations)

    def start_chat(self, chat_id: str, name: str, owner: str) -> None:
        since = self._seconds()
        self.chats[chat_id] = _Chat(name or chat_id, owner, since, {owner: since})

    def join(self, chat_id: str, people: Iterable[str], invitor: str = "") -> tuple[int, int]:
        """The member versions before and after."""
        chat = self.chats[chat_id]
        people = list(people)
        self._hold(chat)
        chat.invitors.update(dict.fromkeys(people, invitor))
        chat.members.update(dict.fromkeys(people, self._seconds()))
        return self._moved(chat)

    def leave(self, chat_id: str, people: Iterable[str]) -> tuple[int, int]:
        chat = self.chats[chat_id]
        self._hold(chat)
        for one in people:
            chat.members.pop(one, None)
        return self._moved(chat)

    def _hold(self, chat: _Chat) -> None:
        """The detail goes on showing what was, for as long as it lags."""
        if self.lag and not self._held(chat):
            chat.before = (self._now() + self.lag, dict(chat.members), chat.version)

    def _held(self, chat: _Chat) -> bool:
        return chat.before is not None and self._now() < chat.before[0]

    def _moved(self, chat: _Chat) -> tuple[int, int]:
        chat.version += 1
        return chat.version - 1, chat.version

    def list_followers(self, _query: Block, _body: Block) -> dict[str, Any]:
        return {"follow_user": sorted({userid for userid, _ in self._relations})}

    def list_customers(self, query: Block, _body: Block) -> dict[str, Any]:
        userid = self._member(query.get("userid"))
        found = [customer for owner, customer in self._relations if owner == userid]
        if not found:
            raise ApiError(84061, "not external contact")
        return {"external_userid": found}

    def get(self, query: Block, _body: Block) -> dict[str, Any]:
        customer = self._customer(query.get("external_userid"))
        follow = [
            {**self._follow(userid, relation), "tags": self._tags(relation)}
            for (userid, whom), relation in self._relations.items()
            if whom == customer
        ]
        if not follow:
            raise ApiError(84061, "not external contact")
        return {"external_contact": self._card(customer), "follow_user": follow}

    def batch(self, _query: Block, body: Block) -> dict[str, Any]:
        wanted = body.get("userid_list")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 100:
            raise ApiError(40031, "invalid userid_list")
        owners = [self._member(userid) for userid in wanted]
        found = [
            {
                "external_contact": self._card(customer),
                "follow_info": {**self._follow(owner, relation), "tag_id": list(relation.tags)},
            }
            for (owner, customer), relation in self._relations.items()
            if owner in owners
        ]
        if not found:
            raise ApiError(84061, "not external contact")
        page, cursor = _page(found, body, 50, 100)
        return {"external_contact_list": page, "next_cursor": cursor}

    def _card(self, customer: str) -> dict[str, Any]:
        card = {"external_userid": customer, "name": self.names[customer], "type": 1}
        return {**card, "avatar": "", "gender": self.genders.get(customer, 0)}

    def _follow(self, userid: str, relation: _Relation) -> dict[str, Any]:
        follow = {"userid": userid, "remark": relation.remark, "description": ""}
        more = {"createtime": relation.since, "add_way": relation.way, "state": relation.state}
        return {**follow, "remark_mobiles": [], **more}

    def _tags(self, relation: _Relation) -> list[dict[str, Any]]:
        return [
            {"group_name": group.name, "tag_name": group.tags[id], "tag_id": id, "type": 1}
            for group in self._tag_groups
            for id in relation.tags
            if id in group.tags
        ]

    def _member(self, userid: object) -> str:
        if not userid:
            raise ApiError(41009, "missing userid")
        member = self._world.member(str(userid))
        if member is None:
            raise ApiError(60111, "userid not found")
        return member.userid

    def _customer(self, external_userid: object) -> str:
        if not external_userid:
            raise ApiError(41035, "missing external_userid")
        if external_userid not in self.names:
            raise ApiError(40096, "invalid external userid")
        return str(external_userid)

    def list_chats(self, _query: Block, body: Block) -> dict[str, Any]:
        owners = (body.get("owner_filter") or {}).get("userid_list")
        found = [
            {"chat_id": id, "status": 0}
            for id, chat in self.chats.items()
            if not owners or chat.owner in owners
        ]
        page, cursor = _page(found, body, 0, 1000)
        return {"group_chat_list": page, "next_cursor": cursor}

    def get_chat(self, _query: Block, body: Block) -> dict[str, Any]:
        chat_id = body.get("chat_id")
        if chat_id not in self.chats:
            raise ApiError(40050, "chatid not exist")
        chat = self.chats[chat_id]
        named = bool(body.get("need_name"))
        members, version = chat.members, chat.version
        if chat.before and self._held(chat):
            _, members, version = chat.before
        group = {
            "chat_id": chat_id,
            "name": chat.name,
            "owner": chat.owner,
            "create_time": chat.since,
            "notice": chat.notice,
            "member_list": [self._seat(chat, id, at, named) for id, at in members.items()],
            "admin_list": [],
            "member_version": f"v{version}",
        }
        return {"group_chat": group}

    def _seat(self, chat: _Chat, id: str, joined: int, named: bool) -> dict[str, Any]:
        member = self._world.member(id)
        seat: dict[str, Any] = {"userid": id, "type": 1 if member else 2, "join_time": joined}
        seat["join_scene"] = 1
        if chat.invitors.get(id):
            seat["invitor"] = {"userid": chat.invitors[id]}
        if not named:
            return seat
        return {**seat, "name": member.name if member else self.names.get(id, "")}

    def list_tags(self, _query: Block, body: Block) -> dict[str, Any]:
        ids, groups = body.get("tag_id") or [], body.get("group_id") or []
        found = [
            self._tag_group(group, [id for id in group.tags if not ids or id in ids])
            for group in self._tag_groups
            if (not groups or group.id in groups) and (not ids or set(ids) & set(group.tags))
        ]
        return {"tag_group": found}

    def _tag_group(self, group: _TagGroup, ids: Iterable[str]) -> dict[str, Any]:
        tags = [
            {"id": id, "name": group.tags[id], "create_time": group.since, "order": 0} for id in ids
        ]
        head = {"group_id": group.id, "group_name": group.name, "create_time": group.since}
        return {**head, "order": 0, "deleted": False, "tag": tags}

    def add_tags(self, _query: Block, body: Block) -> dict[str, Any]:
        names = [tag.get("name") for tag in body.get("tag") or () if isinstance(tag, Mapping)]
        if not names or not all(isinstance(name, str) and 0 < len(name) <= 30 for name in names):
            raise ApiError(40068, "tag name missing or longer than 30")
        group = self._group_for(body)
        added = [self._add_tag(group, str(name)) for name in dict.fromkeys(names)]
        return {"tag_group": self._tag_group(group, added)}

    def _group_for(self, body: Block) -> _TagGroup:
        """An existing name adds into that group; a new one makes it."""
        id, name = body.get("group_id"), body.get("group_name")
        for group in self._tag_groups:
            if (id and group.id == id) or (not id and group.name == name):
                return group
        if id or not isinstance(name, str) or not 0 < len(name) <= 30:
            raise ApiError(40068, "tag group missing")
        self._tag_groups.append(_TagGroup(self._tag_id("G"), name, self._seconds()))
        return self._tag_groups[-1]

    def _add_tag(self, group: _TagGroup, name: str) -> str:
        if name in group.tags.values():
            raise ApiError(40071, "tag name exists")
        id = self._tag_id("T")
        group.tags[id] = name
        return id

    # What is done to tags in the console; each returns the id that the event names

    def make_tag(self, group_name: str, name: str) -> str:
        return self._add_tag(self._group_for({"group_name": group_name}), name)

    def rename_tag(self, name: str, to: str) -> str:
        group, id = self._find_tag(name)
        group.tags[id] = to
        return id

    def drop_tag(self, name: str) -> str:
        group, id = self._find_tag(name)
        self._forget(group, [id])
        return id

    def drop_tag_group(self, name: str) -> str:
        group = next((g for g in self._tag_groups if g.name == name), None)
        if group is None:
            raise Impossible(f"没有这个标签组：{name}")
        self._forget(group, list(group.tags))
        return group.id

    def _find_tag(self, name: str) -> tuple[_TagGroup, str]:
        found = ((g, id) for g in self._tag_groups for id, one in g.tags.items() if one == name)
        pair = next(found, None)
        if pair is None:
            raise Impossible(f"没有这个标签：{name}")
        return pair

    def _forget(self, group: _TagGroup, ids: list[str]) -> None:
        """Nobody wears a deleted tag; a group without tags is none."""
        for id in ids:
            del group.tags[id]
            for relation in self._relations.values():
                relation.tags.pop(id, None)
        if not group.tags:
            self._tag_groups.remove(group)

    def _tag_id(self, kind: str) -> str:
        self._tag_count += 1
        return f"et{kind}{self._tag_count:04}"

    def mark(self, _query: Block, body: Block) -> dict[str, Any]:
        userid = self._member(body.get("userid"))
        customer = self._customer(body.get("external_userid"))
        if not self.related(userid, customer):
            raise ApiError(84061, "not external contact")
        add, remove = body.get("add_tag") or [], body.get("remove_tag") or []
        known = {id for group in self._tag_groups for id in group.tags}
        if not (add or remove) or not {*add, *remove} <= known:
            raise ApiError(40068, "invalid tag id")
        relation = self._relations[userid, customer]
        kept = {id: None for id in (*relation.tags, *add) if id not in remove}
        relation.tags = kept
        return {}

    def welcome(self, body: Block) -> Greeting:
        """Spend the code: once, within 20 seconds of becoming contacts."""
        code = body.get("welcome_code")
        if not code:
            raise ApiError(41049, "missing welcome code")
        found = self._welcomes.get(str(code))
        if found is None or self._now() - found.at > WELCOME_LIFE:
            raise ApiError(41050, "invalid welcome code")
        if found.used:
            raise ApiError(41051, "chat already started")
        text, attachments = _greeting(body)
        self._welcomes[str(code)] = replace(found, used=True)
        return Greeting(found.customer, text, attachments)


def _greeting(body: Block) -> tuple[str, tuple[Any, ...]]:
    text = str((body.get("text") or {}).get("content") or "")
    attachments = tuple(body.get("attachments") or ())
    if not text and not attachments:
        raise ApiError(41089, "text and attachments both empty")
    if len(text.encode()) > TEXT_BYTES:
        raise ApiError(45002, "message too long")
    if len(attachments) > 9:
        raise ApiError(41064, "more than 9 attachments")
    return text, attachments


def _page(found: list[Any], body: Block, usual: int, most: int) -> tuple[list[Any], str]:
    limit = body.get("limit") or usual
    if not isinstance(limit, int) or not 1 <= limit <= most:
        raise ApiError(40058, "invalid limit")
    cursor = str(body.get("cursor") or "0")
    if not cursor.isdecimal():
        raise ApiError(50100, "invalid cursor")
    start = int(cursor)
    end = start + limit
    return found[start:end], str(end) if end < len(found) else ""
