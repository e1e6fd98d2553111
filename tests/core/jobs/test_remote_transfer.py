"""What another machine may send back, and what a packet to it may hold."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from core.errors import FileRefusedError
from core.events import CaseResult, ValidationEvent
from core.jobs import remote_fetch, remote_transfer, ssh
from core.jobs.machines import Machine
from core.jobs.remote_fetch import Fetcher
from core.jobs.remote_packet import Names
from core.jobs.remote_transfer import Found, fetch, listed, restore_model
from core.jobs.ssh import AnswerError, LinkError
from core.models.card import ModelCard
from core.models.store import read_description
from core.project.manifest import Manifest, ManifestCase
from tests.core.data.plans import tiny_plan

if sys.platform == "win32":
    pytest.skip("the ssh of these tests is a shell script", allow_module_level=True)

BOX = Machine(name="box", host="box")
SHA = "a" * 64
RUN = "0" * 32


def answer(monkeypatch: pytest.MonkeyPatch, value: dict[str, Any]) -> None:
    monkeypatch.setattr(remote_transfer, "ask", lambda *_args, **_more: value)


def test_only_what_a_run_leaves_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"size": 9, "sha256": SHA}
    files = {
        "runs/r01/checkpoint/step_00000012.pt": good,
        "runs/r01/previews/00000012_ab.png": good,
        "models/r01/model.safetensors": good,
        "../../.ssh/authorized_keys": good,
        "/etc/passwd": good,
        "runs/r01/checkpoint/../../../x.pt": good,
        "runs/r01/checkpoint/step_00000012.pt\n": good,
        "runs/r01/previews/huge.png": {"size": 10**12, "sha256": SHA},
        "runs/r01/previews/less.png": {"size": -1, "sha256": SHA},
        "runs/r01/previews/odd.png": {"size": 9, "sha256": "../x"},
        "runs/r01/previews/none.png": None,
        "runs/r01/plan.json": good,
    }
    answer(monkeypatch, {"files": files})
    assert sorted(listed(BOX, RUN, "pictures")) == [
        "models/r01/model.safetensors",
        "runs/r01/checkpoint/step_00000012.pt",
        "runs/r01/previews/00000012_ab.png",
    ]


@pytest.mark.parametrize("files", [None, [], {str(n): {} for n in range(3000)}])
def test_a_list_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, files: Any) -> None:
    answer(monkeypatch, {"files": files})
    with pytest.raises(AnswerError):
        listed(BOX, RUN, "log")


def sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str) -> None:
    """The other machine sends this, whatever is asked."""
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\nread request\nprintf 'LESIONFORGE 1\\n{data}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(ssh.shutil, "which", lambda _: str(program))


def found(data: bytes) -> Found:
    return Found("runs/r01/log.txt", len(data), hashlib.sha256(data).hexdigest())


def test_a_fetch_goes_on_where_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, wanted = tmp_path / "here" / "log.txt", found(b"hello world")
    sends(tmp_path, monkeypatch, "hello ")
    with pytest.raises(LinkError):
        fetch(BOX, RUN, wanted, target)
    assert not target.exists()
    sends(tmp_path, monkeypatch, "world and much more than was announced")
    fetch(BOX, RUN, wanted, target)
    assert target.read_bytes() == b"hello world"
    assert [path.name for path in target.parent.iterdir()] == ["log.txt"]
    monkeypatch.setattr(ssh.shutil, "which", lambda _: None)
    fetch(BOX, RUN, wanted, target)  # It is here: nobody is asked.


def test_another_content_than_announced_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "here" / "log.txt"
    sends(tmp_path, monkeypatch, "hello there")
    with pytest.raises(AnswerError, match="another file"):
        fetch(BOX, RUN, found(b"hello world"), target)
    assert list(target.parent.iterdir()) == []


def card(**changes: Any) -> ModelCard:
    values: dict[str, Any] = {"name": "Mine", "version": "1", "run_id": "r07", "created": "2026"}
    return ModelCard(**{**values, **changes})


def test_a_fetched_model_gets_the_plan_and_card_of_here(tmp_path: Path) -> None:
    import numpy as np  # noqa: PLC0415

    source, goal = tmp_path / "there.safetensors", tmp_path / "model.safetensors"
    weights = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(5, "f4")}
    save_file(weights, source, metadata={"format": "pt", "lesionforge.plan": "x"})
    restore_model(source, goal, tiny_plan(name="Leber"), card(name="Leber"))
    header, plan, described = read_description(goal)
    assert (plan.name, described.name, described.run_id) == ("Leber", "Leber", "r07")
    assert header.shapes == {"a.weight": (2, 3), "b": (5,)}
    again = load_file(goal)
    assert all(np.array_equal(again[key], weights[key]) for key in weights)
    source.write_bytes(source.read_bytes()[:-4])
    with pytest.raises(FileRefusedError):
        restore_model(source, goal, tiny_plan(), card())


def test_pictures_outside_of_the_run_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_fetch, "listed", lambda *_args: {})
    cases = tuple(
        CaseResult(series_uid="s", patient_id="p", dice=0.5, preview=preview)
        for preview in (
            "previews/00000001_ab.png",
            "../../x.png",
            "/etc/passwd",
            "previews/a/b.png",
        )
    )
    event = ValidationEvent(
        step=1, epoch=1.0, loss=1.0, dice=0.5, smoothed=0.5, best=True, cases=cases
    )
    shown = Fetcher(tmp_path / "p" / "runs" / "r01", BOX, RUN).before(event)
    assert isinstance(shown, ValidationEvent)
    assert [c.preview for c in shown.cases] == ["previews/00000001_ab.png", "", "", ""]


def test_names_lead_back_within_texts_and_nowhere_else() -> None:
    def case(uid: str, patient: str) -> ManifestCase:
        return ManifestCase(
            series_uid=uid, patient_id=patient, split="train", label_sha256="", files_id="",
            lesion_ml=1.0,
        )  # fmt: skip

    names = Names(Manifest((case("1.2", "ANNA"), case("1.3", "BERT"), case("1.4", "ANNA"))))
    assert [names.series(n) for n in range(3)] == ["case-00001", "case-00002", "case-00003"]
    assert names.patient("ANNA") == "patient-00001"
    value = {
        "cases": [{"series_uid": "case-00003", "dice": 0.5}],
        "text": "The label of case-00002 of patient-00002 is odd; case-00009 is nobody.",
    }
    assert names.restore(value) == {
        "cases": [{"series_uid": "1.4", "dice": 0.5}],
        "text": "The label of 1.3 of BERT is odd; case-00009 is nobody.",
    }
