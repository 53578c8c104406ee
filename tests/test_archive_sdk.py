"""The archive through ctypes: a stand-in of the vendor's library, compiled here, in its process."""

import asyncio
import base64
import json
import random
import shutil
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bot import config, server
from bot.archive.process import Gone, Process, Refusal
from bot.archive.puller import Archive, Setup, _store
from bot.clock import WallClock
from bot.wecom import envelope
from storage import archive as rows
from storage import inbox

SOURCE = Path(__file__).parent / "native" / "finance_sdk.c"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
SECRET = "archive-secret"
SERVED = """
[wecom]
corp_id = "ww1"
[wecom.app]
agent_id = 1
secret = "s"
token = "t"
encoding_aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
[wecom.archive]
secret = "x"
sdk_path = "{path}"
private_keys = ["1={key}"]
"""

pytestmark = pytest.mark.skipif(
    COMPILER is None, reason="no C compiler: THE ARCHIVE'S SDK IS NOT TESTED"
)


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    built = tmp_path_factory.mktemp("native") / "libWeWorkFinanceSdk_C.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", built, SOURCE,
                    "-ldl"], check=True)  # fmt: skip
    return built


@pytest.fixture(scope="session")
def keys():
    """Private keys by version; the third is one that we do not have."""
    return {n: rsa.generate_private_key(public_exponent=65537, key_size=2048) for n in (1, 2, 3)}


