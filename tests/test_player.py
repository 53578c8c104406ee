"""Conversation files: every line checked before anything happens, the same bytes every time."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import demo, player
from bot.sandbox.player import PlayError

CAST = player.cast_of(demo.SETTINGS, demo.world())


def parse(text):
    return player.parse(text, CAST)


def local(words):
    return datetime.fromisoformat(words).replace(tzinfo=player.ZONE)


# Reading

LINES = [
    ("advisor zhang: 帮助", ("advisor", "zhang", "", "帮助")),
    ("advisor zhang：帮助", ("advisor", "zhang", "", "帮助")),
    ("manager chen: 详情 3", ("manager", "chen", "", "详情 3")),
    ("tap zhang: 采用 2", ("tap", "zhang", "", "采用 2")),
    ("customer wang -> zhang: 有点贵", ("customer", "wang", "zhang", "有点贵")),
    ("customer wang -> g1: 有人提车了吗", ("customer", "wang", "g1", "有人提车了吗")),
    ("group team zhang: @小福 签到", ("group", "zhang", "team", "@小福 签到")),
    ("page g1 wang: 签到", ("page", "wang", "g1", "签到")),
    ("@clock 2026-03-06 09:00", ("@clock", "", "", "2026-03-06 09:00")),
    ("@clock +1d 08:45", ("@clock", "", "", "+1d 08:45")),
    ("@archive on", ("@archive", "", "", "on")),
    ("@consent wang off", ("@consent", "", "", "wang off")),
    ("event add_external_contact user=zhang customer=n1 state=expo",
     ("event", "add_external_contact", "", "user=zhang customer=n1 state=expo")),
]  # fmt: skip


@pytest.mark.parametrize(("line", "read"), LINES, ids=[line for line, _ in LINES])
def test_every_kind_of_line(line, read):
    (step,) = parse(line)

    assert (step.verb, step.who, step.to, step.text.strip()) == read


def test_comments_and_empty_lines_are_passed_over_but_counted():
    steps = parse("# the day\n\nadvisor zhang: 帮助\n  # more\nadvisor zhang: 待办\n")

    assert [step.number for step in steps] == [3, 5]


WRONG = [
    ("advisor nobody: 帮助", "没有顾问 nobody"),
    ("advisor chen: 帮助", "没有顾问 chen"),
    ("manager zhang: 日报", "没有经理 zhang"),
    ("tap wang: 采用 2", "没有成员 wang"),
    ("customer nobody -> zhang: 在吗", "没有客户 nobody"),
    ("customer wang -> nowhere: 在吗", "没有顾问或客户群 nowhere"),
    ("group g1 zhang: @小福 签到", "没有内部群 g1"),
    ("group team wang: @小福 签到", "没有成员 wang"),
    ("event explode user=zhang", "没有事件 explode"),
    ("event add_external_contact user=zhang", "缺少字段 customer"),
    ("event add_external_contact user=zhang customer=n colour=red", "没有字段 colour"),
    ("event add_external_contact user=nobody customer=n", "没有成员 nobody"),
    ("event click user=zhang", "缺少字段 key"),
    ("event enter_agent user=nobody", "没有成员 nobody"),
    ("@clock morgen", "@clock 后面写"),
    ("@clock", "@clock 后面写"),
    ("@clock 2026-13-45 09:00", "没有“2026-13-45 09:00”这个时间"),
    ("@clock 2026-03-06 25:00", "这个时间"),
    ("@clock +1d 99:00", "这个时间"),
    ("@clock +99999999999d", "这个时间"),
    ("@archive maybe", "on 或 off"),
    ("@consent wang", "on 或 off"),
    ("@consent nobody off", "没有客户 nobody"),
    ("@weather rain", "没有 @weather 这个指令"),
    ("客户说 有点贵", "看不懂"),
    ("advisor zhang 帮助", "看不懂"),
    ("advisor zhang:", "看不懂"),
    ("page g1 nobody: 签到", "没有成员 nobody"),
    ("page team wang: 签到", "没有客户群 team"),
    ("page g1 wang: 预约试驾 颜色=红", "预约试驾 没有字段 颜色"),
    ("@fault slow 3", "没有故障 slow"),
]


@pytest.mark.parametrize(("line", "said"), WRONG, ids=[line for line, _ in WRONG])
def test_a_line_that_cannot_be_played_is_named_with_its_number(line, said):
    with pytest.raises(PlayError) as wrong:
        parse(f"advisor zhang: 帮助\n# comment\n{line}\n")

    assert "第3行" in str(wrong.value)
    assert said in str(wrong.value)


def test_a_customer_whom_an_earlier_line_added_may_speak():
    added = "event add_external_contact user=zhang customer=new-01\n"

    assert len(parse(added + "customer new-01 -> zhang: 你好\n@consent new-01 off")) == 3
    with pytest.raises(PlayError, match="第1行"):
        parse("customer new-01 -> zhang: 你好\n" + added)


@given(st.text())
def test_no_text_breaks_the_reading(text):
    with suppress(PlayError):
        assert all(step.verb for step in parse(text))


# The clock

TARGETS = [
    ("2026-03-09 08:45", "2026-03-09T08:45:00"),
    ("2026-03-09 8:45", "2026-03-09T08:45:00"),
    ("+1d", "2026-03-07T09:00:10"),
    ("+1d 08:45", "2026-03-07T08:45:00"),
    ("+0d 17:45", "2026-03-06T17:45:00"),
    ("+6m", "2026-03-06T09:06:10"),
    ("+1d2h", "2026-03-07T11:00:10"),
    ("+0s", "2026-03-06T09:00:10"),
]


@pytest.mark.parametrize(("text", "reached"), TARGETS)
def test_where_the_clock_goes(text, reached):
    assert player.target(text, local("2026-03-06T09:00:10")) == local(reached)


BEGINS = [
    ("advisor zhang: 帮助", "2026-03-06T09:00"),
    ("@clock 2026-05-01 10:00\nadvisor zhang: 帮助", "2026-05-01T10:00"),
    ("@clock +1d\nadvisor zhang: 帮助", "2026-03-06T09:00"),
    ("advisor zhang: 帮助\n@clock 2026-05-01 10:00", "2026-03-06T09:00"),
    ("", "2026-03-06T09:00"),
]


@pytest.mark.parametrize(("text", "start"), BEGINS)
def test_a_play_starts_at_the_time_its_first_line_sets(text, start):
    assert player.begins(parse(text), demo.START) == local(start)


# Playing


async def played_lines(stage, text):
    return [line async for line in stage.play(parse(text))]


async def test_people_receive_what_the_bot_sends(played):
    lines = await played_lines(played, "advisor zhang: 帮助")

    assert lines[0].startswith("-> zhang: 我能帮你做这些：\n  · 客户王女士问")


async def test_between_two_lines_pass_five_seconds(played):
    await played_lines(played, "advisor zhang: 帮助\nadvisor zhang: 待办")

    assert (played.clock.now() - demo.START).total_seconds() == 10


async def test_plus_zero_makes_two_lines_one_burst(played):
    text = "group team zhang: @小福 签到\n@clock +0s\ngroup team lina: @小福 签到"

    lines = await played_lines(played, text)

    assert [line.split("：")[0][:12] for line in lines] == ["-> team: ✅ 张", "-> team: ✅ 李"]
    assert (played.clock.now() - demo.START).total_seconds() == 5


async def test_moving_the_clock_runs_every_tick_between(played):
    lines = await played_lines(played, "@clock +1d 08:45")

    assert any(line.startswith("-> chen: [图片] 早报-0307.png 720x") for line in lines)
    assert any("张伟，早上好" in line for line in lines)


async def test_a_tap_presses_the_newest_card(played):
    text = "advisor zhang: 客户王女士问：S6 冬天续航怎么样？有点贵\ntap zhang: 采用 2"

    lines = await played_lines(played, text)

    assert any(
        line.startswith("-> zhang: [卡片] 王女士 · 3条话术 | 按钮: 采用 1/") for line in lines
    )
    assert not lines[-1].startswith("-> zhang: [卡片]")


async def test_a_tap_without_a_card_names_its_line(played):
    with pytest.raises(PlayError, match=r"第2行.*没有带按钮"):
        await played_lines(played, "advisor zhang: 帮助\ntap zhang: 采用 2")


async def test_private_words_reach_the_bot_only_with_the_archive_on(played):
    text = "customer wang -> zhang: S6冬天续航怎么样？\n"

    assert await played_lines(played, text) == []
    assert await played_lines(played, "@consent wang off\n@archive on\n" + text) == []
    assert await played_lines(played, "@consent wang on\n" + text) != []


async def test_a_new_contact_is_greeted_by_name(played):
    text = "event add_external_contact user=zhang customer=new-01 name=小鹿 state=expo-gz-04"

    lines = await played_lines(played, text)

    assert any("来源 expo-gz-04" in line for line in lines)
    assert any("小鹿" in line for line in lines)


async def test_control_characters_are_not_printed(played):
    lines = await played_lines(played, "advisor zhang: 客户 \x1b[31m王\u202e女士")

    assert not {"\x1b", "\u202e"} & set("".join(lines))


async def test_a_message_nobody_mentioned_the_bot_in_is_not_heard(played):
    assert await played_lines(played, "group team zhang: 签到") == []
