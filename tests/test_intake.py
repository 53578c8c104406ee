"""Tables of customers and orders: what is understood, what is refused, what comes out again."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter
from click.testing import CliRunner

from bot.cli import main
from handlers import intake
from scriptbank import tables
from storage import customers, events, followups
from storage.customers import Customer
from storage.sqlite import Sqlite

ZONE = ZoneInfo("Asia/Shanghai")
CONFIG = """
[storage]
url = "sqlite:///salesbot.db"
[[stores]]
id = "bj-cy"
name = "朝阳店"
[[advisors]]
userid = "zhang"
name = "张伟"
store = "bj-cy"
[[advisors]]
userid = "lina"
name = "李娜"
store = "bj-cy"
[[managers]]
userid = "chen"
name = "陈静"
stores = ["bj-cy"]
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG)
    store = Sqlite(tmp_path / "salesbot.db")
    store.migrate()
    yield store, tmp_path
    store.close()


def run(folder, *args):
    return CliRunner().invoke(main, ["--config", str(folder / "config.toml"), "customers", *args])


def book(folder, *rows, name="in.xlsx"):
    with xlsxwriter.Workbook(str(folder / name)) as made:
        sheet = made.add_worksheet()
        dates = made.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for n, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(n, column, cell.replace(tzinfo=None), dates)
                elif isinstance(cell, str):
                    sheet.write_string(n, column, cell)
                else:
                    sheet.write(n, column, cell)
    return str(folder / name)


HEAD = (
    "姓名",
    "手机号",
    "渠道",
    "意向车型",
    "销售顾问",
    "意向级别",
    "建档时间",
    "下次跟进",
    "备注",
)
WANG = (
    "王女士",
    13900001111,
    "车展",
    "S6",
    "张伟",
    "A级",
    datetime(2026, 3, 1, 14, 30, tzinfo=ZONE),
    "",
    "怕没桩",
)
LI = ("李先生", "139-0000-2222", "", "", "lina", "", "2026/3/2", "", "")


def test_customers_come_in_with_what_their_row_says(shop):
    store, folder = shop

    said = run(folder, "import", book(folder, HEAD, WANG, LI))

    assert said.exit_code == 0, said.output
    assert "新增 2" in said.output
    wang, li = (customers.with_phone(store, p)[0] for p in ("13900001111", "13900002222"))
    assert (wang.name, wang.source, wang.model) == ("王女士", "车展", "S6")
    assert (wang.owner, wang.store, wang.level) == ("zhang", "bj-cy", "A")
    assert wang.added_at == datetime(2026, 3, 1, 14, 30, tzinfo=ZONE)
    assert (li.owner, li.level) == ("lina", "N")
    assert events.last(store, wang.id, "导入").evidence == "怕没桩"


def test_the_first_day_with_many_old_customers_is_a_quiet_one(shop):
    store, folder = shop
    run(folder, "import", book(folder, HEAD, WANG, LI))

    assert store.rows("select * from followups") == []
    assert store.rows("select * from outbox") == []


def test_a_due_date_of_the_table_is_kept(shop):
    store, folder = shop
    row = (*WANG[:7], "2099-03-09 10:00", "送资料")
    run(folder, "import", book(folder, HEAD, row))

    owed = followups.owed_by(store, "zhang", datetime(2100, 1, 1, tzinfo=ZONE))
    assert [(f.due_at.astimezone(ZONE).isoformat()[:16], f.reason) for f in owed] == [
        ("2099-03-09T10:00", "送资料")
    ]


def test_the_same_table_twice_changes_nothing(shop):
    store, folder = shop
    file = book(folder, HEAD, WANG, LI)
    run(folder, "import", file)
    before = store.rows("select * from customers order by id")

    said = run(folder, "import", file)

    assert "新增 0，改动 0，不变 2" in said.output
    assert store.rows("select * from customers order by id") == before


def test_looking_first_writes_nothing(shop):
    store, folder = shop

    said = run(folder, "import", book(folder, HEAD, WANG), "--dry-run")

    assert "会导入" in said.output
    assert "新增 王女士" in said.output
    assert store.rows("select * from customers") == []


