"""scripts learn, weights, edits, trial: what use teaches, in sight and in hand."""

from datetime import timedelta

import click

from bot import library
from bot.clock import WallClock
from bot.commands.common import Options, context, fail, json_option, opened, show
from bot.commands.scripts import BY, answered
from handlers import learning, trials
from scriptbank.bank import WEIGHTS
from scriptbank.learn import ORDER, USUAL
from scriptbank.script import STAGES
from storage import scripts as rows
from storage import trials as kept

NAMES = {
    "wording": "说法相近", "concern": "关注点", "intent": "意图", "stage": "阶段", "model": "车型",
    "tier": "意向档", "style": "风格", "adoption": "采用率", "reply": "回复率",
    "favourite": "自己收藏", "pinned": "店长置顶", "seen": "最近发过",
    "aside": "顾问自用",
}  # fmt: skip
SHOWN = 10


@click.command()
@click.option("--dry-run", is_flag=True, help="只量，不启用")
@click.pass_obj
def learn(options: Options, dry_run: bool) -> None:
    """从顾问的采用和不合适里学：留出五分之一的问题来量，不比原来差才启用。"""
    with answered():
        config = options.load()
        with opened(config) as store:
            known = library.stored(store)
            found = learning.pairs(store, known)
            now = WallClock().now()
            taught = learning.lesson(found, known, now.date())
            if taught is None:
                fail(f"有判断的问题只有 {len(found)} 对，满 {learning.LEAST} 对再学")
            if taught.better and not dry_run:
                with store.atomic():
                    learning.keep(store, taught, now)
    said = "已启用" if taught.better and not dry_run else "没有启用"
    click.echo(
        f"{taught.pairs} 对，留出 {taught.held} 问：前三命中 {taught.before:.1%} → "
        f"{taught.after:.1%}，{said}。"
    )


@click.command()
@click.option("--reset", is_flag=True, help="忘掉从使用中学到的")
@json_option
@click.pass_obj
def weights(options: Options, reset: bool, as_json: bool) -> None:
    """排序用的权重：固定的几项，和从使用中学到的词。"""
    with answered(), opened(options.load()) as store:
        if reset:
            with store.atomic():
                learning.forget(store)
            click.echo("已忘掉，排序回到出厂的样子。")
            return
        learnt = learning.kept(store).numbers
    table = [{"part": NAMES[name], "weight": weight, "learnt": "固定"}
             for name, weight in WEIGHTS.items()]  # fmt: skip
    words = [(name, value) for name, value in learnt.items() if name not in (ORDER, USUAL)]
    ranked = sorted(words, key=lambda pair: (-abs(pair[1]), pair[0]))[:SHOWN]
    table += [{"part": f"只有一边说“{name}”", "weight": value, "learnt": "学到"}
              for name, value in ranked]  # fmt: skip
    show(table, {"part": "依据", "weight": "权重", "learnt": "来源"}, as_json=as_json)
    if not as_json:
        click.echo(f"学到 {len(words)} 个词。" if words else "还没有从使用中学过。")


@click.command()
@click.option("--days", default=30, show_default=True, help="看最近多少天")
@json_option
@click.pass_obj
def edits(options: Options, days: int, as_json: bool) -> None:
    """顾问把话术改成了什么：同一条被好几个人改，就该出新版了。"""
    with answered(), opened(options.load()) as store:
        titles = {s.id: s.title for s in library.stored(store)}
        found = rows.edits(store, WallClock().now() - timedelta(days=days))
    table = [{**r, "title": titles.get(r["script"], "（已删除）")} for r in found]
    columns = {"script": "编号", "title": "标题", "question": "客户问", "edited": "改成",
               "advisor": "谁"}  # fmt: skip
    show(table, columns, as_json=as_json)


@click.group()
def trial() -> None:
    """两条话术的对比试验：同一位客户始终看到同一条。"""


@trial.command()
@click.argument("a")
@click.argument("b")
@click.option("--tier", type=click.Choice(["high", "mid", "low"]), help="只在这一档客户里试")
@click.option("--stage", type=click.Choice(STAGES), help="只在这个阶段试")
@click.option("--arm", default=trials.LEAST, show_default=True, help="每组要多少次")
@click.pass_obj
def start(
    options: Options, a: str, b: str, tier: str | None, stage: str | None, arm: int
) -> None:  # fmt: skip
    """开始试验 A 和 B 两条话术（编号）；样本数在开始时定好，没到之前不下结论。"""
    with answered():
        config = options.load()
        with opened(config) as store, store.atomic():
            ctx = context(store, config, WallClock().now())
            made = trials.start(a, b, ctx, tier=tier or "", stage=stage or "", arm=arm, by=BY)
    click.echo(f"试验 {made.id} 开始：每组 {made.arm} 次，回复按48小时内算，投诉退订多了自动停。")


@trial.command("list")
@json_option
@click.pass_obj
def list_(options: Options, as_json: bool) -> None:
    """每个试验到哪一步了。"""
    with answered():
        config = options.load()
        with opened(config) as store:
            ctx = context(store, config, WallClock().now())
            found = [trials.standing(t, ctx) for t in kept.everything(store)]
    table = [{"id": s.trial.id, "a": s.trial.a, "b": s.trial.b, "state": s.trial.state,
              "sent": f"{s.a.sent} / {s.b.sent}", "replied": f"{s.a.replied} / {s.b.replied}",
              "words": s.trial.result or s.verdict.words} for s in found]  # fmt: skip
    columns = {"id": "编号", "a": "A", "b": "B", "state": "状态", "sent": "发出 A/B",
               "replied": "回复 A/B", "words": "结论"}  # fmt: skip
    show(table, columns, as_json=as_json)


@trial.command()
@click.argument("trial_id", metavar="编号")
@click.argument("winner", type=click.Choice(["a", "b"]))
@click.pass_obj
def pick(options: Options, trial_id: str, winner: str) -> None:
    """由人决定用哪一条；另一条停用，可用 rollback 找回。"""
    with answered():
        config = options.load()
        with opened(config) as store, store.atomic():
            ctx = context(store, config, WallClock().now())
            stopped = trials.decide(trial_id, winner, ctx, BY)
    click.echo(f"试验 {trial_id} 结束，“{stopped.title}”已停用。")
