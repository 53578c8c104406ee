"""奖品, 兑换 2, 我的奖品, 核销 CODE: points become something one can hold, once."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from handlers.choices import Choice, ask
from handlers.context import Ctx
from handlers.games.seat import ALONE, OUT, Said, Seat
from handlers.values import Action, Inbound, Send
from storage import games, groups, points, prizes
from storage.dialogs import Dialog
from storage.prizes import LAPSED, RETURNED, TAKEN, WAITING, Prize, Redemption

DO = "prize_taken"
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is read for another
LENGTH = 8
TRIES = 20
PATTERN = r"^核销\s*(?P<code>[0-9A-Za-z]{4,12})$"


# The catalogue


def offered(chat: str, ctx: Ctx) -> list[Prize]:
    """Numbered alike for everybody of a group: those of its store."""
    room = groups.get(ctx.db, chat)
    return prizes.offered(ctx.db, ctx.today, room["store"] if room else "")


def listed(seat: Seat, ctx: Ctx) -> Said:
    found = offered(seat.chat, ctx)
    if not found:
        return Said("现在没有可以兑换的奖品。")
    total = points.balance(ctx.db, seat.chat, seat.player)
    lines = [f"{n}. {_line(prize)}" for n, prize in enumerate(found, 1)]
    return Said("\n".join([f"奖品（{seat.name} 有{total}分），说 兑换 加序号：", *lines]))


def _line(prize: Prize) -> str:
    left = f"还剩{prize.stock}份" if prize.stock else "已兑完"
    more = "；".join(filter(None, (prize.how, prize.conditions)))
    until = f"，兑到{prize.until.month}月{prize.until.day}日" if prize.until else ""
    return f"{prize.name} {prize.cost}分，{left}（{more}）{until}"


# Exchanging


def exchange(n: int, seat: Seat, ctx: Ctx) -> Said:
    """Points against a code: both or neither, and the same message again gives the same code."""
    if games.out(ctx.db, seat.player):
        return Said(OUT)
    if before := prizes.by_id(ctx.db, _id(seat)):
        return _handed("这次已经兑换过了。", _yours(before, ctx), seat, ctx)
    found = offered(seat.chat, ctx)
    if not 1 <= n <= len(found):
        return Said(f"没有第{n}个奖品。发 奖品 看列表。")
    prize = found[n - 1]
    if refused := _why_not(prize, seat, ctx):
        return Said(refused)
    return _exchanged(prize, seat, ctx)


def _id(seat: Seat) -> str:
    return f"prize:{seat.key}:{seat.player}"


def _why_not(prize: Prize, seat: Seat, ctx: Ctx) -> str:
    points.hold(ctx.db, seat.chat, seat.player)
    if prize.per_member and prizes.had(ctx.db, prize.id, seat.player) >= prize.per_member:
        return f"{prize.name}每人限{prize.per_member}份，您已经兑过了。"
    total = points.balance(ctx.db, seat.chat, seat.player)
    if total < prize.cost:
        return f"{prize.name}要{prize.cost}分，您有{total}分，还差{prize.cost - total}分。"
    return "" if prize.stock else f"{prize.name}刚被兑完了，换一个或等补货。"


def _exchanged(prize: Prize, seat: Seat, ctx: Ctx) -> Said:
    if not seat.chat.startswith(ALONE):
        groups.join(ctx.db, seat.chat, seat.player, seat.name, ctx.now)
    if not prizes.take(ctx.db, prize.id):
        return Said(f"{prize.name}刚被兑完了，换一个或等补货。")
    key = _id(seat)
    if not points.spend(ctx.db, key=key, chat_id=seat.chat, member=seat.player, cost=prize.cost,
                        reason=f"兑换{prize.name}", now=ctx.now):  # fmt: skip
        prizes.restock(ctx.db, prize.id, 1)
        return Said("您的积分刚用掉了，没有兑成。")
    found = _kept(prize, seat, key, ctx)
    left = points.balance(ctx.db, seat.chat, seat.player)
    told = f"🎁 {seat.name} 兑换成功：{prize.name}，-{prize.cost}分，还剩{left}分。"
    return _handed(told, _yours(found, ctx), seat, ctx)


def _handed(told: str, secret: str, seat: Seat, ctx: Ctx) -> Said:
    """A code is for its owner alone: in a group it goes to them apart, where that can be."""
    staff = ctx.team.advisor(seat.player) or ctx.team.manager(seat.player)
    if seat.private or staff is None:
        return Said(f"{told}\n{secret}")
    return Said(f"{told}\n领取码发到您和应用的聊天里了。", report=(seat.player, secret))


def _kept(prize: Prize, seat: Seat, key: str, ctx: Ctx) -> Redemption:
    found = Redemption(
        key, "", prize.id, seat.chat, seat.player, prize.name, prize.cost, WAITING, ctx.now,
        ctx.now + timedelta(days=ctx.settings.prizes.code_days), None, "", prize.store, "",
    )  # fmt: skip
    return _coded(found, ctx)


def _coded(found: Redemption, ctx: Ctx) -> Redemption:
    """With a code that nobody else has and nobody can guess."""
    for n in range(TRIES):
        coded = replace(found, code=_code(f"{found.id}/{n}", ctx))
        if prizes.redeem(ctx.db, coded):
            return coded
    raise LookupError(found.id)  # thirty-two to the eighth power, and none is free


def award(key: str, chat: str, member: str, name: str, ctx: Ctx) -> Redemption:
    """What was won rather than bought; picked up the same way."""
    room = groups.get(ctx.db, chat)
    until = ctx.now + timedelta(days=ctx.settings.prizes.code_days)
    found = Redemption(key, "", "", chat, member, name, 0, WAITING, ctx.now, until, None, "",
                       room["store"] if room else "", "")  # fmt: skip
    return _coded(found, ctx)


def revoke(key: str, by: str, why: str, ctx: Ctx) -> bool:
    """Take a prize back that was not handed out; one that has lapsed can go on as well."""
    found = prizes.by_id(ctx.db, key)
    if found is None or found.state == TAKEN:
        return False
    if found.state == WAITING:
        prizes.settle(ctx.db, key, state=RETURNED, by=by, now=ctx.now, why=why)
    return True


def _code(about: str, ctx: Ctx) -> str:
    number = int(games.derived(ctx.db, "prizes", about), 16)
    return "".join(LETTERS[number // 32**n % 32] for n in range(LENGTH))


def _yours(found: Redemption, ctx: Ctx) -> str:
    store = f"到{ctx.team.store(found.store).name}" if found.store else "到门店"
    local = found.until.astimezone(ctx.zone)
    return (
        f"领取码 {found.code}，{local.month}月{local.day}日前{store}出示，由顾问核销；"
        f"不想要了说 退回 {found.code}。"
    )


def mine(seat: Seat, ctx: Ctx) -> Said:
    found = prizes.of_member(ctx.db, seat.player)
    if not found:
        return Said(f"{seat.name} 还没有兑换过奖品。发 奖品 看能换什么。")
    told = "\n".join([f"{seat.name} 的奖品：", *(f"· {one.name}：{one.state}" for one in found)])
    waiting = [f"{one.name}：{_yours(one, ctx)}" for one in found if one.state == WAITING]
    return _handed(told, "\n".join(waiting), seat, ctx) if waiting else Said(told)


def give_back(code: str, seat: Seat, ctx: Ctx) -> Said:
    """退回 CODE: points and stock come back, as long as it was not handed out."""
    found = prizes.by_code(ctx.db, code.upper())
    if found is None or found.member != seat.player:
        return Said(f"您没有领取码是 {code.upper()} 的奖品。发 我的奖品 看看。")
    if not refund(found, RETURNED, seat.player, "本人退回", ctx):
        return Said(f"{found.name}{found.state}，退不了。")
    total = points.balance(ctx.db, found.chat_id, found.member)
    return Said(f"{found.name} 退回了，+{found.cost}分，共{total}分。")


def refund(found: Redemption, state: str, by: str, why: str, ctx: Ctx) -> bool:
    """Undo an exchange that was not handed out; False when it was, or was undone before."""
    if not prizes.settle(ctx.db, found.id, state=state, by=by, now=ctx.now, why=why):
        return False
    if not found.cost:
        return True
    prizes.restock(ctx.db, found.prize, 1)
    points.add(ctx.db, key=f"refund:{found.id}", chat_id=found.chat_id, member=found.member,
               delta=found.cost, reason=f"退{found.name}", now=ctx.now)  # fmt: skip
    return True


def tick(ctx: Ctx) -> Iterator[Action]:
    """A code that nobody came for is worth its points again."""
    for found in prizes.lapsed(ctx.db, ctx.now):
        refund(found, LAPSED, "system", "过期没来领", ctx)
    return iter(())


# Handing out


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """核销 CODE, by the staff of the store; asked back first, since it cannot be taken back."""
    found = prizes.by_code(ctx.db, match["code"].upper())
    if found is None or not _ours(found, msg.sender, ctx):
        yield Send(
            msg.sender, f"没有领取码 {match['code'].upper()}，请核对；别的门店的码要到那家店核销。"
        )
        return
    if found.state != WAITING:
        yield Send(msg.sender, _settled(found, ctx))
        return
    if found.until <= ctx.now:
        yield Send(msg.sender, f"{found.name}的领取码已过期，积分会自动退回。")
        return
    text = f"{found.name}，{found.cost}分兑换，{_day(found, ctx)}。确认已经把奖品交给本人？"
    choice = Choice(DO, f"核销 {found.code}", text, (("已交给本人", "yes"), ("先不核销", "no")),
                    {"redemption": found.id})  # fmt: skip
    yield ask(msg.sender, choice, ctx)


def _day(found: Redemption, ctx: Ctx) -> str:
    local = found.at.astimezone(ctx.zone)
    return f"{local.month}月{local.day}日"


def _settled(found: Redemption, ctx: Ctx) -> str:
    by = f"，由{ctx.team.name(found.used_by)}核销" if found.state == TAKEN else ""
    when = found.used_at.astimezone(ctx.zone) if found.used_at else None
    day = f"（{when.month}月{when.day}日{when:%H:%M}）" if when else ""
    return f"领取码 {found.code} 的{found.name}{found.state}{day}{by}，不能再核销。"


def _ours(found: Redemption, member: str, ctx: Ctx) -> bool:
    """An advisor hands out for their store, a manager for theirs; some prizes are every store's."""
    advisor, manager = ctx.team.advisor(member), ctx.team.manager(member)
    stores = {*([advisor.store] if advisor else []), *(manager.stores if manager else ())}
    return bool(advisor or manager) and found.store in {"", *stores}


def chosen(dialog: Dialog, answer: str, ctx: Ctx) -> Iterator[Action]:
    found = prizes.by_id(ctx.db, dialog.body["redemption"])
    if found is None:
        yield Send(dialog.member, "这个领取码已经不在了。")
    elif answer != "yes":
        yield Send(dialog.member, f"好，{found.name}先不核销，领取码 {found.code} 还有效。")
    elif found.until <= ctx.now or found.member == dialog.member:
        own = "自己的奖品要请同事核销。" if found.member == dialog.member else "领取码已过期。"
        yield Send(dialog.member, own)
    elif prizes.settle(ctx.db, found.id, state=TAKEN, by=dialog.member, now=ctx.now):
        yield Send(dialog.member, f"已核销：{found.name}，领取码 {found.code} 用掉了。")
    else:
        yield Send(dialog.member, _settled(prizes.by_id(ctx.db, found.id) or found, ctx))
