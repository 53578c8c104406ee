"""The console: who gets in, what each may open, what leaves it as a file."""

import csv
import hashlib
import html
import io
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import python_calamine
from console_kit import Visit, ask, both, cast, link_of

from bot import server
from bot.commands import bench
from bot.commands.figures import Size
from bot.console import export
from bot.console.pages import STATIC
from bot.console.routes import LIFE, RULES, Console, Place
from bot.console.setup import Setup
from bot.sandbox import demo
from bot.sidebar.session import Keyring
from handlers import commands
from handlers.analytics import ANALYSES
from handlers.console import pages, parts, people, reports
from handlers.tables import Column, Table
from handlers.values import Inbound
from storage import audit, console, customers, events, outbox, passes, stats, wide
from storage import watch as watched
from storage.db import stamp
from storage.sqlite import Sqlite
from storage.watch import Alert

ROOT = Path(__file__).parents[1]
CHART = "87364cc2b2a76a6684929e7d6b80b18a897794db38400caff1fcf1791c6925d2"


@pytest.fixture
async def door(played):
    """10:00 on a working day; opens browsers."""
    played.clock.add(timedelta(hours=1))
    cast(played)
    opened = []

    async def visit(who=""):
        http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        opened.append(http)
        found = Visit(played, http)
        return await found.enter(who) if who else found

    visit.stage = played
    yield visit
    for http in opened:
        await http.close()


async def say(stage, who, text):
    """What somebody gets back from the bot."""
    seen = len(stage.pretend.received())
    await stage.say("app", who, text)
    await stage.running.app.idle()
    return "\n".join(i["text"] for i in stage.pretend.received()[seen:] if i["to"] == who)


# Coming in


async def test_a_manager_is_let_in_by_wecom_s_word_alone(door):
    visit = await door()

    status, page = await visit.oauth("chen")

    assert (status, "今天 · 3月6日" in page) == (200, True)
    cookie = visit.cookie
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/console/")
    assert int(cookie["max-age"]) == LIFE.total_seconds()
    assert not cookie["secure"]  # the sandbox has no certificate


async def test_each_login_begins_a_session_of_its_own(door):
    visit = await door()
    await visit.oauth("chen")
    first = visit.cookie.value
    await visit.oauth("chen")

    assert visit.cookie.value != first


@pytest.mark.parametrize("who", ["zhang", "li", "stranger"])
async def test_whoever_is_no_manager_is_told_so_politely(door, who):
    visit = await door()

    status, page = await visit.oauth(who)

    assert (status, "看板给店长和运营用" in page) == (403, True)
    assert visit.cookie is None


async def test_a_code_works_only_in_the_browser_that_was_sent_for_it(door):
    visit, other = await door(), await door()
    await visit.get("oauth")
    code = door.stage.pretend.api.codes.give("chen")

    assert (await other.get("login", code=code, state="x"))[0] == 403
    assert other.cookie is None


async def test_without_a_session_there_is_nothing_but_the_way_in(door):
    visit = await door()

    status, page = await visit.get("customers")

    assert (status, "用企业微信登录" in page) == (401, True)
    assert "先生" not in page


async def test_inside_wecom_the_way_in_takes_no_tap(door):
    visit = await door()
    visit.http.headers["User-Agent"] = "wxwork/4.1 MicroMessenger/7.0.1"

    assert (await visit.get("funnel"))[0] == 302
    assert visit.answer.headers["Location"] == "/console/oauth"


# By a link of the chat


async def test_the_chat_gives_a_link_that_opens_once(door):
    link = link_of(await say(door.stage, "chen", "看板"))
    visit, other = await door(), await door()
    for _ in range(2):  # a preview of the link does not use it up
        assert "打开看板" in (await visit.get("in", link=link))[1]

    assert (await visit.post("in", link=link))[0] == 302
    assert (await visit.get())[0] == 200
    status, page = await other.post("in", link=link)
    assert (status, "已经用过一次" in page) == (403, True)
    assert "已经用过一次" in (await other.get("in", link=link))[1]
    assert other.cookie is None


