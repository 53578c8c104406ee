"""Members' phones: each has a browser of its own, which opens a group's page by its link."""

import itertools
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

import aiohttp

# What one says to look at a page; everything else is done on it.
LOOKS = {"首页": "", "游戏": "play", "积分": "points", "奖品": "prizes", "抽奖": "draw",
         "排行榜": "board", "签到日历": "checkin", "我的": "me"}  # fmt: skip
MATERIAL = "素材"  # in the place of a group: the link to a material that was handed out last
OPENS = {"打开": "", "收藏": "keep", "取消收藏": "drop", "不要记录": "quiet"}
RATING = "评价"  # likewise: the link that asks how a visit was
NO_GROUP = (MATERIAL, RATING)
DRIVE, ALONE, CLAIM = "预约试驾", "自己玩", "登记"
FIELDS = {"称呼": "name", "电话": "phone", "同意": "agree", "车型": "model", "日期": "day",
          "时间": "time", "门店": "store"}  # fmt: skip
YES = ("是", "好", "1", "同意")
_TOKEN = re.compile(r'data-token="(\w+)"')
_VOID = ("input", "br", "link", "meta", "img")
_LINES = ("p", "li", "h2", "section", "br", "a", "form", "div", "summary", "details")
_SILENT = ("button", "label", "svg", "nav", "header", "title", "script")
Link = Callable[[str], Awaitable[str]]


def fields(words: str) -> Mapping[str, str]:
    """称呼=王女士 日期=2026-03-07; what is no pair comes under its own name, to be refused."""
    parts = (part.partition("=") for part in words.split())
    return {name: value for name, _, value in parts}


def wrong(words: str) -> str:
    """What is wrong with a line for a page, before it is played."""
    what, _, rest = words.partition(" ")
    unknown = fields(rest).keys() - FIELDS.keys() if what in (DRIVE, CLAIM) else ()
    if unknown:
        return f"{what} 没有字段 {min(unknown)}，可用的有 {'、'.join(FIELDS)}"
    return ""


@dataclass
class Phones:
    """`link` tells a group's address; pages are fetched as any browser would."""

    link: Link
    _taps: Iterator[int] = field(default_factory=itertools.count)  # the same in every play
    _browsers: dict[str, aiohttp.ClientSession] = field(default_factory=dict)

    async def does(self, who: str, chat: str, words: str) -> str:
        """Look or tap; returns what the page then says."""
        base, http = await self.link(chat), self._browser(who)
        if chat == RATING:
            return await self._rates(http, base, words)
        page = await self._open(http, base, who)
        if chat == MATERIAL and not OPENS.get(words):
            return told(page, "main")
        if words in LOOKS:
            return told(await self._get(http, base + LOOKS[words]), "main")
        deed, form = (OPENS[words], {}) if chat == MATERIAL else asked(words)
        token = _TOKEN.search(page)
        form |= {"t": token[1] if token else "", "once": f"tap-{next(self._taps):08d}"}
        async with http.post(base + deed, data=form) as answer:
            page = await answer.text()
        return told(page, "said") or told(page, "main")

    async def _rates(self, http: aiohttp.ClientSession, base: str, words: str) -> str:
        """打开, 2星, or a sentence."""
        if words == "打开":
            return told(await self._get(http, base), "main")
        stars = re.fullmatch(r"([1-5])星", words)
        deed, form = ("rate", {"stars": stars[1]}) if stars else ("say", {"words": words})
        async with http.post(base + deed, data=form) as answer:
            page = await answer.text()
        return told(page, "said") or told(page, "main")

    def _browser(self, who: str) -> aiohttp.ClientSession:
        if who not in self._browsers:
            jar = aiohttp.CookieJar(unsafe=True)  # an address is no domain
            self._browsers[who] = aiohttp.ClientSession(cookie_jar=jar)
        return self._browsers[who]

    async def _open(self, http: aiohttp.ClientSession, base: str, who: str) -> str:
        """By the authorise page, where that is asked; the platform knows whose phone it is."""
        async with http.get(base, allow_redirects=False) as answer:
            to = answer.headers.get("Location", "")
            if answer.status != 302:
                return await answer.text()
        return await self._get(http, f"{to.partition('#')[0]}&{urlencode({'who': who})}")

    async def _get(self, http: aiohttp.ClientSession, address: str) -> str:
        async with http.get(address) as answer:
            return await answer.text()

    async def close(self) -> None:
        for http in self._browsers.values():
            await http.close()


def asked(words: str) -> tuple[str, dict[str, str]]:
    """Which form is sent, with what in it."""
    what, _, rest = words.partition(" ")
    if what in (DRIVE, CLAIM):
        form = {FIELDS[name]: value for name, value in fields(rest).items()}
        form["agree"] = "1" if form.get("agree") in YES else ""
        return ("request" if what == DRIVE else "claim"), form
    if what == ALONE:
        return "alone", {"words": rest, "page": "play"}
    return "say", {"words": words}


def told(page: str, where: str) -> str:
    """The words of a part of the page, as somebody reads them: no buttons, no empty lines."""
    reader = _Reader(where)
    reader.feed(page)
    lines = (" ".join(line.split()) for line in "".join(reader.words).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where
        self._depth = 0  # inside the part, 0 outside
        self._hidden = 0
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        begins = tag == self._where or ("class", self._where) in attrs
        if self._depth:
            self.words.append("\n" if tag in _LINES else " ")
        if tag not in _VOID and (self._depth or begins):
            self._depth += 1
            self._hidden += tag in _SILENT

    def handle_endtag(self, tag: str) -> None:
        if self._depth:
            self._depth -= 1
            self._hidden -= tag in _SILENT
            self.words.append("\n" if tag in _LINES else " ")

    def handle_data(self, data: str) -> None:
        if self._depth and not self._hidden:
            self.words.append(data.replace("\n", " "))
