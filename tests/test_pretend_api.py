"""The pretend WeCom's tokens, contacts, groups, tags, media and menus, and their refusals."""

from contextlib import suppress
from datetime import timedelta

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wecom_kit import CORP, WORLD, Clock, street

from bot.sandbox import cards, media
from bot.sandbox.api import Api
from bot.sandbox.wecom import Impossible
from bot.sandbox.world import ApiError
from bot.wecom import envelope
from bot.wecom.client import WeComError

SECRET = WORLD.app_secret


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def town(aiohttp_server, http):
    return await street(aiohttp_server, http)


@pytest.fixture
def get(town):
    async def call(path, **params):
        return await town.client.call(SECRET, "GET", path, params=params)

    return call


@pytest.fixture
def post(town):
    async def call(path, **body):
        return await town.client.call(SECRET, "POST", path, json=body)

    return call


@pytest.fixture
def raw(town):
    """A call without the client's care for tokens."""

    async def call(path, **params):
        async with town.http.get(f"{town.wecom_url}/cgi-bin/{path}", params=params) as response:
            return await response.json()

    return call


async def refused(doing):
    with pytest.raises(WeComError) as caught:
        await doing
    return caught.value.code


async def test_a_token_is_the_same_until_it_expires(town, raw):
    first = await raw("gettoken", corpid=CORP, corpsecret=SECRET)
    town.clock.move(seconds=7199)
    second = await raw("gettoken", corpid=CORP, corpsecret=SECRET)
    town.clock.move(seconds=1)
    third = await raw("gettoken", corpid=CORP, corpsecret=SECRET)

    assert (first["expires_in"], second["expires_in"]) == (7200, 1)
    assert first["access_token"] == second["access_token"] != third["access_token"]
    assert town.pretend.api.calls["gettoken"] == 3


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"corpid": "ww0", "corpsecret": SECRET}, 40013),
        ({"corpid": CORP, "corpsecret": "wrong"}, 40001),
        ({"corpid": CORP}, 40001),
    ],
)
async def test_wrong_credentials_get_no_token(raw, params, code):
    answer = await raw("gettoken", **params)

    assert answer["errcode"] == code
    assert "hint: [" in answer["errmsg"]
    assert "from ip: 127.0.0.1" in answer["errmsg"]
    assert f"query?e={code}" in answer["errmsg"]


async def test_a_call_needs_a_live_token(town, raw):
    token = (await raw("gettoken", corpid=CORP, corpsecret=SECRET))["access_token"]

    codes = [
        (await raw("getcallbackip"))["errcode"],
        (await raw("getcallbackip", access_token="made-up"))["errcode"],
        (await raw("getcallbackip", access_token=token))["errcode"],
    ]
    town.clock.move(seconds=7200)
    codes.append((await raw("getcallbackip", access_token=token))["errcode"])

    assert codes == [41001, 40014, 0, 42001]


async def test_the_contact_secret_sends_no_app_messages(town):
    body = {"touser": "zhang", "msgtype": "text", "agentid": 1000002, "text": {"content": "x"}}

    doing = town.client.call(WORLD.contact_secret, "POST", "message/send", json=body)

    assert await refused(doing) == 48002


async def test_an_unknown_call_is_not_found(town):
    async with town.http.get(f"{town.wecom_url}/cgi-bin/no/such") as response:
        assert response.status == 404


async def test_customers_of_a_member(get, post):
    assert (await get("externalcontact/list", userid="zhang"))["external_userid"] == ["wang", "li"]
    assert await refused(get("externalcontact/list", userid="Lin.Advisor")) == 84061
    assert await refused(get("externalcontact/list", userid="nobody")) == 60111
    assert await refused(get("externalcontact/list")) == 41009
    assert (await get("externalcontact/get_follow_user_list"))["follow_user"] == ["chen", "zhang"]


async def test_one_customer_and_who_follows(get):
    found = await get("externalcontact/get", external_userid="li")

    assert found["external_contact"]["name"] == "李先生"
    assert [one["userid"] for one in found["follow_user"]] == ["zhang", "chen"]
    assert await refused(get("externalcontact/get", external_userid="nobody")) == 40096
    assert await refused(get("externalcontact/get")) == 41035


