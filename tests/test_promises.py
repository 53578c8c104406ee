"""Every promise has its proofs, and a proof notices when its promise is broken on purpose."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import test_audit
import test_callback
import test_cli
import test_gate
import test_inbox
import test_outbox
import test_power
import test_privacy
import test_scopes
import test_storage
import test_writer
from aiohttp import web
from test_callback import post as post
from test_cli import company as company
from test_cli import run as run
from test_gate import door as door
from test_inbox import broken as broken
from test_scopes import shops as shops
from test_writer import desk as desk

from bot import outbox as sending
from bot import writer
from bot.gate import Gate
from bot.wecom import cipher
from handlers import names
from storage import audit, customers, erasure, inbox, outbox, timers
from storage.sqlite import Sqlite

PAGE = (Path(__file__).parent.parent / "docs" / "promises.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+)\. (.+?) \| (.+?) \|", PAGE, re.M)
PROOFS = {int(n): re.findall(r"`(\w+)\.py::(\w+)`", proofs) for n, _, proofs in ROWS}
Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Break:
    """One deliberate fault, and the proof that must notice it."""

    promise: int
    what: str
    proof: Callable[..., Any]
    patch: Patch
    given: dict[str, Any] = field(default_factory=dict)  # what a parametrized proof is asked with


def instead(holder: Any, name: str, other: Any) -> Patch:
    return lambda patch: patch.setattr(holder, name, other)


class Hasty(Sqlite):
    """A store that trusts the drive's cache."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self._conn.execute("pragma synchronous = normal")


def tell_everybody(jobs):
    """Resolve whatever became of the commit."""
    for job in jobs:
        if not job.future.done():
            job.future.set_result(job.value)


answered = web.Response


def always_well(status=200, **more):
    return answered(status=200 if status == 503 else status, **more)


keep, waiting, prepared = inbox.keep, inbox.waiting, outbox.prepared


def keep_again(db, msg, now):
    """Every delivery is taken for a new one."""
    again = db.rows("select count(*) as n from inbox")[0]["n"]
    return keep(db, replace(msg, id=f"{msg.id}/{again}"), now)


def newest_first(db, limit, lanes=None):
    return list(reversed(waiting(db, limit, lanes)))


def other_bytes(db, parcel_id, request, now=None):
    """What is kept is not what was sent."""
    prepared(db, parcel_id, request and f"{request} ", now)


def no_note(db, msg_id, error):
    raise RuntimeError("the failed message takes its neighbours along")


def everybody(member, ctx, limit=-1):
    return customers.of_stores(ctx.db, ("bj-cy", "bj-hd", "gz-th"), -1)


def anyhow(channel, signature, timestamp, nonce, encrypted):
    """Whoever knocks is WeCom."""


FORGED = dict(zip(("channel", "plaintext", "status", "reason"),
                  test_callback.FORGED["another token"], strict=True))  # fmt: skip
BREAKS = [
    Break(1, "a commit that is not synced", test_power.test_the_store_asks_for_that_sync,
          instead(test_power, "Sqlite", Hasty)),
    Break(1, "an answer although the commit failed",
          test_writer.test_a_commit_that_fails_fails_all_who_shared_it,
          instead(writer, "_tell", tell_everybody)),
    Break(1, "a 200 for what was not kept",
          test_callback.test_a_store_that_is_down_lets_wecom_come_again,
          instead(web, "Response", always_well)),
    Break(2, "a repeated delivery taken for a new one",
          test_inbox.test_a_message_delivered_twice_is_answered_once,
          instead(inbox, "keep", keep_again)),
    Break(3, "a repeat with other bytes", test_outbox.test_a_retry_is_the_same_to_the_byte,
          instead(outbox, "prepared", other_bytes)),
    Break(3, "a repeat after the duplicate check has run out",
          test_outbox.test_what_may_have_arrived_is_not_sent_again_after_the_check_has_run_out,
          instead(sending, "CHECK_S", 10**6)),
    Break(4, "the newest first", test_inbox.test_many_messages_are_handled_in_the_order_they_came,
          instead(inbox, "waiting", newest_first)),
    Break(5, "a timer that two may claim", test_storage.test_a_timer_is_claimed_by_one,
          instead(timers, "advance", lambda *_: True)),
    Break(6, "a poisonous message that stops its batch",
          test_inbox.test_a_handler_that_raises_leaves_its_message_and_the_others_go_on,
          instead(inbox, "failed", no_note)),
    Break(7, "a restored store that goes on sending",
          test_cli.test_after_a_restore_nothing_that_waited_is_sent_by_itself,
          instead(outbox, "hold_back", lambda *_: 1)),
    Break(8, "a signature that nobody looks at",
          test_callback.test_what_is_forged_or_malformed_is_refused,
          instead(cipher, "verify", anyhow), FORGED),
    Break(8, "an address that nobody looks at",
          test_gate.test_only_the_platform_s_addresses_come_in,
          instead(Gate, "admits", lambda *_: True)),
    Break(9, "an advisor who sees every customer",
          test_scopes.test_everybody_sees_their_own_and_nobody_else_s,
          instead(names, "visible", everybody), {"who": "lina", "stores": set()}),
    Break(9, "a look that leaves no trace",
          test_audit.test_every_look_at_a_customer_is_kept_without_naming_them,
          instead(audit, "note", lambda *_, **__: None)),
    Break(10, "a table that is forgotten", test_privacy.test_nothing_of_a_customer_is_left_anywhere,
          lambda patch: patch.setitem(erasure.PLACES, "messages", erasure.NOBODY)),
]  # fmt: skip


def noticing(one: Break) -> Callable[..., Any]:
    """A test with the fixtures of the proof, which must fail once its promise is broken."""
    wanted = inspect.signature(one.proof).parameters
    failing = (Exception, pytest.fail.Exception)

    def broken(patch: pytest.MonkeyPatch, found: dict[str, Any]) -> dict[str, Any]:
        one.patch(patch)
        return {name: one.given.get(name, found.get(name)) for name in wanted}

    async def later(monkeypatch, **found):
        asked = broken(monkeypatch, found)
        with pytest.raises(failing):
            await one.proof(**asked)

    def at_once(monkeypatch, **found):
        asked = broken(monkeypatch, found)
        with pytest.raises(failing):
            one.proof(**asked)

    test = later if inspect.iscoroutinefunction(one.proof) else at_once
    names = dict.fromkeys(("monkeypatch", *(name for name in wanted if name not in one.given)))
    kind = inspect.Parameter.KEYWORD_ONLY
    test.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    return test


for number, one in enumerate(BREAKS):
    globals()[f"test_{one.promise}_is_noticed_when_broken_by_{number}"] = noticing(one)


def test_every_promise_has_proofs_that_are_there():
    assert list(PROOFS) == list(range(1, 11))
    missing = [
        f"{file}::{name}"
        for proofs in PROOFS.values()
        for file, name in proofs
        if f"def {name}(" not in Path(__file__).with_name(f"{file}.py").read_text(encoding="utf-8")
    ]
    assert missing == []
    assert all(PROOFS.values())


def test_every_promise_is_broken_once_and_by_a_proof_of_its_own():
    assert {one.promise for one in BREAKS} == PROOFS.keys()
    unnamed = [
        one.what
        for one in BREAKS
        if (one.proof.__module__, one.proof.__name__) not in PROOFS[one.promise]
    ]
    assert unnamed == []