def pem(key, password=None):
    shut = serialization.BestAvailableEncryption(password) if password else None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        shut or serialization.NoEncryption(),
    )


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """A library that is not the archive's."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "other.c").write_text("int NewSdk(void) { return 0; }\n")
    command = [COMPILER, "-shared", "-fPIC", "-o", folder / "other.so", folder / "other.c"]
    subprocess.run(command, check=True)
    return folder / "other.so"


class Tape:
    """What the stand-in plays: messages sealed as the platform seals them, and its moods."""

    def __init__(self, library, folder, keys):
        self.folder = folder
        self.path = folder / library.name
        shutil.copy(library, self.path)
        self.keys = keys
        self.seq = 0
        for n in (1, 2):
            (folder / f"v{n}.pem").write_bytes(pem(keys[n]))

    def add(self, data, version=1, seq=0, msgid=""):
        self.seq = seq or self.seq + 1
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        key = f"random-key-{self.seq}".ljust(32, "x").encode()
        body = bytes(b ^ key[i % len(key)] for i, b in enumerate(b"WX:" + text.encode())).hex()
        random_key = self.keys[version].public_key().encrypt(key, padding.PKCS1v15())
        found = data.get("msgid") if isinstance(data, dict) else ""
        item = {"seq": self.seq, "msgid": msgid or found or f"m{self.seq}",
                "publickey_ver": version, "encrypt_chat_msg": body,
                "encrypt_random_key": base64.b64encode(random_key).decode()}  # fmt: skip
        with (self.folder / "tape").open("a") as tape:
            tape.write(f"{self.seq}\t{json.dumps(item)}\n")

    def mood(self, word):
        (self.folder / "mood").write_text(word)

    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def tape(library, tmp_path, keys):
    folder = tmp_path / "sdk"
    folder.mkdir()
    return Tape(library, folder, keys)


def text(msgid, words, sender="wang", to="zhang", room="", at=1772758800000):
    return {"msgid": msgid, "action": "send", "from": sender, "tolist": [to], "roomid": room,
            "msgtime": at, "msgtype": "text", "text": {"content": words}}  # fmt: skip


@pytest.fixture
async def pulling(played, tape):
    """The archive on the stage; `again` makes another one, as after a restart."""

    class Pulling:
        stage = played

        def __init__(self):
            self.told, self.made = [], []

        def again(self, **changes):
            setup = {"path": str(tape.path), "corp_id": "ww1", "secret": SECRET,
                     "keys": {n: str(tape.folder / f"v{n}.pem") for n in (1, 2)},
                     "timeout_s": 5}  # fmt: skip
            own = {k: changes.pop(k) for k in list(changes) if k in Setup.__dataclass_fields__}
            self.archive = Archive(
                Setup(**{**setup, **own}), writer=played.running.writer, clock=played.clock,
                rng=random.Random(1), said=self.say, kept=played.running.app.ring,
                **{"pause_s": 0.01, **changes},
            )  # fmt: skip
            self.made.append(self.archive)
            return self.archive

        async def say(self, sentence):
            self.told.append(sentence)

        async def kept(self):
            found = await self.rows("select id from inbox where body like '{%msgid%' order by seq")
            return [row["id"].removeprefix("archive:") for row in found]

        async def rows(self, sql, **values):
            return await played.running.writer.do(lambda db: db.rows(sql, **values))

        async def seq(self):
            return await played.running.writer.do(rows.seq)

    found = Pulling()
    found.again()
    yield found
    for one in found.made:
        await one._process.stop()


async def until(true, turns=3000):
    for _ in range(turns):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


# The way in


async def test_what_a_customer_says_comes_out_of_the_library_and_helps_the_advisor(pulling, tape):
    tape.add(text("m-1_external", "S6冬天续航怎么样？"))

    await pulling.archive.pull()
    await pulling.stage.running.app.idle()

    said = [i["text"] for i in pulling.stage.pretend.received() if i["to"] == "zhang"]
    assert any("说：S6冬天续航怎么样？" in line for line in said)
    assert await pulling.kept() == ["m-1_external"]
    assert await pulling.seq() == 1


async def test_each_page_is_kept_with_its_place_and_nothing_comes_twice(pulling, tape):
    for n in range(1, 8):
        tape.add(text(f"m{n}", "好的"), version=1 + n % 2, seq=n * 3)  # gaps are usual
    tape.add(text("m2", "好的"), seq=30)  # told again
    archive = pulling.again(page=3)

    await archive.pull()
    await archive.pull()

    assert await pulling.kept() == [f"m{n}" for n in range(1, 8)]
    assert await pulling.seq() == 30
    asked = [call.split()[1] for call in tape.calls() if call.startswith("GetChatData")]
    assert asked == ["0", "9", "18", "30"]


async def test_a_page_that_cannot_be_kept_whole_is_not_kept_and_not_passed(pulling):
    good = inbox.Kept("archive:m1", "archive", "wang", '{"msgid": "m1"}')
    bad = inbox.Kept("archive:m2", None, "wang", "{}")
    now = pulling.stage.clock.now()

    with pytest.raises(sqlite3.IntegrityError):
        await pulling.stage.running.writer.do(lambda db: _store(db, [good, bad], 7, now))

    assert await pulling.kept() == []
    assert await pulling.seq() == 0


async def test_init_is_called_once_for_many_pulls(pulling, tape):
    for _ in range(4):
        await pulling.archive.pull()

    assert tape.calls().count("Init") == 1


async def test_proxy_limit_and_timeout_reach_the_library(pulling, tape):
    archive = pulling.again(proxy="http://10.0.0.5:8081", password="u:p", timeout_s=7)

    await archive.pull()

    assert tape.calls()[-1] == "GetChatData 0 1000 http://10.0.0.5:8081 u:p 7"


async def test_a_restart_goes_on_where_the_last_one_ended(pulling, tape):
    tape.add(text("m1", "好的"))
    await pulling.archive.pull()
    tape.add(text("m2", "好的"))

    await pulling.again().pull()

    assert await pulling.kept() == ["m1", "m2"]
    assert tape.calls()[-1].startswith("GetChatData 1 ")


async def test_what_the_library_prints_does_not_come_between(pulling, tape):
    tape.mood("noise")
    tape.add(text("m1", "好的"))

    await pulling.archive.pull()

    assert await pulling.kept() == ["m1"]


async def test_a_long_message_comes_through_whole(pulling, tape):
    tape.add(text("m1", "长" * 300_000))

    await pulling.archive.pull()

    body = (await pulling.rows("select body from inbox where id = 'archive:m1'"))[0]["body"]
    assert json.loads(body)["text"]["content"] == "长" * 300_000


# Keys


async def test_a_message_of_an_unknown_version_stays_sealed_is_told_and_comes_later(pulling, tape):
    tape.add(text("m1", "一"))
    tape.add(text("m2", "二"), version=3)
    tape.add(text("m3", "三"), version=3)
    tape.add(text("m4", "四"), version=2)
    await pulling.archive.pull()

    assert await pulling.kept() == ["m1", "m4"]
    assert len(pulling.told) == 1
    assert "第 3 版" in pulling.told[0]

    (tape.folder / "v3.pem").write_bytes(pem(tape.keys[3]))
    files = {n: str(tape.folder / f"v{n}.pem") for n in (1, 2, 3)}
    await pulling.again(keys=files).pull()

    assert sorted(await pulling.kept()) == ["m1", "m2", "m3", "m4"]
    assert await pulling.rows("select * from archive_sealed") == []


async def test_a_key_of_the_wrong_version_opens_nothing_and_loses_nothing(pulling, tape):
    tape.add(text("m1", "一"), version=1)
    swapped = {1: str(tape.folder / "v2.pem")}

    await pulling.again(keys=swapped).pull()

    assert await pulling.kept() == []
    assert len(await pulling.rows("select * from archive_sealed")) == 1
    assert await pulling.seq() == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no key", "不是 PEM"),
        (None, "读不到"),
        ("locked", "有口令"),
    ],
)
async def test_a_key_that_cannot_be_read_is_told_and_the_others_work(pulling, tape, content, said):
    bad = tape.folder / "v9.pem"
    if content:
        bad.write_bytes(pem(tape.keys[3], b"x") if content == "locked" else content)
    files = {1: str(tape.folder / "v1.pem"), 9: str(bad)}
    tape.add(text("m1", "一"))

    await pulling.again(keys=files).pull()

    assert "第 9 版" in pulling.told[0]
    assert said in pulling.told[0]
    assert await pulling.kept() == ["m1"]


# What goes wrong


async def test_a_crash_is_told_and_the_next_process_reads_on(pulling, tape):
    tape.add(text("m1", "一"))
    tape.mood("crash")
    running = asyncio.create_task(pulling.archive.run())
    await until(lambda: _true(pulling.told))

    assert "崩溃（信号 SIGABRT）" in pulling.told[0]
    tape.mood("")
    await until(lambda: _true(len(pulling.told) == 2))
    await _stop(running)

    assert "已恢复" in pulling.told[1]
    assert await pulling.kept() == ["m1"]


async def test_a_hanging_library_is_ended_and_tried_again(pulling, tape):
    tape.mood("hang")
    archive = pulling.again(patience_s=1.5)

    with pytest.raises(Gone, match="没有回答"):
        await archive.pull()
    tape.mood("")
    tape.add(text("m1", "一"))
    await archive.pull()

    assert await pulling.kept() == ["m1"]


async def test_a_message_that_kills_the_library_is_left_shut_and_the_rest_is_read(pulling, tape):
    for n, words in enumerate(("一", "POISON!", "三"), 1):
        tape.add(text(f"m{n}", words))
    running = asyncio.create_task(pulling.archive.run())
    await until(lambda: _reached(pulling, 3))
    await _stop(running)

    assert await pulling.kept() == ["m1", "m3"]
    shut = await pulling.rows("select msgid, why from archive_sealed")
    assert shut == [{"msgid": "m2", "why": "crash"}]
    assert any("m2" in sentence for sentence in pulling.told)


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("init 10009", "可信 IP"),
        ("fail 10009", "可信 IP"),
        ("fail 10011", "系统证书"),
        ("refuse", "301042"),
        ("garbage", "不是 JSON"),
    ],
)
async def test_what_the_library_refuses_is_told_once_with_its_cure(pulling, tape, mood, said):
    tape.mood(mood)
    naps = []
    archive = pulling.again(sleep=_counted(naps))
    running = asyncio.create_task(archive.run())
    await until(lambda: _true(len(naps) >= 4))
    await _stop(running)

    assert len(pulling.told) == 1
    assert said in pulling.told[0]
    assert archive.problem
    assert naps[3] > naps[0]


async def test_a_network_that_blinks_is_not_told_until_it_stays_away(pulling, tape):
    tape.mood("fail 10001")
    told = []  # how much was told at each pause

    async def nap(_):
        told.append(len(pulling.told))
        await asyncio.sleep(0)

    running = asyncio.create_task(pulling.again(sleep=nap).run())
    await until(lambda: _true(len(told) >= 4))
    await _stop(running)

    assert told[:4] == [0, 0, 1, 1]
    assert "检查网络" in pulling.told[0]


async def test_a_wrong_path_is_told(pulling, tmp_path):
    nothing = pulling.again(path=str(tmp_path / "none.so"))

    with pytest.raises(Refusal, match=r"none\.so") as refused:
        await nothing.pull()
    assert "sdk_path" in refused.value.cure


async def test_a_library_of_something_else_is_told(pulling, stranger):
    with pytest.raises(Refusal, match="不是会话存档的库"):
        await pulling.again(path=str(stranger)).pull()


@pytest.mark.parametrize("odd", ["no json", "[1]", '{"a": "\\ud800"}'])
async def test_what_is_no_message_is_sealed_and_told(pulling, tape, odd):
    tape.add(odd, msgid="odd-1")
    tape.add(text("m2", "二"))

    await pulling.archive.pull()

    assert await pulling.kept() == ["m2"]
    assert "odd-1" in pulling.told[0]


async def test_at_most_so_many_calls_a_minute(pulling, tape):
    for n in range(1, 6):
        tape.add(text(f"m{n}", "好"))
    naps = []

    async def nap(seconds):
        naps.append(seconds)
        pulling.stage.clock.add(timedelta(seconds=seconds))

    await pulling.again(page=1, per_minute=3, sleep=nap).pull()

    assert await pulling.kept() == [f"m{n}" for n in range(1, 6)]
    assert naps == [60.0]


# When


@pytest.mark.parametrize("door", ["archive", "app"])
async def test_the_bell_is_answered_at_once(pulling, tape, door):
    app = pulling.stage.running.app
    app.on_bell = pulling.archive.ring
    running = asyncio.create_task(pulling.archive.run())
    await until(lambda: _true(len(tape.calls()) >= 2))
    tape.add(text("m1", "一"))

    await app.keep(_bell(door))
    await until(lambda: _reached(pulling, 1))
    await _stop(running)

    assert await pulling.kept() == ["m1"]


async def test_without_a_bell_the_clock_asks(pulling, tape):
    running = asyncio.create_task(pulling.again(every_s=0.05).run())
    await until(lambda: _true(len(tape.calls()) >= 2))
    tape.add(text("m1", "一"))
    await until(lambda: _reached(pulling, 1))
    await _stop(running)

    assert await pulling.kept() == ["m1"]


async def test_serve_reads_the_archive_and_ends_its_process(tape, tmp_path, knowledge):
    """As the command starts it: from the configuration to the handled row."""
    found = config.parse(
        SERVED.format(path=tape.path, key=tape.folder / "v1.pem"), tmp_path / "config.toml"
    )
    tape.add(text("m1", "一", sender="stranger"))
    async with (
        aiohttp.ClientSession() as session,
        server.assemble(found, server.keys(found), WallClock(), session,
                        knowledge=knowledge) as running,
    ):  # fmt: skip
        serving = asyncio.create_task(running.run())
        sql = "select state from inbox where state = 'done'"
        await until(lambda: running.writer.do(lambda db: db.rows(sql)))
        tape.add(text("m2", "二", sender="stranger"))
        await running.app.keep(_bell())
        await until(lambda: _true(sum(c.startswith("GetChatData 1 ") for c in tape.calls())))
        await _stop(serving)

    assert tape.calls().count("Init") == 1
    assert not running.archive._process.running


async def test_the_process_ends_with_the_server(pulling, tape):
    running = asyncio.create_task(pulling.archive.run())
    await until(lambda: _true(len(tape.calls()) >= 2))
    process = pulling.archive._process._process

    await _stop(running)

    assert process.returncode is not None
    assert not pulling.archive._process.running


async def test_a_hanging_library_does_not_outlive_a_server_that_was_killed(tape):
    process = Process(60.0)
    await process.ask("start", path=str(tape.path), corp_id="c", secret=SECRET, keys={})
    tape.mood("hang")
    asked = asyncio.create_task(
        process.ask("page", seq=0, limit=9, proxy="", password="", timeout_s=1)
    )
    await until(lambda: _true(tape.calls()[-1].startswith("GetChatData")))

    process._process.stdin.close()  # as the system does when a process ends

    with pytest.raises(Gone):
        await asyncio.wait_for(asked, 20)


async def test_the_library_s_process_sees_no_secrets_of_the_server(tape, monkeypatch):
    monkeypatch.setenv("WECOM_APP_SECRET", "hush")
    process = Process(10.0)
    await process.ask("start", path=str(tape.path), corp_id="c", secret=SECRET, keys={})
    seen = await asyncio.to_thread(_proc, process._process.pid)
    await process.stop()

    assert b"hush" not in seen
    assert SECRET.encode() not in seen


def _proc(pid):
    """What any user of the machine may see of a process, and its environment."""
    files = [Path(f"/proc/{pid}/{name}") for name in ("environ", "cmdline")]
    return b"".join(file.read_bytes() for file in files if file.exists())


def test_a_setup_does_not_print_its_secrets():
    shown = repr(Setup("lib.so", "ww1", SECRET, {1: "v1.pem"}, "http://p", "u:p"))

    assert SECRET not in shown
    assert "u:p" not in shown


def _bell(door="archive"):
    body = ("<xml><ToUserName>c</ToUserName><FromUserName>sys</FromUserName>"
            "<CreateTime>1772758800</CreateTime><MsgType>event</MsgType><AgentID>2000004</AgentID>"
            "<Event>msgaudit_notify</Event></xml>")  # fmt: skip
    return envelope.identify(door, body)


async def _true(value):
    return bool(value)


async def _reached(pulling, seq):
    return await pulling.seq() >= seq


def _counted(naps):
    async def nap(seconds):
        naps.append(seconds)
        await asyncio.sleep(0)

    return nap


async def _stop(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
