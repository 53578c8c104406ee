"""What callbacks missed is found and mended: in silence, page by page, however often cut off."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import aiohttp
import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.commands.reconcile import Walk, _told
from bot.config import Config, Storage, Wecom
from bot.sandbox import demo
from bot.sandbox.world import Customer
from bot.wecom.client import Client
from bot.wecom.errors import WeComError
from handlers import reconcile
from handlers.settings import Access
from handlers.values import Ask
from storage import customers, followups, groups, reconciles, relations
from storage.sqlite import Sqlite

ADVISORS = tuple(a.userid for a in demo.ADVISORS)
NIGHT = datetime.fromisoformat("2026-03-07T04:10:30+08:00")
KEYS = """
[wecom]
corp_id = "{world.corp_id}"
api_base = "{api}"
[wecom.app]
agent_id = {world.agent_id}
secret = "{world.app_secret}"
token = "t"
encoding_aes_key = "{aes}"
[storage]
url = "sqlite:///sandbox.db"
"""


@pytest.fixture
async def company(played, tmp_path):
    """The demo company with an operator; what the platform knows, and what the store knows."""
    settings = demo.SETTINGS.model_copy(update={"access": Access(operators=("chen",))})
    played.running.app.settings = settings

    class Company:
        stage = played
        app = played.running.app
        api = played.pretend.api
        contacts = played.pretend.api.contacts
        path = tmp_path / "sandbox.db"

        def joins(self, customer, user="zhang", name="小周"):
            """They become contacts, and no callback tells of it."""
            self.contacts.add(user, Customer(customer, name), "")

        async def db(self, run):
            return await played.running.writer.do(run)

        async def customer(self, key):
            return await self.db(lambda db: customers.get(db, key))

        async def night(self, at=NIGHT):
            """Connected, and the night comes; returns the run."""
            await self.app.tick()
            if not await self.db(reconciles.connected):
                await played.pretend.event("edit_external_contact", user="zhang", customer="wang")
                await self.app.idle()
            played.clock.set(at)
            await self.app.tick()
            await self.app.idle()
            return await self.db(reconciles.newest)

        def told(self, who="chen", after=0):
            found = (i for i in played.pretend.received(after) if i["to"] == who)
            return "\n".join(i["text"] for i in found if "对账" in i["text"])

    return Company()


@pytest.fixture
async def walk(company):
    """The command's way: the same store from a process of its own."""
    store = Sqlite(company.path)
    world = company.stage.pretend.world
    naps = []

    async def nap(seconds):
        naps.append(seconds)
        company.stage.clock.add(timedelta(seconds=seconds))

    async with aiohttp.ClientSession() as http:
        base = f"{company.stage.url}/sandbox/wecom"
        config = Config(wecom=Wecom(corp_id=world.corp_id, api_base=base),
                        settings=company.app.settings, storage=Storage(url="sqlite:///sandbox.db"),
                        folder=company.path.parent)  # fmt: skip
        clock = company.stage.clock
        client = Client(http, base, world.corp_id, clock.now)
        found = Walk(store, config, client, clock, secret=world.contact_secret, sleep=nap)
        found.naps = naps
        found.store = store
        yield found
    store.close()


# In the night


async def test_a_company_that_is_not_connected_is_not_asked(company):
    await company.app.tick()
    company.stage.clock.set(NIGHT)
    await company.app.tick()
    await company.app.idle()

    assert await company.db(reconciles.newest) is None


async def test_what_is_in_step_is_left_alone_and_nobody_is_told(company):
    run = await company.night()

    assert (run.state, run.counts["contacts"]) == ("done", 120)
    assert not reconcile.mended(run)
    assert company.told() == ""


async def test_contacts_that_no_callback_told_of_come_in_silently(company):
    company.joins("wmlost1", name="小周")
    seen = len(company.stage.pretend.received())

    run = await company.night()

    assert run.counts["added"] == 1
    found = await company.customer("wmlost1")
    assert (found.name, found.owner, found.store, found.tier) == ("小周", "zhang", "bj-cy", "low")
    assert await company.db(lambda db: followups.open_of(db, "wmlost1")) == []
    assert "补上1位没收到通知的客户" in company.told(after=seen)
    assert not any("小周" in i["text"] for i in company.stage.pretend.received(seen))


