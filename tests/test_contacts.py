"""Contacts come and go: a row, a first touch in time, and never a second call to who left."""

from datetime import datetime, timedelta

import pytest
from conftest import Talk
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import memory

from bot.app import detailed
from bot.contacts import slim
from bot.sandbox import demo
from handlers import cards
from handlers.relations import read
from handlers.values import Ask, Inbound, LookUp, Mark, Welcome
from storage import customers, events, followups, groups, relations
from storage.customers import Customer
from storage.inbox import Kept
from storage.relations import CorpTag, Relation

NEW = "wmNEW0001"


def change(talk, kind, user="zhang", customer="wmNEW0001", **fields):
    return talk.tell(event(talk, kind, user, customer, **fields))


def event(talk, kind, user="zhang", customer=NEW, at=None, **fields):
    return Inbound(
        f"e{talk.count}", "contact", "event", "sys", at or talk.now,
        event="change_external_contact",
        fields={"ChangeType": kind, "UserID": user, "ExternalUserID": customer, **fields},
    )  # fmt: skip


def detail(talk, customer="wmNEW0001", name="小鹿", gender=2, remark="", users=("zhang",), **more):
    """What the API tells of a contact."""
    follow = [{"userid": user, "remark": remark, **more} for user in users]
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
    assert change(talk, "del_external_contact", customer="wang") == [LookUp("wang")]
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


WHO = ("zhang", None, 0, None)
STAMP = 1772700000
ODD = [
    ({}, None),
    ({"userid": "boss", "createtime": 1}, None),
    ({"userid": "ZHANG"}, WHO),
    ({"userid": "zhang", "createtime": f"{STAMP}", "add_way": "10"}, ("zhang", STAMP, 10, None)),
    ({"userid": "zhang", "createtime": -5, "add_way": None, "remark": None}, WHO),
    ({"userid": "zhang", "createtime": 10**15, "tags": None}, ("zhang", None, 0, ())),
    ({"userid": "zhang", "tags": [{"tag_id": "e"}, {"tag_name": "x"}]}, ("zhang", None, 0, ("e",))),
    ({"userid": "zhang", "tag_id": ["e1", "e2"]}, ("zhang", None, 0, ("e1", "e2"))),
]


@pytest.mark.parametrize(("info", "wanted"), ODD)
def test_a_relation_is_read_however_its_numbers_are_written(talk, info, wanted):
    told = read(info, talk.ctx())

    stamp = told and told.since and int(told.since.timestamp())
    assert (told and (told.advisor, stamp, told.add_way, told.tags)) == wanted


def test_phone_numbers_and_pictures_are_not_even_kept():
    answer = {"external_contact": {"name": "小鹿", "avatar": "https://…", "unionid": "o1"},
              "follow_user": [{"userid": "zhang", "remark_mobiles": ["13800000000"]}]}  # fmt: skip

    assert slim(answer) == {
        "external_contact": {"name": "小鹿"}, "follow_user": [{"userid": "zhang"}],
    }  # fmt: skip


# In whatever order


def test_half_added_and_added_are_one_beginning(talk):
    change(talk, "add_half_external_contact", State="expo")
    change(talk, "add_external_contact", State="expo", WelcomeCode="WC-1")

    assert [type(a) for a in talk.did] == [Welcome]
    assert [e.kind for e in events.of(talk.db, NEW)] == ["加微"]
    assert len(followups.open_of(talk.db, NEW)) == 1

    assert change(talk, "add_half_external_contact", WelcomeCode="WC-2") == []


def test_a_farewell_that_comes_late_parts_nobody(talk):
    change(talk, "add_external_contact")
    early = talk.now - timedelta(minutes=1)

    talk.tell(event(talk, "del_follow_user", at=early))

    assert talk.customer(NEW).deleted_at is None
    assert talk.did == [LookUp(NEW)]


def test_an_addition_that_comes_after_its_farewell_is_looked_up_and_nobody_greeted(talk):
    change(talk, "add_external_contact")
    talk.now += timedelta(minutes=5)
    change(talk, "del_follow_user")

    late = event(talk, "add_external_contact", at=talk.now - timedelta(minutes=1), WelcomeCode="W")
    assert talk.tell(late) == [LookUp(NEW)]
    assert talk.customer(NEW).deleted_at is not None


def test_who_is_found_gone_is_not_asked_about_again(talk):
    change(talk, "add_external_contact")

    talk.tell(Inbound("d", "contact", "detail", NEW, talk.now, fields={"errcode": 84061}))

    assert talk.customer(NEW).deleted_at == talk.now
    assert talk.did == []


