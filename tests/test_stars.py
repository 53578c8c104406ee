"""How was it? Asked once after a visit, told by a tap, counted apart, and heard when it was bad."""

import re
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox import player
from bot.sandbox.phones import told
from handlers import privacy, stars
from handlers.analytics import people, service
from handlers.analytics.scope import Scope
from handlers.settings import Manager, Reach
from handlers.values import Card
from storage import customers, erasure, touches
from storage import stars as rows
from storage import watch as alerts
from storage.erasure import Person
from storage.stars import Star

ROOT = Path(__file__).parents[1]

PLAY = """
@clock 2026-03-06 10:00
advisor zhang: 记录 王女士 到店并试驾
@clock +3h
tap zhang: 给我链接
page 评价 wang: 打开
page 评价 wang: 2星
page 评价 wang: 等了四十分钟才有人理，打 13800138000 也没人接
page 评价 wang: 5星
page 评价 wang: 打开
manager chen: 预警
manager chen: 预警 1 已解决 已电话致歉
"""


async def play(stage, text):
    cast = player.cast_of(stage.running.app.settings, stage.pretend.world)
    return [line async for line in stage.play(player.parse(text, cast))]


async def asked(stage, act):
    return await stage.running.app.writer.do(act)


def satisfied(ctx, *stores):
    span = (ctx.now - timedelta(days=7), ctx.now + timedelta(days=1))
    table = service.satisfaction(Scope(stores, *span), ctx)
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


async def test_a_bad_visit_reaches_the_manager_with_words_owner_and_deadline(played):
    lines = await play(played, PLAY)
    said = "\n".join(lines)
    assert said.count("请王女士评价一下？") == 1
    assert "请不要许诺礼品或返现" in said
    assert "3月6日来店试驾，您满意吗？" in said
    assert "这次接待您的是张伟" in said
    assert "王女士" not in told_to(lines, "wang")  # a link may be passed on
    assert "⚠️ 低评分：朝阳店" in said
    assert "王女士给3月6日来店试驾打了2星（不满意，客户自评），顾问张伟" in said
    assert "前处理" in said
    assert "补了一句：“等了四十分钟才有人理，打 138****8000 也没人接”" in said
    assert "您已经评过了：2星（不满意）" in said
    assert "低评分记为已解决" in said
    found = await asked(played, lambda db: rows.newest(db, "wang", played.clock.now()
                                                       - timedelta(days=1)))  # fmt: skip
    assert (found.stars, found.channel, found.state) == (2, stars.OWN, rows.RATED)


def told_to(lines, who):
    return "\n".join(line for line in lines if line.startswith(f"-> {who}:"))


async def test_forged_old_and_withdrawn_links_get_one_clear_sentence(played):
    await play(played, "\n".join(PLAY.splitlines()[1:5]))
    link = await played.link("评价")
    pages = {}
    async with aiohttp.ClientSession() as http:

        async def get(name, to, form=None, **more):
            call = http.post(f"{to}rate", data=form, **more) if form else http.get(to)
            async with call as answer:
                text = await answer.text()
                pages[name] = (answer.status, told(text, "main"))
                return text

        page = await get("fresh", link)
        await get("forged", link[:-3] + "00/")
        await get("none", link, {"stars": "9"})
        await get("elsewhere", link, {"stars": "1"}, headers={"Origin": "https://evil.example"})
        played.clock.add(timedelta(days=15))
        await get("old", link)
        await get("late", link, {"stars": "5"})

    assert "<script" not in page
    assert page.count('name="stars"') == 5
    assert {name: status for name, (status, _) in pages.items()} == {
        "fresh": 200, "forged": 404, "none": 200, "elsewhere": 403, "old": 404, "late": 404,
    }  # fmt: skip
    assert stars.BROKEN in pages["forged"][1]
    assert stars.BAD_STARS in pages["none"][1]
    assert stars.EXPIRED.format(days=14) in pages["old"][1]
    found = await asked(played, lambda db: rows.newest(db, "wang", played.clock.now()
                                                       - timedelta(days=30)))  # fmt: skip
    assert found.rated_at is None


