"""The pretend server API: tokens, messages, cards and menus, with the real codes and limits."""

import copy
import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox import cards, messages
from bot.sandbox.appchat import AppChats
from bot.sandbox.contacts import Contacts
from bot.sandbox.groupmsg import Tasks
from bot.sandbox.jssdk import Tickets
from bot.sandbox.kf import Desk
from bot.sandbox.media import Media
from bot.sandbox.menus import check_menu
from bot.sandbox.oauth import Codes
from bot.sandbox.robots import Robots
from bot.sandbox.world import ApiError, World

TOKEN_LIFE_S = 7200
RESPONSE_CODE_LIFE = timedelta(hours=72)
RECALL_LIFE = timedelta(hours=24)
PER_MINUTE, PER_HOUR = 30, 1000  # to one member; what is above vanishes without an error
DUPLICATE_S = 1800
DUPLICATE_MOST_S = 14_400

Block = Mapping[str, Any]
Item = dict[str, Any]


@dataclass(slots=True)
class Feed:
    """What everyone received, in order; an item changes only when its card is updated."""

    now: Callable[[], datetime]
    items: list[Item] = field(default_factory=list)

    def put(self, to: str, surface: str, shown: Block, dropped: bool = False) -> Item:
        blank = {"type": "", "text": "", "card": None, "image": None}
        head = {"n": len(self.items) + 1, "at": self.now().isoformat(), "to": to}
        item = {**head, "surface": surface, **blank, **copy.deepcopy(dict(shown))}
        self.items.append({**item, "dropped": dropped})
        return self.items[-1]

    def after(self, n: int) -> list[Item]:
        return copy.deepcopy(self.items[max(n, 0) :])


@dataclass(frozen=True, slots=True)
class _Token:
    secret: str
    good_until: datetime
    void: bool = False


@dataclass(frozen=True, slots=True)
class _CardCode:
    """A response code: which shown cards it may change, until when, and whether it is spent."""

    items: tuple[int, ...]  # numbers in the feed
    good_until: datetime
    spent: bool = False


@dataclass(frozen=True, slots=True)
class _Sent:
    at: datetime
    items: tuple[int, ...]