def test_an_error_that_says_nothing_of_them_changes_nothing(talk):
    change(talk, "add_external_contact")

    talk.tell(Inbound("d", "contact", "detail", NEW, talk.now, fields={"errcode": 48002}))

    assert talk.customer(NEW).deleted_at is None


def test_an_edit_of_somebody_unknown_brings_them_in_silently(talk):
    assert change(talk, "edit_external_contact") == [LookUp(NEW)]

    assert detail(talk, remark="周女士", createtime=1772700000, state="expo") == []

    found = talk.customer(NEW)
    assert (found.name, found.title, found.owner, found.source) == (
        "周女士",
        "女士",
        "zhang",
        "expo",
    )
    assert followups.open_of(talk.db, NEW) == []
    assert int(found.added_at.timestamp()) == 1772700000


def test_the_event_that_comes_after_the_look_up_still_greets(talk):
    """A remark was written before the addition was delivered."""
    change(talk, "edit_external_contact")
    detail(talk, name="小鹿", createtime=int(talk.now.timestamp()))

    change(talk, "add_external_contact", WelcomeCode="WC-1")

    assert any(isinstance(a, Welcome) for a in talk.did)
    assert [e.kind for e in events.of(talk.db, NEW)] == ["加微"]
    assert [f.kind for f in followups.open_of(talk.db, NEW)] == ["first_touch"]


def test_a_new_remark_renames_whoever_was_named_by_the_platform(talk):
    change(talk, "add_external_contact")
    detail(talk, name="小鹿")
    detail(talk, name="小鹿", remark="周女士 M8")
    detail(talk, name="小鹿🌸", remark="周女士 M8")

    assert talk.customer(NEW).name == "周女士 M8"
    assert talk.did == []


def test_a_name_given_here_stays(talk):
    change(talk, "add_external_contact")
    detail(talk, name="小鹿")
    customers.change(talk.db, NEW, name="周总")

    detail(talk, name="小鹿", remark="周女士 M8")

    assert talk.customer(NEW).name == "周总"


TRANSFER = (
    ("add_external_contact", "lina", {}),
    ("del_external_contact", "zhang", {"Source": "DELETE_BY_TRANSFER"}),
)


@pytest.mark.parametrize("order", [TRANSFER, TRANSFER[::-1]], ids=["add first", "del first"])
def test_a_transfer_moves_the_customer_and_what_is_owed(talk, order):
    change(talk, "add_external_contact")
    said = ""
    for kind, user, fields in order:
        talk.now += timedelta(minutes=1)
        change(talk, kind, user, **fields)
        said += talk.texts("lina")

    assert (talk.customer(NEW).owner, talk.customer(NEW).deleted_at) == ("lina", None)
    assert [f.advisor for f in followups.open_of(talk.db, NEW)] == ["lina"]
    assert "现在由你跟进" in said or "又加回了你" in said


def test_a_second_advisor_is_kept_beside_the_first(talk):
    change(talk, "add_external_contact")
    change(talk, "add_external_contact", user="lina")
    detail(talk, users=("zhang", "lina", "boss"))

    assert [r.advisor for r in relations.of(talk.db, NEW) if r.live] == ["lina", "zhang"]
    assert talk.customer(NEW).owner == "zhang"

    change(talk, "del_follow_user", user="lina")
    assert talk.customer(NEW).deleted_at is None


def test_who_has_left_the_list_is_followed_by_whoever_has_the_customer_now(talk):
    change(talk, "add_external_contact")
    customers.change(talk.db, NEW, owner="former")
    relations.put(talk.db, Relation(NEW, "former", talk.now))

    detail(talk, users=("lina",))

    assert talk.customer(NEW).owner == "lina"
    assert "现在由你跟进" in talk.texts("lina")


def test_the_card_shows_a_second_advisor_and_who_is_no_friend_any_more(talk):
    detail(talk, customer="wang", name="王女士", users=("zhang", "lina"))
    assert "另有顾问：李娜" in cards.lines(talk.customer("wang"), talk.ctx())

    change(talk, "del_follow_user", customer="wang", user="lina")
    change(talk, "del_follow_user", customer="wang")
    assert "⚠️ 已不是好友：不要再联系" in cards.lines(talk.customer("wang"), talk.ctx())


