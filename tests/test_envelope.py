"""Callback envelopes: the published vectors, wechatpy as the peer, and everything hostile."""

import base64
import hashlib
import json
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.work.crypto import WeChatCrypto
from wecom_kit import AES_KEY, CORP, TOKEN

from bot.wecom import cipher, elements, envelope
from bot.wecom.envelope import Channel, Refused

APP = Channel("app", TOKEN, AES_KEY, CORP)
BOT = Channel("aibot", TOKEN, AES_KEY, "", "json")
THEN = datetime.fromtimestamp(1775000000, UTC)
PREFIX = b"0123456789abcdef"

TEXT_XML = (
    "<xml><ToUserName><![CDATA[wwdemo0000000001]]></ToUserName>"
    "<FromUserName><![CDATA[lin.advisor]]></FromUserName><CreateTime>1775000001</CreateTime>"
    "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[续航怎么答]]></Content>"
    "<MsgId>7000000000000000001</MsgId><AgentID>1000002</AgentID></xml>"
)
HELLO_JSON = (
    '{"msgid":"m-1","aibotid":"bot-1","chattype":"single",'
    '"from":{"userid":"lin.advisor"},"msgtype":"text","text":{"content":"hi"}}'
)
ECHO = "JnfHkhfocX05BZcp5vy3cIi9qkBLE0bK5i6iHR0d4JmtjCPqD3f2hxED3ZV26qijktfyii98Qj4/K/ER3QV8qg=="
TEXT_ENCRYPT = (
    "5jzjjApOaV2+paJJRC16erQWPCMy94tzQBQEKX1MmbpIyQpMBiKLc0dBbmliUG3UvQMWPWiZlkv2qd6t2df9Vlr2"
    "Ozw+sexp9dCyaE9SD3Fl3EiKjTeOFtTUuH8rxjRLJOcQW+E6Sem/ZSLcyRjWteVlgoF0NEeM7V5wMDdM0Z2zJR8v"
    "c/crv11x9CwVV7fv39W9G8uaBjD+HbHdU6Ju70v+9wr6VP5PmrlOOEtHnHhZphY9t7Isx+Ex0mToHSNGOnljwrDc"
    "tBeTcGyX5RXmZxuM071XpVFwZbVnM/Q8ihlqd7XsrN+zRnqp8NZ1RWSbGTsQX0A2lb73X1HbddwUsRZlmT0s/hyH"
    "Kk56pSZ8gMNvJpX0bW8PUWCAsoRymzztE+6Kqv0ZQ/2vu75qV3KK7ijVfcRcEHCDYFyOpiRQB3TE/nNm2rRGEJU7"
    "61HUsMb9IVFKETboob2ojpzSFgDygQ=="
)
HELLO_ENCRYPT = (
    "DxJd4xOmAubeEK60wL107HwEunEukllNsA8ZqWqcRAVWIuQJNr+IA7YKnFk7qvvrAkBfxiTvtLuIMUvB3CpD5n9B"
    "iiAAdYQyfrAPT8ZpPSrdAxuixvh5mRc4wf2J6lkTOKXoR5ZPEnNdWdhy9dfrNXu6B9BEMD4CYlvPm3bfOZj2B2vj"
    "YrqAtve/UUa2FvEmhNUf9C/+qClxYud06X5Bmg=="
)


def query(signature: str, timestamp: str, nonce: str, **more: str) -> dict[str, str]:
    return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce, **more}


def signed(encrypted: str, channel=APP, timestamp="1775000001", nonce="n") -> dict[str, str]:
    return query(cipher.sign(channel.token, timestamp, nonce, encrypted), timestamp, nonce)


def delivered(encrypted: str, channel=APP) -> str:
    """Open an envelope whose signature is right, whatever is in it."""
    body = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()
    return envelope.open(channel, signed(encrypted, channel), body, THEN, 0)


def sealed_bytes(data: bytes) -> str:
    encryptor = APP.cipher.encryptor()
    return base64.b64encode(encryptor.update(data) + encryptor.finalize()).decode()


def frame(message: bytes, receive_id: bytes = CORP.encode(), length: int | None = None) -> bytes:
    length = len(message) if length is None else length
    return PREFIX + struct.pack(">I", length) + message + receive_id


def padded(data: bytes, block: int = 32) -> bytes:
    pad = block - len(data) % block
    return data + bytes([pad]) * pad


