"""Series of every origin without identity; pixels that may show it hold everything up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from core.errors import FileRefusedError, UserError
from core.export.deidentified import DeidentifyOptions, write_deidentified
from core.geometry import Geometry
from core.images import write_image
from core.project.folder import KEY_FILE
from core.project.identity import identity_of
from core.project.importer import import_paths
from core.project.project import Project
from core.volume import Volume
from tests.core.dicom.make import write_series


def project_of(folder: Path, images: Path) -> tuple[Project, str]:
    project = Project.create(folder)
    (record,) = import_paths(project, [images]).series
    labels = np.zeros(record.geometry.shape, np.uint8)
    labels[1, 1:4, 2:4] = 1
    project.label_store(record.series_uid).save(labels)
    return project, record.series_uid


def test_burned_in_text_is_not_exported_unasked(tmp_path: Path) -> None:
    def burn(image: Dataset, index: int) -> None:
        if index == 2:
            image.BurnedInAnnotation = "YES"

    write_series(tmp_path / "ct", 4, burn)
    project, uid = project_of(tmp_path / "p", tmp_path / "ct")
    with pytest.raises(UserError, match="1 files: the header says that text is burned"):
        write_deidentified(project, [uid], tmp_path / "out", DeidentifyOptions())
    assert not any((tmp_path / "out").iterdir())
    done = write_deidentified(project, [uid], tmp_path / "out", DeidentifyOptions(burned_in=True))
    assert sum(done.audit.burned_in.values()) == 1


def test_an_image_file_becomes_slices_without_its_name(tmp_path: Path) -> None:
    grid = Geometry((4, 6, 5), (3.0, 0.7, 0.8), (-10, 20, 100))
    hu = np.arange(120, dtype=np.int16).reshape(4, 6, 5) - 60
    write_image(tmp_path / "Doe_Jane_image.nii.gz", Volume(hu, grid))
    project, uid = project_of(tmp_path / "p", tmp_path / "Doe_Jane_image.nii.gz")
    options = DeidentifyOptions(labels=("seg", "rtstruct"))
    write_deidentified(project, [uid], tmp_path / "out", options)
    for path in (tmp_path / "out").rglob("*.dcm"):
        assert b"doe" not in path.read_bytes().lower()
    with Project.create(tmp_path / "q") as fresh:
        (folder,) = (tmp_path / "out").glob("LF-*/series-1")
        report = import_paths(fresh, [folder / "images", folder / "seg.dcm"])
        (record,) = report.series
        labels = fresh.label_store(record.series_uid).load()
        assert np.array_equal(labels, project.label_store(uid).load())


def test_images_or_labels_alone(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", 4)
    project, uid = project_of(tmp_path / "p", tmp_path / "ct")
    write_deidentified(project, [uid], tmp_path / "a", DeidentifyOptions(labels=()))
    write_deidentified(project, [uid], tmp_path / "b", DeidentifyOptions(images=False))
    assert len(list((tmp_path / "a").rglob("*.dcm"))) == 4
    (seg,) = (tmp_path / "b").rglob("*.dcm")
    image = pydicom.dcmread(next((tmp_path / "a").rglob("*.dcm")))
    assert pydicom.dcmread(seg).FrameOfReferenceUID == image.FrameOfReferenceUID


def test_the_key_is_made_once_and_never_replaced(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        first = identity_of(project)
        assert identity_of(project) == first
        assert project.folder.owns(tmp_path / "p" / KEY_FILE)
        (tmp_path / "p" / KEY_FILE).write_text("nonsense")
        with pytest.raises(FileRefusedError, match="damaged"):
            identity_of(project)
