"""Two scripts tried against each other: sticky arms, counts, harm, and a person's decision."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import housekeeping, library, trials
from handlers.library import Refused
from handlers.settings import Access
from handlers.values import Send
from scriptbank.trial import Arm, arm_of, interval, judge, wilson
from storage import customers, events, scripts
from storage.customers import Customer

A, B = "range-winter", "range-winter-data"


# The counts


def test_a_customer_stays_in_one_arm_and_both_are_filled():
    arms = Counter(arm_of("t1", f"c{n}") for n in range(2000))

    assert arm_of("t1", "c7") == arm_of("t1", "c7")
    assert 900 < arms["a"] < 1100


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090)],
)
def test_the_interval_is_newcombes(a, b, low, high):
    """The worked examples (a) and (b) of his paper of 1998, method 10; there it is a − b."""
    found = interval(Arm(b[1], b[0]), Arm(a[1], a[0]))

    assert found == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500), st.integers(0, 500))
def test_a_share_lies_in_its_interval(whole, part):
    part = min(part, whole)
    low, high = wilson(part, whole)

    assert 0 <= low <= part / whole + 1e-9
    assert part / whole - 1e-9 <= high <= 1


@pytest.mark.parametrize(
    ("a", "b", "state"),
    [
        (Arm(29, 2), Arm(200, 190), "waiting"),
        (Arm(40, 10), Arm(40, 30), "b"),
        (Arm(40, 30), Arm(40, 10), "a"),
        (Arm(40, 20), Arm(40, 22), "even"),
        (Arm(40, 20, 0), Arm(40, 20, 12), "harm"),
        (Arm(40, 20, 1), Arm(40, 20, 3), "even"),
    ],
)
def test_what_may_be_said(a, b, state):
    assert judge(a, b, 30).state == state


# In use


@pytest.fixture
def trial(talk):
    library.save(talk.db, talk.knowledge.bank.all(), talk.now)
    return trials.start(A, B, talk.ctx(), tier="", stage="", arm=30, by="运营")


def test_a_customer_is_shown_only_their_own_arm(talk, trial):
    other = B if arm_of(trial.id, "wang") == "a" else A

    talk.says("zhang", "客户王女士问：S6 冬天续航怎么样")
    for _ in range(3):
        talk.says("zhang", "换一批")

    shown = {r["script"] for r in talk.db.rows("select script from script_uses")}
    assert other not in shown


@pytest.fixture
def operated(talk):
    talk.settings = talk.settings.model_copy(update={"access": Access(operators=("op",))})
    return talk


def serve(talk, trial, n, replies):
    """Each customer gets the script of their arm; every `replies`-th of arm b answers."""
    for k in range(n):
        key = f"c{k}"
        customers.add(talk.db, Customer(id=key, name=f"客户{k}", store="bj-cy", owner="zhang",
                                        added_at=talk.now))  # fmt: skip
        script = A if arm_of(trial.id, key) == "a" else B
        scripts.shown(talk.db, ids=[(f"u{k}", script)], advisor="zhang", customer=key,
                      question="续航", now=talk.now)  # fmt: skip
        scripts.outcome(talk.db, f"u{k}", "adopted")
        if script == replies:
            scripts.replied(talk.db, key, talk.now + timedelta(hours=1), talk.now)


def test_when_both_arms_are_full_the_better_one_is_proposed_and_a_person_decides(operated, trial):
    talk = operated
    serve(talk, trial, 120, replies=B)
    talk.now += timedelta(days=3)

    said = [a for a in trials.tick(talk.ctx()) if isinstance(a, Send)]
    assert "建议用 B" in said[0].text
    assert library.known(talk.db, A).status == "发布"

    stopped = trials.decide(trial.id, "b", talk.ctx(), "运营")
    assert (stopped.id, stopped.status) == (A, "停用")
    with pytest.raises(Refused):
        trials.decide(trial.id, "b", talk.ctx(), "运营")


def test_the_night_looks_at_every_trial(operated, trial):
    serve(operated, trial, 120, replies=B)
    list(housekeeping.tick(operated.ctx()))
    operated.now += timedelta(days=3)

    said = [a.text for a in housekeeping.tick(operated.ctx()) if isinstance(a, Send)]

    assert any("建议用 B" in text for text in said)


def test_sendings_that_have_not_had_their_time_are_not_counted(talk, trial):
    serve(talk, trial, 120, replies=B)

    assert trials.standing(trial, talk.ctx()).a.sent == 0


def test_a_script_that_makes_people_leave_is_stopped_early(operated, trial):
    talk = operated
    serve(talk, trial, 60, replies=A)
    for k in range(60):
        if arm_of(trial.id, f"c{k}") == "b":
            events.add(talk.db, event_id=f"e{k}", customer=f"c{k}", kind="退订",
                       when=talk.now + timedelta(hours=2), source="message")  # fmt: skip
    talk.now += timedelta(days=3)

    said = [a.text for a in trials.tick(talk.ctx()) if isinstance(a, Send)]
    assert "B 引起的投诉和退订明显更多" in said[0]
    assert list(trials.tick(talk.ctx())) == []


@pytest.mark.parametrize(
    ("a", "b", "arm", "why"),
    [(A, A, 30, "要不一样"), (A, "nope", 30, "没有编号"), (A, B, 5, "每组至少30次")],
)
def test_a_trial_that_would_tell_nothing_is_refused(talk, a, b, arm, why):
    library.save(talk.db, talk.knowledge.bank.all(), talk.now)

    with pytest.raises(Refused, match=why):
        trials.start(a, b, talk.ctx(), tier="", stage="", arm=arm, by="运营")
