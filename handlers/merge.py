"""撞单: the same person more than once, shown wherever they are looked at, merged by hand."""

from collections.abc import Iterator
from typing import Any

from handlers import names, tiers
from handlers.context import Ctx
from handlers.values import Action, Button, Card, Send
from storage import customers, dialogs, events, merging
from storage.customers import Customer
from storage.dialogs import Dialog

# Further along first: who has bought is not put back to 加微 by a second row.
STAGES = ("交付", "下订", "报价", "试驾", "到店", "开口", "加微", "线索")
FILLED = ("title", "store", "owner", "source", "model", "phone")


def twins(customer: Customer, ctx: Ctx) -> list[Customer]:
    """Others with the same telephone number."""
    if not customer.phone:
        return []
    return [c for c in customers.with_phone(ctx.db, customer.phone) if c.id != customer.id]


def lines(customer: Customer, ctx: Ctx) -> Iterator[str]:
    """For the card: who else this may be, and with whom."""
    for other in twins(customer, ctx):
        owner = ctx.team.name(other.owner) if other.owner else "无人跟进"
        store = ctx.team.store(other.store).name
        yield f"⚠️ 撞单：电话相同的还有{other.name}（{store}，{owner}）"


def ask(kept: Customer, name: str, member: str, ctx: Ctx) -> Iterator[Action]:
    """合并 王女士 王姐: shows what would become of it, and waits for the button."""
    gone = names.look(name, member, ctx).one
    if gone is None or gone.id == kept.id:
        yield Send(member, names.not_found(name, member, ctx))
        return
    dialog = ctx.new_id()
    dialogs.begin(ctx.db, dialog_id=dialog, member=member, kind="merge",
                  body={"kept": kept.id, "gone": gone.id}, now=ctx.now)  # fmt: skip
    yield Card(
        to=member, task_id=dialog, title=f"把{gone.name}并入{kept.name}？",
        desc="确认是同一个人再并",
        text=f"留下：{names.describe(kept, ctx)}，{_whose(kept, ctx)}\n"
             f"并入：{names.describe(gone, ctx)}，{_whose(gone, ctx)}\n"
             "标签、记录、跟进都归到留下的一位，可以拆开。",
        buttons=(Button("合并", "merge", 1), Button("不是同一个人", "keep")),
    )  # fmt: skip


def _whose(customer: Customer, ctx: Ctx) -> str:
    return f"归{ctx.team.name(customer.owner)}" if customer.owner else "无人跟进"


def decide(dialog: Dialog, key: str, ctx: Ctx) -> Iterator[Action]:
    dialogs.close(ctx.db, dialog.id)
    kept, gone = (customers.get(ctx.db, dialog.body[side]) for side in ("kept", "gone"))
    if kept is None or gone is None:
        yield Send(dialog.member, "其中一位已经不在了，没有合并。")
    elif key != "merge":
        yield Send(dialog.member, "好，没有合并。")
    else:
        yield from perform(kept, gone, dialog.member, ctx)


def perform(kept: Customer, gone: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    merge_id = ctx.new_id()
    rows = merging.merge(ctx.db, kept.id, gone.id, news(kept, gone), merge_id=merge_id,
                         by=member, now=ctx.now)  # fmt: skip
    events.add(ctx.db, event_id=ctx.new_id(), customer=kept.id, kind="合并", when=ctx.now,
               source="advisor", evidence=f"{gone.name}并入", by_whom=member)  # fmt: skip
    if fresh := customers.get(ctx.db, kept.id):
        tiers.rejudge(fresh, ctx)
    yield Send(member, f"已合并：{gone.name}的{rows}条记录归到{kept.name}。"
                       f"并错了回复 拆开 {kept.name}。")  # fmt: skip
    for owner in sorted({kept.owner, gone.owner} - {member, ""}):
        yield Send(owner, f"{ctx.team.name(member)}把{gone.name}并入了{kept.name}"
                          f"（{_whose(kept, ctx)}）。")  # fmt: skip


def news(kept: Customer, gone: Customer) -> dict[str, Any]:
    """What the one who stays learns from the other; a refusal of either holds for both."""
    found: dict[str, Any] = {
        name: getattr(gone, name) for name in FILLED
        if getattr(gone, name) and not getattr(kept, name)
    }  # fmt: skip
    if _rank(gone.stage) < _rank(kept.stage):
        found["stage"] = gone.stage
    for name in ("spoke_at", "contacted_at", "opted_out_at", "archive_refused_at"):
        times = [at for c in (kept, gone) if (at := getattr(c, name))]
        if times:
            found[name] = max(times)
    return found


def _rank(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else 0


def part(kept: Customer, member: str, ctx: Ctx) -> Iterator[Action]:
    """拆开 王女士: the last merge is taken back."""
    found = merging.newest(ctx.db, kept.id)
    if found is None:
        yield Send(member, f"{kept.name}没有可以拆开的合并。")
        return
    merging.part(ctx.db, found, ctx.now)
    for one in (kept.id, found.gone):
        if customer := customers.get(ctx.db, one):
            tiers.rejudge(customer, ctx)
    other = customers.get(ctx.db, found.gone)
    yield Send(member, f"已拆开：{kept.name}和{other.name if other else ''}又是两位。")