async def test_who_is_gone_is_not_followed_any_more(company):
    await company.night()
    company.contacts.part("zhang", "wang")

    run = await company.night(NIGHT + timedelta(days=1))

    assert run.counts["gone"] == 1
    assert (await company.customer("wang")).deleted_at is not None
    assert await company.db(lambda db: followups.open_of(db, "wang")) == []


async def test_a_remark_a_transfer_and_a_second_advisor_are_taken_over(company):
    company.joins("wmlost1")
    await company.night()
    company.contacts.edit("zhang", "wmlost1", "周女士 M8", None)
    company.contacts.part("zhang", "li")
    company.joins("li", user="lina")
    company.joins("wang", user="lina")

    run = await company.night(NIGHT + timedelta(days=1))

    assert (await company.customer("wmlost1")).name == "周女士 M8"
    assert (await company.customer("li")).owner == "lina"
    assert (await company.customer("wang")).owner == "zhang"
    assert {n: run.counts.get(n) for n in ("renamed", "owner", "second", "gone")} == {
        "renamed": 1, "owner": 1, "second": 2, "gone": None,
    }  # fmt: skip


async def test_groups_and_their_members_follow(company):
    await company.night()
    company.contacts.start_chat("wrlost", "新车主群", "lina")
    company.contacts.join("wrlost", ["wang", "wmX"], "lina")
    company.contacts.leave("g1", ["li"])
    company.contacts.chats["g1"].name = "换了名字"

    run = await company.night(NIGHT + timedelta(days=1))

    inside = await company.db(lambda db: groups.members(db, "wrlost"))
    assert set(inside) == {"lina", "wang", "wmX"}
    assert "li" not in await company.db(lambda db: groups.members(db, "g1"))
    assert (await company.db(lambda db: groups.get(db, "g1")))["name"] == "换了名字"
    assert (run.counts["groups"], run.counts["left"], run.counts["regrouped"]) == (1, 1, 1)

    del company.contacts.chats["wrlost"]
    run = await company.night(NIGHT + timedelta(days=2))
    assert run.counts["dismissed"] == 1


async def test_a_list_that_loses_most_contacts_at_once_is_doubted(company, walk):
    for n in range(40):
        company.joins(f"wm{n:03}", user="sun")
    await company.night()
    for n in range(40):
        company.contacts.part("sun", f"wm{n:03}")

    run = await company.night(NIGHT + timedelta(days=1))

    assert run.counts["doubtful"] == 40
    assert (await company.customer("wm001")).deleted_at is None
    assert "整批消失" in company.told()

    walk._trust = True
    run = await walk.run()
    assert run.counts["gone"] == 40
    assert (await company.customer("wm001")).deleted_at is not None


async def test_contacts_that_went_over_to_a_colleague_are_not_doubted(company):
    for n in range(40):
        company.joins(f"wm{n:03}", user="sun")
    await company.night()
    for n in range(40):
        company.contacts.part("sun", f"wm{n:03}")
        company.joins(f"wm{n:03}", user="he")

    run = await company.night(NIGHT + timedelta(days=1))

    assert (run.counts["owner"], run.counts.get("doubtful"), run.counts.get("gone")) == (
        40, None, None,
    )  # fmt: skip


PAGES = [
    ({"errcode": 50100}, {"worn": 3, "unread": 1}),  # never takes its own cursor
    ({"next_cursor": "round"}, {"unread": 1}),  # leads back to itself
]


@pytest.mark.parametrize(("page", "counts"), PAGES, ids=["worn", "round"])
def test_a_list_without_an_end_is_left(talk, page, counts):
    did, asked = list(reconcile.start("asked", talk.ctx())), 0
    answers = {"members": {"follow_user": ["zhang"]}, "contacts": page}
    while did and isinstance(did[0], Ask):
        asked += 1
        told = _told(did[0], answers.get(did[0].call, {}), talk.now)
        did = talk.tell(told)

    run = reconciles.newest(talk.db)
    assert (run.state, run.counts) == ("done", {"unable": 7, **counts})
    assert asked < 10


async def test_a_right_that_is_missing_is_told_once(company):
    company.api.plan_faults("externalcontact/get_follow_user_list", 48002, times=2)

    first = await company.night()
    second = await company.night(NIGHT + timedelta(days=1))

    assert (first.state, second.state) == ("failed", "failed")
    assert company.told().count("可调用接口的应用") == 1


