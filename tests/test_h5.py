"""The pages of a customer group over HTTP: who gets in, what a tap does, what nobody can do."""

import asyncio
import json
import re
import shutil
from datetime import date, time, timedelta
from urllib.parse import urlsplit

import pytest
from h5_kit import TOMORROW, Phone, give, offer
from hypothesis import given
from hypothesis import strategies as st

from bot.h5.limits import Limit
from bot.sandbox import demo, player, stage
from handlers import draws, h5_address, h5_claims, h5_drive, lots, posters
from handlers.settings import Colleague
from storage import appointments, checkins, consents, customers, games, groups, h5, leads, points
from storage import draws as drawn
from storage import prizes as stock
from storage.sqlite import Sqlite


@pytest.fixture
async def door(played):
    """10:00 on a working day; opens phones."""
    played.clock.add(timedelta(hours=1))
    phones = []

    async def open_(who="", chat="g1"):
        phone = Phone(played, await played.link(chat))
        phones.append(phone)
        return await phone.enter(who) if who else phone

    open_.stage = played
    open_.now = played.clock.now()
    yield open_
    for phone in phones:
        await phone.http.close()


async def ask(door, look):
    return await door.stage.running.writer.do(look)


def ctx_of(door, db):
    return door.stage.running.app.ctx(db, "test", door.stage.clock.now())


async def told(door, who):
    """What an advisor has received since, after everything has been sent."""
    await door.stage.running.app.idle()
    return "\n".join(i["text"] or str(i.get("card", "")) for i in door.stage.pretend.received()
                     if i["to"] == who)  # fmt: skip


# The link


async def test_the_owner_gets_a_link_that_opens_the_page(door):
    await door.stage.say("app", "zhang", "群链接")

    said = await told(door, "zhang")

    address = re.search(r"http\S+/h5/g/\S+/", said)[0]
    phone = Phone(door.stage, address)
    assert "【青屿S6看车群】" in said
    assert "今天还没签到" in (await phone.enter("wang")).page
    await phone.http.close()


LINKERS = [
    ("zhang", True), ("chen", True), ("lina", False), ("wuqi", True), ("fu", False), ("lin", False),
]  # fmt: skip


@pytest.mark.parametrize(("who", "may"), LINKERS)
def test_who_may_have_the_link_of_a_group(talk, who, may):
    runs = (Colleague(userid="wuqi", name="吴琪", role="社群运营", stores=("bj-cy",)),
            Colleague(userid="fu", name="傅明", role="车友服务官", stores=("bj-cy",)))  # fmt: skip
    reach = talk.settings.reach.model_copy(update={"pages": "https://bot.example.com"})
    talk.settings = talk.settings.model_copy(update={"colleagues": runs, "reach": reach})
    groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    groups.join(talk.db, "g1", "zhang", "张伟", talk.now)

    talk.says(who, "群链接")

    assert ("https://bot.example.com/h5/g/" in talk.texts(who)) is may


def test_without_a_public_address_there_is_no_link_and_it_is_said(talk):
    talk.says("zhang", "群链接")

    assert "public_url" in talk.texts()


def spoiled(link):
    """Every single character of the sealed part changed."""
    token = link.rstrip("/").rpartition("/")[2]
    base = link[: link.index(token)]
    for n in range(len(token)):
        other = "0" if token[n] != "0" else "1"
        yield f"{base}{token[:n]}{other}{token[n + 1 :]}/"


async def test_a_link_that_was_changed_anywhere_is_none(door):
    link = await door.stage.link("g1")
    phone = await door()
    statuses = []
    for address in (*spoiled(link), link[:-9] + "/", link[:-21] + "/", f"{link[:-1]}00/"):
        await phone.get(address)
        statuses.append(phone.status)

    assert set(statuses) == {404}
    assert "链接失效了" in phone.page


async def test_a_link_grows_old_and_an_internal_or_dissolved_group_has_no_page(door):
    def tokens(db):
        c = ctx_of(door, db)
        yield h5_address.signed("g1", c), 0, True
        yield h5_address.signed("g1", c), 180, True
        yield h5_address.signed("g1", c), 181, False
        yield h5_address.signed("team", c), 0, False
        yield h5_address.signed("nowhere", c), 0, False

    def opens(db):
        c, found = ctx_of(door, db), []
        for token, days, opens in tokens(db):
            later = door.stage.running.app.ctx(db, "t", c.now + timedelta(days=days))
            found.append((h5_address.opened(token, later) is not None) is opens)
        groups.dismiss(db, "g1", c.now)
        return [*found, h5_address.opened(h5_address.signed("g1", c), c) is None]

    assert await ask(door, opens) == [True] * 6


