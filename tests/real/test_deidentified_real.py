"""STS_002 out without identity: nothing planted is left in any byte, the SEG lies on its CT."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from core.dicom.deidentify.profile import Action
from core.errors import Cancelled, UserError
from core.export.deidentified import DeidentifyOptions, look_through, write_deidentified
from core.export.labels import LabelOptions
from core.project.importer import import_paths
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord

pytestmark = pytest.mark.real_data

#: Everything that names the patient, the stay, the place or the images, in the form it is planted.
PLANTED = (
    "Mustermann", "Erika", "HOSP-77123", "ACC-0815-4711", "19500102", "St. Nowhere", "Dr. Who",
    "Ward Seven", "INV-AE-TITLE", "OVERLAY-TEXT", "preamble-name", "padding-name", "STS_002",
    "IBSI", "14519.5.2.1", "20060128", "20190820",
)  # fmt: skip
OPTIONS = DeidentifyOptions(labels=("seg", "rtstruct"), label=LabelOptions("semi-automatic"))


def plant(path: Path) -> None:
    """Identity in every kind of place a DICOM file has."""
    image = pydicom.dcmread(path)
    image.PatientName, image.PatientID = "Mustermann^Erika", "HOSP-77123"
    image.PatientBirthDate, image.AccessionNumber = "19500102", "ACC-0815-4711"
    image.InstitutionName, image.OperatorsName = "St. Nowhere", "Dr. Who"
    image.ImageComments = "Mustermann, seen by Dr. Who on Ward Seven"
    image.ProtocolName = image.SeriesDescription = "ABDOMEN Mustermann"
    image.Manufacturer = "GE for Mustermann"
    image.ConvolutionKernel = "ERIKA"
    block = image.private_block(0x0019, "St. Nowhere", create=True)
    block.add_new(1, "LO", "HOSP-77123")
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, "1.2.840.9.77"
    item.PatientComments = "Ward Seven"
    image.ReferencedImageSequence = [item]
    image.add_new(0x60000010, "US", 8)
    image.add_new(0x60003000, "OW", b"OVERLAY-TEXT")
    image.add_new(0x00189999, "UN", b"Dr. Who")
    image.add_new(0xFFFCFFFC, "OB", b"padding-name")
    image.file_meta.SourceApplicationEntityTitle = "INV-AE-TITLE"
    image.preamble = b"preamble-name".ljust(128, b"\0")
    image.save_as(path)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("planted")
    folder = root / "Mustermann Erika"
    source = shared_data / "sts" / "dicom" / "STS_002" / "CT"
    shutil.copytree(source, folder)
    for path in (folder / "image").iterdir():
        path.chmod(0o644)
        plant(path)
    with Project.create(root / "project") as project:
        report = import_paths(project, [folder])
        assert len(report.labelled) == 1
        yield project


def only(project: Project) -> SeriesRecord:
    (record,) = project.series()
    return record


def test_nothing_planted_is_left_and_the_seg_lies_on_its_ct(
    planted: Project, tmp_path: Path
) -> None:
    record = only(planted)
    before = planted.label_store(record.series_uid).load()
    done = write_deidentified(planted, [record.series_uid], tmp_path / "out", OPTIONS)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert done.files == len(record.files) + 2 == len(files) - 1  # and the audit
    for path in files:
        assert not any(word in str(path.relative_to(tmp_path)) for word in PLANTED)
        data = path.read_bytes().lower()
        for word in PLANTED:
            assert word.lower().encode() not in data, (path.name, word)
            assert word.lower().encode("utf-16-le") not in data, (path.name, word)
    for kind in ("seg", "rtstruct"):
        with Project.create(tmp_path / f"again-{kind}") as fresh:
            images = next((tmp_path / "out").glob("*/series-1/images"))
            report = import_paths(fresh, [images, images.parent / f"{kind}.dcm"])
            assert not report.skipped
            copy = only(fresh)
            assert copy.geometry.same_grid(record.geometry)
            assert np.array_equal(fresh.label_store(copy.series_uid).load(), before)
            assert np.array_equal(read_volume(copy).hu, read_volume(record).hu)
            assert copy.patient_id.startswith("LF-") and copy.labels == ("Tumour",)


def test_references_resolve_and_are_the_same_another_day(planted: Project, tmp_path: Path) -> None:
    uid = only(planted).series_uid
    for name in ("a", "b"):
        write_deidentified(planted, [uid], tmp_path / name, OPTIONS)
    (series,) = (tmp_path / "a").glob("*/series-1")
    images = {pydicom.dcmread(p).SOPInstanceUID for p in (series / "images").iterdir()}
    seg, rt = pydicom.dcmread(series / "seg.dcm"), pydicom.dcmread(series / "rtstruct.dcm")
    (referenced,) = seg.ReferencedSeriesSequence
    assert {i.ReferencedSOPInstanceUID for i in referenced.ReferencedInstanceSequence} <= images
    contoured = {
        image.ReferencedSOPInstanceUID
        for contour in rt.ROIContourSequence[0].ContourSequence
        for image in contour.ContourImageSequence
    }
    assert contoured and contoured <= images
    assert seg.PatientID == rt.PatientID == series.parent.name
    assert seg.FrameOfReferenceUID == rt.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    other = next((tmp_path / "b").glob("*/series-1/images"))
    assert {pydicom.dcmread(p).SOPInstanceUID for p in other.iterdir()} == images


def test_the_audit_says_all_before_anything_is_written(planted: Project, tmp_path: Path) -> None:
    record = only(planted)
    audit = look_through(planted, [record.series_uid], OPTIONS)
    rows = {(row.tag, row.action): row for row in audit.rows()}
    name = rows["(0010,0010)", Action.PSEUDONYM]
    assert name.files == len(record.files) + 2 == audit.files
    assert name.before == "Mustermann^Erika" and name.after.startswith("LF-")
    assert "Mustermann" not in repr(audit) and "Mustermann" not in repr(name)
    assert ("(0019,1001)", Action.PRIVATE) in rows
    assert rows["(0008,0070)", Action.FOUND].files == len(record.files)
    written = write_deidentified(planted, [record.series_uid], tmp_path / "out", OPTIONS).audit
    assert [(r.tag, r.action, r.files) for r in written.rows()] == [
        (r.tag, r.action, r.files) for r in audit.rows()
    ]


def test_nothing_half_is_left(planted: Project, tmp_path: Path) -> None:
    uid = only(planted).series_uid
    with pytest.raises(Cancelled):
        write_deidentified(planted, [uid], tmp_path / "out", OPTIONS, cancelled=lambda: True)
    assert not list((tmp_path / "out").iterdir())
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(UserError, match="not empty"):
        write_deidentified(planted, [uid], tmp_path / "out", OPTIONS)
