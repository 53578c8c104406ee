"""Temporary media of the pretend company: size rules, three days, picture measures."""

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.world import ApiError

LIFE = timedelta(days=3)
LARGEST = 20 * 1024 * 1024
_MB = 1024 * 1024
_LIMITS = {
    "image": (10 * _MB, 40009),
    "voice": (2 * _MB, 45001),
    "video": (10 * _MB, 40011),
    "file": (LARGEST, 40006),
}


@dataclass(frozen=True, slots=True)
class Stored:
    media_id: str
    kind: str
    name: str
    data: bytes
    at: datetime


class Media:
    def __init__(self) -> None:
        self._stored: dict[str, Stored] = {}

    def put(self, kind: str, name: str, data: bytes, at: datetime) -> Stored:
        _check(kind, data)
        stored = Stored(f"MEDIA-{len(self._stored) + 1}", kind, name, data, at)
        self._stored[stored.media_id] = stored
        return stored

    def get(self, media_id: object, at: datetime, kind: str = "") -> Stored:
        """The medium, if it exists, is young enough and, where asked, of that kind."""
        if not media_id:
            raise ApiError(41006, "missing media_id")
        stored = self._stored.get(str(media_id))
        if stored is None or at - stored.at > LIFE or kind not in ("", stored.kind):
            raise ApiError(40007, "invalid media_id")
        return stored


def _check(kind: str, data: bytes) -> None:
    if kind not in _LIMITS:
        raise ApiError(40004, "invalid media type")
    if not data:
        raise ApiError(44001, "empty media data")
    largest, code = _LIMITS[kind]
    if len(data) <= 5:
        raise ApiError(40006, "invalid media size")
    if len(data) > largest:
        raise ApiError(code, f"invalid {kind} size")
    if kind == "image" and size(data) is None:
        raise ApiError(40005, "invalid file type")


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or JPEG; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments to the frame header, which holds height before width."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
