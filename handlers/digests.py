"""The manager's digest: what changed, why, and the three things to do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import charts, gaps, lost
from handlers.context import Ctx
from handlers.settings import Manager
from handlers.values import (
    Action,
    ChatPicture,
    ChatText,
    Inbound,
    Picture,
    Post,
    PostPicture,
    Send,
)
from handlers.words import TIERS, ago, share, short, weekday
from nlp.labels import CONCERNS
from storage import digests, scripts, stats, timers
from storage.db import Row, at
from storage.dialogs import Dialog
from storage.dialogs import begin as ask

EDITIONS = {"morning": "早报", "evening": "晚报"}
YARDSTICK = 0.5  # the case's opening ratio; shown beside ours, never used to decide


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the digest and the list behind it; `urgency` sorts, the highest first."""

    name: str
    line: str
    details: tuple[str, ...]
    urgency: int
    action: str = ""  # what to do about it
    personal: bool = False  # names customers, beyond the line itself


@dataclass(frozen=True, slots=True)
class Edition:
    title: str
    headline: str
    parts: tuple[Part, ...]
    actions: tuple[str, ...]
    svg: str

    @property
    def text(self) -> str:
        lines = [self.title, self.headline, ""]
        lines += [f"{n}. {p.line}" for n, p in enumerate(self.parts, 1)]
        if self.actions:
            lines += ["", "建议今天做三件事："] if len(self.actions) == 3 else ["", "建议："]
            lines += [f"▸ {action}" for action in self.actions]
        return "\n".join([*lines, "", "回复 详情 加序号看名单。"])


@dataclass(frozen=True, slots=True)
class Window:
    """The time a digest looks at: yesterday in the morning, today in the evening."""

    since: datetime
    until: datetime
    word: str
    stores: tuple[str, ...]


def tick(ctx: Ctx) -> Iterator[Action]:
    """Send the editions that are due; after an outage only the latest, once."""
    _set_timers(ctx)
    for name, was in timers.due(ctx.db, "digest:", ctx.now):
        _, edition, userid = name.split(":", 2)
        manager = ctx.team.manager(userid)
        claimed = timers.advance(ctx.db, name, was, _next(edition, ctx), ctx.now)
        if claimed and manager and _of_use(edition, was, ctx):
            yield from send(manager, edition, ctx)


def _of_use(edition: str, was: datetime, ctx: Ctx) -> bool:
    """A missed edition is sent late, but not after the next one's hour nor at night."""
    if ctx.now - was < timedelta(hours=1):
        return True
    clock = ctx.local.time()
    shown = edition == edition_at(ctx) and clock >= getattr(ctx.settings.digest, edition)
    return shown and clock < ctx.settings.followups.shift_to


def _set_timers(ctx: Ctx) -> None:
    known = timers.known(ctx.db)
    for manager in ctx.settings.managers:
        for edition in EDITIONS:
            name = f"digest:{edition}:{manager.userid}"
            if name not in known:
                timers.ensure(ctx.db, name, _next(edition, ctx, first=True))


def _next(edition: str, ctx: Ctx, *, first: bool = False) -> datetime:
    """The next time of that edition; the very first may still be today's."""
    clock = getattr(ctx.settings.digest, edition)
    today = ctx.on(ctx.today, clock)
    later = ctx.now <= today if first else ctx.now < today
    return today if later else ctx.tomorrow(clock)


def send(manager: Manager, edition: str, ctx: Ctx) -> Iterator[Action]:
    digest = compile_for(manager, edition, ctx)
    body = {"parts": [{"name": p.name, "line": p.line, "details": list(p.details)}
                      for p in digest.parts]}  # fmt: skip
    digests.keep(ctx.db, digest_id=ctx.new_id(), reader=manager.userid, edition=edition,
                 day=ctx.today.isoformat(), body=body, now=ctx.now)  # fmt: skip
    ask(ctx.db, dialog_id=ctx.new_id(), member=manager.userid, kind="digest", body=body,
        now=ctx.now)  # fmt: skip
    yield Picture(manager.userid, f"{EDITIONS[edition]}-{ctx.today:%m%d}.png", digest.svg)
    yield Send(manager.userid, digest.text)
    if manager.webhook:
        yield PostPicture(manager.webhook, digest.svg)
        yield Post(manager.webhook, digest.text)
    if manager.chat:
        yield ChatPicture(manager.chat, digest.svg)
        yield ChatText(manager.chat, digest.text)


