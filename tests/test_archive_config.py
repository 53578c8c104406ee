"""Switching the archive on: the settings, what serve says, what doctor finds and advises."""

# ruff: noqa: F401, F811 -- fixtures of other files are taken over as they are
import json

import pytest
from test_archive_sdk import COMPILER, keys, library, pem, stranger, tape
from test_cli import company, opened, run

from bot import config, server
from bot.archive import keys as files
from bot.commands import run as running
from bot.config import ConfigError
from bot.sandbox import demo
from storage import archive

IDS = """
[wecom]
corp_id = "ww1"
[wecom.app]
agent_id = 1
secret = "s"
token = "t"
encoding_aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
"""


def parsed(tmp_path, archive):
    return config.parse(IDS + "[wecom.archive]\n" + archive, tmp_path / "config.toml")


def test_versions_are_named_or_counted(tmp_path):
    found = files.versions(parsed(tmp_path, 'private_keys = ["a.pem", "7=b.pem", "c=d.pem"]'))

    assert found == {1: str(tmp_path / "a.pem"), 7: str(tmp_path / "b.pem"),
                     3: str(tmp_path / "c=d.pem")}  # fmt: skip


def test_a_version_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="第 2 版写了两次"):
        files.versions(parsed(tmp_path, 'private_keys = ["2=a.pem", "b.pem"]'))


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        ('sdk_path = "lib.so"\nprivate_keys = ["a.pem"]', r"wecom\.archive\.secret"),
        ('sdk_path = "lib.so"\nsecret = "x"', r"wecom\.archive\.private_keys"),
        ('sdk_path = "lib.so"\nsecret = "env:NO_SUCH_SECRET"', "NO_SUCH_SECRET"),
    ],
)
def test_a_library_without_secret_or_keys_does_not_start(tmp_path, archive, said):
    with pytest.raises(ConfigError, match=said):
        server.keys(parsed(tmp_path, archive))


def test_without_a_library_only_the_bell_is_taken(tmp_path):
    found = parsed(tmp_path, "")

    assert server.keys(found).archive is None
    assert "archive" in server.keys(found).channels
    assert "会话存档：只收下回调，没有 sdk_path" in running._surfaces(found)


def test_with_a_library_it_is_on(tmp_path):
    found = parsed(tmp_path, 'sdk_path = "lib.so"\nsecret = "x"\nprivate_keys = ["a.pem"]\n'
                             'proxy = "http://p:1"\ntimeout_s = 5\nevery_s = 60')  # fmt: skip

    setup = server.keys(found).archive

    assert (setup.path, setup.keys) == (str(tmp_path / "lib.so"), {1: str(tmp_path / "a.pem")})
    assert (setup.proxy, setup.timeout_s, setup.every_s) == ("http://p:1", 5, 60)
    assert "会话存档：开（SDK）" in running._surfaces(found)


# Doctor


@pytest.fixture
def doctor(run, company):
    """What doctor says of the archive with these settings."""
    plain = (company / "config.toml").read_text(encoding="utf-8")

    def check(archive):
        (company / "config.toml").write_text(IDS + archive + "\n" + plain, encoding="utf-8")
        rows = json.loads(run("doctor", "--json").stdout)
        return next((row for row in rows if row["name"] == "会话存档"), None)

    return check


def section(path, *private):
    return (f'[wecom.archive]\nsecret = "x"\nsdk_path = {json.dumps(str(path))}\n'
            f"private_keys = {json.dumps([str(one) for one in private])}")  # fmt: skip


def test_doctor_is_silent_about_an_archive_that_is_off(doctor):
    assert doctor("") is None


def test_doctor_says_that_only_the_bell_is_taken(doctor):
    assert doctor("[wecom.archive]")["state"] == "warn"


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
@pytest.mark.parametrize(
    ("mood", "key", "state", "said", "cure"),
    [
        ("", "v1.pem", "ok", "私钥有第 1 版", ""),
        ("", "none.pem", "bad", "读不到", "PEM"),
        ("init 10009", "v1.pem", "bad", "10009", "可信 IP"),
        ("init 10000", "v1.pem", "bad", "10000", "secret"),
    ],
)
def test_doctor_tries_keys_and_library(doctor, tape, mood, key, state, said, cure):
    tape.mood(mood)

    row = doctor(section(tape.path, tape.folder / key))

    assert row["state"] == state
    assert said in row["said"]
    assert cure in row["cure"]


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_doctor_tells_which_keys_messages_wait_for(run, company, doctor, tape):
    store = opened(company)
    store.migrate()
    for n in (1, 2):
        archive.seal(store, archive.Sealed(f"m{n}", n, 3, "k", "b", archive.NO_KEY), demo.START)
    store.close()

    assert doctor(section(tape.path, tape.folder / "v1.pem"))["state"] == "ok"

    rows = json.loads(run("doctor", "--json").stdout)
    assert "第 3 版 2 条" in next(row["said"] for row in rows if row["name"] == "封存消息")


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_doctor_knows_a_library_that_is_not_the_archive_s(doctor, tape, stranger):
    row = doctor(section(stranger, tape.folder / "v1.pem"))

    assert row["state"] == "bad"
    assert "sdk_path" in row["cure"]
