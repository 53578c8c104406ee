"""The page beside a chat: who gets in, who sees whom, what a tap does."""

import asyncio
import json
import re
import shutil
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_strangers import needs_node, node

from bot.sandbox.stage import open_stage
from bot.sandbox.world import Customer as Contact
from bot.sidebar import oauth
from bot.sidebar.oauth import Visitor
from bot.sidebar.routes import Place
from bot.sidebar.session import opened, seal
from bot.wecom.tickets import signature
from handlers import names, taps
from storage import customers, events, groups, scripts, touches
from storage import followups as owed
from storage.customers import Customer
from storage.sessions import Key

ASKED = "冬天续航怎么样，有点贵"
POSTS = [*taps.TAPS, "take"]


class Visit:
    """One browser that somebody opened the sidebar in."""

    def __init__(self, stage, http):
        self.stage, self.http, self.token, self.count = stage, http, "", 0

    @property
    def base(self):
        return f"{self.stage.url}/sidebar/"

    async def enter(self, who):
        """By the pretend OAuth page, which lets the tester be anybody."""
        async with self.http.get(self.base, allow_redirects=False) as answer:
            to = answer.headers["Location"].partition("#")[0]
        async with self.http.get(f"{to}&{urlencode({'who': who})}") as answer:
            page = await answer.text()
            found = re.search(r'data-token="(\w+)"', page)
            self.token = found[1] if found else ""
            return answer.status, page

    async def get(self, path, **query):
        async with self.http.get(self.base + path, params=query) as answer:
            return answer.status, await answer.json()

    async def post(self, path, body=None, *, token=None, **headers):
        self.count += 1
        given = {"once": f"tap-{id(self)}-{self.count}", **(body or {})}
        proof = {"X-CSRF-Token": self.token if token is None else token, **headers}
        async with self.http.post(self.base + path, json=given, headers=proof) as answer:
            return answer.status, await answer.json()

    async def do(self, path, **body):
        """About 王女士, unless something else is said; it has to work."""
        status, found = await self.post(path, {"customer": "wang", **body})
        assert status == 200, found
        return found


@pytest.fixture
async def door(played):
    """10:00 on a working day; opens browsers."""
    played.clock.add(timedelta(hours=1))
    opened_ones = []

    async def visit(who=""):
        jar = aiohttp.CookieJar(unsafe=True)  # an address is no domain
        http = aiohttp.ClientSession(cookie_jar=jar)
        opened_ones.append(http)
        found = Visit(played, http)
        if who:
            await found.enter(who)
        return found

    visit.stage = played
    yield visit
    for http in opened_ones:
        await http.close()


async def ask(stage, look):
    return await stage.running.writer.do(look)


# Coming in


async def test_a_member_is_let_in_by_wecom_s_word_alone(door):
    visit = await door()

    status, page = await visit.enter("zhang")

    assert status == 200
    assert 'data-member="张伟"' in page
    cookie = next(c for c in visit.http.cookie_jar if c.key == "salesbot_sidebar")
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/sidebar/")
    assert int(cookie["max-age"]) == 7 * 86400


async def test_the_address_asks_silently_as_the_app(door):
    visit = await door()
    async with visit.http.get(visit.base, allow_redirects=False) as answer:
        to = urlsplit(answer.headers["Location"])

    query = {name: values[0] for name, values in parse_qs(to.query).items()}
    assert to.path.endswith("/connect/oauth2/authorize")
    assert to.fragment == "wechat_redirect"
    assert query["scope"] == "snsapi_base"
    assert query["redirect_uri"] == f"{visit.base}login"
    assert (query["appid"], query["agentid"]) == ("ww5a1e5b07de000001", "1000002")
    assert re.fullmatch(r"[0-9A-Za-z]{16,128}", query["state"])


async def test_a_customer_and_a_stranger_are_sent_away(door):
    for who in ("wang", "stranger"):
        visit = await door()

        status, page = await visit.enter(who)

        assert status == 403
        assert "这里是店员的页面" in page
        assert (await visit.get("customers"))[0] == 401


async def test_a_member_on_no_list_gets_one_polite_page_and_the_operator_is_told(door, monkeypatch):
    team = door.stage.running.app.team
    monkeypatch.setitem(team.__dict__, "advisors", {})
    access = door.stage.running.app.settings.access.model_copy(update={"operators": ("chen",)})
    settings = door.stage.running.app.settings.model_copy(update={"access": access})
    monkeypatch.setattr(door.stage.running.app, "settings", settings)
    visit = await door()

    for _ in range(2):
        status, page = await visit.enter("zhang")
        assert status == 403
        assert "您还不在使用名单里" in page

    await door.stage.running.app.idle()
    told = [i for i in door.stage.pretend.received() if i["to"] == "chen"]
    assert [i["text"] for i in told] == ["zhang 打开了侧边栏，但不在任何名单里。"]
    assert (await visit.get("customers"))[0] == 401


async def come_back(visit, **change):
    """Return from the OAuth page with something changed on the way."""
    async with visit.http.get(visit.base, allow_redirects=False) as answer:
        to = answer.headers["Location"].partition("#")[0]
    async with visit.http.get(f"{to}&who=zhang", allow_redirects=False) as answer:
        back = urlsplit(answer.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(back.query).items()} | change
    async with visit.http.get(f"{visit.base}login", params=query, allow_redirects=False) as answer:
        return answer.status, await answer.text(), query


