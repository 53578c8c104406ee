"""The process around the vendor's library: a request a line comes in, an answer a line goes out."""

import base64
import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.archive.sdk import Sdk, SdkError

NO_KEY = "key"


class Worker:
    """Does what is asked; what the library refuses is part of the answer."""

    def __init__(self) -> None:
        self._sdk: Sdk | None = None
        self._keys: dict[int, rsa.RSAPrivateKey] = {}

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        tasks = {"start": self._start, "page": self._page, "open": self._open}
        try:
            return tasks[asked["do"]](asked)
        except SdkError as exc:
            return {"error": exc.code, "said": exc.said}

    def _start(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        unread: dict[str, str] = {}
        for version, path in asked["keys"].items():
            try:
                self._keys[int(version)] = private_key(Path(path))
            except ValueError as exc:
                unread[version] = str(exc)
        self._sdk = Sdk(asked["path"], asked["corp_id"], asked["secret"])
        return {"versions": sorted(self._keys), "unread": unread}

    def _page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"items": self._ready().page(asked["seq"], asked["limit"], asked["proxy"],
                                            asked["password"], asked["timeout_s"])}  # fmt: skip

    def _open(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        key = self._keys.get(int(asked["version"]))
        random_key = _random_key(key, asked["random_key"]) if key else ""
        if not random_key:
            return {"shut": NO_KEY}
        return {"text": self._ready().opened(random_key, asked["body"])}

    def _ready(self) -> Sdk:
        if self._sdk is None:
            raise SdkError(10000, "还没有 Init")
        return self._sdk


def private_key(path: Path) -> rsa.RSAPrivateKey:
    """ValueError says in a few words what is wrong with the file."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as exc:
        raise ValueError(f"读不到 {path}（{exc.strerror}）") from None
    except TypeError:
        raise ValueError(f"{path} 有口令，请存成没有口令的 PEM") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"{path} 不是 PEM 格式的私钥") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path} 不是 RSA 私钥")
    return key


def _random_key(key: rsa.RSAPrivateKey, sealed: str) -> str:
    """A key of another version gives an error or bytes that are no text."""
    try:
        return key.decrypt(base64.b64decode(sealed), padding.PKCS1v15()).decode()
    except ValueError:
        return ""


def _own_stdout() -> BinaryIO:
    """The pipe for our answers alone: what the library prints must not come between them."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def _requests(source: BinaryIO, waiting: "queue.SimpleQueue[bytes]") -> None:
    for line in source:
        waiting.put(line)
    os._exit(0)  # the server is gone, and the library may hang: nothing else would end us


def main() -> None:
    out, worker = _own_stdout(), Worker()
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_requests, args=(sys.stdin.buffer, waiting), daemon=True).start()
    while True:
        found = worker.answer(json.loads(waiting.get()))
        out.write(json.dumps(found).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
