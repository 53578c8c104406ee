"""1vN groups: a hot customer's advisor is asked to make one, and the group itself settles it."""

from datetime import timedelta

import pytest

from handlers import customer_groups, group_tasks, plans
from handlers.values import Card, Send
from storage import customers, groups
from storage import sop as rows


def ticked(talk, minutes=1):
    talk.now += timedelta(minutes=minutes)
    sent = []
    for tick in (plans.tick, group_tasks.tick):
        with talk.db.atomic():
            sent += list(tick(talk.ctx()))
    return sent


@pytest.fixture
def hot(talk):
    customers.change(talk.db, "wang", model="S6")
    talk.says("zhang", "客户王女士说：这周能定，定金多少")
    return talk


def made(talk, name="王女士·S6专属服务群", members=("zhang", "wang")):
    found = {"chat_id": "c1", "name": name, "owner": "zhang", "create_time": 1,
             "member_list": [{"userid": m, "type": 1 if m == "zhang" else 2, "name": m}
                             for m in members]}  # fmt: skip
    customer_groups.told({"errcode": 0, "group_chat": found}, {"chat_id": "c1"}, talk.ctx())


def test_who_becomes_hot_brings_a_task_with_name_and_members(hot):
    (card,) = [a for a in hot.wait(minutes=2) if isinstance(a, Card)]

    assert card.title == "给王女士建个1vN群"
    assert "群名：王女士·S6专属服务群；拉谁：王女士、张伟、陈静" in card.text


def test_the_first_message_is_ready(hot):
    hot.did = ticked(hot)

    hot.taps("zhang", "要开场白")

    assert "这个群专门为您服务：我是张伟，陈静经理也在。S6的配置、金融、试驾" in hot.texts()


def test_the_group_s_event_settles_it(hot):
    ticked(hot)

    made(hot)

    assert rows.tasks_of(hot.db, "wang")[0].state == "已建"
    (told,) = ticked(hot)
    assert isinstance(told, Send)
    assert "王女士·S6专属服务群的建群任务完成" in told.text


@pytest.mark.parametrize(
    ("name", "members"),
    [("王女士·S6专属服务群", ("zhang", "li")), ("青屿看车群", ("zhang", "wang"))],
)
def test_another_group_settles_nothing(hot, name, members):
    ticked(hot)

    made(hot, name, members)

    assert rows.tasks_of(hot.db, "wang")[0].state == "待建"


def test_who_has_a_group_needs_no_task(talk):
    groups.put(talk.db, chat_id="c1", name="王女士专属服务群", kind="1vN", owner="zhang",
               store="bj-cy", now=talk.now)  # fmt: skip
    groups.join(talk.db, "c1", "wang", "王女士", talk.now)
    talk.says("zhang", "客户王女士说：这周能定，定金多少")

    ticked(talk)

    assert rows.tasks_of(talk.db, "wang") == []


def test_one_task_and_no_more_for_two_months(hot):
    ticked(hot)
    hot.did = []

    assert ticked(hot, 5) == []
    assert len(rows.tasks_of(hot.db, "wang")) == 1


def test_a_refusal_is_kept(hot):
    hot.did = ticked(hot)

    hot.taps("zhang", "不建")

    assert rows.tasks_of(hot.db, "wang")[0].state == "不建"


def test_what_is_not_made_expires(hot):
    ticked(hot)

    ticked(hot, 60 * 24 * 6)

    assert rows.tasks_of(hot.db, "wang")[0].state == "过期"


def test_at_night_it_waits_for_the_shift(talk):
    talk.now += timedelta(hours=12)
    talk.says("zhang", "客户王女士说：这周能定，定金多少")

    assert ticked(talk) == []
    assert len([a for a in ticked(talk, 60 * 12) if isinstance(a, Card)]) == 1


def test_switched_off_there_is_none(talk):
    section = talk.settings.sop.model_copy(update={"group_task": False})
    talk.settings = talk.settings.model_copy(update={"sop": section})
    talk.says("zhang", "客户王女士说：这周能定，定金多少")

    assert ticked(talk) == []


@pytest.mark.parametrize(
    ("evidence", "rose"),
    [("B→H：这周能定", True), ("N→A", True), ("O→H：订单取消", False), ("H→B", False),
     ("A→O：已下订", False), ("中意向→高意向：线索", True), ("高意向→中意向", False),
     ("嗯", False)],
)  # fmt: skip
def test_what_counts_as_rising(evidence, rose):
    assert group_tasks.rose(evidence) is rose
