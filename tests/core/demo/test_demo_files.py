"""A demo case on disk is a plain CT series with an invented patient, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from core.demo.cases import GRIDS, demo_case, demo_cases
from core.demo.files import Patient, write_series
from core.demo.phantom import Case, make_case
from core.errors import Cancelled


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(2, (24, 72, 72), (8.0, 5.0, 5.0))


def test_pixels_and_grid_come_back_from_an_independent_reader(case: Case, tmp_path: Path) -> None:
    write_series(case, tmp_path, number=3, seed=0)
    reader = sitk.ImageSeriesReader()
    names = reader.GetGDCMSeriesFileNames(str(tmp_path))
    reader.SetFileNames(names)
    image = reader.Execute()
    assert np.array_equal(sitk.GetArrayFromImage(image), case.volume.hu)
    geometry = case.volume.geometry
    assert image.GetSpacing()[::-1] == pytest.approx(geometry.spacing, abs=1e-3)
    assert image.GetOrigin() == pytest.approx(geometry.origin, abs=1e-3)


def test_header_names_nobody_and_passes_as_ct(case: Case, tmp_path: Path) -> None:
    write_series(case, tmp_path, number=3, seed=0)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 24
    headers = [pydicom.dcmread(f) for f in files]
    first = headers[0]
    assert first.PatientID == first.PatientName == "LF-0003"
    assert first.PatientIdentityRemoved == "YES"
    assert first.SOPClassUID == pydicom.uid.CTImageStorage
    assert len({h.SOPInstanceUID for h in headers}) == 24
    assert len({h.SeriesInstanceUID for h in headers}) == 1
    assert all(h.SOPInstanceUID.is_valid and h.file_meta.TransferSyntaxUID for h in headers)
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID


def test_same_seed_same_uids_and_patient(case: Case, tmp_path: Path) -> None:
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_series(case, tmp_path / folder, number=1, seed=seed)
    a, b, c = ((tmp_path / folder / "0001.dcm").read_bytes() for folder in "abc")
    assert a == b != c
    assert Patient.invent(4, 0) == Patient.invent(4, 0)


def test_splits_reach_all_three_and_each_fourth_case_has_no_label(tmp_path: Path) -> None:
    splits = [demo_case(tmp_path, n).split for n in range(1, 17)]
    assert splits.count("none") == 4
    assert splits.count("train") == 8
    assert splits.count("val") == splits.count("test") == 2
    assert not demo_case(tmp_path, 4).labelled
    assert len({grid[0] for grid in GRIDS}) == len(GRIDS)  # as many matrix sizes


def test_workers_stop_when_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        list(demo_cases(tmp_path, 0, 8, cancelled=lambda: True))
