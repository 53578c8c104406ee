"""Audiences: rules in TOML, their errors, and who belongs, worked out by the database."""

import random
from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.demo import SETTINGS
from bot.sandbox.demo import START as NOW
from handlers import audience, membership, tags, tiers
from handlers.audience import AudienceError
from handlers.context import Ctx
from handlers.dictionary import shipped
from handlers.team import Team
from storage import audience as query
from storage import checkins, customers, events, groups
from storage.customers import Customer
from storage.sqlite import Sqlite

DAY = timedelta(days=1)


def written(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def rule(tmp_path, text):
    """One audience of that rule."""
    path = written(tmp_path, f'[[audience]]\nname = "一群"\n{text}\n')
    return audience.load(path).rules["一群"]


@pytest.fixture
def crowd(talk):
    """Seven people of whom different things are known."""
    people = {
        "share3": {}, "share2": {}, "late": {}, "gone": {"opted_out_at": NOW},
        "left": {"deleted_at": NOW}, "hot": {"level": "H", "tier": "high"},
        "other": {"store": "gz-th", "owner": "he"},
    }  # fmt: skip
    for key, more in people.items():
        known = {"store": "bj-cy", "owner": "zhang", "added_at": NOW - 20 * DAY, **more}
        customers.add(talk.db, Customer(id=key, name=key, **known))
    return talk


def happened(talk, customer, kind, days_ago, times=1):
    for n in range(times):
        events.add(talk.db, event_id=f"{customer}{kind}{days_ago}{n}", customer=customer,
                   kind=kind, when=NOW - days_ago * DAY, source="import")  # fmt: skip


def who(talk, one, **scope):
    node = membership.tree(one, talk.ctx(), **scope)
    found = [row["id"] for row in query.members(talk.db, node)]
    assert query.count(talk.db, node) == len(found)
    return set(found) - {"wang", "li"}


# The example of item 34

EXAMPLE = """all = [
  { count = "share", within = 90, least = 3 },
  { count = "visit", within = 90 },
  { any = [{ event = "试驾", within = 90 }, { intent = "quote", within = 90 }] },
  { tag = "想试驾", confidence = 0.6 },
  { slot = "budget", low = 150000 },
  { not = { state = "退订" } },
]"""


def willing(talk, customer):
    for kind, code, sure in (("intent", "test_drive", 0.9), ("intent", "quote", 0.9),
                             ("budget", "15万-18万", 1.0)):  # fmt: skip
        customers.tag(talk.db, customer, kind=kind, code=code, value=code, evidence="x",
                      confidence=sure, now=NOW - DAY, keep_days=60)  # fmt: skip


def test_three_shares_a_visit_an_enquiry_willing_and_able(crowd, tmp_path):
    for key, shares, ago in (("share3", 3, 5), ("share2", 2, 5), ("late", 3, 91), ("gone", 3, 5)):
        happened(crowd, key, "分享", ago, shares)
        happened(crowd, key, "到店", 3)
        willing(crowd, key)

    assert who(crowd, rule(tmp_path, EXAMPLE)) == {"share3"}
    assert who(crowd, audience.standard().rules["高意向高活跃"]) == {"share3"}


@pytest.mark.parametrize("lacking", ["分享", "到店", "intent", "budget"])
def test_each_part_of_the_example_is_needed(crowd, tmp_path, lacking):
    happened(crowd, "share3", "分享", 5, 3)
    happened(crowd, "share3", "到店", 3)
    willing(crowd, "share3")
    crowd.db.run("delete from events where kind = :k", k=lacking)
    crowd.db.run("delete from tags where kind = :k", k=lacking)

    assert who(crowd, rule(tmp_path, EXAMPLE)) == set()


# Each kind of condition

EVERYBODY = {"share3", "share2", "late", "hot", "other"}
CONDITIONS = [
    ('level = "H"', {"hot"}),
    ('tier = ["high", "mid"]', {"hot"}),
    ('store = "gz-th"', {"other"}),
    ("added = { within = 14 }", {"late"}),
    ("added = { before = 14 }", EVERYBODY - {"late"}),
    ('added = { month = "this" }', {"late"}),
    ('added = { month = "last" }', {"other", "hot", "share3", "share2"}),
    ("spoke = { never = true }", EVERYBODY - {"hot"}),
    ("spoke = { within = 3 }", {"hot"}),
    ('event = "到店"', {"share2", "share3"}),
    ('event = "到店"\nwithin = 10', {"share2"}),
    ('event = "到店"\nleast = 2', {"share3"}),
    ('event = "到店"\nleast = 0\nmost = 1', EVERYBODY - {"share3"}),
    ('count = "share"\nwithin = 90\nleast = 2\nmost = 2', {"share2"}),
    ('count = "messages"\nwithin = 14\nleast = 2', {"hot"}),
    ('count = "messages"\nwithin = 14\nleast = 0\nmost = 1', EVERYBODY - {"hot"}),
    ('count = "checkins"\nwithin = 14', {"late"}),
    ('concern = "price"\npolarity = -1', {"hot"}),
    ('concern = "price"\npolarity = 1', set()),
    ('concern = "price"\nconfidence = 0.9', set()),
    ('slot = "budget"\nlow = 150000\nhigh = 200000', {"hot"}),
    ('slot = "budget"\nlow = 180000', set()),
    ('tag = "嫌贵"', {"hot"}),
    ('group = "车主"', {"other"}),
    ('not = { level = "H" }', EVERYBODY - {"hot"}),
    ('state = "退订"', set()),  # they belong to none
    ('all = [{ level = ["H", "N"] }, { not = { store = "gz-th" } }]', EVERYBODY - {"other"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONDITIONS, ids=[c[0][:40] for c in CONDITIONS])
def test_a_condition_finds_those_it_names(crowd, tmp_path, text, expected):
    _furnish(crowd)

    assert who(crowd, rule(tmp_path, text)) == expected


def _furnish(talk):
    db = talk.db
    customers.change(db, "late", added_at=NOW - 4 * DAY)
    customers.change(db, "hot", spoke_at=NOW - DAY)
    happened(talk, "share2", "到店", 5)
    happened(talk, "share3", "到店", 50, 2)
    happened(talk, "share2", "分享", 5, 2)
    for n in range(2):
        customers.said(db, msg_id=f"m{n}", customer_id="hot", who="customer", member="zhang",
                       text="x", now=NOW - (n + 1) * DAY, source="paste")  # fmt: skip
    checkins.add(db, chat_id="g", member="late", day=NOW.date(), now=NOW)
    customers.tag(db, "hot", kind="concern", code="price", polarity=-1, confidence=0.7, now=NOW,
                  keep_days=30)  # fmt: skip
    customers.tag(db, "hot", kind="budget", code="16万", value="16万", now=NOW, keep_days=30)
    customers.tag(db, "share2", kind="budget", code="17万", value="17万", now=NOW - 9 * DAY,
                  keep_days=30)  # fmt: skip
    customers.tag(db, "share2", kind="budget", code="12万", value="12万", now=NOW, keep_days=30)
    groups.put(db, chat_id="g9", name="车主群", kind="车主", owner="he", store="gz-th", now=NOW)
    groups.join(db, "g9", "other", "other", NOW)


def test_what_was_taken_back_or_has_expired_does_not_count(crowd, tmp_path):
    happened(crowd, "hot", "到店", 5)
    events.undo(crowd.db, "hot到店50", NOW)
    customers.tag(crowd.db, "hot", kind="intent", code="quote", now=NOW - 20 * DAY, keep_days=14)

    assert who(crowd, rule(tmp_path, 'event = "到店"')) == set()
    assert who(crowd, rule(tmp_path, 'intent = "quote"')) == set()


def test_who_opted_out_or_left_is_counted_apart(crowd, tmp_path):
    node = membership.tree(rule(tmp_path, 'level = "N"'), crowd.ctx())

    assert query.withheld(crowd.db, node) == 2
    assert {"gone", "left"}.isdisjoint(row["id"] for row in query.members(crowd.db, node))


def test_a_scope_bounds_an_audience(crowd, tmp_path):
    everybody = rule(tmp_path, 'level = ["H", "N"]')

    assert who(crowd, everybody, stores=("gz-th",)) == {"other"}
    assert who(crowd, everybody, owner="he") == {"other"}
    assert who(crowd, everybody, stores=()) == set()


# The tags of the dictionary


@pytest.fixture(scope="module")
def lived(demo_store, knowledge):
    """The demo's sixty days, as they are looked at."""
    db = Sqlite(demo_store)
    yield Ctx(
        db=db, now=NOW, lexicon=knowledge.lexicon, bank=knowledge.bank, rng=random.Random(1),
        settings=SETTINGS, team=Team(SETTINGS), cause="look",
    )  # fmt: skip
    db.close()


def test_a_tag_in_an_audience_is_the_tag_on_the_card(lived):
    people = [c for page in customers.pages(lived.db, everybody=True) for c in page
              if c.opted_out_at is None]  # fmt: skip
    have = {c.id: {h.entry.name for h in tags.held(c, lived)} for c in people}
    assert len(set().union(*have.values())) > 40

    for name in shipped().tags:
        node = membership.tag(name, lived)
        found = {row["id"] for row in query.members(lived.db, node, limit=10_000)}
        assert found == {key for key, names in have.items() if name in names}, name


def test_a_denied_tag_is_not_in_the_audience_either(talk):
    talk.says("zhang", "客户王女士说：太贵了，能不能便宜点")
    assert query.holds(talk.db, membership.tag("嫌贵", talk.ctx()), "wang")

    talk.says("zhang", "标签不对 王女士 嫌贵")

    assert not query.holds(talk.db, membership.tag("嫌贵", talk.ctx()), "wang")


# Errors

WRONG = [
    ('[[audience]]\nname = "甲"\nlevle = "H"', ["甲", "levle", "level"]),
    ('[[audience]]\nname = "甲"\nlevel = "X"', ["甲", "level", "'X'", "O、H、A、B、C、N"]),
    ('[[audience]]\nname = "甲"\nall = []', ["甲", "all", "至少一个"]),
    ('[[audience]]\nname = "甲"\nall = [{ count = "share" }]', ["count", "within"]),
    ('[[audience]]\nname = "甲"\ncount = "shares"\nwithin = 9', ["'shares'", "share、click"]),
    ('[[audience]]\nname = "甲"\ntag = "没有的"', ["tag", "没有的", "salesbot tags list"]),
    ('[[audience]]\nname = "甲"\nadded = { withing = 3 }', ["added", "within = 14"]),
    ('[[audience]]\nname = "甲"\nadded = { within = -1 }', ["added.within", "-1"]),
    ('[[audience]]\nname = "甲"\nevent = "试驾"\nleast = "3"', ["event.least", "'3'"]),
    ('[[audience]]\nname = "甲"\nevent = "试驾"\ncolour = "red"', ["event.colour", "within"]),
    ('[[audience]]\nname = "甲"\nnot = { any = [{ state = "冷" }] }', ["state", "退订"]),
    ('[[audience]]\nname = "甲"\nlevel = "H"\ntier = "high"', ["level、tier", "一个条件"]),
    ('[[audience]]\nlevel = "H"', ["没有 name"]),
    ('[[audience]]\nname = "甲"\nlevel = "H"\n' * 2, ["不止一次"]),
    ("audience = 3", ["[[audience]]"]),
    ("audience = [", ["TOML"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_broken_audience_says_where_and_what_is_allowed(tmp_path, text, words):
    with pytest.raises(AudienceError) as wrong:
        audience.load(written(tmp_path, text))

    assert [w for w in ["own.toml", *words] if w not in str(wrong.value)] == []


SAID = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from((*audience.OPTIONS, "within", "least", "x")), inner,
                      max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from((*audience.OPTIONS, "within", "least", "class")), SAID,
                       max_size=3))  # fmt: skip
def test_no_rule_breaks_the_lint_and_what_passes_can_be_asked(found):
    problems = list(audience._problems({"audience": [{"name": "甲", **found}]}, shipped()))
    if not problems:
        query.Query().test(_node(found))


def _node(found):
    zone = ZoneInfo(SETTINGS.timezone)
    empty = SimpleNamespace(rows=lambda sql, **params: [])
    ctx = SimpleNamespace(db=empty, now=NOW, tags=shipped(), zone=zone, local=NOW.astimezone(zone))
    return membership.tree(audience.Audience("甲", "", found), ctx)


def test_values_are_bound_and_never_part_of_the_query(crowd, tmp_path):
    one = rule(tmp_path, 'store = "x\') or 1 = 1 --"')

    assert who(crowd, one) == set()
    node = membership.tree(one, crowd.ctx())
    assert "or 1 = 1" not in query.Query().test(node)


def test_the_shipped_ones_load_and_say_what_they_are_for():
    found = audience.standard()

    assert {"拉新", "促活", "深耕", "高意向高活跃"} <= found.rules.keys()
    assert all(one.says for one in found.rules.values())


@pytest.mark.parametrize("name", audience.standard().rules)
def test_every_shipped_audience_can_be_asked(crowd, name):
    assert who(crowd, audience.standard().rules[name]) <= EVERYBODY


def test_a_score_can_be_asked_for(crowd, tmp_path):
    for key in ("hot", "share3"):
        customers.tag(crowd.db, key, kind="signal", code="H", evidence="这周定", now=NOW)
        tiers.rejudge(crowd.customer(key), crowd.ctx())
    customers.change(crowd.db, "share3", opted_out_at=NOW)

    assert who(crowd, rule(tmp_path, 'score = "潜客价值"\nlow = 3')) == {"hot"}
    assert who(crowd, rule(tmp_path, 'score = "潜客价值"\nclass = "A"')) == set()
