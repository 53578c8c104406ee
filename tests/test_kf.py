"""微信客服 from the bell to the answer: pulled once, answered when sure, otherwise handed over."""

from datetime import timedelta

import pytest

from bot.sandbox.kf import ENDED, NEW, POOL, SERVED
from handlers.kf import _speak, questions
from handlers.settings import Page
from storage import customers, kf
from storage import outbox as parcels

ANN = "wmvisitor1"
CHARGE = "家里没车位怎么充电"


@pytest.fixture
async def desk(played):
    """10:00 on a working day; what a visitor says, and what they are shown."""
    played.clock.add(timedelta(hours=1))

    class Desk:
        stage = played
        kf = played.pretend.api.kf
        world = played.pretend.world

        async def enter(self, who=ANN):
            await played.pretend.event("kf_enter", customer=who)
            await played.running.app.idle()

        async def say(self, text, who=ANN):
            await played.say("kf", who, text)
            await played.running.app.idle()

        def shown(self, who=ANN):
            return [i["text"] for i in played.pretend.received() if i["to"] == who]

        def told(self, who):
            return "\n".join(i["text"] for i in played.pretend.received() if i["to"] == who)

        async def rows(self, sql, **values):
            return await played.running.writer.do(lambda db: db.rows(sql, **values))

        async def session(self, who=ANN):
            return await played.running.writer.do(
                lambda db: kf.session(db, who, played.pretend.world.open_kfid)
            )

        async def tags(self, kind, who=ANN):
            now = played.clock.now()
            found = await played.running.writer.do(lambda db: customers.tags(db, who, now, kind))
            return {t.code for t in found}

    return Desk()


# Coming in


async def test_whoever_enters_is_greeted_with_a_question_to_tap(desk):
    await desk.enter()

    item = desk.stage.pretend.received()[-1]
    assert "在线助手" in item["text"]
    assert [one["content"] for one in item["menu"]][-1] == "跳过"


async def test_taps_become_tags_and_no_more_than_three_questions_are_put(desk):
    await desk.enter()
    for tap in ("S6", "一个月内", "续航"):
        await desk.say(tap)

    assert await desk.tags("model") == {"S6"}
    assert "range" in await desk.tags("concern")
    assert len((await desk.session()).asked) == 3


async def test_every_question_may_be_skipped_and_a_phone_is_never_asked_for(desk):
    await desk.enter()
    for _ in questions():
        await desk.say("跳过")

    assert desk.shown()[-1] == "好的，有问题直接发给我就行。"
    assert not any("电话" in text or "手机" in text for text in desk.shown())
    assert await desk.tags("model") == set()


async def test_a_menu_item_means_what_the_rules_read(knowledge, talk):
    """Every tap that stands for words is understood as something."""
    for question in questions():
        for choice in question.choices:
            reading = talk.ctx().read(choice.means)
            found = reading.concerns or reading.slots or reading.intents or reading.signals
            assert bool(found) == bool(choice.means), choice


# Something to read

PAGES = (Page(title="新车一览", url="https://h5.example.com/all"),
         Page(title="S6 三分钟看懂", url="https://h5.example.com/s6", model="S6"))  # fmt: skip


@pytest.fixture
def reading(desk):
    app = desk.stage.running.app
    own = app.settings.kf.model_copy(update={"reading": PAGES})
    app.settings = app.settings.model_copy(update={"kf": own})

    def links(who=ANN):
        return [i["link"]["url"] for i in desk.stage.pretend.received()
                if i["to"] == who and i["type"] == "link"]  # fmt: skip

    desk.links = links
    return desk


async def test_whoever_is_only_looking_gets_a_page_once_and_no_person(reading):
    await reading.say("随便看看")
    await reading.say("就是先了解一下")

    assert reading.links() == ["https://h5.example.com/all"]
    assert (await reading.session()).state == kf.BOT
    assert (await reading.session()).asked.count("reading") == 1


async def test_the_page_on_the_model_they_asked_about_comes_first(reading):
    await reading.enter()
    await reading.say("S6")
    await reading.say("先了解")

    assert reading.links() == ["https://h5.example.com/s6"]
    assert "最想先弄清楚" in reading.shown()[-1]  # the questions go on


