"""The demo project goes through the real import and is ready to train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.demo import make_demo
from core.errors import Cancelled, UserError
from core.project.project import Project
from core.project.reading import read_volume


def test_cases_arrive_labelled_split_and_reviewed(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    where = tmp_path / "demo"

    def progress(done: int, total: int) -> None:
        with Project.open(where) as other:
            seen.append((done, total, len(other.series())))

    with make_demo(where, cases=4, seed=0, progress=progress) as project:
        assert seen == [(n, 4, n) for n in range(1, 5)]
        rows = sorted(project.series(), key=lambda r: r.patient_id)
        assert [r.patient_id for r in rows] == ["LF-0001", "LF-0002", "LF-0003", "LF-0004"]
        assert [r.split for r in rows] == ["train", "train", "val", "none"]
        assert [r.label_status for r in rows] == ["reviewed"] * 3 + ["none"]
        assert all(1 <= r.lesion_count <= 8 and r.lesion_ml > 2 for r in rows[:3])
        assert not any(r.checks for r in rows)
        assert len({r.geometry.shape for r in rows}) == 4
        volume = read_volume(rows[0])
        labels = project.label_store(rows[0].series_uid).load()
        # The label lies on the pixels: the tumour is darker than the liver round it.
        tumour, liver = (np.median(volume.hu[labels == v]) for v in (1, 2))
        assert tumour < liver - 20
        assert not list((where / "demo_data").glob("*.npy"))


def test_cancel_keeps_a_sound_project(tmp_path: Path) -> None:
    done: list[int] = []
    with pytest.raises(Cancelled):
        make_demo(
            tmp_path / "demo", cases=6, progress=lambda n, _: done.append(n),
            cancelled=lambda: bool(done),
        )  # fmt: skip
    with Project.open(tmp_path / "demo") as project:
        assert len(project.series()) == done[-1]


@pytest.mark.parametrize("cases", [0, -1, 501])
def test_silly_numbers_are_refused(tmp_path: Path, cases: int) -> None:
    with pytest.raises(UserError, match="1 to 500"):
        make_demo(tmp_path / "demo", cases=cases)