def test_more_followers_than_a_page_holds_are_read_on_and_nobody_is_missed(talk):
    detail(talk, customer="wang", name="王女士", users=("zhang", "lina"))
    page = {"external_contact": {"name": "王女士"}, "follow_user": [{"userid": "zhang"}]}

    did = talk.tell(Inbound("p1", "contact", "detail", "wang", talk.now,
                            fields={**page, "next_cursor": "c2"}))  # fmt: skip
    assert did == [LookUp("wang", "c2")]
    talk.tell(Inbound("p2", "contact", "detail", "wang", talk.now,
                      fields={**page, "follow_user": [], "cursor": "c2"}))  # fmt: skip

    assert all(r.live for r in relations.of(talk.db, "wang"))


def test_who_was_to_take_over_hears_that_it_failed(talk):
    change(talk, "transfer_fail", user="lina", customer="wang", FailReason="customer_refused")

    assert "没有转给你：客户拒绝了" in talk.texts("lina")


USERS = ("zhang", "lina")
STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from(USERS)), min_size=1, max_size=6)


@settings(max_examples=40)
@given(steps=STEPS, rng=st.randoms(use_true_random=False), data=st.data())
def test_repeated_and_out_of_order_there_is_one_right_state(knowledge, steps, rng, data):
    """Whatever was delivered when, the last look-up tells who has whom."""
    talk = _talk(knowledge)
    told, friends = _happen(talk, steps)
    deliveries = [*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]
    rng.shuffle(deliveries)

    for msg in deliveries:
        talk.tell(msg)
    _look_up(talk, friends)

    live = {r.advisor for r in relations.of(talk.db, NEW) if r.live}
    found = customers.get(talk.db, NEW)
    assert live == set(friends) or found is None
    assert found is None or (found.deleted_at is None) == bool(friends)
    assert found is None or not friends or found.owner in friends
    talk.db.close()


def _talk(knowledge):
    db = memory()
    return Talk(db, knowledge, demo.SETTINGS, demo.START)


def _happen(talk, steps):
    """What the platform says as people add and delete, and who has whom in the end."""
    told, friends = [], {}
    for n, (add, user) in enumerate(steps):
        at = talk.now + timedelta(minutes=n)
        if add == (user in friends):
            continue
        kind = "add_external_contact" if add else "del_follow_user"
        told.append(event(talk, kind, user, at=at, n=n))
        if add:
            friends[user] = at
        else:
            del friends[user]
    return told or [event(talk, "edit_external_contact", "zhang")], friends


def _look_up(talk, friends):
    talk.now += timedelta(hours=1)
    follow = [{"userid": user, "createtime": int(at.timestamp())} for user, at in friends.items()]
    fields = {"external_contact": {"name": "小鹿"}, "follow_user": follow}
    talk.tell(Inbound("last", "contact", "detail", NEW, talk.now,
                      fields=fields if follow else {"errcode": 84061}))  # fmt: skip


# Customer groups


def chat(talk, kind, chat_id="wrNEW", detail="", **fields):
    return talk.tell(Inbound(
        f"g{talk.count}", "contact", "event", "sys", talk.now, event="change_external_chat",
        chat=chat_id, fields={"ChangeType": kind, "ChatId": chat_id, "UpdateDetail": detail,
                              **fields},
    ))  # fmt: skip


def seats(*members, **more):
    return [{"userid": one, "type": 1 if one in ("zhang", "chen") else 2, "join_time": 1772600000,
             "name": f"昵称{one}", **more} for one in members]  # fmt: skip


def listed(talk, members, chat_id="wrNEW", version="v1", **group):
    """What the API tells of a group."""
    found = {"chat_id": chat_id, "name": "S6看车群", "owner": "zhang", "notice": "",
             "create_time": 1772500000, "member_list": members, "member_version": version,
             **group}  # fmt: skip
    return answered(talk, "chat", {"chat_id": chat_id}, {"group_chat": found})


def answered(talk, call, body, answer):
    fields = {"call": call, "body": body, "run": "", "n": 0, "answer": answer}
    return talk.tell(Inbound(f"t{talk.count}", "contact", "told", "sys", talk.now, fields=fields))


def asked(talk):
    return [a.body["chat_id"] for a in talk.did if isinstance(a, Ask)]


def inside(talk, chat_id="wrNEW"):
    return set(groups.members(talk.db, chat_id))


