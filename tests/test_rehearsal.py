"""rules dry-run of the cadence and the playbook: each row's hits now and otherwise."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from handlers import cadence, playbook, rehearsal, whatif
from storage import customers, events, rules


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


def test_other_numbers_change_the_steady_rhythm_and_other_rows_their_moments(talk, tmp_path):
    happened(talk, "试驾", 3)
    side = rehearsal.of_cadence(cadence.table(), 28)
    slow = run(talk, side, given=["followups.cadence_low_tier_days=28"])
    assert {row for row, (_, _, more) in slow.items() if more < 0} == {"cycle.low_new"}

    path = own(tmp_path, ('moment = "试驾"\nkind = "family"', 'moment = "报价"\nkind = "family"'))
    other = run(talk, side, rehearsal.of_cadence(rehearsal.load(path), 28))
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
    with pytest.raises(rehearsal.CadenceError, match=r"cadence-own\.toml:\d+ ") as raised:
        rehearsal.load(own(tmp_path, (was, becomes)))

    assert told in str(raised.value)


def test_what_ships_is_sound():
    assert rehearsal.load(Path(cadence.FILE)) == cadence.table()


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
