"""The tumours of the twelve sarcoma patients out as RTSTRUCT and SEG and in again, by voxels."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk

from core.dicom.rtstruct import read_rtstruct
from core.dicom.scan import scan
from core.dicom.seg import read_seg
from core.dicom.series import group
from core.dicom.stack import Stack
from core.dicom.writing.references import References, references_of
from core.dicom.writing.rtstruct import make_rtstruct
from core.dicom.writing.seg import make_seg
from core.export.deidentified import DeidentifyOptions, write_deidentified
from core.export.labels import (
    DicomLabel,
    LabelOptions,
    export_dicom_label,
    save,
    segments_of,
)
from core.labels.schema import LabelSchema
from core.project.importer import import_paths
from core.project.project import Project

pytestmark = pytest.mark.real_data

PATIENTS = [f"STS_{n:03d}" for n in (1, 2, 3, 4, 6, 10, 12, 14, 15, 18, 24, 41)]
KINDS: tuple[DicomLabel, ...] = ("seg", "rtstruct")
MANUAL = LabelOptions("manual")
SEGMENTS = segments_of(LabelSchema.default(), LabelOptions("semi-automatic"))


def tumour(folder: Path) -> tuple[References, Stack, np.ndarray]:
    """The images of a patient and the tumour of the RTSTRUCT on them, 0 and 1."""
    (series,) = group(scan([folder / "CT" / "image"]).headers)
    stack = Stack(series.geometry, series.offsets)
    (path,) = (folder / "CT" / "rtstruct").iterdir()
    references = references_of(series, series.geometry)
    assert references is not None
    return references, stack, read_rtstruct(path).rasterise(stack).labels


@pytest.mark.parametrize("patient", PATIENTS)
def test_contours_to_voxels_to_contours_and_segments(
    shared_data: Path, tmp_path: Path, patient: str
) -> None:
    references, stack, labels = tumour(shared_data / "sts" / "dicom" / patient)
    assert labels.any() and set(np.unique(labels)) == {0, 1}
    save(make_rtstruct(labels, references, SEGMENTS, tmp_path), tmp_path / "rt.dcm")
    save(make_seg(labels, references, SEGMENTS, tmp_path), tmp_path / "seg.dcm")
    # Dice 0.99 is what was asked for; every voxel is what marching squares give.
    contoured = read_rtstruct(tmp_path / "rt.dcm").rasterise(stack)
    assert np.array_equal(contoured.labels, labels) and contoured.names == {1: "Tumour"}
    segmented = read_seg(tmp_path / "seg.dcm").rasterise(stack)
    assert np.array_equal(segmented.labels, labels) and segmented.names == {1: "Tumour"}
    # highdicom searches its index frame by frame, so it reads the small ones only.
    if len(np.flatnonzero(labels.any(axis=(1, 2)))) > 30:
        return
    others = hd.seg.segread(tmp_path / "seg.dcm").get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in references.images],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    assert np.array_equal(others, labels)


@pytest.mark.parametrize(
    "where",
    ["dcmqi/24x38x3/multiframe", "pydicom/dicomdirtests/77654033/CT2", "rt-utils/mock_data"],
    ids=["multi-frame", "a gap of 202.5 mm", "two slices"],
)
def test_odd_series_get_their_labels_back_with_and_without_identity(
    shared_data: Path, tmp_path: Path, where: str
) -> None:
    with Project.create(tmp_path / "p") as project:
        (record, *_) = import_paths(project, [shared_data / "zoo" / where]).series
        z, y, x = record.geometry.shape
        labels = np.zeros((z, y, x), np.uint8)
        labels[z // 2, y // 4 : y // 2, x // 4 : x // 2], labels[-1, :3, :4] = 1, 2
        project.label_store(record.series_uid).save(labels)
        for kind in KINDS:
            path = tmp_path / f"{kind}.dcm"
            done = export_dicom_label(project, record.series_uid, path, kind, MANUAL)
            assert done.images is None
            with Project.create(tmp_path / kind) as fresh:
                report = import_paths(fresh, [*record.files, path])
                assert not report.skipped
                assert np.array_equal(fresh.label_store(record.series_uid).load(), labels)
        options = DeidentifyOptions(label=MANUAL, burned_in=True)
        write_deidentified(project, [record.series_uid], tmp_path / "out", options)
    with Project.create(tmp_path / "q") as fresh:
        (uid,) = import_paths(fresh, list((tmp_path / "out").glob("LF-*"))).labelled
        assert uid.startswith("2.25.")
        assert np.array_equal(fresh.label_store(uid).load(), labels)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (see the bench extra)")
    return found


def test_dcmqi_reads_the_same_voxels(shared_data: Path, tmp_path: Path) -> None:
    converter = tool("segimage2itkimage")
    references, _, labels = tumour(shared_data / "sts" / "dicom" / "STS_002")
    save(make_seg(labels, references, SEGMENTS, tmp_path), tmp_path / "seg.dcm")
    subprocess.run(
        [converter, "--inputDICOM", "seg.dcm", "--outputDirectory", ".", "--outputType", "nrrd"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    image = sitk.ReadImage(str(tmp_path / "1.nrrd"))
    z = references.geometry.mm_to_index(image.GetOrigin())
    first = round(float(z[0]))
    assert np.abs(z - [first, 0, 0]).max() < 1e-3
    mask = sitk.GetArrayFromImage(image)
    assert np.array_equal(mask, labels[first : first + len(mask)])
    assert np.count_nonzero(mask) == np.count_nonzero(labels)


@pytest.mark.parametrize("kind", ["seg", "rtstruct"])
def test_dciodvfy_finds_nothing_of_ours(shared_data: Path, tmp_path: Path, kind: str) -> None:
    validator = tool("dciodvfy")
    references, _, labels = tumour(shared_data / "sts" / "dicom" / "STS_002")
    make = make_seg if kind == "seg" else make_rtstruct
    save(make(labels, references, SEGMENTS, tmp_path), tmp_path / "label.dcm")
    ran = subprocess.run(
        [validator, "-new", tmp_path / "label.dcm"], capture_output=True, text=True, check=False
    )
    found = [line for line in ran.stderr.splitlines() if line.startswith(("Error", "Warning"))]
    # The images' own study ID has a letter too many, and their patients' names no caret; a label
    # has to carry both as they are.
    ours = [line for line in found if "StudyID" not in line and "PatientName" not in line]
    assert len(ran.stderr) > 0 and not ours
