"""What stands in deploy/ is read by the programs it is meant for, and runs commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bot.cli import main
from bot.config import load

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service")) + sorted(DEPLOY.glob("*.timer"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def known(words):
    """Whether the program takes this command with these options."""
    return CliRunner().invoke(main, [*words, "--help"]).exit_code == 0


def test_a_command_that_is_none_is_noticed():
    assert not known(["serve", "--part", "web"])
    assert not known(["sevre"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_each_unit_runs_commands_that_exist(unit):
    lines = re.findall(r"^Exec\w+=(.*)$", unit.read_text("utf-8"), re.M)
    run = [line.replace("%i", "web") for line in lines if "bin/salesbot " in line]
    assert run or unit.suffix == ".timer" or "backup" in unit.name
    for line in run:
        words = re.sub(r"[$(].*", "FILE", line.split("bin/salesbot ", 1)[1]).rstrip("'").split()
        assert words[:2] == ["--config", "/etc/salesbot/config.toml"]
        assert known(words[2:]), line


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_takes_each_unit(unit, tmp_path):
    """With paths that exist here, since it looks for the programs as well."""
    for one in UNITS:
        text = one.read_text("utf-8").replace("/opt/salesbot/.venv/bin/salesbot", "/bin/true")
        name = one.name.replace("@.", "@web.")
        (tmp_path / name).write_text(text, "utf-8")
    name = unit.name.replace("@.", "@web.")

    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
                          capture_output=True, text=True, check=False)  # fmt: skip

    ours = [line for line in done.stderr.splitlines() if name in line]
    assert ours == []


def test_a_wrong_line_in_a_unit_would_be_seen(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd here")
    unit = tmp_path / "wrong.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nRestrat=always\n", "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert "Restrat" in done.stderr


@pytest.mark.parametrize("name", ["migrate", "web", "worker", "ticker"])
def test_each_service_runs_a_command_that_exists(name):
    assert known(COMPOSE["services"][name]["command"])


def test_the_parts_that_may_stand_twice_do_and_the_rest_does_not():
    replicas = {n: s.get("deploy", {}).get("replicas", 1) for n, s in COMPOSE["services"].items()}
    assert replicas == {"db": 1, "migrate": 1, "web": 2, "worker": 2, "ticker": 2, "proxy": 1}


def test_every_volume_and_file_that_is_named_is_there():
    named = {v.split(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", ())}
    own = {"./config.toml"}  # made from the shipped one, as the first lines say
    files = {v for v in named if v.startswith(".")} - own
    assert all((DEPLOY / file).exists() for file in files)
    assert named - files - own == set(COMPOSE["volumes"])


def test_what_the_image_copies_exists_and_is_the_whole_program():
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    copied = [w for line in re.findall(r"^COPY (.*) \S+$", text, re.M) for w in line.split()]
    assert [one for one in copied if not (ROOT / one).exists()] == []
    packages = re.search(r"packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert packages
    assert set(re.findall(r'"(\w+)"', packages[1])) <= set(copied)


def test_the_store_s_address_may_come_from_the_environment(tmp_path, monkeypatch):
    """As the compose file hands it in."""
    monkeypatch.setenv("SALESBOT_DB", f"sqlite:///{tmp_path}/s.db")
    config = tmp_path / "config.toml"
    text = (ROOT / "config.toml").read_text("utf-8")
    config.write_text(re.sub(r'^url = "sqlite[^"]*"', 'url = "env:SALESBOT_DB"', text, flags=re.M),
                      "utf-8")  # fmt: skip
    assert load(config)
    assert CliRunner().invoke(main, ["--config", str(config), "migrate"]).exit_code == 0
    assert (tmp_path / "s.db").exists()