async def test_an_old_link_and_one_we_did_not_give_open_nothing(door):
    visit = await door()
    link = link_of(await say(door.stage, "chen", "控制台"))
    forged = link[:-1] + ("0" if link[-1] != "0" else "1")
    door.stage.clock.add(timedelta(minutes=11))

    assert "过了10分钟" in (await visit.post("in", link=link))[1]
    for text in (forged, "", "x", link.partition(".")[0], "é.é"):
        status, page = await visit.post("in", link=text)
        assert (status, "不是这个程序给的" in page) == (403, True), text


async def test_a_link_is_not_used_from_another_site(door):
    link = link_of(await say(door.stage, "chen", "看板"))
    visit = await door()

    assert (await visit.post("in", origin="https://evil.example", link=link))[0] == 403
    assert (await visit.post("in", link=link))[0] == 302


async def test_an_operator_on_no_other_list_gets_one_and_an_advisor_none(door):
    stage = door.stage
    ctx = stage.running.app
    texts = {}
    for who in ("opera", "zhang", "nobody"):
        texts[who] = await ask(stage, lambda db, who=who: told(ctx, db, who))

    assert "/console/in?link=" in texts["opera"]
    assert "看板给店长和运营用" in texts["zhang"]
    assert "不在使用名单" in texts["nobody"]


def told(app, db, who):
    ctx = app.ctx(db, f"m-{who}", app.clock.now())
    msg = Inbound(f"m-{who}", "app", "text", who, ctx.now, "看板")
    return "\n".join(a.text for a in commands.text(msg, ctx) if a.to == who)


def test_where_there_is_no_address_the_chat_says_what_to_fill_in(talk):
    talk.says("chen", "看板")

    assert "public_url" in talk.texts("chen")


# Sessions


async def test_leaving_ends_the_session_even_for_a_copy_of_its_cookie(door):
    visit, thief = await door(), await door()
    await visit.oauth("chen")
    cookie = visit.cookie.value
    await visit.get()
    assert (await visit.post("out", token=visit.token))[0] == 200
    thief.wear(cookie)

    assert (await thief.get())[0] == 401


async def test_a_session_grows_old(door):
    visit = await door("chen")
    assert (await visit.get())[0] == 200
    door.stage.clock.add(LIFE + timedelta(minutes=1))

    assert (await visit.get())[0] == 401


async def test_a_session_of_the_sidebar_opens_no_console(door):
    cookie, session = await Keyring(door.stage.running.writer, door.stage.clock).begin("chen")
    now = door.stage.clock.now()
    await ask(door.stage, lambda db: passes.begin(db, session.nonce, "chen", now))
    visit = await door()
    visit.wear(cookie)

    assert (await visit.get())[0] == 401


async def test_whoever_is_taken_off_the_list_is_out_at_once(door):
    visit = await door("chen")
    app = door.stage.running.app
    app.settings = app.settings.model_copy(update={"managers": ()})
    app.team = type(app.team)(app.settings)

    assert (await visit.get())[0] == 403


async def test_without_an_address_from_outside_it_says_what_to_fill_in(played):
    running = played.running
    shut = Console(running.app, running.client, Place("", "", "", 1, ""), lambda: None,
                   Setup(lambda: running.config))  # fmt: skip
    answers = {route.path: await route.handler(None) for route in shut.routes()}

    assert {answer.status for answer in answers.values()} == {503}
    assert b"public_url" in answers["/console/"].body


# Who may open what

FIGURES = {"", "funnel", "stores", "groups", "scripts", "activities", "alerts",
           "analyses", "whatif", "sop", "calendar"}  # fmt: skip
NAMED = {"customers", "customer"}
COMMUNITY = {"groups", "activities", "calendar", "alerts"}
RUNNING = {"operations", "library", "script", "lexicon", "settings"}
MAY = {
    "chen": FIGURES | NAMED | {"advisors"}, "city": FIGURES | NAMED | {"advisors"},
    "brand": FIGURES,
    "opera": FIGURES | {"advisors"} | RUNNING, "zhang": set(), "stranger": set(),
    "wuqi": COMMUNITY,
}  # fmt: skip


