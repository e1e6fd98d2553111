"""Connections to a real sshd on loopback, and what is said when they cannot be made."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UserError
from core.jobs import ssh
from core.jobs.machines import Machine, machine_named, machines, save_machines
from core.jobs.remote_run import check
from core.jobs.ssh import AnswerError, LinkError
from tests.core.jobs.sshd import Server, sshd

__all__ = ["sshd"]  # fixture


def test_a_machine_says_what_it_has(sshd: Server) -> None:
    found = check(sshd.machine())
    assert found.devices[-1].key == "cpu"
    assert found.free > 0
    assert found.skew == 0.0


def refused(machine: Machine) -> UserError:
    with pytest.raises(UserError) as caught:
        check(machine)
    return caught.value


def test_each_failure_is_a_sentence_with_its_remedy(
    sshd: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ssh-copy-id gpu-box" in refused(sshd.machine(key="stranger")).sentence
    unknown = refused(sshd.machine(known="nobody")).sentence
    assert "host key of gpu-box is not known here" in unknown
    missing = refused(sshd.machine(python="/nowhere/python3")).sentence
    assert "There is no /nowhere/python3 on gpu-box" in missing
    bare_python = sshd.folder / "python"
    bare_python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare_python.chmod(0o755)
    without = refused(sshd.machine(python=str(bare_python))).sentence
    assert f"LesionForge is not installed for {bare_python} on gpu-box" in without
    bare = refused(sshd.machine(python="/usr/bin/env -i /bin/sh")).sentence
    assert "gpu-box" in bare
    off = refused(replace(sshd.machine(), port=9))
    assert isinstance(off, LinkError)
    assert "does not take ssh connections" in off.sentence
    monkeypatch.setattr("core.jobs.remote_run.version", lambda _: "9.9")
    assert "this is 9.9" in refused(sshd.machine()).sentence
    monkeypatch.setattr(ssh.shutil, "which", lambda _: None)
    assert "no ssh program" in refused(sshd.machine()).sentence


def test_no_password_is_ever_asked_for_and_no_host_key_taken_unseen() -> None:
    words = " ".join(ssh.argv(Machine(name="box", host="me@box", port=2200), "hello"))
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "PasswordAuthentication=no"):
        assert f"-o {option}" in words
    assert "-p 2200 -- me@box exec python3 -P -m core.jobs.remote_host hello" in words
    assert words.endswith('"$HOME"/.lesionforge')


@pytest.mark.parametrize("host", ["-oProxyCommand=evil", "", "a b", "host;reboot", "$(x)"])
def test_a_host_that_is_more_than_a_host_is_refused(host: str) -> None:
    with pytest.raises(UserError):
        Machine(name="box", host=host)


def test_paths_reach_the_shell_there_as_one_word() -> None:
    machine = Machine(
        name="box", host="box", folder="~/a b; reboot", python="/opt/my py/bin/python"
    )
    words = ssh.argv(machine, "hello")[-1]
    assert words == (
        "exec '/opt/my py/bin/python' -P -m core.jobs.remote_host hello \"$HOME\"/'a b; reboot'"
    )


def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Machine:
    """A machine whose answers are those of a shell script."""
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\nread request\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(ssh.shutil, "which", lambda _: str(program))
    return Machine(name="box", host="box")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo LESIONFORGE 1; head -c 9000000 /dev/zero", "far too long"),
        ("echo LESIONFORGE 1; echo '[1'", "makes no sense"),
        ("echo LESIONFORGE 1; echo '[1]'", "makes no sense"),
        ("""echo LESIONFORGE 1; echo '{"error": "no."}'""", "box: no."),
        ("head -c 200000 /dev/zero", "ended"),
        ("yes", "ended"),
        ("exit 0", "ended"),
    ],
)
def test_answers_that_are_none_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    machine = fake_ssh(tmp_path, monkeypatch, script)
    with pytest.raises((AnswerError, LinkError), match=words):
        ssh.ask(machine, "hello", {}, timeout=10)


def test_what_a_login_script_prints_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """echo Welcome; echo to the box; echo LESIONFORGE 1; echo '{"free": 1}'"""
    assert ssh.ask(fake_ssh(tmp_path, monkeypatch, script), "hello", {}) == {"free": 1}


def test_machines_are_kept_in_the_users_settings(tmp_path: Path) -> None:
    assert machines() == []
    box, other = Machine(name="gpu-box", host="me@box"), Machine(name="a", host="10.0.0.7", port=22)
    save_machines([box, other])
    assert machines() == [other, box]
    assert machine_named("gpu-box") == box
    with pytest.raises(UserError, match="a, gpu-box"):
        machine_named("other")
    file = tmp_path / "config" / "machines.json"
    file.write_text('[{"name": "x", "host": "-x"}, 7, {"name": "y", "host": "y", "port": 22}]')
    assert [machine.name for machine in machines()] == ["y"]
