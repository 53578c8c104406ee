"""The process and its disk: full, refusing to sync, locked, broken, taken twice, killed inside."""

import asyncio
import os
import random
import signal
import sqlite3

import apsw
import pytest
from blockbuster import BlockingError, blockbuster_ctx
from click.testing import CliRunner
from power import Disk, Powered

from bot import alone
from bot import app as wiring
from bot.cli import main
from bot.sandbox import demo
from bot.sandbox.demo import START
from bot.writer import Writer
from storage import inbox
from storage.db import number
from storage.schema import migrations
from storage.sqlite import Sqlite

KILL_ALL = "SALESBOT_KILL_EVERY_STATEMENT" in os.environ  # `make soak`; otherwise one a step


def kept(key):
    return inbox.Kept(key, "app", "zhang", "x")


# Ending


@pytest.mark.parametrize("turns", range(6))
async def test_a_stop_that_meets_a_message_is_still_a_stop(played, turns):
    """Python 3.11's `wait_for` forgets a cancel that comes while its result does."""
    app = played.running.app
    work = asyncio.create_task(app.run())
    for _ in range(10):  # whatever it asks of the store comes before the last of these
        await app.writer.do(lambda db: None)
    app.ring()
    await app.tell_operators([])
    for _ in range(turns):
        await asyncio.sleep(0)

    work.cancel()
    done, _ = await asyncio.wait({work}, timeout=5)

    assert done


# The disk


async def test_a_full_disk_is_said_to_wecom_which_comes_again_when_it_is_freed(played):
    """Nothing is acknowledged that is not kept, and nothing is lost or answered twice."""
    door, app = played.running.writer, played.running.app
    pages = await door.do(lambda db: number(db, "pragma page_count"))
    await door.do(lambda db: db.rows(f"pragma max_page_count = {pages}"))

    said = 0
    while (delivery := await told(played, said)).delivered:
        said += 1
        assert said < 500
    assert delivery.status == 503
    assert await door.do(inbox.depth) == said

    await door.do(lambda db: db.rows("pragma max_page_count = 1073741823"))
    assert (await told(played, said)).delivered
    await app.idle()
    rows = await door.do(lambda db: db.rows("select state, count(*) as n from inbox group by 1"))
    assert rows == [{"state": "done", "n": said + 1}]
    answers = [i for i in played.pretend.received() if "没看懂" in i["text"]]
    waiting = await door.do(lambda db: number(
        db, "select count(*) from outbox where state = 'waiting'"))  # fmt: skip
    assert len(answers) + waiting == said + 1


async def told(played, n):
    """WeCom delivers a long message, and repeats it until it is taken or it gives up."""
    callbacks = played.pretend.callbacks
    body = (f"<xml><ToUserName>c</ToUserName><FromUserName>zhang</FromUserName><CreateTime>1"
            f"</CreateTime><MsgType>text</MsgType><Content>{'嗯' * 600}</Content><MsgId>{n + 1}"
            f"</MsgId><AgentID>1000002</AgentID></xml>")  # fmt: skip
    return await callbacks.push("app", body)


async def test_what_the_drive_did_not_sync_is_not_acknowledged():
    disk = Disk("unsynced")
    powered = []

    def opened():
        powered.append(Powered(disk, "full"))
        powered[0].build()
        return powered[0]

    writer = Writer(opened, asyncio.get_running_loop())
    await writer.start()
    assert await writer.do(lambda db: inbox.keep(db, kept("before"), START))

    disk.syncs = False
    with pytest.raises(apsw.IOError):
        await writer.do(lambda db: inbox.keep(db, kept("during"), START))
    disk.syncs = True
    assert await writer.do(lambda db: inbox.keep(db, kept("after"), START))

    left = disk.cut(random.Random(1), "unsynced-after")
    await writer.close()
    store = Powered(left, "full")
    ids = {row["id"] for row in store.rows("select id from inbox")}
    assert {"before", "after"} <= ids
    store.close()


# Other processes


async def test_a_store_that_another_one_locks_is_an_error_and_not_the_end(tmp_path):
    path = tmp_path / "s.db"

    def opened():
        store = Sqlite(path)
        store.migrate()
        store.rows("pragma busy_timeout = 20")
        return store

    writer = Writer(opened, asyncio.get_running_loop())
    await writer.start()
    other = sqlite3.connect(path)
    other.execute("begin immediate")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await writer.do(lambda db: inbox.keep(db, kept("a"), START))
    other.rollback()
    other.close()
    assert await writer.do(lambda db: inbox.keep(db, kept("a"), START))
    await writer.close()


