"""Every message and event of the platform read into an Inbound."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.work import parse_message

from bot.wecom import elements, envelope, kinds

AT = datetime(2026, 3, 6, 1, 0, tzinfo=UTC)
SAID = datetime.fromtimestamp(1775000001, UTC)


def read(inner: str, channel: str = "app"):
    plaintext = (
        "<xml><ToUserName><![CDATA[wwdemo0000000001]]></ToUserName>"
        "<FromUserName><![CDATA[lin.advisor]]></FromUserName>"
        f"<CreateTime>1775000001</CreateTime>{inner}<AgentID>1000002</AgentID></xml>"
    )
    return envelope.inbound(envelope.identify(channel, plaintext), AT)


def message(kind: str, inner: str):
    return read(f"<MsgType><![CDATA[{kind}]]></MsgType>{inner}<MsgId>7001</MsgId>")


def event(name: str, inner: str = ""):
    head = "<MsgType><![CDATA[event]]></MsgType>"
    return read(f"{head}<Event><![CDATA[{name}]]></Event>{inner}")


def said_by_sys(inner: str):
    plaintext = (
        "<xml><ToUserName><![CDATA[ww1]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
        f"<CreateTime>1775000300</CreateTime><MsgType><![CDATA[event]]></MsgType>{inner}</xml>"
    )
    return envelope.inbound(envelope.identify("contact", plaintext), AT)


MESSAGES = {
    "text": ("<Content><![CDATA[客户问置换]]></Content>", {"Content": "客户问置换"}),
    "image": (
        "<PicUrl><![CDATA[http://p/1]]></PicUrl><MediaId><![CDATA[M1]]></MediaId>",
        {"PicUrl": "http://p/1", "MediaId": "M1"},
    ),
    "voice": (
        "<MediaId>M2</MediaId><Format><![CDATA[amr]]></Format>",
        {"MediaId": "M2", "Format": "amr"},
    ),
    "video": (
        "<MediaId>M3</MediaId><ThumbMediaId>T3</ThumbMediaId>",
        {"MediaId": "M3", "ThumbMediaId": "T3"},
    ),
    "location": (
        "<Location_X>23.13</Location_X><Location_Y>113.26</Location_Y><Scale>15</Scale>"
        "<Label><![CDATA[广州 天河]]></Label><AppType><![CDATA[wxwork]]></AppType>",
        {
            "Location_X": "23.13",
            "Location_Y": "113.26",
            "Scale": "15",
            "Label": "广州 天河",
            "AppType": "wxwork",
        },
    ),
    "link": (
        "<Title><![CDATA[S6 评测]]></Title><Description><![CDATA[长文]]></Description>"
        "<Url><![CDATA[https://e/1]]></Url><PicUrl><![CDATA[https://e/p]]></PicUrl>",
        {"Title": "S6 评测", "Description": "长文", "Url": "https://e/1", "PicUrl": "https://e/p"},
    ),
}


@pytest.mark.parametrize(("kind", "sent"), MESSAGES.items(), ids=MESSAGES)
def test_every_kind_of_message_is_read(kind, sent):
    inner, expected = sent

    msg = message(kind, inner)

    assert (msg.kind, msg.sender, msg.channel, msg.event) == (kind, "lin.advisor", "app", "")
    assert msg.id == "app:m:1000002:7001"
    assert msg.sent_at == SAID
    assert expected.items() <= msg.fields.items()
    assert msg.text == expected.get("Content", "")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<![CDATA[  续航 \n]]>", "  续航 \n"),
        ("  plain  ", "  plain  "),
        ("\n  <![CDATA[ 冬天 ]]>\n", " 冬天 "),
        ("<![CDATA[]]>", ""),
        ("", ""),
        ("<![CDATA[a]]]]><![CDATA[>b]]>", "a]]>b"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("<![CDATA[@all <b>{{7*7}}</b>]]>", "@all <b>{{7*7}}</b>"),
    ],
)
def test_what_was_typed_is_kept_to_the_blank(content, text):
    assert message("text", f"<Content>{content}</Content>").text == text


EVENTS = {
    "subscribe": ("", {}),
    "unsubscribe": ("", {}),
    "enter_agent": ("<EventKey><![CDATA[]]></EventKey>", {"EventKey": ""}),
    "LOCATION": (
        "<Latitude>23.1</Latitude><Longitude>113.2</Longitude><Precision>20</Precision>"
        "<AppType><![CDATA[wxwork]]></AppType>",
        {"Latitude": "23.1", "Longitude": "113.2", "Precision": "20", "AppType": "wxwork"},
    ),
    "click": ("<EventKey><![CDATA[todo]]></EventKey>", {"EventKey": "todo"}),
    "view": ("<EventKey><![CDATA[https://e/1]]></EventKey>", {"EventKey": "https://e/1"}),
    "view_miniprogram": ("<EventKey>pages/index</EventKey>", {"EventKey": "pages/index"}),
    "scancode_push": (
        "<EventKey>k</EventKey><ScanCodeInfo><ScanType>qrcode</ScanType>"
        "<ScanResult><![CDATA[1 2]]></ScanResult></ScanCodeInfo><AppType>wxwork</AppType>",
        {"EventKey": "k", "ScanCodeInfo": {"ScanType": "qrcode", "ScanResult": "1 2"}},
    ),
    "scancode_waitmsg": (
        "<EventKey>k</EventKey><ScanCodeInfo><ScanType>barcode</ScanType>"
        "<ScanResult>42</ScanResult></ScanCodeInfo>",
        {"ScanCodeInfo": {"ScanType": "barcode", "ScanResult": "42"}},
    ),
    "pic_sysphoto": (
        "<EventKey>k</EventKey><SendPicsInfo><Count>1</Count><PicList><item>"
        "<PicMd5Sum>aa</PicMd5Sum></item></PicList></SendPicsInfo>",
        {"SendPicsInfo": {"Count": "1", "PicList": [{"PicMd5Sum": "aa"}]}},
    ),
    "pic_photo_or_album": (
        "<EventKey>k</EventKey><SendPicsInfo><Count>2</Count><PicList><item>"
        "<PicMd5Sum>aa</PicMd5Sum></item><item><PicMd5Sum>bb</PicMd5Sum></item></PicList>"
        "</SendPicsInfo>",
        {"SendPicsInfo": {"Count": "2", "PicList": [{"PicMd5Sum": "aa"}, {"PicMd5Sum": "bb"}]}},
    ),
    "pic_weixin": (  # seen in the field: PicList itself repeated
        "<EventKey>k</EventKey><SendPicsInfo><Count>2</Count><PicList><item><PicMd5Sum>aa"
        "</PicMd5Sum></item></PicList><PicList><item><PicMd5Sum>bb</PicMd5Sum></item></PicList>"
        "</SendPicsInfo>",
        {"SendPicsInfo": {"Count": "2", "PicList": [{"PicMd5Sum": "aa"}, {"PicMd5Sum": "bb"}]}},
    ),
    "location_select": (
        "<EventKey>k</EventKey><SendLocationInfo><Location_X>23</Location_X><Location_Y>113"
        "</Location_Y><Scale>16</Scale><Label>天河</Label><Poiname></Poiname></SendLocationInfo>",
        {
            "SendLocationInfo": {
                "Location_X": "23",
                "Location_Y": "113",
                "Scale": "16",
                "Label": "天河",
                "Poiname": "",
            }
        },
    ),
    "template_card_event": (
        "<EventKey>use_script</EventKey><TaskId>suggest-42@lin</TaskId>"
        "<CardType>multiple_interaction</CardType><ResponseCode>RC-demo-1</ResponseCode>"
        "<SelectedItems><SelectedItem><QuestionKey>tier</QuestionKey>"
        "<OptionIds><OptionId>A</OptionId></OptionIds></SelectedItem></SelectedItems>",
        {
            "EventKey": "use_script",
            "TaskId": "suggest-42@lin",
            "CardType": "multiple_interaction",
            "ResponseCode": "RC-demo-1",
            "SelectedItems": [{"QuestionKey": "tier", "OptionIds": ["A"]}],
        },
    ),
    "template_card_menu_event": (
        "<EventKey>mute</EventKey><TaskId>t1</TaskId><CardType>text_notice</CardType>"
        "<ResponseCode>RC-2</ResponseCode>",
        {"EventKey": "mute", "TaskId": "t1", "CardType": "text_notice", "ResponseCode": "RC-2"},
    ),
    "taskcard_click": (
        "<EventKey>yes</EventKey><TaskId>t9</TaskId><AgentId>1</AgentId>",
        {"EventKey": "yes", "TaskId": "t9", "AgentId": "1"},
    ),
    "batch_job_result": (
        "<BatchJob><JobId>j1</JobId><JobType>sync_user</JobType><ErrCode>0</ErrCode>"
        "<ErrMsg>ok</ErrMsg></BatchJob>",
        {"BatchJob": {"JobId": "j1", "JobType": "sync_user", "ErrCode": "0", "ErrMsg": "ok"}},
    ),
    "open_approval_change": (
        "<ApprovalInfo><ThirdNo>n1</ThirdNo><OpenSpName>优惠审批</OpenSpName>"
        "<OpenTemplateId>t</OpenTemplateId><OpenSpStatus>1</OpenSpStatus>"
        "<ApplyTime>1775000001</ApplyTime><ApplyUserName>林</ApplyUserName>"
        "<ApplyUserId>lin</ApplyUserId><ApplyUserParty>门店</ApplyUserParty><ApplyUserImage/>"
        "<ApprovalNodes><ApprovalNode><NodeStatus>1</NodeStatus><Items><Item><ItemName>陈"
        "</ItemName></Item></Items></ApprovalNode></ApprovalNodes>"
        "<NotifyNodes><NotifyNode><ItemName>周</ItemName></NotifyNode></NotifyNodes>"
        "<approverstep>0</approverstep></ApprovalInfo>",
        {
            "ApprovalInfo": {
                "ThirdNo": "n1",
                "OpenSpName": "优惠审批",
                "OpenTemplateId": "t",
                "OpenSpStatus": "1",
                "ApplyTime": "1775000001",
                "ApplyUserName": "林",
                "ApplyUserId": "lin",
                "ApplyUserParty": "门店",
                "ApplyUserImage": "",
                "ApprovalNodes": [{"NodeStatus": "1", "Items": [{"ItemName": "陈"}]}],
                "NotifyNodes": [{"ItemName": "周"}],
                "approverstep": "0",
            }
        },
    ),
    "change_contact": (
        "<ChangeType>update_user</ChangeType><UserID>zhang</UserID><NewUserID>zhang2</NewUserID>"
        "<Name>张</Name><Department>1,2</Department><ExtAttr><Item><Name>爱好</Name><Type>0</Type>"
        "<Text><Value>旅游</Value></Text></Item></ExtAttr>",
        {
            "ChangeType": "update_user",
            "UserID": "zhang",
            "NewUserID": "zhang2",
            "Department": "1,2",
            "ExtAttr": [{"Name": "爱好", "Type": "0", "Text": {"Value": "旅游"}}],
        },
    ),
    "share_agent_change": ("", {}),
    "share_chain_change": ("", {}),
    "switch_workbench_mode": ("<Mode>1</Mode>", {"Mode": "1"}),
    "inactive_alert": ("<EffectTime>1775000099</EffectTime>", {"EffectTime": "1775000099"}),
    "close_inactive_agent": ("", {}),
    "reopen_inactive_agent": ("", {}),
    "low_active_alert": ("<EffectTime>1</EffectTime>", {"EffectTime": "1"}),
    "low_active": ("<EffectTime>1</EffectTime>", {"EffectTime": "1"}),
    "active_restored": ("", {}),
    "never_heard_of": ("<Surprise><a>1</a><a>2</a></Surprise>", {"Surprise": {"a": ["1", "2"]}}),
}


@pytest.mark.parametrize(("name", "sent"), EVENTS.items(), ids=EVENTS)
def test_every_event_is_read(name, sent):
    inner, expected = sent

    msg = event(name, inner)

    assert (msg.kind, msg.event, msg.sender) == ("event", name.lower(), "lin.advisor")
    assert msg.fields["Event"] == name
    assert msg.sent_at == SAID
    assert expected.items() <= msg.fields.items()


RELATION = "<UserID>lin</UserID><ExternalUserID>wm1</ExternalUserID>"
CONTACT_EVENTS = {
    "add_external_contact": (
        "<State>expo</State><WelcomeCode>WC-1</WelcomeCode>",
        {"State": "expo"},
    ),
    "edit_external_contact": ("<State>expo</State>", {"State": "expo"}),
    "add_half_external_contact": ("<WelcomeCode>WC-2</WelcomeCode>", {"WelcomeCode": "WC-2"}),
    "del_external_contact": (
        "<Source>DELETE_BY_TRANSFER</Source>",
        {"Source": "DELETE_BY_TRANSFER"},
    ),
    "del_follow_user": ("", {}),
    "transfer_fail": (
        "<FailReason>customer_refused</FailReason>",
        {"FailReason": "customer_refused"},
    ),
    "msg_audit_approved": ("", {}),
}


@pytest.mark.parametrize(("change", "sent"), CONTACT_EVENTS.items(), ids=CONTACT_EVENTS)
def test_every_change_of_a_contact_is_read(change, sent):
    inner, expected = sent
    head = f"<Event>change_external_contact</Event><ChangeType>{change}</ChangeType>"

    msg = said_by_sys(head + RELATION + inner)

    common = {"ChangeType": change, "UserID": "lin", "ExternalUserID": "wm1"}
    assert (msg.event, msg.sender, msg.channel) == ("change_external_contact", "sys", "contact")
    assert (common | expected).items() <= msg.fields.items()


@pytest.mark.parametrize("people", [[], ["wm1"], ["wm1", "lin", "wm2"]])
def test_who_joined_a_group_is_always_a_list(people):
    items = "".join(f"<Item>{one}</Item>" for one in people)

    msg = said_by_sys(
        "<Event>change_external_chat</Event><ChangeType>update</ChangeType><ChatId>wr1</ChatId>"
        "<UpdateDetail>add_member</UpdateDetail><JoinScene>1</JoinScene>"
        f"<MemChangeCnt>1</MemChangeCnt><MemChangeList>{items}</MemChangeList>"
        "<LastMemVer>v1</LastMemVer><CurMemVer>v2</CurMemVer>"
    )

    assert msg.chat == "wr1"
    assert msg.fields["MemChangeList"] == people
    assert (msg.fields["LastMemVer"], msg.fields["CurMemVer"]) == ("v1", "v2")


@pytest.mark.parametrize(
    ("inner", "event_", "expected"),
    [
        (
            "<Event>change_external_tag</Event><Id>et1</Id><TagType>tag</TagType>"
            "<ChangeType>update</ChangeType><StrategyId>3</StrategyId>",
            "change_external_tag",
            {"Id": "et1", "TagType": "tag", "ChangeType": "update", "StrategyId": "3"},
        ),
        (
            "<Event>customer_acquisition</Event><ChangeType>customer_start_chat</ChangeType>"
            "<UserID>lin</UserID><ExternalUserID>wm1</ExternalUserID><LinkId>L</LinkId>",
            "customer_acquisition",
            {"ChangeType": "customer_start_chat", "LinkId": "L"},
        ),
        (
            "<Event>kf_account_auth_change</Event><AuthAddOpenKfId>wk1</AuthAddOpenKfId>",
            "kf_account_auth_change",
            {"AuthAddOpenKfId": ["wk1"]},
        ),
        (
            "<Event>kf_account_auth_change</Event><AuthDelOpenKfId>wk1</AuthDelOpenKfId>"
            "<AuthDelOpenKfId>wk2</AuthDelOpenKfId>",
            "kf_account_auth_change",
            {"AuthDelOpenKfId": ["wk1", "wk2"]},
        ),
        ("<Event>msgaudit_notify</Event><AgentID>2000004</AgentID>", "msgaudit_notify", {}),
    ],
)
def test_the_other_events_of_the_system_are_read(inner, event_, expected):
    msg = said_by_sys(inner)

    assert msg.event == event_
    assert expected.items() <= msg.fields.items()


def test_the_bell_of_the_service_desk_has_no_sender():
    plaintext = (
        "<xml><ToUserName>ww1</ToUserName><CreateTime>1775000400</CreateTime>"
        "<MsgType>event</MsgType><Event>kf_msg_or_event</Event><Token>ENC</Token>"
        "<OpenKfId>wk1</OpenKfId></xml>"
    )

    msg = envelope.inbound(envelope.identify("kf", plaintext), AT)

    assert (msg.sender, msg.event) == ("sys", "kf_msg_or_event")
    assert (msg.fields["Token"], msg.fields["OpenKfId"]) == ("ENC", "wk1")


def test_a_suite_shaped_callback_is_kept():
    plaintext = (
        "<xml><SuiteId>ww4</SuiteId><AuthCorpId>wxf8</AuthCorpId><InfoType>change_external_contact"
        "</InfoType><TimeStamp>1403610513</TimeStamp><ChangeType>add_external_contact</ChangeType>"
        "<UserID>lin</UserID><ExternalUserID>wm1</ExternalUserID></xml>"
    )

    msg = envelope.inbound(envelope.identify("contact", plaintext), AT)

    assert (msg.event, msg.sender, msg.sent_at) == ("change_external_contact", "sys", AT)
    assert msg.fields["SuiteId"] == "ww4"


def test_an_unknown_kind_of_message_is_still_a_message():
    msg = message("hologram", "<Beam>x</Beam>")

    assert (msg.kind, msg.event, msg.fields["Beam"]) == ("hologram", "", "x")


@pytest.mark.parametrize("odd", ["", "soon", "99999999999999999999", "-1e9", " 1775000001 "])
def test_an_odd_time_is_no_reason_to_fail(odd):
    plaintext = f"<xml><MsgType>text</MsgType><CreateTime>{odd}</CreateTime></xml>"

    msg = envelope.inbound(envelope.identify("app", plaintext), AT)

    assert msg.sent_at in (AT, SAID)


@pytest.mark.parametrize(
    "where", ["<a >x</a >", " <a>x</a> ", "<a> x </a>", "<a><![CDATA[x]]></a>"]
)
def test_layout_does_not_matter(where):
    assert elements.read(f"<xml>\n{where}</xml>") == {"a": "x"}


@pytest.mark.parametrize("name", [name for name in EVENTS if name != "never_heard_of"])
def test_wechatpy_knows_every_event_by_now(name):
    found = parse_message(f"<xml><MsgType>event</MsgType><Event>{name}</Event></xml>")

    assert found.event == name.lower()


def test_wechatpy_reads_the_events_it_was_taught():
    found = parse_message(
        "<xml><MsgType>event</MsgType><Event>template_card_event</Event><EventKey>k</EventKey>"
        "<TaskId>t</TaskId><ResponseCode>RC</ResponseCode><AgentID>7</AgentID></xml>"
    )

    assert (found.key, found.task_id, found.response_code, found.agent) == ("k", "t", "RC", 7)


GROUP = {
    "msgid": "m-77",
    "aibotid": "aib-demo",
    "chatid": "chat-1",
    "chattype": "group",
    "from": {"userid": "lin.advisor"},
    "response_url": "https://wecom.example/cgi-bin/aibot/response?response_code=DEMO",
    "msgtype": "text",
    "text": {"content": "@销售助手 置换补贴怎么讲"},
    "quote": {"msgtype": "text", "text": {"content": "客户：我想换车"}},
}


def aibot(said: dict, bot_name: str = ""):
    return envelope.inbound(envelope.identify("aibot", json.dumps(said)), AT, bot_name)


def test_a_group_message_to_the_aibot_loses_the_mention():
    msg = aibot(GROUP)

    assert (msg.text, msg.chat, msg.sender) == ("置换补贴怎么讲", "chat-1", "lin.advisor")
    assert msg.fields["text"]["content"] == "@销售助手 置换补贴怎么讲"
    assert msg.fields["quote"]["text"]["content"] == "客户：我想换车"
    assert msg.fields["response_url"].endswith("DEMO")


@pytest.mark.parametrize(
    ("said", "name", "text"),
    [
        ("@小福 签到", "", "签到"),
        ("@小福\u2005签到", "", "签到"),
        (" @小福  签到 ", "", "签到 "),
        ("签到 @小福", "", "签到 @小福"),
        ("@小福", "", ""),
        ("@小福签到", "小福", "签到"),
        ("@小福 助手 签到", "小福 助手", "签到"),
        ("签到", "小福", "签到"),
    ],
)
def test_the_mention_is_taken_off_wherever_it_ends(said, name, text):
    assert aibot(GROUP | {"text": {"content": said}}, name).text == text


def test_a_single_chat_keeps_its_text():
    said = {"msgid": "1", "from": {"userid": "z"}, "msgtype": "text", "text": {"content": "@a b"}}

    assert aibot(said).text == "@a b"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"msgtype": "voice", "voice": {"content": "帮我查续航"}}, "帮我查续航"),
        (
            {
                "msgtype": "mixed",
                "mixed": {
                    "msg_item": [
                        {"msgtype": "text", "text": {"content": "这张图"}},
                        {"msgtype": "image", "image": {"url": "https://e/1"}},
                        {"msgtype": "text", "text": {"content": "怎么回"}},
                    ]
                },
            },
            "这张图\n怎么回",
        ),
        ({"msgtype": "image", "image": {"url": "https://e/1"}}, ""),
        ({"msgtype": "file", "file": {"url": "https://e/1"}}, ""),
        ({"msgtype": "video", "video": {"url": "https://e/1"}}, ""),
        ({"msgtype": "hologram"}, ""),
        ({"msgtype": "mixed", "mixed": {"msg_item": "odd"}}, ""),
        ({"msgtype": "text", "text": "odd"}, ""),
        ({"msgtype": "text", "text": {"content": "a\0b"}}, "ab"),
    ],
)
def test_the_words_of_every_kind_of_aibot_message(said, text):
    msg = aibot({"msgid": "m", "chattype": "single", "from": {"userid": "lin"}, **said})

    assert (msg.kind, msg.text, msg.sender) == (said["msgtype"], text, "lin")


@pytest.mark.parametrize("items", [{"question_key": "q", "option_ids": {"option_id": "A"}}, None])
def test_a_pressed_card_of_the_aibot_has_lists(items):
    card = {"card_type": "vote_interaction", "event_key": "ok", "task_id": "t"}
    if items:
        card["selected_items"] = {"selected_item": items}
    said = {
        "msgid": "m",
        "create_time": 1775000001,
        "from": {"userid": "lin", "corpid": "ww1"},
        "msgtype": "event",
        "event": {"eventtype": "template_card_event", "template_card_event": card},
    }

    msg = aibot(said)

    found = msg.fields["event"]["template_card_event"]
    assert (msg.kind, msg.event, msg.sent_at) == ("event", "template_card_event", SAID)
    assert found.get("selected_items") == (
        {"selected_item": [{"question_key": "q", "option_ids": {"option_id": ["A"]}}]}
        if items
        else None
    )


@pytest.mark.parametrize("name", ["enter_chat", "feedback_event", "disconnected_event", "new_one"])
def test_every_event_of_the_aibot_is_named(name):
    said = {"msgid": "m", "from": {"userid": "z"}, "msgtype": "event", "event": {"eventtype": name}}

    assert aibot(said).event == name


def test_replies_are_xml_that_reads_back_whatever_they_say():
    hostile = "a]]>b</Content><x>\0&"

    text = elements.read(envelope.text_reply_xml("lin", "ww1", hostile, 1775000002))
    button = elements.read(envelope.update_button_xml("lin", "ww1", "已采用 ]]>", 1775000002))

    assert text["Content"] == "a]]>b</Content><x>&"
    assert (text["ToUserName"], text["FromUserName"], text["MsgType"]) == ("lin", "ww1", "text")
    assert text["CreateTime"] == "1775000002"
    assert button["MsgType"] == "update_button"
    assert button["Button"] == {"ReplaceName": "已采用 ]]>"}


@given(words=st.text(st.characters(codec=None)))
def test_any_reply_is_legal_xml(words):
    read_back = elements.read(envelope.text_reply_xml("lin", "ww1", words, 1))["Content"]

    legal = [c for c in words if c.isprintable()]
    assert [c for c in read_back if c.isprintable()] == legal


def test_a_long_streamed_text_is_cut_between_characters():
    state = json.loads(envelope.stream_reply("aibot:m-1", "长" * 10_000))

    assert state["stream"]["finish"] is True
    assert len(state["stream"]["content"].encode()) == 20_478


def test_a_stream_leads_back_to_its_message():
    assert envelope.stream_message(envelope.stream_id("aibot:m-1")) == "aibot:m-1"
    assert envelope.stream_message("somebody else's") is None


def test_what_wechatpy_cannot_read_is_none():
    assert kinds.typed("<xml><MsgType>event</MsgType></xml>") is None
    assert kinds.sent_at(None) is None


# The quick reading of a flat message, against the parser


LEAVES = st.tuples(
    st.sampled_from(["Content", "MsgType", "FromUserName", "MsgId", "A_1", "Items", "xml"]),
    st.sampled_from(["<![CDATA[{}]]>", "{}", " <![CDATA[{}]]>", "<b>{}</b>", "<![CDATA[{}"]),
    st.text(st.sampled_from("ab 续\t\n\r\x0b\x01\ufffe]<>&;0é"), max_size=6),
)


def outcome(read, text):
    try:
        return read(text)
    except elements.Refused as refused:
        return refused.reason


@given(
    st.lists(LEAVES, max_size=5),
    st.sampled_from(["", "\n", " ", "\x0c", "文"]),
    st.sampled_from(["", "<!DOCTYPE xml>", "<?xml version='1.0'?>"]),
)
def test_what_is_read_by_one_pattern_is_what_the_parser_reads(leaves, between, before):
    inner = between.join(f"<{name}>{form.format(text)}</{name}>" for name, form, text in leaves)
    text = f"{before}<xml>{between}{inner}</xml>"

    assert outcome(elements.read, text) == outcome(elements._parsed, text)


def test_a_usual_message_needs_no_parser():
    text = ("<xml><FromUserName><![CDATA[zhang ]]></FromUserName>\n<MsgId>7</MsgId>"
            "<Content><![CDATA[ ]] 续航>& ]]></Content><Event></Event></xml>")  # fmt: skip

    assert elements._flat(text) == {
        "FromUserName": "zhang", "MsgId": "7", "Content": " ]] 续航>& ", "Event": "",
    }  # fmt: skip


def test_when_a_message_was_said_needs_no_wechatpy(monkeypatch):
    monkeypatch.setattr(kinds, "typed", None)

    assert message("text", "<Content>在吗</Content>").sent_at == SAID
    assert envelope.reread("app", "<xml><MsgType>text</MsgType></xml>", AT).sent_at == AT