# Who comes


async def test_a_member_is_known_without_being_asked_and_keeps_their_session(door):
    phone = await door("wang")

    cookie = next(c for c in phone.http.cookie_jar if c.key == "salesbot_h5")
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/h5/")
    await phone.get()
    assert "<b>王女士</b>" in phone.page


async def test_a_customer_outside_the_group_may_look_and_the_list_is_read_once(door):
    phone = await door("c011", chat="g2")
    asks = []
    for _ in range(3):
        said = await phone.say("签到")
        await phone.get()
        asks.append(said)

    assert "不能参加" in asks[0]
    assert await ask(door, lambda db: checkins.days(db, "g2", "c011")) == []
    rows = "select count(*) as n from outbox where kind = 'ask' and body like '%g2%'"
    assert (await ask(door, lambda db: db.rows(rows)))[0]["n"] == 1


async def test_whoever_has_just_joined_is_let_in_once_the_list_is_read(door):
    """The platform knows them already; our list follows because they looked."""
    await ask(door, lambda db: groups.leave(db, "g1", "wang", door.now))
    phone = await door("wang")
    assert "怎么加入" in phone.page

    await door.stage.running.app.idle()
    await phone.get()

    assert "今天还没签到" in phone.page


async def test_staff_look_run_games_and_earn_nothing(door):
    phone = await door("zhang")

    assert "员工" in await phone.say("签到")
    assert "答题" in await phone.say("答题")
    assert "暂停" in await phone.say("暂停 答题")
    assert "员工" in await phone.say("A")
    assert "员工" in await phone.post("exchange", prize="p1")
    assert await ask(door, lambda db: points.history(db, "g1", "zhang")) == []


async def test_an_advisor_s_remark_is_shown_to_nobody(door):
    def noted(db):
        db.run(
            """insert into relations (customer, advisor, remark, nickname, state, add_way,
                since, ended_by, run) values ('li', 'zhang', '李先生 砍价狠', '小李', '', 0, :now,
                '', '') on conflict (customer, advisor) do nothing""",
            now=door.now,
        )
        groups.join(db, "g1", "li", "李先生 砍价狠", door.now)
        give(db, "li", 30, door.now)

    await ask(door, noted)
    phone = await door("wang")

    assert "砍价" not in await phone.get("board")
    assert "群友 30 分" in await phone.get("board")


# Strangers


async def stranger(door, number="13800138000"):
    def known(db):
        customers.change(db, "li", phone=number)
        give(db, "li", 30, door.now)

    await ask(door, known)
    return await door("stranger")


async def test_a_number_says_nothing_and_an_advisor_says_who_it_is(door):
    phone = await stranger(door)
    right = await phone.post("claim", phone="138 0013 8000", agree="1")
    assert "怎么加入" in await phone.get()
    assert "李先生本人吗" in await told(door, "zhang")

    await door.stage.tap("zhang", "是本人")
    await door.stage.running.app.idle()

    assert right == h5_claims.SENT
    assert "今天还没签到" in await phone.get()
    agreed = await ask(door, lambda db: consents.of(db, "li"))
    assert (agreed[0].what, agreed[0].given, agreed[0].channel) == ("群页面认人", True, "page")


async def test_a_wrong_number_and_one_of_another_group_are_answered_alike(door):
    await ask(door, lambda db: customers.change(db, "c006", phone="13800138001"))
    phone = await stranger(door)

    answers = [await phone.post("claim", phone=n, agree="1")
               for n in ("13800138000", "13800138001", "13900139000")]  # fmt: skip

    assert set(answers) == {h5_claims.SENT}
    assert (await told(door, "zhang")).count("本人吗") == 1


async def test_without_the_tick_no_number_is_looked_at(door):
    phone = await stranger(door)

    assert await phone.post("claim", phone="13800138000") == h5_drive.UNTICKED
    assert "不对" in await phone.post("claim", phone="12345", agree="1")
    assert "本人吗" not in await told(door, "zhang")


