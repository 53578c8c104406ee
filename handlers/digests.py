"""The manager's digest: what changed, why, and the three things to do."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from handlers import cadence, charts, digest_longer, digest_more, digest_people, gaps, lost
from handlers.analytics import Scope
from handlers.analytics.lost import beside
from handlers.context import Ctx
from handlers.digest_values import (
    EDITIONS,
    EVENING,
    FIGURES_TAIL,
    MONTHLY,
    MORNING,
    TAIL,
    WEEKLY,
    Edition,
    Part,
    Window,
)
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

VOTE = 10  # of urgency, for each word for or against a part


def tick(ctx: Ctx) -> Iterator[Action]:
    """Send the editions that are due; after an outage only the latest, once."""
    _set_timers(ctx)
    for name, was in timers.due(ctx.db, "digest:", ctx.now):
        _, edition, userid = name.split(":", 2)
        manager = ctx.team.manager(userid)
        claimed = timers.advance(ctx.db, name, was, _next(edition, ctx), ctx.now)
        if claimed and manager and wanted(edition, ctx) and _of_use(edition, was, ctx):
            yield from send(manager, edition, ctx)
    yield from digest_people.tick(ctx)


def wanted(edition: str, ctx: Ctx) -> bool:
    s = ctx.settings.digest
    return {WEEKLY: s.weekly, MONTHLY: s.monthly}.get(edition, True)


def _of_use(edition: str, was: datetime, ctx: Ctx) -> bool:
    """A missed edition is sent late, but not after the next one's hour nor at night.

    That of a week or month is of use until the evening edition of its day.
    """
    if ctx.now - was < timedelta(hours=1):
        return True
    clock = ctx.local.time()
    if edition in digest_longer.EDITIONS:
        same_day = was.astimezone(ctx.zone).date() == ctx.today
        return same_day and clock < ctx.settings.digest.evening
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
    if edition in digest_longer.EDITIONS:
        return digest_longer.following(edition, ctx, first=first)
    clock = getattr(ctx.settings.digest, edition)
    today = ctx.on(ctx.today, clock)
    later = ctx.now <= today if first else ctx.now < today
    return today if later else ctx.tomorrow(clock)


def send(manager: Manager, edition: str, ctx: Ctx) -> Iterator[Action]:
    digest = compile_for(manager, edition, ctx)
    body = {"parts": [kept(part) for part in digest.parts]}
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


def kept(part: Part) -> dict[str, Any]:
    """What 详情, 转, 批注 and 为什么 need of a line."""
    return {"name": part.name, "line": part.line, "details": list(part.details),
            "customers": list(part.customers), "source": part.source, "about": part.about,
            "urgency": part.urgency}  # fmt: skip


def compile_for(
    manager: Manager, edition: str, ctx: Ctx, late: Sequence[Row] | None = None,
    standing: Sequence[Row] | None = None,
) -> Edition:  # fmt: skip
    """Everything a manager should know, from our own rows; empty parts are left out.

    `late` is who is overdue and `standing` how many are in each tier and level, where that has
    been looked up already.
    """
    longer = edition in digest_longer.EDITIONS
    window = (
        digest_longer.window(manager, edition, ctx) if longer else _window(manager, edition, ctx)
    )
    if late is None:
        late = stats.overdue(ctx.db, window.stores, ctx.on(ctx.today, datetime.min.time()))
    standing = stats.people(ctx.db, window.stores) if standing is None else standing
    window = replace(window, late=tuple(late), standing=tuple(standing))
    found = (part(window, ctx) for part in (digest_longer.PARTS if longer else PARTS))
    seen = [p if manager.names else _counted(p) for p in found if p and _meant(p, manager)]
    parts = _sorted(seen, manager, ctx)
    actions = tuple(p.action for p in parts if p.action)[:3]
    names = "、".join(ctx.team.store(s).name for s in manager.stores[:3])
    names += f"等{len(manager.stores)}家店" if len(manager.stores) > 3 else ""
    title = f"【{EDITIONS[edition]}】{names} {_day(window, ctx)}"
    return Edition(title, _headline(window), tuple(parts), actions, _chart(title, window, ctx),
                   TAIL if manager.names else FIGURES_TAIL)  # fmt: skip


def _sorted(seen: list[Part], manager: Manager, ctx: Ctx) -> list[Part]:
    """By what is to be done first, and by what this reader has found useful."""
    votes = digests.votes(ctx.db, manager.userid)
    return sorted(seen, key=lambda p: -(p.urgency + VOTE * votes.get(p.name, 0)))


def _day(window: Window, ctx: Ctx) -> str:
    first = window.since.astimezone(ctx.zone).date()
    if window.days == 1:
        return f"{first.month}月{first.day}日 {weekday(first)}"
    last = (window.until - timedelta(seconds=1)).astimezone(ctx.zone).date()
    return f"{first.month}月{first.day}日至{last.month}月{last.day}日"


def _meant(part: Part, manager: Manager) -> bool:
    """Who sees figures only is not told of one colleague."""
    return manager.names or not part.about


def _counted(part: Part) -> Part:
    """For who sees figures only: nobody is named, neither in the line nor behind it."""
    if part.personal:
        part = replace(part, details=(), action="", customers=())
    action = part.action and (part.action if part.action[0] == "请" else f"请各店{part.action}")
    return replace(part, line=part.figures or part.line, action=action)


def _window(manager: Manager, edition: str, ctx: Ctx) -> Window:
    today = ctx.on(ctx.today, datetime.min.time())
    yesterday = edition == MORNING
    since, until = (today - timedelta(days=1), today) if yesterday else (today, ctx.now)
    days = ctx.settings.digest.mean_days
    before = stats.funnel(ctx.db, manager.stores, since - timedelta(days=days), since)
    return Window(
        since, until, "昨天" if yesterday else "今天", manager.stores,
        stats.funnel(ctx.db, manager.stores, since, until),
        {step: n / max(days, 1) for step, n in before.items()}, f"近{days}日均值",
    )  # fmt: skip


def headline_of(manager: Manager, edition: str, ctx: Ctx) -> str:
    """Of a digest as it would read at that time."""
    return _headline(_window(manager, edition, ctx))


def _headline(window: Window) -> str:
    """The step that moved furthest from its mean, in a sentence."""
    counts, mean = window.counts, window.mean
    if not any(counts.values()) and not any(mean.values()):
        return f"{window.word}还没有记录：加微、开口、到店都没有。"
    step = max(counts, key=lambda s: (abs(counts[s] - mean[s]), s))
    gap = counts[step] - mean[step]
    if abs(gap) < 1:
        return f"{window.word}平稳：各环节都在{window.before}附近。"
    if not mean[step]:
        return f"{window.word}{step}{counts[step]}人，{window.earlier}一位也没有。"
    word, usual = "高于" if gap > 0 else "低于", mean[step]
    said = f"{usual:.1f}" if window.days == 1 else f"{usual:.0f}人"
    return f"{window.word}{step}{counts[step]}人，{word}{window.before}{said}。"


def _funnel(window: Window, ctx: Ctx) -> Part:
    """The steps; behind them the case's yardsticks, each with where our figure comes from."""
    counts, mean = window.counts, window.mean
    shown = "→".join(f"{step}{n}" for step, n in counts.items())
    opened = f"（开口率{share(counts['开口'], counts['加微'])}）"
    if not any(counts.values()):
        shown, opened = f"{window.word}六个环节都没有人", ""
    details = [f"{step} {counts[step]}，{window.before} {mean[step]:.1f}" for step in counts]
    cases = beside(Scope(window.stores, window.since, window.until), ctx)
    for one in cases:
        ours = f"{one.share:.0%}" if one.share is not None else f"{one.n}人" if one.n else "–"
        source = one.source or f"没有数据（{one.feed}）"
        details.append(f"{one.name} {ours}（{one.of}）；案例 {one.case}；来源：{source}")
    sources = "；".join(f"{one.name}：{one.source or '没有数据'}" for one in cases)
    return Part("漏斗", f"漏斗：{shown}{opened}", tuple(details), 50, source=sources)