@pytest.mark.parametrize("change", [{"state": "0" * 32}, {"state": ""}, {"code": ""},
                                    {"code": "never-given"}], ids=str)  # fmt: skip
async def test_a_login_that_began_elsewhere_is_refused(door, change):
    status, page, _ = await come_back(await door(), **change)

    assert status == 403
    assert "重新进入" in page


async def test_a_code_and_a_state_of_somebody_else_s_browser_are_of_no_use(door):
    _, _, query = await come_back(await door(), state="x")
    other = await door()
    async with other.http.get(f"{other.base}login", params=query) as answer:
        assert answer.status == 403


async def test_a_code_works_once_and_five_minutes(door):
    codes = door.stage.pretend.api.codes
    spent, late = codes.give("zhang"), codes.give("zhang")
    assert codes._visitor({"code": spent}, {}) == {"userid": "zhang"}
    door.stage.clock.add(timedelta(minutes=6))

    visit = await door()
    for code in (spent, late):
        status, page, _ = await come_back(visit, code=code)
        assert (status, "重新进入" in page) == (403, True)


async def test_a_session_outlives_a_restart_and_ends_after_a_week(door, knowledge, tmp_path):
    visit = await door("zhang")
    cookie = next(c for c in visit.http.cookie_jar if c.key == "salesbot_sidebar")
    now = door.stage.clock.now()
    shutil.copytree(tmp_path, tmp_path / "later")
    async with (
        open_stage(start=now, frozen=True, knowledge=knowledge, folder=tmp_path / "later") as again,
        aiohttp.ClientSession(cookies={cookie.key: cookie.value}) as http,
    ):
        async with http.get(f"{again.url}/sidebar/customers") as answer:
            assert answer.status == 200
        again.clock.add(timedelta(days=8))
        async with http.get(f"{again.url}/sidebar/customers") as answer:
            assert answer.status == 401


async def test_a_page_opened_on_another_day_starts_a_fresh_session(door):
    visit = await door("zhang")
    first = next(c.value for c in visit.http.cookie_jar if c.key == "salesbot_sidebar")
    door.stage.clock.add(timedelta(days=2))

    async with visit.http.get(visit.base) as answer:
        assert answer.status == 200

    assert first != next(c.value for c in visit.http.cookie_jar if c.key == "salesbot_sidebar")


async def test_after_a_month_another_key_signs_and_what_the_old_one_signed_holds_its_week(door):
    visit = await door("zhang")
    door.stage.clock.add(timedelta(days=29))
    await visit.enter("zhang")
    door.stage.clock.add(timedelta(days=2))
    await (await door()).enter("lina")

    keys = await ask(door.stage, lambda db: db.rows("select id from cookie_keys"))
    assert len(keys) == 2
    assert (await visit.get("customers"))[0] == 200
    assert (await visit.post("count", {"text": "算 20万"}))[0] == 200


KEY = Key("k1", "0" * 64, None)


@given(st.text(), st.text())
def test_a_cookie_is_opened_only_as_it_was_sealed(what, noise):
    sealed = seal(KEY, "session", {"m": what})

    assert opened([KEY], "session", sealed) == {"m": what}
    assert opened([KEY], "login", sealed) is None
    assert opened([Key("k1", "1" * 64, None)], "session", sealed) is None
    assert opened([KEY], "session", noise) is None
    assert opened([KEY], "session", sealed[:-1] + ("0" if sealed[-1] != "0" else "1")) is None


ANSWERS = [
    ({"userid": "zhang"}, Visitor("zhang")),
    ({"UserId": "zhang", "DeviceId": "d"}, Visitor("zhang")),
    ({"openid": "o1", "external_userid": "wm1"}, Visitor("", "o1", "wm1")),
    ({"OpenId": "o1"}, Visitor("", "o1")),
    ({}, Visitor()),
]


@pytest.mark.parametrize(("answer", "meant"), ANSWERS, ids=str)
def test_both_spellings_of_a_visitor_are_read(answer, meant):
    assert oauth.read(answer) == meant


ORIGINS = [
    ("https://bot.example.com", "https://bot.example.com"),
    ("https://Bot.Example.com:443/car/", "https://bot.example.com"),
    ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"), ("http://[::1]:80", "http://[::1]"),
    ("bot.example.com", ""), ("", ""), ("ftp://bot.example.com", ""),
]  # fmt: skip


@pytest.mark.parametrize(("url", "own"), ORIGINS)
def test_an_origin_is_written_as_a_browser_does(url, own):
    assert oauth.origin(url) == own


async def test_the_page_runs_no_script_but_ours_and_wecom_s(door):
    visit = await door("zhang")
    async with visit.http.get(visit.base) as answer:
        page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"

    assert "default-src 'none'" in policy
    assert f"script-src 'self' {door.stage.url};" in policy
    assert "'unsafe-inline'" not in policy
    assert "<script>" not in page
    assert not re.search(r"\son\w+=", page)
    for name in re.findall(r'"(static/[\w.]+)"', page):
        async with visit.http.get(visit.base + name) as answer:
            assert answer.status == 200
    async with visit.http.get(f"{visit.base}static/page.html") as answer:
        assert answer.status == 404