def test_a_new_group_is_read_and_its_members_judged(talk):
    chat(talk, "create")
    assert asked(talk) == ["wrNEW"]

    listed(talk, seats("zhang", "wang", "wmX", invitor={"userid": "zhang"}))

    found = groups.get(talk.db, "wrNEW")
    assert (found["name"], found["kind"], found["owner"]) == ("S6看车群", "潜客", "zhang")
    assert inside(talk) == {"zhang", "wang", "wmX"}
    assert groups.members(talk.db, "wrNEW")["wang"]["invitor"] == "zhang"
    assert [g["name"] for g in groups.of_member(talk.db, "wang")] == ["S6看车群"]
    assert [e.evidence for e in events.of(talk.db, "wang", "入群")] == ["S6看车群"]


def test_members_are_taken_from_the_event_that_follows_on_what_is_known(talk):
    listed(talk, seats("zhang", "wang", "li"), version="v7")

    chat(talk, "update", detail="del_member", LastMemVer="v7", CurMemVer="v8",
         MemChangeList=["wang"], MemChangeCnt="1")  # fmt: skip
    assert (inside(talk), asked(talk)) == ({"zhang", "li"}, [])

    chat(talk, "update", detail="add_member", LastMemVer="v8", CurMemVer="v9",
         MemChangeList=["wang"])  # fmt: skip
    assert (inside(talk), asked(talk)) == ({"zhang", "li", "wang"}, ["wrNEW"])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"LastMemVer": "v3", "CurMemVer": "v4", "MemChangeList": ["wang"]},
        {"LastMemVer": "v1", "CurMemVer": "v4", "MemChangeList": ["wang"], "MemChangeCnt": "2"},
    ],
    ids=["bare", "after a lost one", "shortened"],
)
def test_an_event_that_does_not_tell_everything_is_read(talk, fields):
    listed(talk, seats("zhang", "wang"), version="v1")

    chat(talk, "update", detail="del_member", **fields)
    assert (inside(talk), asked(talk)) == ({"zhang", "wang"}, ["wrNEW"])

    listed(talk, seats("zhang"), version="v4")
    assert inside(talk) == {"zhang"}


def test_a_list_that_lags_behind_its_event_is_read_again(talk):
    listed(talk, seats("zhang"), version="v1")
    chat(talk, "update", detail="add_member", LastMemVer="v0", CurMemVer="v2")

    listed(talk, seats("zhang"), version="v1")
    again = [a for a in talk.wait(minutes=2) if isinstance(a, Ask)]
    assert [a.body["chat_id"] for a in again] == ["wrNEW"]

    listed(talk, seats("zhang", "wang"), version="v2")
    assert inside(talk) == {"zhang", "wang"}
    assert not [a for a in talk.wait(minutes=10) if isinstance(a, Ask)]


def test_a_list_that_never_moves_is_taken_as_it_is_in_the_end(talk):
    listed(talk, seats("zhang"), version="v1")
    chat(talk, "update", detail="add_member", LastMemVer="v0", CurMemVer="v2")
    listed(talk, seats("zhang", "wang"), version="v1", name="新名字")
    assert (groups.get(talk.db, "wrNEW")["name"], inside(talk)) == ("新名字", {"zhang"})

    for _ in range(4):
        talk.wait(minutes=5)
        listed(talk, seats("zhang", "wang"), version="v1")

    assert inside(talk) == {"zhang", "wang"}
    assert not [a for a in talk.wait(minutes=10) if isinstance(a, Ask)]


def test_a_list_that_lags_takes_nobody_out_whom_the_event_brought_in(talk):
    listed(talk, seats("zhang"), version="v1")
    chat(talk, "update", detail="add_member", LastMemVer="v1", CurMemVer="v2",
         MemChangeList=["wang"])  # fmt: skip

    listed(talk, seats("zhang"), version="v1")
    assert inside(talk) == {"zhang", "wang"}

    listed(talk, seats("zhang", "wang"), version="v2")
    assert [e.kind for e in events.of(talk.db, "wang", "入群", "退群")] == ["入群"]


MOVES = st.lists(st.tuples(st.booleans(), st.sampled_from(("wang", "li", "wmX"))), max_size=6)


@settings(max_examples=40)
@given(moves=MOVES, rng=st.randoms(use_true_random=False), drop=st.integers(0, 6))
def test_members_are_right_whatever_was_lost_or_came_late(knowledge, moves, rng, drop):
    """Each question that the events lead to is answered with the group as it is."""
    talk = _talk(knowledge)
    listed(talk, seats("zhang"), version="v0")
    told, members = _come_and_go(moves)
    rng.shuffle(told)

    for n, fields in enumerate(told):
        if n != drop or n == len(told) - 1:
            chat(talk, "update", **fields)
            if asked(talk):
                listed(talk, seats(*members), version=f"v{len(told)}")
    for _ in range(4):
        if any(isinstance(a, Ask) for a in talk.wait(minutes=5)):
            listed(talk, seats(*members), version=f"v{len(told)}")

    assert inside(talk) == set(members) or not told
    talk.db.close()


