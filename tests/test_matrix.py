"""Every command of the chat × every role: nobody gets a word about somebody else's customer.

The examples are those of the documents, so a command that nobody has documented fails here too.
"""

import re
from pathlib import Path

import pytest

from handlers import commands
from handlers.settings import Colleague, Manager
from storage import appointments, customers, events, followups
from storage.customers import Customer

DOC = Path(__file__).parents[1] / "docs" / "conversation.md"
SECRET = "密语"  # stands in everything that is known of the customers below
CALLED = {"王女士": "慕容女士", "李先生": "司马先生"}  # whom no text of ours takes for an example
OTHERS = (
    Manager(userid="south", name="南方经理", stores=("gz-th",)),
    Manager(userid="city", name="广州经理", cities=("广州",)),
    Manager(userid="brand", name="品牌", brand=True),
)
COLLEAGUES = (
    Colleague(userid="wuqi", name="吴琪", role="社群运营", stores=("bj-cy",)),
    Colleague(userid="fu", name="傅明", role="车友服务官", stores=("bj-cy",)),
)
# Nobody of these may see a customer of zhang in bj-cy.
ROLES = ("lina", "zhao", "he", "south", "city", "brand", "wuqi", "fu", "stranger")
LINES = [line for line in re.findall(r"^(?:advisor|manager) \w+: (.+)$",
                                     DOC.read_text(encoding="utf-8"), re.M)]  # fmt: skip


LINES.append("好")  # answers an offer that only a pasted conversation brings


def example(pattern):
    return next((line for line in LINES if pattern.match(line.strip())), None)


EXAMPLES = {pattern.pattern: example(pattern) for pattern, _ in commands.COMMANDS}


def test_every_command_is_shown_in_the_documents():
    assert [pattern for pattern, line in EXAMPLES.items() if line is None] == []


@pytest.fixture
def known(talk):
    """Two customers of zhang, with a secret in every corner."""
    managers = (*talk.settings.managers, *OTHERS)
    talk.settings = talk.settings.model_copy(
        update={"managers": managers, "colleagues": COLLEAGUES}
    )
    with talk.db.atomic():
        for key in ("wang", "li"):
            name = CALLED[talk.customer(key).name]
            customers.change(talk.db, key, name=name, model=f"{SECRET}车",
                             source=f"{SECRET}展", level="H", level_reason=f"{SECRET}级",
                             tier_reason=f"{SECRET}档",
                             phone="13900001111", spoke_at=talk.now)  # fmt: skip
            customers.tag(talk.db, key, kind="concern", code="range", polarity=-1, now=talk.now,
                          evidence=f"{SECRET}续航")  # fmt: skip
            customers.said(talk.db, msg_id=f"s-{key}", customer_id=key, who="customer",
                           member="zhang", text=f"{SECRET}聊天", now=talk.now,
                           source="archive")  # fmt: skip
            events.add(talk.db, event_id=f"e-{key}", customer=key, kind="投诉", when=talk.now,
                       source="message", evidence=f"{SECRET}投诉")  # fmt: skip
            followups.plan(talk.db, followup_id=f"f-{key}", customer=key, advisor="zhang",
                           kind="own", due=talk.now, reason=f"{SECRET}跟进",
                           now=talk.now)  # fmt: skip
    talk.says("zhang", "记录 慕容女士 今天下午3点试驾")
    assert appointments.of(talk.db, "wang")
    return talk


@pytest.mark.parametrize("role", ROLES)
def test_no_command_tells_anybody_of_somebody_else_s_customer(known, role):
    told = {}
    for line in dict.fromkeys(map(called, filter(None, EXAMPLES.values()))):
        before = snapshot(known)
        signs = [SECRET, *(name for name in CALLED.values() if name not in line)]
        for said in (line, "1", "2", "3"):  # and the answers to what was asked
            for action in known.says(role, said):
                mine = getattr(action, "to", role) == role
                if mine and any(sign in repr(action) for sign in signs):
                    told[f"{line} → {said}"] = action
        assert snapshot(known) == before, line

    assert told == {}


def called(line):
    for ours, theirs in CALLED.items():
        line = line.replace(ours, theirs)
    return line


def snapshot(talk):
    """What is known of the two; no stranger's command changes it."""
    return [talk.customer(key) for key in ("wang", "li")]


def test_their_own_advisor_and_manager_do_see_them(known):
    """The check can fail: the secret is there to be found."""
    for who in ("zhang", "chen"):
        did = known.says(who, "客户 慕容女士")
        assert any(SECRET in repr(a) for a in did), who


def test_a_customer_of_that_name_elsewhere_changes_nothing(known):
    customers.add(known.db, Customer(id="w2", name="慕容女士", store="gz-th", owner="he",
                                     added_at=known.now))  # fmt: skip

    did = known.says("he", "客户 慕容女士")

    assert SECRET not in repr(did)
