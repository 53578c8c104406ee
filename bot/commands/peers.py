"""The bots that `bench peers` measures against, as tutorials write them; nothing else uses them.

`flask`: Flask's own server, wechatpy, a commit a message, a scan of every script by WRatio, the
push inside the request. `gunicorn`: the same behind gunicorn with WAL and the plain ratio, and
without the push. `fastapi`: FastAPI and aiosqlite, WAL, the plain ratio, without the push.
Run as `python -m bot.commands.peers KIND PORT API FOLDER TOKEN KEY CORP`.
"""

import os
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process
from wechatpy.work import parse_message
from wechatpy.work.crypto import WeChatCrypto

from bot import library
from scriptbank.script import Script

KINDS = ("flask", "gunicorn", "fastapi")
WORKERS = 2
SCRIPTS = 10_000
TABLE = "create table if not exists messages (id integer primary key, who text, said text)"
INSERT = "insert into messages (who, said) values (?, ?)"


def many() -> list[Script]:
    """Ten thousand scripts: the shipped ones, asked about one store after the other."""
    own = library.shipped()
    return [
        replace(script, id=f"{script.id}-{n}", q=f"{n}店{script.q}", also=())
        for n in range(SCRIPTS // len(own) + 1)
        for script in own
    ][:SCRIPTS]


def scripts() -> dict[str, str]:
    """Question to text, as a small bot would hold them."""
    return {script.q: script.body for script in many()}


def answered(said: str, known: dict[str, str], scorer: Any) -> str:
    best = process.extract(said, list(known), scorer=scorer, limit=3)
    return "\n".join(known[question] for question, _, _ in best)


class Opened:
    """What the peers share: keys, scripts, and the reading of a callback."""

    def __init__(self, token: str, key: str, corp: str) -> None:
        self.crypto = WeChatCrypto(token, key, corp)
        self.known = scripts()

    def read(self, query: Any, body: bytes) -> Any:
        plain = self.crypto.decrypt_message(
            body, query["msg_signature"], query["timestamp"], query["nonce"]
        )
        return parse_message(plain)


def flask_app(api: str, folder: str, *keys: str, wal: bool) -> Any:
    """`wal` is the careful variant: write-ahead log, the cheaper score, nothing pushed."""
    import requests
    from flask import Flask, request

    app, opened, file = Flask(__name__), Opened(*keys), Path(folder) / "peer.db"
    with sqlite3.connect(file) as db:
        db.execute(TABLE)
        if wal:
            db.execute("pragma journal_mode = wal")

    def callback() -> str:
        message = opened.read(request.args, request.get_data())
        db = sqlite3.connect(file, timeout=60)
        db.execute(INSERT, (message.source, message.content))
        db.commit()
        db.close()
        text = answered(message.content, opened.known, fuzz.ratio if wal else fuzz.WRatio)
        if not wal:
            body = {"touser": message.source, "msgtype": "text", "text": {"content": text}}
            requests.post(f"{api}/cgi-bin/message/send", json=body, timeout=10)
        return ""

    app.add_url_rule("/callback/app", view_func=callback, methods=["POST"])
    return app


def fastapi_app(folder: str, *keys: str) -> Any:
    import aiosqlite
    from fastapi import FastAPI, Request
    from fastapi.responses import PlainTextResponse

    app, opened = FastAPI(), Opened(*keys)
    held: list[Any] = []

    async def store() -> Any:
        if not held:
            db = await aiosqlite.connect(Path(folder) / "peer.db")
            await db.execute("pragma journal_mode = wal")
            await db.execute(TABLE)
            held.append(db)
        return held[0]

    async def callback(request: Request) -> PlainTextResponse:
        message = opened.read(request.query_params, await request.body())
        db = await store()
        await db.execute(INSERT, (message.source, message.content))
        await db.commit()
        answered(message.content, opened.known, fuzz.ratio)
        return PlainTextResponse("")

    app.add_route("/callback/app", callback, methods=["POST"])
    return app


def made() -> Any:
    """For gunicorn, which imports this and calls it in each worker."""
    return flask_app(*os.environ["SALESBOT_PEER"].split("\n"), wal=True)


def main(kind: str, port: str, api: str, folder: str, *keys: str) -> None:
    if kind == "flask":
        flask_app(api, folder, *keys, wal=False).run("127.0.0.1", int(port), threaded=True)
    elif kind == "gunicorn":
        environment = {**os.environ, "SALESBOT_PEER": "\n".join((api, folder, *keys))}
        words = ["-m", "gunicorn", "-w", str(WORKERS), "-b", f"127.0.0.1:{port}",
                 "bot.commands.peers:made()"]  # fmt: skip
        os.execve(sys.executable, [sys.executable, *words], environment)
    else:
        import uvicorn

        uvicorn.run(fastapi_app(folder, *keys), port=int(port), log_level="error")


if __name__ == "__main__":
    main(*sys.argv[1:])