async def test_not_being_them_leaves_the_phone_outside(door):
    phone = await stranger(door)
    await phone.post("claim", phone="13800138000", agree="1")
    await door.stage.running.app.idle()

    await door.stage.tap("zhang", "不是")
    await door.stage.running.app.idle()

    assert "怎么加入" in await phone.get()
    assert await ask(door, lambda db: consents.of(db, "li")) == []


# Playing


async def test_a_day_of_a_member(door):
    """Check in, make up, say something, play, look at the ledger, leave and come back."""
    before = {"chat_id": "g1", "member": "wang", "day": date(2026, 3, 4)}
    await ask(door, lambda db: checkins.add(db, **before, now=door.now - 2 * TOMORROW))
    phone = await door("wang")

    assert "签到成功" in await phone.say("签到")
    assert "连续3天" in await phone.say("补签 3月5日")
    assert "+1分" in await phone.say("周末想带孩子去看看S6", lead="今天想说", page="checkin")
    assert '<span class="held">3天</span>' in phone.page
    assert "签到 3月6日 +1" in await phone.get("points")
    assert "都不算您" in await phone.say("不参加", page="me")
    assert "不参加" in await phone.say("签到")
    assert "欢迎回来" in await phone.say("参加")


async def test_the_group_s_quiz_is_played_by_everybody_on_their_own_phone(door):
    wang, li = await door("wang"), await door("li")
    await wang.say("答题", page="play")
    round_ = (await ask(door, lambda db: games.shown(db, "g1")))[0]
    right = round_.body["answer"]
    wrong = next(letter for letter in "ABC" if letter != right)
    options = re.findall(r'value="(\w\. [^"]+)"', wang.page)

    missed = await wang.say(next(o for o in options if o.startswith(wrong)), page="play")
    again = await wang.say(right, page="play")
    won = await li.say(next(o for o in options if o.startswith(right)), page="play")

    assert "不对" in missed
    assert "已经答过" in again
    assert "🎉 李先生 答对了" in won
    assert "🎉 李先生 答对了" in await wang.get("play")
    assert "已经结束" in await wang.say(right, page="play")
    assert await ask(door, lambda db: points.balance(db, "g1", "li")) == 5


REFRESHED = (
    ("答题", {"": True, "play": True, "board": True, "checkin": False, "prizes": False}),
    ("猜价格", {"": True, "play": False}),  # somebody may be writing a number
)


@pytest.mark.parametrize(("game", "pages"), REFRESHED, ids=[game for game, _ in REFRESHED])
async def test_a_page_looks_again_by_itself_while_a_round_runs_and_only_then(door, game, pages):
    wang, li = await door("wang"), await door("li")
    assert "Refresh" not in await heads(li, "play")
    await wang.say(game)

    found = {page: "Refresh" in await heads(li, page) for page in pages}

    assert found == pages
    assert (await heads(li, ""))["Refresh"] == f"20; url={urlsplit(li.base).path}"
    if game == "猜价格":
        await li.say("猜 20万")
        assert "Refresh" in await heads(li, "play")
    zhang = await door("zhang")
    await zhang.say("暂停")
    assert "Refresh" not in await heads(li, "")


async def heads(phone, page):
    async with phone.http.get(phone.base + page) as answer:
        return answer.headers


async def test_a_round_whose_time_is_up_ends_for_whoever_looks(door):
    phone = await door("wang")
    await phone.say("猜价格", page="play")
    await phone.say("18.5万", lead="猜", page="play")
    door.stage.clock.add(timedelta(hours=2))

    shown = await phone.get("play")

    assert "上一局：猜价格" in shown
    assert await ask(door, lambda db: games.shown(db, "g1")) == []


TYPED = {
    "猜价格": (("我猜18万", "猜18万元，记下了"), ("十八万五", "猜18.5万元，改好了"),
             ("猜20万。", "猜20万元，改好了"), ("什么呀", "写一个数，例如：猜 18.5万")),
    "成语接龙": (("什么呀", "要四个字的成语，现在接“"), ("一二三四五", "要四个字的成语")),
    "谜语": (("什么呀", "不对。还可以猜4次"), ("猜 什么呀", "不对。还可以猜3次")),
}  # fmt: skip


