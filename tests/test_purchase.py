"""月供、落地价、对比、选车: figures that can be checked, each with where it comes from."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import pictures
from handlers.values import Picture
from scriptbank import facts, guard, terms
from scriptbank.fit import fit
from scriptbank.problems import LoadError
from scriptbank.purchase import Loan, charges, implied_rate, purchase_tax

DAY = date(2026, 3, 6)
KNOWN = facts.load()


# By the month


def test_the_shipped_instalments_are_what_the_formula_gives():
    """Each 首付…月供约… fact of the file, recomputed from its own words."""
    stated = [f for f in KNOWN.fact if f.unit == "元/月" and "估算月供" in f.text]

    assert len(stated) >= 5
    for fact in stated:
        said = terms.read(fact.text)
        price = KNOWN.price(fact.model, fact.text, DAY)
        loan = Loan(price.value - said.down, said.months, said.rate)
        assert round(loan.monthly) == fact.value, fact.text


@given(st.integers(10_000, 1_000_000), st.integers(6, 84), st.floats(0, 0.2, allow_nan=False))
def test_the_rate_behind_an_instalment_is_found_again(principal, months, rate):
    loan = Loan(principal, months, rate)

    assert loan.interest >= -1e-6
    assert implied_rate(principal, months, loan.monthly) == pytest.approx(rate, abs=1e-6)


def test_an_instalment_that_does_not_pay_the_loan_back_has_no_rate():
    assert implied_rate(100_000, 36, 2_000) is None


# To drive away


@pytest.mark.parametrize(
    ("day", "energy", "tax"),
    [
        (date(2025, 12, 31), "纯电", 0),
        (date(2026, 1, 1), "纯电", 8841),
        (date(2026, 1, 1), "增程", 8841),
        (date(2028, 1, 1), "纯电", 17681),
        (date(2026, 1, 1), "燃油", 17681),
    ],
)
def test_purchase_tax_follows_the_day_and_the_energy(day, energy, tax):
    assert round(purchase_tax(199_800, energy, day).amount) == tax


def test_the_relief_is_capped():
    assert purchase_tax(500_000, "纯电", DAY).amount == pytest.approx(500_000 / 11.3 - 15_000)


def test_every_charge_says_where_it_comes_from():
    assert all(c.reason for energy in ("纯电", "增程", "燃油")
               for c in charges(150_000, energy, 7, DAY))  # fmt: skip


# What was said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S6 长续航 首付三成 60期", {"share": 0.3, "months": 60}),
        ("20万 首付5万 分3年", {"price": 200_000, "down": 50_000, "months": 36}),
        ("19.98万 首付30% 36期 年利率3.5%", {"price": 199_800, "share": 0.3, "rate": 0.035}),
        ("车价20万，优惠2万，月供3500", {"price": 200_000, "monthly": 3500}),
    ],
)
def test_terms_are_read_from_words(text, expected):
    said = terms.read(text)

    assert {name: getattr(said, name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("按方案：车价20万，首付6万，60期月供1500", True),
        ("按方案：车价20万，首付30%，36期年利率1.98%月供4500", True),
        ("按方案：车价20万，首付30%，36期年利率1.98%月供4009", False),
        ("按方案：车价20万，首付6万，36期月供4600", False),
        ("按方案：车价20万，首付6万，36期月供14600", True),
    ],
)
def test_the_guard_recomputes_an_instalment(text, wrong):
    found = [f for f in guard.check(text, DAY) if f.rule == "月供算错"]

    assert bool(found) is wrong
    assert all(text[f.span[0] : f.span[1]] == f.words for f in found)


# In the chat


def test_an_advisor_asks_for_the_instalment_of_a_trim(talk):
    talk.says("zhang", "算 S6 长续航 首付30% 60期")

    said = talk.texts()
    assert "S6 长续航版指导价 19.98 万元（青屿官方指导价表，2026-01-10）" in said
    assert "月供约 2,531 元" in said
    assert "购置税 8,841 元：新能源减半" in said
    assert "以金融机构审批" in said


def test_without_terms_every_plan_on_offer_is_worked_out(talk):
    talk.says("zhang", "落地 s6长续航智享")

    said = talk.texts()
    assert "21.98 万元" in said
    assert "36期：首付" in said
    assert "60期：首付" in said


def test_a_price_without_a_model_is_worked_out_both_ways(talk):
    talk.says("zhang", "算 15万 首付5万 36期 年利率4%")

    said = talk.texts()
    assert "月供约 2,952 元" in said
    assert "落地（纯电）" in said
    assert "落地（燃油）" in said


def test_a_plan_that_wants_more_down_says_so(talk):
    talk.says("zhang", "算 S6 首付两成 36期")

    assert "这个方案首付要 30% 起" in talk.texts()


@pytest.mark.parametrize("words", ["落地 价能再谈谈吗", "月供 太高了怎么办", "对比 了几家还没定"])
def test_a_customers_words_are_not_taken_for_a_sum(talk, words):
    talk.says("zhang", words)

    assert "要算哪一款" not in talk.texts()


def test_two_models_side_by_side_as_text_and_picture(talk):
    did = talk.says("zhang", "对比 S6长续航 M8")

    assert "· 指导价：19.98万元｜28.98万元" in talk.texts()
    picture = next(a for a in did if isinstance(a, Picture))
    assert pictures.png(picture.svg).startswith(b"\x89PNG")


def test_the_trims_of_one_model_side_by_side(talk):
    talk.says("zhang", "对比 S6")

    assert "· CLTC 纯电续航：560km｜705km｜690km｜640km" in talk.texts()


def test_choosing_a_car_tells_why(talk):
    talk.says("zhang", "选车 预算20万以内 在意续航")

    said = talk.texts()
    assert said.index("S6 长续航版") < said.index("S4")
    assert "CLTC 705 km" in said


def test_seats_are_counted_before_the_budget(talk):
    talk.says("zhang", "选车 20万以内 一家六口")

    assert "M8 七座版指导价 28.98 万元；超预算8.98 万元" in talk.texts()


def test_nothing_seats_fifty():
    assert fit(KNOWN, None, 50, [], DAY) == []


# The file


def test_a_broken_file_tells_entry_field_and_cure(tmp_path: Path):
    own = tmp_path / "facts.toml"
    own.write_text('[[fact]]\nid = "a"\ntopic = "price"\ntext = "x"\nvalue = "很多"\n'
                   'source = "s"\ndate = 2026-01-01\nfoo = 1\n', encoding="utf-8")  # fmt: skip

    with pytest.raises(LoadError) as caught:
        facts.load(own)

    assert "[a] “value”：看到“很多”，应为数字" in str(caught.value)
    assert "[a] “foo”：看到“1”，没有这一项，请删去" in str(caught.value)


def test_a_fact_stops_holding_after_its_last_day():
    ids = {f.id for f in KNOWN.on(date(2027, 6, 1))}

    assert "finance-36" not in ids
    assert "s6-price-std" in ids
