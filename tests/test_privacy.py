"""A customer's data: seen, put right, taken away for good, and what outlives the taking."""

import asyncio
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlite_utils import Database

from bot.cli import main
from bot.writer import Writer
from handlers import privacy
from handlers.context import Ctx
from handlers.values import Card, File, Inbound, Send
from storage import consents, customers, erasure, events, inbox, outbox, records
from storage.customers import Customer
from storage.schema import migrations
from storage.sqlite import Sqlite

NAME, PHONE, KEY = "慕容雪晴", "13911112222", "wmCANARYxyz"


def known(talk):
    """A customer who left traces in every corner that a talk reaches."""
    customers.add(talk.db, Customer(id=KEY, name=NAME, title="女士", store="bj-cy", owner="zhang",
                                    phone=PHONE, added_at=talk.now))  # fmt: skip
    talk.says("zhang", f"客户{NAME}问：冬天续航怎么样，我电话{PHONE}，预算20万")
    talk.says("zhang", "采用 1")
    talk.says("zhang", f"记录 {NAME} 周六下午3点试驾")
    talk.says("zhang", f"提醒我周五给{NAME}发配置表")
    talk.says("zhang", f"客户 {NAME}")


# To see and to put right


def test_all_that_is_held_of_a_customer_comes_as_a_file_without_whole_numbers(talk):
    known(talk)

    did = talk.says("zhang", f"资料 {NAME}")

    page = next(a for a in did if isinstance(a, File))
    assert page.to == "zhang"
    assert NAME in page.name
    assert "139****2222" in page.text
    assert PHONE not in page.text
    assert "续航" in page.text
    assert "冬天续航怎么样" in page.text
    assert "预约" in page.text


def test_somebody_else_s_customer_is_not_shown(talk):
    known(talk)

    assert NAME not in "".join(str(a) for a in talk.says("lina", f"资料 {NAME}")
                               if not isinstance(a, Send))  # fmt: skip
    assert "没有" in talk.texts("lina")


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [("称呼 王姐", "name", "王姐"), ("电话：13800001234", "phone", "13800001234"),
     ("车型 M8", "model", "M8")],
)  # fmt: skip
def test_what_is_wrong_is_put_right(talk, words, field, value):
    talk.says("zhang", f"更正 王女士 {words}")

    assert getattr(talk.customer("wang"), field) == value
    assert events.last(talk.db, "wang", "更正") is not None
    assert "13800001234" not in talk.texts()


def test_a_number_that_is_none_is_not_taken(talk):
    talk.says("zhang", "更正 王女士 电话 12345")

    assert talk.customer("wang").phone == ""
    assert "11位" in talk.texts()


# To refuse and to come back


def test_who_opted_out_comes_back_only_with_their_own_words(talk):
    talk.says("zhang", "记录 王女士 退订")
    talk.says("zhang", "恢复 王女士")
    assert "原话" in talk.texts()
    assert talk.customer("wang").opted_out_at

    talk.says("zhang", "恢复 王女士：以后有活动可以告诉我")

    assert talk.customer("wang").opted_out_at is None
    ledger = consents.of(talk.db, "wang")
    assert {(c.what, c.given) for c in ledger} == {("营销消息", True), ("营销消息", False)}
    assert "以后有活动可以告诉我" in {c.words for c in ledger}


def test_coming_back_by_mistake_is_taken_back(talk):
    talk.says("zhang", "记录 王女士 退订")
    talk.says("zhang", "恢复 王女士：可以发")
    talk.says("zhang", "撤销")

    assert talk.customer("wang").opted_out_at is not None


def test_the_ledger_of_consent_keeps_what_and_the_words(talk):
    talk.says("zhang", "同意 王女士 活动通知：她说有车展叫她")
    talk.says("zhang", "同意 王女士 不同意存档：聊天别存")
    talk.says("zhang", "同意 王女士")

    assert "同意活动通知“她说有车展叫她”" in talk.texts()
    assert "拒绝存档“聊天别存”" in talk.texts()


# To be forgotten