async def test_answers_typed_by_hand_are_taken_or_told_how(door):
    """Into the field of the page as it stands, with the word before them or without."""
    wang = await door("wang")
    for game, answers in TYPED.items():
        await wang.say(game, page="play")
        await wang.get("play")
        lead = re.search(r'name="lead" value="([^"]*)"', wang.page)[1]
        for words, told in answers:
            assert told in await wang.say(words, lead=lead, page="play")
        zhang = await door("zhang")
        await zhang.say("结束")
        door.stage.clock.add(timedelta(minutes=2))


async def test_a_poll_is_opened_by_the_owner_and_voted_on_beside_a_game(door):
    owner, wang = await door("zhang"), await door("wang")
    refused = await wang.say("投票 周末去哪 西湖 莫干山")
    await owner.say("投票 周末去哪 西湖 莫干山")
    await wang.say("答题")

    shown = await wang.get("play")
    value = re.search(r'value="(投票 [^"]+)"', wang.page)[1]
    said = await wang.say(value, page="play")

    assert "由群主或运营来开" in refused
    assert "周末去哪" in shown
    assert "王女士 投给了“西湖”" in said


async def test_a_game_by_oneself_leaves_the_group_s_points_alone(door):
    phone = await door("wang")

    asked = await phone.post("alone", words="答题", page="play")
    state = (await ask(door, lambda db: games.shown(db, "kf:wang")))[0].body
    said = await phone.post("alone", words=state["answer"], page="play")

    assert "答题" in asked
    assert "🎉" in said
    assert await ask(door, lambda db: points.balance(db, "g1", "wang")) == 0


# Prizes


async def test_an_exchange_is_confirmed_shown_as_a_code_and_handed_out_once(door):
    def rich(db):
        give(db, "wang", 30, door.now)
        offer(db, door.now)

    await ask(door, rich)
    phone = await door("wang")
    await phone.get("prizes?pick=p1")
    assert "确认兑换" in phone.page

    said = await phone.post("exchange", prize="p1", page="prizes")
    code = re.search(r"领取码 (\w+)", said)[1]
    await door.stage.say("app", "zhang", f"核销 {code}")
    await door.stage.running.app.idle()
    await door.stage.tap("zhang", "已交给本人")
    await door.stage.running.app.idle()

    assert "<svg" in phone.page
    assert f"核销 {code}" in phone.page
    assert "已领" in await phone.get("prizes")
    assert code not in phone.page


async def test_a_prize_that_is_withdrawn_or_gone_is_told_kindly(door):
    def rich(db):
        give(db, "wang", 30, door.now)
        offer(db, door.now)
        offer(db, door.now, id="p2", name="保温杯", stock=0)

    await ask(door, rich)
    phone = await door("wang")
    await ask(door, lambda db: stock.stop(db, "p1"))

    assert "下架" in await phone.post("exchange", prize="p1", page="prizes")
    assert "兑完" in await phone.post("exchange", prize="p2", page="prizes")
    assert "下架" in await phone.get("prizes?pick=p1")
    assert await ask(door, lambda db: points.balance(db, "g1", "wang")) == 30


@pytest.mark.timeout(120)
async def test_of_fifty_who_want_the_last_prize_at_once_one_gets_it(door):
    people = [f"m{n:02d}" for n in range(50)]

    def crowd(db):
        offer(db, door.now)
        for who in people:
            groups.join(db, "g1", who, who, door.now)
            give(db, who, 10, door.now)

    await ask(door, crowd)
    phones = await asyncio.gather(*(signed_in(door, f"x/{who}") for who in people))

    twice = [phone.post("exchange", prize="p1") for phone in phones for _ in range(2)]
    said = await asyncio.gather(*twice)

    assert sum("兑换成功" in one for one in said) == 1
    left = await ask(door, lambda db: [points.balance(db, "g1", who) for who in people])
    assert sorted(left) == [0] + [10] * 49
    assert (await ask(door, lambda db: stock.get(db, "p1"))).stock == 0


async def signed_in(door, who):
    """A phone with a session that was begun before."""
    phone = await door()
    keys = keyring(door)
    cookie, session = await keys.begin(who)
    phone.http.cookie_jar.update_cookies({"salesbot_h5": cookie})
    phone.token = await keys.token(session)
    return phone


def keyring(door):
    from bot.sidebar.session import Keyring

    app = door.stage.running.app
    return Keyring(app.writer, app.clock, "h5")