def refusal(call) -> str:
    with pytest.raises(Refused) as caught:
        call()
    assert 400 <= caught.value.status < 500
    return caught.value.reason


def test_the_address_check_answers_the_bare_echo():
    asked = query("f536d3aa5b57cbd3767ca08323ff7729756059bd", "1775000000", "n0nce77", echostr=ECHO)

    assert envelope.check_url(APP, asked, THEN, 3600) == "echo-20260401-ok"


def test_the_text_message_of_the_vectors_opens():
    asked = query("89d2a953971ce21aae278a0b8feb9627673acd0e", "1775000001", "n0nce78")
    body = f"<xml><Encrypt><![CDATA[{TEXT_ENCRYPT}]]></Encrypt></xml>".encode()

    assert envelope.open(APP, asked, body, THEN, 3600) == TEXT_XML


def test_the_aibot_message_of_the_vectors_opens():
    asked = query("09ae86e4d0de4973a415b570c8eae9e319051f86", "1775000002", "n0nce79")
    body = json.dumps({"encrypt": HELLO_ENCRYPT}).encode()

    assert envelope.open(BOT, asked, body, THEN, 3600) == HELLO_JSON


@pytest.mark.parametrize(
    ("channel", "prefix", "plaintext", "encrypted"),
    [
        (APP, b"0123456789abcdef", "echo-20260401-ok", ECHO),
        (APP, b"fedcba9876543210", TEXT_XML, TEXT_ENCRYPT),
        (BOT, b"0f1e2d3c4b5a6978", HELLO_JSON, HELLO_ENCRYPT),
    ],
)
def test_encryption_gives_the_bytes_of_the_vectors(channel, prefix, plaintext, encrypted):
    assert cipher.encrypt(channel, plaintext, prefix) == encrypted


@pytest.mark.parametrize(
    "body",
    [
        "<xml><ToUserName>x</ToUserName><AgentID>1</AgentID><Encrypt>{}</Encrypt></xml>",
        "<xml><Encrypt><![CDATA[{}]]></Encrypt><ToUserName><![CDATA[x]]></ToUserName></xml>",
        "<xml>\n  <Encrypt>\n <![CDATA[{}]]> \n</Encrypt >\n</xml>\n",
        '<?xml version="1.0"?>\n<xml><EncryptType>aes</EncryptType><Encrypt >{}</Encrypt></xml>',
        "\ufeff<xml><Encrypt> {} </Encrypt></xml>",
    ],
)
def test_encrypt_is_found_in_any_layout(body):
    sent = body.format(TEXT_ENCRYPT).encode()

    assert envelope.open(APP, signed(TEXT_ENCRYPT), sent, THEN, 3600) == TEXT_XML


@pytest.mark.parametrize(
    "body",
    [
        '{"encrypt":"%s"}',
        '{ "ToUserName" : "", "encrypt" :\n "%s" , "more": 1}',
    ],
)
@pytest.mark.parametrize("written", [str, lambda e: e.replace("/", r"\/").replace("=", r"\u003d")])
def test_encrypt_is_found_in_any_json(body, written):
    sent = (body % written(HELLO_ENCRYPT)).encode()

    assert envelope.open(BOT, signed(HELLO_ENCRYPT, BOT), sent, THEN, 3600) == HELLO_JSON


def test_wechatpy_opens_what_we_seal():
    peer = WeChatCrypto(TOKEN, AES_KEY, CORP)
    sent = elements.read(envelope.seal(APP, TEXT_XML, "n]]>1", "1775000001"))

    opened = peer.decrypt_message(
        {"Encrypt": sent["Encrypt"]}, sent["MsgSignature"], sent["TimeStamp"], sent["Nonce"]
    )

    assert opened == TEXT_XML


@given(words=st.text(max_size=200))
def test_we_open_what_wechatpy_encrypts(words):
    peer = WeChatCrypto(TOKEN, AES_KEY, CORP)
    sent = peer.encrypt_message(words, "n1", "1775000001").encode()
    asked = query(elements.read(sent.decode())["MsgSignature"], "1775000001", "n1")

    assert envelope.open(APP, asked, sent, THEN, 3600) == words