async def test_a_limit_is_waited_for_and_nothing_is_lost(company):
    company.joins("wmlost1")
    company.api.plan_faults("externalcontact/batch/get_by_user", 45009)
    company.api.plan_faults("externalcontact/groupchat/get", 45033, times=2)

    run = await company.night()
    for _ in range(3):
        company.stage.clock.add(timedelta(minutes=2))
        await company.app.idle()
    run = await company.db(reconciles.newest)

    assert (run.state, run.counts["added"]) == ("done", 1)


@pytest.mark.parametrize(("was", "now"), [("zhang", "lina"), ("lina", "zhang")])
async def test_who_takes_over_gets_what_is_owed_whoever_is_read_first(company, was, now):
    await company.stage.pretend.event(
        "add_external_contact", user=was, customer="wmnew1", name="小周"
    )
    await company.app.idle()
    company.contacts.part(was, "wmnew1")
    company.joins("wmnew1", now)

    run = await company.night()

    assert (await company.customer("wmnew1")).owner == now
    owed = await company.db(lambda db: followups.open_of(db, "wmnew1"))
    assert [f.advisor for f in owed] == [now]
    assert "gone" not in run.counts


async def test_a_cursor_that_is_refused_begins_the_list_anew(company, walk):
    for n in range(250):
        company.joins(f"wm{n:03}", user="sun")
    question, worn = walk._act("begin", walk._begin), 0
    while question:
        if question.body.get("cursor") and not worn:
            question = replace(question, body={**question.body, "cursor": "worn"})
            worn += 1
        told = _told(question, await walk._answer(question), company.stage.clock.now())
        question = walk._act(told.id, partial(reconcile.took, told))

    run = await company.db(reconciles.newest)
    assert (worn, run.state, run.counts["added"]) == (1, "done", 250)
    assert (run.counts["worn"], "unread" in run.counts) == (1, False)


async def test_a_run_whose_answer_never_came_is_asked_again(company):
    await company.db(lambda db: list(reconcile.start("night", _ctx(company, db))))
    company.stage.clock.add(timedelta(hours=2))

    await company.app.tick()
    await company.app.idle()

    assert (await company.db(reconciles.newest)).state == "done"


def _ctx(company, db):
    return company.app.ctx(db, "test", company.stage.clock.now())


# The first connection


async def test_thousands_of_contacts_come_in_and_nobody_hears_of_it(company):
    for n in range(3000):
        company.joins(f"wm{n:05}", ADVISORS[n % len(ADVISORS)], f"客户{n}")
    for n in range(50):
        company.contacts.start_chat(f"wr{n:03}", f"看车{n}群", ADVISORS[n % len(ADVISORS)])
        company.contacts.join(f"wr{n:03}", [f"wm{(n * 7 + k) % 3000:05}" for k in range(20)])
    await company.app.tick()
    seen = len(company.stage.pretend.received())

    run = await company.night()

    assert (run.counts["added"], run.counts["groups"]) == (3000, 50)
    said = company.stage.pretend.received(seen)
    new = {f"客户{n}" for n in range(3000)}
    assert not any(i["to"].startswith("wm") or name in i["text"].split() for i in said
                   for name in new)  # fmt: skip
    owed = "select count(*) as n from followups where customer like 'wm%'"
    assert (await company.db(lambda db: db.rows(owed)))[0]["n"] == 0
    bodies = "select max(length(body)) as n from inbox where channel = 'told'"
    assert (await company.db(lambda db: db.rows(bodies)))[0]["n"] == 2
    again = await company.night(NIGHT + timedelta(days=1))
    assert again.counts["contacts"] == 3120
    assert not reconcile.mended(again)


async def test_who_was_found_is_followed_once_they_speak(company):
    company.joins("wmlost1", name="小周")
    await company.night()
    company.stage.clock.set(NIGHT + timedelta(hours=6))

    await company.stage.say("app", "zhang", "客户小周说：S6有点贵，周末能试驾吗")
    await company.app.idle()

    assert await company.db(lambda db: followups.open_of(db, "wmlost1")) != []
    assert (await company.customer("wmlost1")).spoke_at is not None


# On demand