# Draws


async def drawing(door):
    def begin(db):
        rules = {"joined_before": "", "spoke": False, "once": True, "weights": ""}
        return draws.new("g1", "周末好礼", [draws.prize_of("车模 1份 199元")], rules,
                         door.now + timedelta(hours=1), "chen", ctx_of(door, db))  # fmt: skip

    return await ask(door, begin)


async def test_a_draw_is_joined_decided_and_computed_again_on_the_page(door):
    found = await drawing(door)
    phones = [await door(who) for who in ("wang", "li", "c008")]
    for phone in phones:
        assert "报名成功" in await phone.say("参加抽奖", page="draw")
    await phones[0].get(f"proof/{found.id}")
    assert phones[0].status == 404

    await door.stage.move(door.now + timedelta(hours=1, minutes=1))
    proof = await phones[0].get(f"proof/{found.id}")

    assert "✓ 验算通过" in proof
    ticket = lots.ticket(found.id, "wang")
    assert ticket in proof
    async with phones[0].http.get(f"{phones[0].base}proof/{found.id}.json") as answer:
        record = json.loads(await answer.text())
    assert list(lots.complaints(record)) == []
    assert "wang" not in json.dumps(record)
    won = [r["ticket"] for r in record["results"]]
    assert [("中了 车模" in await p.get(f"proof/{found.id}")) for p in phones] == [
        lots.ticket(found.id, who) in won for who in ("wang", "li", "c008")]  # fmt: skip


async def test_a_result_that_was_tampered_with_does_not_pass(door):
    found = await drawing(door)
    for who in ("wang", "li", "c008"):
        await (await door(who)).say("参加抽奖")
    await door.stage.move(door.now + timedelta(hours=1, minutes=1))
    phone = await door("wang")

    def tamper(db):
        win = drawn.wins(db, found.id)[0]
        other = next(e["ticket"] for e in drawn.entries(db, found.id) if e["ticket"] != win.ticket)
        db.run("update draw_wins set ticket = :t where id = :id", t=other, id=win.id)

    await ask(door, tamper)

    assert "对不上" in await phone.get(f"proof/{found.id}")


async def test_the_draw_of_another_group_is_not_shown(door):
    found = await drawing(door)
    phone = await door("c006", chat="g2")

    await phone.get(f"proof/{found.id}")

    assert phone.status == 404


# The test drive

SATURDAY = {"model": "S6", "day": "2026-03-07", "time": "14:00", "store": "bj-cy"}


async def test_a_member_s_request_is_an_appointment_and_their_advisor_is_told(door):
    phone = await door("wang")

    said = await phone.post("request", **SATURDAY, phone="13800138000", agree="1", name="王姐")
    again = await phone.post("request", **SATURDAY)

    (found,) = await ask(door, lambda db: appointments.open_of(db, "wang"))
    assert said == "约好了：周六(3月7日)下午2点试驾S6（朝阳店）。张伟会和您确认。"
    assert "已经约好了" in again
    assert (found.kind, found.by_whom, found.at.isoformat()) == (
        "试驾", "zhang", "2026-03-07T06:00:00+00:00")  # fmt: skip
    heard = await told(door, "zhang")
    assert heard.count("在“青屿S6看车群”的页面上预约了") == 1
    assert "13800138000" in heard
    agreed = await ask(door, lambda db: consents.of(db, "wang"))
    assert [c.what for c in agreed] == ["试驾联系"]
    assert (await ask(door, lambda db: customers.get(db, "wang"))).phone == "13800138000"


async def test_another_time_moves_the_appointment(door):
    phone = await door("wang")
    await phone.post("request", **SATURDAY)

    await phone.post("request", **(SATURDAY | {"time": "16:00"}))

    found = await ask(door, lambda db: appointments.open_of(db, "wang"))
    assert [one.at.astimezone(demo.START.tzinfo).time() for one in found] == [time(16)]


BAD = [
    ({"phone": "13800138000"}, "勾选"),
    ({"phone": "1380013800"}, "电话看起来不对"),
    ({"day": "2026-03-06"}, "约不了了"),
    ({"day": "2026-04-30"}, "约不了了"),
    ({"day": "someday"}, "约不了了"),
    ({"time": "03:00"}, "约不了了"),
    ({"time": "25:00"}, "约不了了"),
]


