"""Import: everything becomes a series or a label, or is named with a reason; labels are safe."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.errors import FileRefusedError
from core.export import export_label
from core.geometry import Geometry
from core.images import read_mask, write_image, write_mask
from core.labels.schema import LabelClass, LabelSchema
from core.project import import_labels
from core.project.importer import ImportProgress, accept_masks, import_paths
from core.project.project import Project
from core.project.reading import read_volume
from core.volume import Volume
from tests.core.dicom.make import rectangle, slice_values, write_rtstruct, write_series

GRID = Geometry((4, 6, 5), (2.0, 0.7, 0.8), (5.0, -3.0, 40.0))
SHAPE = ((0.5, 3.5), (0.5, 2.5))


def hu(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1000, 800, GRID.shape).astype(np.int16)


def cube(value: int = 1) -> np.ndarray:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1:3, 2:5, 1:3] = value
    return labels


def write_case(folder: Path, name: str, seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_image.nii.gz"
    write_image(path, Volume(hu(seed), GRID))
    return path


def labels_of(project: Project, uid: str) -> np.ndarray:
    return project.label_store(uid).load()


def test_mixed_folder_of_dicom_and_rtstruct(project: Project, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    paths = write_series(scans / "deep" / "ct", 4)
    write_rtstruct(scans / "rt", {"GTV_Mass": [rectangle(i, *SHAPE) for i in (1, 2)]})
    (scans / "readme.txt").write_text("about")
    steps: list[ImportProgress] = []
    report = import_paths(project, [scans], steps.append)
    (series,) = report.series
    assert series.files == tuple(paths) and series.source == "dicom"
    assert (series.labels, series.label_status, series.label_voxels) == (("Tumour",), "draft", 12)
    assert report.labelled == (series.series_uid,)
    assert [s.path.name for s in report.skipped] == ["readme.txt"]
    assert np.argwhere(labels_of(project, series.series_uid))[0].tolist() == [1, 1, 1]
    assert np.array_equal(read_volume(series).hu, np.stack([slice_values(i) for i in range(4)]))
    assert {s.stage for s in steps} == {"Searching folders", "Reading files", "Reading labels"}
    assert steps[-1].series_found == 1 and steps[-1].skipped == 1


def test_nifti_pairs_by_name_on_one_grid(project: Project, tmp_path: Path) -> None:
    for seed, name in enumerate(("A_1", "A_2", "A_3")):
        write_case(tmp_path / "n", name, seed)
        labels = np.zeros(GRID.shape, np.uint8)
        labels[seed] = 1
        write_mask(tmp_path / "n" / f"{name}_mask.nii.gz", labels, GRID, None)
    report = import_paths(project, [tmp_path / "n"])
    assert [s.patient_id for s in report.series] == ["A_1", "A_2", "A_3"]
    assert len(report.labelled) == 3 and not report.skipped
    for seed, record in enumerate(report.series):
        assert record.series_uid.startswith("2.25.")
        assert np.unique(np.argwhere(labels_of(project, record.series_uid))[:, 0]) == [seed]
        assert np.array_equal(read_volume(record).hu, hu(seed))


def test_flipped_mask_is_matched_by_position(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "x")
    ox, oy, oz = GRID.index_to_mm((3, 5, 0))
    flipped = Geometry(GRID.shape, GRID.spacing, (ox, oy, oz), (1, 0, 0, 0, -1, 0, 0, 0, -1))
    write_mask(tmp_path / "n" / "other_seg.nrrd", cube()[::-1, ::-1].copy(), flipped, None)
    (record,) = import_paths(project, [tmp_path / "n"]).series
    assert np.array_equal(labels_of(project, record.series_uid), cube())


def test_existing_label_is_never_overwritten(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "n"
    write_case(folder, "x")
    (record,) = import_paths(project, [folder]).series
    mine = cube()[:, ::-1].copy()
    project.label_store(record.series_uid).save(mine)
    project.save_label_summary(record.series_uid, mine)
    write_mask(folder / "x_mask.nii.gz", cube(), GRID, None)
    report = import_paths(project, [folder])
    assert not report.labelled and "already has a label" in report.skipped[0].reason
    assert np.array_equal(labels_of(project, record.series_uid), mine)


def test_importing_twice_changes_nothing(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "x")
    write_mask(tmp_path / "n" / "x_mask.nii.gz", cube(), GRID, None)
    write_series(tmp_path / "n" / "d", 3)
    import_paths(project, [tmp_path / "n"])
    before = project.series()
    import_paths(project, [tmp_path / "n"])
    assert project.series() == before


@pytest.mark.parametrize("held", [0, 1 << 28])
def test_several_masks_of_one_series_are_merged(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(import_labels, "HELD_BYTES", held)
    folder = tmp_path / "n"
    write_case(folder, "x")
    write_case(folder / "b", "y", 9)
    write_mask(folder / "b" / "y_liver.nii.gz", np.ones(GRID.shape, np.uint8), GRID, None)
    whole = np.ones(GRID.shape, np.uint8)
    write_mask(folder / "x_liver.nii.gz", whole, GRID, None)
    write_mask(folder / "x_tumour.nii.gz", cube(), GRID, None)
    write_mask(folder / "x_tumour_2.nii.gz", whole, GRID, None)
    report = import_paths(project, [folder])
    record = next(project.record(u) for u in report.labelled if project.record(u).patient_id == "x")
    assert record.labels == ("Tumour", "Liver") and record.label_voxels == 12
    assert "same label" in report.skipped[0].reason
    assert len(report.labelled) == 2


def test_segment_names_become_classes(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "x")
    schema, cyst = LabelSchema.default().with_class("Cyst")
    write_mask(tmp_path / "n" / "x.seg.nrrd", cube(cyst.value), GRID, schema)
    (record,) = import_paths(project, [tmp_path / "n"]).series
    assert record.labels == ("Cyst",)
    saved, _, names = read_mask(project.label_store(record.series_uid).path)
    assert names[int(saved.max())] == "Cyst"


@pytest.mark.parametrize(
    ("geometry", "name", "reason"),
    [
        (Geometry(GRID.shape, GRID.spacing, (900.0, 0.0, 0.0)), "x_mask", "does not overlap"),
        (Geometry((2, 6, 5), GRID.spacing, GRID.origin), "x_mask", "5 × 6 × 2 voxels"),  # offered
        (Geometry((2, 6, 5), GRID.spacing, GRID.origin), "y_mask", "no image of the project"),
    ],
)
def test_masks_that_do_not_fit_are_refused_with_numbers(
    project: Project, tmp_path: Path, geometry: Geometry, name: str, reason: str
) -> None:
    write_case(tmp_path / "n", "x")
    labels = np.zeros(geometry.shape, np.uint8)
    labels[0, 0, 0] = 1
    write_mask(tmp_path / "n" / f"{name}.nii.gz", labels, geometry, None)
    report = import_paths(project, [tmp_path / "n"])
    assert not report.labelled and reason in report.skipped[0].reason


def test_mask_that_fits_several_series_is_refused(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "a", 1)
    write_case(tmp_path / "n", "b", 2)
    write_mask(tmp_path / "n" / "c_mask.nii.gz", cube(), GRID, None)
    report = import_paths(project, [tmp_path / "n"])
    assert not report.labelled and "2 series lie on its grid" in report.skipped[0].reason


def test_finer_mask_of_the_same_case_is_resampled(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "x")
    fine = Geometry(
        (8, 6, 5), (1.0, 0.7, 0.8), (GRID.origin[0], GRID.origin[1], GRID.origin[2] - 0.5)
    )
    write_mask(tmp_path / "n" / "x_mask.nii.gz", np.repeat(cube(), 2, axis=0), fine, None)
    report = import_paths(project, [tmp_path / "n"])
    (record,), (offer,) = report.series, report.offers
    assert not report.labelled and not project.label_store(record.series_uid).exists()
    assert offer.series_uid == record.series_uid and offer.covered == 1
    assert offer.label_ml == pytest.approx(offer.resampled_ml)
    assert "It covers 100 % of the image" in report.skipped[0].reason
    taken = accept_masks(project, report.offers)
    assert taken.labelled == (record.series_uid,) and not taken.skipped
    assert np.array_equal(labels_of(project, record.series_uid), cube())


def test_a_mask_of_a_part_says_how_small_a_part(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "x")
    # Two of four slices, and shifted so that half of what is labelled lies outside.
    z = GRID.origin[2] + 3 * GRID.spacing[0]
    part = Geometry((2, 6, 5), GRID.spacing, (*GRID.origin[:2], z))
    write_mask(tmp_path / "n" / "x_mask.nii.gz", np.ones((2, 6, 5), np.uint8), part, None)
    (offer,) = import_paths(project, [tmp_path / "n"]).offers
    assert 0 < offer.covered < 0.5
    assert offer.resampled_ml == pytest.approx(0.5 * offer.label_ml)
    (record,) = project.series()
    accept_masks(project, [offer])
    assert labels_of(project, record.series_uid)[3].all()
    # Its label is there now: accepting again changes nothing and says so.
    assert "already has a label" in accept_masks(project, [offer]).skipped[0].reason


def test_segments_of_slicer_come_with_names_and_colours(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "x")
    own = LabelSchema((LabelClass(7, "Cyst", "#12AB34"), LabelClass(9, "Rim", "#FF0080")))
    labels = cube(7)
    labels[0, 0, 0] = 9
    write_mask(tmp_path / "n" / "x.seg.nrrd", labels, GRID, own)
    import_paths(project, [tmp_path / "n"])
    found = {c.name: c.colour for c in project.schema.classes}
    assert found["Cyst"] == "#12AB34" and found["Rim"] == "#FF0080"
    (record,) = project.series()
    out = export_label(project, record.series_uid, tmp_path / "back.seg.nrrd")
    header = out.read_bytes()[:8000].decode("latin-1")
    assert "Name:=Cyst" in header and "Color:=0.070588 0.670588 0.203922" in header


def test_a_cropped_file_of_slicer_needs_no_question(project: Project, tmp_path: Path) -> None:
    write_case(tmp_path / "n", "x")
    first = GRID.index_to_mm((1, 1, 1)).tolist()
    part = Geometry((2, 3, 3), GRID.spacing, (first[0], first[1], first[2]), GRID.direction)
    labels = np.ones(part.shape, np.uint8)
    write_mask(tmp_path / "n" / "x.seg.nrrd", labels, part, LabelSchema.default())
    report = import_paths(project, [tmp_path / "n"])
    assert len(report.labelled) == 1 and not report.offers
    found = labels_of(project, report.labelled[0])
    assert found[1:3, 1:4, 1:4].all() and np.count_nonzero(found) == 18


def test_second_half_of_a_series_completes_it(project: Project, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "all", 6)
    (tmp_path / "half").mkdir()
    for path in paths[3:]:
        path.rename(tmp_path / "half" / path.name)
    (first,) = import_paths(project, [tmp_path / "all"]).series
    assert first.geometry.shape[0] == 3
    (whole,) = import_paths(project, [tmp_path / "half"]).series
    assert whole.geometry.shape[0] == 6
    assert [c.code for c in whole.checks] == ["non-square-pixels"]  # as ``make`` has them


def test_labelled_series_keeps_its_grid(project: Project, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "all", 6)
    hidden = tmp_path / paths[5].name
    paths[5].rename(hidden)
    (record,) = import_paths(project, [tmp_path / "all"]).series
    labels = np.ones(record.geometry.shape, np.uint8)
    project.label_store(record.series_uid).save(labels)
    hidden.rename(paths[5])
    report = import_paths(project, [tmp_path / "all"])
    assert "has a label" in report.skipped[0].reason
    assert project.record(record.series_uid).geometry == record.geometry


def test_label_after_its_series_finds_uneven_slices(project: Project, tmp_path: Path) -> None:
    write_series(tmp_path / "ct", 8)[3].unlink()
    import_paths(project, [tmp_path / "ct"])
    path = write_rtstruct(tmp_path / "rt" / "x", {"GTV": [rectangle(6, *SHAPE)]})
    (uid,) = import_paths(project, [path]).labelled
    assert np.unique(np.argwhere(labels_of(project, uid))[:, 0]).tolist() == [5]


def test_label_without_its_series_says_so(project: Project, tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "rt", {"GTV": [rectangle(1, *SHAPE)]}, series="9.9")
    report = import_paths(project, [path])
    assert "not in the project" in report.skipped[0].reason


def test_cancelled_import_keeps_what_was_done(project: Project, tmp_path: Path) -> None:
    for seed in range(4):
        write_case(tmp_path / "n", f"case{seed}", seed)
    seen: list[ImportProgress] = []
    report = import_paths(
        project, [tmp_path / "n"], seen.append, lambda: seen[-1:] != [] and seen[-1].done >= 2
    )
    assert report.cancelled
    assert len(report.series) == len(project.series()) == 2


def test_a_held_import_reads_nothing_until_let_go_and_can_be_cancelled_meanwhile(
    project: Project, tmp_path: Path
) -> None:
    write_series(tmp_path / "n", 4)
    hold, stop, seen = threading.Event(), threading.Event(), []

    def progress(step: ImportProgress) -> None:
        seen.append(step)
        if step.done == 2:
            hold.set()

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(
            import_paths, project, [tmp_path / "n"], progress, stop.is_set, hold.is_set
        )
        assert hold.wait(10)
        with pytest.raises(TimeoutError):
            job.result(timeout=0.3)
        assert max(step.done for step in seen) == 2
        hold.clear()
        assert job.result(timeout=10).series[0].geometry.shape[0] == 4
        seen.clear()
        hold.set()
        job = pool.submit(
            import_paths, project, [tmp_path / "n"], progress, stop.is_set, hold.is_set
        )
        stop.set()
        assert job.result(timeout=10).cancelled


def test_missing_path_is_an_error_and_own_folder_is_left_out(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(FileRefusedError, match=r"nowhere .*does not exist"):
        import_paths(project, [tmp_path / "nowhere"])
    write_case(tmp_path / "n", "x")
    (record,) = import_paths(project, [tmp_path / "n"]).series
    project.label_store(record.series_uid).save(cube())
    report = import_paths(project, [tmp_path])
    assert [s.path for s in report.skipped] == [project.path]
    assert [s.series_uid for s in report.series] == [record.series_uid]


def test_moved_and_changed_files_are_refused_when_read(project: Project, tmp_path: Path) -> None:
    path = write_case(tmp_path / "n", "x")
    (record,) = import_paths(project, [tmp_path / "n"]).series
    write_image(path, Volume(hu()[:2].copy(), Geometry((2, 6, 5), GRID.spacing, GRID.origin)))
    with pytest.raises(FileRefusedError, match="grid changed"):
        read_volume(record)
    path.unlink()
    with pytest.raises(FileRefusedError, match="no longer where it was"):
        read_volume(record)


def test_copy_of_an_image_is_named(project: Project, tmp_path: Path) -> None:
    path = write_case(tmp_path / "n", "x")
    (path.parent / "y_image.nii.gz").write_bytes(path.read_bytes())
    report = import_paths(project, [path.parent])
    assert len(report.series) == 1 and "is a copy of x_image" in report.skipped[0].reason
