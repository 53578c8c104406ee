"""Ninety days of a store: nobody falls through, nobody is pestered, and it reads like a story."""

import os
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import ninety_digests
import pytest
from ninety import ADVISORS, DAYS, Life
from ninety_rules import living
from store_kit import memory

from bot.sandbox import demo, stage
from handlers import shifts
from handlers.team import Team
from handlers.values import Card, Send
from handlers.words import weekday
from storage import events, followups

GOLDEN = Path(__file__).parent / "golden" / "ninety-days.txt"
DIGESTS = GOLDEN.with_name("ninety-digests.txt")
TOLD = (0, 1, 2, 14, 20, 24, 35, 56, 89)  # days of the story


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Where the moments lie that managers read about."""
    return tmp_path_factory.mktemp("album")


@pytest.fixture(scope="module")
def life(album):
    """With a library of its own: other tests keep scripts of their own in the shared one."""
    store = memory()
    watch = ninety_digests.keeper(album)
    yield Life(store, stage.load(), demo.START.replace(hour=8), watch=watch).live()
    store.close()


def reminders(life, userid):
    """What told an advisor whom to contact, without those who wait: time, people, is it a list."""
    for shown in life.shown:
        a = shown.action
        if shown.to != userid:
            continue
        if isinstance(a, Send) and ("早上好" in a.text or "到点跟进" in a.text):
            rows = [line for line in a.text.splitlines() if line[:1].isdecimal()]
            yield shown.at, len(rows), "早上好" in a.text
        elif isinstance(a, Card) and (a.title.startswith("该联系") or "级吗" in a.title):
            yield shown.at, 1, False


def test_nobody_who_may_be_written_to_is_forgotten(life):
    assert life.late == []


def test_the_life_was_a_full_one(life):
    """The other tests prove nothing about a store in which nothing happens."""
    sql = "select kind, count(*) as n from events where undone_at is null group by kind"
    rows = {row["kind"]: row["n"] for row in life.db.rows(sql)}
    kinds = {kind for _, _, kind in life.claims}

    assert len(living(life)) + len(life.gone) == 120
    steps = ("到店", "试驾", "报价", "下订", "交付", "开口")
    assert min(rows[kind] for kind in steps) >= 3
    assert kinds >= {"cadence", "first_touch", "thanks", "call", "family", "quote_again", "owner1",
                     "rejudge", "decide", "fan", "waiting", "lead"}  # fmt: skip
    assert len(life.gone) >= 5
    assert any("（代" in str(s.action) for s in life.shown)
    assert any(s.to == "chen" and "没有人联系" in str(s.action) for s in life.shown)


@pytest.mark.parametrize("advisor", [a.userid for a in ADVISORS])
def test_no_advisor_gets_more_than_the_caps(life, advisor):
    found = list(reminders(life, advisor))

    assert max(n for _, n, morning in found if morning) <= 8
    assert max((n for _, n, morning in found if not morning), default=0) <= 5
    times = sorted({(at, morning) for at, n, morning in found if n})
    gaps = [later - at for (at, _), (later, morning) in pairwise(times) if not morning]
    assert min(gaps) >= timedelta(minutes=30)  # the list of the morning waits for nothing


def test_nobody_is_reminded_of_after_they_left(life):
    for at, customer, kind in life.claims:
        assert customer not in life.gone or at <= life.gone[customer], (at, customer, kind)
    for customer in life.gone:
        assert followups.open_of(life.db, customer) == []


def test_nothing_comes_outside_a_shift(life):
    for shown in life.shown:
        advisor = Team(life.settings).advisor(shown.to)
        if advisor is None:
            continue
        life.now = shown.at
        first, last = shifts.hours(advisor, life.ctx())
        assert first <= shown.at.time() < last, (shown.at, shown.to)
        assert weekday(shown.at.date()) not in advisor.rest, (shown.at, shown.to)


@pytest.mark.parametrize(("advisor", "first", "last"), [("zhang", 20, 23), ("wangq", 40, 43)])
def test_nothing_comes_on_leave(life, advisor, first, last):
    days = {(s.at.date() - life.start.date()).days for s in life.shown if s.to == advisor}

    assert not days & set(range(first, last + 1))


def test_who_was_moved_is_in_the_log_with_both_names(life):
    moved = [e for p in life.people if (e := events.last(life.db, p.id, "换顾问"))]

    assert all("→" in event.evidence and event.by_whom == "chen" for event in moved)


def story(life):
    """One advisor's day, as they read it."""
    for day in TOLD:
        date = life.start.date() + timedelta(days=day)
        yield f"# 第{day + 1}天 {date.month}月{date.day}日 {weekday(date)}\n"
        shown = [s for s in life.shown if s.to == "zhang" and s.at.date() == date]
        if not shown:
            yield "（这一天没有消息）\n"
        for s in shown:
            text = s.action.text if isinstance(s.action, Send) else _card(s.action)
            yield f"[{s.at:%H:%M}] {text}\n"


def _card(card):
    return f"【{card.title}】{card.text} " + "".join(f"［{b.text}］" for b in card.buttons)


def test_the_story_of_one_advisor(life):
    """Renew with SALESBOT_GOLDEN=1 pytest tests/test_ninety_days.py, and read what changed."""
    told = "\n".join(story(life))
    if os.environ.get("SALESBOT_GOLDEN"):
        GOLDEN.write_text(told, encoding="utf-8")

    assert told == GOLDEN.read_text(encoding="utf-8")
    assert len(TOLD) < DAYS


def test_what_three_managers_read(life, album):
    """Renew with SALESBOT_GOLDEN=1 pytest tests/test_ninety_days.py, and read what changed."""
    text = "".join(ninety_digests.read(album, life.knowledge))

    if os.environ.get("SALESBOT_GOLDEN"):
        DIGESTS.write_text(text, encoding="utf-8")
    assert text == DIGESTS.read_text(encoding="utf-8")


def test_the_brand_is_told_of_nobody(life, album):
    """Neither a customer nor one of the staff stands in what it reads."""
    told = [part for part in DIGESTS.read_text(encoding="utf-8").split("# ") if "品牌" in part[:30]]
    names = {p.name for p in life.people} | {a.name for a in ADVISORS}

    assert len(told) == len(ninety_digests.TOLD)
    assert {name for name in names for part in told if name in part} == set()