def test_every_address_has_its_rule_and_no_rule_lacks_its_address(played):
    def ours(route):
        return route.path.startswith("/console") and not re.search(r"/(connect|static)\b",
                                                                   route.path)  # fmt: skip

    found = server.routes(played.running, {}, 3600)
    addresses = {(route.method, route.path) for route in found if ours(route)}

    assert addresses == set(RULES)
    assert all(RULES.values())
    assert {path.removeprefix("/console/") for _, path in RULES} >= FIGURES | NAMED


@pytest.mark.parametrize("who", [*MAY, "", "stale"])
async def test_each_role_opens_its_own_pages_and_no_other(door, who):
    visit = await door("chen" if who == "stale" else who)
    if who == "stale":
        door.stage.clock.add(LIFE * 2)
    for name in pages.PAGES:
        status, _ = await visit.get(name, id="wang")
        expected = 401 if who in ("", "stale") else 200 if name in MAY[who] else 403
        if (who, name) == ("wuqi", ""):
            expected = 302
            assert visit.answer.headers["Location"] == "/console/groups"
        assert status == expected, name
    for path in ("out", "replay"):
        status, _ = await visit.post(path, token="x")
        assert status == (401 if who in ("", "stale") else 403), path


async def test_who_runs_groups_sees_groups_alone(door):
    visit = await door("wuqi")
    now = door.stage.clock.now()
    seen = (("g1", "bj-cy", "wang"), ("", "bj-cy", "zhang"), ("g9", "gz-th", "c009"))
    found = [Alert(f"a{n}", "投诉", chat, store, about, "原话", f"第{n}条", str(n), "zhang",
                   "待处理", now, now) for n, (chat, store, about) in enumerate(seen)]  # fmt: skip
    await ask(door.stage, lambda db: [watched.put(db, one) for one in found])

    door.stage.clock.add(timedelta(minutes=1))
    pages_ = {name: (await visit.get(name))[1] for name in sorted(COMMUNITY)}

    menu = re.search(r'<nav aria-label="页面">(.*?)</nav>', pages_["groups"], re.S)[1]
    assert set(re.findall(r'href="/console/(\w*)"', menu)) == COMMUNITY
    assert "第0条" in pages_["alerts"]
    assert not {"第1条", "第2条"} & set(re.findall(r"第\d条", pages_["alerts"]))
    assert "一对一 SOP" not in pages_["activities"]
    assert "先生" not in "".join(pages_.values())
    assert (await visit.get("alerts", store="gz-th"))[0] == 404


async def test_a_page_without_a_rule_is_open_to_nobody(door, monkeypatch):
    rules = {key: roles for key, roles in RULES.items() if key != ("GET", "/console/funnel")}
    monkeypatch.setattr("bot.console.routes.RULES", rules)
    visit = await door("chen")

    assert (await visit.get("funnel"))[0] == 403


# Scope

SECRET = "慕容"


async def everything(visit):
    """All pages and all their tables as files, as one text."""
    found = []
    for name, shown in pages.PAGES.items():
        status, page = await visit.get(name, days="90")
        found.append(page)
        for table in re.findall(r"as=csv&amp;table=([\w-]+)|table=([\w-]+)&amp;as=csv", page):
            status, text = await visit.get(name, days="90", **{"as": "csv", "table": max(table)})
            assert status == 200, (shown.menu, table)
            found.append(text)
    return "\n".join(found)


def trouble(db, key, now):
    """Something of every kind that a page would tell of."""
    for n, kind in enumerate(("投诉", "到店", "未到店", "战败")):
        events.add(db, event_id=f"x-{key}-{n}", customer=key, kind=kind, when=now,
                   source="advisor", evidence=f"{SECRET}说的", by_whom="he")  # fmt: skip
    db.run("update followups set origin_at = :at, risk_at = :at where customer = :c",
           at=now - timedelta(days=9), c=key)  # fmt: skip
    customers.change(db, key, name=f"{SECRET}女士", spoke_at=now - timedelta(hours=2),
                     contacted_at=None)  # fmt: skip


