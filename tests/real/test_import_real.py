"""Import of the real data: the right CT, the right labels, every other file with a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.dicom.rtstruct import read_rtstruct
from core.dicom.scan import find_files
from core.dicom.stack import Stack
from core.images import read_image, read_mask
from core.project.importer import import_paths
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import ImportReport, SeriesRecord

pytestmark = pytest.mark.real_data


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        yield made


def by_file(report: ImportReport, name: str) -> SeriesRecord:
    return next(s for s in report.series if any(name in str(p) for p in s.files))


def stats(record: SeriesRecord) -> tuple[int, int, float]:
    found = read_volume(record).statistics()
    return found["min"], found["max"], round(found["mean"], 2)


def test_sarcoma_dicom_is_twelve_ct_with_their_tumours(project: Project, shared_data: Path) -> None:
    sts = shared_data / "sts"
    report = import_paths(project, [sts / "dicom"])
    assert len(report.series) == len(report.labelled) == 12
    assert {s.labels for s in report.series} == {("Tumour",)}
    assert all(not s.checks and s.modality == "CT" for s in report.series)
    skipped = [s.reason for s in report.skipped]
    assert sum("not CT but MR" in r for r in skipped) == 35
    assert sum("not CT but Positron" in r for r in skipped) == 48
    assert len(skipped) == 83
    for record in report.series:
        reference, grid, _ = read_mask(sts / "nifti" / f"{record.patient_id}_mask.nii.gz")
        labels = project.label_store(record.series_uid).load()
        assert record.geometry.same_grid(grid)
        # Drawn by pixel centres the contours give the reference back exactly.
        assert dice(labels > 0, reference > 0) >= 0.999
        image = read_image(sts / "nifti" / f"{record.patient_id}_image.nii.gz")
        assert np.array_equal(read_volume(record).hu, image.hu)


def test_sarcoma_nifti_is_twenty_four_labelled_series(project: Project, shared_data: Path) -> None:
    report = import_paths(project, [shared_data / "sts" / "nifti"])
    assert len(report.series) == len(report.labelled) == 24 and not report.skipped
    assert all(s.labels == ("Tumour",) and s.lesion_count >= 1 for s in report.series)
    assert report.series[0].patient_id == "STS_001"
    assert all(53 < s.lesion_ml < 819 for s in report.series)


def test_organ_mask_stored_upside_down_lies_on_the_organs(
    project: Project, shared_data: Path
) -> None:
    report = import_paths(project, [shared_data / "totalseg"])
    record = by_file(report, "example_ct_dicom")
    assert record.geometry.shape == (20, 512, 512)
    hu = read_volume(record).hu
    labels = project.label_store(record.series_uid).load()
    assert hu[labels > 0].mean() == pytest.approx(91, abs=1)
    assert record.patient_id.startswith("Anonymous-")


def test_mask_of_another_size_is_refused_clearly(
    project: Project, shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "totalseg"
    report = import_paths(project, [folder / "example_ct.nii.gz", folder / "example_seg.nii.gz"])
    assert not report.labelled
    assert "122 × 101 × 30 voxels" in report.skipped[0].reason


@pytest.fixture
def zoo(project: Project, shared_data: Path) -> tuple[Project, ImportReport]:
    return project, import_paths(project, [shared_data / "zoo"])


def test_zoo_every_file_is_imported_or_named(
    zoo: tuple[Project, ImportReport], shared_data: Path
) -> None:
    _, report = zoo
    files, _ = find_files([shared_data / "zoo"])
    used = {path for s in report.series for path in s.files}
    named = {s.path for s in report.skipped}
    assert all(s.path.name in s.reason for s in report.skipped)
    labels = set(files) - used - named
    # What is neither was taken as a label, and the labels are there.
    assert {p.name for p in labels} >= {"liver.dcm", "partial_overlaps.dcm", "label.seg"}
    assert all(p.suffix in (".dcm", ".seg", ".nrrd") for p in labels)
    for record in report.series:
        volume = read_volume(record)
        assert volume.hu.shape == record.geometry.shape


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("J2K_pixelrep_mismatch", (-2000, 1896, -658.44)),
        ("explicit_VR-UN", (-1024, 1186, -670.96)),
        ("bad_sequence", (-1011, 1243, -76.63)),
        ("eCT_Supplemental", (-1024, 172, -643.96)),
    ],
)
def test_known_values_of_single_files(
    project: Project, shared_data: Path, name: str, expected: tuple[int, int, float]
) -> None:
    (path,) = (shared_data / "zoo").rglob(f"{name}.dcm")
    (record,) = import_paths(project, [path]).series
    assert stats(record) == expected


def test_zoo_geometry_and_checks(zoo: tuple[Project, ImportReport]) -> None:
    _, report = zoo
    gap = by_file(report, "77654033/CT2")
    assert gap.geometry.shape == (4, 16, 16) and gap.geometry.spacing[0] == 1.25
    assert [c.code for c in gap.checks] == ["missing-slice"]
    assert "202.5 mm between slices 1 and 2" in gap.checks[0].message
    axial = by_file(report, "98892001/CT5N")
    assert axial.geometry.shape == (5, 16, 16) and axial.geometry.spacing[0] == 2.5
    oblique = by_file(report, "oriented_data")
    assert oblique.geometry.spacing == (4.5, 3.5, 2.5)
    assert "oblique" in {c.code for c in oblique.checks}
    multi = by_file(report, "24x38x3/multiframe")
    assert multi.geometry.spacing == (2.5, 0.7, 0.7)


@pytest.mark.parametrize(
    "name",
    ["dcmqi/liver", *(f"pydicom-data/liver{e}" for e in ("", "_deflate", "_expb", "_j2k"))]
    + [f"pydicom-data/liver{e}" for e in ("_rle", "_nonbyte_aligned", "_nonbyte_aligned_rle")],
)
def test_liver_is_the_same_in_every_encoding(
    project: Project, shared_data: Path, name: str
) -> None:
    zoo = shared_data / "zoo"
    report = import_paths(project, [zoo / "dcmqi" / "ct-3slice", zoo / f"{name}.dcm"])
    (record,) = report.series
    labels = project.label_store(record.series_uid).load()
    assert np.count_nonzero(labels) == 107098
    assert read_volume(record).hu[labels > 0].mean() == pytest.approx(37.3, abs=0.05)


@pytest.mark.parametrize(
    ("seg", "nrrd", "images"),
    [
        ("24x38x3/seg/label.seg", "24x38x3/nrrd/label.nrrd", "24x38x3/image"),
        ("23x38x3/seg/label.seg", "23x38x3/nrrd/label.nrrd", "23x38x3/image"),
        ("sparse-labelmap-noppv.dcm", "sparse_labelmap_noppv_seg.nrrd", "24x38x3/image"),
        ("liver.dcm", "liver_seg.nrrd", "ct-3slice"),
    ],
)
def test_seg_agrees_with_the_same_mask_as_nrrd(
    project: Project, shared_data: Path, seg: str, nrrd: str, images: str
) -> None:
    folder = shared_data / "zoo" / "dcmqi"
    (record,) = import_paths(project, [folder / images, folder / seg]).series
    labels = project.label_store(record.series_uid).load()
    mask, grid, _ = read_mask(folder / nrrd)
    assert grid.same_grid(record.geometry)
    assert np.array_equal(labels > 0, mask > 0)


@pytest.mark.parametrize("name", ["rt", "invalid_reference_rt", "non_existent_reference_rt"])
def test_rtstruct_with_bad_references_still_finds_its_series(
    project: Project, shared_data: Path, name: str
) -> None:
    folder = shared_data / "zoo" / "rt-utils" / "mock_data"
    files = [folder / "ct_1.dcm", folder / "ct_2.dcm", folder / f"{name}.dcm"]
    report = import_paths(project, files)
    assert len(report.labelled) == 1
    labels = project.label_store(report.labelled[0]).load()
    reference = read_rtstruct(folder / "rt.dcm").rasterise(Stack.even(report.series[0].geometry))
    if name == "rt":
        assert np.count_nonzero(labels) == np.count_nonzero(reference.labels) == 1443


def test_import_needs_no_window_and_no_torch() -> None:
    code = (
        "import sys, core.project.importer, core.project.reading;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'PySide6', 'monai', 'vtk')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
