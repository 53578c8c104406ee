"""The vendor's library through ctypes. Only the archive's own process loads it: it may crash."""

import ctypes
import json
from collections.abc import Callable
from typing import Any

SLICE = ctypes.c_void_p
TEXT = ctypes.c_char_p
SIGNATURES: tuple[tuple[str, Any, tuple[Any, ...]], ...] = (
    ("NewSdk", ctypes.c_void_p, ()),
    ("DestroySdk", None, (ctypes.c_void_p,)),
    ("Init", ctypes.c_int, (ctypes.c_void_p, TEXT, TEXT)),
    ("NewSlice", SLICE, ()),
    ("FreeSlice", None, (SLICE,)),
    ("GetContentFromSlice", ctypes.c_void_p, (SLICE,)),
    ("GetSliceLen", ctypes.c_int, (SLICE,)),
    ("GetChatData", ctypes.c_int, (ctypes.c_void_p, ctypes.c_ulonglong, ctypes.c_uint, TEXT, TEXT,
                                   ctypes.c_int, SLICE)),
    ("DecryptData", ctypes.c_int, (TEXT, TEXT, SLICE)),
)  # fmt: skip
NOT_LOADED, NOT_JSON = -1, 10002


class SdkError(Exception):
    """The library refused or could not be loaded; `code` is its own, or one of ours below zero."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"{code} {said}")
        self.code = code
        self.said = said


class Sdk:
    """One object for the life of the process: Init fetches a token, and too many are refused."""

    def __init__(self, path: str, corp_id: str, secret: str) -> None:
        self._lib = _load(path)
        self._sdk = self._lib.NewSdk()
        code = self._lib.Init(self._sdk, corp_id.encode(), secret.encode())
        if code:
            raise SdkError(code, "Init")

    def page(
        self, seq: int, limit: int, proxy: str, password: str, timeout_s: int
    ) -> list[dict[str, Any]]:
        """What came after `seq`, still sealed."""
        text = self._filled(
            "GetChatData",
            lambda out: self._lib.GetChatData(
                self._sdk, seq, limit, proxy.encode(), password.encode(), timeout_s, out
            ),
        )
        try:
            found = json.loads(text)
        except ValueError:
            raise SdkError(NOT_JSON, "GetChatData 给的不是 JSON") from None
        if code := int(found.get("errcode") or 0):
            raise SdkError(code, str(found.get("errmsg") or ""))
        return list(found.get("chatdata") or [])

    def opened(self, key: str, sealed: str) -> str:
        """The message's JSON text; `key` is the random key after RSA."""
        text = self._filled(
            "DecryptData", lambda out: self._lib.DecryptData(key.encode(), sealed.encode(), out)
        )
        return text.decode(errors="replace")

    def _filled(self, name: str, fill: Callable[[Any], int]) -> bytes:
        out = self._lib.NewSlice()
        try:
            if code := fill(out):
                raise SdkError(code, name)
            size = self._lib.GetSliceLen(out)
            return ctypes.string_at(self._lib.GetContentFromSlice(out), size) if size > 0 else b""
        finally:
            self._lib.FreeSlice(out)


def _load(path: str) -> ctypes.CDLL:
    try:
        lib = ctypes.CDLL(path)
        for name, result, arguments in SIGNATURES:
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
    except OSError as exc:
        raise SdkError(NOT_LOADED, str(exc)) from None
    except AttributeError as exc:
        raise SdkError(NOT_LOADED, f"不是会话存档的库：{exc}") from None
    return lib
