"""An advisor leaves: their customers go to the manager's desk, and from there to somebody."""

from datetime import timedelta

from handlers.values import Card
from storage import customers, events, followups, leads
from storage.customers import Customer
from storage.leads import Lead


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


# 撤销


def test_a_distribution_is_taken_back_with_all_that_went_along_and_asked_again(talk):
    owe(talk, "wang")
    leads.put(talk.db, Lead("l1", "li", "垂媒", "", "导入", talk.now, advisor="zhang",
                            store="bj-cy", due_at=talk.now + timedelta(hours=3)))  # fmt: skip
    before = {c: talk.customer(c) for c in ("wang", "li")}
    leave(talk)
    asked(talk, hours=1)
    talk.taps("chen", "平均分给大家")
    assert {talk.customer(c).owner for c in ("wang", "li")} == {"lina", "wangq"}
    assert leads.of(talk.db, "li")[0].state == "已接"

    talk.says("chen", "撤销")

    assert "已撤销：zhang 的2位客户分给" in talk.texts("chen")
    assert "2位回到zhang名下，提醒和预约一起回来了。" in talk.texts("chen")
    assert "陈静撤销了分配" in talk.texts("lina") + talk.texts("wangq")
    assert {c: talk.customer(c).owner for c in before} == {"wang": "zhang", "li": "zhang"}
    assert [(f.id, f.advisor) for f in followups.open_of(talk.db, "wang")] == [("f-wang", "zhang")]
    assert followups.open_of(talk.db, "li") == []  # what began with the new advisor ends
    assert (leads.of(talk.db, "li")[0].state, leads.of(talk.db, "li")[0].advisor) == (
        "待接", "zhang")  # fmt: skip
    assert events.of(talk.db, "wang", "换顾问") == []
    talk.did = [a for a in talk.did if a.to == "chen"]
    talk.taps("chen", "都给李娜")  # the card lies there again
    assert {talk.customer(c).owner for c in before} == {"lina"}


def test_who_was_begun_with_stays_and_the_answer_says_why(talk):
    leave(talk)
    asked(talk, hours=1)
    talk.taps("chen", "都给李娜")
    talk.wait(minutes=2)
    talk.says("lina", "已联系 王女士")

    talk.says("chen", "撤销")

    assert "1位回到zhang名下" in talk.texts("chen")
    assert "另外1位不动：李娜已经联系过王女士。" in talk.texts("chen")
    assert "李先生，这1位您不用联系了" in talk.texts("lina")
    assert {c: talk.customer(c).owner for c in ("wang", "li")} == {"wang": "lina", "li": "zhang"}


def test_once_all_were_begun_with_nothing_comes_back(talk):
    leave(talk)
    asked(talk, hours=1)
    talk.taps("chen", "都给李娜")
    talk.wait(minutes=2)
    for name in ("王女士", "李先生"):
        talk.says("lina", f"已联系 {name}")

    talk.says("chen", "撤销")

    assert "撤销不了：" in talk.texts("chen")
    assert "李娜已经联系过" in talk.texts("chen")
    assert talk.customer("li").owner == "lina"


def test_a_list_that_was_wrong_for_a_moment_gives_nobody_away_for_good(talk):
    everybody = talk.settings
    leave(talk)
    asked(talk, hours=1)
    talk.taps("chen", "都给李娜")
    talk.settings = everybody

    talk.says("chen", "撤销")

    assert "2位回到张伟名下" in talk.texts("chen")
    assert {talk.customer(c).owner for c in ("wang", "li")} == {"zhang"}
    assert not any(isinstance(a, Card) for a in talk.did)
