"""如果 window_h_days=10: who would be judged otherwise under other numbers; nothing is changed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from handlers import tiers
from handlers.context import Ctx
from handlers.settings import Settings, Tiers
from handlers.values import Action, Inbound, Send
from handlers.words import TIERS
from storage import customers
from storage.customers import Customer

EXAMPLES = 10
SHOWN = 3  # examples of a chat's answer
MOST = 20_000  # customers that a chat looks at; the command line has no limit


class SettingError(ValueError):
    """A setting that cannot be tried; the text says which, what stood there, what is allowed."""


@dataclass(frozen=True, slots=True)
class Move:
    customer: Customer
    was: tiers.Verdict
    now: tiers.Verdict

    @property
    def kinds(self) -> Iterator[tuple[str, str, str]]:
        """What moves: 级别 or 意向, from, to."""
        if self.was.level != self.now.level:
            yield "级别", f"{self.was.level}级", f"{self.now.level}级"
        if self.was.tier != self.now.tier:
            yield "意向", TIERS[self.was.tier], TIERS[self.now.tier]

    @property
    def reason(self) -> str:
        return self.now.level_reason if self.was.level != self.now.level else self.now.tier_reason


@dataclass(slots=True)
class Outcome:
    judged: int = 0
    moved: int = 0
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: list[Move] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        if not self.moved:
            return f"看了{self.judged}位客户，谁都不变。"
        return f"看了{self.judged}位客户，{self.moved}位会变，没有改动任何人。"


def changed(given: Iterable[str], settings: Settings) -> Settings:
    """The settings with `tiers.window_h_days=10` and the like in them."""
    data: dict[str, Any] = settings.tiers.model_dump()
    for text in given:
        key, equals, value = (part.strip() for part in text.replace("＝", "=").partition("="))
        name = key.removeprefix("tiers.")
        if not equals or name not in Tiers.model_fields:
            allowed = "、".join(Tiers.model_fields)
            raise SettingError(f"{key or text} 不能试；写成 键=数字，键可用：{allowed}")
        data[name] = value
    try:
        return settings.model_copy(update={"tiers": Tiers.model_validate(data)})
    except ValidationError as exc:
        wrong = exc.errors(include_url=False)[0]
        name = str(wrong["loc"][0])
        raise SettingError(f"tiers.{name} 是 {data[name]!r}，要写 0 到 3650 的整数") from exc


def run(among: Iterable[Customer], given: Iterable[str], ctx: Ctx) -> Outcome:
    """Judge each from the stored rows as it is set and as it would be; writes nothing."""
    other = replace(ctx, settings=changed(given, ctx.settings))
    found = Outcome()
    for customer in among:
        found.judged += 1
        move = Move(customer, judged(customer, ctx), judged(customer, other))
        kinds = list(move.kinds)
        if kinds:
            found.moved += 1
            found.counts.update(kinds)
            if len(found.examples) < EXAMPLES:
                found.examples.append(move)
    return found


def judged(customer: Customer, ctx: Ctx) -> tiers.Verdict:
    """By the rules as they are set in `ctx`."""
    return tiers.judge(tiers.gather(customer, ctx), customer, ctx.now, ctx.settings.tiers)


def among(member: str, days: int, ctx: Ctx) -> Iterator[Customer]:
    """Everybody, or those whom a member may see; with days only those who moved since."""
    since = ctx.now - timedelta(days=days) if days else None
    manager, advisor = ctx.team.manager(member), ctx.team.advisor(member)
    stores = manager.stores if manager else ()
    owner = advisor.userid if advisor and not manager else ""
    everybody = not member
    for page in customers.pages(ctx.db, stores=stores, owner=owner, everybody=everybody):
        for c in page:
            heard = max((at for at in (c.spoke_at, c.added_at, c.contacted_at) if at), default=None)
            if since is None or (heard and heard >= since):
                yield c


def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        yield Send(msg.sender, "“如果”是给经理试设置用的，不改动任何客户。")
        return
    seen = (c for _, c in zip(range(MOST), among(msg.sender, 0, ctx), strict=False))
    try:
        found = run(seen, [match["text"]], ctx)
    except SettingError as exc:
        yield Send(msg.sender, str(exc))
        return
    yield Send(msg.sender, "\n".join(_lines(match["text"], found, named=bool(manager.names))))


def _example(move: Move) -> str:
    ways = "，".join(f"{was}→{now}" for _, was, now in move.kinds)
    return f"{move.customer.name} {ways}（{move.reason}）"


def _lines(text: str, found: Outcome, *, named: bool) -> list[str]:
    out = [f"如果 {text}：{found.sentence}"]
    out += [f"· {kind} {was}→{now}：{n}位" for (kind, was, now), n in found.counts.most_common(8)]
    if named:
        out += [f"例：{_example(m)}" for m in found.examples[:SHOWN]]
    return [*out, "要真的改，请改配置 [tiers]，明早起按新的算。"] if found.moved else out