async def test_customers_of_many_members_come_in_pages(post):
    path = "externalcontact/batch/get_by_user"
    first = await post(path, userid_list=["zhang", "chen"], limit=2)
    second = await post(path, userid_list=["zhang", "chen"], limit=2, cursor=first["next_cursor"])

    found = first["external_contact_list"] + second["external_contact_list"]
    assert [
        (one["follow_info"]["userid"], one["external_contact"]["external_userid"]) for one in found
    ] == [("zhang", "wang"), ("zhang", "li"), ("chen", "li")]
    assert second["next_cursor"] == ""
    assert await refused(post(path, userid_list=[])) == 40031
    assert await refused(post(path, userid_list=["zhang"], limit=101)) == 40058
    assert await refused(post(path, userid_list=["zhang"], cursor="x")) == 50100
    assert await refused(post(path, userid_list=["Lin.Advisor"])) == 84061


async def test_customer_groups(post):
    listed = await post("externalcontact/groupchat/list", limit=10)
    owned = await post(
        "externalcontact/groupchat/list", limit=10, owner_filter={"userid_list": ["chen"]}
    )
    found = await post("externalcontact/groupchat/get", chat_id="g1", need_name=1)

    group = found["group_chat"]
    assert listed["group_chat_list"] == [{"chat_id": "g1", "status": 0}]
    assert owned["group_chat_list"] == []
    assert (group["name"], group["owner"], group["member_version"]) == ("S6 车主群", "zhang", "v1")
    assert [(one["userid"], one["type"], one["name"]) for one in group["member_list"]] == [
        ("zhang", 1, "张伟"),
        ("wang", 2, "王女士"),
        ("li", 2, "李先生"),
    ]
    assert await refused(post("externalcontact/groupchat/get", chat_id="g9")) == 40050
    assert await refused(post("externalcontact/groupchat/list")) == 40058


async def test_tags_are_made_listed_and_given(get, post):
    made = await post(
        "externalcontact/add_corp_tag",
        group_name="关注点",
        tag=[{"name": "价格"}, {"name": "续航"}, {"name": "价格"}],
    )
    price, range_ = (tag["id"] for tag in made["tag_group"]["tag"])
    more = await post("externalcontact/add_corp_tag", group_name="关注点", tag=[{"name": "充电"}])
    relation = {"userid": "zhang", "external_userid": "wang"}
    await post("externalcontact/mark_tag", **relation, add_tag=[price, range_])
    await post("externalcontact/mark_tag", **relation, remove_tag=[price])

    follow = (await get("externalcontact/get", external_userid="wang"))["follow_user"][0]
    listed = await post("externalcontact/get_corp_tag_list")
    one = await post("externalcontact/get_corp_tag_list", tag_id=[price])
    assert [tag["tag_name"] for tag in follow["tags"]] == ["续航"]
    assert more["tag_group"]["group_id"] == made["tag_group"]["group_id"]
    assert [tag["name"] for tag in listed["tag_group"][0]["tag"]] == ["价格", "续航", "充电"]
    assert [tag["name"] for tag in one["tag_group"][0]["tag"]] == ["价格"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("add_corp_tag", {"group_name": "级别", "tag": []}, 40068),
        ("add_corp_tag", {"group_name": "级别", "tag": [{"name": "很" * 31}]}, 40068),
        ("add_corp_tag", {"tag": [{"name": "A"}]}, 40068),
        ("add_corp_tag", {"group_id": "etG9999", "tag": [{"name": "A"}]}, 40068),
        ("mark_tag", {"userid": "zhang", "external_userid": "wang"}, 40068),
        ("mark_tag", {"userid": "zhang", "external_userid": "wang", "add_tag": ["x"]}, 40068),
        ("mark_tag", {"userid": "chen", "external_userid": "wang", "add_tag": ["x"]}, 84061),
        ("mark_tag", {"userid": "chen", "external_userid": "x", "add_tag": ["x"]}, 40096),
    ],
)
async def test_wrong_tags_are_refused(post, path, body, code):
    assert await refused(post(f"externalcontact/{path}", **body)) == code


async def test_a_tag_name_stands_once_in_its_group(post):
    await post("externalcontact/add_corp_tag", group_name="级别", tag=[{"name": "A"}])

    doing = post("externalcontact/add_corp_tag", group_name="级别", tag=[{"name": "A"}])

    assert await refused(doing) == 40071


