"""What the platform tells of itself: who joined or left, what runs out, what was switched off."""

from collections.abc import Callable, Iterator

from handlers import commands
from handlers.context import Ctx
from handlers.router import Router, Test
from handlers.values import Action, Inbound, KfPull, Send
from storage import kf

HELLO = "您好，我是销售助手。客户问了什么，把话贴给我就行；回复 帮助 看我会什么。"
NOT_OURS = "这个按钮不是我的，我用不上它。要做什么直接打字告诉我，回复 帮助 看全部说法。"
# An app that nobody uses loses its rights to the API (48006) after some warnings.
APP = {
    "inactive_alert": "应用很久没人用了，再不用接口权限会被收回。请让顾问打开用一次。",
    "low_active_alert": "应用用的人太少，再这样接口权限会被收回。请看看顾问为什么不用。",
    "close_inactive_agent": "应用因为长期没人用被停用了：请在管理后台“应用管理”里重新启用。",
    "low_active": "应用因为用的人太少被限制了：请在管理后台“应用管理”里处理。",
    "reopen_inactive_agent": "应用重新启用了。",
    "active_restored": "应用的接口权限恢复了。",
}
ACQUISITION = {
    "balance_low": "获客助手的余额不多了，请充值，不然获客链接会停。",
    "balance_exhausted": "获客助手的余额用完了，获客链接已停，请充值。",
    "quota_expire_soon": "获客助手的额度快到期了。",
    "link_unavailable": "有一个获客链接失效了，请在管理后台看看。",
}
PRESSED = ("scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album",
           "pic_weixin", "location_select", "taskcard_click")  # fmt: skip


def _operators(text: str, ctx: Ctx) -> Iterator[Action]:
    for operator in ctx.settings.access.operators:
        yield Send(operator, text)


def joined(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A member has come into the app's range; who is on no list hears so when they write."""
    if commands.known(msg.sender, ctx):
        yield Send(msg.sender, HELLO)


def pressed(msg: Inbound, _: Ctx) -> Iterator[Action]:
    """A menu that somebody made by hand: a photo or a place comes as a message of its own."""
    yield Send(msg.sender, NOT_OURS)


def app(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield from _operators(f"企业微信通知：{APP[msg.event]}", ctx)


def acquisition(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Who came by a link is told by the contact's own event."""
    text = ACQUISITION.get(str(msg.fields.get("ChangeType")))
    if text:
        yield from _operators(f"企业微信通知：{text}", ctx)


def staff(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Somebody on our lists has left or was renamed: the lists do not change by themselves."""
    userid = str(msg.fields.get("UserID") or "")
    change, renamed = msg.fields.get("ChangeType"), str(msg.fields.get("NewUserID") or "")
    if not commands.known(ctx.team.userid(userid), ctx):
        return
    name = ctx.team.name(ctx.team.userid(userid))
    if change == "delete_user":
        left = f"{name}（{userid}）离开了通讯录，但还在名单里"
        yield from _operators(f"{left}：请改 config.toml，把TA的客户转给别人。", ctx)
    elif change == "update_user" and renamed and renamed != userid:
        text = f"{name}的账号从 {userid} 改成了 {renamed}：请把 config.toml 里的也改掉，再重启。"
        yield from _operators(text, ctx)


def desks(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Service accounts were given to the app or taken from it."""
    added, gone = _ids(msg, "AuthAddOpenKfId"), _ids(msg, "AuthDelOpenKfId")
    for account in gone:
        kf.forget(ctx.db, account)
    for account in added:
        yield KfPull(account, "")
    parts = [f"{word}{len(ids)}个" for word, ids in (("新交来", added), ("收走", gone)) if ids]
    if parts:
        yield from _operators(f"微信客服帐号有变动：{'，'.join(parts)}。", ctx)


def _ids(msg: Inbound, name: str) -> list[str]:
    found = msg.fields.get(name) or []
    return [str(one) for one in (found if isinstance(found, list) else [found]) if one]


def unread(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A kind of message that no page tells of; a person wrote it and wants to hear something."""
    return commands.media(msg, ctx)


def _event(*names: str) -> Test:
    return lambda m: m.event in names


def _other_message(msg: Inbound) -> bool:
    return msg.channel == "app" and msg.kind != "event" and not msg.event


ROUTES: tuple[tuple[Test, Callable[[Inbound, Ctx], Iterator[Action]]], ...] = (
    (_event("subscribe"), joined),
    (_event(*PRESSED), pressed),
    (_event(*APP), app),
    (_event("customer_acquisition"), acquisition),
    (_event("change_contact"), staff),
    (_event("kf_account_auth_change"), desks),
    (_other_message, unread),
)
router = Router(ROUTES)