@pytest.mark.parametrize(("news", "said"), BAD)
async def test_a_form_that_cannot_be_is_refused_in_a_sentence(door, news, said):
    phone = await door("wang")

    assert said in await phone.post("request", **(SATURDAY | news))
    assert await ask(door, lambda db: appointments.open_of(db, "wang")) == []


async def test_a_stranger_s_request_is_one_lead_of_the_group_s_owner(door):
    phone = await door("stranger")
    assert "留下电话" in await phone.post("request", **SATURDAY, name="小陈")
    form = SATURDAY | {"phone": "13900139000", "agree": "1", "name": "小陈"}

    said = await phone.post("request", **form)
    again = await phone.post("request", **form)

    assert said.startswith("已提交")
    assert "已经约好了" in again
    found = await ask(door, lambda db: customers.with_phone(db, "13900139000"))
    assert [(c.name, c.owner, c.model) for c in found] == [("小陈", "zhang", "S6")]
    assert len(await ask(door, lambda db: leads.of(db, found[0].id))) == 1
    assert len(await ask(door, lambda db: appointments.open_of(db, found[0].id))) == 1
    assert "13900139000" in await told(door, "zhang")


async def test_somebody_else_s_number_moves_nothing_of_theirs(door):
    await ask(door, lambda db: customers.change(db, "li", phone="13800138000"))
    phone = await door("stranger")

    said = await phone.post("request", **SATURDAY, phone="13800138000", agree="1", name="冒名")

    assert said.startswith("已提交")
    assert await ask(door, lambda db: appointments.open_of(db, "li")) == []
    assert "请打电话核实" in await told(door, "zhang")


# What nobody can do


async def test_the_same_form_twice_is_done_once_and_says_the_same(door):
    phone = await door("wang")

    first = await phone.say("签到", once="once-00000001")
    second = await phone.say("签到", once="once-00000001")
    third = await phone.say("排行榜", once="once-00000001")

    assert first == second == third
    assert "签到成功" in first


HOSTILE = [
    ({"t": "0" * 64}, None, 403),
    ({"t": ""}, None, 403),
    ({"t": "é"}, None, 403),
    ({}, {"Origin": "https://evil.example.com"}, 403),
    ({}, {"Origin": "null"}, 403),
    ({"once": "short"}, None, 400),
    ({"once": "x" * 65}, None, 400),
    ({"once": "a b c d e f"}, None, 400),
    ({"words": "签" * 20_000}, None, 413),
    ({f"f{n}": "1" for n in range(40)}, None, 400),
]


@pytest.mark.parametrize(("form", "headers", "status"), HOSTILE)
async def test_a_forged_post_is_refused_and_does_nothing(door, form, headers, status):
    phone = await door("wang")

    await phone.post("say", headers, **{"words": "签到", **form})

    assert phone.status == status
    assert await ask(door, lambda db: checkins.days(db, "g1", "wang")) == []


async def test_another_s_token_or_cookie_is_no_use(door):
    wang, li = await door("wang"), await door("li")

    await li.say("签到", t=wang.token)
    assert li.status == 403
    li.http.cookie_jar.clear()
    li.http.cookie_jar.update_cookies({"salesbot_h5": "x.y.z"})
    await li.say("签到")

    assert li.status in (401, 403)
    assert await ask(door, lambda db: checkins.days(db, "g1", "li")) == []


async def test_a_sidebar_s_session_opens_no_page(door):
    from bot.sidebar.session import Keyring

    app = door.stage.running.app
    phone = await door()
    cookie, _ = await Keyring(app.writer, app.clock).begin("x/wang")
    phone.http.cookie_jar.update_cookies({"salesbot_h5": cookie})

    await phone.say("签到")

    assert phone.status == 401


async def test_fields_that_are_not_asked_for_mean_nothing(door):
    phone = await door("wang")

    await phone.say(
        "签到", points="999", delta="999", member="li", who="x/li", chat="g2", name="李"
    )

    rows = await ask(
        door, lambda db: db.rows("select member, delta from points where chat_id='g1'")
    )
    assert rows == [{"member": "wang", "delta": 1}]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data"])
async def test_only_a_plain_form_is_read(door, kind):
    phone = await door("wang")
    body = json.dumps({"t": phone.token, "once": "once-00000009", "words": "签到"})

    async with phone.http.post(f"{phone.base}say", data=body.encode(),
                               headers={"Content-Type": kind}) as answer:  # fmt: skip
        assert answer.status == 415

    assert await ask(door, lambda db: checkins.days(db, "g1", "wang")) == []


