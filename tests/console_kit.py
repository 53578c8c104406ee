"""A stage with people of every role, and browsers that somebody opened the console in."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from bot.console.routes import SESSION
from bot.sandbox import demo
from bot.sidebar.session import Keyring
from handlers.settings import Access, Colleague, Manager
from handlers.team import Team
from storage import passes

PEOPLE = {
    "managers": (
        *demo.MANAGERS,
        Manager(userid="city", name="北京经理", cities=("北京",)),
        Manager(userid="brand", name="品牌", brand=True),
    ),
    "colleagues": (Colleague(userid="wuqi", name="吴琪", role="社群运营", stores=("bj-cy",)),),
    "access": Access(operators=("opera",)),
}


def cast(stage):
    """The people above work here, too."""
    app = stage.running.app
    app.settings = app.settings.model_copy(update=PEOPLE)
    app.team = Team(app.settings)


def both(stage, who="chen"):
    """A store's manager who also runs the program."""
    app = stage.running.app
    access = app.settings.access.model_copy(update={"operators": ("opera", who)})
    app.settings = app.settings.model_copy(update={"access": access})
    app.team = Team(app.settings)


async def ask(stage, look):
    return await stage.running.writer.do(look)


class Visit:
    """One browser; `token` is that of the page it opened last."""

    def __init__(self, stage, http):
        self.stage, self.http, self.token = stage, http, ""

    @property
    def base(self):
        return f"{self.stage.url}/console/"

    async def get(self, path="", **query):
        url = self.base + path
        async with self.http.get(url, params=query, allow_redirects=False) as answer:
            self.answer = answer
            self.body = await answer.read()
            text = self.body.decode("utf-8", "replace")
            found = re.search(r'name="token" value="(\w+)"', text)
            self.token = found[1] if found else self.token
            return answer.status, text

    async def post(self, path, *, origin=None, **form):
        headers = {"Origin": origin or self.stage.url}
        url = self.base + path
        async with self.http.post(url, data=form, headers=headers, allow_redirects=False) as answer:
            self.answer = answer
            return answer.status, await answer.text()

    async def oauth(self, who):
        """By the pretend authorise page, which lets the tester be anybody."""
        await self.get("oauth")
        to = self.answer.headers["Location"].partition("#")[0]
        async with self.http.get(f"{to}&{urlencode({'who': who})}") as answer:
            return answer.status, await answer.text()

    async def enter(self, who):
        """With a session as a login makes it, whoever they are."""
        running = self.stage.running
        keys = Keyring(running.writer, self.stage.clock, "console")
        cookie, session = await keys.begin(who)
        now = self.stage.clock.now()
        await ask(self.stage, lambda db: passes.begin(db, session.nonce, who, now))
        self.wear(cookie)
        return self

    def wear(self, cookie):
        self.http.cookie_jar.update_cookies({SESSION: cookie}, aiohttp.client.URL(self.base))

    @property
    def cookie(self):
        return next((c for c in self.http.cookie_jar if c.key == SESSION), None)


def link_of(text):
    """The link that stands in a message."""
    address = re.search(r"http\S+", text)[0]
    return parse_qs(urlsplit(address).query)["link"][0]