async def test_whoever_wants_to_come_gets_an_answer_and_no_page(reading):
    await reading.say("周六下午能试驾S6吗，想尽快定")

    assert reading.links() == []


async def test_a_page_is_one_of_the_five(reading):
    await reading.say("随便看看")

    assert (await reading.session()).budget == kf.BUDGET - 1


async def test_without_pages_nothing_is_led_to(desk):
    await desk.say("随便看看")

    assert "link" not in {i["type"] for i in desk.stage.pretend.received()}


# Answering


async def test_what_the_library_is_sure_of_is_answered_at_once(desk):
    await desk.say(CHARGE)

    assert "充电" in desk.shown()[-1]
    assert (await desk.session()).state == kf.BOT
    assert "charging" in await desk.tags("concern")


async def test_what_it_is_not_sure_of_goes_to_a_person_with_what_was_understood(desk):
    await desk.say("你们那个电动滑板车卖吗")

    servicer = (await desk.session()).servicer
    assert "请稍等" in desk.shown()[-1]
    assert (desk.kf.sessions[ANN].state, desk.kf.sessions[ANN].servicer) == (SERVED, servicer)
    assert "微信客服转给你" in desk.told(servicer)


async def test_while_a_person_serves_the_bot_is_silent_and_afterwards_it_is_back(desk):
    await desk.say("人工")
    count = len(desk.shown())
    await desk.say(CHARGE)
    assert len(desk.shown()) == count

    await desk.stage.pretend.event("kf_end", customer=ANN)
    await desk.stage.running.app.idle()
    assert desk.kf.sessions[ANN].state == ENDED
    await desk.say(CHARGE)
    assert len(desk.shown()) == count + 1


async def test_a_complaint_is_never_answered_by_a_script(desk):
    await desk.say("你们这是欺骗消费者，我要投诉")

    servicer = (await desk.session()).servicer
    assert "客户投诉" in desk.told(servicer)
    assert desk.kf.sessions[ANN].state == SERVED


async def test_out_of_hours_the_customer_is_told_so(desk):
    desk.stage.clock.add(timedelta(hours=12))
    await desk.say("人工")

    assert "不是上班时间" in desk.shown()[-1]


async def test_a_picture_is_for_a_person(desk):
    item = desk.kf._message(ANN, 3, "image", {"image": {"media_id": "m"}})
    desk.kf._session(ANN).state = NEW
    await desk.stage.pretend.ring(desk.kf._ring(item))
    await desk.stage.running.app.idle()

    assert "发来图片" in desk.told((await desk.session()).servicer)


async def test_an_answer_that_was_not_delivered_is_told(desk):
    await desk.say(CHARGE)
    owner = (await desk.rows("select owner from customers where id = :c", c=ANN))[0]["owner"]
    await desk.stage.pretend.event("kf_fail", customer=ANN, msgid="x", type="10")
    await desk.stage.running.app.idle()

    assert "没有送到：客户拒收" in desk.told(owner)


async def test_the_nickname_comes_in(desk):
    await desk.say(CHARGE)

    name = (await desk.rows("select name from customers where id = :c", c=ANN))[0]["name"]
    assert name == "微信访客·微信用户"


async def test_visitors_are_shared_among_those_on_shift(desk):
    for n in range(4):
        await desk.say(CHARGE, f"wmv{n}")

    owners = await desk.rows("select owner from customers where source = 'kf'")
    counts = [r["owner"] for r in owners]
    assert max(map(counts.count, counts)) <= 2


# The pull


async def test_pages_empty_ones_among_them_are_read_to_the_end(desk):
    desk.kf.page = 2
    for n in range(7):
        desk.kf.hear(ANN, f"第{n}句")
    await desk.say("最后一句")

    kept = await desk.rows("select id from inbox where id like 'kf:kf-%'")
    assert len(kept) == 8


async def test_a_cursor_that_was_lost_brings_nothing_twice(desk):
    await desk.say(CHARGE)
    before = len(desk.shown())
    await desk.stage.running.writer.do(lambda db: db.run("delete from kf_accounts"))
    await desk.stage.pretend.ring(desk.kf._ring(None))
    await desk.stage.running.app.idle()

    assert len(desk.shown()) == before