CONFIG = """[wecom]
corp_id = "ww1"
[wecom.app]
agent_id = 1
secret = "s"
token = "t"
encoding_aes_key = "{key}"
"""


@pytest.fixture
def serve(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(key="A" * 43), encoding="utf-8")

    def run():
        result = CliRunner().invoke(main, ["--config", str(file), "serve"])
        return result.exit_code, result.stderr.strip()

    return run


def test_a_second_one_on_the_same_store_is_refused(serve, tmp_path):
    with alone.held(tmp_path / "var" / "salesbot.db") as ours:
        assert ours
        code, said = serve()

    assert code == 1
    assert said == "salesbot.db 正被另一个 salesbot 使用；先停掉它，再启动"


def test_a_broken_store_is_one_sentence_with_its_cure(serve, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "salesbot.db").write_bytes(b"no database at all" * 1000)

    code, said = serve()

    assert code == 1
    assert "打不开" in said
    assert "Traceback" not in said


# Killed while the store is brought up to date


def tables(store):
    return {row["name"]: row["sql"] for row in store.rows(
        "select name, sql from sqlite_master where name not like 'sqlite_%'")}  # fmt: skip


def spoken(path):
    """How many statements come before the first step and in each, and what they lead to."""
    store, said = Sqlite(path), []
    store._conn.set_trace_callback(said.append)
    store.migrate()
    store._conn.set_trace_callback(None)
    found = tables(store)
    store.close()
    begins = [n for n, sql in enumerate(said) if sql.upper().startswith("BEGIN")]
    ends = [n for n, sql in enumerate(said) if sql.upper().startswith("COMMIT")]
    steps = [(a, b) for a, b in zip(begins, ends, strict=True)][-len(migrations._migrations) :]
    return steps, len(said), found


def die_at(path, number):
    """A child that brings the store up to date and is killed at that statement."""
    child = os.fork()
    if child == 0:
        store, left = Sqlite(path), [number]

        def count(_):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        store._conn.set_trace_callback(count)
        store.migrate()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the kill wants a child")
@pytest.mark.timeout(1800)
def test_a_kill_inside_any_step_leaves_a_store_that_goes_on_from_there(tmp_path):
    """Each step is killed in its middle, started anew, and the next one is killed."""
    steps, _, whole = spoken(tmp_path / "whole.db")
    path, first = tmp_path / "killed.db", steps[0][0]
    done = 0  # statements of the steps that held
    for begin, end in steps:
        number = first + (begin + end) // 2 - done + 1
        assert die_at(path, number) == -signal.SIGKILL
        done = begin
    store = Sqlite(path)
    assert len(store.pending()) == 1
    store.migrate()

    assert tables(store) == whole
    assert store.rows("pragma integrity_check") == [{"integrity_check": "ok"}]
    store.close()


@pytest.mark.skipif(not KILL_ALL, reason="`make soak` only")
@pytest.mark.timeout(3600)
def test_a_kill_at_any_statement_leaves_one_too(tmp_path):
    _, count, whole = spoken(tmp_path / "whole.db")
    for n in range(1, count + 1):
        path = tmp_path / f"{n}.db"
        assert die_at(path, n) == -signal.SIGKILL
        store = Sqlite(path)
        store.migrate()
        assert tables(store) == whole, n
        store.close()
        path.unlink()


# The loop


SLEEP = compile("import time; time.sleep(0.001)", wiring.__file__, "exec")


async def test_nothing_blocks_the_loop_while_a_morning_goes_by(played, caplog):
    """The store, the pictures and the files are other threads' work; the loop only carries."""
    with blockbuster_ctx("bot"):
        with pytest.raises(BlockingError):
            exec(SLEEP)  # the control: a line of ours that waits
        for words in ("帮助", "待办", "客户 王女士", "记录 王女士 到店", "数据", "日报"):
            await played.pretend.say("app", "zhang", words)
        await played.pretend.event("add_external_contact", user="zhang", customer="new-1")
        await played.say("aibot", "zhang", f"@{demo.BOT} 签到", demo.TEAM_CHAT)
        await played.move(played.clock.now().replace(hour=10, minute=5))

    assert "BlockingError" not in caplog.text
    kinds = {item["type"] for item in played.pretend.received()}
    assert {"text", "image"} <= kinds