def _overdue(window: Window, ctx: Ctx) -> Part | None:
    rows = window.late
    if not rows:
        return None
    by: dict[str, list[Row]] = {}
    for row in rows:
        by.setdefault(ctx.team.name(row["advisor"]), []).append(row)
    ranked = sorted(by.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    line = f"逾期跟进{len(rows)}位：" + "、".join(f"{who}{len(r)}" for who, r in ranked[:4])
    shops = Counter(_shop(row["advisor"], ctx) for row in rows)
    figures = f"逾期跟进{len(rows)}位：" + "、".join(f"{s}{n}" for s, n in shops.most_common(4))
    details = [f"{ctx.team.name(r['advisor'])}｜{r['name']} {r['level']}级｜{_owed(r, ctx)}｜"
               f"应于{ago(at(r['origin_at']), ctx.now)}" for r in rows[:20]]  # fmt: skip
    who, most = ranked[0]
    hot = next((r for r in most if r["level"] in "OHA"), most[0])
    since = ago(at(hot["origin_at"]), ctx.now)
    said = cadence.owed_for(hot, ctx)
    why = f"：{said}" if said else ""
    action = f"请{who}今天先联系{hot['name']}（{hot['level']}级，{since}就该联系{why}）"
    return Part("逾期", line, tuple(details), 80, action, personal=True,
                customers=_whose(rows[:20]), figures=figures)  # fmt: skip


def _shop(advisor: str, ctx: Ctx) -> str:
    found = ctx.team.advisor(advisor)
    return ctx.team.store(found.store).name if found else "其他"


def _owed(row: Row, ctx: Ctx) -> str:
    return cadence.owed_for(row, ctx) or f"逾期{max(row['overdue'], 1)}天"


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
                personal=True, customers=_whose(rows[:20]))  # fmt: skip