async def test_a_new_contact_is_known_before_the_event_arrives(town, get):
    await town.pretend.event(
        "add_external_contact", user="ZHANG", customer="new-01", state="expo-gz-04", name="周女士"
    )

    msg = envelope.inbound(town.inbox.kept[0], town.clock())
    found = await get("externalcontact/get", external_userid="new-01")
    assert (msg.channel, msg.sender, msg.event) == ("contact", "sys", "change_external_contact")
    assert msg.fields["ChangeType"] == "add_external_contact"
    assert (msg.fields["UserID"], msg.fields["ExternalUserID"]) == ("zhang", "new-01")
    assert (msg.fields["State"], msg.fields["WelcomeCode"]) == ("expo-gz-04", "WC-1")
    assert found["external_contact"]["name"] == "周女士"
    assert found["follow_user"][0]["state"] == "expo-gz-04"


async def test_one_who_is_a_contact_already_brings_no_welcome_code(town):
    result = await town.pretend.event("add_external_contact", user="zhang", customer="wang")

    assert "WelcomeCode" not in result


async def welcomed(post, **more):
    body = {"welcome_code": "WC-1", "text": {"content": "您好，我是您的专属顾问"}}
    return await post("externalcontact/send_welcome_msg", **body | more)


async def test_a_new_contact_is_welcomed_once(town, post):
    await town.pretend.event("add_external_contact", user="zhang", customer="new-01")

    await welcomed(post, attachments=[{"msgtype": "link", "link": {"title": "预约试驾"}}])

    (item,) = town.pretend.received()
    assert (item["to"], item["surface"]) == ("new-01", "welcome")
    assert item["text"] == "您好，我是您的专属顾问"
    assert item["attachments"][0]["link"]["title"] == "预约试驾"
    assert await refused(welcomed(post)) == 41051


async def test_a_welcome_after_twenty_seconds_is_too_late(town, post):
    await town.pretend.event("add_external_contact", user="zhang", customer="new-01")
    town.clock.move(seconds=21)

    assert await refused(welcomed(post)) == 41050


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"welcome_code": ""}, 41049),
        ({"welcome_code": "WC-9"}, 41050),
        ({"text": {}}, 41089),
        ({"text": {"content": "长" * 1334}}, 45002),
        ({"attachments": [{}] * 10}, 41064),
    ],
)
async def test_a_wrong_welcome_is_refused_and_spends_nothing(town, post, body, code):
    await town.pretend.event("add_external_contact", user="zhang", customer="new-01")

    assert await refused(welcomed(post, **body)) == code
    await welcomed(post)


async def test_one_who_leaves_is_no_contact_any_more(town, get):
    await town.pretend.event("del_follow_user", user="zhang", customer="wang")

    assert town.inbox.kept[0].lane == "wang"
    assert await refused(get("externalcontact/get", external_userid="wang")) == 84061
    with pytest.raises(Impossible):
        await town.pretend.event("del_follow_user", user="zhang", customer="wang")


async def test_group_events_carry_the_versions(town, post):
    await town.pretend.event("chat_add_member", chat="g1", customer="new-01,new-02")
    await town.pretend.event("chat_del_member", chat="g1", customer="wang")

    joined, left = (envelope.inbound(kept, town.clock()).fields for kept in town.inbox.kept)
    group = (await post("externalcontact/groupchat/get", chat_id="g1"))["group_chat"]
    assert joined["MemChangeList"] == ["new-01", "new-02"]
    assert (joined["LastMemVer"], left["LastMemVer"], left["CurMemVer"]) == ("v1", "v2", "v3")
    assert group["member_version"] == "v3"
    assert [one["userid"] for one in group["member_list"]] == ["zhang", "li", "new-01", "new-02"]


async def test_what_a_member_edits_in_the_client_is_what_the_api_tells(town, get):
    await town.pretend.event("tag_create", group="客户类型", name="老客户")
    await town.pretend.event(
        "edit_external_contact", user="zhang", customer="wang", remark="王姐", tags="老客户"
    )

    (follow,) = (await get("externalcontact/get", external_userid="wang"))["follow_user"]
    assert follow["remark"] == "王姐"
    assert [(tag["group_name"], tag["tag_name"]) for tag in follow["tags"]] == [
        ("客户类型", "老客户")
    ]