async def test_a_page_without_its_address_says_what_is_missing(door, monkeypatch):
    monkeypatch.setattr(Place, "origin", "")
    visit = await door()
    async with visit.http.get(visit.base) as answer:
        assert (answer.status, "public_url" in await answer.text()) == (503, True)


PLACES = [
    ("https://bot.example.com", "https://bot.example.com", "/sidebar/"),
    ("https://car.example.com/bot/", "https://car.example.com", "/bot/sidebar/"),
    ("", "", "/sidebar/"),
]


@pytest.mark.parametrize(("url", "own", "path"), PLACES)
def test_the_page_may_live_in_a_part_of_a_proxy_s_address(url, own, path):
    place = Place(url, "", "", "", 0, "", "")

    assert (place.origin, place.path) == (own, path)


# Signatures


def test_the_signature_is_the_sheet_s():
    mark = signature("TICKET-demo-1", "abc123", 1775000000,
                     "https://bot.example.com/sidebar/?from=tool#top")  # fmt: skip

    assert mark == "062fff6f3585bacef7388eceb65b20dffaa8d129"


@needs_node
async def test_the_vendor_s_library_signs_alike(door):
    visit = await door("zhang")
    url = f"{visit.base}?from=tool"
    _, found = await visit.get("sign", url=url)
    held = door.stage.pretend.api.tickets._held

    for kind in ("corp", "app"):
        given = found[kind]
        theirs = await node("crypto.js", given={
            "do": "sign", "ticket": held[kind].value, "url": url,
            "timestamp": given["timestamp"], "nonceStr": given["nonceStr"]})  # fmt: skip
        assert theirs["signature"] == given["signature"]


FOREIGN = ["https://evil.example/sidebar/", "{own}.evil.example/", "{own}@evil.example/",
           "{own}", "", "//evil.example/", "http://evil.example/?{own}/",
           "{own}/" + "x" * 3000]  # fmt: skip


@pytest.mark.parametrize("url", FOREIGN, ids=lambda u: u[:30])
async def test_only_our_own_origin_is_signed(door, url):
    visit = await door("zhang")

    status, found = await visit.get("sign", url=url.format(own=door.stage.url))

    assert status == 403
    assert "corp" not in found


@pytest.mark.parametrize("who", ["", "wang", "stranger"])
async def test_nothing_is_signed_for_whoever_is_no_member(door, who):
    visit = await door(who)

    assert (await visit.get("sign", url=visit.base))[0] == 403


async def test_fifty_pages_at_once_fetch_each_ticket_once_and_again_when_it_expires(door):
    visit, calls = await door("zhang"), door.stage.pretend.api.calls
    await asyncio.gather(*(visit.get("sign", url=visit.base) for _ in range(50)))
    assert (calls["get_jsapi_ticket"], calls["ticket/get"]) == (1, 1)

    door.stage.clock.add(timedelta(hours=2))
    await visit.get("sign", url=visit.base)

    assert (calls["get_jsapi_ticket"], calls["ticket/get"]) == (2, 2)


async def test_a_refused_ticket_is_told_with_its_cure_and_not_hammered(door):
    visit, api = await door("zhang"), door.stage.pretend.api
    api.plan_faults("get_jsapi_ticket", 48002, times=9)

    for _ in range(3):
        status, found = await visit.get("sign", url=visit.base)
        assert status == 502
        assert "可调用接口的应用" in found["error"]

    assert api.calls["get_jsapi_ticket"] == 1


# Who may do what


ROLES = {"zhang": "own advisor", "lina": "other advisor", "chen": "manager of the store",
         "lin": "manager of another store", "wang": "customer", "stranger": "stranger",
         "": "nobody"}  # fmt: skip
SEES = ("zhang", "chen")
BODIES = {
    "words": {"text": ASKED}, "picked": {"codes": ["price"]}, "log": {"text": "到店"},
    "contacted": {}, "count": {"text": "S6"}, "check": {"text": "您好"},
    "wrong": {"kind": "concern", "code": "charging"}, "undo": {}, "reason": {"text": "忘记了"},
    "more": {"dialog": "none"}, "adopt": {"use": "none", "text": "x"}, "shorter": {"use": "none"},
    "take": {}, "opening": {}, "following": {"dialog": "none", "text": "x"},
}  # fmt: skip
# what is right for whoever may see her: some taps need something to have been before
FINE = {"reason": 400} | dict.fromkeys(("more", "following", "adopt", "shorter", "take"), 404)


def test_the_table_knows_every_route(played):
    assert BODIES.keys() == {*POSTS}


@pytest.mark.parametrize("who", ROLES, ids=ROLES.get)
async def test_every_route_asks_who_it_is(door, who):
    visit = await door(who)
    member = who in ("zhang", "lina", "chen", "lin")
    for path in POSTS:
        status, found = await visit.post(path, {"customer": "wang", **BODIES[path]})

        if not member:
            assert status == 401, path
        elif who in SEES:
            assert status == FINE.get(path, 200), (path, found)
        else:
            assert status == 404, path
            assert "王女士" not in json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize("who", ROLES, ids=ROLES.get)