def test_wechatpy_and_we_agree_on_the_address_check():
    asked = query("f536d3aa5b57cbd3767ca08323ff7729756059bd", "1775000000", "n0nce77", echostr=ECHO)
    peer = WeChatCrypto(TOKEN, AES_KEY, CORP)

    theirs = peer.check_signature(asked["msg_signature"], "1775000000", "n0nce77", ECHO)

    assert theirs == envelope.check_url(APP, asked, THEN, 0)


@given(words=st.text(max_size=300), prefix=st.binary(min_size=16, max_size=16))
def test_any_text_survives_the_way_there_and_back(words, prefix):
    assert cipher.decrypt(APP, cipher.encrypt(APP, words, prefix)) == words


def test_an_aibot_reply_carries_the_nonce_back_and_a_number_for_the_time():
    sent = json.loads(envelope.seal(BOT, "{}", "n0nce79", "1775000002"))

    assert sent["nonce"] == "n0nce79"
    assert sent["timestamp"] == 1775000002
    cipher.verify(BOT, sent["msgsignature"], "1775000002", "n0nce79", sent["encrypt"])
    assert cipher.decrypt(BOT, sent["encrypt"]) == "{}"


def test_a_repeated_delivery_gets_the_same_bytes_and_another_nonce_does_not():
    first = envelope.seal(BOT, HELLO_JSON, "n1", "1775000002")

    assert envelope.seal(BOT, HELLO_JSON, "n1", "1775000002") == first
    assert envelope.seal(BOT, HELLO_JSON, "n2", "1775000002") != first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"msg_signature": "0" * 40}, "signature"),
        ({"msg_signature": "F536" + "0" * 36}, "signature"),
        ({"msg_signature": "é"}, "signature"),
        ({"nonce": "other"}, "signature"),
        ({"timestamp": "1775000099"}, "signature"),
        ({"msg_signature": ""}, "missing"),
        ({"timestamp": ""}, "missing"),
        ({"nonce": ""}, "missing"),
        ({"nonce": "\ud800"}, "signature"),
    ],
)
def test_a_wrong_or_missing_parameter_is_refused(change, reason):
    asked = {**signed(TEXT_ENCRYPT), **change}
    body = f"<xml><Encrypt>{TEXT_ENCRYPT}</Encrypt></xml>".encode()

    assert refusal(lambda: envelope.open(APP, asked, body, THEN, 3600)) == reason


@pytest.mark.parametrize(("late_s", "accepted"), [(3599, True), (-3590, True), (3700, False)])
def test_the_window_looks_both_ways(late_s, accepted):
    body = f"<xml><Encrypt>{TEXT_ENCRYPT}</Encrypt></xml>".encode()
    now = THEN + timedelta(seconds=late_s)

    try:
        opened = bool(envelope.open(APP, signed(TEXT_ENCRYPT), body, now, 3600))
    except Refused as refused:
        opened = refused.reason != "window"

    assert opened is accepted


def test_a_window_of_zero_takes_any_time():
    body = f"<xml><Encrypt>{TEXT_ENCRYPT}</Encrypt></xml>".encode()

    assert envelope.open(APP, signed(TEXT_ENCRYPT), body, THEN + timedelta(days=99), 0) == TEXT_XML


@pytest.mark.parametrize("timestamp", ["soon", "-1775000001", "١٧٧٥٠٠٠٠٠١", "9" * 30, "1e9"])
def test_a_time_stamp_that_is_no_number_is_outside_the_window(timestamp):
    body = f"<xml><Encrypt>{TEXT_ENCRYPT}</Encrypt></xml>".encode()
    asked = signed(TEXT_ENCRYPT, timestamp=timestamp)

    assert refusal(lambda: envelope.open(APP, asked, body, THEN, 3600)) == "window"


@pytest.mark.parametrize("pad", range(1, 33))
def test_every_legal_padding_is_taken(pad):
    words = "x" * (32 - (20 + len(CORP) + pad) % 32)
    data = frame(words.encode())

    assert len(padded(data)) - len(data) == pad
    assert delivered(sealed_bytes(padded(data))) == words