class Api:
    """State behind the calls. Every call takes query and body and answers a dict or ApiError."""

    def __init__(self, world: World, now: Callable[[], datetime]) -> None:
        self.world = world
        self.now = now
        self.feed = Feed(now)
        self.media = Media()
        self.contacts = Contacts(world, now)
        self.kf = Desk(world, now, self.feed.put, self.media)
        self.codes = Codes(world, now, self.contacts)
        self.tickets = Tickets(now)
        self.tasks = Tasks(world, now, self.contacts, self.feed.put)
        self.robots = Robots(world, now, self.feed.put)
        self.appchats = AppChats(world, now, self.media, self.feed.put)
        self.calls: Counter[str] = Counter()
        self.takes_taps = False  # an address for callbacks is set
        self._tokens: dict[str, _Token] = {}
        self._sent: dict[str, _Sent] = {}
        self._codes: dict[str, _CardCode] = {}
        self._task_ids: set[str] = set()
        self._seen: dict[str, datetime] = {}
        self._windows: dict[str, deque[datetime]] = {}
        self._menu: Block | None = None
        self._faults: dict[str, deque[int]] = {}
        self._table = self._calls()

    def _calls(self) -> Mapping[str, Callable[[Block, Block], dict[str, Any]]]:
        contacts = self.contacts
        return {
            "message/send": self._send,
            "message/update_template_card": self._update_card,
            "message/recall": self._recall,
            "getcallbackip": lambda query, body: {"ip_list": ["127.0.0.1"]},
            "menu/create": self._create_menu,
            "menu/get": self._get_menu,
            "menu/delete": self._delete_menu,
            "externalcontact/get_follow_user_list": contacts.list_followers,
            "externalcontact/list": contacts.list_customers,
            "externalcontact/get": contacts.get,
            "externalcontact/batch/get_by_user": contacts.batch,
            "externalcontact/groupchat/list": contacts.list_chats,
            "externalcontact/groupchat/get": contacts.get_chat,
            "externalcontact/get_corp_tag_list": contacts.list_tags,
            "externalcontact/add_corp_tag": contacts.add_tags,
            "externalcontact/mark_tag": contacts.mark,
            "externalcontact/send_welcome_msg": self._welcome,
            **self.kf.calls(),
            **self.codes.calls(),
            **self.tickets.calls(),
            **self.tasks.calls(),
            **self.appchats.calls(),
        }

    def knows(self, path: str) -> bool:
        return path in self._table

    def call(self, path: str, query: Block, body: Block) -> dict[str, Any]:
        """Answer a call that needs a token; odd types in the body are the caller's fault."""
        self.admit(path, query)
        try:
            return self._table[path](query, body)
        except (TypeError, ValueError, KeyError, AttributeError) as exc:
            raise ApiError(40058, f"invalid parameter ({type(exc).__name__})") from None

    def post(self, query: Block, body: Block) -> dict[str, Any]:
        """A group robot's call: its key is in the address, and there is no token."""
        self.calls["webhook/send"] += 1
        self._fail_if_planned("webhook/send")
        return self.robots.send(query, body)

    def admit(self, path: str, query: Block) -> None:
        """Count the call, let a planned fault happen, and look at the token."""
        self.calls[path] += 1
        self._fail_if_planned(path)
        token = query.get("access_token")
        if not token:
            raise ApiError(41001, "access_token missing")
        found = self._tokens.get(str(token))
        if found is None or found.void:
            raise ApiError(40014, "invalid access_token")
        if self.now() >= found.good_until:
            raise ApiError(42001, "access_token expired")
        self._admit_secret(path, found.secret)

    def _admit_secret(self, path: str, secret: str) -> None:
        """Who may call what: contacts with either secret, kf with its own or the app's."""
        world = self.world
        if path.startswith(("kf/", "media/")):
            if secret == world.contact_secret:
                raise ApiError(48007, "api not authorized to kf")
        elif secret == world.kf_secret or (
            not path.startswith("externalcontact/") and secret != world.app_secret
        ):
            raise ApiError(48002, "api forbidden")

    def gettoken(self, query: Block) -> dict[str, Any]:
        """The same token until it expires: fetching often changes nothing."""
        self.calls["gettoken"] += 1
        self._fail_if_planned("gettoken")
        if query.get("corpid") != self.world.corp_id:
            raise ApiError(40013, "invalid corpid")
        secret = query.get("corpsecret")
        if secret not in (self.world.app_secret, self.world.contact_secret, self.world.kf_secret):
            raise ApiError(40001, "invalid credential")
        value = self._live_token(str(secret)) or self._new_token(str(secret))
        left = self._tokens[value].good_until - self.now()
        return {"access_token": value, "expires_in": int(left.total_seconds())}

    def _live_token(self, secret: str) -> str | None:
        for value, token in self._tokens.items():
            if token.secret == secret and not token.void and self.now() < token.good_until:
                return value
        return None

    def _new_token(self, secret: str) -> str:
        digest = hashlib.sha256(secret.encode()).hexdigest()[:12]
        value = f"TOKEN-{len(self._tokens) + 1}-{digest}"
        self._tokens[value] = _Token(secret, self.now() + timedelta(seconds=TOKEN_LIFE_S))
        return value

    def void_tokens(self) -> None:
        """As the platform may: every token so far is refused with 40014."""
        self._tokens = {value: replace(old, void=True) for value, old in self._tokens.items()}

    def plan_faults(self, path: str, code: int, times: int = 1) -> None:
        """Refuse the next calls of that path with this code."""
        self._faults.setdefault(path, deque()).extend([code] * times)

    def _fail_if_planned(self, path: str) -> None:
        planned = self._faults.get(path)
        if planned:
            raise ApiError(planned.popleft(), "planned fault")

    def _send(self, _query: Block, body: Block) -> dict[str, Any]:
        self._check_agent(body)
        users, answer = self._receivers(body)
        shown = messages.show(body, self.media, self.now())
        card = shown.get("card")
        if card is not None:
            self._check_card(card)
        if not users:
            raise ApiError(81013, "user & party & tag all invalid")
        if self._repeated(body):
            return {**answer, "msgid": self._keep(())}
        items = tuple(self._show(user, shown) for user in users)
        answer["msgid"] = self._keep(items)
        if card is not None and cards.answers(card):
            answer["response_code"] = self.new_code(items)
        return answer

    def _check_agent(self, body: Block) -> None:
        agent = body.get("agentid")
        if agent is None:
            raise ApiError(41011, "missing agentid")
        if str(agent) != str(self.world.agent_id):
            raise ApiError(40056, "invalid agentid")

    def _receivers(self, body: Block) -> tuple[list[str], dict[str, Any]]:
        """Valid members in order, and the answer that names the invalid ones lower-cased."""
        names, parties, tags = (_split(body.get(key)) for key in ("touser", "toparty", "totag"))
        if not (names or parties or tags):
            raise ApiError(82001, "no receivers")
        for found, most, code in ((names, 1000, 40032), (parties, 100, 82002), (tags, 100, 82003)):
            if len(found) > most:
                raise ApiError(code, f"more than {most} receivers")
        if names == ["@all"]:
            return [member.userid for member in self.world.members], {}
        members = [(name, self.world.member(name)) for name in names]
        users = dict.fromkeys(member.userid for _, member in members if member)
        invalid = [name.lower() for name, member in members if member is None]
        # the pretend company has neither departments nor member tags
        answer = {
            "invaliduser": "|".join(invalid),
            "invalidparty": "|".join(parties),
            "invalidtag": "|".join(tags),
        }
        return list(users), {key: value for key, value in answer.items() if value}

    def _check_card(self, card: Block) -> None:
        if cards.answers(card) and not self.takes_taps:
            raise ApiError(43012, "app has no callback url")

    def _repeated(self, body: Block) -> bool:
        """Whether the same JSON was sent within the interval; the caller is not told."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        at, before = self.now(), self._seen.get(digest)
        interval = min(int(body.get("duplicate_check_interval") or DUPLICATE_S), DUPLICATE_MOST_S)
        checked = body.get("enable_duplicate_check") == 1
        if checked and before is not None and at - before < timedelta(seconds=interval):
            return True
        self._claim_task(body)
        self._seen[digest] = at
        return False

    def _claim_task(self, body: Block) -> None:
        task_id = (body.get("template_card") or {}).get("task_id")
        if task_id in self._task_ids:
            raise ApiError(42014, "task_id used before")
        if task_id:
            self._task_ids.add(task_id)

    def _show(self, user: str, shown: Block) -> int:
        return int(self.feed.put(user, "app", shown, dropped=self._flooded(user))["n"])

    def _flooded(self, user: str) -> bool:
        at = self.now()
        window = self._windows.setdefault(user, deque())
        while window and at - window[0] >= timedelta(hours=1):
            window.popleft()
        last_minute = sum(1 for one in window if at - one < timedelta(minutes=1))
        if last_minute >= PER_MINUTE or len(window) >= PER_HOUR:
            return True
        window.append(at)
        return False

    def _keep(self, items: tuple[int, ...]) -> str:
        msgid = f"MSG-{len(self._sent) + 1}"
        self._sent[msgid] = _Sent(self.now(), items)
        return msgid

    def new_code(self, items: tuple[int, ...]) -> str:
        """A fresh response code for these shown cards."""
        code = f"RC-{len(self._codes) + 1}"
        self._codes[code] = _CardCode(items, self.now() + RESPONSE_CODE_LIFE)
        return code

    def spend(self, code: object) -> tuple[int, ...]:
        """The cards a response code may change; it works once."""
        found = self._codes.get(str(code))
        if found is None or found.spent or self.now() > found.good_until:
            raise ApiError(60140, "invalid response_code")
        self._codes[str(code)] = replace(found, spent=True)
        return found.items

    def _update_card(self, _query: Block, body: Block) -> dict[str, Any]:
        self._check_agent(body)
        name = (body.get("button") or {}).get("replace_name")
        card = body.get("template_card")
        if not name and not card:
            raise ApiError(40063, "missing button or template_card")
        if card:
            cards.check(card)
        users = self._update_for(body)
        for n in self.spend(body.get("response_code")):
            if users is None or self.feed.items[n - 1]["to"] in users:
                self.change(n, name, card)
        return {"invaliduser": self._strangers(body)}

    def _update_for(self, body: Block) -> set[str] | None:
        """Whose card changes; None for all who got it."""
        if body.get("atall") == 1:
            return None
        found = [self.world.member(str(userid)) for userid in body.get("userids") or ()]
        if not any(found):
            raise ApiError(81013, "user & party & tag all invalid")
        return {member.userid for member in found if member}

    def _strangers(self, body: Block) -> list[str]:
        names = [str(userid) for userid in body.get("userids") or ()]
        return [name for name in names if self.world.member(name) is None]

    def change(self, n: int, name: str | None, card: Block | None) -> None:
        """Give a shown card a new face, or take its buttons away and leave a word."""
        item = self.feed.items[n - 1]
        if card:
            item["card"] = copy.deepcopy(dict(card))
        else:
            item["card"] = {**item["card"], "replace_name": name}

    def _recall(self, _query: Block, body: Block) -> dict[str, Any]:
        found = self._sent.get(str(body.get("msgid") or ""))
        if found is None or self.now() - found.at > RECALL_LIFE:
            raise ApiError(40035, "invalid msgid")
        for n in found.items:
            self.feed.items[n - 1]["recalled"] = True
        return {}

    def _create_menu(self, query: Block, body: Block) -> dict[str, Any]:
        self._check_agent(query)
        check_menu(body)
        self._menu = copy.deepcopy(body)
        return {}

    def _get_menu(self, query: Block, _body: Block) -> dict[str, Any]:
        self._check_agent(query)
        if self._menu is None:
            raise ApiError(46003, "no menu")
        return dict(self._menu)

    def _delete_menu(self, query: Block, _body: Block) -> dict[str, Any]:
        self._check_agent(query)
        self._menu = None
        return {}

    def _welcome(self, _query: Block, body: Block) -> dict[str, Any]:
        greeting = self.contacts.welcome(body)
        shown = {"type": "text", "text": greeting.text, "attachments": greeting.attachments}
        self.feed.put(greeting.customer, "welcome", shown)
        return {}


def _split(names: object) -> list[str]:
    return [name for name in str(names or "").split("|") if name]


def hint(code: int, text: str, count: int, address: str) -> str:
    """An errmsg in the platform's shape; only the code in it is stable."""
    more = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
    return f"{text}, hint: [{count:025}], from ip: {address}, more info at {more}"
