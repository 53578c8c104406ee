"""The same person twice: shown, put together by hand, taken apart again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from store_kit import memory

from handlers.values import Card
from storage import checkins, customers, erasure, merging
from storage.customers import Customer

PHONE = "13900002222"


def twice(talk, **more):
    """王姐 is 王女士 under another name."""
    talk.says("zhang", f"更正 王女士 电话 {PHONE}")
    customers.add(talk.db, Customer(id="wang2", name="王姐", store="bj-cy", phone=PHONE,
                                    added_at=talk.now, **{"owner": "zhang", **more}))  # fmt: skip


def test_a_number_that_two_have_is_shown_on_the_card(talk):
    twice(talk, owner="lina")

    card = next(a for a in talk.says("zhang", "客户 王女士") if isinstance(a, Card))

    assert "撞单：电话相同的还有王姐（朝阳店，李娜）" in card.text
    assert PHONE not in card.text


def test_two_rows_become_one_after_a_person_has_said_so(talk):
    twice(talk)
    talk.says("zhang", "客户王姐问：后排空间大不大，我想周六试驾")
    talk.says("zhang", "记录 王姐 报价")
    did = talk.says("zhang", "合并 王女士 王姐")
    assert "把王姐并入王女士？" in did[-1].title
    assert customers.get(talk.db, "wang2")

    talk.taps("zhang", "合并")

    assert customers.get(talk.db, "wang2") is None
    assert "space" in talk.concerns("wang")
    assert talk.customer("wang").stage == "报价"
    assert "拆开 王女士" in talk.texts()


def test_not_the_same_person_after_all(talk):
    twice(talk)
    talk.says("zhang", "合并 王女士 王姐")
    talk.taps("zhang", "不是同一个人")

    assert customers.get(talk.db, "wang2")


def test_a_refusal_of_either_holds_for_both(talk):
    twice(talk)
    talk.says("zhang", "记录 王姐 退订")
    talk.says("zhang", "合并 王女士 王姐")
    talk.taps("zhang", "合并")

    assert talk.customer("wang").opted_out_at


def test_an_advisor_cannot_merge_in_somebody_else_s_customer_but_their_manager_can(talk):
    twice(talk, owner="lina")
    talk.says("zhang", "合并 王女士 王姐")
    assert "没有找到" in talk.texts()
    assert customers.get(talk.db, "wang2")

    talk.says("chen", "合并 王女士 王姐")
    talk.taps("chen", "合并")

    assert customers.get(talk.db, "wang2") is None
    assert "并入了王女士" in talk.texts("zhang")
    assert "并入了王女士" in talk.texts("lina")


def test_taken_apart_both_are_as_they_were(talk):
    twice(talk)
    talk.says("zhang", "客户王姐问：后排空间大不大")
    talk.says("zhang", "客户王女士问：后排空间够不够")
    tags = {who: customers.tags(talk.db, who, talk.now) for who in ("wang", "wang2")}
    talk.says("zhang", "合并 王女士 王姐")
    talk.taps("zhang", "合并")

    talk.says("zhang", "拆开 王女士")

    assert {w: customers.tags(talk.db, w, talk.now) for w in ("wang", "wang2")} == tags
    talk.says("zhang", "拆开 王女士")
    assert "没有可以拆开" in talk.texts()


def everything(db):
    return {t: sorted(map(str, db.rows(f"select * from {t}"))) for t in erasure.PLACES
            if t != "merges"}  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 3))))
def test_merging_and_parting_gives_back_every_row(steps):
    from bot.sandbox.demo import START as now

    db = memory()
    for who in "ab":
        customers.add(db, Customer(id=who, name=who, owner="zhang", added_at=now))
    for n, (who, what, day) in enumerate(steps):
        at = now + timedelta(days=day)
        customers.said(db, msg_id=f"{n}", customer_id=who, who="customer", member="zhang",
                       text="话", now=at, source="kf")  # fmt: skip
        customers.tag(db, who, kind="concern", code=f"c{what}", now=at)
        checkins.add(db, chat_id="g1", member=who, day=at.date(), now=at)
    before = everything(db)

    merging.merge(db, "a", "b", {"phone": "1"}, merge_id="m", by="zhang", now=now)
    assert "'b'" not in str(everything(db).values())
    merging.part(db, merging.newest(db, "a"), now)

    assert everything(db) == before
    db.close()
