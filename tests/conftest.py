"""Fixtures: the knowledge read once, a conversation without sockets, the whole stage with them."""

import functools
import gc
import logging
import os
import shutil
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import postgres_kit
import pytest
import pytest_asyncio
import wecom_kit
from aiohttp import web
from click.testing import CliRunner
from outbox_kit import office as office
from store_kit import memory

from bot import server as door
from bot.app import ROUTER, TICKS, Dice, Knowledge
from bot.sandbox import demo, stage
from bot.sandbox.stage import Stage
from handlers.context import Ctx
from handlers.settings import Settings
from handlers.team import Team
from handlers.values import Action, Card, Inbound, Send
from nlp import lexicon as words
from nlp.lexicon import Lexicon
from storage import customers
from storage.customers import Customer
from storage.db import Db
from storage.sqlite import Sqlite

# What is read once stays; to look through all of it every 700 objects is a fifth of the time.
gc.set_threshold(100_000, 20, 100)

# A machine that is busy for a moment is no bug.
EXAMPLES = int(os.environ.get("SALESBOT_EXAMPLES", "50"))  # `make soak`: a thousand
hypothesis.settings.register_profile("steady", deadline=None, max_examples=EXAMPLES)
hypothesis.settings.load_profile("steady")

ON_BOTH = {"test_storage", "test_conversation", "test_prizes"}  # `make soak`: all of them


# Their tests share what is dear to make, so one worker runs all of them.
WHOLE = ("test_console_page.py", "test_first_day.py", "test_fortnight.py", "test_h5_phone.py",
         "test_ninety_days.py", "test_nlp_dev.py", "test_outgoing.py",
         "test_sidebar_phone.py")  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """By file for those, by test for all others; pytest 9.2 loses the marks that xdist goes by."""
    from xdist.scheduler import LoadScopeScheduling

    class Shared(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if file.endswith(WHOLE) else nodeid

    return Shared(config, log) if config.getvalue("dist") == "loadgroup" else None


WORLD = demo.world()
SECRETS = (WORLD.app_secret, WORLD.contact_secret, WORLD.kf_secret, WORLD.aibot_secret,
           wecom_kit.TOKEN, wecom_kit.AES_KEY, wecom_kit.WORLD.app_secret, "TOKEN-")  # fmt: skip


class Listener(logging.Handler):
    """Hears every record of a test, tracebacks included, and keeps those that tell a secret."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "aiohttp.access":
            return  # the pretend platform's own; ours is off, see test_client
        text = self.format(record)
        self.told += [text for secret in SECRETS if secret in text]


@pytest.fixture(autouse=True)
def no_secret_is_told(outputs: list[str]) -> Iterator[None]:
    """Whatever a test is about: neither its log nor its answers hold a secret of the company."""
    listener = Listener()
    logging.getLogger().addHandler(listener)
    outputs.clear()
    yield
    logging.getLogger().removeHandler(listener)
    assert listener.told == []
    assert outputs == []


def telling(where: str, said: bytes) -> list[str]:
    return [f"{where}: {said[:200]!r}" for secret in SECRETS if secret.encode() in said]


FILES = (".csv", ".json", ".txt", ".html", ".md")


@pytest.fixture(scope="session")
def outputs() -> Iterator[list[str]]:
    """What told a secret: a command, a file that it wrote, a page of the server."""
    found: list[str] = []
    patch = pytest.MonkeyPatch()
    invoke, routes = CliRunner.invoke, door.routes

    def invoked(self: CliRunner, *args: Any, **more: Any) -> Any:
        done = invoke(self, *args, **more)
        words = [str(word) for word in (args[1] if len(args) > 1 else more.get("args") or ())]
        found.extend(telling(" ".join(words), done.stdout_bytes + done.stderr_bytes))
        for path in map(Path, words):
            if path.suffix in FILES and path.is_file():
                found.extend(telling(str(path), path.read_bytes()))
        return done

    def watched(*args: Any) -> list[web.RouteDef]:
        return [web.route(r.method, r.path, answering(r.handler), **r.kwargs)
                for r in routes(*args)]  # fmt: skip

    def answering(handler: Any) -> Any:
        @functools.wraps(handler)
        async def answer(request: web.Request) -> Any:
            given = await handler(request)
            body = given.body if isinstance(given, web.Response) else None
            said = body if isinstance(body, bytes) else b""
            found.extend(telling(request.path, said + str(given.headers).encode()))
            return given

        return answer

    patch.setattr(CliRunner, "invoke", invoked)
    patch.setattr(door, "routes", watched)
    yield found
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """A lexicon's files are parsed again only when a byte of them is another."""
    known: dict[Any, Lexicon] = {}
    load, names = Lexicon.load, (*words.FILES, "brands.toml", "places.json", "places.toml")

    def loaded(folder: Path | None = None) -> Lexicon:
        folder = folder or words.DATA
        paths = [words._path(folder, name) for name in names]
        held = tuple(path.read_bytes() if path.is_file() else str(path) for path in paths)
        found = known.pop(held, None) or load(folder)
        known[held] = found
        if len(known) > 4:
            del known[next(iter(known))]  # the one that was wanted longest ago
        return replace(found, folder=folder, signature=words.signature(folder))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lexicon, "load", staticmethod(loaded))
        yield


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return stage.load()