def test_a_changed_row_is_shown_and_an_empty_cell_changes_nothing(shop):
    store, folder = shop
    run(folder, "import", book(folder, HEAD, WANG))

    said = run(folder, "import", book(folder, HEAD, ("王姐", WANG[1], *[""] * 7)))

    assert "改 王女士：姓名→王姐" in said.output
    found = customers.with_phone(store, "13900001111")[0]
    assert (found.name, found.model, found.level) == ("王姐", "S6", "A")


BAD = [
    ({1: "12345"}, "电话", "应为11位手机号"),
    ({4: "王五"}, "顾问", "名单里没有这个人"),
    ({5: "Z"}, "级别", "应为"),
    ({6: "下周"}, "加微时间", "应为日期"),
    ({0: "", 1: ""}, "姓名", "新客户要有姓名"),
]


@pytest.mark.parametrize(("change", "column", "advice"), BAD)
def test_a_bad_row_is_explained_and_the_good_ones_go_in(shop, change, column, advice):
    store, folder = shop
    row = [change.get(n, cell) for n, cell in enumerate(WANG)]

    said = run(folder, "import", book(folder, HEAD, row, LI))

    assert said.exit_code == 1
    assert "第2行" in said.stderr
    assert column in said.stderr
    assert advice in said.stderr
    assert [r["name"] for r in store.rows("select name from customers")] == ["李先生"]


def test_an_import_never_takes_a_customer_from_an_advisor(shop):
    store, folder = shop
    run(folder, "import", book(folder, HEAD, WANG))

    said = run(folder, "import", book(folder, HEAD, (*WANG[:4], "李娜", *WANG[5:])))

    assert "没有改归属" in said.stderr
    assert customers.with_phone(store, "13900001111")[0].owner == "zhang"


def test_own_headings_are_mapped_and_unknown_ones_are_named(shop):
    store, folder = shop
    file = book(folder, ("客户称谓", "会员号"), ("王女士", "7"))
    assert "用 --map 客户称谓=姓名" in run(folder, "import", file).stderr

    said = run(folder, "import", file, "--map", "客户称谓=姓名")

    assert said.exit_code == 0
    assert "会员号" in said.stderr
    assert [r["name"] for r in store.rows("select name from customers")] == ["王女士"]
    assert "可以对到" in run(folder, "import", file, "--map", "客户称谓=名儿").stderr


def test_orders_move_the_stage_on_and_count_once(shop):
    store, folder = shop
    run(folder, "import", book(folder, HEAD, WANG, LI))
    file = book(folder, ("手机号", "姓名", "订单状态", "日期"),
                ("13900001111", "", "大定", "2026-03-05"), ("", "李先生", "到店", "2026-03-04"),
                ("", "赵先生", "到店", "2026-03-04"), ("", "李先生", "聊天", "2026-03-04"),
                name="orders.xlsx")  # fmt: skip

    said = run(folder, "import", file, "--orders")
    again = run(folder, "import", file, "--orders")

    assert "新增 2" in said.output
    assert "没有这位客户" in said.stderr
    assert "第5行" in said.stderr
    assert "新增 0" in again.output
    wang = customers.with_phone(store, "13900001111")[0]
    assert (wang.stage, wang.level) == ("下订", "O")
    assert len(events.of(store, wang.id, "下订")) == 1


LEADS = ("姓名", "手机号", "渠道", "意向车型", "线索时间")


def leads_file(folder):
    rows = [(f"线索{n}", f"1390000100{n}", "汽车之家", "S6", "2026-03-02 10:00") for n in range(4)]
    return book(folder, LEADS, *rows, name="leads.xlsx")


def test_leads_are_shared_out_among_who_is_on_shift_and_they_are_told(talk, tmp_path):
    cells = tables.grid(Path(leads_file(tmp_path)))
    lines, _ = intake.read(cells, "leads.xlsx", intake.HEADINGS, {})

    with talk.db.atomic():
        came, bad, old = intake.arrivals(lines, "leads.xlsx", talk.ctx())

    given = {one.lead.advisor for one in came}
    told = {action.to for one in came for action in one.actions}
    assert (bad, old) == ([], [])
    assert len(given) == 4  # none has a second one before everybody has a first
    assert told == given
    assert {one.lead.kind for one in came} == {"垂媒"}


