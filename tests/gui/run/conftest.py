"""A session with a project of labelled rows, and children that are scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from core.geometry import Geometry
from core.jobs import runner
from core.project.records import SeriesRecord
from gui import i18n
from gui.run import worker
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from tests.gui.run.recorded import CHILD


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path) -> Iterator[Session]:
    i18n.ensure()
    made = Session()
    assert made.create_project(tmp_path / "project", "Liver 2024")
    assert made.project is not None
    for number in range(5):
        made.project.library.upsert(
            SeriesRecord(
                series_uid=f"1.2.3.{number}", patient_id=f"P{number}", modality="CT",
                description="", geometry=Geometry((4, 5, 6), (3.0, 1.0, 1.0)),
                files=(tmp_path / f"{number}.nii.gz",), source="image", label_status="reviewed",
                label_voxels=9, lesion_ml=1.0, split="train" if number < 3 else "val",
            )
        )  # fmt: skip
    made.refresh_series()
    yield made
    made.shutdown()


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Children run the script under ``script``: a training run that obeys, unless changed."""
    chosen = {"script": CHILD}

    def start(folder: Path, prefix: Sequence[str] = ()) -> runner.RunProcess:
        script = tmp_path / "child.py"
        script.write_text(chosen["script"], encoding="utf-8")
        return runner.start(folder, (sys.executable, str(script)))

    monkeypatch.setattr(worker, "start", start)
    return chosen


@pytest.fixture
def supervisor(session: Session, play: dict[str, str]) -> Iterator[RunSupervisor]:
    made = RunSupervisor(session)
    yield made
    made.shutdown()
