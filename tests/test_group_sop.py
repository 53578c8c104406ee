"""Plans for customer groups: who gets what when, by a person's tap, and why not where not."""

from datetime import date, timedelta

import pytest
from conftest import Talk
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from store_kit import memory

from bot.sandbox import demo
from handlers.group_plans import chat, days, plan, rooms, runs, topics, weeks, wording
from handlers.settings import Access, Colleague, Manager, Store
from handlers.values import Card, MassTask, Media, Send
from scriptbank import guard
from storage import customers, erasure, events, groups, materials, touches
from storage import group_sop as rows
from storage.materials import Material

BOSS = "chen"  # 店长 of bj-cy and bj-ft
SHIPPED = ["交付日", "品牌历史", "新人两周", "新车上市", "每日话题", "沉寂唤醒", "答题周", "试驾周",
           "转介绍月", "车主故事周", "长假出行"]  # fmt: skip


def group(talk, key="g1", name="S6看车群", kind="潜客", owner="zhang", store="bj-cy", weeks_old=1):
    began = talk.now - timedelta(weeks=weeks_old)
    groups.put(talk.db, chat_id=key, name=name, kind=kind, owner=owner, store=store, now=began)
    groups.join(talk.db, key, owner, owner, began)
    talk.db.run("update group_members set staff = 1 where member = :m", m=owner)
    return key


def joins(talk, key, *days, prefix="m"):
    """Customers who joined so many days ago."""
    for n, back in enumerate(days):
        groups.join(talk.db, key, f"{prefix}{n}", f"阿{prefix}{n}", talk.now - timedelta(days=back))


@pytest.fixture
def room(talk):
    """A young group of zhang's: six newcomers, two of them this week's."""
    never_rests(talk)
    group(talk)
    joins(talk, "g1", 1, 3, 8, 9, 10, 12)
    return talk


def never_rests(talk, rest=()):
    """zhang works every day, but for these."""
    staff = tuple(a.model_copy(update={"rest": rest}) if a.userid == "zhang" else a
                  for a in talk.settings.advisors)  # fmt: skip
    talk.settings = talk.settings.model_copy(update={"advisors": staff})


def begin(talk, words, who=BOSS):
    talk.says(who, f"社群计划 开始 {words}")
    return talk.taps(who, "开始")


def clock(talk, text, days=0):
    day = talk.ctx().today + timedelta(days=days)
    hour, minute = map(int, text.split(":"))
    talk.now = talk.ctx().on(day, talk.ctx().now.time().replace(hour=hour, minute=minute))
    talk.now = talk.now.replace(second=0, microsecond=0)


def knock(talk):
    """One tick of the plans alone; what was sent."""
    with talk.db.atomic():
        talk.did = list(days.tick(talk.ctx()))
    return talk.did


def states(talk, key="g1"):
    return {run.plan: run.state for run in rows.open_of(talk.db, key)}


def step_of(talk, plan_name, node=0, key="g1"):
    found = [run for run in rows.on_plan(talk.db, plan_name) if run.chat_id == key]
    return next(s for s in rows.of_run(talk.db, found[0].id) if s.node == node)


# The files


def test_ten_plans_and_the_daily_topics_are_shipped():
    assert sorted(one.name for one in plan.shipped()) == sorted(SHIPPED)


@pytest.mark.parametrize("one", plan.shipped(), ids=lambda one: one.name)
def test_no_shipped_text_needs_a_second_look(one):
    found = [(n.day, f.words) for n in one.nodes for f in guard.check(n.text, date(2026, 3, 6))
             if f.severity != "allow"]  # fmt: skip

    assert found == []


def test_no_topic_needs_a_second_look_and_there_are_enough_of_each_kind():
    found = [(t.id, f.words) for t in topics.shipped()
             for f in guard.check(t.text, date(2026, 3, 6)) if f.severity != "allow"]  # fmt: skip

    assert found == []
    assert len(topics.shipped()) >= 60
    assert len({t.id for t in topics.shipped()}) == len(topics.shipped())
    assert {t.mix for t in topics.shipped()} == set(topics.MIX)