async def test_a_card_is_shown_to_the_advisor_and_the_manager_alone(door, who):
    visit = await door(who)
    status, found = await visit.get("customer", id="wang")
    chat, _ = await visit.get("chat", id="g1")

    if who in SEES:
        assert (status, found["card"]["name"], chat) == (200, "王女士", 200)
    else:
        assert status == chat == (404 if who in ("lina", "lin") else 401)


@pytest.mark.parametrize("key", ["c003", "nobody", "", "wm' or 1=1 --", "王女士", "x" * 5000])
async def test_a_guessed_id_is_404_whether_or_not_it_exists(door, key):
    visit = await door("lin")

    status, found = await visit.get("customer", id=key)

    assert status == 404
    assert found == {"error": found["error"]}


async def test_the_rule_of_the_page_is_that_of_the_chat(door):
    def differences(db):
        ctx = door.stage.running.app.ctx(db, "t", door.stage.clock.now())
        everybody = [c for s in ctx.team.stores for c in customers.of_stores(db, (s,))]
        people = [*ctx.team.advisors, *ctx.team.managers, "nobody"]
        return [
            (who, c.id) for who in people for c in everybody
            if names.may_see(c, who, ctx) != (c.id in {v.id for v in seen[who]})
        ] if (seen := {who: names.visible(who, ctx) for who in people}) else None  # fmt: skip

    assert await ask(door.stage, differences) == []


async def test_a_customer_who_left_is_the_advisor_s_no_more(door):
    visit = await door("zhang")
    now = door.stage.clock.now()
    await ask(door.stage, lambda db: customers.change(db, "wang", deleted_at=now))

    status, found = await visit.get("customer", id="wang")

    # she is still a friend by WeCom's word, so she may be taken over again
    assert (status, found["state"]) == (200, "free")
    assert (await visit.post("words", {"customer": "wang", "text": ASKED}))[0] == 404


FORGED = [
    ({"token": ""}, 403), ({"token": "0" * 64}, 403), ({"token": "é"}, 403),
    ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403),
    ({"Content-Type": "text/plain"}, 415),
]  # fmt: skip


@pytest.mark.parametrize(("with_", "status"), FORGED, ids=str)
async def test_another_site_can_do_nothing(door, with_, status):
    visit = await door("zhang")

    answered, _ = await visit.post("log", {"customer": "wang", "text": "到店"}, **with_)

    assert answered == status
    found = await ask(door.stage, lambda db: events.of(db, "wang", "到店"))
    assert not [e for e in found if e.at >= door.stage.clock.now()]


async def test_the_token_of_one_session_is_none_of_another(door):
    zhang, chen = await door("zhang"), await door("chen")

    assert (await zhang.post("count", {"text": "S6"}, token=chen.token))[0] == 403


WRONG = [b"", b"[]", b"{", b"null", b'{"once": 1}', b'{"once": "short"}', b"\xff\xfe",
         b'{"once": "12345678", "text": ' + b"[" * 20_000 + b"}"]  # fmt: skip


@pytest.mark.parametrize("body", WRONG, ids=lambda b: str(b[:24]))
async def test_a_body_that_is_none_is_400(door, body):
    visit = await door("zhang")
    headers = {"X-CSRF-Token": visit.token, "Content-Type": "application/json"}
    async with visit.http.post(f"{visit.base}words", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]


ODD = [None, 0, -1.5, True, [], [[]], {}, {"a": []}, "", "\x00", "“”{}[[", "𝕏" * 300]


@pytest.mark.parametrize("path", POSTS)
async def test_no_odd_value_breaks_a_route(door, path):
    visit = await door("zhang")
    for value in ODD:
        for name in {*BODIES[path], "customer", "right", "tag", "codes", "dialog", "use"}:
            body = {"customer": "wang", **BODIES[path], name: value}
            status, found = await visit.post(path, body)
            assert status < 500, (body, found)
    assert (await visit.post(path, {"customer": "wang", "text": "\ud800"}))[0] == 400


async def test_what_is_too_long_is_413(door):
    visit = await door("zhang")

    assert (await visit.post("words", {"customer": "wang", "text": "贵" * 70_000}))[0] == 413


# The card


async def test_the_card_tells_everything_with_its_reason(door):
    visit = await door("zhang")
    await visit.do("words", text=ASKED)

    card = (await visit.get("customer", id="wang"))[1]["card"]

    worry = card["concerns"][0]
    assert (worry["name"], worry["mood"], worry["state"]) == ("价格", "担心", "未回应")
    assert worry["words"] == "有点贵"
    assert all(card["reasons"])
    assert card["tags"]
    assert all(tag["words"] for tag in card["tags"])
    assert [t["what"] for t in card["touches"]][:2] == ["客户说话", "联系客户"]
    assert card["journey"][-1]["what"] == "加微"


async def test_a_hostile_nickname_is_passed_on_as_it_is(door):
    name = '<img src=x onerror=alert(1)>"}</script>'
    await ask(door.stage, lambda db: customers.change(db, "wang", name=name))
    visit = await door("zhang")

    _, found = await visit.get("customer", id="wang")

    assert found["card"]["name"] == name


