"""Coverage-guided noise on what WeCom sends: envelope, XML and JSON may only be refused.

    python tests/fuzz.py envelope -max_total_time=600

Needs atheris, which `make soak-fuzz` installs where it can. What it finds becomes a case of
tests/test_envelope.py.
"""

import base64
import json
import sys
from datetime import UTC, datetime

import atheris

with atheris.instrument_imports(include=["bot.wecom"]):
    from bot.wecom import cipher, elements, envelope
    from bot.wecom.cipher import Channel, Refused

KEY = "9Zc2Qw7LrT4yUv0XbN6mKe1Ga8HsJd3PfRo5iCtVlEg"
XML = Channel("app", "token", KEY, "ww1")
JSON = Channel("aibot", "token", KEY, "", "json")
NOW = datetime(2026, 3, 6, 1, tzinfo=UTC)


def of_envelope(data: bytes) -> None:
    """A body with any query; and any frame under a right signature."""
    noise = atheris.FuzzedDataProvider(data)
    channel = (XML, JSON)[noise.ConsumeIntInRange(0, 1)]
    stamp, nonce = noise.ConsumeUnicode(12), noise.ConsumeUnicode(8)
    signature = noise.ConsumeUnicode(40)
    body = noise.ConsumeBytes(4096)
    query = {"msg_signature": signature, "timestamp": stamp, "nonce": nonce}
    _refused(lambda: envelope.open(channel, query, body, NOW, 3600))
    sealed = body.decode("latin-1")
    stamp = str(int(NOW.timestamp()))
    signed = {"msg_signature": cipher.sign("token", stamp, "n", sealed), "timestamp": stamp,
              "nonce": "n"}  # fmt: skip
    outer = f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode("latin-1")
    _refused(lambda: envelope.open(channel, signed, outer, NOW, 3600))
    _refused(lambda: cipher.decrypt(channel, _framed(channel, body)))


def _framed(channel: Channel, data: bytes) -> str:
    """As it would be encrypted by somebody who has the key and no manners."""
    padded = data + b"\0" * (-len(data) % 16 or 16)
    encryptor = channel.cipher.encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def of_xml(data: bytes) -> None:
    noise = atheris.FuzzedDataProvider(data)
    if noise.ConsumeBool():
        text = noise.ConsumeUnicode(8192)
        _refused(lambda: elements.read(text))
    else:
        many = range(noise.ConsumeIntInRange(0, 9))
        text = f"<xml>{''.join(_element(noise, 0) for _ in many)}</xml>"
    _read(noise.PickValueInList(["contact", "app", "kf"]), text)


TAGS = ["FromUserName", "CreateTime", "MsgType", "Event", "ChangeType", "InfoType", "AgentID",
        "MsgId", "Content", "ExternalUserID", "UserID", "ChatId", "MemChangeList", "Items", "Item",
        "SelectedItems", "SelectedItem", "OptionIds", "OptionId", "QuestionKey", "TaskId",
        "AuthAddOpenKfId", "ExtAttr", "ScanCodeInfo", "SendLocationInfo", "PicList", "BatchJob",
        "ApprovalInfo", "SpName", "x"]  # fmt: skip
WORDS = ["event", "text", "image", "voice", "video", "location", "link", "shortvideo", "subscribe",
         "template_card_event", "change_external_contact", "add_external_contact", "sys", "0",
         "-1", "99999999999999999999", "1e9", "\x00", "&#0;", "&lt;", "]]>"]  # fmt: skip


def _element(noise: atheris.FuzzedDataProvider, depth: int) -> str:
    tag = noise.PickValueInList(TAGS)
    kind = noise.ConsumeIntInRange(0, 4)
    if kind == 0 and depth < 18:
        inner = "".join(_element(noise, depth + 1) for _ in range(noise.ConsumeIntInRange(0, 3)))
    elif kind == 1:
        inner = f"<![CDATA[{noise.ConsumeUnicode(16)}]]>"
    else:
        inner = noise.PickValueInList(WORDS) if kind < 4 else noise.ConsumeUnicode(8)
    return f"<{tag}>{inner}</{tag}>"


def of_json(data: bytes) -> None:
    noise = atheris.FuzzedDataProvider(data)
    if noise.ConsumeBool():
        _read("aibot", noise.ConsumeUnicode(8192))
        return
    found = {noise.PickValueInList(KEYS): _value(noise, 0) for _ in range(8)}
    _read("aibot", json.dumps({"msgtype": "text", **found}, ensure_ascii=noise.ConsumeBool()))


KEYS = ["msgid", "msgtype", "chatid", "chattype", "from", "userid", "text", "content", "voice",
        "mixed", "msg_item", "event", "eventtype", "template_card_event", "selected_items",
        "selected_item", "option_ids", "option_id", "stream", "id", "create_time", "quote",
        "task_id", "aibotid"]  # fmt: skip


def _value(noise: atheris.FuzzedDataProvider, depth: int) -> object:
    kind = noise.ConsumeIntInRange(0, 7)
    if kind <= 1 and depth < 6:
        many = range(noise.ConsumeIntInRange(0, 4))
        return {noise.PickValueInList(KEYS): _value(noise, depth + 1) for _ in many}
    if kind == 2 and depth < 6:
        return [_value(noise, depth + 1) for _ in range(noise.ConsumeIntInRange(0, 3))]
    if kind == 3:
        return noise.ConsumeUnicode(12)
    if kind == 4:
        return noise.PickValueInList([None, True, 0, -1, 10**30, 1e308, "mixed", "stream", "event"])
    return noise.PickValueInList(["text", "mixed", "event", "voice", "1772758800", "zhang"])


def _read(channel: str, text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()  # what was decrypted is strict UTF-8

    def reading() -> None:
        kept = envelope.identify(channel, text)
        envelope.inbound(kept, NOW, "小福")

    _refused(reading)


def _refused(act) -> None:
    try:
        act()
    except Refused:
        return


TARGETS = {"envelope": of_envelope, "xml": of_xml, "json": of_json}

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
