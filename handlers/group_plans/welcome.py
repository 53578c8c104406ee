"""The greeting of customer groups: the platform sends it to newcomers once the owner has chosen it.

This is the one automatic message that is allowed there, so it is short and says who is who.
"""

from dataclasses import dataclass

from handlers import h5_address
from handlers.context import Ctx
from scriptbank import guard
from scriptbank.rules import ALLOW
from storage.db import Row

NAME = "%NICKNAME%"  # the platform puts the newcomer's nickname there
MOST_BYTES, MOST_TEMPLATES = 3000, 100
TEXT = (
    f"{NAME} 您好，欢迎来到{{群}}！我是{{人}}。这里聊用车、聊周末去哪儿，也可以问车；"
    "每天一个小话题，不刷屏。先报个到：您是先看看，还是已经有喜欢的车？"
)
CHOOSE = (
    "模板建好后，要由群主在企业微信里选：群聊 → 右上角 → 群管理 → 入群欢迎语 → 选这个模板；"
    "选好之后新人进群才会收到。"
)


@dataclass(frozen=True, slots=True)
class Greeting:
    """`link` is shown below the text; `wrong` says why it cannot be used."""

    text: str
    link: str
    wrong: str

    @property
    def body(self) -> dict[str, object]:
        """As the platform wants it."""
        found: dict[str, object] = {"text": {"content": self.text}, "notify": 0}
        if self.link:
            found["link"] = {"title": "签到、答题、预约试驾", "url": self.link}
        return found


def of(room: Row, own: str, ctx: Ctx) -> Greeting:
    """For one group, in the company's words or in ours."""
    text = own.strip() or TEXT.format(群=f"“{room['name']}”", 人=_who(room, ctx))
    return Greeting(text, h5_address.link(room["chat_id"], ctx), _wrong(text, ctx))


def _who(room: Row, ctx: Ctx) -> str:
    store = ctx.team.store(room["store"]).name
    return f"{store}的{ctx.team.name(room['owner'])}" if room["owner"] else store


def _wrong(text: str, ctx: Ctx) -> str:
    if len(text.encode()) > MOST_BYTES:
        return f"欢迎语最多{MOST_BYTES}字节，现在{len(text.encode())}"
    doubts = [f for f in guard.check(text, ctx.today) if f.severity != ALLOW]
    return f"有不能发的词：{doubts[0].words}（没有人再看一眼，拿不准的也不放）" if doubts else ""
