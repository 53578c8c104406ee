"""Phones that open the page of a group, as a browser would; for the tests of the pages."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.phones import told
from storage import points, prizes
from storage.prizes import Prize

TOKEN = re.compile(r'data-token="(\w+)"')


class Phone:
    """One browser; `page` is what it shows last, `status` how that was answered."""

    def __init__(self, stage, base):
        self.stage, self.base, self.page, self.status, self.token = stage, base, "", 0, ""
        # an address is no domain
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.count = 0

    async def enter(self, who):
        """By the pretend authorise page, which lets the tester be anybody."""
        async with self.http.get(self.base, allow_redirects=False) as answer:
            to = answer.headers["Location"].partition("#")[0]
        await self.get(f"{to}&{urlencode({'who': who})}")
        found = TOKEN.search(self.page)
        self.token = found[1] if found else ""
        return self

    async def get(self, path=""):
        address = path if path.startswith("http") else self.base + path
        async with self.http.get(address) as answer:
            self.status, self.page = answer.status, await answer.text()
        return told(self.page, "main")

    async def post(self, deed, headers=None, **form):
        """A form of the page as it stands, unless something else is given."""
        self.count += 1
        form = {"t": self.token, "once": f"once-{id(self)}-{self.count}", **form}
        async with self.http.post(self.base + deed, data=form, headers=headers) as answer:
            self.status, self.page = answer.status, await answer.text()
        return told(self.page, "said")

    async def say(self, words, **form):
        return await self.post("say", words=words, **form)


def give(db, member, n, now, chat="g1"):
    points.add(db, key=f"gift:{chat}:{member}:{n}", chat_id=chat, member=member, delta=n,
               reason="活动", now=now)  # fmt: skip


def offer(db, now, **given):
    usual = {
        "id": "p1", "name": "车模", "cost": 10, "stock": 1, "worth": 199, "how": "自提",
        "store": "", "per_member": 1, "conditions": "", "until": None, "state": "live", "at": now,
    }  # fmt: skip
    prizes.add(db, Prize(**(usual | given)))


TOMORROW = timedelta(days=1)