async def test_the_command_does_the_same_and_says_so(company, walk):
    company.joins("wmlost1", name="小周")

    run = await walk.run()

    assert (run.state, run.counts["added"]) == ("done", 1)
    assert (await company.customer("wmlost1")).name == "小周"
    await company.app.idle()
    assert "补上1位" in company.told()


async def test_it_waits_as_long_as_the_platform_says(company, walk):
    company.api.plan_faults("externalcontact/groupchat/list", 45009, times=2)
    company.api.plan_faults("externalcontact/groupchat/get", 45033)

    run = await walk.run()

    assert run.state == "done"
    assert walk.naps == [60.0, 60.0, 1.0]


async def test_cut_off_it_goes_on_where_it_stood(company, walk):
    for n in range(300):
        company.joins(f"wm{n:03}", ADVISORS[n % 4])
    company.api.plan_faults("externalcontact/groupchat/list", -1, times=10)

    with pytest.raises(WeComError):
        await walk.run()
    before = company.api.calls["externalcontact/batch/get_by_user"]
    run = await walk.run()

    assert (run.state, run.counts["added"]) == ("done", 300)
    assert company.api.calls["externalcontact/batch/get_by_user"] == before


async def test_an_answer_that_comes_twice_counts_once(company, walk):
    company.joins("wmlost1")
    question = walk._act("begin", walk._begin)
    told = _told(question, await walk._answer(question), company.stage.clock.now())
    walk._act(told.id, partial(reconcile.took, told))

    assert walk._act(told.id, partial(reconcile.took, told)) is None
    assert (await company.db(reconciles.newest)).number == 1


async def test_a_refusal_is_told_and_a_trial_changes_nothing(company, tmp_path):
    company.joins("wmlost1")
    config = _config(company, tmp_path / "config.toml")
    company.api.plan_faults("externalcontact/get_follow_user_list", 48002)
    refused = await _run(config)
    assert (refused.exit_code, "可调用接口的应用" in refused.output) == (1, True)

    found = json.loads((await _run(config, "--dry-run", "--json")).stdout)

    assert found["dry_run"]
    assert found["counts"]["added"] == 1
    assert await company.customer("wmlost1") is None


async def test_the_command_takes_the_token_that_the_program_left_on_the_shelf(company, tmp_path):
    (tmp_path / "var").mkdir(exist_ok=True)
    config = _config(company, tmp_path / "own.toml")
    await _run(config)
    before = company.api.calls["gettoken"]

    result = await _run(config)

    assert result.exit_code == 0, result.output
    assert company.api.calls["gettoken"] == before


def _config(company, path):
    world = company.stage.pretend.world
    api = f"{company.stage.url}/sandbox/wecom"
    people = "".join(f'[[stores]]\nid = "{s.id}"\nname = "{s.name}"\n' for s in demo.STORES)
    people += "".join(
        f'[[advisors]]\nuserid = "{a.userid}"\nname = "{a.name}"\nstore = "{a.store}"\n'
        for a in demo.ADVISORS
    )
    path.write_text(KEYS.format(world=world, api=api, aes="A" * 43) + people)
    return path


async def _run(config, *options):
    def call():
        return CliRunner().invoke(main, ["--config", str(config), "reconcile", *options])

    return await asyncio.to_thread(call)


# Tags written back


async def test_tags_reach_the_platform_and_hand_made_ones_stay(company):
    on = company.app.settings.contacts.model_copy(update={"write_tags": True})
    company.app.settings = company.app.settings.model_copy(update={"contacts": on})
    await company.stage.pretend.event("tag_create", group="客户类型", name="老客户")
    await company.stage.pretend.event(
        "edit_external_contact", user="zhang", customer="wang", tags="老客户"
    )
    await company.app.idle()
    await company.stage.say("app", "zhang", "客户王女士说：有点贵，冬天续航怎么样")
    await company.app.idle()

    for _ in range(15):
        company.stage.clock.add(timedelta(minutes=1))
        await company.app.tick()
        await company.app.idle()

    follow = company.contacts.get({"external_userid": "wang"}, {})["follow_user"][0]
    families = Counter(tag["group_name"] for tag in follow["tags"])
    assert families["客户类型"] == 1
    assert 0 < families["销售助手"] <= 6
    (row,) = await company.db(lambda db: relations.of(db, "wang"))
    assert row.marked_at is not None
    assert company.api.calls["externalcontact/mark_tag"] == 1
