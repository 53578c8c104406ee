"""Other people's clients against the callbacks and against the pretend WeCom, unchanged."""

import asyncio
import json
import shutil
from pathlib import Path

import aiohttp
import pytest
from wechatpy.exceptions import WeChatClientException
from wechatpy.work import WeChatClient

from bot.clock import WallClock

HERE = Path(__file__).parent / "strangers"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / "@wecom").is_dir(),
    reason="*** NO NODE OR NO NPM PACKAGES: FOREIGN CLIENTS WERE NOT TRIED ***",
)


async def node(script, *args, given=None):
    process = await asyncio.create_subprocess_exec(
        NODE, str(HERE / script), *args, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate(json.dumps(given).encode())
    return json.loads(out)


# The vendor's crypto


def keys(stage, name):
    found = stage.pretend.identities()["callbacks"][name]
    return found["url"], {"token": found["token"], "key": found["encoding_aes_key"]}


@needs_node
async def test_what_the_vendors_library_seals_is_taken_and_its_answer_opened(played):
    """An aibot question sealed by @wecom/crypto; our reply opened by it."""
    url, own = keys(played, "aibot")
    stamp = {"timestamp": str(now()), "nonce": "n1"}
    body = {"msgid": "foreign-1", "aibotid": "aib", "chattype": "single", "msgtype": "text",
            "from": {"userid": "zhang"}, "text": {"content": "帮助"}}  # fmt: skip
    text = json.dumps(body, ensure_ascii=False)
    sealed = await node("crypto.js", given={"do": "seal", "text": text, "id": "", **own, **stamp})
    params = {"msg_signature": sealed["signature"], **stamp}

    async with aiohttp.ClientSession() as http, http.post(
        url, params=params, json={"encrypt": sealed["encrypted"]}
    ) as response:  # fmt: skip
        assert response.status == 200
        reply = await response.json(content_type=None)

    opened = await node("crypto.js", given={
        "do": "open", "encrypted": reply["encrypt"], "timestamp": str(reply["timestamp"]),
        "nonce": reply["nonce"], **own})  # fmt: skip
    assert opened["signature"] == reply["msgsignature"]
    assert json.loads(opened["message"])["msgtype"] == "stream"


@needs_node
async def test_an_app_message_sealed_by_the_vendors_library_is_handled(played):
    url, own = keys(played, "app")
    corp = played.pretend.world.corp_id
    stamp = {"timestamp": str(now()), "nonce": "n2"}
    text = (f"<xml><ToUserName><![CDATA[{corp}]]></ToUserName><FromUserName><![CDATA[zhang]]>"
            f"</FromUserName><CreateTime>{now()}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            "<Content><![CDATA[帮助]]></Content><MsgId>991</MsgId>"
            "<AgentID>1000002</AgentID></xml>")  # fmt: skip
    sealed = await node("crypto.js", given={"do": "seal", "text": text, "id": corp, **own, **stamp})
    envelope = f"<xml><ToUserName><![CDATA[{corp}]]></ToUserName><Encrypt><![CDATA[" \
               f"{sealed['encrypted']}]]></Encrypt></xml>"  # fmt: skip

    async with aiohttp.ClientSession() as http, http.post(
        url, params={"msg_signature": sealed["signature"], **stamp}, data=envelope.encode()
    ) as response:  # fmt: skip
        assert (response.status, await response.text()) == (200, "")
    await played.running.app.idle()

    assert "我能帮你做这些" in played.pretend.received()[-1]["text"]


@needs_node
async def test_a_forged_signature_is_refused(played):
    url, own = keys(played, "aibot")
    stamp = {"timestamp": str(now()), "nonce": "n3"}
    wrong = {**own, "token": "another", **stamp}
    sealed = await node("crypto.js", given={"do": "seal", "text": "{}", "id": "", **wrong})

    async with aiohttp.ClientSession() as http, http.post(
        url, params={"msg_signature": sealed["signature"], **stamp},
        json={"encrypt": sealed["encrypted"]},
    ) as response:  # fmt: skip
        assert 400 <= response.status < 500


def now():
    return int(WallClock().now().timestamp())


# The official aibot SDK


@needs_node
async def test_the_official_sdk_greets_streams_pushes_and_uploads(played):
    world = played.pretend.world
    process = await asyncio.create_subprocess_exec(
        NODE, str(HERE / "aibot.js"), played.url.replace("http", "ws", 1) + "/sandbox/wecom/ws",
        world.aibot_id, world.aibot_secret, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def said():
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        return json.loads(line)

    try:
        assert await said() == {"event": "authenticated"}
        await played.pretend.event("enter_chat", user="zhang")
        assert await said() == {"event": "welcomed"}
        await played.pretend.say("aibot", "zhang", "@小福 置换补贴怎么讲", "team")
        assert await said() == {"event": "text", "text": "@小福 置换补贴怎么讲"}
        answered = await said()
    finally:
        process.terminate()
        await process.wait()

    assert answered["event"] == "answered", answered
    seen = [(i["to"], i["type"], i["text"]) for i in played.pretend.received()]
    assert seen == [
        ("zhang", "text", "欢迎"), ("team", "stream", "可以这样回：收到"),
        ("team", "markdown", "**推送**"), ("team", "file", "a.bin"),
    ]  # fmt: skip


# wechatpy


@pytest.fixture
async def client(played):
    """Its gettoken address is written into its code, so the token is given."""
    world = played.pretend.world
    token = played.pretend.api.gettoken(
        {"corpid": world.corp_id, "corpsecret": world.app_secret})["access_token"]  # fmt: skip
    found = WeChatClient(world.corp_id, world.app_secret, access_token=token)
    found.expires_at = now() + 7000
    found.API_BASE_URL = f"{played.url}/sandbox/wecom/cgi-bin/"
    return found


async def test_wechatpy_sends_a_text(played, client):
    agent = played.pretend.world.agent_id

    answer = await asyncio.to_thread(client.message.send_text, agent, "zhang", "来自 wechatpy")

    assert answer["errcode"] == 0
    assert played.pretend.received()[-1]["text"] == "来自 wechatpy"


async def test_wechatpy_reads_contacts(played, client):
    contacts = client.external_contact

    ids = await asyncio.to_thread(contacts.list, "zhang")
    one = await asyncio.to_thread(contacts.get, ids["external_userid"][0])
    tags = await asyncio.to_thread(contacts.get_corp_tag_list)

    assert one["external_contact"]["external_userid"] == ids["external_userid"][0]
    assert "tag_group" in tags


async def test_wechatpy_sees_the_platforms_errors(played, client):
    with pytest.raises(WeChatClientException) as caught:
        await asyncio.to_thread(client.message.send_text, 1, "zhang", "x")

    assert caught.value.errcode == 40056