def test_every_table_says_where_it_keeps_a_customer():
    db = Database(memory=True)
    migrations.apply(db)
    ours = {name for name in db.table_names() if not name.startswith(("sqlite_", "_"))}

    assert ours == set(erasure.PLACES)
    for table, place in erasure.PLACES.items():
        assert {*place.columns, *place.texts} <= {c.name for c in db[table].columns}, table
        if place.how in ("delete", "unname"):
            assert {*place.keys} | {*place.columns, *db[table].pks} == {
                *db[table].pks,
                *place.columns,
            }
            assert set(db[table].pks) <= {*place.keys, *place.columns}, table


def left_over(db, signs):
    """Where in the store one of these still stands."""
    found = []
    for table in erasure.PLACES:
        for row in db.rows(f"select * from {table}"):
            found += [(table, sign) for sign in signs if sign in json.dumps(row, default=str)
                      or sign in str(row)]  # fmt: skip
    return found


def test_nothing_of_a_customer_is_left_anywhere(talk):
    known(talk)
    with talk.db.atomic():
        row = inbox.Kept("m1", "app", KEY, f"<xml>客户{NAME}问 {PHONE}</xml>")
        inbox.keep(talk.db, row, talk.now)
        inbox.done(talk.db, "m1", talk.now, "")
        body = json.dumps({"text": f"{NAME}｜{KEY}"})
        outbox.put(talk.db, parcel_id="p1", cause="m1", kind="text", target="zhang", body=body,
                   digest="d", now=talk.now)  # fmt: skip
    assert left_over(talk.db, [NAME])

    did = talk.says("zhang", f"删除资料 {NAME}")
    assert isinstance(did[-1], Card)
    assert "不能恢复" in did[-1].desc
    assert talk.customer(KEY)  # nothing is gone by one word
    talk.taps("zhang", "确认删除")

    assert left_over(talk.db, [NAME, PHONE, KEY]) == []
    assert "凭证编号" in talk.texts()
    assert "凭证编号" in talk.texts("chen")
    assert NAME not in talk.texts("chen")
    assert talk.db.rows("select count(*) as n from script_uses")[0]["n"]  # figures stay true


def test_second_thoughts_leave_everything(talk):
    known(talk)
    talk.says("zhang", f"删除资料 {NAME}")
    talk.taps("zhang", "先不删")

    assert talk.customer(KEY).name == NAME
    talk.says("zhang", "确认删除")
    assert talk.customer(KEY)


def test_others_of_the_store_are_not_touched(talk):
    known(talk)
    talk.says("zhang", "客户王女士问：后排空间大不大")
    before = talk.db.rows("select * from tags where customer = 'wang'")
    talk.says("zhang", f"删除资料 {NAME}")
    talk.says("zhang", "确认删除")

    assert talk.db.rows("select * from tags where customer = 'wang'") == before
    assert before


def test_an_opt_out_outlives_the_data(talk):
    known(talk)
    talk.says("zhang", f"记录 {NAME} 退订")
    talk.says("zhang", f"删除资料 {NAME}")
    talk.says("zhang", "确认删除")

    fields = {"ChangeType": "add_external_contact", "UserID": "zhang", "ExternalUserID": KEY,
              "WelcomeCode": "code"}  # fmt: skip
    talk.tell(Inbound("back", "contact", "event", "zhang", talk.now,
                      event="change_external_contact", fields=fields))  # fmt: skip

    assert talk.customer(KEY).opted_out_at is not None
    assert not [a for a in talk.did if type(a).__name__ == "Welcome"]
    assert talk.db.rows("select * from followups where customer = :c", c=KEY) == []


def test_a_visitor_of_the_service_chat_asks_for_themselves(talk):
    def says(text):
        fields = {"origin": 3, "text": {"content": text}}
        return talk.tell(Inbound(f"k{talk.count}", "kf", "text", "wmvisitor", talk.now, text,
                                 to="kf1", fields=fields))  # fmt: skip

    says("冬天续航能跑多少")
    told = next(a.text for a in says("我的资料") if type(a).__name__ == "KfText")
    assert "续航" in told
    did = says("删除我的资料")

    assert "已全部删除" in next(a.text for a in did if type(a).__name__ == "KfText")
    assert customers.get(talk.db, "wmvisitor") is None
    assert left_over(talk.db, ["wmvisitor"]) == []