async def test_where_wecom_does_not_tell_whose_chat_it_is_one_s_own_customers_are_listed(door):
    visit = await door("zhang")

    _, all_of_them = await visit.get("customers")
    _, one = await visit.get("customers", q="王女士")

    mine = await ask(door.stage, lambda db: {c.id for c in customers.of_owner(db, "zhang")})
    assert {c["id"] for c in all_of_them["customers"]} <= mine
    assert [c["id"] for c in one["customers"]] == ["wang"]


async def test_a_group_shows_the_member_s_own_customers_in_it(door):
    now = door.stage.clock.now()
    stranger = Customer(id="x1", name="别人", owner="he", store="gz-th", added_at=now)

    def put(db):
        customers.add(db, stranger)
        groups.join(db, "g1", "x1", "别人", now)

    await ask(door.stage, put)
    visit = await door("zhang")

    _, found = await visit.get("chat", id="g1")

    assert found["name"] == "青屿S6看车群"
    assert {"wang", "li"} <= {c["id"] for c in found["customers"]}
    assert "x1" not in {c["id"] for c in found["customers"]}


# Scripts


async def test_pasted_words_are_noted_and_answered_by_three_scripts(door):
    visit = await door("zhang")

    found = await visit.do("words", text=ASKED)

    assert len(found["scripts"]) == 3
    assert all(s["text"] and s["title"] and s["reason"] for s in found["scripts"])
    assert "有点贵" in found["summary"][0]
    assert "规则" in found["why"]
    assert {c["code"] for c in found["card"]["concerns"]} >= {"price", "range"}
    assert door.stage.pretend.received() == []  # all of it is on the page


async def test_without_a_customer_nothing_is_noted(door):
    visit = await door("zhang")

    status, found = await visit.post("words", {"text": ASKED})

    assert (status, len(found["scripts"])) == (200, 3)
    assert "card" not in found


async def test_picked_concerns_are_answered_by_the_customer_s_own_words(door):
    visit = await door("zhang")
    await visit.do("words", text="后备箱能放下婴儿车吗")

    found = await visit.do("picked", codes=["space"])

    assert any("空间" in s["title"] for s in found["scripts"])
    assert (await visit.post("picked", {"customer": "wang", "codes": ["?", 3]}))[0] == 400


async def test_who_said_nothing_new_is_spoken_to_as_the_moment_wants(door):
    visit = await door("zhang")

    found = await visit.do("opening")

    assert len(found["scripts"]) == 3
    assert found["summary"] == []
    assert (await visit.post("opening"))[0] == 400  # nobody was chosen


async def test_what_is_often_asked_next_is_a_tap_away(door):
    """Eleven customers asked the same thing after this one."""
    visit = await door("zhang")
    script = (await visit.do("words", text=ASKED))["scripts"][0]
    now = door.stage.clock.now()
    row = await ask(door.stage, lambda db: scripts.use(db, script["use"]))
    bank = door.stage.running.app.knowledge.bank.all()
    then = next(s for s in bank if s.q and s.live(now.date()) and s.id != row["script"])
    many = [{"id": f"n{n}", "s": row["script"], "t": then.id, "at": now} for n in range(11)]
    sql = "insert into script_nexts (use_id, script, next, at) values (:id, :s, :t, :at)"
    await ask(door.stage, lambda db: db.many(sql, many))

    again = await visit.do("words", text=ASKED)
    following = await visit.do("following", dialog=again["dialog"], text=then.q)

    assert then.q in again["nexts"]
    assert following["scripts"]
    assert (await visit.post("following", {"customer": "wang", "dialog": again["dialog"],
                                           "text": "没列出的"}))[0] == 404  # fmt: skip


async def test_another_batch_repeats_nothing(door):
    visit = await door("zhang")
    first = await visit.do("words", text=ASKED)
    second = await visit.do("more", dialog=first["dialog"])

    def titles(found):
        return {s["title"] for s in found["scripts"]}

    assert second["scripts"]
    assert not titles(first) & titles(second)


async def test_not_fitting_is_remembered(door):
    visit = await door("zhang")
    first = await visit.do("words", text=ASKED)
    await visit.do("more", dialog=first["dialog"], refused=True)

    rows = [await ask(door.stage, lambda db, u=s["use"]: scripts.use(db, u))
            for s in first["scripts"]]  # fmt: skip
    gaps = await ask(door.stage, lambda db: db.rows("select reason from gaps"))
    assert {r["outcome"] for r in rows} == {"refused"}
    assert {"reason": "顾问说不合适"} in gaps


async def test_an_adoption_is_told_once_and_counts_once(door):
    visit = await door("zhang")
    script = (await visit.do("words", text=ASKED))["scripts"][0]
    for _ in range(2):
        found = await visit.do("adopt", use=script["use"], text=script["text"])

    now = door.stage.clock.now()
    row = await ask(door.stage, lambda db: scripts.use(db, script["use"]))
    sent = await ask(door.stage, lambda db: touches.count(db, "wang", "answer", now))
    usage = await ask(door.stage, lambda db: db.rows(
        "select edited from script_uses where id = :id", id=script["use"]))  # fmt: skip
    assert (row["outcome"], sent, usage) == ("adopted", 1, [{"edited": ""}])
    assert found["card"]["touches"][1] == {"what": "联系客户", "when": "刚刚"}
    assert script["title"] in {t.get("words") for t in found["card"]["touches"]}