BROKEN = {
    "pad of 0": (frame(b"x" * 12)[:-1] + b"\0" * 17, "padding"),
    "pad of 33": (frame(b"x" * 11) + b"!" * 33, "padding"),
    "pad bytes unequal": (padded(frame(b"x" * 8))[:-2] + b"\1\4", "padding"),
    "pad to 16 only": (padded(frame(b"x" * 40), 16), "padding"),
    "length beyond the data": (padded(frame(b"hello", length=9999)), "length"),
    "length of four billion": (padded(frame(b"hello", length=2**32 - 1)), "length"),
    "length one too long": (padded(frame(b"hello", length=6)), "receiveid"),
    "length one too short": (padded(frame(b"hello", length=4)), "receiveid"),
    "too short for a frame": (padded(b"tiny"), "length"),
    "another company": (padded(frame(b"hello", b"wwother000000001")), "receiveid"),
    "no company": (padded(frame(b"hello", b"")), "receiveid"),
    "not UTF-8": (padded(frame(b"\xff\xfe\xfd")), "utf8"),
}


@pytest.mark.parametrize(("data", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_frame_is_refused_even_with_a_right_signature(data, reason):
    assert len(data) % 16 == 0

    assert refusal(lambda: delivered(sealed_bytes(data))) == reason


@pytest.mark.parametrize(
    ("encrypted", "reason"),
    [
        (TEXT_ENCRYPT[:-40], "length"),
        (TEXT_ENCRYPT[:-1], "base64"),
        ("not base64!", "base64"),
        ("====", "base64"),
        ("AAAA", "length"),
        ("", "missing"),
        ("续航", "base64"),
        (TEXT_ENCRYPT.replace("+", " "), "base64"),
    ],
)
def test_a_broken_ciphertext_is_refused_even_with_a_right_signature(encrypted, reason):
    assert refusal(lambda: delivered(encrypted)) == reason


def test_an_aibot_channel_takes_no_receive_id():
    encrypted = cipher.encrypt(Channel("x", TOKEN, AES_KEY, CORP), HELLO_JSON, PREFIX)
    body = json.dumps({"encrypt": encrypted}).encode()

    assert refusal(lambda: envelope.open(BOT, signed(encrypted), body, THEN, 0)) == "receiveid"


@pytest.mark.parametrize(
    ("channel", "body", "reason"),
    [
        (APP, b"", "xml"),
        (APP, b"<xml></xml>", "xml"),
        (APP, b"<xml><Encrypt>", "xml"),
        (APP, b"<xml><Encrypt></Encrypt></xml>", "missing"),
        (APP, TEXT_XML.encode(), "xml"),
        (APP, json.dumps({"encrypt": TEXT_ENCRYPT}).encode(), "xml"),
        (APP, b"<!DOCTYPE x><xml><Encrypt>AAAA</Encrypt></xml>", "dtd"),
        (APP, b"<xml>" + b"<a>" * 80_000, "xml"),
        (APP, b"x" * (256 * 1024 + 1), "size"),
        (BOT, b"", "json"),
        (BOT, b"[" * 200_000, "json"),
        (BOT, b'{"encrypt": 7}', "json"),
        (BOT, b'{"encrypt": "\\x"}', "json"),
        (BOT, b'{"encrypt": ""}', "missing"),
        (BOT, f"<xml><Encrypt>{HELLO_ENCRYPT}</Encrypt></xml>".encode(), "json"),
    ],
)
def test_a_body_without_an_envelope_is_refused(channel, body, reason):
    asked = query("0" * 40, "1775000001", "n")

    assert refusal(lambda: envelope.open(channel, asked, body, THEN, 3600)) == reason


@given(
    body=st.binary(max_size=400),
    asked=st.dictionaries(
        st.sampled_from(["msg_signature", "timestamp", "nonce", "echostr"]), st.text(max_size=60)
    ),
)
def test_whatever_comes_in_is_only_ever_refused(body, asked):
    for channel in (APP, BOT):
        with pytest.raises(Refused):
            envelope.open(channel, asked, body, THEN, 3600)
        with pytest.raises(Refused):
            envelope.check_url(channel, asked, THEN, 3600)


@given(data=st.binary(min_size=0, max_size=200))
def test_whatever_was_encrypted_is_only_ever_refused(data):
    encrypted = sealed_bytes(data + b"\0" * (-len(data) % 16))

    with pytest.raises(Refused):
        delivered(encrypted)


@given(plaintext=st.one_of(st.text(max_size=200), st.from_regex(r"<xml>(<[A-Z]>.{0,5}){0,4}")))
def test_whatever_was_inside_is_kept_or_refused(plaintext):
    for name in ("app", "aibot"):
        try:
            kept = envelope.identify(name, plaintext)
        except Refused:
            continue
        envelope.inbound(kept, THEN)


def test_secrets_do_not_print():
    shown = repr(APP)

    assert TOKEN not in shown
    assert AES_KEY not in shown


@pytest.mark.parametrize("key", ["", "short", "!" * 43, AES_KEY + "A", "续" * 43])
def test_a_key_of_the_wrong_shape_is_named_at_once(key):
    with pytest.raises(ValueError, match="encoding_aes_key"):
        Channel("app", TOKEN, key, CORP)


def test_an_empty_token_is_refused_at_once():
    with pytest.raises(ValueError, match="token"):
        Channel("app", "", AES_KEY, CORP)


def test_a_key_whose_last_character_has_spare_bits_is_taken():
    assert Channel("app", TOKEN, AES_KEY[:-1] + "h", CORP).key


def test_a_message_is_known_by_its_number():
    assert envelope.identify("app", TEXT_XML).id == "app:m:1000002:7000000000000000001"
    assert envelope.identify("aibot", HELLO_JSON).id == "aibot:m-1"


def test_events_are_known_by_what_they_say():
    event = (
        "<xml><FromUserName>sys</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>"
        "<Event>change_external_contact</Event><ExternalUserID>{}</ExternalUserID></xml>"
    )
    one, other = (envelope.identify("contact", event.format(who)) for who in ("wm1", "wm2"))

    assert one.id == f"contact:e:{hashlib.sha256(event.format('wm1').encode()).hexdigest()[:32]}"
    assert one.id != other.id
    assert (one.lane, other.lane) == ("wm1", "wm2")


@pytest.mark.parametrize(
    ("elements_", "lane"),
    [
        ("<FromUserName>Lin.Advisor</FromUserName>", "lin.advisor"),
        ("<FromUserName>sys</FromUserName><ChatId>wr1</ChatId>", "wr1"),
        ("<FromUserName>sys</FromUserName>", "sys"),
        ("<OpenKfId>wk1</OpenKfId>", "wk1"),
        ("", "sys"),
    ],
)
def test_a_lane_is_who_must_be_handled_in_order(elements_, lane):
    plaintext = f"<xml><MsgType>event</MsgType><Event>x</Event>{elements_}</xml>"

    assert envelope.identify("app", plaintext).lane == lane


def test_an_aibot_group_is_one_lane():
    said = json.loads(HELLO_JSON) | {"chatid": "chat-1", "chattype": "group"}

    assert envelope.identify("aibot", json.dumps(said)).lane == "chat-1"
    assert envelope.identify("aibot", HELLO_JSON).lane == "lin.advisor"


@pytest.mark.parametrize(
    ("plaintext", "reason"),
    [
        ("", "xml"),
        ("hello", "xml"),
        ("<xml>", "xml"),
        ("<xml></xml>", "xml"),
        ("<xml><Content>x</Content></xml>", "xml"),
        ("<html><MsgType>text</MsgType></html>", "xml"),
        ("<!DOCTYPE xml><xml><MsgType>text</MsgType></xml>", "dtd"),
        (
            '<!DOCTYPE xml [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]>'
            "<xml><MsgType>&b;</MsgType></xml>",
            "dtd",
        ),
        ('<!DOCTYPE x SYSTEM "file:///etc/hostname"><xml><MsgType>t</MsgType></xml>', "dtd"),
        ("<xml><MsgType>&undefined;</MsgType></xml>", "xml"),
        ("<xml>" + "<a>" * 60 + "</a>" * 60 + "</xml>", "xml"),
        ("<xml><MsgType>text</MsgType>" + "<a/>" * 30_000 + "</xml>", "xml"),
        ("<xml><MsgType>te\ud800xt</MsgType></xml>", "xml"),
    ],
)
def test_a_malformed_inside_is_refused(plaintext, reason):
    assert refusal(lambda: envelope.identify("app", plaintext)) == reason


@pytest.mark.parametrize(
    "plaintext",
    ["", "[]", "7", "{}", "{", "[" * 100_000, '{"msgtype": 7}', '{"msgtype":"text","x":"\\ud800"}'],
)
def test_a_malformed_aibot_message_is_refused(plaintext):
    assert refusal(lambda: envelope.identify("aibot", plaintext)) == "json"