def compile_for(manager: Manager, edition: str, ctx: Ctx) -> Edition:
    """Everything a manager should know, from our own rows; empty parts are left out."""
    window = _window(manager, edition, ctx)
    found = (part(window, ctx) for part in PARTS)
    seen = (p if manager.names else _counted(p) for p in found if p)
    parts = sorted(seen, key=lambda p: -p.urgency)
    actions = tuple(p.action for p in parts if p.action)[:3]
    names = "、".join(ctx.team.store(s).name for s in manager.stores[:3])
    names += f"等{len(manager.stores)}家店" if len(manager.stores) > 3 else ""
    day = window.since.astimezone(ctx.zone).date()
    title = f"【{EDITIONS[edition]}】{names} {day.month}月{day.day}日 {weekday(day)}"
    return Edition(title, _headline(window, ctx), tuple(parts), actions, _chart(title, window, ctx))


def _counted(part: Part) -> Part:
    """For who sees figures only: nobody is named behind the line."""
    return replace(part, details=(), action="") if part.personal else part


def _window(manager: Manager, edition: str, ctx: Ctx) -> Window:
    today = ctx.on(ctx.today, datetime.min.time())
    if edition == "morning":
        return Window(today - timedelta(days=1), today, "昨天", manager.stores)
    return Window(today, ctx.now, "今天", manager.stores)


def _mean(window: Window, ctx: Ctx) -> dict[str, float]:
    """The daily mean of the days before the window."""
    days = ctx.settings.digest.mean_days
    before = window.since - timedelta(days=days)
    total = stats.funnel(ctx.db, window.stores, before, window.since)
    return {step: n / days for step, n in total.items()}


def _headline(window: Window, ctx: Ctx) -> str:
    """The step that moved furthest from its mean, in a sentence."""
    counts = stats.funnel(ctx.db, window.stores, window.since, window.until)
    mean = _mean(window, ctx)
    step = max(counts, key=lambda s: (abs(counts[s] - mean[s]), s))
    gap = counts[step] - mean[step]
    if abs(gap) < 1:
        return f"{window.word}平稳：各环节都在近{ctx.settings.digest.mean_days}日均值附近。"
    word = "高于" if gap > 0 else "低于"
    return f"{window.word}{step}{counts[step]}人，{word}近7日均值{mean[step]:.1f}。"


def _funnel(window: Window, ctx: Ctx) -> Part:
    counts = stats.funnel(ctx.db, window.stores, window.since, window.until)
    mean = _mean(window, ctx)
    shown = "→".join(f"{step}{n}" for step, n in counts.items())
    opened = share(counts["开口"], counts["加微"])
    details = [f"{step} {counts[step]}，近7日均值 {mean[step]:.1f}" for step in counts]
    spoken = stats.talked(ctx.db, window.stores, window.since, window.until)
    details.append(f"沟通 {spoken} 人＝那天说过话的客户（粘贴、存档）")
    details.append(f"开口率 {opened}＝开口÷加微；案例参考值 {YARDSTICK:.0%}")
    return Part("漏斗", f"漏斗：{shown}（开口率{opened}）", tuple(details), 50)