async def test_a_stale_token_is_left_out(desk):
    desk.kf.hear(ANN, CHARGE)
    await desk.stage.pretend.ring("ENC-forgotten")
    await desk.stage.running.app.idle()

    assert "充电" in desk.shown()[-1]


async def test_an_account_that_fell_silent_is_read_again(desk):
    await desk.say(CHARGE)
    desk.kf.hear(ANN, "人工")  # its bell was lost
    desk.stage.clock.add(timedelta(hours=7))
    await desk.stage.running.app.tick()
    await desk.stage.running.app.idle()

    assert (await desk.session()).state == kf.PERSON


async def test_newer_companies_hear_the_bell_through_the_app(desk):
    desk.stage.pretend.callbacks._addresses.pop("kf")
    await desk.say(CHARGE)

    assert "充电" in desk.shown()[-1]


# Limits


async def test_a_sixth_message_is_not_even_tried(desk, talk):
    session = kf.Session(ANN, "wk", budget=0)

    assert list(_speak(session, "x", talk.ctx())) == []


async def test_a_repeat_after_a_crash_is_shown_once(desk):
    """The answer was taken; the note that it was never reached the store."""
    await desk.say(CHARGE)
    before = len(desk.shown())
    again = "update outbox set state = 'waiting', due_at = :now where kind = 'kf_text'"
    now = desk.stage.clock.now()
    await desk.stage.running.writer.do(lambda db: db.run(again, now=now))
    await desk.stage.running.app.idle()

    assert len(desk.shown()) == before
    assert (await desk.stage.running.writer.do(parcels.depth)).get("dead", 0) == 0


async def test_a_person_who_does_not_serve_now_leaves_the_session_in_the_pool(desk):
    desk.kf.servicers.update(dict.fromkeys(desk.kf.servicers, False))
    await desk.say("人工")

    assert desk.kf.sessions[ANN].state == POOL


# Afterwards


async def test_nobody_is_reminded_of_a_visitor_who_cannot_be_written_to(desk):
    await desk.say(CHARGE)

    assert await desk.rows("select id from followups where customer = :c", c=ANN) == []


async def test_a_visitor_who_adds_the_advisor_becomes_a_contact_with_all_that_is_known(desk):
    await desk.say(CHARGE)
    owner = (await desk.rows("select owner from customers where id = :c", c=ANN))[0]["owner"]
    await desk.stage.pretend.event("add_external_contact", user=owner, customer=ANN, name="安女士")
    await desk.stage.running.app.idle()

    row = (await desk.rows("select name, owner from customers where id = :c", c=ANN))[0]
    assert row == {"name": "安女士", "owner": owner}
    assert "charging" in await desk.tags("concern")


# Settings


def set_kf(desk, **changed):
    app = desk.stage.running.app
    kf_now = app.settings.kf.model_copy(update=changed)
    app.settings = app.settings.model_copy(update={"kf": kf_now})


async def test_switched_off_it_greets_nobody_and_hands_everybody_over(desk):
    set_kf(desk, answer=False)
    await desk.enter()
    assert desk.shown() == []
    await desk.say(CHARGE)

    assert (await desk.session()).state == kf.PERSON


async def test_without_questions_it_only_greets_in_the_companys_words(desk):
    set_kf(desk, questions=False, welcome="欢迎光临")
    await desk.enter()

    item = desk.stage.pretend.received()[-1]
    assert item["text"] == "欢迎光临"
    assert not item.get("menu")


async def test_no_wording_is_near_enough_for_a_bound_of_one(desk):
    set_kf(desk, confidence=1.0)
    await desk.say("我家没有固定车位的话怎么充电呢")

    assert (await desk.session()).state == kf.PERSON


async def test_visitors_go_only_to_those_who_are_named(desk):
    set_kf(desk, servicers=("lina",))
    for n in range(3):
        await desk.say(CHARGE, f"wmv{n}")

    owners = await desk.rows("select distinct owner from customers where source = 'kf'")
    assert [r["owner"] for r in owners] == ["lina"]
