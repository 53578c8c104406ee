"""What callbacks missed: every contact and customer group compared with the store, and mended.

One question at a time: its answer is taken in one transaction together with the next question,
so a run goes on after a kill where it stood, and no more than a page is ever held. Nobody is
written to because of what is found here, except the operators at the end.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

from handlers import customer_groups, relations
from handlers.context import Ctx
from handlers.values import Action, Ask, Inbound, Send
from storage import groups, inbox, timers
from storage import reconciles as runs
from storage import relations as rows
from storage.reconciles import Run

log = logging.getLogger(__name__)

AT = time(4, 10)
PAGE = 100  # contacts; the most the platform gives at once
CHATS = 1000
OWNERS = 100
BAD_CURSOR, NONE = 50100, 84061
QUIET = timedelta(hours=1)  # a run without an answer is asked once more
TRIES = 3
RESUME = timedelta(hours=24)
FEW, FIRST = 20, 2  # so many may be missing without a doubt; where nobody is left, so many
MOST = 10_000  # looked at of one advisor in a night
TRUST = "trust"  # the operator has said that whoever is missing is gone
STEPS = ("members", "contacts", "chats", "groups")
ITEMS = {"contacts": "user", "chats": "owners", "groups": "chat"}
READ = "read"  # the advisors whose list was read to its end
SAID = (
    ("added", "补上{}位没收到通知的客户"), ("back", "{}位重新成为好友"), ("gone", "{}位已不是好友"),
    ("renamed", "{}位改了备注或昵称"), ("owner", "{}位换了顾问"), ("second", "{}位另有顾问"),
    ("groups", "补上{}个群"), ("dismissed", "{}个群已解散"), ("regrouped", "{}个群改了群名或群主"),
    ("joined", "{}人入群"), ("left", "{}人退群"), ("unread", "{}处没有读到"),
)  # fmt: skip


# When


def tick(ctx: Ctx) -> Iterator[Action]:
    """Every night, once customer contact is known to be connected; a run that hangs is helped."""
    if not ctx.settings.contacts.reconcile:
        return
    if "reconcile" not in timers.known(ctx.db):
        timers.ensure(ctx.db, "reconcile", ctx.tomorrow(AT))
    for name, was in timers.due(ctx.db, "reconcile", ctx.now):
        if timers.advance(ctx.db, name, was, ctx.tomorrow(AT), ctx.now) and runs.connected(ctx.db):
            yield from start("night", ctx)
    yield from _nudge(ctx)


def start(origin: str, ctx: Ctx, *, trust: bool = False) -> Iterator[Action]:
    """A new run; one of the same origin that never came to its end is given up."""
    old = runs.newest(ctx.db, runs.RUNNING, origin)
    if old:
        yield from _fail(old, "没有做完就停下了", ctx)
    counts = {TRUST: 1} if trust else {}
    run = Run(f"r{ctx.new_id()}", origin, ctx.now, ctx.now, counts=counts)
    runs.put(ctx.db, run)
    yield from go_on(run, ctx)


def resumable(ctx: Ctx) -> Run | None:
    """The run that somebody asked for and that was cut off not long ago."""
    run = runs.newest(ctx.db, runs.RUNNING, "asked")
    return run if run and ctx.now - run.moved_at < RESUME else None


def _nudge(ctx: Ctx) -> Iterator[Action]:
    run = runs.newest(ctx.db, runs.RUNNING, "night")
    if run is None or ctx.now - run.moved_at < QUIET:
        return
    if run.tries >= TRIES:
        yield from _fail(run, "企业微信一直没有回答", ctx)
        return
    waiting = replace(run, tries=run.tries + 1, moved_at=ctx.now)
    runs.put(ctx.db, waiting)
    yield from go_on(waiting, ctx)


# Question and answer


def go_on(run: Run, ctx: Ctx) -> Iterator[Action]:
    """The question that the rows say is next, or the end."""
    if run.step == "members":
        yield Ask("members", {}, run.id, run.number)
        return
    item = runs.first(ctx.db, run.id, ITEMS[run.step])
    if item:
        yield _question(run, item)
    elif run.step == STEPS[-1]:
        yield from _finish(run, ctx)
    else:
        later = replace(run, step=STEPS[STEPS.index(run.step) + 1], spot="",
                        counts=_between(run, ctx))  # fmt: skip
        runs.put(ctx.db, later)
        yield from go_on(later, ctx)


def _between(run: Run, ctx: Ctx) -> dict[str, int]:
    """What can be told only when all lists were read: who is on none of them."""
    changes = Counter(run.counts)
    if run.step == "contacts":
        while userid := runs.first(ctx.db, run.id, READ):
            _missing(run, userid, changes, ctx)
            runs.done(ctx.db, run.id, READ, userid)
    if run.step == "chats":  # what is in no list is asked for by name before it is given up
        runs.add(ctx.db, run.id, "chat", groups.alive(ctx.db, customer_groups.INTERNAL))
    return {name: n for name, n in changes.items() if n}


def _question(run: Run, item: str) -> Ask:
    if run.step == "groups":
        return customer_groups.ask(item, run.id, run.number)
    body: dict[str, Any] = {"userid_list": [item], "limit": PAGE}
    if run.step == "chats":
        body = {"status_filter": 0, "owner_filter": {"userid_list": item.split("|")},
                "limit": CHATS}  # fmt: skip
    return Ask(run.step, {**body, "cursor": run.spot}, run.id, run.number)


def took(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """One answer; a repeated one, or one of a run that is over, changes nothing."""
    inbox.empty(ctx.db, msg.id)  # thousands of contacts a night are not kept twice
    run = runs.get(ctx.db, str(msg.fields["run"]))
    if run is None or run.state != runs.RUNNING or run.number != msg.fields["n"]:
        return
    answer = msg.fields["answer"]
    code = answer.get("errcode") or 0
    if run.step == "members" and code:
        yield from _fail(run, f"{code} {answer.get('errmsg', '')}".strip(), ctx)
        return
    changes = Counter(run.counts)
    spot = _TAKE[run.step](run, msg.fields["body"], answer, changes, ctx)
    later = replace(run, spot=spot, number=run.number + 1, tries=0, moved_at=ctx.now,
                    step="contacts" if run.step == "members" else run.step,
                    counts={name: n for name, n in changes.items() if n})  # fmt: skip
    runs.put(ctx.db, later)
    yield from go_on(later, ctx)


def _members(
    run: Run, _: Mapping[str, Any], answer: Mapping[str, Any], changes: Counter[str], ctx: Ctx
) -> str:
    """Only people on the list; their right to customer contact decides what can be read."""
    able = {ctx.team.userid(str(userid)) for userid in answer.get("follow_user") or ()}
    users = sorted(userid for userid in able if ctx.team.advisor(userid))
    owners = sorted(u for u in able if ctx.team.advisor(u) or ctx.team.manager(u))
    runs.add(ctx.db, run.id, "user", users)
    runs.add(ctx.db, run.id, "owners",
             ("|".join(owners[n : n + OWNERS]) for n in range(0, len(owners), OWNERS)))  # fmt: skip
    changes["unable"] = len(ctx.settings.advisors) - len(users)
    return ""


def _contacts(
    run: Run, body: Mapping[str, Any], answer: Mapping[str, Any], changes: Counter[str], ctx: Ctx
) -> str:
    (userid,) = body["userid_list"]
    if _worn(answer, changes):
        return ""
    if (code := answer.get("errcode") or 0) and code != NONE:
        changes["unread"] += 1
        runs.done(ctx.db, run.id, "user", userid)
        return ""
    for found in answer.get("external_contact_list") or ():
        contact = found.get("external_contact") or {}
        told = relations.read(found.get("follow_info") or {}, ctx)
        if told and contact.get("external_userid"):
            changes["contacts"] += 1
            customer = str(contact["external_userid"])
            changes.update(relations.take(customer, contact, [told], ctx, run.id))
    cursor = _onward(run, answer, changes)
    if not cursor:
        runs.add(ctx.db, run.id, READ, [userid])
        runs.done(ctx.db, run.id, "user", userid)
    return cursor


def _missing(run: Run, userid: str, changes: Counter[str], ctx: Ctx) -> None:
    """Contacts that the list no longer has. When most are missing, the list is doubted instead."""
    gone = rows.unseen(ctx.db, userid, run.id, run.started_at, MOST)
    alone = [r for r in gone if not rows.seen(ctx.db, r.customer, run.id)]
    seen = rows.count(ctx.db, userid, run.id)
    doubted = len(alone) > (FEW if seen else FIRST) and len(alone) > seen
    if doubted and not run.counts.get(TRUST):
        changes["doubtful"] += len(alone)
        gone = [r for r in gone if r not in alone]
    for relation in gone:
        relations.end(relation.customer, userid, "platform", ctx.now, ctx)
        changes.update(relations.settle(relation.customer, ctx))


def _chats(
    run: Run, body: Mapping[str, Any], answer: Mapping[str, Any], changes: Counter[str], ctx: Ctx
) -> str:
    if _worn(answer, changes):
        return ""
    if answer.get("errcode"):
        changes["unread"] += 1
    listed = (str(chat["chat_id"]) for chat in answer.get("group_chat_list") or ())
    runs.add(ctx.db, run.id, "chat", listed)
    cursor = _onward(run, answer, changes)
    if not cursor:
        runs.done(ctx.db, run.id, "owners", "|".join(body["owner_filter"]["userid_list"]))
    return cursor


def _group(
    run: Run, body: Mapping[str, Any], answer: Mapping[str, Any], changes: Counter[str], ctx: Ctx
) -> str:
    code = answer.get("errcode") or 0
    changes["unread" if code and code not in customer_groups.NO_SUCH else "chats"] += 1
    changes.update(customer_groups.told(answer, body, ctx))
    runs.done(ctx.db, run.id, "chat", str(body["chat_id"]))
    return ""


def _worn(answer: Mapping[str, Any], changes: Counter[str]) -> bool:
    """A cursor that is not taken any more: the list is begun again, but not for ever."""
    if answer.get("errcode") != BAD_CURSOR or changes["worn"] >= TRIES:
        return False
    changes["worn"] += 1
    return True


def _onward(run: Run, answer: Mapping[str, Any], changes: Counter[str]) -> str:
    """The next page's cursor; one that leads back to the same page ends the list."""
    cursor = str(answer.get("next_cursor") or "")
    if cursor and cursor == run.spot:
        changes["unread"] += 1
        return ""
    return cursor


