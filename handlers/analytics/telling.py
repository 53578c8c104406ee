"""What the tables share: figures with their denominators in words, names of stores and people."""

from handlers.analytics import formulas
from handlers.context import Ctx

TOO_FEW = "样本不足"
SOURCES = {
    "paste": "粘贴", "archive": "会话存档", "sidebar": "侧边栏", "kf": "微信客服",
    "message": "客户消息", "record": "顾问记录", "advisor": "顾问记录", "import": "导入",
    "system": "系统事件", "sop": "SOP",
}  # fmt: skip


def over(part: int, whole: int, words: str, ctx: Ctx) -> tuple[float | None, str]:
    """A share, and what was divided by what: `words` is 到店÷加微."""
    found = formulas.share(part, whole, ctx.settings.analytics.samples)
    first, _, second = words.partition("÷")
    said = f"{first}{part}÷{second}{whole}"
    return found, said if found is not None else f"{TOO_FEW}（{said}）"


def ways(found: dict[str, int]) -> str:
    """粘贴12、会话存档3, the most first."""
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return "、".join(f"{SOURCES.get(name, name)}{n}" for name, n in ranked if n)


def named(by: str, key: str, ctx: Ctx) -> str:
    if by == "store":
        return ctx.team.store(key).name
    return ctx.team.name(key) or "无人跟进"


def team(stores: tuple[str, ...], ctx: Ctx) -> list[str]:
    return [one.userid for one in ctx.team.advisors_of(stores)]