async def test_a_name_full_of_markup_is_only_text(door):
    name = "<script>alert(1)</script>"

    def rename(db):
        groups.join(db, "g1", "li", name, door.now)
        give(db, "li", 30, door.now)

    await ask(door, rename)
    phone = await door("li")
    said = await phone.say(f"今天想说 {name} 真的很想去看车")
    await phone.get("board")

    assert "签到成功" in said
    assert "<script" not in phone.page
    assert "script" in phone.page  # as much of it as a name may have


async def test_every_page_is_small_has_no_script_and_forbids_any(door):
    phone = await door("wang")
    for name in ("", "checkin", "play", "points", "prizes", "draw", "board", "drive", "me"):
        async with phone.http.get(phone.base + name) as answer:
            body, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        assert len(body.encode()) < 30_000, name
        assert "<script" not in body, name
        assert "style=" not in body, name
        assert "script-src" not in policy, name
        assert "default-src 'none'" in policy, name
        assert answer.headers["Cache-Control"] == "no-store"


async def test_whoever_taps_too_fast_is_slowed_down(door):
    phone = await door("wang")

    statuses = []
    for _ in range(35):
        await phone.say("排行榜")
        statuses.append(phone.status)

    assert statuses.count(429) == 5
    door.stage.clock.add(timedelta(minutes=1))
    await phone.say("排行榜")
    assert phone.status == 200


async def test_the_poster_is_a_picture_and_only_for_members(door):
    wang, other = await door("wang"), await door("c011")

    async with wang.http.get(f"{wang.base}poster.png") as answer:
        assert (await answer.read())[:8] == b"\x89PNG\r\n\x1a\n"
    await other.get("poster.png")

    assert other.status == 403


# Pieces


@given(st.text())
def test_no_token_breaks_the_reading(text):
    assert h5_address._LINK.fullmatch(text) is None or text.count(".") == 2


@given(st.text(max_size=40))
def test_a_poster_is_drawn_for_any_name(name):
    shown = {"name": name, "group": name, "streak": 3, "points": 5, "days": 9, "level": "",
             "badges": ["3天", "7天", "14天", "30天", "60天"]}  # fmt: skip

    assert "<svg" in posters.draw(shown)


NAMES = [("小李🚗", "小李"), ("🎉🎉", "群友"), ("王❤️女士", "王女士"), ("A★b", "Ab"), ("", "群友")]


@pytest.mark.parametrize(("name", "drawn_as"), NAMES)
def test_a_poster_leaves_out_what_its_font_has_not(name, drawn_as):
    assert posters.plain(name) == drawn_as


PHONES = [("138 0013 8000", "13800138000"), ("+86 138-0013-8000", "13800138000"),
          ("１３８００１３８０００", "13800138000"), ("12345678901", ""), ("1380013800", ""),
          ("", "")]  # fmt: skip


@pytest.mark.parametrize(("typed", "digits"), PHONES)
def test_a_number_is_read_however_it_is_typed(typed, digits):
    assert h5_drive.phone(typed) == digits


def test_a_bucket_fills_up_again_and_keeps_nothing_of_who_is_gone(db):
    tap, see = (Limit(name, 2, timedelta(minutes=1)) for name in ("tap", "see"))
    now = demo.START

    first = [tap.allows("a", now, db) for _ in range(3)]
    later = [tap.allows("a", now + timedelta(seconds=30), db) for _ in range(2)]

    assert first == [True, True, False]
    assert later == [True, False]
    assert tap.allows("b", now, db)
    assert see.allows("a", now, db)
    assert see.allows("c", now + timedelta(minutes=2), db)
    assert len(db.rows("select id from h5_taps")) == 1


def test_processes_that_share_a_store_share_the_bucket(tmp_path):
    stores = [Sqlite(tmp_path / "shared.db") for _ in range(2)]
    stores[0].migrate()
    limits = [Limit("tap", 3, timedelta(minutes=1)) for _ in stores]

    allowed = [limits[n % 2].allows("a", demo.START, stores[n % 2]) for n in range(6)]

    assert allowed == [True, True, True, False, False, False]
    for store in stores:
        store.close()