def _whose(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(str(row["customer"]) for row in rows)


def _levels(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.happened(ctx.db, window.stores, ("级别",), window.since, window.until)
    if not rows:
        return None
    up = [r for r in rows if _rose(r["evidence"])]
    new_h = [r for r in rows if "→H" in r["evidence"]]
    counts = (("升", len(up)), ("降", len(rows) - len(up)), ("新增H级", len(new_h)))
    line = "级别变化：" + "、".join(f"{way}{n}" for way, n in counts if n)
    details = [f"{r['name']}（{ctx.team.name(r['owner'])}）{r['evidence']}" for r in rows[:20]]
    action = ""
    if new_h:
        r = new_h[0]
        action = f"{r['name']}刚升到H级，请{ctx.team.name(r['owner'])}今天约到店"
    return Part("级别", line, tuple(details), 70 if new_h else 40, action,
                personal=True, customers=_whose(rows[:20]))  # fmt: skip


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
                f"问清{rows[0]['name']}没来的原因，改约本周", personal=True,
                customers=_whose(rows))  # fmt: skip


def _complaints(window: Window, ctx: Ctx) -> Part | None:
    rows = stats.happened(ctx.db, window.stores, ("投诉",), window.since, ctx.now)
    if not rows:
        return None
    details = [f"{r['name']}（{ctx.team.name(r['owner'])}）：“{short(r['evidence'], 30)}”"
               for r in rows]  # fmt: skip
    action = f"亲自回访投诉客户{rows[0]['name']}，当天给出答复"
    return Part("投诉", f"🔴 投诉{len(rows)}起", tuple(details), 100, action, personal=True,
                customers=_whose(rows))  # fmt: skip


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
    rows = stats.concerns(ctx.db, window.stores, CONCERNS, ctx.now - timedelta(days=7))
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
    rows = window.standing
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
                f"批{found[0][1].name}的战败申请（回复 待批战败）", personal=True,
                customers=tuple(c.id for _, c in found[:20]))  # fmt: skip


PARTS: tuple[Callable[[Window, Ctx], Part | None], ...] = (
    _funnel, _overdue, _unanswered, _levels, _no_shows, _complaints, _lost, _gaps, _voice, _people,
    *digest_more.PARTS,
)  # fmt: skip


def _chart(title: str, window: Window, ctx: Ctx) -> str:
    than = "均" if window.days == 1 else "前"
    funnel = [charts.Bar(step, n, window.mean[step], than=than)
              for step, n in window.counts.items()]  # fmt: skip
    late: dict[str, int] = {}
    for row in window.late:
        late[ctx.team.name(row["advisor"])] = late.get(ctx.team.name(row["advisor"]), 0) + 1
    owing = [charts.Bar(who, n, warn=True) for who, n in sorted(late.items(), key=lambda p: -p[1])]
    levels: dict[str, int] = {}
    for row in window.standing:
        levels[row["level"]] = levels.get(row["level"], 0) + row["n"]
    standing = [charts.Bar(f"{k}级", levels[k]) for k in "OHABCN" if k in levels]
    groups = [(f"{window.word}漏斗（竖线：{window.before}）", funnel), ("逾期跟进", owing[:6]),
              (f"{window.word}级别变化", _moves(window, ctx)), ("客户级别", standing)]  # fmt: skip
    return charts.bars(title.strip("【】").replace("】", " "), "数据：本系统记录", groups)


def _moves(window: Window, ctx: Ctx) -> list[charts.Bar]:
    """Up, down and new at H; nothing where nobody moved."""
    rows = stats.happened(ctx.db, window.stores, ("级别",), window.since, window.until)
    up = sum(_rose(row["evidence"]) for row in rows)
    new_h = sum("→H" in row["evidence"] for row in rows)
    bars = [charts.Bar("升级", up), charts.Bar("降级", len(rows) - up, warn=True),
            charts.Bar("新H级", new_h)]  # fmt: skip
    return bars if rows else []


# 日报, 详情 3, 为什么


def now(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    manager = ctx.team.manager(msg.sender)
    if manager is None:
        return None
    asked = {words: edition for edition, words in EDITIONS.items()}
    edition = asked.get(match["which"], "")
    return send(manager, edition if edition in digest_longer.EDITIONS else edition_at(ctx), ctx)


def edition_at(ctx: Ctx) -> str:
    """Which edition one would read at this hour."""
    return MORNING if ctx.local.time() < ctx.settings.digest.evening else EVENING


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