async def test_what_goes_to_a_group_is_counted_for_no_customer(door):
    visit = await door("zhang")
    _, found = await visit.post("words", {"text": "充电桩免费安装吗"})
    script = found["scripts"][0]

    status, done = await visit.post("adopt", {"use": script["use"], "text": script["text"]})

    row = await ask(door.stage, lambda db: scripts.use(db, script["use"]))
    assert (status, done, row["outcome"], row["customer"]) == (200, {}, "adopted", "")


async def test_what_the_advisor_made_of_a_script_is_kept_without_names_and_numbers(door):
    visit = await door("zhang")
    script = (await visit.do("words", text=ASKED))["scripts"][0]
    await visit.do("adopt", use=script["use"], text="王女士，打我电话13812345678细聊")

    rows = await ask(door.stage, lambda db: db.rows(
        "select edited from script_uses where id = :id", id=script["use"]))  # fmt: skip
    assert rows[0]["edited"]
    assert "13812345678" not in rows[0]["edited"]
    assert "王女士" not in rows[0]["edited"]


async def test_a_use_or_a_batch_of_somebody_else_is_404(door):
    zhang, chen = await door("zhang"), await door("chen")
    found = await zhang.do("words", text=ASKED)
    use = found["scripts"][0]["use"]

    for path, body in (("adopt", {"use": use, "text": "x"}), ("shorter", {"use": use}),
                       ("more", {"dialog": found["dialog"]})):  # fmt: skip
        assert (await chen.post(path, {"customer": "wang", **body}))[0] == 404
        assert (await zhang.post(path, {"customer": "li", **body}))[0] == 404


async def test_a_shorter_wording_is_a_use_of_its_own(door):
    visit = await door("zhang")
    bank = door.stage.running.app.knowledge.bank
    brief = next(s for s in bank.all() if s.style == "简短" and s.q and s.scope != "个人"
                 and any(o.q == s.q and o.id != s.id for o in bank.all()))  # fmt: skip
    found = await visit.do("words", text=brief.q)
    script = next(s for s in found["scripts"] if s["shorter"])

    shorter = (await visit.do("shorter", use=script["use"]))["script"]

    assert len(shorter["text"]) < len(script["text"])
    row = await ask(door.stage, lambda db: scripts.use(db, shorter["use"]))
    assert (row["outcome"], row["customer"]) == ("shown", "wang")


async def test_a_changed_text_is_judged_before_it_goes_out(door):
    visit = await door("zhang")

    assert (await visit.do("check", text="您好，周末方便来看车吗？"))["passes"]
    refused = await visit.do("check", text="全网最低价，绝对第一")
    assert not refused["passes"]
    assert refused["rows"]


async def test_why_one_should_not_write_now_is_said_beforehand(door):
    visit = await door("zhang")
    door.stage.clock.add(timedelta(days=4, hours=12))

    _, found = await visit.get("customer", id="wang")

    assert "安静时段" in found["card"]["warning"]


async def test_a_complaint_on_the_page_alarms_the_manager(door):
    visit = await door("zhang")
    await visit.do("words", text="你们这是欺骗消费者，我要投诉")
    await door.stage.running.app.idle()

    assert any(i["to"] == "chen" for i in door.stage.pretend.received())


# Logging


@pytest.mark.parametrize(("said", "kind", "stage"), [
    ("到店", "到店", "到店"), ("试驾", "试驾", "试驾"), ("报价", "报价", "报价"),
    ("下订", "下订", "下订"),
])  # fmt: skip
async def test_what_happened_is_one_tap_and_can_be_taken_back(door, said, kind, stage):
    visit = await door("zhang")
    before = (await visit.get("customer", id="wang"))[1]["card"]

    done = await visit.do("log", text=said)
    back = await visit.do("undo")

    assert done["said"].startswith(f"已记录：王女士 {kind}")
    assert "撤销" not in done["said"]  # here is a button for it
    assert (done["undo"], done["card"]["stage"]) == (True, stage)
    assert back["said"] == f"已撤销：王女士的{kind}。"
    assert back["card"]["stage"] == before["stage"]


async def test_an_appointment_is_written_as_it_is_said(door):
    visit = await door("zhang")

    done = await visit.do("log", text="周六下午3点试驾")

    assert "明天下午3点 试驾" in done["said"]
    assert done["card"]["journey"][0]["what"] == "预约"


async def test_why_somebody_did_not_come_is_asked_and_kept(door):
    visit = await door("zhang")
    done = await visit.do("log", text="没来")
    assert "其他" in done["reasons"]

    told = await visit.do("reason", text="先看竞品")

    assert told["said"] == "已记录：王女士 未到店，原因 先看竞品。"
    event = await ask(door.stage, lambda db: events.last(db, "wang", "未到店"))
    assert event.evidence == "先看竞品"
    assert (await visit.post("reason", {"customer": "wang", "text": "其他"}))[0] == 400


