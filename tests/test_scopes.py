"""Who sees whom: an advisor, a store, a city, the brand."""

import dataclasses
from datetime import timedelta

import pytest

from handlers import digests, names
from handlers.settings import Colleague, Manager
from handlers.team import Team
from handlers.values import Send
from storage import customers, events
from storage.customers import Customer

CITY = Manager(userid="city", name="城市经理", cities=("北京",))
BRAND = Manager(userid="brand", name="品牌", brand=True)
TRUSTED = Manager(userid="trusted", name="品牌客服", brand=True, names=True)
BOTH = Manager(userid="zhao", name="赵敏", stores=("gz-th",))  # advisor in one, manager of another
GROUPS = Colleague(userid="wuqi", name="吴琪", role="社群运营", stores=("bj-cy",))
SERVICE = Colleague(userid="fu", name="傅明", role="车友服务官", stores=("bj-cy", "gz-th"))
WHOSE = {"bj-cy": "zhang", "bj-hd": "zhao", "gz-th": "he"}


@pytest.fixture
def shops(talk):
    """A customer in each store, and managers of every reach."""
    for store, owner in WHOSE.items():
        customers.add(talk.db, Customer(id=f"c-{store}", name=f"顾客{store}", store=store,
                                        owner=owner, added_at=talk.now))  # fmt: skip
    managers = (*talk.settings.managers, CITY, BRAND, TRUSTED, BOTH)
    people = {"managers": managers, "colleagues": (GROUPS, SERVICE)}
    talk.settings = talk.settings.model_copy(update=people)
    return talk


SEES = [
    ("zhang", {"bj-cy"}),
    ("lina", set()),
    ("chen", {"bj-cy"}),
    ("city", {"bj-cy", "bj-hd"}),
    ("brand", set()),
    ("trusted", set(WHOSE)),
    ("zhao", {"bj-hd", "gz-th"}),
    ("wuqi", set()),
    ("fu", set()),
    ("stranger", set()),
]


@pytest.mark.parametrize(("who", "stores"), SEES)
def test_everybody_sees_their_own_and_nobody_else_s(shops, who, stores):
    seen = {c.store for c in names.visible(who, shops.ctx()) if c.name.startswith("顾客")}

    assert seen == stores
    for store in WHOSE:
        shops.says(who, f"客户 顾客{store}")
        shown = any(f"顾客{store}｜" in str(a) for a in shops.did)
        assert shown == (store in stores), store


def test_the_service_officer_sees_whose_car_was_handed_over(shops):
    shops.says("zhang", "记录 顾客bj-cy 下订")
    shops.says("zhang", "记录 顾客bj-cy 交付")
    shops.says("fu", "客户 顾客bj-cy")
    assert "顾客bj-cy｜" in str(shops.did)

    shops.says("fu", "客户 顾客gz-th")

    assert "顾客gz-th｜" not in str(shops.did)
    assert "顾客bj-cy" in {c.name for c in names.mentioned("顾客bj-cy说", "fu", shops.ctx())}


def test_a_city_and_the_brand_are_not_told_of_every_complaint(shops):
    shops.says("zhang", "记录 顾客bj-cy 投诉 空调坏了三次")

    told = {a.to for a in shops.did if isinstance(a, Send)}
    assert {"zhang", "chen"} <= told
    assert not told & {"city", "brand", "trusted"}


def test_the_brand_reads_figures_without_names(shops):
    for store, owner in WHOSE.items():
        with shops.db.atomic():
            events.add(shops.db, event_id=f"e{store}", customer=f"c-{store}", kind="投诉",
                       when=shops.now - timedelta(minutes=5), source="message",
                       evidence="漏水", by_whom=owner)  # fmt: skip
    ctx = shops.ctx()

    def edition(manager):
        found = digests.compile_for(Team(shops.settings).manager(manager), "evening", ctx)
        return found.text + str([dataclasses.astuple(p) for p in found.parts])

    assert "顾客bj-cy" in edition("city")
    assert "顾客gz-th" not in edition("city")
    assert "投诉3起" in edition("brand")
    assert "顾客" not in edition("brand")
    assert "顾客gz-th" in edition("trusted")


def test_who_asks_behind_a_figure_they_may_not_see_is_told_so(shops):
    shops.says("zhang", "记录 顾客bj-cy 投诉 空调坏了三次")
    shops.now += timedelta(minutes=5)
    shops.says("brand", "晚报")
    shops.says("brand", "详情 1")

    assert "名单只有门店看得到" in shops.texts("brand")
    assert "顾客bj-cy" not in shops.texts("brand")