@pytest.mark.parametrize(("who", "sees"), [("lin", True), ("chen", False), ("city", False),
                                           ("brand", False), ("opera", False)])  # fmt: skip
async def test_a_customer_is_named_to_their_store_s_manager_only(door, who, sees):
    stage = door.stage
    (key,) = await ask(stage, lambda db: [r["id"] for r in db.rows(
        "select id from customers where store = 'gz-th' order by id limit 1")])  # fmt: skip
    await ask(stage, lambda db: trouble(db, key, stage.clock.now()))
    visit = await door(who)

    assert (SECRET in await everything(visit)) == sees
    assert (await visit.get("customer", id=key))[0] == (200 if sees else 403 if who in (
        "brand", "opera") else 404)  # fmt: skip


async def test_a_guessed_id_and_somebody_else_s_look_the_same(door):
    visit = await door("chen")
    theirs = await ask(door.stage, lambda db: db.rows(
        "select id from customers where store = 'gz-th' limit 1")[0]["id"])  # fmt: skip
    answers = {await visit.get("customer", id=key) for key in (theirs, "nobody", "", "wang' or 1")}
    stores = {await visit.get("funnel", store=key) for key in ("gz-th", "none")}

    assert {status for status, _ in answers | stores} == {404}
    assert len(answers) == len(stores) == 1


async def test_the_brand_reads_every_store_s_figures(door):
    brand, chen = await door("brand"), await door("chen")

    _, page = await brand.get("stores")

    assert [name for name in ("朝阳店", "海淀店", "天河店") if name not in page] == []
    assert "天河店" not in (await chen.get("stores"))[1]


async def test_a_store_is_chosen_among_one_s_own(door):
    city = await door("city")
    _, both = await city.get("stores")
    _, one = await city.get("stores", store="bj-hd")

    rows = [page.count('<a class="cell') for page in (both, one)]
    assert rows == [2, 1]


# Customers


async def test_customers_are_found_by_name_and_by_what_they_are(door):
    visit = await door("chen")
    now = door.stage.clock.now()
    await ask(door.stage, lambda db: customers.change(db, "wang", name="王_100%", level="H"))
    await ask(door.stage, lambda db: customers.tag(db, "wang", kind="concern", code="resale",
                                                   now=now))  # fmt: skip

    for query in ({"q": "_100%"}, {"q": "王_", "level": "H"}, {"concern": "resale", "q": "100"}):
        _, page = await visit.get("customers", **query)
        assert named(page) == ["王_100%"], query
    assert named((await visit.get("customers", q="_100%", level="A"))[1]) == []
    assert named((await visit.get("customers", q="王%"))[1]) == []


def named(page):
    found = re.findall(r'<a class="cell[^"]*" href="/console/customer\?id=[^"]*">(.*?)</a>', page)
    return [html.unescape(name) for name in found]


async def test_every_customer_stands_on_exactly_one_page(door, monkeypatch):
    monkeypatch.setattr(people, "PAGE", 7)
    visit = await door("city")
    found, query = [], {}
    while True:
        _, page = await visit.get("customers", **query)
        found += named(page)
        more = re.search(r'class="button" href="/console/customers\?after=([^"&]*)', page)
        if not more:
            break
        query = {"after": unquote_plus(more[1])}

    kept = await ask(door.stage, lambda db: [r["name"] for r in db.rows(
        "select name from customers where store in ('bj-cy', 'bj-hd')")])  # fmt: skip
    assert len(kept) > 14
    assert found == sorted(kept)


async def test_who_looked_at_a_customer_is_kept(door):
    visit = await door("chen")
    await visit.get("customer", id="wang")
    await visit.get("customer", id="wang", **{"as": "csv", "table": "events"})

    seen = await ask(door.stage, lambda db: audit.about(db, "wang"))
    assert [(r["who"], r["what"]) for r in seen] == [("chen", "show")] * 2
    assert await ask(door.stage, audit.broken) is None
    assert "陈静" in (await visit.get("customer", id="wang"))[1]


# 重发


