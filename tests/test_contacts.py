"""Contacts come and go: a row, a first touch in time, and never a second call to who left."""

from datetime import datetime, timedelta

import pytest

from bot.app import detailed
from handlers.values import Inbound, LookUp
from storage import events, followups
from storage.inbox import Kept


def change(talk, kind, user="zhang", customer="wmNEW0001", **fields):
    return talk.tell(Inbound(
        f"e{talk.count}", "contact", "event", "sys", talk.now, event="change_external_contact",
        fields={"ChangeType": kind, "UserID": user, "ExternalUserID": customer, **fields},
    ))  # fmt: skip


def detail(talk, customer="wmNEW0001", name="小鹿", gender=2, remark=""):
    """What the API tells of a contact."""
    follow = [{"userid": "zhang", "remark": remark}]
    fields = {"external_contact": {"name": name, "gender": gender}, "follow_user": follow}
    return talk.tell(Inbound(f"d{talk.count}", "contact", "detail", customer, talk.now,
                             fields=fields))  # fmt: skip


def clocked(talk, words):
    talk.now = datetime.fromisoformat(words).replace(tzinfo=talk.ctx().zone)


def test_a_new_contact_is_a_row_an_event_and_a_first_touch(talk):
    change(talk, "add_external_contact", State="expo-gz-04")

    new = talk.customer("wmNEW0001")
    assert (new.owner, new.store, new.source) == ("zhang", "bj-cy", "expo-gz-04")
    assert [e.kind for e in events.of(talk.db, new.id)] == ["加微"]
    (owed,) = followups.open_of(talk.db, new.id)
    assert (owed.kind, owed.due_at - talk.now) == ("first_touch", timedelta(minutes=5))
    assert "来源 expo-gz-04" in talk.texts()


def test_the_name_is_looked_up_and_told(talk):
    change(talk, "add_external_contact")
    assert LookUp("wmNEW0001") in talk.did

    detail(talk)

    assert (talk.customer("wmNEW0001").name, talk.customer("wmNEW0001").title) == ("小鹿", "女士")
    assert "小鹿" in talk.texts()


def test_the_advisor_s_remark_counts_for_more_than_the_nickname(talk):
    change(talk, "add_external_contact")

    detail(talk, remark="陈女士 S6")

    assert talk.customer("wmNEW0001").name == "陈女士 S6"


def test_a_detail_that_comes_late_renames_nobody(talk):
    detail(talk, customer="wang", name="别的名字")

    assert talk.customer("wang").name == "王女士"


@pytest.mark.parametrize("name", ["", "   ", "🌸", "x" * 500, "<b>", "\u202e"])
def test_odd_nicknames_are_only_names(talk, name):
    change(talk, "add_external_contact")

    detail(talk, name=name)

    assert 0 < len(talk.customer("wmNEW0001").name) <= 40


def test_what_the_api_told_is_read_from_its_row(talk):
    msg = detailed(Kept("detail:1", "detail", "wm1", '{"external_contact": {}}'), talk.now)

    assert (msg.channel, msg.kind, msg.sender) == ("contact", "detail", "wm1")


DUE = [
    ("2026-03-06T10:00", "2026-03-06T10:05"),  # on shift
    ("2026-03-06T07:00", "2026-03-06T08:30"),  # before it
    ("2026-03-06T22:00", "2026-03-07T08:30"),  # after it
    ("2026-03-10T10:00", "2026-03-11T08:30"),  # a day of rest
]  # fmt: skip


@pytest.mark.parametrize(("now", "due"), DUE)
def test_the_first_touch_is_due_in_minutes_on_shift_and_at_the_opening_otherwise(talk, now, due):
    clocked(talk, now)
    change(talk, "add_external_contact")

    owed = followups.open_of(talk.db, "wmNEW0001")[0]
    clocked(talk, due)
    assert owed.due_at == talk.now


def test_the_same_event_again_changes_nothing(talk):
    change(talk, "add_external_contact")
    talk.now += timedelta(minutes=1)

    assert change(talk, "add_half_external_contact") == []
    assert len(events.of(talk.db, "wmNEW0001", "加微")) == 1


def test_who_adds_a_second_advisor_stays_with_the_first(talk):
    change(talk, "add_external_contact", user="lina", customer="wang")

    assert talk.customer("wang").owner == "zhang"
    assert "已由张伟在跟进" in talk.texts("lina")


def test_an_employee_who_is_on_no_list_keeps_contacts_to_themselves(talk):
    assert change(talk, "add_external_contact", user="boss") == []


def test_userids_in_other_capitals_are_the_same_person(talk):
    change(talk, "add_external_contact", user="ZhAnG")
    assert talk.customer("wmNEW0001").owner == "zhang"

    change(talk, "del_follow_user", user="ZHANG")
    assert talk.customer("wmNEW0001").deleted_at == talk.now


def test_a_customer_who_deletes_the_advisor_is_never_chased(talk):
    talk.says("zhang", "客户王女士说：有点贵")

    change(talk, "del_follow_user", customer="wang")

    assert talk.customer("wang").deleted_at == talk.now
    assert talk.customer("wang").tier == "low"
    assert followups.open_of(talk.db, "wang") == []
    assert "不要再次添加" in talk.texts()
    assert not any("王女士" in str(a) for a in talk.wait(days=3))


def test_an_advisor_who_deletes_a_customer_is_not_told_about_it(talk):
    assert change(talk, "del_external_contact", customer="wang") == []
    assert talk.customer("wang").deleted_at == talk.now


def test_another_member_s_farewell_changes_nothing(talk):
    change(talk, "del_follow_user", user="lina", customer="wang")

    assert talk.customer("wang").deleted_at is None


def test_who_comes_back_is_a_contact_again(talk):
    change(talk, "del_follow_user", customer="wang")
    talk.now += timedelta(days=1)

    change(talk, "add_external_contact", customer="wang")

    assert talk.customer("wang").deleted_at is None
    assert "又加回了你" in talk.texts()


def test_who_opted_out_stays_so_after_coming_back(talk):
    talk.says("zhang", "记录 王女士 退订")
    change(talk, "del_follow_user", customer="wang")
    talk.now += timedelta(days=1)

    change(talk, "add_external_contact", customer="wang")

    assert talk.customer("wang").opted_out_at is not None


def test_an_unknown_change_is_nobody_s_business(talk):
    assert change(talk, "transfer_fail") == []
    assert change(talk, "del_follow_user", customer="never-seen") == []
