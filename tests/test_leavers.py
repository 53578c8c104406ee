"""An advisor leaves: their customers go to the manager's desk, and from there to somebody."""

from datetime import timedelta

from handlers.values import Card
from storage import customers, followups
from storage.customers import Customer


def leave(talk, who="zhang"):
    """Taken off the list of advisors."""
    left = tuple(a for a in talk.settings.advisors if a.userid != who)
    talk.settings = talk.settings.model_copy(update={"advisors": left})


def asked(talk, **step):
    """The cards that the time brings the store's manager about somebody who left."""
    sent = (a for a in talk.wait(**step) if isinstance(a, Card) and a.to == "chen")
    found = [a for a in sent if "客户交给谁" in a.title]
    talk.did = found or talk.did
    return found


def owe(talk, customer):
    with talk.db.atomic():
        followups.plan(talk.db, followup_id=f"f-{customer}", customer=customer, advisor="zhang",
                       kind="own", due=talk.now + timedelta(days=1), reason="送资料",
                       now=talk.now)  # fmt: skip


def test_the_manager_is_asked_whose_they_are_and_everything_moves_along(talk):
    owe(talk, "wang")
    leave(talk)

    card = asked(talk, hours=1)[0]
    assert card.to == "chen"
    assert "2位客户" in card.text
    talk.taps("chen", "都给李娜")

    assert {talk.customer(c).owner for c in ("wang", "li")} == {"lina"}
    assert [f.advisor for f in followups.open_of(talk.db, "wang")] == ["lina"]
    assert "王女士" in talk.texts("lina")
    assert "已分好：李娜2位" in talk.texts("chen")


def test_they_can_be_shared_out_the_strongest_first(talk):
    for n in range(4):
        customers.add(talk.db, Customer(id=f"h{n}", name=f"强客{n}", store="bj-cy", owner="zhang",
                                        level="H", added_at=talk.now))  # fmt: skip
    leave(talk)
    asked(talk, hours=1)

    talk.taps("chen", "平均分给大家")

    got = {"lina": [], "wangq": []}
    for key in ("wang", "li", "h0", "h1", "h2", "h3"):
        got[talk.customer(key).owner].append(talk.customer(key).level)
    assert [levels.count("H") for levels in got.values()] == [2, 2]
    assert [len(levels) for levels in got.values()] == [3, 3]


def test_it_is_asked_each_day_until_somebody_has_decided(talk):
    leave(talk)
    assert len(asked(talk, hours=1)) == 1
    assert len(asked(talk, days=1)) == 1
    talk.taps("chen", "都给李娜")

    assert asked(talk, days=1) == []


def test_an_answer_that_comes_too_late_moves_nobody(talk):
    leave(talk)
    asked(talk, hours=1)
    talk.taps("chen", "都给李娜")

    talk.says("chen", "1")

    assert talk.customer("wang").owner == "lina"


def test_nobody_is_asked_about_people_who_work_here(talk):
    assert asked(talk, days=1) == []
