"""The benchmarks measure what they say, on a few messages; no test looks at a speed."""

import json
import os
from itertools import islice

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.clock import WallClock
from bot.commands import bench
from bot.commands.bench_load import CHANNEL, _length, _words, callback
from bot.commands.figures import NotHere, Size
from bot.wecom import envelope

SMALL = Size(rounds=1, burst=40, limit_s=5.0, asked=4, starts=1, messages=40,
             members=20, customers=1500, inbox=2000, rate=20, seconds=2, stuck=20)  # fmt: skip


def delivered(raw):
    """The message inside a request, opened as the bot opens it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    query = dict(pair.split("=") for pair in head.split()[1].decode().partition("?")[2].split("&"))
    plain = envelope.open(CHANNEL, query, body, WallClock().now(), 3600)
    return envelope.identify("app", plain)


def test_the_load_is_genuine_and_no_two_messages_are_the_same():
    ids = [delivered(callback(n)).id for n in range(1, 9)]

    assert len(set(ids)) == 8


def test_every_fourth_message_is_a_customer_s_question():
    words = [_words(n) for n in range(1, 9)]

    assert words[:3] == words[4:7] == ["待办", "帮助", "客户 王女士"]
    assert words[3] != words[7]


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12", 12),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nDate: x", 0),
        (b"HTTP/1.1 200 OK\r\nDate: x", 0),
    ],
)
def test_the_length_of_an_answer_is_read_from_its_head(head, length):
    assert _length(head) == length


async def test_the_load_is_bounded_in_number_and_in_time():
    def endless():
        return (callback(1) for _ in iter(int, 1))

    async with bench.child("echo") as echo:
        rate, tally = await bench.load(echo.port, map(callback, range(1, 101)), 20.0)
        _, timed = await bench.load(echo.port, endless(), 0.2)

    assert rate > 0
    assert (tally.ok, tally.wrong, len(tally.waits)) == (100, 0, 100)
    assert timed.ok


async def test_answers_that_are_refusals_spoil_the_figure():
    broken = [request.replace(b"msg_signature=", b"msg_signature=0") for request in
              islice(map(callback, range(1, 10)), 3)]  # fmt: skip

    with pytest.raises(bench.BenchError):
        async with bench.child("api") as elsewhere:
            await bench.load(elsewhere.port, broken, 5.0)


async def test_a_child_that_cannot_start_is_told():
    with pytest.raises(bench.BenchError):
        async with bench.child("bot", "/dev/null/nowhere", "http://127.0.0.1:9", "keeps"):
            pass


SLOW = [name for name in bench.LONG if name != "rows"]  # several processes each: `make soak`
NAMES = [name for name in bench.BENCHES if name not in SLOW or "SALESBOT_BENCHES" in os.environ]
NAMES.remove("console")  # tests/test_console.py runs it


@pytest.mark.parametrize("name", NAMES)
async def test_every_bench_compares_two_things_of_one_run(name):
    try:
        figures = await bench.BENCHES[name][0](SMALL)
    except NotHere as why:
        pytest.skip(str(why))

    assert {f.bench for f in figures} == {name}
    assert figures[0].ratio
    assert figures[0].against


def test_one_bench_by_name_as_json(monkeypatch):
    async def quick(_):
        return [bench.Figure("ack", "做了什么", "1", 0.5, "别的")]

    monkeypatch.setitem(bench.BENCHES, "ack", (quick, "约 1 秒"))
    result = CliRunner().invoke(main, ["bench", "ack", "--json"])

    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["ratio"] == 0.5
    assert "约 1 秒" in result.stderr


def test_the_long_ones_run_by_name_or_when_everything_does(monkeypatch):
    ran = []

    def noted(name):
        async def quick(size):
            ran.append((name, size.seconds, size.rate))
            return [bench.Figure(name, "做了什么", "1", 0.5, "别的")]

        return quick

    for name in bench.BENCHES:
        monkeypatch.setitem(bench.BENCHES, name, (noted(name), "约 1 秒"))
    run = CliRunner().invoke
    assert run(main, ["bench"]).exit_code == 0
    assert [name for name, _, _ in ran] == [n for n in bench.BENCHES if n not in bench.LONG]
    ran.clear()
    run(main, ["bench", "--full"])
    assert [name for name, _, _ in ran] == list(bench.BENCHES)
    ran.clear()
    run(main, ["bench", "steady", "--full", "--seconds", "30"])
    run(main, ["bench", "steady", "--rate", "5"])
    assert ran == [("steady", 30, 600), ("steady", 20, 5)]


def test_an_unknown_bench_is_wrong_usage():
    assert CliRunner().invoke(main, ["bench", "everything"]).exit_code == 2


async def test_the_minute_of_a_large_store_is_measured():
    figures = await bench.ticks(Size(asked=2, customers=1500))

    assert [f.bench for f in figures] == ["ticks"] * 4
    assert all(f.ratio > 0 for f in figures)
