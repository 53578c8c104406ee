"""What each kind of archived message means: words, activity, recall, consent, switch."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import app, library
from bot.archive import messages
from handlers.values import Inbound
from storage import archive, customers, groups, inbox

MINUTE = timedelta(minutes=1)


@pytest.fixture
def chat(talk):
    """Archived objects go through the inbox row and the reading of it, as in the product."""

    class Chat:
        def __init__(self):
            self.talk, self.db, self.n = talk, talk.db, 0

        def object(self, kind="text", body=None, sender="wang", to="zhang", **more):
            self.n += 1
            field = messages.FIELDS.get(kind, kind)
            return {"msgid": f"m{self.n}", "action": "send", "from": sender, "tolist": [to],
                    "roomid": "", "msgtime": int(talk.now.timestamp() * 1000), "msgtype": kind,
                    field: body or {}, **more}  # fmt: skip

        def tell(self, found):
            kept = library.archived(found)
            row = inbox.Kept(kept.id, kept.channel, kept.lane, kept.body)
            inbox.keep(talk.db, row, talk.now)
            did = talk.tell(app.read(row, talk.now, ""))
            inbox.done(talk.db, kept.id, talk.now)
            return did

        def says(self, words, **more):
            return self.tell(self.object("text", {"content": words}, **more))

        def recalls(self, msgid, sender="wang"):
            return self.tell(self.object("revoke", {"pre_msgid": msgid}, sender, action="recall"))

        def answers(self, kind, at=None, who="wang", to="zhang", **more):
            stamp = int((at or talk.now).timestamp() * 1000)
            return self.tell(self.object(kind, {"userid": who, f"{kind}_time": stamp}, who, to,
                                         **more))  # fmt: skip

        def log(self, who="wang"):
            return [(m["who"], m["text"]) for m in customers.talk(talk.db, who)][::-1]

        def body(self, msgid):
            return talk.db.rows("select body from inbox where id = :i", i=f"archive:{msgid}")[0][
                "body"
            ]

    return Chat()


# Words

QUOTE = '这是一条引用/回复消息：\n"李先生：\nS6太贵了"\n------\n我也想问续航'


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"msgtype": "text", "text": {"content": "你好"}}, "你好"),
        ({"msgtype": "text", "text": {"content": QUOTE}}, "我也想问续航"),
        ({"msgtype": "text", "text": {"content": "这是一条引用/回复消息：\n\"太贵了\""}}, ""),
        ({"msgtype": "text", "text": {"content": "a\0b"}}, "ab"),
        ({"msgtype": "text", "text": ["x"]}, ""),
        ({"msgtype": "markdown", "info": {"content": "**优惠**"}}, "**优惠**"),
        ({"msgtype": "mixed", "mixed": {"item": [
            {"type": "text", "content": '{"content": "这款"}'},
            {"type": "image", "content": '{"sdkfileid": "x"}'},
            {"type": "text", "content": '{"content": "多少钱"}'}]}}, "这款\n多少钱"),
        ({"msgtype": "mixed", "mixed": {"item": [{"type": "Text", "content": "散的"}]}}, "散的"),
        ({"msgtype": "mixed", "mixed": None}, ""),
        ({"msgtype": "chatrecord", "chatrecord": {"item": [
            {"type": "ChatRecordText", "content": '{"content": "别人的话"}'}]}}, ""),
        ({"msgtype": "link", "link": {"title": "别人的标题"}}, ""),
        ({"msgtype": "news", "info": {"item": [{"title": "图文"}]}}, ""),
    ],
)  # fmt: skip
def test_only_the_sender_s_own_words_are_read(found, words):
    assert messages.words(found) == words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*messages.FIELDS, *messages.FIELDS.values(), "text", "mixed", "item",
                         "content", "msgtype", "msgid", "action", "type", "tolist", "from",
                         "msgtime", "revoke", "agree"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_no_object_breaks_the_check(found):
    assert isinstance(messages.wrong(found), str)


@given(st.dictionaries(st.sampled_from(["text", "mixed", "info", "msgtype"]), JSON),
       st.sampled_from(["text", "mixed", "markdown", "image"]))  # fmt: skip
def test_no_object_breaks_the_words(found, kind):
    assert isinstance(messages.words({**found, "msgtype": kind}), str)


@pytest.mark.parametrize(
    "stamp", [0, -5, 10**30, "1775000399123", None, 1.5, True], ids=repr
)  # a time that is none
def test_a_strange_time_is_the_time_it_came(talk, stamp):
    kept = library.archived({"msgid": "x", "msgtype": "text", "from": "wang", "msgtime": stamp})
    row = inbox.Kept(kept.id, kept.channel, kept.lane, kept.body)

    found = app.read(row, talk.now, "").sent_at

    assert found == talk.now or stamp is True


# Kinds

KINDS = [kind for kind in ("image", "voice", "video", "emotion", "file", "location", "card",
         "link", "weapp", "chatrecord", "redpacket", "external_redpacket", "meeting",
         "meeting_notification", "meeting_voice_call", "voip_doc_share", "docmsg", "news",
         "calendar", "todo", "vote", "collect", "sphfeed", "voiptext", "qydiskfile",
         "somethingnew")]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_words_is_activity_and_nothing_else(chat, kind):
    body = {"title": "太贵了", "content": "我要投诉", "sdkfileid": "f"}

    assert chat.tell(chat.object(kind, body)) == []

    assert chat.talk.customer("wang").spoke_at == chat.talk.now
    assert chat.talk.concerns("wang") == {}
    ((who, shown),) = chat.log()
    assert who == "customer"
    assert shown.startswith("［")
    assert shown.endswith("］")


def test_a_picture_of_the_advisor_counts_as_contact(chat):
    chat.tell(chat.object("image", {"sdkfileid": "f"}, sender="zhang", to="wang"))

    assert chat.talk.customer("wang").contacted_at == chat.talk.now
    assert chat.log() == [("advisor", "［图片］")]


def test_a_picture_between_words_joins_nothing(chat):
    chat.says("S6冬天续航怎么样")
    chat.talk.now += timedelta(seconds=1)
    chat.tell(chat.object("image", {"sdkfileid": "f"}))
    chat.talk.now += timedelta(seconds=1)
    chat.says("有点贵")

    assert chat.talk.concerns("wang").keys() == {"range", "price"}
    assert [text for _, text in chat.log()] == ["S6冬天续航怎么样", "［图片］", "有点贵"]


def test_a_quoted_line_is_not_taken_for_the_customer_s(chat):
    chat.says(QUOTE)

    assert chat.talk.concerns("wang").keys() == {"range"}


def test_markdown_and_mixed_are_read(chat):
    item = {"type": "text", "content": json.dumps({"content": "S6冬天续航怎么样"})}
    chat.tell(chat.object("mixed", {"item": [item, {"type": "image", "content": "{}"}]}))

    assert chat.talk.concerns("wang").keys() == {"range"}


def test_a_switch_of_the_company_is_no_message(chat):
    found = {"msgid": "s1", "action": "switch", "time": 1772758000000, "user": "zhang"}

    assert chat.tell(found) == []
    assert chat.talk.db.rows("select * from messages") == []


def test_a_bell_and_an_event_do_nothing_by_themselves(talk):
    bell = Inbound("b", "archive", "event", "sys", talk.now, event="msgaudit_notify")

    assert talk.tell(bell) == []


# Rooms


def test_in_a_room_the_advisor_speaks_to_nobody_in_particular(chat):
    chat.says("续航您放心", sender="zhang", to="wang", roomid="wr1")

    assert chat.log() == []
    assert chat.talk.customer("wang").contacted_at is None


def test_in_a_room_only_who_said_it_is_tagged(chat):
    groups.put(chat.db, chat_id="wr1", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=chat.talk.now)  # fmt: skip
    chat.says("S6冬天续航怎么样？", roomid="wr1", tolist=["zhang", "li"])

    assert chat.talk.concerns("wang").keys() == {"range"}
    assert chat.talk.concerns("li") == {}


# Recall


def test_a_recall_takes_back_what_came_from_the_message(chat):
    chat.says("预算18万，想周末试驾，明天就能定")
    level = chat.talk.customer("wang").level
    chat.talk.now += MINUTE

    chat.recalls("m1")

    assert level != "N"
    assert chat.talk.customer("wang").level == "N"
    assert customers.tags(chat.db, "wang", chat.talk.now) == []
    assert chat.log() == [("recalled", "［已撤回］")]
    assert chat.body("m1") == "{}"
    assert "撤回" in chat.talk.texts()


def test_what_was_said_before_the_recalled_message_stays_as_it_was(chat):
    chat.says("S6冬天续航怎么样？")
    before = customers.tags(chat.db, "wang", chat.talk.now)
    chat.talk.now += MINUTE
    chat.says("有点贵，冬天续航不行吧")

    chat.recalls("m2")

    assert customers.tags(chat.db, "wang", chat.talk.now) == before


def test_the_model_goes_with_the_message_that_named_it(chat):
    chat.says("S6多少钱")
    chat.talk.now += MINUTE
    chat.says("有点贵")
    assert chat.talk.customer("wang").model == "S6"

    chat.recalls("m1")

    assert chat.talk.customer("wang").model == ""


def test_an_old_message_can_be_recalled_while_the_newer_ones_stay(chat):
    chat.says("有点贵")
    chat.talk.now += MINUTE
    chat.says("S6冬天续航怎么样？")
    chat.talk.now += MINUTE
    chat.says("内饰好看吗")

    chat.recalls("m1")

    assert "price" not in chat.talk.concerns("wang")
    assert "range" in chat.talk.concerns("wang")


def test_a_concern_named_twice_falls_back_to_the_first_time(chat):
    chat.says("有点贵")
    first = customers.tags(chat.db, "wang", chat.talk.now, "concern")[0]
    chat.talk.now += MINUTE
    chat.says("真的太贵了")
    chat.talk.now += MINUTE
    chat.says("内饰好看吗")  # the burst of the recalled one is not the newest any more

    chat.recalls("m2")

    now = next(t for t in customers.tags(chat.db, "wang", chat.talk.now) if t.code == "price")
    assert (now.evidence, now.message, now.mentions) == (first.evidence, "archive:m1", 1)


def test_a_piece_of_a_breath_is_recalled_and_the_rest_is_read_again(chat):
    chat.says("S6冬天续航怎么样？")
    chat.talk.now += timedelta(seconds=1)
    chat.says("也太贵了吧")

    chat.recalls("m2")

    assert chat.talk.concerns("wang").keys() == {"range"}


def test_a_recall_that_overtakes_its_message_keeps_it_unread(chat):
    late = chat.object("text", {"content": "太贵了"})

    chat.recalls("m1")
    chat.tell(late)

    assert chat.talk.concerns("wang") == {}
    assert chat.log() == []
    assert chat.body("m1") == "{}"


def test_what_an_advisor_recalls_is_marked_too(chat):
    chat.says("给您优惠两万", sender="zhang", to="wang")

    assert chat.recalls("m1", sender="zhang") == []
    assert chat.log() == [("recalled", "［已撤回］")]


def test_a_recall_of_nothing_known_does_nothing(chat):
    assert chat.recalls("never") == []


# Consent


def test_a_refusal_in_mid_stream_stops_the_reading(chat):
    chat.says("S6冬天续航怎么样？")
    chat.talk.now += MINUTE
    chat.answers("disagree")
    assert "不同意会话存档" in chat.talk.texts()
    before = chat.talk.customer("wang")

    chat.talk.now += MINUTE
    assert chat.says("太贵了，我要投诉") == []
    assert chat.tell(chat.object("image", {"sdkfileid": "f"})) == []

    assert chat.talk.customer("wang") == before
    assert chat.talk.concerns("wang").keys() == {"range"}
    assert len(chat.log()) == 1
    assert chat.body("m3") == "{}"
    assert chat.body("m4") == "{}"


def test_agreement_opens_it_again_from_then_on(chat):
    chat.answers("disagree")
    chat.talk.now += MINUTE
    chat.answers("agree")

    chat.says("S6冬天续航怎么样？")

    assert chat.talk.concerns("wang").keys() == {"range"}


def test_the_newest_answer_holds_however_late_the_older_comes(chat):
    earlier = chat.talk.now - MINUTE
    chat.answers("disagree")
    chat.answers("agree", at=earlier)

    assert chat.talk.customer("wang").archive_refused_at == chat.talk.now


def test_one_refusal_counts_whatever_was_agreed_with_somebody_else(chat):
    chat.answers("disagree", to="zhang")
    chat.talk.now += MINUTE
    chat.answers("agree", to="liu")

    assert chat.talk.customer("wang").archive_refused_at is not None


def test_who_refused_before_they_were_a_customer_is_not_read_afterwards(chat):
    chat.answers("disagree", who="wmnew")
    customers.add(chat.db, customers.Customer(id="wmnew", name="新客", owner="zhang",
                                              store="bj-cy", added_at=chat.talk.now))  # fmt: skip

    assert chat.says("太贵了", sender="wmnew") == []
    assert chat.talk.customer("wmnew").archive_refused_at is not None
    assert chat.log("wmnew") == []


def test_an_approval_by_callback_opens_it(chat):
    chat.answers("disagree")
    chat.talk.now += MINUTE
    fields = {"ChangeType": "msg_audit_approved", "UserID": "ZHANG", "ExternalUserID": "wang"}

    chat.talk.tell(Inbound("e", "contact", "event", "sys", chat.talk.now,
                           event="change_external_contact", fields=fields))  # fmt: skip

    assert chat.talk.customer("wang").archive_refused_at is None


@pytest.mark.parametrize("sender", ["stranger", "zhang"])
def test_what_concerns_no_customer_is_not_kept(chat, sender):
    chat.says("中午吃什么", sender=sender, to="somebody")

    assert chat.body("m1") == "{}"


# Said long ago


def old(chat, days, words, **more):
    at = chat.talk.now - timedelta(days=days)
    return chat.says(words, msgtime=int(at.timestamp() * 1000), **more)


def test_what_was_said_long_ago_counts_from_then_and_calls_nobody(chat):
    assert old(chat, 30, "S6冬天续航怎么样？") == []

    tag = customers.tags(chat.db, "wang", chat.talk.now, "concern")[0]
    assert tag.last_at == chat.talk.now - timedelta(days=30)
    assert chat.talk.customer("wang").spoke_at == chat.talk.now - timedelta(days=30)
    due = chat.db.rows("select due_at from followups where state = 'open'")
    assert all(row["due_at"] > chat.talk.now.isoformat() for row in due)


def cadence(chat):
    return chat.db.rows("select due_at from followups where state = 'open' and kind = 'cadence'")


def test_words_of_last_week_owe_a_contact_from_now_on(chat):
    old(chat, 7, "S6冬天续航怎么样？")

    (row,) = cadence(chat)
    assert row["due_at"] > chat.talk.now.isoformat()


def test_words_of_last_year_owe_nothing(chat):
    old(chat, 300, "S6冬天续航怎么样？")
    chat.tell(chat.object("image", {}, msgtime=1_750_000_000_000))

    assert cadence(chat) == []


def test_words_of_last_year_do_not_move_what_is_owed(chat):
    chat.says("有点贵")
    before = cadence(chat)
    customers.change(chat.db, "wang", spoke_at=None)  # as if it had been an advisor's note

    old(chat, 300, "S6冬天续航怎么样？")

    assert len(before) == 1
    assert cadence(chat) == before


def test_what_is_older_than_what_is_known_adds_and_changes_nothing_newer(chat):
    chat.says("有点贵")
    before = chat.talk.customer("wang")

    assert old(chat, 30, "价格挺划算的，冬天续航怎么样？") == []

    now = {t.code: t for t in customers.tags(chat.db, "wang", chat.talk.now, "concern")}
    assert now["price"].evidence in "有点贵"
    assert now["range"].last_at == chat.talk.now - timedelta(days=30)
    assert chat.talk.customer("wang").spoke_at == before.spoke_at


def test_a_complaint_that_an_outage_kept_back_is_still_told(chat):
    old(chat, 2, "你们这是欺骗消费者，我要投诉")

    assert "投诉" in chat.talk.texts("chen")


def test_an_old_opt_out_holds_and_an_old_complaint_is_only_noted(chat):
    assert old(chat, 40, "你们这是欺骗消费者，我要投诉") == []
    assert old(chat, 39, "别再给我发了，退订") == []

    assert chat.talk.customer("wang").opted_out_at is not None


def test_forgotten_recalls_are_forgotten(db, talk):
    archive.recall(db, "a", talk.now)

    assert archive.forget(db, talk.now + MINUTE) == 1
    assert not archive.recalled(db, "a")
