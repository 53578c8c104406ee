"""rules dry-run of the cadence and the playbook: each row's hits now and otherwise."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from handlers import cadence, cadence_table, playbook, rehearsal, whatif
from storage import customers, events, groups, leads, rules
from storage.leads import Lead


def happened(talk, kind, days, key="wang"):
    at = talk.now - timedelta(days=days)
    events.add(talk.db, event_id=f"{key}{kind}{days}", customer=key, kind=kind, when=at,
               source="advisor")  # fmt: skip


def run(talk, was, now=None, given=()):
    ctx = talk.ctx()
    found = rehearsal.run(whatif.among("", 0, ctx), was, now or was, given, ctx)
    return {row[0]: row[2:] for row in found.rows}


def own(tmp_path, *changes):
    text = cadence.FILE.read_text(encoding="utf-8")
    for was, becomes in changes:
        assert was in text
        text = text.replace(was, becomes, 1)
    path = tmp_path / "cadence-own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_event_counts_for_the_rows_of_its_moment_and_only_within_the_days(talk):
    happened(talk, "试驾", 3)
    happened(talk, "试驾", 20)
    happened(talk, "试驾", 40)
    happened(talk, "到店", 3)
    before = rules.hits(talk.db), talk.db.rows("select * from followups")

    found = run(talk, rehearsal.of_cadence(cadence.table(), 30))

    assert found["drive.family"] == (2, 2, 0)
    assert found["visit.call"] == (1, 1, 0)
    assert found["owner.day7"] == (0, 0, 0)
    assert (rules.hits(talk.db), talk.db.rows("select * from followups")) == before


def test_who_wrote_before_it_was_due_would_not_have_been_reminded_of(talk):
    happened(talk, "报价", 3)
    side = rehearsal.of_cadence(cadence.table(), 30)
    assert run(talk, side)["quote.again"] == (1, 1, 0)

    customers.change(talk.db, "wang", spoke_at=talk.now - timedelta(days=3) + timedelta(hours=1))

    assert run(talk, side)["quote.again"] == (0, 0, 0)
    assert run(talk, side)["quote.check"] == (0, 0, 0)


def cadenced(talk, given=()):
    return run(talk, rehearsal.of_cadence(cadence.table(), 30), given=given)


# Moments that no event of the journey tells


def test_the_eve_and_the_hour_of_an_appointment_are_moments(talk):
    talk.says("zhang", "记录 王女士 周日下午3点试驾")
    talk.says("zhang", "记录 李先生 周日下午4点到店")
    talk.says("zhang", "李先生不来了")
    talk.now += timedelta(days=4)

    found = cadenced(talk)

    assert found["appointment.drive_confirm"] == (1, 1, 0)
    assert found["appointment.drive_after"] == (1, 1, 0)
    assert found["appointment.confirm"] == found["appointment.after"] == (0, 0, 0)


@pytest.mark.parametrize(
    ("said", "confirms"), [("王女士确认了", 0), ("王女士改到周二上午10点", 1), ("", 1)]
)
def test_what_was_settled_before_the_eve_was_not_asked_then(talk, said, confirms):
    talk.says("zhang", "记录 王女士 周日下午3点到店")
    talk.now += timedelta(hours=2)
    if said:
        talk.says("zhang", said)
    talk.now += timedelta(days=6)

    found = cadenced(talk)

    assert found["appointment.confirm"][0] == confirms
    assert found["appointment.after"][0] == 1


def test_who_had_come_by_then_was_not_asked_whether(talk):
    talk.says("zhang", "记录 王女士 周日下午3点到店")
    talk.now += timedelta(days=2, hours=6)
    talk.says("zhang", "王女士到店了")
    talk.now += timedelta(days=1)

    assert cadenced(talk)["appointment.after"][0] == 0


def said(talk, key, *days):
    for n in days:
        customers.said(talk.db, msg_id=f"{key}{n}", customer_id=key, who="customer", member="",
                       text="好", now=talk.now - timedelta(days=n), source="paste")  # fmt: skip


def test_weeks_in_a_group_are_moments_and_other_numbers_move_them(talk):
    groups.put(talk.db, chat_id="g", name="看车群", kind="潜客", owner="zhang", store="bj-cy",
               now=talk.now)  # fmt: skip
    groups.join(talk.db, "g", "wang", "王", talk.now - timedelta(days=20))
    groups.join(talk.db, "g", "li", "李", talk.now - timedelta(days=40))
    said(talk, "wang", 1, 2, 3)

    found = cadenced(talk, ["followups.fan_days=18"])

    assert found["group.decide"] == (1, 1, 0)
    assert found["group.fan"] == (1, 2, 1)  # 李先生 in any case, 王女士 by the other number
    groups.leave(talk.db, "g", "li", talk.now)
    assert cadenced(talk)["group.fan"][0] == 0


def test_two_cycles_of_silence_are_a_moment_and_a_word_in_time_is_none(talk):
    customers.change(talk.db, "wang", level="B", level_at=talk.now, spoke_at=talk.now)
    said(talk, "wang", 28, 20, 8)  # B: 7 days, doubled

    assert cadenced(talk)["level.stale"][0] == 0
    assert cadenced(talk, ["followups.cadence_b_days=2"])["level.stale"] == (0, 3, 3)


def test_a_lead_is_a_moment_where_its_source_pays(talk):
    for key, kind in (("wang", "垂媒"), ("li", "活动")):
        at = talk.now - timedelta(days=2)
        leads.put(talk.db, Lead(f"l{key}", key, kind, "", "导入", at, accepted_at=at))

    assert cadenced(talk)["lead.high"] == (1, 1, 0)


def test_other_numbers_change_the_steady_rhythm_and_other_rows_their_moments(talk, tmp_path):
    happened(talk, "试驾", 3)
    side = rehearsal.of_cadence(cadence.table(), 28)
    slow = run(talk, side, given=["followups.cadence_low_tier_days=28"])
    assert {row for row, (_, _, more) in slow.items() if more < 0} == {"cycle.low_new"}

    path = own(tmp_path, ('moment = "试驾"\nkind = "family"', 'moment = "报价"\nkind = "family"'))
    other = run(talk, side, rehearsal.of_cadence(cadence_table.with_own(path), 28))
    assert other["drive.family"] == (1, 0, -1)


def test_a_playbook_of_one_s_own_is_asked_beside_the_one_that_ships(talk):
    rows = playbook.shipped()
    was = run(talk, rehearsal.of_playbook(rows))
    (used,) = [name for name, (n, _, _) in was.items() if n]

    others = tuple(row for row in rows if row.name != used)
    found = run(talk, rehearsal.of_playbook(rows), rehearsal.of_playbook(others))

    assert found[used] == (2, 0, -2)
    assert sum(now for _, now, _ in found.values()) == 2


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ('label = "离店致谢"', "", "少了 label，请补上"),
        ('due = "5m"', 'due = "soon"', "due 写的是 soon，应为 5m、2h、2d 或 2d 10:00"),
        ('due = "cadence_h_days"', 'due = "often"', "due 写的是 often，应为 [followups] 里的"),
        ('name = "cycle.H"', 'name = "cycle.H"\nwhom = 1', "没有 whom 这一项"),
        ('levels = ["C"]', 'levels = ["B"]', "没有一行管 C 级的定期联系"),
    ],
)  # fmt: skip
def test_a_broken_table_is_told_with_file_line_and_cure(tmp_path, was, becomes, told):
    with pytest.raises(cadence_table.CadenceError, match=r"cadence-own\.toml:\d+ ") as raised:
        cadence_table.with_own(own(tmp_path, (was, becomes)))

    assert told in str(raised.value)


def test_what_ships_is_sound():
    assert cadence_table.with_own(Path(cadence.FILE)) == cadence.table()


def test_from_the_command_line(demo_store, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\nurl = "sqlite:///{demo_store}"\n', encoding="utf-8")

    def asked(*words, code=0):
        found = CliRunner().invoke(main, ["--config", str(config), "rules", *words])
        assert found.exit_code == code, found.output
        return found.output

    at = ("--at", "2026-03-06T09:00")
    listed = {row["rule"]: row for row in json.loads(asked("list", "--json"))}
    assert listed["followup.visit.thanks"]["gives"] == "离店致谢"
    rows = json.loads(asked("dry-run", "playbook", "--json", *at))
    assert {"rule", "says", "was", "now", "more"} == rows[0].keys()
    assert "应为" in asked("dry-run", "cadence", "--file",
                         str(own(tmp_path, ('due = "5m"', 'due = "x"'))), *at, code=2)  # fmt: skip