_TAKE = {"members": _members, "contacts": _contacts, "chats": _chats, "groups": _group}


# The end


def _finish(run: Run, ctx: Ctx) -> Iterator[Action]:
    done = replace(run, state=runs.DONE, ended_at=ctx.now)
    runs.put(ctx.db, done)
    text = report(done)
    log.info("reconcile %s: %s", run.id, text)
    if run.origin != "night" or mended(done):
        yield from _tell(text, ctx)


def _fail(run: Run, why: str, ctx: Ctx) -> Iterator[Action]:
    """Told once; the same reason again the next night is not news."""
    before = runs.newest(ctx.db, runs.FAILED)
    failed = replace(run, state=runs.FAILED, error=why, ended_at=ctx.now)
    runs.put(ctx.db, failed)
    runs.clear(ctx.db, run.id)
    log.warning("reconcile %s failed: %s", run.id, why)
    if run.origin != "night" or before is None or before.error != why:
        yield from _tell(report(failed), ctx)


def _tell(text: str, ctx: Ctx) -> Iterator[Action]:
    for operator in ctx.settings.access.operators:
        yield Send(operator, text)


def mended(run: Run) -> bool:
    return any(run.counts.get(name) for name, _ in (*SAID, ("doubtful", "")))


def report(run: Run) -> str:
    """What was compared and what was mended, in a few sentences."""
    if run.state == runs.FAILED:
        return f"客户联系对账没有做成：{run.error}"
    n = run.counts
    read = f"{n.get('contacts', 0)}条好友关系、{n.get('chats', 0)}个客户群"
    lines = [f"客户联系对账完成：核对了{read}。"]
    did = [words.format(n[name]) for name, words in SAID if n.get(name)]
    lines.append("，".join(did) + "。" if did else "和平台一致，没有要改的。")
    if n.get("added"):
        lines.append(
            "补上的客户不会收到任何消息，也不提醒顾问；等TA开口，或导入到期的跟进后才开始。"
        )
    if n.get("doubtful"):
        lines.append(
            f"有{n['doubtful']}位从列表里整批消失，多半是权限或可见范围变了，先没有动。"
            "确实不在了，请运行 salesbot reconcile --trust。"
        )
    if n.get("unable", 0) > 0:
        lines.append(f"{n['unable']}位顾问没有客户联系权限或没有客户，读不到。")
    return "\n".join(lines)


def progress(run: Run, ctx: Ctx) -> tuple[str, int]:
    """What is being read, and how many of it are left."""
    if run.step == "members":
        return "成员", 1
    name = {"contacts": "顾问的客户", "chats": "群列表", "groups": "客户群"}[run.step]
    return name, runs.left(ctx.db, run.id, ITEMS[run.step])