# In the file


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[storage]\nurl = "sqlite:///salesbot.db"\n')
    store = Sqlite(tmp_path / "salesbot.db")
    store.migrate()
    yield path, store, tmp_path
    store.close()


def forget(store, talk):
    ctx = talk.ctx()
    with store.atomic():
        found = customers.get(store, KEY)
        privacy.forget(found, "zhang", "test", type(ctx)(**{**_fields(ctx), "db": store}))
    store.settle()


def _fields(ctx):
    return {n: getattr(ctx, n) for n in type(ctx).__dataclass_fields__ if not n.startswith("_")}


def fill(store, now):
    with store.atomic():
        customers.add(store, Customer(id=KEY, name=NAME, owner="zhang", phone=PHONE, added_at=now))
        for n in range(200):
            at = now + timedelta(minutes=n)
            customers.said(store, msg_id=f"m{n}", customer_id=KEY, who="customer", member="zhang",
                           text=f"{NAME}说的第{n}句", now=at, source="kf")  # fmt: skip


def test_not_a_byte_of_them_is_left_in_the_files(shop, talk):
    _, store, folder = shop
    fill(store, talk.now)
    forget(store, talk)

    for file in folder.glob("salesbot.db*"):
        content = file.read_bytes()
        assert not any(sign.encode() in content for sign in (NAME, PHONE, KEY)), file


async def test_the_program_notes_it_beside_the_store_and_empties_the_log(shop, talk):
    _, store, folder = shop
    fill(store, talk.now)
    store.close()
    writer = Writer(lambda: Sqlite(folder / "salesbot.db"), asyncio.get_running_loop())
    await writer.start()
    fields = _fields(talk.ctx())

    def erase(db):
        ctx = Ctx(**{**fields, "db": db})
        privacy.forget(customers.get(db, KEY), "zhang", "test", ctx)

    await writer.do(erase)
    found = records.read(records.place(folder / "salesbot.db"))
    log = (folder / "salesbot.db-wal").read_bytes()
    await writer.close()

    assert found is not None
    assert len(found[1]) == 1
    assert KEY.encode() not in log


async def test_a_note_that_cannot_be_written_fails_nobody_and_is_tried_again(shop, talk):
    _, store, folder = shop
    fill(store, talk.now)
    forget_at = records.place(folder / "salesbot.db").with_name("salesbot.db.erased.new")
    forget_at.mkdir()  # in the way of the file
    with pytest.raises(OSError, match="directory"):
        forget(store, talk)
    forget_at.rmdir()

    store.settle()

    assert records.read(records.place(folder / "salesbot.db")) is not None


def test_a_backup_from_before_brings_nobody_back(shop, talk):
    config, store, folder = shop
    fill(store, talk.now)
    run = CliRunner().invoke
    assert run(main, ["--config", str(config), "backup", str(folder / "old.bak")]).exit_code == 0
    forget(store, talk)
    store.close()

    said = run(main, ["--config", str(config), "restore", str(folder / "old.bak")])

    assert said.exit_code == 0
    assert "已再次删除" in said.output
    content = (folder / "salesbot.db").read_bytes()
    assert not any(sign.encode() in content for sign in (NAME, PHONE, KEY))


def test_records_that_cannot_be_read_stop_a_restore(shop, talk):
    config, store, folder = shop
    run = CliRunner().invoke
    run(main, ["--config", str(config), "backup", str(folder / "old.bak")])
    store.close()
    records.place(folder / "salesbot.db").write_text("{")

    said = run(main, ["--config", str(config), "restore", str(folder / "old.bak")])

    assert said.exit_code == 1
    assert "不恢复" in said.output + (said.stderr or "")


# What time takes away


def test_what_is_believed_of_the_silent_fades_after_a_year(talk):
    talk.says("zhang", "客户王女士问：落户在杭州，家用")
    assert customers.tags(talk.db, "wang", talk.now)
    talk.db.run("update tags set expires_at = null")
    talk.wait(minutes=1)  # the night's timer is set
    talk.now += timedelta(days=366)
    talk.wait(minutes=2)  # so long a leap may be a wrong clock: a day's grace
    talk.now += timedelta(days=2)
    talk.wait(minutes=2)

    assert talk.db.rows("select * from tags where customer = 'wang'") == []
    assert talk.db.rows("select * from script_uses where question <> ''") == []