def _overdue(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.overdue(ctx.db, window.stores, ctx.on(ctx.today, datetime.min.time()))
    if not rows:
        return None
    by: dict[str, list[Row]] = {}
    for row in rows:
        by.setdefault(ctx.team.name(row["advisor"]), []).append(row)
    ranked = sorted(by.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    line = f"逾期跟进{len(rows)}位：" + "、".join(f"{who}{len(r)}" for who, r in ranked[:4])
    details = [f"{ctx.team.name(r['advisor'])}｜{r['name']} {r['level']}级｜{_owed(r)}｜"
               f"应于{ago(at(r['origin_at']), ctx.now)}" for r in rows[:20]]  # fmt: skip
    who, most = ranked[0]
    hot = next((r for r in most if r["level"] in "OHA"), most[0])
    action = f"请{who}今天先联系{hot['name']}（{hot['level']}级，{_owed(hot)}）"
    return Part("逾期", line, tuple(details), 80, action, personal=True)


def _owed(row: Row) -> str:
    return str(row["reason"]) or f"逾期{max(row['overdue'], 1)}天"


def _unanswered(window: Window, ctx: Ctx) -> Part | None:
    before, since = ctx.now - timedelta(minutes=30), ctx.now - timedelta(days=3)
    rows = stats.unanswered(ctx.db, window.stores, before, since)
    if not rows:
        return None
    details = [f"{r['name']} {r['level']}级（{ctx.team.name(r['owner'])}）"
               f"{ago(at(r['spoke_at']), ctx.now)}说话，还没有回应" for r in rows[:20]]  # fmt: skip
    first = rows[0]
    action = f"提醒{ctx.team.name(first['owner'])}回复{first['name']}的提问"
    return Part("未回复", f"超30分钟未回复{len(rows)}位", tuple(details), 90, action,
                personal=True)  # fmt: skip


def _levels(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.happened(ctx.db, window.stores, ("级别",), window.since, window.until)
    if not rows:
        return None
    up = [r for r in rows if _rose(r["evidence"])]
    new_h = [r for r in rows if "→H" in r["evidence"]]
    line = f"级别变化：升{len(up)}、降{len(rows) - len(up)}、新增H级{len(new_h)}"
    details = [f"{r['name']}（{ctx.team.name(r['owner'])}）{r['evidence']}" for r in rows[:20]]
    action = ""
    if new_h:
        r = new_h[0]
        action = f"{r['name']}刚升到H级，请{ctx.team.name(r['owner'])}今天约到店"
    return Part("级别", line, tuple(details), 70 if new_h else 40, action,
                personal=True)  # fmt: skip


def _rose(evidence: str) -> bool:
    order = "NCBAHO"
    match = re.match(r"([OHABCN])→([OHABCN])", evidence)
    return bool(match) and order.index(match[2]) > order.index(match[1]) if match else False


def _no_shows(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.happened(ctx.db, window.stores, ("未到店",), window.since, window.until)
    if not rows:
        return None
    details = [f"{r['name']}（{ctx.team.name(r['owner'])}）：{r['evidence']}" for r in rows]
    return Part("未到店", f"约了没来{len(rows)}位", tuple(details), 60,
                f"问清{rows[0]['name']}没来的原因，改约本周", personal=True)  # fmt: skip


def _complaints(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.happened(ctx.db, window.stores, ("投诉",), window.since, ctx.now)
    if not rows:
        return None
    details = [f"{r['name']}（{ctx.team.name(r['owner'])}）：“{short(r['evidence'], 30)}”"
               for r in rows]  # fmt: skip
    action = f"亲自回访投诉客户{rows[0]['name']}，当天给出答复"
    return Part("投诉", f"🔴 投诉{len(rows)}起", tuple(details), 100, action, personal=True)


def _gaps(window: Window, ctx: Ctx) -> Part | None:
    mine = {a.userid for a in ctx.team.advisors_of(window.stores)}
    rows = [r for r in scripts.gaps(ctx.db, window.since) if r["advisor"] in mine]
    if not rows:
        return None
    ranked = gaps.clusters(rows)
    asked = sum(r["n"] for r in scripts.asked(ctx.db, window.since) if r["advisor"] in mine)
    total = max(asked, len(rows))
    covered = f"，覆盖率{share(total - len(rows), total)}"
    line = f"话术缺口{len(ranked)}个，例如“{short(ranked[0].question, 16)}”{covered}"
    details = tuple(f"“{short(c.question, 30)}” {c.times}次" for c in ranked[:20])
    return Part("话术缺口", line, details, 30, f"补一条话术：“{short(ranked[0].question, 16)}”")


def _voice(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.concerns(ctx.db, window.stores, ctx.now - timedelta(days=7))
    if not rows:
        return None
    top = "、".join(f"{CONCERNS.get(r['code'], r['code'])}{r['n']}" for r in rows[:4])
    details = [f"{CONCERNS.get(r['code'], r['code'])}：{r['n']}人，担心{r['worried']}，"
               f"未解决{r['unresolved']}" for r in rows[:12]]  # fmt: skip
    worst = max(rows, key=lambda r: (r["unresolved"], r["code"]))
    name = CONCERNS.get(worst["code"], worst["code"])
    action = f"夕会讲一遍“{name}”的话术，{worst['unresolved']}位客户还没得到回应"
    return Part("关注点", f"近7天关注：{top}", tuple(details), 20,
                action if worst["unresolved"] else "")  # fmt: skip


def _people(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.people(ctx.db, window.stores)
    if not rows:
        return None
    tiers: dict[str, int] = {}
    levels: dict[str, int] = {}
    for row in rows:
        tiers[row["tier"]] = tiers.get(row["tier"], 0) + row["n"]
        levels[row["level"]] = levels.get(row["level"], 0) + row["n"]
    line = "客户：" + "、".join(f"{TIERS[t]}{tiers[t]}" for t in TIERS if t in tiers)
    details = tuple(f"{level}级 {levels[level]}人" for level in "OHABCN" if level in levels)
    return Part("客户", line, details, 10)


def _lost(window: Window, ctx: Ctx) -> Part | None:
    """Applications that wait for an answer."""
    found = lost.waiting(window.stores, ctx)
    if not found:
        return None
    details = [f"{c.name}（{ctx.team.name(loss.advisor)}）：{lost.told(loss)}，"
               f"{ago(loss.asked_at, ctx.now)}交" for loss, c in found[:20]]  # fmt: skip
    return Part("待批战败", f"等着批的战败{len(found)}份", tuple(details), 65,
                f"批{found[0][1].name}的战败申请（回复 待批战败）", personal=True)  # fmt: skip


PARTS: tuple[Callable[[Window, Ctx], Part | None], ...] = (
    _funnel, _overdue, _unanswered, _levels, _no_shows, _complaints, _lost, _gaps, _voice, _people,
)  # fmt: skip


def _chart(title: str, window: Window, ctx: Ctx) -> str:
    counts = stats.funnel(ctx.db, window.stores, window.since, window.until)
    mean = _mean(window, ctx)
    funnel = [charts.Bar(step, counts[step], mean[step]) for step in counts]
    late: dict[str, int] = {}
    for row in stats.overdue(ctx.db, window.stores, ctx.on(ctx.today, datetime.min.time())):
        late[ctx.team.name(row["advisor"])] = late.get(ctx.team.name(row["advisor"]), 0) + 1
    owing = [charts.Bar(who, n, warn=True) for who, n in sorted(late.items(), key=lambda p: -p[1])]
    levels: dict[str, int] = {}
    for row in stats.people(ctx.db, window.stores):
        levels[row["level"]] = levels.get(row["level"], 0) + row["n"]
    standing = [charts.Bar(f"{k}级", levels[k]) for k in "OHABCN" if k in levels]
    groups = [(f"{window.word}漏斗（竖线：近7日均值）", funnel), ("逾期跟进", owing[:6]),
              ("客户级别", standing)]  # fmt: skip
    return charts.bars(title.strip("【】").replace("】", " "), "数据：本系统记录", groups)


# 日报, 详情 3, 为什么


def now(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        return None
    return send(manager, edition_at(ctx), ctx)


def edition_at(ctx: Ctx) -> str:
    """Which edition one would read at this hour."""
    return "morning" if ctx.local.time() < ctx.settings.digest.evening else "evening"


def detail_command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    if ctx.team.manager(msg.sender) is None:
        return None
    return _detail(msg.sender, digests.latest(ctx.db, msg.sender), int(match["n"]))


def detail(dialog: Dialog, n: int, ctx: Ctx) -> Iterator[Action]:
    return _detail(dialog.member, dialog.body, n)


def _detail(member: str, body: dict[str, Any] | None, n: int) -> Iterator[Action]:
    if body is None:
        yield Send(member, "还没有日报。回复 日报 现在出一份。")
        return
    parts = body["parts"]
    if not 1 <= n <= len(parts):
        yield Send(member, f"日报只有{len(parts)}条，请回复 详情 1 到 详情 {len(parts)}。")
        return
    part = parts[n - 1]
    lines = [f"· {d}" for d in part["details"]] or ["名单只有门店看得到，您的范围只看数字。"]
    yield Send(member, "\n".join([f"{n}. {part['line']}", *lines]))


def why(dialog: Dialog, ctx: Ctx) -> Iterator[Action]:
    yield Send(
        dialog.member,
        "日报的数字都来自本系统记下的事件：早报看昨天0点到24点，晚报看今天0点到现在；均值是此前"
        f"{ctx.settings.digest.mean_days}天的日均；逾期是应联系日早于今天且仍未处理的跟进。"
        "回复 详情 加序号可看每个数字背后的名单。",
    )
