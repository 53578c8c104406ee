"""Connections that say nothing: a stranger who opens thousands must not keep WeCom out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

IDLE_S = 20.0  # without a complete request head; WeCom sends one at once


def many_files() -> None:
    """As many open connections as the system lets one process have."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Patience:
    """Closes connections on which no request has begun for a while."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._seen: dict[object, float] = {}  # since when each connection has been quiet
        self._busy: set[object] = set()
        self.closed = 0

    def watch(self, app: web.Application, runner: web.AppRunner) -> None:
        """Before the application is set up."""
        app.middlewares.append(self._middleware())

        async def sweeping(_: web.Application) -> AsyncIterator[None]:
            task = asyncio.create_task(self._sweep(runner))
            yield
            task.cancel()
            await asyncio.wait({task})

        app.cleanup_ctx.append(sweeping)

    def _middleware(self) -> Middleware:
        @web.middleware
        async def mark(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._busy.add(request.protocol)
            self._seen.pop(request.protocol, None)
            try:
                return await handler(request)
            finally:
                self._busy.discard(request.protocol)

        return mark

    async def _sweep(self, runner: web.AppRunner) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._idle_s / 4)
            server = runner.server
            if server is None:
                continue
            now = clock()
            there = set(server.connections) - self._busy
            self._seen = {one: self._seen.get(one, now) for one in there}
            for one, since in self._seen.items():
                if now - since >= self._idle_s:
                    self._close(one)

    def _close(self, handler: object) -> None:
        transport = getattr(handler, "transport", None)
        if transport is not None:
            self.closed += 1
            transport.abort()
