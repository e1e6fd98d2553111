"""Real DICOM without a project, and its thumbnails from single slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from core.errors import FileRefusedError
from core.planes import PlaneAxes
from core.project.importer import import_paths
from core.project.loose import read_loose
from core.project.project import Project
from core.project.reading import read_volume
from core.project.thumbnails import LEVEL, WIDTH, fit, thumbnail
from core.volume import apply_window, window_lut

pytestmark = pytest.mark.real_data


def test_a_thumbnail_of_one_slice_is_that_of_the_whole_series(
    shared_data: Path, tmp_path: Path
) -> None:
    with Project.create(tmp_path / "project") as project:
        import_paths(project, [shared_data / "sts" / "dicom" / "STS_002" / "CT"])
        (record,) = project.series()
        assert len(record.files) == record.geometry.shape[0] > 1
        picture = thumbnail(project, record, (96, 128))
        labels = project.label_store(record.series_uid).load()
        index = int((labels == 1).sum(axis=(1, 2)).argmax())
        volume = read_volume(record)
        axes = PlaneAxes.of(volume.geometry, "axial")
        cut = apply_window(axes.cut(volume.hu, index), window_lut(WIDTH, LEVEL))
        np.testing.assert_array_equal(picture, fit(cut, axes.pixel_mm, (96, 128)))


def test_a_dicom_folder_reads_like_the_nifti_of_the_same_patient(shared_data: Path) -> None:
    volume = read_loose(shared_data / "sts" / "dicom" / "STS_002" / "CT" / "image")
    reference = sitk.ReadImage(str(shared_data / "sts" / "nifti" / "STS_002_image.nii.gz"))
    # By physical position: the two may store their axes in different orders.
    for zyx in np.random.default_rng(0).integers(0, volume.hu.shape, (200, 3)):
        index = reference.TransformPhysicalPointToIndex(volume.geometry.index_to_mm(zyx).tolist())
        assert volume.hu[tuple(zyx)] == reference[index]


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("sts/dicom", r"it holds 12 CT series \(85 files"),
        ("sts/dicom/STS_002/PET", "it holds no CT series"),
        ("sts/dicom/STS_002/PET/000001.dcm", "not CT but Positron Emission"),
        ("README.md", "it holds no CT series"),
        ("nowhere", "does not exist"),
    ],
)
def test_what_is_not_one_ct_is_refused_by_name(shared_data: Path, where: str, reason: str) -> None:
    with pytest.raises(FileRefusedError, match=reason) as refused:
        read_loose(shared_data / where)
    assert refused.value.sentence.startswith(Path(where).name)
