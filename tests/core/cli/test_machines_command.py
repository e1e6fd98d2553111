"""Machines to train on: entered, changed, tested over a real sshd, removed."""

from __future__ import annotations

import pytest

from core.jobs.machines import Machine, machines, save_machines
from tests.core.cli.conftest import Cli
from tests.core.jobs.sshd import Server, sshd

__all__ = ["sshd"]  # fixture


def test_added_changed_listed_and_removed(cli: Cli) -> None:
    assert "machines add NAME ADDRESS" in cli("machines").out
    added = cli("machines", "add", "box", "anna@box", "--port", 2200, "--python", "/opt/py/python")
    assert added.out.startswith("Added box (anna@box:2200).")
    assert machines() == [Machine(name="box", host="anna@box", port=2200, python="/opt/py/python")]
    changed = cli("machines", "add", "box", "anna@10.0.0.7", "--json").json
    assert changed["replaced"]["host"] == "anna@box"
    assert [m["host"] for m in cli("machines", "--json").json] == ["anna@10.0.0.7"]
    assert "anna@10.0.0.7" in cli("machines", "list").out
    assert "Removed box" in cli("machines", "remove", "box").out
    assert machines() == []


@pytest.mark.parametrize("words", [("box", "-oProxyCommand=x"), ("two words", "host")])
def test_what_ssh_could_misread_is_refused(cli: Cli, words: tuple[str, str]) -> None:
    assert cli("machines", "add", "--", *words).code == 2
    assert machines() == []


def test_a_machine_is_tested_before_a_run_needs_it(cli: Cli, sshd: Server) -> None:
    assert "no machine called gpu-box" in cli("machines", "test", "gpu-box").err
    save_machines([sshd.machine()])
    found = cli("machines", "test", "gpu-box", "--json").json
    assert found["devices"]
    assert found["free_bytes"] > 0
    save_machines([sshd.machine(known="nobody")])
    refused = cli("machines", "test", "gpu-box")
    assert (refused.code, "host key of gpu-box is not known here" in refused.err) == (2, True)
