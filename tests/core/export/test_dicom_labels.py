"""Labels out as SEG and RTSTRUCT: the voxels come back, the references and codes are right."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from core.dicom.remedies import Remedy
from core.dicom.writing.meaning import meaning_of, parse_code
from core.errors import FileRefusedError, UserError
from core.export.labels import DicomLabel, LabelOptions, export_dicom_label
from core.geometry import Geometry
from core.images import write_image
from core.project.importer import import_paths
from core.project.project import Project
from core.volume import Volume
from tests.core.dicom.make import write_series

SEMI = LabelOptions("semi-automatic", algorithm="Region grow")
KINDS: tuple[DicomLabel, ...] = ("seg", "rtstruct")


def some_labels(shape: tuple[int, int, int]) -> np.ndarray:
    """Two classes; the first has a hole, an island in it, and parts that touch a border."""
    labels = np.zeros(shape, np.uint8)
    labels[1, :5, :5] = 1
    labels[1, 1:4, 1:4] = 0
    labels[1, 2, 2] = 1
    labels[2, 0, 0] = labels[2, 3, 1] = labels[2, 5, 4] = 1
    labels[3, 2:4, 1:3] = 3
    return labels


def labelled(folder: Path, images: Path) -> tuple[Project, str]:
    project = Project.create(folder)
    (record,) = import_paths(project, [images]).series
    project.label_store(record.series_uid).save(some_labels(record.geometry.shape))
    return project, record.series_uid


def read_back(folder: Path, images: Path, label: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    with Project.create(folder) as fresh:
        report = import_paths(fresh, [images, label])
        assert not report.skipped
        (record,) = fresh.series()
        return fresh.label_store(record.series_uid).load(), record.labels


@pytest.mark.parametrize("kind", KINDS)
def test_voxels_come_back(tmp_path: Path, kind: DicomLabel) -> None:
    write_series(tmp_path / "ct", 5)
    project, uid = labelled(tmp_path / "a", tmp_path / "ct")
    written = export_dicom_label(project, uid, tmp_path / "label.dcm", kind, SEMI)
    assert written.images is None
    labels, names = read_back(tmp_path / "b", tmp_path / "ct", written.path)
    assert np.array_equal(labels, some_labels((5, 6, 5)))
    assert names == ("Tumour", "Necrosis")


@pytest.mark.parametrize("kind", KINDS)
def test_planes_behind_a_gap_stay_where_they_are(tmp_path: Path, kind: DicomLabel) -> None:
    write_series(tmp_path / "ct", 8)[5].unlink()
    project, uid = labelled(tmp_path / "a", tmp_path / "ct")
    written = export_dicom_label(project, uid, tmp_path / "label.dcm", kind, SEMI)
    labels, _ = read_back(tmp_path / "b", tmp_path / "ct", written.path)
    assert np.array_equal(labels, some_labels((7, 6, 5)))


def test_seg_says_what_and_how_and_names_its_images(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", 5)
    project, uid = labelled(tmp_path / "a", tmp_path / "ct")
    export_dicom_label(project, uid, tmp_path / "label.dcm", "seg", SEMI)
    seg = hd.seg.segread(tmp_path / "label.dcm")
    tumour, necrosis = (seg.get_segment_description(n) for n in (1, 2))
    assert tumour.segmented_property_type == Code("108369006", "SCT", "Neoplasm")
    assert necrosis.segmented_property_type == Code("6574001", "SCT", "Necrosis")
    assert tumour.algorithm_type.value == "SEMIAUTOMATIC"
    assert tumour.segment_label == "Tumour"
    first = pydicom.dcmread(paths[0])
    assert seg.StudyInstanceUID == first.StudyInstanceUID and seg.PatientID == "P1"
    assert seg.FrameOfReferenceUID == first.FrameOfReferenceUID
    assert seg.SeriesInstanceUID != first.SeriesInstanceUID
    images = sorted(paths, key=lambda p: p.name, reverse=True)
    uids = [pydicom.dcmread(p).SOPInstanceUID for p in images]
    # An independent reader, asked by the images' own UIDs.
    masks = seg.get_pixels_by_source_instance(
        uids, combine_segments=False, assert_missing_frames_are_empty=True
    )
    expected = some_labels((5, 6, 5))
    assert np.array_equal(masks[..., 0], expected == 1)
    assert np.array_equal(masks[..., 1], expected == 3)


def test_rtstruct_names_the_image_of_each_contour(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", 5)
    project, uid = labelled(tmp_path / "a", tmp_path / "ct")
    made = LabelOptions("manual", meanings={"tumour": Code("86049000", "SCT", "Primary")})
    export_dicom_label(project, uid, tmp_path / "rt.dcm", "rtstruct", made)
    rt = pydicom.dcmread(tmp_path / "rt.dcm")
    positions = {
        image.SOPInstanceUID: image.ImagePositionPatient[2] for image in map(pydicom.dcmread, paths)
    }
    rois = {int(r.ROINumber): r for r in rt.StructureSetROISequence}
    assert [rois[n].ROIName for n in (1, 2)] == ["Tumour", "Necrosis"]
    assert rois[1].ROIGenerationAlgorithm == "MANUAL"
    (tumour, necrosis) = rt.RTROIObservationsSequence
    assert tumour.RTROIInterpretedType == "GTV" and not necrosis.RTROIInterpretedType
    assert tumour.RTROIIdentificationCodeSequence[0].CodeValue == "86049000"
    listed = (
        rt.ReferencedFrameOfReferenceSequence[0]
        .RTReferencedStudySequence[0]
        .RTReferencedSeriesSequence[0]
    )
    assert {i.ReferencedSOPInstanceUID for i in listed.ContourImageSequence} == set(positions)
    checked = 0
    for drawn in rt.ROIContourSequence:
        for contour in drawn.ContourSequence:
            (image,) = contour.ContourImageSequence
            assert {float(z) for z in contour.ContourData[2::3]} == {
                float(positions[image.ReferencedSOPInstanceUID])
            }
            checked += 1
    assert checked == 2 + 3 + 1  # ring and island, three pixels, a block


@pytest.mark.parametrize("kind", KINDS)
def test_series_of_an_image_file_gets_images_to_refer_to(tmp_path: Path, kind: DicomLabel) -> None:
    # Oblique on purpose: turned by 30 degrees about x.
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    grid = Geometry((5, 6, 5), (3.0, 0.7, 0.8), (-10, 20, 100), (1, 0, 0, 0, c, -s, 0, s, c))
    hu = np.arange(150, dtype=np.int16).reshape(5, 6, 5) - 75
    write_image(tmp_path / "case_image.nii.gz", Volume(hu, grid))
    project, uid = labelled(tmp_path / "a", tmp_path / "case_image.nii.gz")
    written = export_dicom_label(project, uid, tmp_path / "label.dcm", kind, SEMI)
    assert written.images == tmp_path / "label_images"
    labels, names = read_back(tmp_path / "b", written.images, written.path)
    assert np.array_equal(labels, some_labels(grid.shape)) and names == ("Tumour", "Necrosis")
    # A second label refers to the same images.
    again = export_dicom_label(project, uid, tmp_path / "again.dcm", kind, SEMI)
    labels, _ = read_back(tmp_path / "c", written.images, again.path)
    assert labels.any()


@pytest.mark.parametrize("kind", KINDS)
def test_images_whose_uids_were_blanked_are_written_anew(tmp_path: Path, kind: DicomLabel) -> None:
    def blank(image: Dataset, _index: int) -> None:
        image.SOPInstanceUID = ""

    write_series(tmp_path / "ct", 5, blank)
    project, uid = labelled(tmp_path / "a", tmp_path / "ct")
    written = export_dicom_label(project, uid, tmp_path / "label.dcm", kind, SEMI)
    assert written.images is not None
    labels, _ = read_back(tmp_path / "b", written.images, written.path)
    assert np.array_equal(labels, some_labels((5, 6, 5)))


@pytest.mark.parametrize("kind", KINDS)
def test_remedied_series_keeps_its_study_and_its_place(tmp_path: Path, kind: DicomLabel) -> None:
    write_series(tmp_path / "ct", 6)[3].unlink()
    with Project.create(tmp_path / "a") as project:
        (record,) = import_paths(project, [tmp_path / "ct"]).series
        project.apply_remedy(record.series_uid, Remedy(kind="interpolate"))
        assert project.record(record.series_uid).geometry.shape == (6, 6, 5)
        project.label_store(record.series_uid).save(some_labels((6, 6, 5)))
        path = tmp_path / "label.dcm"
        written = export_dicom_label(project, record.series_uid, path, kind, SEMI)
    assert written.images is not None
    labels, _ = read_back(tmp_path / "b", written.images, path)
    assert np.array_equal(labels, some_labels((6, 6, 5)))
    # On the series as it was scanned it lies at the same place, too: plane 3 of 6 is missing.
    made = pydicom.dcmread(path)
    assert made.StudyInstanceUID == "1.2.3" and made.PatientName == "Doe^Jane"
    kept = some_labels((6, 6, 5))[[0, 1, 2, 4, 5]]
    with Project.create(tmp_path / "c") as fresh:
        (record,) = import_paths(fresh, [tmp_path / "ct", path]).series
        assert np.array_equal(fresh.label_store(record.series_uid).load(), kept)


@pytest.mark.parametrize("kind", KINDS)
def test_names_in_any_script_come_back(tmp_path: Path, kind: DicomLabel) -> None:
    def name(image: Dataset, _index: int) -> None:
        image.SpecificCharacterSet, image.PatientName = "ISO_IR 100", "Müller^Änne"

    write_series(tmp_path / "ct", 5, name)
    project, uid = labelled(tmp_path / "a", tmp_path / "ct")
    schema, added = project.schema.with_class("肿瘤", lesion=True)
    project.set_schema(schema)
    labels = np.zeros((5, 6, 5), np.uint8)
    labels[2, 2:4, 2:4] = added.value
    project.label_store(uid).save(labels)
    export_dicom_label(project, uid, tmp_path / "label.dcm", kind, SEMI)
    made = pydicom.dcmread(tmp_path / "label.dcm")
    assert str(made.PatientName) == "Müller^Änne"
    _, names = read_back(tmp_path / "b", tmp_path / "ct", tmp_path / "label.dcm")
    assert names == ("肿瘤",)


def test_nothing_is_written_for_nothing(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", 5)
    project, uid = labelled(tmp_path / "a", tmp_path / "ct")
    project.label_store(uid).save(np.zeros((5, 6, 5), np.uint8))
    with pytest.raises(FileRefusedError, match="no voxels"):
        export_dicom_label(project, uid, tmp_path / "label.dcm", "seg", SEMI)
    with pytest.raises(FileRefusedError, match=r"ends in \.dcm"):
        export_dicom_label(project, uid, tmp_path / "label.nii", "seg", SEMI)
    with pytest.raises(FileRefusedError, match="does not exist"):
        export_dicom_label(project, uid, tmp_path / "no" / "label.dcm", "seg", SEMI)
    assert not list(tmp_path.glob("*.dcm")) and not list(tmp_path.glob(".tmp*"))


def test_classes_have_codes_and_users_may_choose() -> None:
    assert meaning_of("Anything", lesion=True).type.value == "108369006"
    assert meaning_of("liver", lesion=False).type == Code("10200004", "SCT", "Liver")
    assert meaning_of("Vessel", lesion=False).type.value == "59820001"
    assert meaning_of("Patch 7", lesion=False).type.value == "85756007"
    assert parse_code("X1 ^ 99LOCAL ^ My tumour") == Code("X1", "99LOCAL", "My tumour")
    for wrong in ("108369006", "a^b", "^SCT^x", "12345678901234567^SCT^too long"):
        with pytest.raises(UserError, match=r"value\^scheme\^meaning"):
            parse_code(wrong)