async def test_words_that_log_nothing_say_what_can_be_logged(door):
    visit = await door("zhang")

    done = await visit.do("log", text="哈哈")

    assert "没看懂" in done["said"]
    assert not done["undo"]


async def test_only_what_was_done_for_this_customer_is_taken_back_here(door):
    visit = await door("zhang")
    await visit.do("log", text="到店")

    assert (await visit.post("undo", {"customer": "li"}))[0] == 400


async def test_contacted_plans_the_next_time(door):
    visit = await door("zhang")

    done = await visit.do("contacted")

    assert "已联系" in done["said"]
    assert await ask(door.stage, lambda db: owed.open_of(db, "wang"))


async def test_the_same_tap_over_a_bad_network_is_done_once(door):
    visit = await door("zhang")
    one = {"customer": "wang", "text": "到店", "once": "same-tap-twice"}

    first, second = await asyncio.gather(visit.post("log", one), visit.post("log", one))

    assert first == second
    found = await ask(door.stage, lambda db: events.of(db, "wang", "到店"))
    assert len([e for e in found if e.at >= door.stage.clock.now()]) == 1


async def test_a_wrong_tag_is_taken_away_and_can_come_back(door):
    visit = await door("zhang")
    await visit.do("words", text=ASKED)

    done = await visit.do("wrong", kind="concern", code="price")
    assert "price" not in {c["code"] for c in done["card"]["concerns"]}
    assert "已去掉王女士的价格" in done["said"]

    back = await visit.do("undo")
    assert "price" in {c["code"] for c in back["card"]["concerns"]}


async def test_a_concern_is_put_right(door):
    visit = await door("zhang")
    await visit.do("words", text=ASKED)

    done = await visit.do("wrong", kind="concern", code="price", right="cost", polarity=0)

    now = {c["code"]: c["polarity"] for c in done["card"]["concerns"]}
    assert "price" not in now
    assert now["cost"] == 0


async def test_a_concluded_tag_is_denied(door):
    visit = await door("zhang")
    card = (await visit.do("words", text=ASKED))["card"]
    name = card["tags"][0]["tag"]

    done = await visit.do("wrong", tag=name)

    assert name not in {t["tag"] for t in done["card"]["tags"]}
    assert (await visit.post("wrong", {"customer": "wang", "tag": "没有的"}))[0] == 404


async def test_sums_are_those_of_the_chat(door):
    visit = await door("zhang")

    lines = (await visit.do("count", text="S6 长续航 首付30% 36期"))["lines"]

    assert any("月供约" in line for line in lines)
    assert any("落地" in line for line in lines)


# Taking over


async def befriend(door, userid, key, name):
    """A contact that no event told of: the callback was lost."""
    door.stage.pretend.api.contacts.add(userid, Contact(key, name), "expo")


async def test_a_friend_whom_nobody_has_may_be_taken_over(door):
    await befriend(door, "zhang", "wm-new", "钱女士")
    visit = await door("zhang")

    _, offered = await visit.get("customer", id="wm-new")
    status, taken = await visit.post("take", {"customer": "wm-new"})

    assert offered == {"state": "free", "name": "钱女士"}
    assert (status, taken["said"]) == (200, "已收为你的客户：钱女士。")
    assert taken["card"]["own"]
    assert (await visit.get("customer", id="wm-new"))[1]["state"] == "own"


async def test_a_friend_of_somebody_else_is_not_taken(door):
    await befriend(door, "zhang", "wm-new", "钱女士")
    visit = await door("lina")

    assert (await visit.get("customer", id="wm-new"))[0] == 404
    assert (await visit.post("take", {"customer": "wm-new"}))[0] == 404
    assert await ask(door.stage, lambda db: customers.get(db, "wm-new")) is None


async def test_a_colleague_s_customer_who_is_also_a_friend_stays_with_the_colleague(door):
    await befriend(door, "lina", "wang", "王女士")
    visit = await door("lina")

    _, found = await visit.get("customer", id="wang")

    assert found["state"] == "other"
    assert "张伟" in found["said"]
    assert "card" not in found
    assert (await visit.post("take", {"customer": "wang"}))[0] == 404


async def test_a_platform_that_does_not_answer_is_said_so(door):
    visit = await door("zhang")
    door.stage.pretend.api.plan_faults("externalcontact/get", 48002, times=2)

    status, found = await visit.get("customer", id="wm-who")

    assert status == 502
    assert "可调用接口的应用" in found["error"]


# The pretend WeCom


BAD_ADDRESSES = [
    {"appid": "ww0"}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": "javascript:1"},
    {"response_type": "token"}, {"scope": "all"}, {"state": "x" * 129}, {"state": "a-b"},
]  # fmt: skip


@pytest.mark.parametrize("change", BAD_ADDRESSES, ids=str)
async def test_the_pretend_authorise_page_refuses_what_wecom_refuses(door, change):
    visit = await door()
    query = {"appid": "ww5a1e5b07de000001", "redirect_uri": f"{visit.base}login",
             "response_type": "code", "scope": "snsapi_base", "state": "abc"} | change  # fmt: skip
    for base in ("", "/sandbox/wecom"):
        address = f"{visit.stage.url}{base}/connect/oauth2/authorize"
        async with visit.http.get(address, params=query) as answer:
            assert answer.status == 400


