"""`salesbot tag`: JSON lines in, what was understood out, one line for each."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nlp import polarity
from nlp.lexicon import Lexicon
from nlp.reading import Reading, to_json

SHANGHAI = ZoneInfo("Asia/Shanghai")
SENDERS = ("customer", "advisor")


class _Bad(ValueError):
    """An input line that cannot be read; the text tells its writer why."""


def lines(
    lexicon: Lexicon, texts: Iterable[str], now: datetime, model: Any = None
) -> Iterator[dict[str, Any]]:
    """One result for each line in, in order; a bad line gives an `error` and the rest goes on."""
    for number, line in enumerate(texts):
        try:
            record = _record(line)
        except _Bad as exc:
            yield {"id": number, "error": str(exc)}
            continue
        line_id = record.get("id", number)
        try:
            yield _tagged(lexicon, record, line_id, now, model)
        except _Bad as exc:
            yield {"id": line_id, "error": str(exc)}


def understood(
    lexicon: Lexicon, record: dict[str, Any], now: datetime, model: Any = None
) -> Reading:
    """The reading of one input object."""
    text = record.get("text")
    if not isinstance(text, str):
        raise _Bad("text: 应为字符串")
    sender = record.get("from", "customer")
    if sender not in SENDERS:
        raise _Bad(f"from: 应为 customer 或 advisor，收到 {sender!r}")
    reading = lexicon.read(text, at=_moment(record.get("at"), now), sender=sender)
    return model.improve(reading) if model is not None and sender == "customer" else reading


def _tagged(
    lexicon: Lexicon, record: dict[str, Any], line_id: Any, now: datetime, model: Any
) -> dict[str, Any]:
    reading = understood(lexicon, record, now, model)
    out = dict(to_json(reading, line_id))
    if "aspect" in record:
        aspect = record["aspect"]
        if not isinstance(aspect, str):
            raise _Bad("aspect: 应为字符串")
        out["aspect_polarity"] = polarity.of_aspect(lexicon, reading.text, aspect)
    return out


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise _Bad("不是合法的 JSON") from exc
    if not isinstance(record, dict):
        raise _Bad("每行应为一个 JSON 对象")
    return record


def _moment(at: object, now: datetime) -> datetime:
    if at is None:
        return now
    try:
        moment = datetime.fromisoformat(str(at))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
        moment.astimezone(SHANGHAI)
    except (ValueError, OverflowError) as exc:
        raise _Bad(f"at: 应为 ISO 时间，收到 {at!r}") from exc
    return moment