def test_a_dry_run_of_leads_leaves_nothing_behind(shop):
    store, folder = shop

    said = run(folder, "import", leads_file(folder), "--leads", "--dry-run")

    assert "线索0 → " in said.output
    assert [store.rows(f"select * from {t}") for t in ("leads", "customers", "outbox")] == [[]] * 3


def test_the_same_leads_twice_are_offered_once(shop):
    store, folder = shop
    file = leads_file(folder)
    run(folder, "import", file, "--leads")
    before = store.rows("select * from outbox")

    said = run(folder, "import", file, "--leads")

    assert "新增 0，改动 0，不变 4" in said.output
    assert "导入过" in said.stderr
    assert store.rows("select * from outbox") == before


def test_a_lead_with_a_known_number_stays_with_its_advisor(shop):
    store, folder = shop
    run(folder, "import", book(folder, HEAD, WANG))
    file = book(folder, LEADS, ("王小姐", "13900001111", "抖音", "", "2026-03-02 10:00"))

    said = run(folder, "import", file, "--leads")

    assert "新增 0，改动 1" in said.output
    assert len(store.rows("select * from customers")) == 1
    assert [r["advisor"] for r in store.rows("select advisor from leads")] == ["zhang"]
    assert [r["target"] for r in store.rows("select target from outbox")] == ["zhang"]


def test_what_goes_out_comes_in_again_unchanged_and_hides_numbers(shop):
    _, folder = shop
    run(folder, "import", book(folder, HEAD, WANG, ("=1+1", *LI[1:])))
    out = folder / "out.csv"

    said = run(folder, "export", str(out), "--for", "chen")
    again = run(folder, "import", str(out))

    text = out.read_text(encoding="utf-8-sig")
    assert said.exit_code == 0
    assert "139****1111" in text
    assert "13900001111" not in text
    assert "'=1+1" in text
    assert "新增 0，改动 0，不变 2" in again.output


def test_an_export_holds_only_what_that_person_sees(shop):
    _, folder = shop
    run(folder, "import", book(folder, HEAD, WANG, LI))
    out = folder / "out.xlsx"

    run(folder, "export", str(out), "--for", "zhang")

    rows = tables.grid(out)
    assert [row[1] for row in rows[1:]] == ["王女士"]


def test_one_person_s_copy_is_complete(shop):
    store, folder = shop
    run(folder, "import", book(folder, HEAD, WANG))
    wang = customers.with_phone(store, "13900001111")[0]
    out = folder / "wang.json"

    run(folder, "export", str(out), "--for", "zhang", "--one", "王女士")

    held = json.loads(out.read_text())
    assert held["customers"][0]["id"] == wang.id
    assert held["events"][0]["evidence"] == "怕没桩"


def test_somebody_is_forgotten_by_command(shop):
    store, folder = shop
    run(folder, "import", book(folder, HEAD, WANG))

    assert run(folder, "forget", "王女士", "--for", "lina", "-y").exit_code == 1
    said = run(folder, "forget", "王女士", "--for", "zhang", "-y")

    assert "凭证编号" in said.output
    assert store.rows("select * from customers") == []


def test_two_are_put_together_and_taken_apart_by_command(shop):
    store, folder = shop
    with store.atomic():
        for key, name in (("a", "王女士"), ("b", "王姐")):
            customers.add(store, Customer(id=key, name=name, owner="zhang", store="bj-cy",
                                          added_at=datetime(2026, 3, 1, tzinfo=ZONE)))  # fmt: skip

    assert run(folder, "merge", "王女士", "王姐", "--for", "zhang").exit_code == 0
    assert customers.get(store, "b") is None
    assert run(folder, "merge", "王女士", "--undo", "--for", "zhang").exit_code == 0
    assert customers.get(store, "b")
    assert run(folder, "merge", "王女士", "--undo", "--for", "zhang").exit_code == 1
    assert run(folder, "merge", "王女士", "--for", "zhang").exit_code == 2