def break_down(db, now):
    sql = """insert into inbox (id, seq, channel, lane, body, received_at, state, attempts, error)
        values ('bad', 9999, 'app', 'zhang', '{}', :now, 'failed', 1, 'ValueError: 13912345678')"""
    db.run(sql, now=now)
    for key, state in (("dead", "dead"), ("lost", "unknown")):
        outbox.put(db, parcel_id=key, cause="c", kind="text", target="zhang", body="{}",
                   digest="d", now=now)  # fmt: skip
        db.run("update outbox set state = :s, error = '81013' where id = :i", s=state, i=key)


async def test_what_failed_is_tried_again_by_one_tap(door):
    await ask(door.stage, lambda db: break_down(db, door.stage.clock.now()))
    visit = await door("opera")
    _, page = await visit.get("operations")
    assert page.count("重发</button>") == 2  # nobody knows whether the third arrived
    assert "13912345678" not in page

    for what, key in (("inbox", "bad"), ("outbox", "dead")):
        await visit.post("replay", token=visit.token, what=what, id=key)
        assert visit.answer.headers["Location"] == "/console/operations?done=yes"
    states = await ask(door.stage, lambda db: [
        db.rows(f"select state from {t} where id = :i", i=i)[0]["state"]
        for t, i in (("inbox", "bad"), ("outbox", "dead"), ("outbox", "lost"))])  # fmt: skip

    assert states == ["new", "waiting", "unknown"]
    assert "已重新排队" in (await visit.get("operations", done="yes"))[1]


@pytest.mark.parametrize("form", [
    {"what": "inbox", "id": "bad"}, {"what": "inbox", "id": "bad", "token": "guess"},
    {"what": "inbox", "id": "bad", "token": "own", "origin": "https://evil.example"},
    {"what": "inbox", "id": "bad", "token": "theirs"},
])  # fmt: skip
async def test_nobody_else_s_page_can_press_the_button(door, form):
    await ask(door.stage, lambda db: break_down(db, door.stage.clock.now()))
    visit, other = await door("opera"), await door("opera")
    await visit.get("operations")
    await other.get("operations")
    tokens = {"own": visit.token, "theirs": other.token}
    sent = {**form, "token": tokens.get(form.get("token"), form.get("token", ""))}

    assert (await visit.post("replay", **sent))[0] == 403
    failed = await ask(door.stage, lambda db: db.rows(
        "select 1 from inbox where id = 'bad' and state = 'failed'"))  # fmt: skip
    assert failed


@pytest.mark.parametrize(("what", "key"), [("inbox", "none"), ("outbox", "lost"), ("x", "bad")])
async def test_what_is_not_there_is_not_sent_again(door, what, key):
    await ask(door.stage, lambda db: break_down(db, door.stage.clock.now()))
    visit = await door("opera")
    await visit.get("operations")
    await visit.post("replay", token=visit.token, what=what, id=key)

    assert visit.answer.headers["Location"].endswith("done=no")


# Files


def rows_of(body):
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


def book_of(body, tmp_path):
    path = tmp_path / "t.xlsx"
    path.write_bytes(body)
    return python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()


async def test_a_table_is_a_file_with_the_same_rows(door, tmp_path):
    visit = await door("chen")
    await visit.get("advisors", **{"as": "csv", "table": "advisors"})
    as_csv = rows_of(visit.body)
    assert "attachment" in visit.answer.headers["Content-Disposition"]
    await visit.get("advisors", **{"as": "xlsx", "table": "advisors"})
    book = book_of(visit.body, tmp_path)

    assert [row[0] for row in as_csv] == ["顾问", "张伟", "李娜", "王强"]
    assert [row[0] for row in book[:4]] == ["顾问", "张伟", "李娜", "王强"]
    assert [float(cell) for cell in as_csv[1][2:5]] == book[1][2:5]
    noted = await ask(door.stage, lambda db: [r["what"] for r in db.rows("select what from audit")])
    assert noted.count("console export advisors 3") == 2