async def test_tags_are_made_renamed_and_deleted_in_the_console(town, post):
    made = await town.pretend.event("tag_create", group="客户类型", name="老客户")
    renamed = await town.pretend.event("tag_update", tag="老客户", name="车主")
    assert (made["ChangeType"], made["TagType"], renamed["Id"]) == ("create", "tag", made["Id"])
    assert town.inbox.kept[0].kind == "change_external_tag"
    listed = (await post("externalcontact/get_corp_tag_list"))["tag_group"]
    assert [tag["name"] for tag in listed[0]["tag"]] == ["车主"]

    gone = await town.pretend.event("tag_group_delete", group="客户类型")
    assert (gone["ChangeType"], gone["TagType"]) == ("delete", "tag_group")
    assert (await post("externalcontact/get_corp_tag_list"))["tag_group"] == []
    assert "Id" not in await town.pretend.event("tag_shuffle")


async def test_a_group_s_detail_may_lag_behind_its_event(town, post):
    town.pretend.api.contacts.lag = timedelta(seconds=5)
    event = await town.pretend.event("chat_add_member", chat="g1", customer="new-01", by="zhang")
    before = (await post("externalcontact/groupchat/get", chat_id="g1"))["group_chat"]
    town.clock.move(seconds=6)
    after = (await post("externalcontact/groupchat/get", chat_id="g1"))["group_chat"]

    assert (before["member_version"], after["member_version"]) == ("v1", event["CurMemVer"])
    assert after["member_list"][-1]["invitor"] == {"userid": "zhang"}


EVENTS = {
    "add_half_external_contact": {"user": "zhang", "customer": "new-02"},
    "edit_external_contact": {"user": "zhang", "customer": "wang"},
    "del_external_contact": {"user": "zhang", "customer": "li", "source": "DELETE_BY_TRANSFER"},
    "transfer_fail": {"user": "zhang", "customer": "wang"},
    "msg_audit_approved": {"user": "zhang", "customer": "wang"},
    "chat_create": {"chat": "g2", "user": "zhang", "name": "试驾群"},
    "chat_change_name": {"chat": "g1", "name": "新名字"},
    "chat_change_owner": {"chat": "g1", "user": "chen"},
    "chat_change_notice": {"chat": "g1"},
    "chat_dismiss": {"chat": "g1"},
    "tag_create": {"group": "客户类型", "name": "老客户"},
    "tag_shuffle": {},
    "enter_agent": {"user": "zhang"},
    "subscribe": {"user": "zhang"},
    "unsubscribe": {"user": "zhang"},
    "click": {"user": "zhang", "key": "todo"},
    "view": {"user": "zhang", "key": "https://e.example"},
    "enter_chat": {"user": "zhang"},
}


@pytest.mark.parametrize(("name", "fields"), EVENTS.items(), ids=EVENTS)
async def test_every_event_is_delivered(town, name, fields):
    result = await town.pretend.event(name, **fields)

    assert result["delivered"]
    assert len(town.inbox.kept) == 1


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("moon_landing", {}),
        ("add_external_contact", {"user": "zhang"}),
        ("add_external_contact", {"user": "nobody", "customer": "new-01"}),
        ("add_external_contact", {"user": "zhang", "customer": "new-01", "odd": "1"}),
        ("edit_external_contact", {"user": "chen", "customer": "wang"}),
        ("chat_dismiss", {"chat": "g9"}),
        ("tag_update", {"tag": "nothing", "name": "x"}),
        ("tag_delete", {"tag": "nothing"}),
        ("tag_group_delete", {"group": "nothing"}),
    ],
)
async def test_an_event_that_cannot_be_is_refused(town, name, fields):
    with pytest.raises(Impossible):
        await town.pretend.event(name, **fields)

    assert town.inbox.kept == []


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (64).to_bytes(4, "big") + (36).to_bytes(4, "big") + b"\x08"
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0001108016802800301")


@pytest.mark.parametrize(
    ("data", "size"),
    [(PNG, (64, 36)), (JPEG, (640, 360)), (b"GIF89a", None), (b"\xff\xd8\xff", None), (b"", None)],
)
def test_the_measures_of_a_picture(data, size):
    assert media.size(data) == size


async def test_media_live_three_days(town, get):
    media_id = await town.client.upload(SECRET, "file", "报价单.pdf", b"%PDF-1.7")
    url = f"{town.wecom_url}/cgi-bin/media/get"
    query = {"access_token": await town.client.token(SECRET), "media_id": media_id}
    async with town.http.get(url, params=query) as response:
        assert await response.read() == b"%PDF-1.7"
        assert "filename" in response.headers["Content-Disposition"]
    town.clock.move(days=3, seconds=1)

    assert await refused(get("media/get", media_id=media_id)) == 40007


