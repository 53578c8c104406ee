"""The command line: what each command answers, its exit code, and errors of one sentence."""

import csv
import json
import shutil
import sqlite3

import click
import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.commands import run as running
from bot.config import Config, Wecom
from bot.sandbox import demo
from storage import customers, inbox, outbox
from storage.schema import migrations
from storage.sqlite import Sqlite

NOW = demo.START
AT = ["--at", "2026-03-07T08:45"]


@pytest.fixture
def company(tmp_path, demo_store):
    """A configuration with the demo's people, and its store."""
    store = tmp_path / "var" / "salesbot.db"
    store.parent.mkdir()
    shutil.copy(demo_store, store)
    lines = ['[nlp]\nown_brands = ["青屿"]']
    for s in demo.STORES:
        lines.append(f'[[stores]]\nid = "{s.id}"\nname = "{s.name}"')
    for a in demo.ADVISORS:
        lines.append(f'[[advisors]]\nuserid = "{a.userid}"\nname = "{a.name}"\nstore = "{a.store}"')
    for m in demo.MANAGERS:
        stores = json.dumps(list(m.stores))
        lines.append(f'[[managers]]\nuserid = "{m.userid}"\nname = "{m.name}"\nstores = {stores}')
    (tmp_path / "config.toml").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in a directory of its own; what it answered."""
    monkeypatch.chdir(tmp_path)

    def command(*words, stdin=None):
        done = CliRunner().invoke(main, [str(w) for w in words], input=stdin)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output
        return done

    return command


def opened(company):
    return Sqlite(company / "var" / "salesbot.db")


# Every command


def commands(group=main, at=""):
    found = click.Context(group)
    for name in group.list_commands(found):
        command = group.get_command(found, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{at}{name} ")
        else:
            yield f"{at}{name}"


@pytest.mark.parametrize("name", list(commands()))
def test_every_command_explains_itself(run, name):
    done = run(*name.split(), "--help")

    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) > 3


WITHOUT_CONFIG = [
    ["serve"], ["doctor"], ["migrate"], ["backup", "x.db"], ["replay"], ["suggest"],
    ["digest", "--for", "chen"], ["customers", "show", "王女士", "--for", "zhang"],
    ["followups", "due", "--for", "zhang"], ["scripts", "import"],
]  # fmt: skip


@pytest.mark.parametrize("words", WITHOUT_CONFIG, ids=" ".join)
def test_without_a_configuration_one_sentence_says_what_to_do(run, words):
    done = run(*words, stdin="")

    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "config.toml" in done.stderr
    assert "salesbot sandbox" in done.stderr


WITHOUT_STORE = [
    words for words in WITHOUT_CONFIG if words[0] not in ("serve", "doctor", "migrate")
]


@pytest.mark.parametrize("words", WITHOUT_STORE, ids=" ".join)
def test_without_a_store_one_sentence_says_what_to_do(run, tmp_path, words):
    (tmp_path / "config.toml").write_text("")

    done = run(*words, stdin="")

    assert done.exit_code == 1
    assert "salesbot migrate" in done.stderr
    assert not (tmp_path / "var").exists()


WRONG_USE = [
    ["dance"], ["digest"], ["customers", "show"], ["sandbox", "--port", "many"],
    ["sandbox", "--script", "nowhere.txt"], ["tag", "nowhere.jsonl"],
    ["restore", "nowhere.db"], ["suggest", "--bank", "nowhere.jsonl"],
]  # fmt: skip


@pytest.mark.parametrize("words", WRONG_USE, ids=" ".join)
def test_wrong_use_is_told_on_the_error_stream_with_code_2(run, words):
    done = run(*words, stdin="")

    assert done.exit_code == 2
    assert done.stderr


def test_a_broken_lexicon_is_told_by_file(run, company):
    folder = company / "words"
    folder.mkdir()
    (folder / "concerns.toml").write_text("this is [no toml")
    text = (company / "config.toml").read_text(encoding="utf-8")
    (company / "config.toml").write_text(text.replace("[nlp]", '[nlp]\nlexicon = "words"'))

    done = run("digest", "--for", "chen", *AT)

    assert done.exit_code in (1, 2)
    assert ".toml" in done.stderr


# The store


def test_migrate_creates_the_store_and_says_what_it_did(run, tmp_path):
    (tmp_path / "config.toml").write_text("")

    listed = run("migrate", "--list")
    first = run("migrate")
    second = run("migrate")

    assert "待执行 0001" in listed.stdout
    assert "已执行 0001" in first.stdout
    assert second.stdout == "数据库已是最新。\n"


def test_an_older_store_must_be_migrated_first(run, company):
    store = company / "var" / "salesbot.db"
    store.unlink()
    old = Sqlite(store)
    migrations.apply(old._db, stop_before="0003 scripts")
    old.close()

    done = run("customers", "show", "王女士", "--for", "zhang")

    assert done.exit_code == 1
    assert "salesbot migrate" in done.stderr


def test_a_backup_is_checked_and_never_overwritten(run, company):
    first = run("backup", "copy.db")
    again = run("backup", "copy.db")

    assert first.exit_code == 0
    assert "核对完好" in first.stdout
    assert again.exit_code == 1
    assert "已存在" in again.stderr
    assert run("backup", "no/such/place/copy.db").exit_code == 1


def test_a_restore_brings_the_backup_back_and_keeps_what_was_there(run, company):
    run("backup", "copy.db")
    store = opened(company)
    store.run("update customers set name = '坏' where id = 'wang'")
    outbox.put(store, parcel_id="p", cause="c", kind="text", target="zhang", body="{}",
               digest="d", now=NOW)  # fmt: skip
    kept_open = store.rows("select 1")  # the newest rows are still in the write-ahead log

    done = run("restore", "copy.db")

    assert kept_open
    assert done.exit_code == 0
    restored = opened(company)
    assert customers.get(restored, "wang").name == "王女士"
    restored.close()
    store.close()
    (before,) = [p for p in (company / "var").iterdir() if ".before-" in p.name
                 and not p.name.endswith(("-wal", "-shm"))]  # fmt: skip
    old = Sqlite(before)
    assert customers.get(old, "wang").name == "坏"
    old.close()


def test_after_a_restore_nothing_that_waited_is_sent_by_itself(run, company):
    store = opened(company)
    outbox.put(store, parcel_id="p", cause="c", kind="text", target="zhang", body="{}",
               digest="d", now=NOW)  # fmt: skip
    store.close()
    run("backup", "copy.db")

    done = run("restore", "copy.db")

    assert "1 条待发消息" in done.stdout
    store = opened(company)
    assert outbox.due(store, NOW) == []
    store.close()


def test_a_backup_of_an_older_program_can_be_restored(run, company):
    old = Sqlite(company / "old.db")
    migrations.apply(old._db, stop_before="0005 digests")
    old.close()

    done = run("restore", "old.db")

    assert done.exit_code == 0
    store = opened(company)
    assert store.pending() == []
    store.close()


@pytest.mark.parametrize("content", [b"", b"not a database" * 99])
def test_what_is_no_backup_is_not_restored(run, company, content):
    (company / "x.db").write_bytes(content)

    done = run("restore", "x.db")

    assert done.exit_code == 1
    store = opened(company)
    assert customers.get(store, "wang") is not None
    store.close()


# Replay


@pytest.fixture
def failed(company):
    store = opened(company)
    inbox.keep(store, inbox.Kept("app:1", "app", "zhang", "<xml/>"), NOW)
    inbox.failed(store, "app:1", "KeyError: 'stage'")
    outbox.put(store, parcel_id="p1", cause="c", kind="text", target="lina", body="{}",
               digest="d", now=NOW)  # fmt: skip
    outbox.dead(store, "p1", "81013 user invalid")
    store.close()
    return company


def test_replay_shows_what_failed_in_and_out(run, failed):
    rows = json.loads(run("replay", "--json").stdout)

    assert [(r["lane"], r["error"]) for r in rows] == [
        ("zhang", "KeyError: 'stage'"), ("lina", "81013 user invalid")
    ]  # fmt: skip
    assert "KeyError" in run("replay").stdout


def test_replay_puts_it_back_in_line(run, failed):
    dry = run("replay", "--failed", "--dry-run", "--json")
    done = run("replay", "--failed")

    assert dry.exit_code == done.exit_code == 0
    assert "1 条消息排回队列，1 条发送再试一轮" in done.stdout
    store = opened(failed)
    assert inbox.depth(store) == 1
    assert outbox.depth(store)["waiting"] == 1
    store.close()


# What a person would see


def test_the_card_of_a_customer(run, company):
    done = run("customers", "show", "王女士", "--for", "zhang", *AT)
    data = json.loads(run("customers", "show", "王女士", "--for", "zhang", *AT, "--json").stdout)

    assert done.exit_code == 0
    assert done.stdout.startswith("王女士｜")
    assert data["card"][0].startswith("王女士｜")
    assert data["tags"]


def test_another_advisor_s_customer_is_not_shown(run, company):
    store = opened(company)
    store.run("update customers set name = 'Zoe' where id = 'wang'")
    store.close()

    done = run("customers", "show", "Zoe", "--for", "he", *AT)

    assert done.exit_code == 1
    assert "Zoe" in done.stderr
    assert run("customers", "show", "Zoe", "--for", "chen", *AT).exit_code == 0


def test_what_is_due(run, company):
    rows = json.loads(run("followups", "due", "--for", "zhang", *AT, "--json").stdout)

    assert rows
    assert all(r["customer"] and r["why"] and r["say"] for r in rows)
    assert rows[0]["customer"] in run("followups", "due", "--for", "zhang", *AT).stdout


def test_the_digest_and_its_picture(run, company):
    done = run("digest", "--for", "chen", *AT, "--picture", "d.png")
    evening = run("digest", "--for", "chen", "--at", "2026-03-06T18:00")
    data = json.loads(run("digest", "--for", "chen", *AT, "--json").stdout)

    assert done.stdout.startswith("【早报】")
    assert evening.stdout.startswith("【晚报】")
    assert (company / "d.png").read_bytes()[:4] == b"\x89PNG"
    assert data["parts"]


def test_only_managers_have_digests(run, company):
    done = run("digest", "--for", "zhang", *AT)

    assert done.exit_code == 2
    assert "chen" in done.stderr


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01"])
def test_a_time_that_is_none_is_told_with_an_example(run, company, at):
    done = run("digest", "--for", "chen", "--at", at)

    assert done.exit_code == 2
    assert "2026-03-06T08:45" in done.stderr


# Understanding and scripts, without any configuration


def test_tag_reads_lines_and_answers_in_order(run):
    lines = ['{"id": "a", "text": "有点贵"}', "no json", '{"text": "续航怎么样"}']

    done = run("tag", stdin="\n".join(lines))
    rows = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.exit_code == 1
    assert [row["id"] for row in rows] == ["a", 1, 2]
    assert rows[0]["concerns"][0]["code"] == "price"
    assert "error" in rows[1]


def test_tag_answers_a_line_that_is_no_utf_8(run):
    done = run("tag", stdin=b'{"text": "\xff\xfe"}\n{"text": "\xe8\xb4\xb5"}\n')

    assert len(done.stdout.splitlines()) == 2


def test_tag_of_nothing_is_nothing(run):
    done = run("tag", stdin="")

    assert (done.exit_code, done.stdout) == (0, "")


def test_tag_explains_under_the_words(run):
    assert "价格" in run("tag", "--explain", stdin='{"text": "有点贵"}').stdout


def test_suggest_ranks_a_bank_without_any_configuration(run, tmp_path):
    bank = [
        {"id": "r", "q": "冬天续航怎么样", "a": "打八折"},
        {"id": "p", "q": "能便宜吗", "a": "不能"},
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in bank)
    (tmp_path / "bank.jsonl").write_text(text, encoding="utf-8")

    done = run("suggest", "--bank", "bank.jsonl", "-k", "1", stdin='{"q": "冬天能跑多远，续航"}')

    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert [s["id"] for s in row["suggestions"]] == ["r"]


def test_scripts_come_in_and_go_out(run, tmp_path):
    (tmp_path / "config.toml").write_text("")
    run("migrate")

    first = run("scripts", "import")
    second = run("scripts", "import")
    out = run("scripts", "export", "out.xlsx")
    back = run("scripts", "import", "out.xlsx")

    assert "没变 0。" in first.stdout
    assert "新增 0，改动 0" in second.stdout
    assert out.exit_code == 0
    assert "新增 0，改动 0" in back.stdout
    assert run("scripts", "export", "out.doc").exit_code == 2


def test_a_broken_row_is_told_by_file_row_and_column_and_nothing_is_imported(run, tmp_path):
    (tmp_path / "config.toml").write_text("")
    run("migrate")
    run("scripts", "import")
    run("scripts", "export", "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        head, good, *_ = csv.reader(file)
    with (tmp_path / "bad.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, [good[0], "改过", *good[2:]], [good[0]]])

    done = run("scripts", "import", "bad.csv")

    assert done.exit_code == 1
    assert "bad.csv 第3行 “" in done.stderr
    assert "改动 0" in run("scripts", "import").stdout


# The sandbox


def test_a_conversation_file_is_played(run, tmp_path):
    (tmp_path / "play.txt").write_text("advisor zhang: 帮助\n", encoding="utf-8")

    done = run("sandbox", "--script", "play.txt", "--empty")

    assert done.exit_code == 0
    assert done.stdout.startswith("-> zhang: 我能帮你做这些：")


def test_a_conversation_file_with_a_wrong_line_is_not_played(run, tmp_path):
    (tmp_path / "play.txt").write_text("advisor zhang: 帮助\nadvisor nobody: 在吗\n")

    done = run("sandbox", "--script", "play.txt")

    assert done.exit_code == 2
    assert "第2行" in done.stderr
    assert done.stdout == ""


def test_serve_asks_for_postgresql_when_split_in_roles(run, company):
    done = run("serve", "--role", "web")

    assert done.exit_code == 2
    assert "PostgreSQL" in done.stderr


def test_doctor_tells_each_check_with_its_cure(run, company):
    done = run("doctor", "--json")

    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.exit_code == 1  # there is no identity
    assert rows["存储"]["state"] == "ok"
    assert rows["字体"]["state"] == "ok"
    assert rows["人员"]["said"] == "3家店，8位顾问，3位经理"
    assert rows["身份"]["state"] == "bad"
    assert rows["身份"]["cure"]


def test_doctor_sees_a_damaged_store(run, company):
    file = company / "var" / "salesbot.db"
    size = file.stat().st_size
    with file.open("r+b") as damaged:
        damaged.seek(size // 2)
        damaged.write(b"\xde\xad\xbe\xef" * 2048)

    rows = {row["name"]: row for row in json.loads(run("doctor", "--json").stdout)}

    assert rows["存储"]["state"] == "bad"
    assert "restore" in rows["存储"]["cure"]
    assert sqlite3.sqlite_version


def test_a_surface_that_is_not_served_yet_is_not_called_on():
    sections = {"kf": {}, "archive": {}, "aibot": {"mode": "websocket"}, "app": {"agent_id": 1}}
    config = Config(wecom=Wecom.model_validate(sections))

    said = running._surfaces(config)

    assert "自建应用：开" in said
    assert "微信客服：开" in said
    assert "智能机器人：开（长连接）" in said
    assert "会话存档：只收下回调" in said
    assert "客户联系：关（没有 [wecom.contact] 一节）" in said
