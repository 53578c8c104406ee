"""Settings: every key told by its full name when it is wrong, secrets never, defaults shipped."""

import re
import tomllib
from datetime import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot import config, server
from bot.cli import main
from bot.config import Config, ConfigError
from handlers.settings import Section, Settings

CANARY = "canary-7f3a9c"
KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
WECOM = """
[wecom]
corp_id = "ww1"
[wecom.app]
agent_id = 1
secret = "env:T_SECRET"
token = "env:T_TOKEN"
encoding_aes_key = "env:T_KEY"
"""

SHIPPED = Path(__file__).parent.parent / "config.toml"


def parsed(text):
    return config.parse(text, Path("config.toml"))


def complaint(text):
    with pytest.raises(ConfigError) as wrong:
        parsed(text)
    return str(wrong.value)


# What is wrong

WRONG = [
    ("[server]\nprot = 80", ["config.toml:2", "server.prot", "port"]),
    ("[followups]\nbatch_item = 3", ["config.toml:2", "followups.batch_item", "batch_items"]),
    ("[serverr]\nport = 80", ["config.toml:1", "serverr", "server"]),
    ("[server]\nport = \"eighty\"", ["config.toml:2", "server.port", "'eighty'"]),
    ("[server]\nport = 70000", ["server.port", "70000", "65535"]),
    ("[server]\ntimezone = \"Mars/Olympus\"", ["server.timezone", "Mars/Olympus", "时区"]),
    ("[tiers]\nactive_days = -1", ["tiers.active_days", "-1"]),
    ("[followups]\nmorning = \"quarter to nine\"", ["followups.morning", "quarter to nine"]),
    ("[scriptbank]\nsuggestions = 9", ["scriptbank.suggestions", "9", "5"]),
    ("[wecom.app]\nsecret = \"x\"", ["wecom.app.agent_id", "缺少"]),
    ("[wecom.aibot]\nmode = \"pigeon\"", ["wecom.aibot.mode", "pigeon"]),
    ("[[stores]]\nid = \"a\"\nname = \"A\"\n[[stores]]\nid = \"b\"\nnam = \"B\"",
     ["config.toml:6", "stores.1.nam", "name"]),
    ("[[advisors]]\nuserid = \"a\"\nname = \"A\"\nstore = \"s\"\nrest = [\"周八\"]",
     ["advisors.0.rest", "周八"]),
    ("settings = 1", ["settings", "未知"]),
    ("timezone = \"UTC\"", ["timezone", "未知"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[text for text, _ in WRONG])
def test_what_is_wrong_is_told_with_its_place_what_was_seen_and_what_is_allowed(text, told):
    said = complaint(text)

    assert [word for word in told if word not in said] == []


def test_every_problem_is_told_at_once():
    said = complaint('[server]\nprot = 1\n[tiers]\nactive_days = "x"')

    assert len(said.splitlines()) == 2


def test_a_file_that_is_no_toml_says_where(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("[server\nport = 80")

    with pytest.raises(ConfigError, match=r"line 1"):
        config.load(file)


@pytest.mark.parametrize("content", [b"\xff\xfe[server]", None])
def test_a_file_that_cannot_be_read_says_so(tmp_path, content):
    file = tmp_path / "config.toml"
    if content:
        file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"config\.toml"):
        config.load(file)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading(text):
    try:
        parsed(text)
    except (ConfigError, tomllib.TOMLDecodeError) as wrong:
        assert str(wrong)  # noqa: PT017


# Secrets

LEAKS = [
    f'[wecom.app]\nagent_id = 1\nsecrets = "{CANARY}"',
    f'[wecom.app]\nagent_id = 1\nsecret = ["{CANARY}"]',
    f'[wecom.app]\nagent_id = 1\ntoken = {{ value = "{CANARY}" }}',
    f'[wecom.app]\nsecret = "{CANARY}"\nagent_id = "x"',
    f'[wecom.contact]\nencoding_aes_key = ["{CANARY}"]',
    f'[wecom.archive]\nprivate_keys = "{CANARY}"',
    f'[wecom]\napp = {{ agent_id = 1, secret = "{CANARY}", colour = 1 }}',
    f'[storage]\nurl = ["{CANARY}"]',
]


@pytest.mark.parametrize("text", LEAKS)
def test_a_secret_is_in_no_complaint(text):
    assert CANARY not in complaint(text)


def test_a_password_in_the_store_s_address_is_in_no_complaint():
    found = parsed(f'[storage]\nurl = "postgresql://bot:{CANARY}@host/db"')

    with pytest.raises(ConfigError) as wrong:
        found.database()
    assert CANARY not in str(wrong.value)
    assert "postgresql" in str(wrong.value)


def test_a_secret_does_not_print():
    found = parsed(WECOM.replace("env:T_SECRET", CANARY))

    assert CANARY not in repr(found)
    assert CANARY not in str(found.wecom.app)
    assert found.wecom.app.secret.get("wecom.app.secret") == CANARY


def test_a_wrong_key_is_told_by_its_length_only(monkeypatch):
    for name in ("T_SECRET", "T_TOKEN", "T_KEY"):
        monkeypatch.setenv(name, CANARY)

    with pytest.raises(ConfigError) as wrong:
        server.keys(parsed(WECOM))
    assert CANARY not in str(wrong.value)
    assert "43" in str(wrong.value)


def test_an_unset_variable_is_named_with_its_cure():
    with pytest.raises(ConfigError, match=r"wecom\.app\.token.*T_TOKEN.*export"):
        server.keys(parsed(WECOM))


def test_an_empty_token_is_refused(monkeypatch):
    text = WECOM.replace('"env:T_TOKEN"', '""')
    monkeypatch.setenv("T_KEY", KEY)

    with pytest.raises(ConfigError, match=r"wecom\.app\.token 是空的"):
        server.keys(parsed(text))


def test_without_an_identity_the_sandbox_is_recommended():
    with pytest.raises(ConfigError, match="salesbot sandbox"):
        server.keys(parsed(""))


def test_what_a_channel_leaves_out_is_the_app_s(monkeypatch):
    for name, value in (("T_SECRET", "s"), ("T_TOKEN", "t"), ("T_KEY", KEY)):
        monkeypatch.setenv(name, value)

    ids = server.keys(parsed(WECOM + '[wecom.contact]\ntoken = "own"\n[wecom.kf]\n'))

    assert {name: c.token for name, c in ids.channels.items()} == {
        "app": "t", "contact": "own", "kf": "t"
    }  # fmt: skip


@pytest.mark.parametrize("command", [["serve"], ["doctor"], ["migrate"], ["digest", "--for", "x"]])
def test_no_command_prints_a_secret_when_the_file_is_wrong(tmp_path, command):
    file = tmp_path / "config.toml"
    file.write_text(f'[wecom.app]\nagent_id = "x"\nsecret = "{CANARY}"\ntokn = "{CANARY}"')

    done = CliRunner().invoke(main, ["--config", str(file), *command])

    assert done.exit_code == 2
    assert CANARY not in done.output
    assert "wecom.app.tokn" in done.stderr


# What is shipped


def shipped():
    """The file with its commented-out sections switched on."""
    text = SHIPPED.read_text(encoding="utf-8")
    return re.sub(r"^# ?(?=\[|\w+ = )", "", text, flags=re.M)


def keys(model, at=""):
    """Every setting there is, by its full name."""
    for name, field in model.model_fields.items():
        inner = config._model(field.annotation)
        if inner is not None:
            yield from keys(inner, f"{at}{name}.")
        else:
            yield f"{at}{name}"


def written(data, at=""):
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from written(value, f"{at}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from written(value[0], f"{at}{name}.")
        else:
            yield f"{at}{name}"


# What a channel may leave out stands in the file once, under [wecom.contact].
INHERITED = {f"wecom.{c}.{k}" for c in ("kf", "archive", "aibot")
             for k in ("secret", "token", "encoding_aes_key")}  # fmt: skip
INSIDE = {"folder", "timezone", "reach.link", "reach.robots", "reach.pages"}


def test_every_setting_stands_in_the_shipped_file_and_none_that_is_not():
    known = {k for k in keys(Config) if not k.startswith("settings.")} | set(keys(Settings))
    found = set(written(tomllib.loads(shipped())))
    # A table of one's own keys is one setting; a list of tables may stand empty.
    found = {next((k for k in known if f.startswith(f"{k}.")), f) for f in found}
    empty = {k for k in known for f in found if k.startswith(f"{f}.")}

    assert {f for f in found - known if not any(k.startswith(f"{f}.") for k in known)} == set()
    assert known - found - empty - INHERITED - INSIDE == set()


def test_the_shipped_values_are_the_defaults():
    found = config.load(SHIPPED)
    plain = found.model_copy(update={"folder": Path()})

    assert plain.model_dump(exclude={"wecom"}) == Config().model_dump(exclude={"wecom"})
    assert plain.wecom == Config().wecom


def test_the_shipped_file_is_right_with_everything_switched_on():
    found = config.parse(shipped(), SHIPPED)

    assert found.wecom.aibot.name == "小福"
    assert [s.id for s in found.settings.stores] == ["bj-cy"]


def test_settings_are_taken_over():
    found = parsed('[server]\ntimezone = "UTC"\n[followups]\nmorning = "09:10"\n')

    assert found.settings.timezone == "UTC"
    assert found.settings.followups.morning == time(9, 10)


def test_paths_are_relative_to_the_file():
    found = config.parse("", Path("/etc/bot/config.toml"))

    assert found.database() == Path("/etc/bot/var/salesbot.db")


def test_own_files_are_found_from_any_folder():
    own = '[sop]\nplans = "plans"\n[lost]\nreasons = "/srv/reasons.toml"\n'

    found = config.parse(own, Path("/etc/bot/config.toml")).settings

    assert found.sop.plans == "/etc/bot/plans"
    assert found.lost.reasons == "/srv/reasons.toml"
    assert found.group_sop.plans == ""


def test_sections_cannot_be_changed_after_reading():
    with pytest.raises(ValueError, match="frozen"):
        Settings().tiers.active_days = 3
    assert issubclass(Settings, Section)