def test_the_link_stands_in_a_mass_message_for_each_group_by_itself(talk):
    reach = talk.settings.reach.model_copy(update={"pages": "https://bot.example.com"})
    talk.settings = talk.settings.model_copy(update={"reach": reach})
    talk.now += timedelta(hours=1)
    for chat in ("g1", "g2"):
        groups.put(talk.db, chat_id=chat, name=f"看车{chat}", kind="潜客", owner="zhang",
                   store="bj-cy", now=talk.now)  # fmt: skip
        groups.join(talk.db, chat, "zhang", "张伟", talk.now)

    did = talk.says("zhang", "群发 客户群：签到开始啦 {群链接}")

    assert [task.chats for task in did] == [("g1",), ("g2",)]
    links = [re.search(r"https://bot.example.com/h5/g/(\S+)/", t.text)[1] for t in did]
    opened = [h5_address.opened(token, talk.ctx())["chat_id"] for token in links]
    assert opened == ["g1", "g2"]


def test_a_customer_s_script_has_the_link_of_their_group(talk):
    from handlers import followups

    reach = talk.settings.reach.model_copy(update={"pages": "https://bot.example.com"})
    talk.settings = talk.settings.model_copy(update={"reach": reach})
    groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    assert "群链接" not in followups.values(talk.customer("wang"), talk.ctx())

    groups.join(talk.db, "g1", "wang", "王女士", talk.now)

    said = followups.values(talk.customer("wang"), talk.ctx())["群链接"]
    assert said.startswith("https://bot.example.com/h5/g/")


def test_whom_an_advisor_took_for_somebody_is_forgotten_with_them(talk):
    from handlers import privacy

    h5.put(talk.db, h5.Visitor("o/someone", "wang", "", "", "g1", talk.now))

    privacy.forget(talk.customer("wang"), "zhang", "customer", talk.ctx())

    assert h5.visitor(talk.db, "o/someone") is None


def test_the_staff_of_a_group_are_told_from_its_members(talk):
    from handlers import h5_guests

    groups.put(talk.db, chat_id="g1", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    for who in ("wang", "zhang", "chen"):
        groups.join(talk.db, "g1", who, who, talk.now)
    room = groups.get(talk.db, "g1")

    came = ("x/wang", "u/zhang", "u/CHEN", "x/li", "o/nobody", "u/stranger")
    roles = {who: h5_guests.guest(who, room, talk.ctx()).role for who in came}

    assert roles == {"x/wang": "member", "u/zhang": "staff", "u/CHEN": "staff",
                     "x/li": "looking", "o/nobody": "looking", "u/stranger": "looking"}  # fmt: skip


# In a play

PLAY = """advisor zhang: 群链接
page g1 wang: 签到
page g1 wang: 答题
page g1 li: A
page g1 zhang: 结束 答题
page g1 wang: 积分
page g1 wang: 预约试驾 车型=S6 日期=2026-03-07 时间=14:00 电话=13800138000 同意=是
page g1 c006: 签到
"""


async def test_a_play_says_what_the_page_says_and_the_same_each_time(
    knowledge, demo_store, tmp_path
):
    plays = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(demo_store, tmp_path / name / "sandbox.db")
        async with stage.open_stage(start=demo.START, frozen=True, knowledge=knowledge,
                                    folder=tmp_path / name) as found:  # fmt: skip
            steps = player.parse(PLAY, player.cast_of(demo.SETTINGS, demo.world()))
            plays.append([line async for line in found.play(steps)])

    said = "\n".join(plays[0])
    assert plays[0] == plays[1]
    assert "http://127.0.0.1:8080/h5/g/" in said
    assert "-> wang: ✅ 王女士 签到成功，今天第1位" in said
    assert "-> wang: 🎯 答题" in said
    assert "-> wang: 约好了：周六(3月7日)下午2点试驾S6（朝阳店）" in said
    assert "-> zhang: 📅 王女士在“青屿S6看车群”的页面上预约了" in said
    assert "-> c006: 您还不在这个群里" in said


async def test_the_same_form_from_a_second_session_of_theirs_is_done_once(door):
    first, second = await door("wang"), await door("wang")

    said = [await phone.say("签到", once="once-00000042") for phone in (first, second)]

    assert said[0] == said[1]
    assert "签到成功" in said[1]