async def test_a_file_holds_more_than_a_page_and_says_where_it_ends(door, monkeypatch):
    monkeypatch.setattr(people, "PAGE", 5)
    visit = await door("chen")
    await visit.get("customers", **{"as": "csv", "table": "customers"})
    assert len(rows_of(visit.body)) > 40

    monkeypatch.setattr(parts, "WHOLE", 8)
    await visit.get("customers", **{"as": "csv", "table": "customers"})

    found = rows_of(visit.body)
    assert len(found) == 10
    assert "最多8行" in found[-1][0]


@pytest.mark.parametrize("query", [
    {"as": "pdf", "table": "stores"}, {"as": "csv", "table": "customers"}, {"as": "csv"},
])  # fmt: skip
async def test_there_is_no_other_file(door, query):
    visit = await door("chen")

    assert (await visit.get("stores", **query))[0] == 404


async def test_who_may_not_open_a_page_gets_no_file_of_it(door):
    visit = await door("brand")

    assert (await visit.get("customers", **{"as": "csv", "table": "customers"}))[0] == 403


# Hostile names

HOSTILE = (
    "<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", "{{7*7}}{% raw %}",
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", "'\"><b>", "\u202e倒着",
    "😀" * 2000, "a\x00b\x0b", "王\u200d\u200f", "\ud83d", "${7*7}", "javascript:alert(1)",
    "</title>",
)  # fmt: skip


def spoil(db, now):
    """The demo's own customers take these names, and each of them has trouble."""
    ids = [r["id"] for r in db.rows("select id from customers where store = 'bj-cy' order by id")]
    for key, name in zip(ids, HOSTILE, strict=False):
        name = name.encode("utf-8", "replace").decode().replace("\x00", "")
        trouble(db, key, now)
        customers.change(db, key, name=name, model=name)
        db.run("update events set evidence = :n where customer = :c", n=name, c=key)
        db.run("update groups set name = :n where chat_id = 'g1'", n=HOSTILE[0])


async def test_a_hostile_name_is_only_text_on_every_page_and_in_every_file(door, tmp_path):
    stage = door.stage
    await ask(stage, lambda db: spoil(db, stage.clock.now()))
    both(stage)
    visit = await door("chen")

    for name in pages.PAGES:
        status, page = await visit.get(name, id="wang", days="90")
        assert status == 200, name
        assert "<script>window" not in page
        assert "<img" not in page
        assert "<b>" not in page.replace("<b>看板</b>", "").replace("</span><b>", "")
        scripts = re.findall(r"<script[^>]*>", page)
        assert all("src=" in tag for tag in scripts)
        assert "onerror=" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", page)
    _, page = await visit.get("customers")
    assert "{{7*7}}" in html.unescape(page)
    assert "<script>window.hit=1</script>" in named(page)

    await visit.get("customers", **{"as": "csv", "table": "customers"})
    for row in rows_of(visit.body)[1:]:
        assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "＝")), row[0]
    await visit.get("customers", **{"as": "xlsx", "table": "customers"})
    assert {"=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)"} <= {
        row[0] for row in book_of(visit.body, tmp_path)
    }


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", [export.CSV, export.XLSX])
def test_a_file_takes_any_name(name, kind, tmp_path):
    table = Table("t", "表", (Column("name", name), Column("n", "数", "share")), ((name, 0.5),
                  (None, None)))  # fmt: skip

    body = export.written(table, kind, ZoneInfo("Asia/Shanghai"))

    if kind == export.CSV:
        assert not rows_of(body)[1][0].startswith(("=", "+", "-", "@", "\t"))
    else:
        assert book_of(body, tmp_path)[1][1] == 0.5


# What is served with a page


async def test_no_page_may_run_or_load_anything_of_others(door):
    visit = await door("chen")
    for name in pages.PAGES:
        await visit.get(name, id="wang")
        policy = visit.answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert visit.answer.headers["Cache-Control"] == "no-store"
        assert visit.answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await visit.get("files/console.js"))[0] == 200
    assert (await visit.get("files/..%2froutes.py"))[0] == 404


def test_the_chart_library_is_the_one_that_was_published():
    file = STATIC / "chart.umd.min.js"

    assert hashlib.sha256(file.read_bytes()).hexdigest() == CHART
    assert "Chart.js 4.6.1" in (ROOT / "NOTICE").read_text(encoding="utf-8")


