"""What use teaches: pairs from advisors' choices, believed only where the held-out part agrees."""

import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.clock import WallClock
from handlers import learning, library
from scriptbank.bank import Bank
from scriptbank.learn import Weights
from scriptbank.script import Query, Script, Usage
from storage import scripts
from storage.sqlite import Sqlite

ZONE = ZoneInfo("Asia/Shanghai")
# Two questions that share most letters; only what stands in brackets tells them apart.
KNOWN = [
    Script("a", "甲", "答甲", "通用", q="这个套餐里的保养能不能自己选时间"),
    Script("b", "乙", "答乙", "通用", q="这个套餐里的保险能不能自己选公司"),
    *(Script(f"x{n}", f"别的{n}", "答", "通用", q=f"第{n}个完全无关的问题") for n in range(8)),
]


def use(db, n, question, script, outcome, now):
    scripts.shown(db, ids=[(f"u{n}", script)], advisor="zhang", customer="", question=question,
                  now=now)  # fmt: skip
    scripts.outcome(db, f"u{n}", outcome)


@pytest.fixture
def used(db, talk):
    """Advisors always took a for 保养 and refused b, whatever the time of day asked for."""
    for n in range(120):
        words = f"套餐里保养第{n}次想自己选{n % 7}点"
        use(db, 2 * n, words, "a", "adopted", talk.now)
        use(db, 2 * n + 1, words, "b", "refused", talk.now)
    return db


def test_pairs_are_what_advisors_took_and_refused(used):
    found = learning.pairs(used, KNOWN)

    assert len(found) == 240
    assert ("套餐里保养第0次想自己选0点", KNOWN[0].q, True) in found
    assert ("套餐里保养第0次想自己选0点", KNOWN[1].q, False) in found


def test_a_lesson_is_measured_on_questions_it_did_not_see(used, talk):
    taught = learning.lesson(learning.pairs(used, KNOWN), KNOWN, talk.now.date())

    assert taught.held == 24
    assert taught.after >= taught.before
    assert taught.better


def test_too_few_choices_teach_nothing(db, talk):
    use(db, 1, "保养怎么弄", "a", "adopted", talk.now)

    assert learning.lesson(learning.pairs(db, KNOWN), KNOWN, talk.now.date()) is None


def test_what_was_learnt_is_kept_and_forgotten(used, talk):
    taught = learning.lesson(learning.pairs(used, KNOWN), KNOWN, talk.now.date())
    learning.keep(used, taught, talk.now)
    assert learning.kept(used)
    stamp = learning.stamp_of(used)

    learning.forget(used)
    assert not learning.kept(used)
    assert learning.stamp_of(used) != stamp


def test_the_week_comes_once_however_late_one_looks(db, talk):
    assert not learning.due(db, talk.now, ZONE)
    later = talk.now + timedelta(days=20)

    assert learning.due(db, later, ZONE)
    assert not learning.due(db, later, ZONE)


def test_a_popular_script_never_beats_a_right_one(knowledge):
    """Every script of the library asked by its own question, while all others are taken always."""
    bank = Bank(knowledge.bank.all())
    shown = [s for s in knowledge.bank.all() if s.q and s.scope != "个人"][::7]
    adored = {s.id: Usage(1000, 1000, 0, 1000) for s in knowledge.bank.all()}
    wrong = []
    for script in shown:
        usage = {**adored, **{s.id: Usage(1000, 0, 1000) for s in shown if s.q == script.q}}
        best = bank.suggest(Query(script.q, usage=usage), 1).items[0].script
        if best.q != script.q:
            wrong.append((script.q, best.q))

    assert wrong == []


async def test_the_running_program_learns_in_the_night_to_monday(played):
    """Knocked on before, then after the night: the ranking has what use taught."""
    app, writer = played.running.app, played.running.writer
    one, other = [s for s in app.knowledge.bank.all() if s.q and s.scope != "个人"][:2]

    def chosen(db):
        for n in range(120):
            use(db, f"l{n}", f"第{n}回问{one.q}", one.id, "adopted", played.clock.now())
            use(db, f"r{n}", f"第{n}回问{one.q}", other.id, "refused", played.clock.now())

    await writer.do(chosen)
    await played.running.knock()
    assert not await writer.do(learning.kept)

    played.clock.add(timedelta(days=8))
    await played.running.knock()
    assert await writer.do(learning.kept)
    try:
        await played.running.knock()
        assert app.knowledge.learnt_at == await writer.do(learning.stamp_of)
    finally:  # every test shares this bank
        app.knowledge.bank.learn(Weights())
        app.knowledge.learnt_at = ""


# The command line


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[storage]\nurl = "sqlite:///var/s.db"\n', encoding="utf-8")
    store = Sqlite(tmp_path / "var" / "s.db")
    store.migrate()
    with store.atomic():
        library.save(store, KNOWN, talk_now())
    yield path, store
    store.close()


def talk_now():
    return WallClock().now()


def run(path, *args):
    return CliRunner().invoke(main, ["--config", str(path), "scripts", *args])


def test_learning_from_the_command_line(config):
    path, store = config
    assert "满 200 对再学" in run(path, "learn").stderr

    with store.atomic():
        for n in range(120):
            words = f"套餐里保养第{n}次想自己选{n % 7}点"
            use(store, 2 * n, words, "a", "adopted", talk_now())
            use(store, 2 * n + 1, words, "b", "refused", talk_now())
    assert "没有启用" in run(path, "learn", "--dry-run").output
    assert "已启用" in run(path, "learn").output
    assert "学到" in run(path, "weights").output
    assert "已忘掉" in run(path, "weights", "--reset").output
    assert "还没有从使用中学过" in run(path, "weights").output


def test_edits_are_listed_by_script(config):
    path, store = config
    with store.atomic():
        use(store, 1, "保养", "a", "adopted", talk_now())
        scripts.edited(store, "u1", "改过的话")

    assert "改过的话" in run(path, "edits").output


def test_the_page_of_use_shows_counts_and_keeps_markup_literal(config, tmp_path):
    path, store = config
    with store.atomic():
        library.save(store, [replace(KNOWN[0], title="<b>甲</b>")], talk_now())
        for n in range(30):
            use(store, n, "保养", "a", "adopted" if n % 3 else "refused", talk_now())
        scripts.gap(store, gap_id="g", question="能不能飞", advisor="zhang", reason="没有话术",
                    now=talk_now())  # fmt: skip

    out = run(path, "stats", "--page", str(tmp_path / "p.html"))

    html = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "写好了" in out.output
    assert "&lt;b&gt;甲&lt;/b&gt;" in html
    assert "<b>甲" not in html
    assert "67%" in html
    assert "能不能飞" in html


def test_a_trial_from_start_to_decision(config):
    path, _ = config
    begun = run(path, "trial", "start", "a", "b")
    trial = begun.output.split()[1]

    listed = run(path, "trial", "list", "--json")
    assert "没到约定的样本数" in json.loads(listed.output)[0]["words"]
    assert "已经在另一个试验里" in run(path, "trial", "start", "a", "x1").stderr
    assert "“乙”已停用" in run(path, "trial", "pick", trial, "a").output
