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
from itertools import cycle, product
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


# Sales talk from a mould: every question shares its words with hundreds of others.
CARS = (
    "星海S6", "星海M8", "云驰E5", "云驰X7", "北斗T3", "长风L9", "远山G2", "晨曦A4", "飞鸟P1",
    "蓝鲸D8", "红枫H5", "白桦K6", "海豚R2", "青岚V9", "赤兔F3", "银河C7", "雪豹B1", "麒麟N5",
    "朱雀Q4", "青龙Z2",
)  # fmt: skip
PARTS = (
    "冬天续航", "后备箱", "座椅加热", "音响", "底盘", "电池质保", "刹车", "大灯", "轮胎",
    "车机", "充电速度", "家用充电桩", "首付", "月供", "置换补贴", "保险", "保养费用",
    "提车时间", "颜色", "天窗", "后排空间", "辅助驾驶", "隔音", "油耗", "保值率",
)  # fmt: skip
FRAMES = (
    "{}的{}怎么样", "请问{}{}好不好", "{}{}和同级比有优势吗", "想了解一下{}的{}",
    "{}的{}要注意什么", "{}{}能选装吗", "朋友说{}的{}一般是真的吗", "{}的{}具体是多少",
    "{}{}有几种", "介绍一下{}的{}", "{}{}用久了会有问题吗", "新款{}的{}变了没有",
    "{}的{}值得加钱吗", "为什么{}的{}口碑好", "{}{}坏了怎么修", "{}{}多少钱",
    "{}的{}包含在内吗", "低配{}有没有{}", "怎么看{}的{}", "{}的{}什么时候能定下来",
)  # fmt: skip
SAID = (
    "你好，{}的{}怎么样啊", "我想问下{}{}到底行不行", "{}的{}，多少钱呢", "{}{}坏了好修吗",
    "别人讲{}的{}不太好是真的吗", "{}跟同级的比，{}有优势没", "{}的{}用几年以后会出问题吗",
)  # fmt: skip


def many() -> list[Script]:
    """Ten thousand scripts, each with a question of its own, answered as the shipped ones are."""
    asked = (frame.format(car, part) for frame, car, part in product(FRAMES, CARS, PARTS))
    return [
        replace(script, id=f"{script.id}-{n}", q=q, also=(), title=q, scene="", models=())
        for n, (q, script) in enumerate(zip(asked, cycle(library.shipped()), strict=False))
    ][:SCRIPTS]


def said(number: int) -> str:
    """What a customer asks, in other words than any script; the same only after thousands."""
    form, car, part = SAID[number % 7], CARS[number // 7 % 20], PARTS[number // 140 % 25]
    return form.format(car, part)


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
