"""The library's process as the server sees it: asked one thing at a time, killed when it hangs."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = (sys.executable, "-m", "bot.archive.child")
LONGEST = 256 * 1024 * 1024  # one line of answer: a page of messages
ENDING_S = 5.0  # that a process which says nothing more may take to end
KEPT = ("PATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "VIRTUAL_ENV")
CURES = {
    -1: "检查 wecom.archive.sdk_path 指向官网下载的 libWeWorkFinanceSdk_C.so，架构和系统要对得上",
    10000: "检查 wecom.corp_id 和 wecom.archive.secret",
    10001: "检查网络、wecom.archive.proxy 和防火墙",
    10003: "稍后会再试；一直这样请检查 wecom.archive.secret",
    10009: "在管理后台的会话内容存档里把本机出口 IP 加进可信 IP",
    10010: "超过平台保留的时间（几天），更早的只能用 salesbot events import 补",
    10011: "换新版 SDK，检查系统证书",
    301042: "在管理后台的会话内容存档里把本机出口 IP 加进可信 IP",
}
PASSING = (10001, 10003, -1000, 45009)  # told only when they stay


class Broken(Exception):
    """The archive cannot be read now; the text is for the operator."""

    passing = False  # may be over by the next try
    cure = ""


class Gone(Broken):
    """The process ended or did not answer; whatever it held is lost."""


class Refusal(Broken):
    """The library said no."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"SDK 报错 {code} {said}")
        self.cure = CURES.get(code, "")
        self.code = code
        self.passing = code in PASSING


class Process:
    """Started by the first question."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        process = self._process or await self._started()
        line = json.dumps({"do": do, **more}).encode() + b"\n"
        try:
            async with asyncio.timeout(self._patience_s):
                found = await _exchange(process, line)
        except TimeoutError:
            await self.stop()
            raise Gone(f"SDK 进程 {self._patience_s:g} 秒没有回答，已结束它，会自动重启") from None
        if not found:
            raise Gone(await self._ended(process))
        answer: dict[str, Any] = json.loads(found)
        if "error" in answer:
            raise Refusal(int(answer["error"]), str(answer["said"]))
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        """Of the server's environment it gets nothing that it does not need, secrets least."""
        own = {name: os.environ[name] for name in KEPT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=LONGEST, env={**own, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self._process = process
        return process

    async def _ended(self, process: asyncio.subprocess.Process) -> str:
        with suppress(TimeoutError):  # killed while it dies, it would not tell of what it died
            async with asyncio.timeout(ENDING_S):
                await process.wait()
        await self.stop()
        code = process.returncode or 0
        how = f"信号 {signal.Signals(-code).name}" if code < 0 else f"退出码 {code}"
        return f"SDK 进程崩溃（{how}），会自动重启"

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _exchange(process: asyncio.subprocess.Process, line: bytes) -> bytes:
    """The answer's line; empty when the process has ended."""
    if process.stdin is None or process.stdout is None:
        return b""
    with suppress(ConnectionError):
        process.stdin.write(line)
        await process.stdin.drain()
    return await process.stdout.readline()
