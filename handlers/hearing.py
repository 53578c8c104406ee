"""Which surfaces words come from, in plain words: where nothing is heard, silence is no peace."""

from handlers.context import Ctx
from handlers.words import exactly
from storage import surfaces

DEAF = (
    "没有会话存档，客户群里说的话程序听不到，没有预警不等于没有事；"
    "群主可以把群里的话贴给助手：群里说 群名，换行贴聊天。"
)


def told(ctx: Ctx) -> str:
    archive, desk = surfaces.seen(ctx.db, "archive"), surfaces.seen(ctx.db, "kf")
    last = f"会话存档（最近一条{exactly(archive.last.astimezone(ctx.zone))}）" if archive else ""
    open_ = [last, "微信客服" if desk else "", "群页面" if ctx.settings.reach.pages else "",
             "顾问和群主贴来的", "内部群里@机器人的"]  # fmt: skip
    return f"{'' if archive else DEAF}现在听得到：{'、'.join(filter(None, open_))}。"