def _come_and_go(moves):
    """The events of a group, each with its versions, and who is in it in the end."""
    told, members = [], ["zhang"]
    for joins, who in moves:
        if joins == (who in members):
            continue
        (members.append if joins else members.remove)(who)
        told.append({"detail": "add_member" if joins else "del_member", "MemChangeList": [who],
                     "LastMemVer": f"v{len(told)}", "CurMemVer": f"v{len(told) + 1}"})  # fmt: skip
    return told, members


def test_owner_name_and_notice_follow(talk):
    listed(talk, seats("zhang"))
    chat(talk, "update", detail="change_owner")

    listed(talk, seats("zhang", "lina"), owner="LINA", name="S6车主群", notice="周六看车")

    found = groups.get(talk.db, "wrNEW")
    assert (found["owner"], found["name"], found["kind"]) == ("lina", "S6车主群", "车主")
    assert found["notice"] == "周六看车"


def test_a_dismissed_group_holds_nobody(talk):
    listed(talk, seats("zhang", "wang"))

    chat(talk, "dismiss")

    assert groups.of_member(talk.db, "wang") == []
    assert groups.get(talk.db, "wrNEW")["dismissed_at"]
    assert chat(talk, "dismiss", "never-seen") == []


def test_a_group_of_people_on_no_list_is_their_own(talk):
    listed(talk, seats("wmX", "wmY"), owner="boss")

    assert groups.get(talk.db, "wrNEW") is None


def test_a_group_that_the_platform_does_not_know_is_gone(talk):
    listed(talk, seats("zhang", "wang"))

    answered(talk, "chat", {"chat_id": "wrNEW"}, {"errcode": 40050})

    assert groups.get(talk.db, "wrNEW")["dismissed_at"]


# Tags of the platform


def tag_event(talk, kind, **fields):
    fields = {"ChangeType": kind, **fields}
    return talk.tell(Inbound(f"t{talk.count}", "contact", "event", "sys", talk.now,
                             event="change_external_tag", fields=fields))  # fmt: skip


def test_a_tag_that_was_renamed_is_read_and_one_that_was_deleted_forgotten(talk):
    relations.learn_tags(talk.db, [CorpTag("et1", "价格敏感", "eg1", "销售助手")])
    assert tag_event(talk, "update", Id="et1", TagType="tag") == [Ask("tags", {"tag_id": ["et1"]})]

    group = {
        "group_id": "eg1",
        "group_name": "销售助手",
        "tag": [{"id": "et1", "name": "在意价格"}],
    }
    answered(talk, "tags", {"tag_id": ["et1"]}, {"tag_group": [group]})
    assert list(relations.corp_tags(talk.db, "销售助手")) == ["在意价格"]

    tag_event(talk, "delete", Id="eg1", TagType="tag_group")
    assert relations.corp_tags(talk.db, "销售助手") == {}
    assert tag_event(talk, "shuffle") == []


# Tags written back


@pytest.fixture
def marking(talk):
    """The setting is on, and wang is a contact of zhang's whose words are known."""
    contacts = talk.settings.contacts.model_copy(update={"write_tags": True})
    talk.settings = talk.settings.model_copy(update={"contacts": contacts})
    detail(talk, customer="wang", name="王女士")
    talk.says("zhang", "客户王女士说：有点贵，冬天续航怎么样")
    return talk


def marks(did):
    return [a for a in did if isinstance(a, Mark)]


def worn(talk, mark):
    """The platform has taken a mark."""
    tags = [CorpTag(f"id-{name}", name, "eg", "销售助手") for name in mark.add]
    relations.learn_tags(talk.db, tags)
    ours = relations.corp_tags(talk.db, "销售助手")
    ids = relations.tag_ids(talk.db, "wang", "zhang") | {tag.id for tag in tags}
    relations.retag(talk.db, "wang", "zhang", ids - {ours[name].id for name in mark.remove})


def test_nothing_is_written_unless_it_is_wanted(talk):
    detail(talk, customer="wang", name="王女士")
    talk.says("zhang", "客户王女士说：有点贵")

    assert marks(talk.wait(hours=2)) == []