@pytest.fixture
def shop(talk):
    """A store whose pages can be reached."""
    talk.settings = talk.settings.model_copy(update={"reach": Reach(pages="https://shop.example")})
    return talk


def cards(sent):
    return [a for a in sent if isinstance(a, Card) and "评价一下" in a.title]


def newest(talk):
    return rows.newest(talk.db, "wang", talk.now - timedelta(days=30))


def test_one_visit_is_asked_about_once_whatever_is_tapped(shop):
    shop.says("zhang", "记录 王女士 到店")
    shop.says("zhang", "记录 王女士 试驾")
    sent = shop.wait(hours=3)
    shop.says("zhang", "记录 王女士 报价23万")
    later = shop.wait(days=2)

    assert [card.to for card in cards(sent)] == ["zhang"]
    assert "来店试驾" in cards(sent)[0].text
    assert cards(later) == []


@pytest.mark.parametrize("why", ["undone", "refused", "deleted", "off", "no pages"])
def test_nobody_is_asked_who_should_not_be(shop, why):
    if why in ("off", "no pages"):
        off = {"stars": shop.settings.stars.model_copy(update={"on": False})}
        update = off if why == "off" else {"reach": Reach()}
        shop.settings = shop.settings.model_copy(update=update)
    shop.says("zhang", "记录 王女士 到店")
    if why == "undone":
        shop.says("zhang", "撤销")
    elif why in ("refused", "deleted"):
        column = {"refused": "opted_out_at", "deleted": "deleted_at"}[why]
        customers.change(shop.db, "wang", **{column: shop.now})

    assert cards(shop.wait(hours=5)) == []


def test_the_ledger_is_asked_when_it_is_due_and_when_it_is_tapped(shop):
    for n in range(9):  # the week is full
        touches.note(shop.db, touch_id=f"t{n}", person="wang", channel="advisor",
                     kind="marketing", by="zhang", now=shop.now)  # fmt: skip
    shop.says("zhang", "记录 王女士 到店")
    assert cards(shop.wait(hours=6)) == []

    shop.db.run("delete from touches")
    sent = shop.wait(hours=2)
    assert len(cards(sent)) == 1
    shop.did = cards(sent)
    customers.change(shop.db, "wang", opted_out_at=shop.now)
    shop.taps("zhang", "给我链接")
    assert "王女士已退订" in shop.texts()
    assert "/h5/r/" not in shop.texts()


def test_what_an_advisor_noted_for_a_customer_is_taken_back_with_the_alarm(shop):
    shop.says("zhang", "记录 王女士 到店")
    asked_at = newest(shop).due_at
    shop.says("zhang", "评价 王女士 2星 停车不好找")
    shop.says("zhang", "撤销")

    assert "已撤销：王女士对3月6日来店看车2星（不满意）的代录。" in shop.texts()
    assert "给经理的低评分预警一起撤回" in shop.texts()
    assert "张伟撤销了" in shop.texts("chen")
    assert alerts.open_of(shop.db, "chen", ("bj-cy",)) == []
    assert satisfied(shop.ctx(), "bj-cy") == []
    assert (newest(shop).state, newest(shop).due_at) == (rows.WAITING, asked_at)  # asked as before

    shop.says("zhang", "评价 王女士 1星")  # meant like that: the manager is told
    assert [a.kind for a in alerts.open_of(shop.db, "chen", ("bj-cy",))] == ["低评分"]
    shop.says("zhang", "评价 王女士 4星")
    shop.says("zhang", "撤销")
    assert "又是之前记的1星。" in shop.texts()
    assert len(alerts.open_of(shop.db, "chen", ("bj-cy",))) == 1  # of the rating that stands again


def test_a_customers_own_stars_are_not_taken_back_by_an_advisor(shop):
    shop.says("zhang", "记录 王女士 到店")
    shop.says("zhang", "评价 王女士 4星")
    stars.rated(newest(shop), 3, shop.ctx())
    shop.says("zhang", "撤销")

    assert "撤销不了：客户之后自己评过了，以客户自己的为准" in shop.texts()
    assert (newest(shop).stars, newest(shop).channel) == (3, stars.OWN)