# Sorting and indexes


async def test_a_table_is_sorted_by_the_column_that_is_asked_for(door):
    visit = await door("chen")
    await visit.get("advisors", **{"as": "csv", "table": "advisors", "sort": "advisors:-people"})
    falling = [int(row[2]) for row in rows_of(visit.body)[1:]]
    await visit.get("advisors", **{"as": "csv", "table": "advisors", "sort": "advisors:people"})
    rising = [int(row[2]) for row in rows_of(visit.body)[1:]]

    assert falling == sorted(falling, reverse=True)
    assert rising == sorted(rising) != falling
    assert (await visit.get("advisors", sort="advisors:none"))[0] == 200


QUERIES = [
    "select * from customers where store = 'x' and (name, id) > ('', '') order by name, id",
    "select chat_id from groups where store in ('x') and dismissed_at is null",
    "select refused from touches where refused is not null and at >= 'x' group by refused",
    "select customer from followups where risk_at is not null and state = 'open'",
    "select id from outbox where state in ('dead', 'unknown') order by seq limit 9",
    "select member from console_links where id = 'x'",
    "delete from console_sessions where begun_at < 'x'",
    "select game from games where chat_id = 'x' and started_at >= 'y'",
    "select outcome from followups where customer = 'x' and state <> 'open'",
    "select * from stars where due_at <= 'x'",
    "select store from stars where store in ('x', 'y') and rated_at >= 'x'",
    "select * from stars where customer = 'x' and made_at >= 'x'",
    "update stars set words = '' where rated_at < 'x' and words <> ''",
]  # fmt: skip


@pytest.mark.parametrize("sql", QUERIES)
def test_what_a_page_asks_has_its_index(embedded, sql):
    plan = [row["detail"] for row in embedded.rows("explain query plan " + sql)]

    assert not [step for step in plan if step.startswith("SCAN") and "USING" not in step]
    assert not [step for step in plan if "customers_page" not in step and "SCAN customers" in step]


def test_customers_and_days_are_counted_from_an_index_alone(embedded):
    """Of a million customers nothing is read but what is counted."""
    stores = {
        "customers_tiers": """select store, tier, level, count(*) from customers
            where deleted_at is null and store in ('x', 'y') group by store, tier, level""",
        "customers_counted": """select store, owner, tier, level, count(*) from customers
            where deleted_at is null and store in ('x') group by store, owner, tier, level""",
        "step_days_whole": """select kind, sum(h23) from step_days where kind in ('x', 'y')
            and store in ('a', 'b') and day >= 1 and day < 9 and gap = 0 group by kind""",
    }
    for index, sql in stores.items():
        plan = [row["detail"] for row in embedded.rows("explain query plan " + sql)]
        assert any(f"COVERING INDEX {index}" in step for step in plan), plan


def test_bars_of_one_name_bear_what_stands_beside_it():
    columns = (Column("a", "阶段"), Column("b", "环节"), Column("n", "人数", "count"))
    alike, apart = (
        (("转化", "到店", 3), ("转化", "试驾", 2)),
        (("激活", "开口", 3), ("留存", "再聊", 2)),
    )

    assert reports.picture(Table("t", "漏斗", columns, alike)).labels == ("到店", "试驾")
    assert reports.picture(Table("t", "漏斗", columns, apart)).labels == ("激活", "留存")
    both = (*alike, ("收入", "下订", 1))
    assert reports.picture(Table("t", "漏斗", columns, both)).labels[0] == "转化·到店"


# The figures