GOOD = """name = "试用"
say = "试一试"

[[day]]
day = 1

[[day.node]]
at = "10:00"
kind = "互动"
text = "大家好"
"""


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ('at = "10:00"', 'at = "25:00"', "x.toml:8 节点1.at：写的是 “25:00”，应为 10:00 这样"),
        ('kind = "互动"', 'kind = "闲聊"', "x.toml:9 节点1.kind：写的是 “闲聊”，应为欢迎、"),
        ("大家好", "{客户姓}好", "x.toml:10 节点1.text：写的是 “客户姓”，应为变量 群名、"),
        ('text = "大家好"', "", "节点1.text：写的是 “”，应为要发的话"),
        ("day = 1", "day = 99", "应为1 到 60 的天数"),
        ('say = "试一试"', 'say = "试一试"\nstages = ["老年"]', "x.toml:3 stages：写的是 “老年”"),
        ('name = "试用"', 'name = ', "x.toml:1 文件"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_with_its_line(was, now, told):
    found, problems = plan.read("x.toml", GOOD.replace(was, now))

    assert found is None
    assert told in str(problems[0])


def test_a_right_file_has_days_and_nodes():
    found, problems = plan.read("x.toml", GOOD)

    assert problems == ()
    assert (found.days, found.nodes[0].to, found.nodes[0].spoken) == (1, "全群", True)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_of_a_plan(text):
    found, problems = plan.read("x.toml", text)
    assert (found is None) == bool(problems)


# Weeks, stage, which plan


@pytest.mark.parametrize(
    ("days", "band"), [(0, "1-2"), (13, "1-2"), (14, "3-4"), (27, "3-4"), (28, "5+"), (400, "5+")]
)
def test_weeks_are_counted_from_the_member_s_own_day(days, band):
    assert weeks.band_of(days) == band


def test_a_mixed_group_takes_the_weeks_of_most_of_its_members(talk):
    group(talk)
    joins(talk, "g1", 2, 5, 20, 40, 60, 90, 120)

    found = weeks.state(groups.get(talk.db, "g1"), talk.ctx())

    assert (found.band, found.why, found.cohort) == ("5+", "多数在第5周以后（4/7）", False)


def test_a_group_that_was_built_at_one_go_is_a_cohort(talk):
    group(talk)
    joins(talk, "g1", *[16] * 9, 2)

    found = weeks.state(groups.get(talk.db, "g1"), talk.ctx())

    assert (found.band, found.cohort) == ("3-4", True)
    assert found.why.startswith("同批群")


def test_members_of_the_staff_are_no_newcomers(room):
    groups.join(room.db, "g1", "lina", "李娜", room.now)

    found = weeks.state(groups.get(room.db, "g1"), room.ctx())

    assert "李娜" not in weeks.names(found.seats)
    assert len(found.seats) == 6


@pytest.mark.parametrize(
    ("kind", "joined", "age", "plan_name"),
    [
        ("潜客", (1, 2, 3, 4, 5, 6), 1, "新人两周"),  # 萌芽, weeks 1-2
        ("潜客", (50, 60, 70, 80, 90, 100), 30, "沉寂唤醒"),  # nobody comes, nobody speaks
        ("1vN", (1, 2), 1, None),
    ],
)
def test_kind_stage_and_weeks_choose_the_plan_and_say_so(talk, kind, joined, age, plan_name):
    group(talk, kind=kind, weeks_old=age)
    joins(talk, "g1", *joined)
    row = groups.get(talk.db, "g1")

    chosen, why = weeks.recommend(row, weeks.state(row, talk.ctx()), plan.shipped())

    assert (chosen and chosen.name) == plan_name
    for word in ("流入", "流出", "沉默", "建群"):
        assert word in why


# The filter


def city(talk, n=92):
    """So many groups in two stores, of all kinds and sizes."""
    for i in range(n):
        store, owner = (("bj-cy", "zhang"), ("gz-th", "he"))[i % 2]
        key = group(talk, f"c{i:02d}", f"群{i:02d}", ("潜客", "车主")[i // 2 % 2], owner, store)
        groups.settle(talk.db, key, kind=("潜客", "车主")[i // 2 % 2], official=i % 3 == 0)
        joins(talk, key, *[3] * (2 + i % 5), prefix=f"p{i}x")


@pytest.fixture
def operator(talk):
    talk.settings = talk.settings.model_copy(update={"access": Access(operators=("opera",))})
    return talk


def test_ninety_two_groups_get_a_plan_by_one_filter(operator):
    city(operator)
    operator.says("opera", "社群计划 预览 每日话题")
    assert "92个群里92个可以开始" in operator.texts("opera")
    assert "……还有87个群" in operator.texts("opera")
    assert operator.texts("opera").count("10:30") == 3  # the first three texts

    begin(operator, "每日话题", "opera")

    assert "已为92个群安排“每日话题”" in operator.texts("opera")
    assert len(rows.on_plan(operator.db, "每日话题")) == 92


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("车主群", lambda i: i // 2 % 2 == 1),
        ("北京", lambda i: i % 2 == 0),
        ("bj-cy 潜客", lambda i: i % 2 == 0 and i // 2 % 2 == 0),
        ("官方", lambda i: i % 3 == 0),
        ("非官方 5人以上", lambda i: i % 3 and 2 + i % 5 >= 5),
        ("2-3人", lambda i: 2 + i % 5 <= 3),
        ("群名=群1", lambda i: 10 <= i < 20),
        ("1-2周 萌芽", lambda i: True),
        ("沉寂", lambda i: False),
    ],
)
def test_each_word_of_the_filter_narrows_it(operator, words, fits):
    city(operator, 40)

    found = rooms.select(rooms.parse(words.split(), operator.ctx()), "opera", operator.ctx())

    assert {r.name for r in found} == {f"群{i:02d}" for i in range(40) if fits(i)}


def test_a_word_nobody_knows_is_told_and_nothing_begins(room):
    room.says(BOSS, "社群计划 开始 新人两周 南极群")

    assert "看不懂“南极群”" in room.texts(BOSS)
    assert states(room) == {}


@pytest.mark.parametrize("who", ["zhang", "lina"])
def test_advisors_do_not_plan(room, who):
    room.says(who, "社群计划 开始 新人两周")

    assert chat.NOT_YOURS in room.texts(who)


def test_a_manager_reaches_only_their_own_stores(room):
    group(room, "far", "广州群", owner="he", store="gz-th")
    joins(room, "far", 1, 2, prefix="f")

    begin(room, "新人两周")

    assert states(room, "far") == {}
    assert states(room) == {"新人两周": "未开始"}


def test_who_runs_groups_plans_for_their_stores(room):
    who = Colleague(userid="wuqi", name="吴琪", role="社群运营", stores=("bj-cy",))
    room.settings = room.settings.model_copy(update={"colleagues": (who,)})

    begin(room, "新人两周", "wuqi")

    assert states(room) == {"新人两周": "未开始"}


def test_nothing_begins_without_the_second_yes(room):
    room.says(BOSS, "社群计划 开始 新人两周")
    assert states(room) == {}

    room.taps(BOSS, "先不")

    assert states(room) == {}


def test_automatically_each_group_gets_the_plan_its_state_asks_for(room):
    group(room, "old", "老群", weeks_old=40)
    joins(room, "old", 50, 60, 70, prefix="o")

    begin(room, "自动")

    assert (states(room), states(room, "old")) == ({"新人两周": "未开始"}, {"沉寂唤醒": "未开始"})


# A day


def test_a_step_is_a_text_to_paste_and_a_card(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")

    text, card = knock(room)

    assert text == Send("zhang", text.text)
    assert text.text.startswith("欢迎阿m0、阿m1、阿m2、阿m3、阿m4、阿m5来到“S6看车群”！我是张伟")
    assert isinstance(card, Card)
    assert card.title == "S6看车群｜新人两周 第1天"
    assert "新人6位" in card.text
    assert [b.text for b in card.buttons] == ["已发", "改天", "跳过"]


def test_posted_counts_as_a_touch_of_the_group(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)

    room.taps("zhang", "已发")

    assert step_of(room, "新人两周").state == "已发"
    assert touches.count(room.db, "g1", "marketing", room.now - timedelta(hours=1)) == 1


def test_later_is_tomorrow_and_the_day_is_another(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)

    room.taps("zhang", "改天")

    step = step_of(room, "新人两周")
    assert (step.state, step.on_day) == ("待办", room.ctx().today + timedelta(days=1))


def test_skipped_says_by_whom(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)

    room.taps("zhang", "跳过")

    assert (step_of(room, "新人两周").state, step_of(room, "新人两周").why) == ("跳过", "张伟跳过")


def test_a_mass_message_is_a_task_that_the_owner_confirms(room):
    begin(room, "每日话题 今天")
    clock(room, "10:30")
    (text, _) = knock(room)

    (task,) = room.taps("zhang", "建群发")[1:]

    assert isinstance(task, MassTask)
    assert (task.sender, task.chats, task.text) == ("zhang", ("g1",), text.text)
    assert step_of(room, "每日话题").state == "群发待确认"


def test_several_groups_with_one_text_are_one_card(room):
    group(room, "g2", "S7看车群")
    joins(room, "g2", 2, 4, prefix="k")
    begin(room, "试驾周 今天")
    clock(room, "10:30")

    sent = knock(room)

    assert [type(a) for a in sent] == [Send, Card]
    assert sent[1].title == "2个群｜试驾周 第1天"
    room.taps("zhang", "已发")
    assert {step_of(room, "试驾周", key=k).state for k in ("g1", "g2")} == {"已发"}


def test_two_answers_to_one_card_count_once(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    card = knock(room)[-1]
    room.taps("zhang", "已发")
    room.did = [card]

    room.taps("zhang", "跳过")

    assert step_of(room, "新人两周").state == "已发"


def test_a_task_is_no_message(room):
    begin(room, "试驾周 今天")
    clock(room, "17:00", days=4)

    did = knock(room)

    cards = [a for a in did if isinstance(a, Card)]
    assert [b.text for b in cards[-1].buttons] == ["做完了", "改天", "跳过"]
    room.did = cards
    room.taps("zhang", "做完了")
    assert touches.count(room.db, "g1", "marketing", room.now - timedelta(days=1)) == 0


def test_newcomers_of_the_week_are_named_and_the_store_has_a_reason(room):
    begin(room, "新人两周 今天")
    clock(room, "11:00", days=4)
    joins(room, "g1", 1, prefix="new")

    text, card = knock(room)[-2:]

    assert text.text.startswith("阿new0、阿m0，这周新来的朋友")
    assert "试驾门店选朝阳店：同城只有这一家，或近90天到店的样本不足" in card.text
    assert "本周新人2位：阿new0、阿m0" in card.text


def scored(talk, store, owner, visits, drives):
    for n in range(visits):
        key = f"{store}-{n}"
        customers.add(talk.db, customers.Customer(id=key, name=key, store=store, owner=owner,
                                                  added_at=talk.now))  # fmt: skip
        for kind in ("到店", *(("试驾", "下订") if n < drives else ())):
            events.add(talk.db, event_id=f"{key}{kind}", customer=key, kind=kind,
                       when=talk.now - timedelta(days=2), source="advisor")  # fmt: skip


def test_the_drive_goes_to_the_store_of_the_city_with_the_best_score(room):
    near = Store(id="bj-ft", name="青屿丰台店", city="北京")
    shops = [s for s in room.settings.stores if s.id != "bj-ft"]
    room.settings = room.settings.model_copy(update={"stores": (*shops, near)})
    scored(room, "bj-cy", "zhang", 8, 1)
    scored(room, "bj-ft", "zhao", 8, 7)

    name, why = wording.place(runs.room_of("g1", room.ctx()), room.ctx())

    assert name == "青屿丰台店"
    assert "得分最高" in why
    assert "/100" in why


def test_nobody_new_this_week_closes_the_invitation_with_the_reason(talk):
    never_rests(talk)
    group(talk)
    joins(talk, "g1", 9, 10, 11)
    begin(talk, "新人两周 今天")
    clock(talk, "11:00", days=4)

    knock(talk)

    step = step_of(talk, "新人两周", 4)
    assert (step.state, step.why) == ("过期", "现在没有本周新人")


def test_a_message_for_the_first_weeks_stays_out_of_a_group_that_is_further(talk):
    group(talk, weeks_old=30)
    joins(talk, "g1", 40, 50, 60)
    begin(talk, "新人两周 今天")
    clock(talk, "18:00", days=2)

    knock(talk)

    step = step_of(talk, "新人两周", 2)
    assert (step.state, step.why) == ("过期", "这条给第1-2周的群，本群多数在第5周以后（3/3）")


def test_owners_words_come_out_of_the_library(room):
    materials.add(
        room.db,
        Material(
            "m1",
            "试驾感受",
            "李先生的试驾",
            "drive.jpg",
            "底盘比想的稳",
            "",
            "",
            "本人同意 3月1日",
            None,
            "live",
            room.now,
            "ops",
        ),
    )
    begin(room, "新人两周 今天")
    clock(room, "10:30", days=10)
    joins(room, "g1", *[1] * 9, prefix="new")  # so that most are still in their first weeks

    did = knock(room)

    assert any(isinstance(a, Media) and a.material == "m1" for a in did)
    assert "听听真实试驾的朋友怎么说" in room.texts()


def test_rewards_of_a_referral_are_things_and_no_cash(talk):
    group(talk, kind="车主", weeks_old=20)
    joins(talk, "g1", 40, 50)
    begin(talk, "转介绍月 今天")
    clock(talk, "10:30")

    text, card = knock(talk)

    assert "朋友到店后送品牌周边一份，朋友下订后送首次保养券一张" in text.text
    assert "只发实物礼，不发现金" in card.text


# What does not go out


def test_a_day_that_is_over_is_closed_and_not_made_up(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00", days=1)

    assert not any("来到“S6看车群”" in getattr(a, "text", "") for a in knock(room))

    step = step_of(room, "新人两周")
    assert (step.state, step.why) == ("过期", "3月6日没有发出去，过了日子不补")


def test_a_card_nobody_answered_is_closed_the_day_after(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)
    clock(room, "09:00", days=1)

    knock(room)

    assert step_of(room, "新人两周").why == "给过了，当天没有点“已发”"


def test_the_cap_of_a_group_closes_the_step_of_that_day(room):
    for n in range(2):
        touches.note(room.db, touch_id=f"t{n}", person="g1", channel="group", kind="marketing",
                     by="zhang", now=room.now)  # fmt: skip
    begin(room, "新人两周 今天")
    clock(room, "10:00")

    assert knock(room) == []
    assert "今天已往“S6看车群”群发过2次（上限2）" in step_of(room, "新人两周").why


def test_the_week_has_a_cap_too(room):
    section = room.settings.group_sop.model_copy(update={"per_week": 1})
    room.settings = room.settings.model_copy(update={"group_sop": section})
    touches.note(room.db, touch_id="t", person="g1", channel="group", kind="marketing",
                 by="zhang", now=room.now - timedelta(days=3))  # fmt: skip
    begin(room, "新人两周 今天")
    clock(room, "10:00")

    assert knock(room) == []
    assert "7天内" in step_of(room, "新人两周").why


@pytest.mark.parametrize(("button", "state"), [("已发", "已发"), ("跳过", "跳过")])
def test_what_was_tapped_by_mistake_is_taken_back_with_its_touch(room, button, state):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)
    room.taps("zhang", button)
    assert step_of(room, "新人两周").state == state

    room.says("zhang", "撤销")

    assert f"已撤销：S6看车群“新人两周”的“{button}”。" in room.texts()
    assert room.db.rows("select id from touches where person = 'g1'") == []
    clock(room, "10:01")
    assert "上面的话10:00发到S6看车群" in knock(room)[-1].text
    room.taps("zhang", "已发")
    assert step_of(room, "新人两周").state == "已发"
    assert len(room.db.rows("select id from touches where person = 'g1'")) == 1


def test_the_last_step_taken_back_opens_its_plan_again(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)
    room.db.run("update group_steps set state = '过期' where state = '待办'")
    room.taps("zhang", "已发")
    assert states(room) == {}

    room.says("zhang", "撤销")

    assert states(room) == {"新人两周": "进行中"}
    room.says("zhang", "撤销")
    assert "没有可以撤销的操作" in room.texts()


def test_an_owner_s_day_off_brings_it_to_who_runs_groups(room):
    who = Colleague(userid="wuqi", name="吴琪", role="社群运营", stores=("bj-cy",))
    room.settings = room.settings.model_copy(update={"colleagues": (who,)})
    never_rests(room, ("周五",))
    begin(room, "新人两周 今天")
    clock(room, "10:00")

    assert {a.to for a in knock(room)} == {"wuqi"}


def test_with_nobody_at_work_the_day_passes_with_the_reason(room):
    never_rests(room, ("周五",))
    begin(room, "新人两周 今天")
    clock(room, "10:00")

    assert knock(room) == []
    assert step_of(room, "新人两周").why == "群主不在班，也没有别人可以发"


def test_what_is_for_the_evening_is_laid_ready_before_the_shift_ends(room):
    begin(room, "新人两周 今天")
    clock(room, "17:30", days=2)

    did = knock(room)

    assert "19:30发到S6看车群" in did[-1].text


def test_a_dismissed_group_ends_its_plan(room):
    begin(room, "新人两周 今天")
    groups.dismiss(room.db, "g1", room.now)
    clock(room, "10:00")

    assert knock(room) == []
    assert states(room) == {}


# Two plans


def test_the_stronger_plan_goes_first_and_the_other_goes_on_where_it_stood(room):
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)
    room.taps("zhang", "已发")
    clock(room, "09:00", days=1)
    begin(room, "长假出行 今天")

    assert states(room) == {"长假出行": "进行中", "新人两周": "排队"}
    assert "让给“长假出行”（优先级90，这个是60）" in rows.on_plan(room.db, "新人两周")[0].why
    talk_stop(room, "长假出行", days=3)

    assert states(room) == {"新人两周": "进行中"}
    second = step_of(room, "新人两周", 1)
    assert (second.state, second.on_day) == ("待办", room.ctx().today)


def talk_stop(talk, name, days):
    clock(talk, "09:00", days=days)
    talk.says(BOSS, f"社群计划 停 {name}")


def test_a_weaker_plan_waits_and_begins_with_its_first_day(room):
    begin(room, "新人两周 今天")
    begin(room, "每日话题 今天")
    assert states(room) == {"新人两周": "进行中", "每日话题": "排队"}

    talk_stop(room, "新人两周", days=5)

    assert step_of(room, "每日话题").on_day == room.ctx().today


def test_paused_is_held_and_resumed_where_it_stood(room):
    begin(room, "新人两周 今天")
    room.says(BOSS, "社群计划 暂停 新人两周")
    assert states(room) == {"新人两周": "暂停"}
    clock(room, "10:00")
    assert knock(room) == []
    clock(room, "09:00", days=4)

    room.says(BOSS, "社群计划 继续 新人两周")

    assert states(room) == {"新人两周": "进行中"}
    assert step_of(room, "新人两周").on_day == room.ctx().today


def test_the_same_plan_does_not_begin_twice(room):
    begin(room, "新人两周 今天")

    room.says(BOSS, "社群计划 开始 新人两周 今天")

    assert "已经在这个计划里" in room.texts(BOSS)


def test_a_plan_that_is_through_ends_and_a_loop_begins_anew(room):
    begin(room, "每日话题 今天")
    for n in range(7):
        clock(room, "11:00", days=int(n > 0))
        knock(room)
        room.taps("zhang", "已发")

    (run,) = rows.on_plan(room.db, "每日话题")
    assert (run.state, run.begins) == ("未开始", room.ctx().today + timedelta(days=1))


def test_plan_begins_on_the_day_that_was_said(room):
    begin(room, "长假出行 10月1日")

    (run,) = rows.on_plan(room.db, "长假出行")
    assert (run.state, run.begins) == ("未开始", date(2026, 10, 1))


@pytest.mark.parametrize("word", ["2月30日", "2020-01-01"])
def test_a_day_that_does_not_exist_or_is_over_is_refused(room, word):
    room.says(BOSS, f"社群计划 开始 长假出行 {word}")

    assert word in room.texts(BOSS)
    assert states(room) == {}


VERBS = (
    "开始 新人两周 今天", "开始 每日话题 今天", "开始 长假出行 今天", "开始 答题周 明天",
    "停 新人两周", "停 长假出行", "暂停 新人两周", "暂停 每日话题", "继续 新人两周",
    "继续 每日话题",
)  # fmt: skip


@hypothesis_settings(max_examples=25, deadline=None)
@given(story=st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 2)), max_size=8))
def test_whatever_is_said_at_most_one_plan_runs_in_a_group(knowledge, story):
    store = memory()
    talk = Talk(store, knowledge, demo.SETTINGS, demo.START)
    group(talk)
    joins(talk, "g1", 1, 2, 3)
    for words, later in story:
        clock(talk, "10:30", days=later)
        did = talk.says(BOSS, f"社群计划 {words}")
        if any(isinstance(a, Card) for a in did):
            talk.taps(BOSS, "开始")
        knock(talk)
        found = rows.open_of(store, "g1")
        assert sum(run.state == "进行中" for run in found) <= 1
        live = {run.id for run in found if run.state == "进行中"}
        due = store.rows("select run from group_steps where state = '待办'")
        assert {row["run"] for row in due} <= live
        ahead = store.rows("select on_day from group_steps where state = '待办'")
        assert all(row["on_day"] >= talk.ctx().today.isoformat() for row in ahead)
    store.close()


# Topics


def test_a_topic_is_the_same_all_day_and_another_in_another_group(talk):
    ctx = talk.ctx()

    first = [topics.pick("g1", ctx.today, ctx).topic.id for _ in range(3)]
    others = {topics.pick(f"x{n}", ctx.today, ctx).topic.id for n in range(20)}

    assert len(set(first)) == 1
    assert len(others) > 5


def test_no_topic_comes_again_within_its_days_and_the_mix_is_kept(talk):
    ctx = talk.ctx()
    days = [ctx.today + timedelta(days=n) for n in range(120)]
    found = [topics.pick("g1", day, ctx).topic for day in days]

    for n in range(120 - 30):
        window = [t.id for t in found[n : n + 30]]
        assert len(set(window)) == 30
    share = {mix: sum(t.mix == mix for t in found) / 120 for mix in topics.MIX}
    assert share == pytest.approx({"用车": 0.4, "热点": 0.25, "车主": 0.2, "产品": 0.15}, abs=0.04)


def test_a_preview_settles_no_topic(talk):
    ctx = talk.ctx()
    topics.pick("g1", ctx.today, ctx, keep=False)

    assert rows.had(talk.db, "g1", ctx.today) == {}


def test_the_owner_s_story_of_the_library_is_a_topic(talk):
    materials.add(talk.db, Material("m1", "提车分享", "王先生提车", "", "盼了三个月", "", "",
                                    "本人同意", None, "live", talk.now, "ops"))  # fmt: skip

    assert "material:m1" in {t.id for t in topics.everything(talk.ctx())}


# The owner's day, and forgetting


def test_the_owner_asks_what_goes_out_today(room):
    begin(room, "新人两周 今天")
    clock(room, "09:30")

    room.says("zhang", "今天群里发什么")

    assert "10:00 新人两周 第1天·欢迎（待办）" in room.texts()
    assert "欢迎阿m0、" in room.texts()


def test_with_many_groups_the_owner_gets_a_list(room):
    group(room, "g2", "S7看车群")
    joins(room, "g2", 2, 4, prefix="k")
    begin(room, "新人两周 今天")

    room.says("zhang", "今天群里发什么")

    assert "2条" in room.texts()
    room.says("zhang", "今天群里发什么 S7看车群")
    assert "欢迎阿k0、阿k1来到“S7看车群”" in room.texts()


def test_somebody_else_s_group_is_not_shown(room):
    begin(room, "新人两周 今天")

    room.says("lina", "今天群里发什么 S6看车群")

    assert "没有找到您的客户群" in room.texts("lina")


def test_who_plans_sees_counts_and_who_reads_figures_sees_no_text(room):
    brand = Manager(userid="brand", name="品牌", brand=True)
    managers = (*room.settings.managers, brand)
    room.settings = room.settings.model_copy(update={"managers": managers})
    room.says("brand", "社群计划 预览 新人两周")
    assert "欢迎6位新朋友来到" in room.texts("brand")
    begin(room, "新人两周 今天", "brand")

    room.says("brand", "今天群里发什么 S6看车群")

    assert "没有找到您的客户群" in room.texts("brand")


def test_phone_numbers_in_nicknames_are_masked(room):
    groups.join(room.db, "g1", "tel", "小王13812345678", room.now)
    begin(room, "新人两周 今天")
    clock(room, "10:00")

    assert not any("13812345678" in repr(a) for a in knock(room))


def test_who_is_forgotten_is_in_no_step(room):
    groups.join(room.db, "g1", "wang", "王女士", room.now)
    begin(room, "新人两周 今天")
    clock(room, "10:00")
    knock(room)
    assert "王女士" in repr(room.db.rows("select * from group_steps"))

    erasure.erase(room.db, erasure.Person("wang", ("王女士",)))

    for table in ("group_steps", "group_runs", "group_topics", "group_plans", "dialogs"):
        assert "王女士" not in repr(room.db.rows(f"select * from {table}")), table
