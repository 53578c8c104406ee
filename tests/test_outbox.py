"""What leaves: split, sent once, retried the same to the byte, given up in sight."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wecom_kit import WORLD

from bot import outbox as sending
from bot.outbox import PER_MINUTE, split
from bot.sandbox.push import xml
from bot.wecom import envelope
from handlers import charts
from handlers.values import (
    Article,
    Button,
    Card,
    File,
    Form,
    Markdown,
    News,
    Notice,
    Option,
    Picture,
    Question,
    Send,
    TextCard,
    Vote,
    Welcome,
    picked,
)
from storage import outbox


def card(task="t1"):
    return Card(to="zhang", task_id=task, title="王女士", buttons=(Button("已联系", "done"),))


# Splitting


def squeezed(text):
    return text.replace("\n", "")


@given(st.text(alphabet=st.sampled_from("话术。！；a\n 🚗"), max_size=3000))
def test_pieces_fit_and_together_are_the_text_up_to_line_ends(text):
    pieces = split(text)

    assert all(len(piece.encode()) <= 2048 for piece in pieces)
    assert squeezed("".join(pieces)) == squeezed(text)


@given(st.text(min_size=1, max_size=1500))
def test_no_piece_is_blank_unless_the_text_is(text):
    assert all(piece.strip() for piece in split(text)) or not text.strip()


def test_a_long_text_is_cut_at_sentence_ends():
    pieces = split("今天的天气真不错，适合试驾。" * 100)

    assert len(pieces) > 1
    assert all(piece.endswith("。") for piece in pieces)


def test_a_list_is_cut_between_its_lines():
    lines = [f"{n}. 王女士｜高意向·H级｜已3天未联系。上次卡在充电桩" for n in range(60)]

    pieces = split("\n".join(lines))

    assert [line for piece in pieces for line in piece.split("\n")] == lines


def test_a_text_without_any_end_is_cut_between_characters():
    pieces = split("车" * 2000)

    assert "".join(pieces) == "车" * 2000
    assert [len(p.encode()) for p in pieces] == [2046, 2046, 1908]


def test_a_text_of_empty_lines_only_loses_them():
    assert split("好" + "\n" * 3000) == ["好"]


# Recording


async def test_a_message_that_is_replayed_adds_nothing_twice(office):
    await office.put(Send("zhang", "好"), Send("chen", "好"), cause="m1")
    await office.put(Send("zhang", "好"), Send("chen", "好"), cause="m1")

    assert await office.states() == ["waiting", "waiting"]


async def test_pieces_of_one_text_arrive_in_order(office):
    text = "\n".join(f"{n:03d} 今天先联系王女士，她上次卡在充电桩" for n in range(120))

    await office.put(Send("zhang", text))
    await office.flush()

    assert len(office.got()) > 1
    assert "\n".join(office.got()) == text


# Sent once


async def test_the_same_question_twice_is_answered_twice(office):
    for _ in range(3):
        await office.put(Send("zhang", "帮助"))
        await office.flush()

    assert office.got() == ["帮助"] * 3


async def test_the_same_answer_hours_apart_is_never_taken_for_a_repeat(office):
    """The third is more than 4 h after the first, but not after the second."""
    for hours in (0, 3.9, 0.6, 3.5, 0.1):
        office.clock.add(timedelta(hours=hours))
        await office.put(Send("zhang", "帮助"))
        await office.flush()

    assert office.got() == ["帮助"] * 5


async def test_a_retry_is_the_same_to_the_byte(office):
    bodies = []
    send = office.client.send

    async def listening(secret, body):
        bodies.append(body)
        return await send(secret, body)

    office.client.send = listening
    office.pretend.api.plan_faults("message/send", -1)
    await office.put(Send("zhang", "好"))
    await office.settle(seconds=5)

    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert office.got() == ["好"]


async def test_a_crash_between_sending_and_noting_shows_it_once(office):
    """The parcel is out, but its row still waits when the program starts again."""
    await office.put(Send("zhang", "记录好了"), card())
    await office.flush()
    await office.writer.do(
        lambda db: db.run("update outbox set state = 'waiting', sent_at = null, attempts = 0")
    )

    await office.flush(office.sender())

    assert len(office.got()) == 2
    assert await office.states() == ["sent", "sent"]


async def test_two_flushes_at_once_send_nothing_twice(office):
    for n in range(10):
        await office.put(Send("zhang", f"第{n}条"), Send("chen", f"第{n}条"))
    sender = office.sender()

    await asyncio.gather(sender.flush(), sender.flush(), sender.flush())

    assert office.got() == office.got("chen") == [f"第{n}条" for n in range(10)]


# What goes wrong


async def test_a_token_refused_in_a_burst_is_replaced_once_and_nothing_is_lost(office):
    sender = office.sender()
    await office.put(Send("zhang", "先来一条"))
    await office.flush(sender)
    office.pretend.api.void_tokens()
    for n in range(10):
        await office.put(Send("zhang", f"第{n}条"), Send("chen", f"第{n}条"))

    await office.flush(sender)

    assert office.got() == ["先来一条"] + [f"第{n}条" for n in range(10)]
    assert office.got("chen") == [f"第{n}条" for n in range(10)]
    assert office.pretend.api.calls["gettoken"] == 2


async def test_what_fails_for_a_moment_waits_longer_each_time_and_keeps_its_place(office):
    office.pretend.api.plan_faults("message/send", -1, times=3)
    await office.put(Send("zhang", "一"), Send("zhang", "二"))

    await office.flush()

    first, second = await office.rows()
    assert (first["state"], first["attempts"]) == ("waiting", 1)
    assert (second["state"], second["attempts"]) == ("waiting", 0)
    assert first["due_at"] == second["due_at"]  # the second waits behind the first
    await office.settle(seconds=30)
    assert office.got() == ["一", "二"]


async def test_one_receiver_s_trouble_does_not_hold_up_another(office):
    office.pretend.api.plan_faults("message/send", -1)
    await office.put(Send("zhang", "一"))
    await office.flush()
    await office.put(Send("zhang", "二"), Send("chen", "早报"))

    await office.flush()

    assert office.got() == []
    assert office.got("chen") == ["早报"]


async def test_an_unreachable_platform_is_tried_again(office):
    class Down:
        async def send(self, secret, body):
            raise sending.WeComError(-2, "HTTP 502", False, 5.0)

    broken = office.sender()
    broken._client = Down()
    await office.put(Send("zhang", "好"))

    await office.flush(broken)

    row = (await office.rows())[0]
    assert (row["state"], row["error"]) == ("waiting", "-2 HTTP 502")
    await office.settle(seconds=10)
    assert office.got() == ["好"]


async def test_what_is_never_taken_is_given_up_after_its_last_pause(office):
    office.pretend.api.plan_faults("message/send", -1, times=99)
    await office.put(Send("zhang", "好"))

    await office.settle(minutes=30)

    row = (await office.rows())[0]
    assert row["state"] == "dead"
    assert row["attempts"] == sending.TRIES + 1
    assert "-1" in row["error"]


async def test_after_six_hours_of_silence_everything_goes_out(office):
    """Gateways answered 502 all the time, so nothing can have been taken."""
    faults = office.pretend.callbacks.faults
    faults.set("http500", 1.0)
    await office.put(Send("zhang", "早"), Send("zhang", "晚"))
    for _ in range(36):
        await office.flush()
        office.clock.add(timedelta(minutes=10))
    faults.clear()

    await office.settle(minutes=10)

    assert office.got() == ["早", "晚"]


async def test_a_quota_that_is_spent_for_hours_kills_nothing(office):
    office.pretend.callbacks.faults.set("busy", 1.0)
    await office.put(Send("zhang", "早"))
    for _ in range(200):
        await office.flush()
        office.clock.add(timedelta(minutes=2))
    office.pretend.callbacks.faults.clear()

    await office.settle(minutes=10)

    assert office.got() == ["早"]


async def test_what_may_have_arrived_is_not_sent_again_after_the_check_has_run_out(office):
    """The answer was lost each time: within four hours WeCom knows a repeat, later it does not."""
    await office.client.token(WORLD.app_secret)
    office.pretend.callbacks.faults.set("lost", 1.0)
    await office.put(Send("zhang", "好"))
    for _ in range(60):
        await office.flush()
        office.clock.add(timedelta(minutes=5))

    row = (await office.rows())[0]
    assert row["state"] == "unknown"
    assert "不确定对方有没有收到" in row["error"]
    assert office.got() == ["好"]


async def test_what_waited_a_day_is_old_news(office):
    office.pretend.callbacks.faults.set("http500", 1.0)
    await office.put(Send("zhang", "好"))
    for _ in range(26):
        await office.flush()
        office.clock.add(timedelta(hours=1))

    assert (await office.rows())[0]["state"] == "dead"


async def test_what_the_platform_refuses_for_good_is_given_up_and_the_next_goes_on(office):
    office.pretend.api.plan_faults("message/send", 81013)
    await office.put(Send("zhang", "一"), Send("zhang", "二"))

    await office.flush()

    assert await office.states() == ["dead", "sent"]
    assert office.got() == ["二"]


async def test_what_was_given_up_can_be_seen_and_revived(office):
    office.pretend.api.plan_faults("message/send", 81013)
    await office.put(Send("zhang", "一"))
    await office.flush()

    dead = await office.writer.do(outbox.given_up)
    assert [(d["target"], d["error"][:5]) for d in dead] == [("zhang", "81013")]
    now = office.clock.now()
    assert await office.writer.do(lambda db: outbox.revive(db, now)) == 1
    await office.flush()
    assert office.got() == ["一"]


async def test_never_more_than_25_a_minute_to_one_member(office):
    for n in range(60):
        await office.put(Send("zhang", f"第{n}条"))
    sender, minutes = office.sender(), []

    for _ in range(4):
        before = len(office.got())
        await office.flush(sender)
        minutes.append(len(office.got()) - before)
        office.clock.add(timedelta(minutes=1, seconds=1))

    assert minutes == [PER_MINUTE, PER_MINUTE, 10, 0]
    assert office.got() == [f"第{n}条" for n in range(60)]
    assert not any(item["dropped"] for item in office.pretend.received())


# Pictures and cards


async def test_a_picture_is_drawn_uploaded_and_sent(office):
    await office.put(Picture("chen", "早报.png", charts.bars("漏斗", "", [])))

    await office.flush()

    image = office.pretend.received()[0]["image"]
    assert (image["name"], image["width"]) == ("早报.png", charts.WIDTH)


async def test_a_picture_that_cannot_be_drawn_stops_nothing_else(office):
    await office.put(Picture("chen", "坏.png", "<svg"), Send("chen", "早报"), Send("zhang", "好"))

    await office.flush()

    assert await office.states() == ["dead", "sent", "sent"]
    assert office.got() == ["好"]
    assert office.got("chen") == ["早报"]


async def test_a_revived_picture_is_uploaded_again_since_uploads_expire(office):
    office.pretend.api.plan_faults("message/send", 81013)
    await office.put(Picture("chen", "早报.png", charts.bars("漏斗", "", [])))
    await office.flush()
    office.clock.add(timedelta(days=4))

    now = office.clock.now()
    await office.writer.do(lambda db: outbox.revive(db, now))
    await office.flush()

    assert await office.states() == ["sent"]


async def test_a_card_has_its_buttons_and_a_task_of_its_own(office):
    await office.put(card())
    await office.flush()

    shown = office.pretend.received()[0]["card"]
    assert shown["task_id"] == "t1"
    assert [b["text"] for b in shown["button_list"]] == ["已联系"]


async def test_the_body_asks_for_the_longest_duplicate_check(office):
    await office.put(Send("zhang", "好"))
    await office.flush()

    body = json.loads((await office.rows())[0]["request"])
    assert body["enable_duplicate_check"] == 1
    assert 14_400 - 600 < body["duplicate_check_interval"] <= 14_400


async def test_what_only_an_operator_can_put_right_is_told_once_a_day_with_the_cure(office):
    office.operators = ("chen",)
    office.pretend.api.plan_faults("externalcontact/send_welcome_msg", 60020, times=4)
    for n in range(2):
        await office.put(Welcome(f"wm{n}", "code", "您好"), Send("zhang", "好"))
        await office.flush()

    (told,) = office.got("chen")
    assert "可信 IP" in told
    assert "from ip: 127.0.0.1" in told
    assert office.got() == ["好", "好"]

    office.clock.add(timedelta(days=1))
    await office.put(Welcome("wm9", "code", "您好"))
    await office.flush()
    assert len(office.got("chen")) == 2


# Every kind of message

BOX = Question("q1", (Option("a", "续航"), Option("b", "价格")), picked=("b",))
KINDS = [
    (Markdown("zhang", "**今天** 3 位"), "markdown"),
    (News("zhang", (Article("看车日", "https://a.example/1", "周六", "https://a.example/p.png"),)),
     "news"),
    (TextCard("zhang", "早报", "昨天到店 3 人", "https://a.example/1", "看一看吧你"), "textcard"),
    (File("zhang", "名单.csv", "姓名,级别\n王女士,A"), "file"),
    (Notice("zhang", "本周", "https://a.example/1", emphasis=("12", "到店"),
            pairs=(("门店", "朝阳"),)), "template_card"),
    (Notice("zhang", "本周", "https://a.example/1", picture="https://a.example/p.png"),
     "template_card"),
    (Vote("zhang", "v1", "她在意什么", BOX, Button("提交", "done"), many=True), "template_card"),
    (Form("zhang", "f1", "记一下", (BOX, replace(BOX, key="q2", title="级别", picked=())),
          Button("提交", "done")), "template_card"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "kind"), KINDS)
async def test_every_kind_of_message_is_taken_by_the_platform(office, action, kind):
    await office.put(action)
    await office.flush()

    (item,) = office.pretend.received()
    assert item["type"] == kind
    assert await office.states() == ["sent"]


LONG = "长" * 5000
OVERLONG = [
    Markdown("zhang", LONG),
    TextCard("zhang", LONG, LONG, "https://a.example/1", LONG),
    News("zhang", tuple(Article(LONG, "https://a.example/1", LONG) for _ in range(9))),
    Card("zhang", "c1", "王女士", tuple(Button(f"{n}", f"{n}{LONG}") for n in range(9)),
         pairs=(("级别", "A"),) * 9),
    Vote("zhang", "v1", "她在意什么",
         Question("q", tuple(Option(f"{n}{LONG}", "续航") for n in range(30))), Button("好", LONG)),
    Form("zhang", "f1", "记一下",
         tuple(replace(BOX, key=f"q{n}", options=BOX.options * 9) for n in range(5)),
         Button("好", "ok")),
]  # fmt: skip


@pytest.mark.parametrize("action", OVERLONG, ids=lambda a: type(a).__name__)
async def test_what_is_too_long_is_cut_at_a_character_and_said_so(office, action, caplog):
    await office.put(action)
    await office.flush()

    assert set(await office.states()) == {"sent"}
    assert not any("\ufffd" in item["text"] for item in office.pretend.received())
    whole = isinstance(action, Markdown)  # it leaves in pieces, so nothing is lost
    assert whole != any("cut" in r.message or "left out" in r.message for r in caplog.records)


async def test_half_an_address_leads_nowhere_so_the_message_is_given_up(office):
    await office.put(TextCard("zhang", "早报", "昨天", "https://a.example/" + "x" * 2048),
                     Send("zhang", "好"))  # fmt: skip
    await office.flush()

    assert await office.states() == ["dead", "sent"]


async def test_a_file_keeps_its_chinese_name_and_opens_in_a_table_program(office):
    await office.put(File("zhang", "名单.csv", "姓名\n王女士"))
    await office.flush()

    (item,) = office.pretend.received()
    assert item["file"]["name"] == "名单.csv"
    stored = office.pretend.api.media.get(item["file"]["media_id"], office.clock.now(), "file")
    assert stored.data.decode("utf-8-sig") == "姓名\n王女士"


@pytest.mark.parametrize(
    ("action", "chosen", "found"),
    [
        (KINDS[6][0], {"q1": ["a", "b"]}, {"q1": ("a", "b")}),
        (KINDS[6][0], {"q1": ["a"]}, {"q1": ("a",)}),
        (KINDS[7][0], {"q1": ["b"], "q2": ["a"]}, {"q1": ("b",), "q2": ("a",)}),
        (KINDS[7][0], {}, {"q1": ("b",), "q2": ("a",)}),
    ],
)
async def test_what_was_chosen_on_a_card_reaches_the_handlers(office, action, chosen, found):
    await office.put(action)
    await office.flush()
    (item,) = office.pretend.received()

    pressed = office.pretend._pressed(item, "done", chosen)
    fields = office.pretend._fields("zhang", "event", Event="template_card_event", **pressed)
    kept = envelope.identify("app", xml(fields))
    msg = envelope.inbound(kept, office.clock.now())

    assert picked(msg) == found
    assert msg.fields["TaskId"] == action.task_id


# Limits that outlive the process


async def test_never_more_than_900_an_hour_to_one_member_whoever_sends(office):
    """Sent by others an hour ago or less, as the rows say; a fresh process knows them all."""
    for n in range(890):
        await office.writer.do(lambda db, n=n: _gone(db, n, office.clock.now()))
    office.clock.add(timedelta(minutes=30))
    for n in range(20):
        await office.put(Send("zhang", f"第{n}条"))

    await office.flush()
    assert len(office.got()) == 10

    office.clock.add(timedelta(minutes=31))
    await office.flush()
    assert office.got() == [f"第{n}条" for n in range(20)]


def _gone(db, n, now):
    outbox.put(db, parcel_id=f"old{n}", cause="old", kind="text", target="zhang", body="{}",
               digest=f"old{n}", now=now)  # fmt: skip
    outbox.sent(db, [f"old{n}"], now)


async def test_the_app_as_a_whole_keeps_below_the_platform_s_limit(office):
    sender = office.sender()
    assert sender.pace == sending.ALL_PER_MINUTE < 10_000
    sender.pace = 10
    for n in range(8):
        await office.put(Send("zhang", f"第{n}条"), Send("chen", f"第{n}条"))

    await office.flush(sender)
    assert len(office.got()) + len(office.got("chen")) == 10

    office.clock.add(timedelta(seconds=61))
    await office.flush(sender)
    assert len(office.got()) + len(office.got("chen")) == 16