@pytest.mark.parametrize(
    ("kind", "start", "padding", "code"),
    [
        ("hologram", PNG, 0, 40004),
        ("image", b"", 0, 44001),
        ("image", b"tiny", 0, 40006),
        ("image", b"no picture", 0, 40005),
        ("image", PNG, 10 * 1024 * 1024, 40009),
        ("voice", b"#!AMR", 2 * 1024 * 1024, 45001),
        ("video", b"ftyp", 10 * 1024 * 1024, 40011),
    ],
)
async def test_media_the_platform_would_refuse_are_refused(town, kind, start, padding, code):
    data = start + bytes(padding)

    assert await refused(town.client.upload(SECRET, kind, "a.bin", data)) == code


async def test_an_upload_without_a_file_is_refused(town, post):
    assert await refused(post("media/upload", nothing=1)) == 44001


async def test_a_file_name_in_the_other_form_is_not_understood(town):
    token = await town.client.token(SECRET)
    form = aiohttp.FormData()  # quotes the name by RFC 5987 or percent signs
    form.add_field("media", b"%PDF-1.7", filename="报价单.pdf")
    url = f"{town.wecom_url}/cgi-bin/media/upload"
    async with town.http.post(url, params={"access_token": token, "type": "file"}, data=form) as r:
        media_id = (await r.json())["media_id"]

    assert town.pretend.api.media.get(media_id, town.clock()).name != "报价单.pdf"


MENU = {
    "button": [
        {"type": "click", "name": "待办", "key": "todo"},
        {
            "name": "工具",
            "sub_button": [{"type": "view", "name": "看板", "url": "https://e.example"}],
        },
    ]
}


async def test_a_menu_is_made_read_and_deleted(town, get):
    query = {"agentid": "1000002"}
    await town.client.call(SECRET, "POST", "menu/create", params=query, json=MENU)

    assert (await get("menu/get", **query))["button"] == MENU["button"]
    await get("menu/delete", **query)
    assert await refused(get("menu/get", **query)) == 46003


CLICK = {"type": "click", "name": "待办", "key": "todo"}


@pytest.mark.parametrize(
    ("buttons", "code"),
    [
        ([], 40016),
        ([CLICK] * 4, 40016),
        ([{"name": "a", "sub_button": [CLICK] * 6}], 40016),
        ([CLICK | {"name": "名" * 6}], 40018),
        ([CLICK | {"type": "dance"}], 40017),
        ([CLICK | {"key": "k" * 129}], 40017),
        ([{"type": "view", "name": "a", "url": "https://" + "e" * 1024}], 40039),
    ],
)
async def test_a_menu_the_platform_would_refuse_is_refused(town, buttons, code):
    body = {"button": buttons}
    params = {"agentid": "1000002"}

    doing = town.client.call(SECRET, "POST", "menu/create", params=params, json=body)

    assert await refused(doing) == code


@pytest.fixture(scope="module")
def api():
    found = Api(WORLD, Clock())
    found.takes_taps = True
    return found


KEYS = st.sampled_from(
    [
        *("card_type", "task_id", "main_title", "title", "action_menu", "action_list", "text"),
        *("key", "id", "button_list", "button_selection", "question_key", "option_list", "type"),
        *("checkbox", "submit_button", "select_list", "card_action", "url", "content"),
    ]
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 3),
        st.text(max_size=3),
        st.sampled_from(["text_notice", "button_interaction", "vote_interaction"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(kind=st.sampled_from(["text", "news", "template_card", "image", "textcard"]), odd=VALUES)
def test_whatever_is_sent_is_shown_or_refused(api, kind, odd):
    token = api.gettoken({"corpid": CORP, "corpsecret": SECRET})["access_token"]
    body = {"touser": "zhang", "agentid": WORLD.agent_id, "msgtype": kind, kind: odd}

    with suppress(ApiError):
        api.call("message/send", {"access_token": token}, body)


@given(odd=st.dictionaries(KEYS, VALUES), kind=st.sampled_from(sorted(cards.CARD_TYPES)))
def test_a_card_that_passes_can_be_pressed(odd, kind):
    card = {**odd, "card_type": kind}
    try:
        cards.check(card)
    except (ApiError, TypeError, ValueError, AttributeError):
        return

    assert all(isinstance(text, str) for text, _, _ in cards.buttons(card))
    cards.choices(card, {})