async def test_the_figures_are_those_of_the_rows(door):
    """Two customers came to the store today, one of them twice."""
    stage = door.stage
    now = stage.clock.now()
    for n, key in enumerate(("wang", "li", "wang")):
        await ask(stage, lambda db, n=n, key=key: events.add(
            db, event_id=f"v{n}", customer=key, kind="到店", when=now - timedelta(minutes=n),
            source="advisor"))  # fmt: skip
    visit = await door("chen")

    await visit.get("funnel", days="1", **{"as": "csv", "table": "funnel"})
    steps = {row[0]: row for row in rows_of(visit.body)}
    await visit.get("funnel", **{"as": "csv", "table": "trend"})
    last = rows_of(visit.body)[-1]
    await visit.get("stores", days="1", **{"as": "csv", "table": "stores"})
    store = dict(zip(*rows_of(visit.body), strict=True))

    assert steps["到店"][1] == "2"
    assert steps["到店"][2] == ""  # of too few there is no share
    assert (last[0], last[3]) == ("2026-03-06", "2")
    assert (store["门店"], store["到店"]) == ("朝阳店", "2")


async def test_an_alert_says_who_owns_it_and_how_it_ended(door):
    stage = door.stage
    now = stage.clock.now()
    for key in ("wang", "li"):
        await ask(stage, lambda db, key=key: events.add(
            db, event_id=f"c{key}", customer=key, kind="投诉", when=now - timedelta(hours=1),
            source="message", evidence="空调坏了"))  # fmt: skip
    await ask(stage, lambda db: db.run(
        """insert into followups (id, customer, advisor, kind, due_at, reason, say, state,
            origin_at, overdue, created_at, closed_at, outcome)
        values ('f', 'li', 'zhang', 'own', :t, '', '', 'done', :t, 0, :t, :t, '已赔付')""",
        t=stamp(now)))  # fmt: skip
    visit = await door("chen")

    await visit.get("alerts", **{"as": "csv", "table": "alerts"})
    found = {row[0]: row for row in rows_of(visit.body)[1:]}

    assert (found["王女士"][3], found["王女士"][6]) == ("张伟", "待处理")
    assert (found["李先生"][6], found["李先生"][8]) == ("已了结", "已赔付")


async def test_every_analysis_is_shown_as_it_comes(door):
    visit, brand = await door("chen"), await door("brand")
    for name, one in ANALYSES.items():
        status, page = await visit.get("analyses", name=name)
        assert (status, html.escape(one.title) in page) == (200, True), name
        assert (await brand.get("analyses", name=name))[0] == (404 if one.personal else 200)
    assert (await visit.get("analyses", name="none"))[0] == 404


def test_the_figures_do_not_depend_on_how_the_rows_are_joined(demo_store):
    """Of eleven stores it begins with what happened, of three with the customers."""
    db = Sqlite(demo_store)
    few = ("bj-cy", "bj-hd", "gz-th")
    many = (*few, *(f"none-{n}" for n in range(wide.WIDE)))
    since, until = demo.START - timedelta(days=60), demo.START
    asked = (
        lambda s: stats.funnel(db, s, since, until),
        lambda s: stats.happened(db, s, ("级别", "到店"), since, until),
        lambda s: stats.overdue(db, s, until),
        lambda s: sorted(map(str, console.steps(db, s, stats.FUNNEL, since, until, "owner"))),
        lambda s: console.told(db, s, ("到店",), since, 1000),
        lambda s: sorted(map(str, console.late(db, s, until))),
    )

    for look in asked:
        assert look(few) == look(many) != look(("none",))
    db.close()


def test_one_store_begins_with_its_customers_and_all_with_what_happened(embedded):
    def plan(stores):
        sql = f"""select count(*) from {wide.join("events e", stores)} where c.id = e.customer
            and {wide.among("e.kind", "'到店'", stores)} and e.at > 'x' and e.at < 'y'
            and c.store in ({", ".join(f"'{s}'" for s in stores)})"""
        return [row["detail"] for row in embedded.rows(f"explain query plan {sql}")]

    assert "events_customer" in plan(("a",))[1]
    assert "events_counted" in plan(tuple("abcdefghijklm"))[0]


async def test_the_bench_measures_every_page():
    figures = await bench.BENCHES["console"][0](Size(customers=400))

    assert {figure.bench for figure in figures} == {"console"}
    assert figures[0].ratio
    assert figures[0].against
    told = " ".join(figure.what for figure in figures)
    assert [one.menu for one in pages.PAGES.values() if one.menu and one.menu not in told] == []
    assert all(figure.ratio is None or figure.ratio > 0 for figure in figures)
