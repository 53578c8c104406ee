"""Reminders of the advisor's own making, and promises that are offered as one."""

from datetime import datetime

import pytest

from handlers.values import Inbound
from storage import followups

# Friday 2026-03-06 09:00


SPOKEN = [
    ("提醒我周六给王女士发配置表", "07 08:45"),
    ("提醒我明天下午3点给王女士打电话", "07 15:00"),
    ("明早9点提醒我联系王女士", "07 09:00"),
    ("两小时后提醒我给王女士打电话", "06 11:00"),
    ("半小时后请提醒我联系王女士", "06 09:30"),
    ("下周三下午提醒我约王女士试驾", "11 14:00"),
    ("提醒我下周三下午约王女士试驾", "11 14:00"),
    ("月底前提醒我给王女士报价", "31 08:45"),
    ("提醒我月底前给王女士报价", "31 08:45"),
    ("提醒我周日之前回王女士的电话", "07 08:45"),
    ("提醒我下班前给王女士回个话", "06 17:30"),
    ("提醒我周五给王女士发配置表", "06 14:00"),  # it is Friday, and its morning list is out
    ("提醒我今天给王女士发配置表", "06 14:00"),
    ("到时候提醒我：后天上午10点王女士来店", "08 10:00"),
    ("给王女士发配置表，明天提醒我一下", "07 08:45"),
    ("提醒我3月20号问王女士年检的事", "20 08:45"),
]


@pytest.mark.parametrize(("words", "due"), SPOKEN)
def test_it_is_set_in_whatever_order_it_is_said(talk, words, due):
    talk.says("zhang", words)

    (found,) = followups.open_of(talk.db, "wang")
    assert f"{found.due_at.astimezone(talk.ctx().zone):%d %H:%M}" == due
    assert found.kind == "own"


REPEATED = ["提醒我每周一联系王女士", "每天提醒我看王女士", "每隔3天提醒我找王女士"]


@pytest.mark.parametrize("words", REPEATED)
def test_what_repeats_is_kindly_refused(talk, words):
    talk.says("zhang", words)

    assert "我只能提醒一次" in talk.texts()
    assert followups.open_of(talk.db, "wang") == []


@pytest.mark.parametrize(
    ("words", "lacking"),
    [("提醒我给王女士打电话", "什么时候"), ("提醒我周六开会", "哪位客户"),
     ("提醒我昨天给王女士打电话", "什么时候")],
)  # fmt: skip
def test_what_lacks_is_asked_for(talk, words, lacking):
    talk.says("zhang", words)

    assert f"要提醒{lacking}？" in talk.texts()


def test_she_is_whoever_was_spoken_of(talk):
    talk.says("zhang", "客户 王女士")

    talk.says("zhang", "明天上午10点提醒我给她打电话")

    assert [f.kind for f in followups.open_of(talk.db, "wang")] == ["own"]


def test_it_comes_when_it_is_due_with_the_advisor_s_words(talk):
    talk.says("zhang", "两小时后提醒我给王女士打电话")

    did = talk.wait(minutes=121)

    assert "给王女士打电话" in str(did)


# Promises

CHAT = "王女士 10:21\n配置表有吗\n张伟 10:22\n{own}\n王女士 10:23\n嗯嗯"

PROMISED = [
    ("我明天把配置表发您", "07 08:45"),
    ("我下午算好月供给您", "06 14:00"),
    ("我周日上午10点给您打电话", "08 10:00"),
    ("有的，我明早9点发给您哈", "07 09:00"),
]


@pytest.mark.parametrize(("own", "due"), PROMISED)
def test_a_promise_is_offered_and_set_only_after_a_yes(talk, own, due):
    talk.says("zhang", CHAT.format(own=own))
    assert "提醒你吗？回复 好" in talk.texts()
    assert [f for f in followups.open_of(talk.db, "wang") if f.kind == "own"] == []

    talk.says("zhang", "好")

    (found,) = (f for f in followups.open_of(talk.db, "wang") if f.kind == "own")
    assert f"{found.due_at.astimezone(talk.ctx().zone):%d %H:%M}" == due
    assert found.reason in own


@pytest.mark.parametrize(
    "own",
    ["您明天过来看看吗", "您周六有空吗，我给您约一下吧？", "我昨天发您了", "配置表在官网上",
     "好的好的", "我们店明天九点开门"],
)  # fmt: skip
def test_what_promises_nothing_is_left_alone(talk, own):
    talk.says("zhang", CHAT.format(own=own))

    assert "回复 好" not in talk.texts()


def test_a_yes_to_nothing_sets_nothing(talk):
    talk.says("zhang", "好")

    assert followups.open_of(talk.db, "wang") == []


def test_once_it_was_offered_the_same_talk_does_not_ask_again(talk):
    talk.says("zhang", CHAT.format(own="我明天把配置表发您"))
    talk.says("zhang", CHAT.format(own="我明天把配置表发您，再算一下月供给您"))

    assert "回复 好" not in talk.texts()


def test_a_promise_in_the_archive_is_offered_too(talk):
    at = datetime.fromisoformat("2026-03-06T09:00+08:00")
    talk.tell(Inbound("a1", "archive", "text", "zhang", at, "我明天把配置表发您", to="wang"))

    assert "你对王女士说“我明天把配置表发您”。要我明天上午8点45分提醒你吗？" in talk.texts()