def test_what_an_advisor_was_told_is_counted_apart_and_gives_way(shop):
    shop.says("zhang", "记录 王女士 到店")
    shop.says("zhang", "评价 王女士 2星 停车不好找")
    assert "记下了：王女士对3月" in shop.texts()
    assert "2星（不满意），算作顾问代录" in shop.texts()
    assert [a.kind for a in alerts.open_of(shop.db, "chen", ("bj-cy",))] == ["低评分"]
    shop.says("zhang", "评价 王女士 四星")
    found = satisfied(shop.ctx(), "bj-cy")
    assert [(r["by"], r["what"], r["good"], r["bad"]) for r in found] == [
        (stars.TOLD, "到店", 1, 0)]  # fmt: skip

    stars.rated(newest(shop), 3, shop.ctx())
    shop.says("zhang", "评价 王女士 非常满意")

    assert "以客户自己的为准" in shop.texts()
    found = satisfied(shop.ctx(), "bj-cy")
    assert [(r["by"], r["middle"], r["share"]) for r in found] == [(stars.OWN, 1, None)]
    assert found[0]["of"].startswith("样本不足")
    assert satisfied(shop.ctx(), "gz-th") == []


def test_the_digest_counts_them_and_names_who_was_not_content(shop):
    shop.says("zhang", "记录 王女士 到店")
    stars.rated(newest(shop), 1, shop.ctx(), words="等太久")
    shop.now += timedelta(days=1)

    shop.says("chen", "日报")
    text = shop.texts("chen")
    n = re.search(r"(\d)\. 客户评价1条：满意0、一般0、不满意1", text)[1]
    assert "给王女士打个电话：到店只给了1星" in text
    shop.says("chen", f"详情 {n}")

    assert "王女士 到店1星“等太久”（张伟）" in shop.texts("chen")


def test_without_a_visit_there_is_nothing_to_rate(shop):
    shop.says("zhang", "评价 李先生 满意")

    assert "先记录" in shop.texts() or "没有记到店" in shop.texts()


def test_good_stars_are_told_to_the_advisor_and_alarm_nobody(shop):
    shop.says("zhang", "记录 王女士 交付")
    one = newest(shop)

    words, actions = stars.rated(one, 5, shop.ctx())

    assert words == stars.THANKS
    assert [(a.to, "打了5星（非常满意）" in a.text) for a in actions] == [("zhang", True)]
    assert alerts.open_of(shop.db, "chen", ("bj-cy",)) == []
    assert stars.rated(newest(shop), 1, shop.ctx())[1] == []


def test_where_a_store_has_no_manager_the_city_s_is_alarmed_but_never_who_reads_figures(shop):
    above = (Manager(userid="brand", name="品牌", brand=True),
             Manager(userid="city", name="北京经理", cities=("北京",)))  # fmt: skip
    shop.settings = shop.settings.model_copy(update={"managers": above})
    shop.says("zhang", "记录 王女士 到店")

    _, actions = stars.rated(newest(shop), 1, shop.ctx())

    assert {a.to for a in actions} == {"city"}


def test_it_is_shown_to_the_customer_and_erased_with_them(shop):
    shop.says("zhang", "记录 王女士 到店")
    stars.rated(newest(shop), 1, shop.ctx(), words="王女士等太久")

    profile = privacy.profile(shop.customer("wang"), shop.ctx())
    assert profile["stars"][0]["words"] == "王女士等太久"
    with shop.db.atomic():
        erasure.erase(shop.db, Person("wang", ("王女士",)))

    assert shop.db.rows("select * from stars") == []
    kept = shop.db.rows("select about, why, evidence from alerts")
    assert "王女士" not in repr(kept)
    assert "wang" not in repr(kept)


def test_sentences_fade_and_figures_stay(shop):
    shop.says("zhang", "记录 王女士 到店")
    stars.rated(newest(shop), 4, shop.ctx(), words="都挺好")

    rows.fade(shop.db, shop.now + timedelta(days=1))

    assert (newest(shop).words, newest(shop).stars) == ("", 4)


