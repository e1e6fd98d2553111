"""What leaves the project lies where the series lies, and reads back the same elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from core.errors import FileRefusedError, UserError
from core.export import export_image, export_label
from core.geometry import Geometry
from core.images import write_image
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume

#: Oblique about z by 30°, anisotropic, off the origin: nothing agrees by accident.
COS, SIN = np.cos(np.pi / 6), np.sin(np.pi / 6)
GRID = Geometry(
    (3, 4, 5), (2.5, 0.7, 0.8), (10.0, -20.0, 30.0), (COS, -SIN, 0, SIN, COS, 0, 0, 0, 1)
)


@pytest.fixture
def hu() -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 1500, GRID.shape, dtype=np.int16)


@pytest.fixture
def project(tmp_path: Path, hu: np.ndarray) -> Iterator[Project]:
    path = tmp_path / "case.nrrd"
    write_image(path, Volume(hu, GRID))
    with Project.create(tmp_path / "project") as made:
        made.library.upsert(
            SeriesRecord(
                series_uid="1", patient_id="A", modality="CT", description="", geometry=GRID,
                files=(path,), source="image",
            )
        )  # fmt: skip
        yield made


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha"])
def test_the_image_reads_back_elsewhere(
    project: Project, tmp_path: Path, hu: np.ndarray, name: str
) -> None:
    path = export_image(project, "1", tmp_path / name)
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), hu)
    assert image.GetPixelID() == sitk.sitkInt16
    np.testing.assert_allclose(image.GetSpacing(), GRID.spacing[::-1], rtol=1e-6)
    np.testing.assert_allclose(image.GetOrigin(), GRID.origin, rtol=1e-6)
    np.testing.assert_allclose(image.GetDirection(), GRID.direction, atol=1e-6)


def test_the_label_lies_where_the_series_lies_for_nibabel(project: Project, tmp_path: Path) -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 2, 3] = 1
    project.label_store("1").save(labels)
    path = export_label(project, "1", tmp_path / "label.nii.gz")
    image = nib.nifti1.load(path)
    data = np.asarray(image.dataobj)
    assert data.dtype == np.uint8
    (found,) = np.argwhere(data)
    ras = image.affine @ [*found, 1]
    np.testing.assert_allclose(ras[:3] * [-1, -1, 1], GRID.index_to_mm((1, 2, 3)), atol=1e-4)


def test_no_label_no_file(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="patient A has no label yet"):
        export_label(project, "1", tmp_path / "label.nii.gz")
    assert not (tmp_path / "label.nii.gz").exists()


@pytest.mark.parametrize("export", [export_image, export_label])
def test_impossible_places_are_refused_before_reading(project: Project, export, tmp_path) -> None:
    project.record("1").files[0].unlink()
    with pytest.raises(FileRefusedError, match=r"names no format.*\.nii\.gz"):
        export(project, "1", tmp_path / "case.jpg")
    with pytest.raises(FileRefusedError, match="does not exist"):
        export(project, "1", tmp_path / "nowhere" / "case.nrrd")
    with pytest.raises(UserError, match="no series 2"):
        export(project, "2", tmp_path / "case.nrrd")