def test_the_strongest_tags_are_written_once(marking):
    (mark,) = marks(marking.wait(minutes=15))

    assert (mark.userid, mark.external_userid) == ("zhang", "wang")
    assert 0 < len(mark.add) <= 6
    assert mark.remove == ()
    worn(marking, mark)
    assert marks(marking.wait(hours=3)) == []


def test_only_what_changed_is_written_and_not_twice_within_the_hour(marking):
    (first,) = marks(marking.wait(minutes=15))
    worn(marking, first)
    marking.says("zhang", "客户王女士说：家里没车位，充电不方便")

    assert marks(marking.wait(minutes=40)) == []
    (second,) = marks(marking.wait(minutes=30))
    assert not set(second.add) & set(first.add)


def test_hand_made_tags_are_never_taken(marking):
    relations.learn_tags(marking.db, [CorpTag("et-hand", "老客户", "eg-hand", "客户类型")])
    relations.retag(marking.db, "wang", "zhang", ["et-hand"])
    for mark in marks(marking.wait(minutes=15)):
        worn(marking, mark)

    marking.says("zhang", "记录 王女士 退订")
    (last,) = marks(marking.wait(hours=2))

    assert last.add == ()
    assert "老客户" not in last.remove
    worn(marking, last)
    assert relations.tag_ids(marking.db, "wang", "zhang") == {"et-hand"}


def test_tags_that_grew_old_are_taken_back_in_the_night(marking):
    (mark,) = marks(marking.wait(minutes=15))
    worn(marking, mark)
    marking.now += timedelta(days=400)

    (taken,) = marks(marking.wait(minutes=2))

    assert set(mark.add) - set(taken.remove) == {"开过口"}  # true for years


def test_a_few_are_written_a_minute_so_that_nothing_waits(marking):
    for n in range(50):
        detail(marking, customer=f"wm{n}", name=f"客户{n}")
        customers.tag(marking.db, f"wm{n}", kind="concern", code="price", polarity=-1,
                      evidence="贵", now=marking.now)  # fmt: skip

    counts = [len(marks(marking.wait(minutes=1))) for _ in range(4)]

    assert sum(counts) == 51
    assert max(counts) == 20


def test_who_refused_the_archive_is_not_marked(marking):
    customers.change(marking.db, "wang", archive_refused_at=marking.now)

    assert marks(marking.wait(hours=1)) == []


def test_who_is_no_contact_of_the_owner_is_not_marked(marking):
    customers.add(marking.db, Customer(id="imp-1", name="赵先生", store="bj-cy", owner="zhang",
                                       added_at=marking.now))  # fmt: skip
    marking.says("zhang", "客户赵先生说：有点贵")

    assert {m.external_userid for m in marks(marking.wait(hours=1))} == {"wang"}


# Over HTTP, as the platform does it


async def test_what_happens_in_the_client_reaches_the_store(played):
    async def happens(name, /, **fields):
        await played.pretend.event(name, **fields)
        await played.running.app.idle()

    async def db(run):
        return await played.running.writer.do(run)

    await happens("add_external_contact", user="zhang", customer="wmnew1", name="小周", way="10")
    await happens("edit_external_contact", user="zhang", customer="wmnew1", remark="周女士")
    await happens("chat_create", chat="wrnew1", user="zhang", name="S6车主群")
    played.pretend.api.contacts.lag = timedelta(seconds=30)
    await happens("chat_add_member", chat="wrnew1", customer="wmnew1,wmother", by="zhang")

    assert (await db(lambda db: customers.get(db, "wmnew1"))).name == "周女士"
    assert (await db(lambda db: relations.get(db, "wmnew1", "zhang"))).add_way == 10
    inside = await db(lambda db: groups.members(db, "wrnew1"))
    assert {who: row["name"] for who, row in inside.items()} == {
        "zhang": "张伟", "wmnew1": "周女士", "wmother": "",
    }  # fmt: skip

    played.clock.add(timedelta(minutes=2))
    await played.running.app.tick()
    await played.running.app.idle()
    inside = await db(lambda db: groups.members(db, "wrnew1"))
    assert inside["wmother"]["invitor"] == "zhang"

    await happens("del_follow_user", user="zhang", customer="wmnew1")
    assert (await db(lambda db: customers.get(db, "wmnew1"))).deleted_at is not None
    await happens("chat_dismiss", chat="wrnew1")
    assert await db(lambda db: groups.of_member(db, "wmnew1")) == []