KF = """
@clock 2026-03-06 10:00
kf wang: 你好
advisor zhang: 记录 王女士 到店
kf wang: 家里没车位怎么充电
"""


async def test_in_the_service_chat_the_question_follows_an_answer_and_comes_once(played):
    lines = await play(played, KF)
    menus = [line for line in lines if "您满意吗" in line]
    assert len(menus) == 1
    assert "［5星 非常满意／4星 满意／3星 一般／2星 不满意／1星 很不满意］" in menus[0]

    lines = await play(played, "kf wang: 1星 很不满意\n@clock +6h\nkf wang: 谢谢")

    said = "\n".join(lines)
    assert stars.SORRY in said
    assert "低评分" in said
    assert "请王女士评价一下" not in said
    assert "您满意吗" not in said


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [(375, 760), (320, 568)])
async def test_on_a_phone_it_is_one_tap_without_script(played, size, chromium):
    await play(played, "\n".join(PLAY.splitlines()[1:5]))
    async with chromium as browser:
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]}, java_script_enabled=False
        )
        page = await context.new_page()
        await page.goto(await played.link("评价"))
        boxes = [await b.bounding_box() for b in await page.locator("button").all()]
        wide = await page.locator("main").bounding_box()
        await page.get_by_role("button", name="4星，满意").click()
        heading = await page.locator("h1").inner_text()
        await page.locator("textarea").fill("<b>试驾</b>路线很好")
        await page.get_by_role("button", name="发送").click()
        said = await page.locator(".said").inner_text()
        left = await page.locator("button").count()
        mine = await page.locator(".mine").inner_text()

    assert [box["height"] >= 44 for box in boxes] == [True] * 5
    assert wide["x"] + wide["width"] <= size[0]
    assert heading == "您给了 4 星：满意"
    assert re.match("收到，谢谢您", said)
    assert left == 0
    assert mine == "<b>试驾</b>路线很好"


# By advisor


def rate(talk, who, *given, channel=stars.OWN, store="bj-cy"):
    for n in given:
        made = Star(talk.ctx().new_id(), "e", "wang", who, store, "到店", rows.GIVEN, talk.now)
        rows.put(talk.db, made)
        rows.rate(talk.db, made.id, n, channel, talk.now, stars.TOLD)


def by_advisor(talk, *stores):
    span = (talk.now - timedelta(days=7), talk.now + timedelta(days=1))
    table = people.satisfaction(Scope(stores, *span), talk.ctx())
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


def test_the_worked_example_of_an_advisor_beside_the_others(talk):
    rate(talk, "zhang", 5, 5, 5, 4, 2)
    rate(talk, "zhang", 1, 1, channel=stars.TOLD)
    rate(talk, "wangq", 4, 4, 4, 3, 2, 2)
    rate(talk, "lina", 5, 5, 5, 3)
    rate(talk, "zhao", 1, 1, 1, 1, 1, store="bj-hd")

    found = by_advisor(talk, "bj-cy")

    assert [one["who"] for one in found] == ["王强", "张伟", "李娜"]  # the least liked first
    zhang, lina = found[1], found[2]
    assert (zhang["good"], zhang["middle"], zhang["bad"], zhang["told"]) == (4, 0, 1, 2)
    assert (zhang["share"], zhang["mean"], zhang["beside"]) == (0.8, 4.2, "高20个百分点")
    assert (lina["share"], lina["beside"]) == (None, "样本不足")
    assert lina["of"].startswith("样本不足")
    text = (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8")
    assert "4÷5＝**80 %**" in text
    assert "**高 20 个百分点**" in text
    assert {one["store"] for one in by_advisor(talk, "bj-cy", "bj-hd")} == {"朝阳店", "海淀店"}
    assert by_advisor(talk, "gz-th") == []


def test_the_customer_goes_on_with_another_and_the_stars_stay(talk):
    rate(talk, "zhang", 5, 5, 5, 5, 5)
    customers.change(talk.db, "wang", owner="lina")

    assert [(one["who"], one["share"]) for one in by_advisor(talk, "bj-cy")] == [("张伟", 1.0)]
