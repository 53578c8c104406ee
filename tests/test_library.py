"""The life of a script: versions, status, imports taken back, gaps that become drafts."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import memory

from bot import library as knowing
from bot.app import Knowledge
from bot.sandbox import demo
from bot.writer import Writer
from handlers import digests, gaps, housekeeping, imports, library, nexts
from handlers.library import Refused
from handlers.values import Send
from scriptbank.bank import Bank
from scriptbank.script import Fact, Script
from storage import customers, scripts
from storage.schema import migrations
from storage.sqlite import Sqlite

NOW = datetime(2026, 3, 6, 1, 0, tzinfo=UTC)
TODAY = date(2026, 3, 6)
SCRIPT = Script(id="s1", title="冬天续航", body="冬天要打些折扣，我给您看实测。", stage="产品介绍",
                q="冬天续航怎么样", also=("冬天掉电吗",), valid_from=date(2026, 1, 1),
                facts=(Fact("实测462", "配置表", "2026-01"),))  # fmt: skip
BLOCKED = "我们是全国第一品牌，全网最低价。"


def save(db, *found, minutes=0, why=""):
    library.save(db, found, NOW + timedelta(minutes=minutes), "chen", why)


def bring(db, *found, remove=False, minutes=0):
    seen = imports.preview(library.stored(db), found, TODAY)
    now = NOW + timedelta(minutes=minutes)
    return imports.bring_in(db, seen, now, source="话术.xlsx", by="chen", remove=remove)


# Rows and versions


def test_a_script_comes_back_from_the_store_as_it_went_in(db):
    save(db, SCRIPT)

    assert library.stored(db) == (SCRIPT,)


texts = st.text(max_size=20)


@given(texts, texts, st.lists(texts), st.none() | st.dates())
def test_whatever_is_written_in_it(title, body, also, until):
    script = replace(SCRIPT, title=title, body=body, also=tuple(also), valid_to=until)

    assert library.unpacked(library.packed(script)) == script


def test_every_change_keeps_what_was_there(db):
    save(db, SCRIPT)
    save(db, replace(SCRIPT, body="新的"), minutes=1, why="换说法")
    save(db, replace(SCRIPT, body="新的"), minutes=2)

    found = scripts.versions(db, "s1")

    assert [(v.version, v.by_whom, v.why) for v in found] == [
        (2, "chen", "换说法"),
        (1, "chen", ""),
    ]
    assert [library.unpacked(v.body).body for v in found] == ["新的", SCRIPT.body]


def test_what_differs_is_told_by_field_as_a_table_shows_it():
    now = replace(SCRIPT, version=2, title="冬季续航", also=("冬天掉电吗", "零下几折"))

    assert [(e.heading, e.was, e.now) for e in library.edits(SCRIPT, now)] == [
        ("标题", "冬天续航", "冬季续航"),
        ("其他问法", "冬天掉电吗", "冬天掉电吗\n零下几折"),
    ]


def test_rolling_back_makes_a_new_version_of_the_old_content(db):
    save(db, SCRIPT)
    save(db, replace(SCRIPT, body="坏的"), minutes=1)

    found = library.rollback(db, "s1", 1, TODAY, NOW + timedelta(minutes=2), "chen")

    assert (found.body, found.version) == (SCRIPT.body, 3)
    assert scripts.versions(db, "s1")[0].why == "回退到第1版"


@pytest.mark.parametrize(
    ("script", "n", "said"),
    [("s1", 1, "现在的内容就是"), ("s1", 7, "有的版本：1"), ("s9", 1, "没有第1版")],
)
def test_what_cannot_be_rolled_back_says_why(db, script, n, said):
    save(db, SCRIPT)

    with pytest.raises(Refused, match=said):
        library.rollback(db, script, n, TODAY, NOW)


def test_words_that_may_not_go_out_do_not_come_back_by_rolling_back(db):
    save(db, replace(SCRIPT, body=BLOCKED))
    save(db, SCRIPT, minutes=1)

    with pytest.raises(Refused, match="全国第一"):
        library.rollback(db, "s1", 1, TODAY, NOW)


def test_scripts_of_an_older_store_have_their_first_version(tmp_path):
    store = Sqlite(tmp_path / "old.db")
    migrations.apply(store._db, stop_before="0006 the life of scripts")
    sql = "insert into scripts values ('s1', :body, '发布', 4, '2026-01-01T00:00:00.000000+00:00')"
    store.run(sql, body=library.packed(replace(SCRIPT, version=4)))
    store.migrate()

    save(store, replace(SCRIPT, title="新"))

    assert [v.version for v in scripts.versions(store, "s1")] == [5, 4]
    store.close()


# Status

STEPS = [
    ("草稿", "待审", True), ("草稿", "发布", False), ("草稿", "停用", True),
    ("待审", "发布", True), ("待审", "停用", True), ("发布", "停用", True),
    ("发布", "待审", True), ("发布", "发布", False), ("停用", "发布", True),
]  # fmt: skip


@pytest.mark.parametrize(("was", "becomes", "may"), STEPS)
def test_a_script_goes_its_way_through_review(db, was, becomes, may):
    save(db, replace(SCRIPT, status=was))

    if may:
        assert library.set_status(db, "s1", becomes, TODAY, NOW).status == becomes
    else:
        with pytest.raises(Refused):
            library.set_status(db, "s1", becomes, TODAY, NOW)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"body": BLOCKED}, "全国第一"),
        ({"follow_up": "全国第一品牌，您定吗？"}, "全国第一"),
        ({"body": library.UNWRITTEN}, "还没写"),
        ({"body": " "}, "还没写"),
        ({"valid_to": date(2026, 3, 5)}, "已过"),
    ],
)
def test_what_is_not_fit_is_not_published(db, change, said):
    save(db, replace(SCRIPT, status="待审", **change))

    with pytest.raises(Refused, match=said):
        library.set_status(db, "s1", "发布", TODAY, NOW)
    assert library.known(db, "s1").status == "待审"


def test_an_unknown_script_has_no_status(db):
    with pytest.raises(Refused, match="没有编号为 s9"):
        library.set_status(db, "s9", "停用", TODAY, NOW)


# The night


def with_bank(talk, *found):
    """The talk with these scripts in its store and a bank of its own."""
    library.save(talk.db, found, talk.now)
    talk.knowledge = replace(talk.knowledge, bank=Bank(library.stored(talk.db)))


def operated(talk):
    access = talk.settings.access.model_copy(update={"operators": ("op",)})
    talk.settings = talk.settings.model_copy(update={"access": access})


def test_what_is_past_its_last_day_is_stopped_at_night_and_told_once(talk):
    operated(talk)
    ends = date(2026, 3, 6)
    with_bank(talk, replace(SCRIPT, valid_to=ends), replace(SCRIPT, id="s2"),
              replace(SCRIPT, id="s3", valid_to=ends))  # fmt: skip

    sent = [a for a in talk.wait(days=2) if isinstance(a, Send) and a.to == "op"]

    assert len(sent) == 1
    assert "2条话术到期，已停用" in sent[0].text
    assert [s.status for s in library.stored(talk.db)] == ["停用", "发布", "停用"]
    assert [s.status for s in talk.knowledge.bank.all()].count("停用") == 2


def test_a_script_lives_on_its_last_day(talk):
    operated(talk)
    with_bank(talk, replace(SCRIPT, valid_to=date(2026, 3, 6)))

    assert list(library.expire(talk.ctx())) == []


def test_a_night_without_anything_over_says_nothing(talk):
    operated(talk)

    assert [a for a in talk.wait(days=1) if isinstance(a, Send) and a.to == "op"] == []
    assert housekeeping.AT.hour == 3


# Imports


def test_a_preview_tells_what_is_new_changed_gone_and_not_fit(db):
    own = replace(SCRIPT, id="own", scope="个人", owner="zhang")
    save(db, SCRIPT, replace(SCRIPT, id="s2"), replace(SCRIPT, id="s3"), own)

    seen = imports.preview(
        library.stored(db),
        [SCRIPT, replace(SCRIPT, id="s2", title="改"), replace(SCRIPT, id="s4", body=BLOCKED)],
        TODAY,
    )

    assert [s.id for s in seen.new] == ["s4"]
    assert [now.title for _, now in seen.changed] == ["改"]
    assert [s.id for s in seen.removed] == ["s3"]
    assert [s.id for s in seen.held] == ["s4"]
    assert seen.new[0].status == "待审"
    assert seen.unchanged == 1


def test_a_new_script_that_says_what_another_says_is_named_with_it(db):
    save(db, SCRIPT)
    again = replace(SCRIPT, id="s2", body=SCRIPT.body.replace("。", "哦。"))
    other = replace(SCRIPT, id="s3", body="家里没有车位，可以先看看小区能不能装桩。")

    seen = imports.preview(library.stored(db), [SCRIPT, again, other], TODAY)

    assert seen.copies == ((again, SCRIPT),)


def test_another_number_of_version_alone_is_no_change(db):
    save(db, SCRIPT)

    seen = imports.preview(library.stored(db), [replace(SCRIPT, version=9)], TODAY)

    assert seen.fresh == ()


def test_undoing_an_import_leaves_the_library_as_it_was(db):
    save(db, SCRIPT, replace(SCRIPT, id="s2"))
    before = {s.id: replace(s, version=0) for s in library.stored(db)}
    bring(db, replace(SCRIPT, title="改"), replace(SCRIPT, id="s3"), remove=True, minutes=1)
    assert {s.id: s.status for s in library.stored(db)}["s2"] == "停用"

    done = imports.undo(db, NOW + timedelta(minutes=2))

    assert {s.id: replace(s, version=0) for s in library.stored(db)} == before
    assert (done.restored, done.dropped, done.kept) == (2, 1, ())


def test_imports_are_taken_back_one_by_one(db):
    for n in range(3):
        bring(db, replace(SCRIPT, title=f"第{n}次"), minutes=n)

    titles = []
    for n in range(3):
        imports.undo(db, NOW + timedelta(minutes=10 + n))
        titles.append([s.title for s in library.stored(db)])

    assert titles == [["第1次"], ["第0次"], []]
    with pytest.raises(Refused, match="没有可以撤销的导入"):
        imports.undo(db, NOW)


def test_what_was_changed_after_the_import_stays(db):
    bring(db, SCRIPT, replace(SCRIPT, id="s2"))
    save(db, replace(SCRIPT, title="后来改的"), minutes=1)

    done = imports.undo(db, NOW + timedelta(minutes=2))

    assert done.kept == ("s1",)
    assert [s.title for s in library.stored(db)] == ["后来改的"]


def test_a_script_that_was_taken_out_comes_back_with_the_next_number(db):
    bring(db, SCRIPT)
    imports.undo(db, NOW)
    bring(db, SCRIPT, minutes=1)

    assert [v.version for v in scripts.versions(db, "s1")] == [2, 1]


def test_an_import_that_changes_nothing_is_not_what_is_undone(db):
    bring(db, SCRIPT)
    bring(db, SCRIPT, minutes=1)

    imports.undo(db, NOW)

    assert library.stored(db) == ()


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")))))
def test_undoing_everything_ends_where_it_began(steps):
    db = memory()
    for n, step in enumerate(steps):
        bring(db, *(replace(SCRIPT, id=i, title=t) for i, t in step), remove=True, minutes=n)

    while scripts.last_import(db):
        assert imports.undo(db, NOW + timedelta(days=1)).kept == ()

    assert library.stored(db) == ()
    db.close()


async def test_only_what_others_changed_is_read_anew_and_told(tmp_path, knowledge):
    def opened():
        store = Sqlite(tmp_path / "s.db")
        store.migrate()
        return store

    writer = Writer(opened, asyncio.get_running_loop())
    await writer.start()
    await writer.do(lambda db: library.save(db, (SCRIPT,), NOW))
    bank = Bank((SCRIPT,))
    known = Knowledge(knowledge.lexicon, bank, scripts_at="")

    await knowing.refresh(known, writer)
    own = known.bank
    await writer.do(lambda db: library.save(db, (replace(SCRIPT, id="s2"),), NOW))
    told = await knowing.refresh(known, writer)
    await writer.close()

    assert own is bank
    assert "话术库已更新：2 条" in told
    assert len(known.bank) == 2


# Gaps


def gap(talk, question, *, advisor="zhang", customer="", reason="没有话术"):
    ctx = talk.ctx()
    scripts.gap(talk.db, gap_id=ctx.new_id(), question=question, advisor=advisor, reason=reason,
                now=talk.now, customer=customer)  # fmt: skip
    talk.now += timedelta(minutes=1)


def clusters(talk):
    return gaps.clusters(scripts.gaps(talk.db, talk.now - timedelta(days=7)))


ALIKE = [
    ("能不能改装轮毂", "可以改装轮毂吗", True),
    ("车里能装行车记录仪吗", "行车记录仪能装在车里吗", True),
    ("冬天续航怎么样", "冬天充电怎么样", False),
    ("S6保险多少钱", "S7保险多少钱", False),
    ("质保2年还是8年", "质保2年吗", False),
    ("有没有香槟色", "能带宠物试驾吗", False),
]


@pytest.mark.parametrize(("one", "other", "alike"), ALIKE)
def test_questions_that_ask_the_same_stand_together(talk, one, other, alike):
    gap(talk, one)
    gap(talk, other)

    assert len(clusters(talk)) == (1 if alike else 2)


def test_what_is_asked_most_leads_its_cluster_and_the_list(talk):
    for question in ("有没有香槟色", "能不能改装轮毂", "可以改装轮毂吗", "可以改装轮毂吗？"):
        gap(talk, question)

    first, second = clusters(talk)

    assert (first.question, first.times) == ("可以改装轮毂吗", 3)
    assert first.wordings == (("可以改装轮毂吗", 2), ("能不能改装轮毂", 1))
    assert (second.question, second.times) == ("有没有香槟色", 1)


rows = st.lists(
    st.tuples(st.text("有没能改装轮毂色香槟吗S67 ?", max_size=8), st.integers(0, 50)), max_size=12
)


@given(rows, st.randoms(use_true_random=False))
def test_clusters_do_not_depend_on_the_order_and_lose_nothing(found, chance):
    made = [{"id": str(n), "question": q, "at": f"2026-03-06T{m:02}", "reason": "没有话术"}
            for n, (q, m) in enumerate(found)]  # fmt: skip
    shuffled = sorted(made, key=lambda _: chance.random())

    one, other = gaps.clusters(made), gaps.clusters(shuffled)

    assert [(c.question, c.times) for c in one] == [(c.question, c.times) for c in other]
    assert sorted(r["id"] for c in one for r in c.rows) == sorted(r["id"] for r in made)


def test_the_answer_is_what_the_advisor_wrote_next(talk):
    gap(talk, "能不能改装轮毂", customer="wang")
    for minutes, text in (
        (10, "王女士，原厂轮毂可以选装21寸的，改装会影响质保。"),
        (20, "还有别的吗"),
    ):
        customers.said(talk.db, msg_id=f"m{minutes}", customer_id="wang", who="advisor",
                       member="zhang", text=text, now=talk.now + timedelta(minutes=minutes),
                       source="archive")  # fmt: skip

    (found,) = clusters(talk)

    said = gaps.answer(found, talk.ctx())
    assert said == "{客户称呼}，原厂轮毂可以选装21寸的，改装会影响质保。"


def test_the_answer_may_come_after_other_messages(talk):
    gap(talk, "能不能改装轮毂", customer="wang")
    for minutes, text in enumerate((
        "您好，请问您是哪天提的车？", "刚才在开会，不好意思",
        "轮毂改装会影响质保，可以选装原厂21寸的。", "还有别的问题随时找我",
    ), 1):  # fmt: skip
        customers.said(talk.db, msg_id=f"m{minutes}", customer_id="wang", who="advisor",
                       member="zhang", text=text, now=talk.now + timedelta(minutes=minutes),
                       source="archive")  # fmt: skip

    (found,) = clusters(talk)

    assert gaps.answer(found, talk.ctx()) == "轮毂改装会影响质保，可以选装原厂21寸的。"


@pytest.mark.parametrize(("hours", "text"), [(3, "原厂轮毂可以选装21寸的"), (1, "好的")])
def test_what_came_too_late_or_says_nothing_is_no_answer(talk, hours, text):
    gap(talk, "能不能改装轮毂", customer="wang")
    customers.said(talk.db, msg_id="m", customer_id="wang", who="advisor", member="zhang",
                   text=text, now=talk.now + timedelta(hours=hours), source="archive")  # fmt: skip

    (found,) = clusters(talk)

    assert gaps.answer(found, talk.ctx()) == ""


def test_an_own_script_for_the_question_goes_before_what_was_written(talk):
    with_bank(talk, replace(SCRIPT, id="own", scope="个人", owner="zhang", q="能不能改装轮毂？",
                            body="选装轮毂可以，改装不建议。"))  # fmt: skip
    gap(talk, "能不能改装轮毂", customer="wang")

    (found,) = clusters(talk)

    assert gaps.answer(found, talk.ctx()) == "选装轮毂可以，改装不建议。"


def test_a_gap_becomes_a_draft_and_leaves_the_queue(talk):
    for question in ("可以改装轮毂吗", "能不能改装轮毂", "可以改装轮毂吗"):
        gap(talk, question)
    gap(talk, "有没有香槟色")

    made = gaps.take(clusters(talk)[0], talk.ctx(), "chen")

    stored = library.known(talk.db, made.id)
    assert (stored.status, stored.q, stored.also) == (
        "草稿", "可以改装轮毂吗", ("能不能改装轮毂",)
    )  # fmt: skip
    assert stored.body == library.UNWRITTEN
    assert "问过3次" in stored.note
    assert [c.question for c in clusters(talk)] == ["有没有香槟色"]


def test_the_same_gap_is_not_drafted_twice(talk):
    gap(talk, "可以改装轮毂吗")
    gaps.take(clusters(talk)[0], talk.ctx())
    gap(talk, "可以改装轮毂吗")

    with pytest.raises(Refused, match="已经有草稿"):
        gaps.take(clusters(talk)[0], talk.ctx())


def test_the_digest_counts_clusters(talk):
    for question in ("可以改装轮毂吗", "能不能改装轮毂", "有没有香槟色"):
        gap(talk, question)
    talk.now += timedelta(days=1)

    edition = digests.compile_for(demo.MANAGERS[0], "morning", talk.ctx())

    assert "话术缺口2个" in edition.text


# What is asked next


def test_the_first_question_after_a_script_is_counted_once(talk):
    talk.says("zhang", "客户王女士问：冬天续航能跑多少")
    taken = talk.says("zhang", "采用 1")
    assert taken
    for asked in ("家里没车位怎么充电", "电池质保多久"):
        talk.now += timedelta(minutes=5)
        talk.says("zhang", f"客户王女士问：{asked}")

    found = talk.db.rows("select script, next from script_nexts")

    assert [(r["script"], bool(r["next"])) for r in found] == [("range-winter", True)]


@pytest.mark.parametrize("again", ["客户王女士问：冬天续航能跑多少？", "话术 充电桩"])
def test_neither_the_same_question_nor_a_search_counts(talk, again):
    talk.says("zhang", "客户王女士问：冬天续航能跑多少")
    talk.says("zhang", "采用 1")

    talk.says("zhang", again)

    assert talk.db.rows("select * from script_nexts") == []


def follows(talk, pairs):
    for n, (script, after) in enumerate(pairs):
        scripts.follow(talk.db, use_id=f"u{n}", script=script, next_script=after, now=talk.now)


def test_from_five_counted_ones_the_likeliest_two_are_named(talk):
    others = [s.id for s in talk.knowledge.bank.all() if s.q and s.status == "发布"][:4]
    shown, first, second, third = others
    follows(talk, [(shown, first)] * 2 + [(shown, second)] * 3 + [(shown, third)])

    found = nexts.likely([shown], "zhang", talk.ctx())

    assert [s.id for s in found] == [second, first]


def test_another_advisor_s_own_script_is_not_named(talk):
    with_bank(talk, replace(SCRIPT, id="own", scope="个人", owner="lina"))
    follows(talk, [("a", "own")] * 5)

    assert nexts.likely(["a"], "zhang", talk.ctx()) == []
    assert [s.id for s in nexts.likely(["a"], "lina", talk.ctx())] == ["own"]


def test_four_counted_ones_are_too_few(talk):
    follows(talk, [("a", "range-winter")] * 4)

    assert nexts.likely(["a"], "zhang", talk.ctx()) == []
