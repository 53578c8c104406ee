"""Which customer is meant: exact names, titles, decorated nicknames; two are never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import names
from storage import customers
from storage.customers import Customer


def known(*found):
    return [Customer(id=f"c{n}", name=name) for n, name in enumerate(found)]


STORE = known("王女士", "王先生", "李先生", "欧阳娜娜", "张总🌸(朝阳)", "Amy Chen", "陈小明")

EXACT = [
    ("王女士", "王女士"), (" 王女士 ", "王女士"), ("“王女士”", "王女士"), ("王女士：", "王女士"),
    ("张总", "张总🌸(朝阳)"), ("张总🌸", "张总🌸(朝阳)"), ("Amy Chen", "Amy Chen"),
    ("欧阳娜娜", "欧阳娜娜"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "name"), EXACT)
def test_a_name_is_found_with_or_without_its_decoration(said, name):
    assert names.find(said, STORE).one.name == name


OFFERED = [
    ("王小姐", "王女士"), ("陈小名", "陈小明"), ("欧阳娜", "欧阳娜娜"), ("amy chen", "Amy Chen"),
    ("李女士", "李先生"), ("陈晓明", "陈小明"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "name"), OFFERED)
def test_what_comes_near_is_offered_and_not_taken(said, name):
    found = names.find(said, STORE)

    assert found.one is None
    assert name in [c.name for c in found.candidates]


@pytest.mark.parametrize("said", ["赵六", "", "  ", "“”", "完全不同的人"])
def test_who_is_nobody_is_not_found(said):
    assert names.find(said, STORE).candidates == ()


@pytest.mark.parametrize("said", ["？？", "🌸", "…", "(朝阳)"])
def test_marks_alone_are_no_name_even_where_somebody_is_called_so(said):
    assert names.find(said, known("🌹", "李先生")).one is None


def test_two_of_one_name_are_both_offered():
    found = names.find("王女士", known("王女士", "王女士", "李先生"))

    assert found.one is None
    assert [c.name for c in found.candidates] == ["王女士", "王女士"]


@given(st.text(max_size=15), st.lists(st.text(max_size=10), max_size=5))
def test_no_name_breaks_the_search_and_at_most_five_are_offered(said, among):
    found = names.find(said, known(*among))

    assert found.exact or len(found.like) <= 5


def test_an_advisor_sees_their_own_and_a_manager_those_of_their_stores(talk):
    customers.add(talk.db, Customer(id="x", name="赵女士", store="bj-cy", owner="lina",
                                    added_at=talk.now))  # fmt: skip
    customers.add(talk.db, Customer(id="y", name="孙先生", store="gz-th", owner="he",
                                    added_at=talk.now))  # fmt: skip

    def seen(member):
        return {c.name for c in names.visible(member, talk.ctx())}

    assert seen("zhang") == {"王女士", "李先生"}
    assert seen("lina") == {"赵女士"}
    assert seen("chen") == {"王女士", "李先生", "赵女士"}
    assert seen("lin") == {"孙先生"}
    assert seen("nobody") == set()


def test_who_is_not_found_is_told_with_those_of_the_same_family(talk):
    talk.says("zhang", "客户 王五六七八九")

    assert "没有找到“王五六七八九”" in talk.texts() or "1. 王女士" in talk.texts()
