"""salesbot report: the sheets, the picture, hostile names, and who may see what."""

import json
import zipfile
from datetime import datetime

import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook

from bot import pictures
from bot.cli import main
from handlers.analytics import ANALYSES, picture
from handlers.charts import Bar
from handlers.tables import Column, Table
from storage import customers, events
from storage.customers import Customer
from storage.sqlite import Sqlite

HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "<b>王</b>", "\ud83d", "\x00\x07王", "🚗🚗")
CONFIG = """
[[stores]]
id = "s"
name = "=店"
city = "北京"
[[stores]]
id = "t"
name = "二店"
city = "北京"
[[advisors]]
userid = "a"
name = "+甲"
store = "s"
[[managers]]
userid = "m"
name = "经理"
stores = ["s", "t"]
[[managers]]
userid = "b"
name = "品牌"
brand = true
"""


@pytest.fixture
def company(tmp_path):
    """Seven customers whose models and sources are what nobody should type."""
    (tmp_path / "config.toml").write_text(
        f'[storage]\nurl = "sqlite:///{tmp_path}/x.db"\n{CONFIG}', encoding="utf-8"
    )
    store = Sqlite(tmp_path / "x.db")
    store.migrate()
    for n, words in enumerate(HOSTILE):
        words = words.encode("utf-8", "replace").decode()
        when = datetime.fromisoformat(f"2026-03-0{1 + n % 5}T10:00:00+08:00")
        customers.add(store, Customer(id=f"c{n}", name=words, store="s", owner="a", model=words,
                                      source=words, added_at=when))  # fmt: skip
        events.add(store, event_id=f"e{n}", customer=f"c{n}", kind="加微", when=when,
                   source="system")  # fmt: skip
    store.close()
    return tmp_path


def report(company, *words):
    args = ["--config", str(company / "config.toml"), "report", *map(str, words)]
    return CliRunner().invoke(main, [*args, "--at", "2026-03-06T09:00"])


def test_a_workbook_has_a_sheet_for_each_table_and_a_picture(company):
    out = company / "周报.xlsx"

    done = report(company, "--for", "m", "--out", out)

    assert done.exit_code == 0, done.output
    book = CalamineWorkbook.from_path(str(out))
    assert book.sheet_names == ["概览", *(one.title for one in ANALYSES.values())]
    with zipfile.ZipFile(out) as packed:
        images = [name for name in packed.namelist() if name.startswith("xl/media/")]
        assert len(images) == 1
        assert packed.read(images[0])[:4] == b"\x89PNG"


def test_what_people_typed_stays_text(company):
    out = company / "r.xlsx"

    report(company, "--for", "m", "--out", out, "--store", "s")

    rows = CalamineWorkbook.from_path(str(out)).get_sheet_by_name("透视：车型").to_python()
    said = [str(cell) for row in rows for cell in row]
    assert "=1+1" in said
    with zipfile.ZipFile(out) as packed:
        sheets = [packed.read(n).decode() for n in packed.namelist() if "worksheets/sheet" in n]
    assert not any("<f>" in sheet for sheet in sheets)


def test_an_unknown_figure_is_a_dash_and_no_zero(company):
    out = company / "r.xlsx"

    report(company, "--for", "m", "--out", out)

    rows = CalamineWorkbook.from_path(str(out)).get_sheet_by_name("漏斗（AARRR）").to_python()
    visit = next(row for row in rows if "试驾" in row)
    assert visit[2:] == [0, "–", "样本不足（试驾0÷到店0）"]


def test_the_screen_shows_the_tables_that_were_asked_for(company):
    done = report(company, "--for", "m", "--name", "funnel")

    assert "=店、二店 2026-02-28 至 2026-03-06 09:00" in done.output
    assert "0%" in done.output
    assert "门店得分" not in done.output


def test_programs_get_json(company):
    done = report(company, "--for", "m", "--name", "funnel", "--json")

    found = json.loads(done.output)
    assert found[0]["rows"][0] == {"stage": "获取", "step": "加微", "n": 7, "share": None,
                                   "of": "人数"}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--for", "nobody"), "已有：m、b"),
        (("--for", "m", "--store", "x"), "看不到门店 x"),
    ],
)
def test_whoever_may_not_see_it_is_told_why(company, words, said):
    done = report(company, *words)

    assert done.exit_code == 2
    assert said in done.output


def test_a_table_that_names_customers_is_not_for_the_brand(company, monkeypatch):
    from handlers.analytics import scope

    named = scope.Analysis("named", "名单", lambda s, c: Table("named", "名单", (), ()), True)
    monkeypatch.setattr("bot.commands.report.ANALYSES", {"named": named})

    assert "名单" in report(company, "--for", "m").output
    assert "名单" not in report(company, "--for", "b").output


def test_the_picture_leaves_out_what_is_not_known():
    columns = (Column("store", "门店"), Column("even", "得分"))
    table = Table("stores", "门店得分", columns, (("甲", 80.0), ("乙", None)))

    assert picture.bars(table, "store", "even") == [Bar("甲", 80.0)]
    assert pictures.png(picture.svg("标题", "", [table]))[:4] == b"\x89PNG"
