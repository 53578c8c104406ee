"""群发 in the pretend company: tasks wait until the member confirms them in the client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.contacts import Contacts
from bot.sandbox.world import ApiError, Impossible, World

TEXT_BYTES, GREETING_BYTES = 4000, 3000
PEOPLE, CHATS, ATTACHMENTS, PAGE = 10_000, 2000, 9, 1000
REMINDERS, REMINDED_WITHIN = 3, timedelta(hours=24)
UNSENT, SENT, NO_FRIEND, FULL = 0, 1, 2, 3
MONTH = 30  # as many a month as it has days
Block = Mapping[str, Any]


@dataclass(slots=True)
class Task:
    """`people` are customers, or groups where it is `for_groups`."""

    msgid: str
    sender: str
    people: list[str]
    text: str
    at: datetime
    for_groups: bool = False
    status: dict[str, int] = field(default_factory=dict)
    sent_at: datetime | None = None
    cancelled: bool = False
    reminded: list[datetime] = field(default_factory=list)


class Tasks:
    def __init__(
        self, world: World, now: Callable[[], datetime], contacts: Contacts,
        put: Callable[[str, str, Block], object],
    ) -> None:  # fmt: skip
        self._world = world
        self._now = now
        self._contacts = contacts
        self._put = put
        self._tasks: dict[str, Task] = {}
        self.greetings: dict[str, Block] = {}  # templates of a group's welcome; nobody chose one

    def calls(self) -> dict[str, Callable[[Block, Block], dict[str, Any]]]:
        base = "externalcontact/"
        return {
            f"{base}add_msg_template": self._add,
            f"{base}get_groupmsg_task": self._progress,
            f"{base}get_groupmsg_send_result": self._results,
            f"{base}remind_groupmsg_send": self._remind,
            f"{base}cancel_groupmsg_send": self._cancel,
            f"{base}group_welcome_template/add": self._greet,
        }

    def _greet(self, _: Block, body: Block) -> dict[str, Any]:
        """A template; the owner of a group must still choose it in the client."""
        text = str((body.get("text") or {}).get("content") or "")
        if not text or len(text.encode()) > GREETING_BYTES:
            raise ApiError(40058, "invalid text.content")
        key = f"GW-{len(self.greetings) + 1}"
        self.greetings[key] = body
        return {"template_id": key}

    def confirm(self, userid: str) -> int:
        """The member sends their newest task; how many it reached."""
        found = [t for t in self._tasks.values() if t.sender == userid and t.sent_at is None]
        if not found:
            raise Impossible(f"{userid} 没有等着确认的群发。")
        task = found[-1]
        if task.cancelled:
            raise Impossible("这个群发已经取消了。")
        task.sent_at = self._now()
        for person in task.people:
            task.status[person] = self._outcome(task, person)
            if task.status[person] == SENT:
                self._put(person, "groupmsg", {"type": "text", "text": task.text})
        return sum(1 for status in task.status.values() if status == SENT)

    def _outcome(self, task: Task, person: str) -> int:
        if not self._reaches(task.sender, person, task.for_groups):
            return NO_FRIEND
        since = self._now() - timedelta(days=MONTH)
        others = (t for t in self._tasks.values() if t.sent_at and t is not task)
        had = sum(1 for t in others if t.sent_at and t.sent_at > since
                  and t.status.get(person) == SENT)  # fmt: skip
        return FULL if had >= MONTH else SENT

    def _reaches(self, sender: str, whom: str, for_groups: bool) -> bool:
        """A customer who is their contact, or a group that they own."""
        if not for_groups:
            return self._contacts.related(sender, whom)
        chat = self._contacts.chats.get(whom)
        return chat is not None and chat.owner.lower() == sender.lower()

    def _add(self, _query: Block, body: Block) -> dict[str, Any]:
        kind = body.get("chat_type", "single")
        sender = self._world.member(str(body.get("sender") or ""))
        if kind not in ("single", "group"):
            raise ApiError(40058, "invalid chat_type")
        if sender is None:
            raise ApiError(40003, "invalid sender")
        text = _content(body)
        people = self._receivers(sender.userid, kind, body)
        reached = [one for one in people if self._reaches(sender.userid, one, kind == "group")]
        if not reached:
            raise ApiError(41048, "no customer to send")
        msgid = f"GM-{len(self._tasks) + 1}"
        task = Task(msgid, sender.userid, reached, text, self._now(), kind == "group")
        self._tasks[msgid] = task
        return {"fail_list": [one for one in people if one not in reached], "msgid": msgid}

    def _receivers(self, sender: str, kind: str, body: Block) -> list[str]:
        """Without a list a group task is for all groups of its owner."""
        name, most = ("chat_id_list", CHATS) if kind == "group" else ("external_userid", PEOPLE)
        people = [str(one) for one in body.get(name) or ()]
        if kind == "group" and not people:
            people = [key for key in self._contacts.chats if self._reaches(sender, key, True)]
        if not people:
            raise ApiError(41048, "no customer to send")
        if len(people) > most:
            raise ApiError(40032, f"too many {name}")
        return people

    def _task(self, body: Block) -> Task:
        if not body.get("msgid"):
            raise ApiError(41046, "missing msgid")
        found = self._tasks.get(str(body["msgid"]))
        if found is None:
            raise ApiError(41047, "invalid msgid")
        if found.cancelled:
            raise ApiError(41093, "task cancelled")
        return found

    def _progress(self, _query: Block, body: Block) -> dict[str, Any]:
        task = self._task(body)
        row = {"userid": task.sender, "status": 2 if task.sent_at else 0}
        return {"task_list": [{**row, **_time(task)}], "next_cursor": ""}

    def _results(self, _query: Block, body: Block) -> dict[str, Any]:
        """Pages by cursor, which here is simply where to go on."""
        task = self._task(body)
        limit = int(body.get("limit") or 500)
        if not 1 <= limit <= PAGE:
            raise ApiError(40058, "limit must be 1 to 1000")
        if str(body.get("userid") or "").lower() != task.sender.lower():
            raise ApiError(40003, "invalid userid")
        start = int(body.get("cursor") or 0)
        page = task.people[start : start + limit]
        name = "chat_id" if task.for_groups else "external_userid"
        rows = [{name: one, "userid": task.sender, "status": task.status.get(one, UNSENT),
                 **_time(task)} for one in page]  # fmt: skip
        more = start + limit < len(task.people)
        return {"send_list": rows, "next_cursor": str(start + limit) if more else ""}

    def _remind(self, _query: Block, body: Block) -> dict[str, Any]:
        task, at = self._task(body), self._now()
        task.reminded = [one for one in task.reminded if at - one < REMINDED_WITHIN]
        if len(task.reminded) >= REMINDERS:
            raise ApiError(41094, "too many reminders")
        task.reminded.append(at)
        note = {"type": "text", "text": "［客户联系］你有一个群发等着确认。"}
        self._put(task.sender, "notice", note)
        return {}

    def _cancel(self, _query: Block, body: Block) -> dict[str, Any]:
        self._task(body).cancelled = True
        return {}


def _time(task: Task) -> dict[str, int]:
    return {"send_time": int(task.sent_at.timestamp())} if task.sent_at else {}


def _content(body: Block) -> str:
    words = str((body.get("text") or {}).get("content") or "")
    attachments = body.get("attachments") or ()
    if not words and not attachments:
        raise ApiError(41089, "text and attachments both empty")
    if len(words.encode()) > TEXT_BYTES:
        raise ApiError(45002, "text too long")
    if len(attachments) > ATTACHMENTS:
        raise ApiError(41064, "too many attachments")
    return words