async def test_the_pretend_page_offers_members_customers_and_a_stranger(door):
    visit = await door()
    async with visit.http.get(visit.base) as answer:
        page = await answer.text()

    assert all(name in page for name in ("张伟", "陈静", "王女士", "陌生人"))


async def api(door, path, **query):
    world, api_ = door.stage.pretend.world, door.stage.pretend.api
    token = api_.gettoken({"corpid": world.corp_id, "corpsecret": world.app_secret})
    query |= {"access_token": token["access_token"]}
    url = f"{door.stage.url}/sandbox/wecom/cgi-bin/{path}"
    async with aiohttp.ClientSession() as http, http.get(url, params=query) as answer:
        return await answer.json()


async def test_a_visitor_is_told_as_the_platform_tells(door):
    codes = door.stage.pretend.api.codes

    member = await api(door, "auth/getuserinfo", code=codes.give("zhang"))
    older = await api(door, "user/getuserinfo", code=codes.give("zhang"))
    customer = await api(door, "auth/getuserinfo", code=codes.give("wang"))
    stranger = await api(door, "auth/getuserinfo", code=codes.give("stranger"))

    assert member["userid"] == older["UserId"] == "zhang"
    assert (customer["external_userid"], customer["openid"][0]) == ("wang", "o")
    assert "external_userid" not in stranger
    assert (await api(door, "auth/getuserinfo"))["errcode"] == 41008
    assert (await api(door, "auth/getuserinfo", code="x"))["errcode"] == 40029


async def test_tickets_are_the_same_until_they_expire_and_have_a_limit(door):
    first = await api(door, "get_jsapi_ticket")
    again = await api(door, "get_jsapi_ticket")
    app = await api(door, "ticket/get", type="agent_config")

    assert first["ticket"] == again["ticket"] != app["ticket"]
    assert first["expires_in"] == 7200
    assert (await api(door, "ticket/get", type="x"))["errcode"] == 40035
    for _ in range(99):
        await api(door, "ticket/get", type="agent_config")
    assert (await api(door, "ticket/get", type="agent_config"))["errcode"] == 45009


@pytest.fixture
async def client(door):
    """A pretend client beside 王女士's chat, as its script speaks to it."""
    visit = await door()
    async with visit.http.get(
        f"{door.stage.url}/sandbox/wecom/open", params={"member": "zhang", "customer": "wang"}
    ) as answer:  # fmt: skip
        assert answer.status == 200  # let in at once: the device is zhang's
    _, marks = await visit.get("sign", url=visit.base)

    async def post(path, **body):
        url = f"{door.stage.url}/sandbox/wecom/client/{path}"
        async with visit.http.post(url, json=body) as answer:
            return await answer.json()

    async def register(**change):
        given = {"corpId": "ww5a1e5b07de000001", "agentId": 1000002, "url": visit.base, **marks}
        return (await post("register", **(given | change)))["errMsg"]

    post.register, post.visit = register, visit
    return post


async def test_a_client_serves_a_page_whose_signatures_are_right(client, door):
    assert await client.register() == "config:ok"

    whose = await client("call", name="getCurExternalContact")
    sent = await client("call", name="sendChatMessage",
                        params={"msgtype": "text", "text": {"content": "您好"}})  # fmt: skip

    assert whose["userId"] == "wang"
    assert sent["errMsg"] == "sendChatMessage:ok"
    last = door.stage.pretend.received()[-1]
    assert (last["to"], last["text"], last["from"]) == ("wang", "您好", "zhang")


MISUSED = [
    ({"url": "https://evil.example/"}, "config:fail,invalid signature"),
    ({"app": {}}, "agentConfig:fail,invalid signature"),
    ({"agentId": 7}, "config:fail,invalid appid"),
]


@pytest.mark.parametrize(("change", "said"), MISUSED, ids=str)
async def test_a_client_refuses_a_page_that_is_not_signed_for(client, change, said):
    assert await client.register(**change) == said
    refused = await client("call", name="getCurExternalContact")
    assert refused["errMsg"] == "getCurExternalContact:no permission"


@pytest.mark.parametrize("params", [{}, {"msgtype": "text"}, {"msgtype": "text", "text": {}},
                                    {"msgtype": "text", "text": "x"}, {"msgtype": "moon"}],
                         ids=str)  # fmt: skip
async def test_a_client_sends_nothing_that_is_incomplete(client, door, params):
    await client.register()

    found = await client("call", name="sendChatMessage", params=params)

    assert found["errMsg"].startswith("sendChatMessage:fail")
    assert door.stage.pretend.received() == []


@pytest.mark.parametrize(
    ("origin", "readable"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://localhost:9", True),
        ("https://evil.example", False),
    ],
)
async def test_the_client_serves_other_programs_of_this_machine(client, door, origin, readable):
    url = f"{door.stage.url}/sandbox/wecom/client/call"
    async with client.visit.http.post(url, json={}, headers={"Origin": origin}) as answer:
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) == readable