@dataclass
class Talk:
    """One advisor's chat with the bot, on a store in memory: what is said, what comes back."""

    db: Sqlite
    knowledge: Knowledge
    settings: Settings
    now: datetime
    did: list[Action] = field(default_factory=list)
    count: int = 0
    _team: Team | None = None

    def team(self) -> Team:
        if self._team is None or self._team.settings is not self.settings:
            self._team = Team(self.settings)
        return self._team

    def ctx(self) -> Ctx:
        self.count += 1
        return Ctx(db=self.db, now=self.now, lexicon=self.knowledge.lexicon,
                   bank=self.knowledge.bank, rng=Dice(self.count),
                   settings=self.settings, team=self.team(), cause=f"m{self.count}",
                   quiz=self.knowledge.quiz, facts=self.knowledge.facts)  # fmt: skip

    def tell(self, msg: Inbound) -> list[Action]:
        with self.db.atomic():
            self.did = list(ROUTER.dispatch(msg, self.ctx()))
        return self.did

    def says(self, who: str, text: str) -> list[Action]:
        """A member writes to the app; returns what the bot does."""
        return self.tell(Inbound(f"i{self.count}", "app", "text", who, self.now, text))

    def taps(self, who: str, button: str) -> list[Action]:
        """Press a button of the newest card that was shown."""
        card = next(a for a in reversed(self.did) if isinstance(a, Card))
        key = next(b.key for b in card.buttons if b.text == button)
        fields = {"TaskId": card.task_id, "EventKey": key, "ResponseCode": "rc"}
        msg = Inbound(f"i{self.count}", "app", "event", who, self.now,
                      event="template_card_event", fields=fields)  # fmt: skip
        return self.tell(msg)

    def asks(self, who: str, text: str, chat: str = "team") -> str:
        """A member speaks to the aibot; returns its answer."""
        did = self.tell(Inbound(f"i{self.count}", "aibot", "text", who, self.now, text, chat=chat))
        return "\n".join(a.text for a in did)  # type: ignore[union-attr]

    def wait(self, **step: float) -> list[Action]:
        """Let time pass, knocking each minute, over days more seldom; returns what was sent.

        Of a night, when all sleep, every knock in six: the same minutes are met by day."""
        sent: list[Action] = []
        until = self.now + timedelta(**step)
        long = until - self.now >= timedelta(hours=6)
        while self.now < until:
            knock = 1 if not long else 30 if stage._asleep(self.now) else 5
            self.now = min(self.now + timedelta(minutes=knock), until)
            for tick in TICKS:
                with self.db.atomic():
                    sent += list(tick(self.ctx()))
        return sent

    def texts(self, to: str = "zhang") -> str:
        return "\n".join(a.text for a in self.did if isinstance(a, Send) and a.to == to)

    def customer(self, customer_id: str) -> Customer:
        found = customers.get(self.db, customer_id)
        assert found is not None
        return found

    def concerns(self, customer_id: str) -> dict[str, int]:
        tags = customers.tags(self.db, customer_id, self.now, "concern")
        return {t.code: t.polarity for t in tags}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The stories of some modules hold on either store; SALESBOT_STORES names another choice."""
    if "db" in metafunc.fixturenames:
        wanted = ["sqlite", "postgres"] if metafunc.module.__name__ in ON_BOTH else ["sqlite"]
        stores = os.environ.get("SALESBOT_STORES", "").split() or wanted
        metafunc.parametrize("db", stores, indirect=True)


@pytest.fixture
def db(request: pytest.FixtureRequest) -> Iterator[Db]:
    if getattr(request, "param", "sqlite") == "postgres":
        with postgres_kit.store(request.getfixturevalue("server")) as store:
            yield store
        return
    store = memory()
    yield store
    store.close()


@pytest.fixture
def embedded() -> Iterator[Sqlite]:
    """Of which the plan of a query is asked; the other store words its plans differently."""
    store = memory()
    yield store
    store.close()


@pytest.fixture(scope="session")
def server() -> Iterator[postgres_kit.Server]:
    yield from postgres_kit.serve()


@pytest.fixture
def talk(db: Sqlite, knowledge: Knowledge) -> Talk:
    """Friday 2026-03-06 09:00 in the store of zhang, who knows wang 王女士 and li 李先生."""
    now = demo.START
    for key, name, title in (("wang", "王女士", "女士"), ("li", "李先生", "先生")):
        customers.add(db, Customer(id=key, name=name, title=title, store="bj-cy", owner="zhang",
                                   added_at=now - timedelta(days=5)))  # fmt: skip
    return Talk(db, knowledge, demo.SETTINGS, now)


@pytest.fixture(scope="session")
def demo_store(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sixty days of the demo, lived through once."""
    path = tmp_path_factory.mktemp("demo") / "sandbox.db"
    store = Sqlite(path)
    store.migrate()
    with store.atomic():
        stage._prepare(store, knowledge, demo.START, empty=False)
    store.run("pragma wal_checkpoint(truncate)")
    store.close()
    return path


@pytest.fixture
async def played(knowledge: Knowledge, demo_store: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    """The whole stage: callbacks and API over HTTP, the clock standing at 2026-03-06 09:00."""
    shutil.copy(demo_store, tmp_path / "sandbox.db")
    async with stage.open_stage(
        start=demo.START, frozen=True, knowledge=knowledge, folder=tmp_path
    ) as found:
        yield found


@pytest.fixture
def chromium() -> AbstractAsyncContextManager[Any]:
    """Debian's browser, to be opened by `async with`; where there is none, loudly skipped."""
    return _opened(_chromium())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    """One for a module whose tests share its loop; each closes the contexts that it opened."""
    async with _opened(_chromium()) as found:
        yield found


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        warnings.warn("*** no chromium here: no page was tried in a browser ***", stacklevel=1)
        pytest.skip("*** no chromium here: no page was tried in a browser ***")
    return found


@asynccontextmanager
async def _opened(path: str) -> AsyncIterator[Any]:
    async with pytest.importorskip("playwright.async_api").async_playwright() as p:
        browser = await p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()
