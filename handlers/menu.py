"""The app's menu: what stands in it, what a tap on it does, and the greeting of the day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any

from handlers import commands
from handlers.context import Ctx
from handlers.router import Router
from handlers.settings import Manager
from handlers.values import Action, Inbound, Send
from storage import followups as owed
from storage import stats, timers


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the menu; `says` is the command it stands for, `asks` what is still needed."""

    name: str
    key: str
    says: str = ""
    asks: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    name: str
    items: tuple[Item, ...]


SEARCH = "要找哪方面的话术？回复 话术 加一个词，例如：话术 充电桩；或者把客户的话直接贴给我。"
CUSTOMER = "要看哪一位？回复 客户 加姓名，例如：客户 王女士"
RECORD = "要记什么？例如：记录 王女士 周六下午3点试驾"
MENU: tuple[Item | Folder, ...] = (
    Item("今天待办", "todo", says="待办"),
    Folder("话术", (
        Item("找话术", "search", asks=SEARCH), Item("我的收藏", "favourites", says="我的收藏"),
        Item("我的话术", "own", says="我的话术"), Item("找素材", "materials", says="素材"),
    )),
    Folder("更多", (
        Item("客户", "customer", asks=CUSTOMER), Item("记一笔", "record", asks=RECORD),
        Item("日报", "digest", says="日报"), Item("撤销上一步", "undo", says="撤销"),
        Item("帮助", "help", says="帮助"),
    )),
)  # fmt: skip
NOT_YOURS = "日报是给店经理的；你的名单请看 今天待办。"


def items() -> Iterator[Item]:
    for entry in MENU:
        yield from entry.items if isinstance(entry, Folder) else (entry,)


ITEMS: Mapping[str, Item] = {item.key: item for item in items()}


def body() -> dict[str, Any]:
    """The menu as the platform takes it."""
    return {"button": [_button(entry) for entry in MENU]}


def _button(entry: Item | Folder) -> dict[str, Any]:
    if isinstance(entry, Folder):
        return {"name": entry.name, "sub_button": [_button(item) for item in entry.items]}
    return {"name": entry.name, "type": "click", "key": entry.key}


def same(told: Mapping[str, Any]) -> bool:
    """Whether the platform shows this menu; it adds fields of its own, and empty lists."""
    return _plain(told.get("button")) == _plain(body()["button"])


def _plain(buttons: Any) -> list[Any]:
    kept = ("name", "type", "key", "url")
    return [
        [*(str(button.get(name) or "") for name in kept), _plain(button.get("sub_button"))]
        for button in (buttons if isinstance(buttons, list) else ())
        if isinstance(button, Mapping)
    ]


def clicked(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """The same answer as to the command that the line stands for."""
    if not commands.known(msg.sender, ctx):
        return commands.stranger(msg, ctx)
    item = ITEMS.get(str(msg.fields.get("EventKey", "")))
    if item is None:
        return iter([Send(msg.sender, "这个菜单已经换过了，请重新打开聊天再点一次。")])
    if item.asks:
        return iter([Send(msg.sender, item.asks)])
    if item.key == "digest" and ctx.team.manager(msg.sender) is None:
        return iter([Send(msg.sender, NOT_YOURS)])
    return commands.text(replace(msg, kind="text", event="", text=item.says), ctx)


def entered(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Once a day, when somebody opens the chat: the three numbers of their day."""
    if commands.known(msg.sender, ctx) and _first_today(msg.sender, ctx):
        yield Send(msg.sender, _greeting(msg.sender, ctx))


def _first_today(member: str, ctx: Ctx) -> bool:
    name, midnight = f"greeted:{member}", ctx.tomorrow(time.min)
    if name not in timers.known(ctx.db):
        timers.ensure(ctx.db, name, midnight)
        return True
    found = [was for due, was in timers.due(ctx.db, name, ctx.now) if due == name]
    return any(timers.advance(ctx.db, name, was, midnight, ctx.now) for was in found)


def _greeting(member: str, ctx: Ctx) -> str:
    manager = ctx.team.manager(member)
    if ctx.team.advisor(member) is None and manager is not None:
        return _of_stores(manager, ctx)
    midnight = ctx.on(ctx.today, time.min)
    due = owed.owed_by(ctx.db, member, midnight + timedelta(days=1))
    late = sum(1 for followup in due if followup.origin_at < midnight)
    new = sum(1 for followup in due if followup.kind == "first_touch")
    name = ctx.team.name(member)
    if not due:
        return f"{name}，今天没有到期的客户。有客户来问，把话贴给我就行。"
    return (f"{name}，今天待办{len(due)}位，其中逾期{late}位，新加待打招呼{new}位。"
            "点菜单“今天待办”看名单。")  # fmt: skip


def _of_stores(manager: Manager, ctx: Ctx) -> str:
    midnight = ctx.on(ctx.today, time.min)
    counts = stats.funnel(ctx.db, manager.stores, midnight - timedelta(days=1), midnight)
    numbers = "，".join(f"{step}{counts[step]}位" for step in ("加微", "到店", "下订"))
    return f"{manager.name}，昨天{numbers}。点菜单“日报”看全部。"


router = Router(
    (
        (lambda m: m.channel == "app" and m.event == "click", clicked),
        (lambda m: m.channel == "app" and m.event == "enter_agent", entered),
    )
)
