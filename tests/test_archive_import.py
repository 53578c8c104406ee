"""events import: what is checked, counted and kept, and what the pipeline makes of it."""

# ruff: noqa: F401, F811 -- the fixtures of the command line are taken over as they are
import json

import pytest
from test_cli import company, opened, run

from bot import alone
from bot.commands import events as command
from storage import customers

AT = 1771549200000  # 2026-02-20, two weeks before the demo's day


def line(n, words="好的", **more):
    return {"msgid": f"m{n}", "action": "send", "from": "wang", "tolist": ["zhang"], "roomid": "",
            "msgtime": AT + n * 60_000, "msgtype": "text", "text": {"content": words},
            **more}  # fmt: skip


def file(folder, *found):
    path = folder / "chats.jsonl"
    texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in found]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def body(done):
    return json.loads(done.stdout)


def kept(company):
    store = opened(company)
    rows = store.rows("select id, state from inbox where body like '{%msgid%' order by seq")
    store.close()
    return [(row["id"].removeprefix("archive:"), row["state"]) for row in rows]


def test_imported_lines_are_read_like_those_that_are_pulled(run, company):
    done = run("events", "import", file(company, line(1, "S6冬天续航怎么样"), line(2, "有点贵")))

    assert done.exit_code == 0
    assert "新的 2 条" in done.stdout
    assert "已处理完" in done.stdout
    store = opened(company)
    talk = [row["text"] for row in customers.talk(store, "wang") if row["source"] == "archive"]
    store.close()
    assert sorted(talk) == ["S6冬天续航怎么样", "有点贵"]
    assert kept(company) == [("m1", "done"), ("m2", "done")]


def test_a_second_import_counts_duplicates_and_changes_nothing(run, company):
    path = file(company, line(1, "有点贵"), line(2), line(2))
    first = body(run("events", "import", path, "--json"))
    store = opened(company)
    before = store.rows("select * from tags order by customer, kind, code")
    store.close()

    second = body(run("events", "import", path, "--json"))

    store = opened(company)
    assert store.rows("select * from tags order by customer, kind, code") == before
    store.close()
    assert (first["new"], first["duplicates"]) == (2, 1)
    assert (second["new"], second["duplicates"]) == (0, 3)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "不是 JSON：{…；应为一行一个消息对象"),
        ("[1]", "应为一个消息对象"),
        (line(1, msgid=""), "msgid 是空的，应为非空的文字"),
        (line(1, msgid="x" * 300), "应不超过 200"),
        (line(1, action="sent"), "action 是 sent ，应为 send、recall、switch"),
        (line(1, tolist="zhang"), "tolist 是 zhang ，应为"),
        (line(1, msgtime="昨天"), "msgtime 是 昨天 ，应为毫秒整数"),
        (line(1, msgtime=True), "msgtime 是 true ，应为毫秒整数"),
        (line(1, roomid=3), "roomid 是 3 ，应为文字"),
        (line(1, text={}), "text.content 是空的，应为文字"),
        (line(1, msgtype="revoke"), "revoke 是空的，revoke 消息应有"),
        (line(1, msgtype="agree", agree={"userid": 1}), "agree.userid 是 1 ，应为非空的文字"),
        ({"msgid": "s", "action": "switch", "time": 1}, "user 是空的，应为非空的文字"),
        ('{"msgid": "m", "action": "send", "from": "a", "msgtype": "x", "msgtime": 1,'
         ' "tolist": [], "note": "\\ud800"}', "半个字符"),
    ],
)  # fmt: skip
def test_a_bad_line_is_told_with_its_number_and_the_others_come_in(run, company, bad, said):
    done = run("events", "import", file(company, line(7), bad, line(8)))

    assert done.exit_code == 1
    assert "第 2 行：" in done.stderr
    assert said in done.stderr
    assert [name for name, _ in kept(company)] == ["m7", "m8"]


def test_every_kind_of_the_sheet_is_let_in(run, company):
    found = [line(1), line(2, msgtype="image", image={"sdkfileid": "x"}),
             line(3, msgtype="markdown", info={"content": "x"}),
             line(4, msgtype="revoke", action="recall", revoke={"pre_msgid": "m1"}),
             line(5, msgtype="disagree", disagree={"userid": "wang", "disagree_time": AT}),
             {"msgid": "s", "action": "switch", "time": AT, "user": "zhang"},
             line(6, msgtype="brandnew", brandnew={"x": 1}), line(7, msgtime=0)]  # fmt: skip

    done = body(run("events", "import", file(company, *found), "--json"))

    assert (done["new"], done["bad"], done["failed"]) == (8, 0, 0)


def test_a_trial_writes_nothing(run, company):
    path = file(company, line(1), line(1), "{", line(2))

    done = run("events", "import", path, "--dry-run", "--json")

    assert done.exit_code == 1
    assert (body(done)["new"], body(done)["duplicates"], body(done)["bad"]) == (2, 1, 1)
    assert body(done)["problems"][0]["line"] == 3
    assert kept(company) == []


def test_standard_input_is_read_too(run, company):
    text = json.dumps(line(1)) + "\n\n" + json.dumps(line(2))

    done = body(run("events", "import", "-", "--json", stdin=text))

    assert (done["lines"], done["new"]) == (3, 2)


def test_a_running_server_is_left_the_work(run, company):
    with alone.held(company / "var" / "salesbot.db") as first:
        done = run("events", "import", file(company, line(1)))

    assert first
    assert "正在运行的服务会处理" in done.stdout
    assert kept(company) == [("m1", "new")]


def test_a_file_that_is_not_there_is_a_wrong_use(run, company):
    done = run("events", "import", "none.jsonl")

    assert done.exit_code == 2
    assert "读不到 none.jsonl" in done.stderr


def test_other_encodings_and_endless_lines_are_told(run, company, monkeypatch):
    monkeypatch.setattr(command, "LONGEST", 1000)
    path = company / "chats.jsonl"
    good = json.dumps(line(1)).encode()
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\n\xff\xfe\n" + b"x" * 2500 + b"\n"
                     + json.dumps(line(2)).encode())  # fmt: skip

    done = body(run("events", "import", path, "--json"))

    assert (done["new"], [p["line"] for p in done["problems"]]) == (2, [2, 3])
    assert "UTF-8" in done["problems"][0]["said"]


def test_many_problems_are_told_in_few_lines(run, company):
    done = run("events", "import", file(company, *["{"] * 50))

    assert len(done.stderr.splitlines()) == command.SHOWN + 1
    assert "还有 30 行也有问题" in done.stderr
