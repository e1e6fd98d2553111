"""Lesion measures, label storage and metrics on real tumours."""

import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from core.evaluation.metrics import case_metrics
from core.geometry import Geometry
from core.labels.edits import make_edit
from core.labels.lesions import measure
from core.labels.schema import LabelSchema
from core.labels.store import LabelStore
from core.labels.tools import fill_between_slices

pytestmark = pytest.mark.real_data


def masks(shared: Path) -> list[tuple[str, np.ndarray, Geometry]]:
    found = []
    for path in sorted((shared / "sts" / "nifti").glob("*_mask.nii.gz")):
        image = sitk.ReadImage(str(path))
        labels = sitk.GetArrayFromImage(image).astype(np.uint8)
        grid = Geometry(
            labels.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()
        )
        found.append((path.name[:7], labels, grid))
    return found


def test_real_tumours_measure_as_simpleitk_and_geometry_say(shared_data: Path) -> None:
    volumes = []
    spent = 0.0
    for name, labels, grid in masks(shared_data):
        started = time.perf_counter()
        lesions = measure(labels, grid, [1])
        spent += time.perf_counter() - started
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(sitk.GetImageFromArray((labels > 0).astype(np.uint8)))
        assert sum(lesion.voxels for lesion in lesions) == shape.GetNumberOfPixels(1), name
        volumes.append(sum(lesion.ml for lesion in lesions))
        for lesion in lesions:
            assert lesion.short_axis_mm <= lesion.long_axis_mm, name
            (_, (y0, y1), (x0, x1)) = lesion.box
            sides = ((y1 - y0) * grid.spacing[1], (x1 - x0) * grid.spacing[2])
            assert lesion.long_axis_mm <= np.hypot(*sides), name
            part = labels[lesion.axial_slice]
            assert part.any(), name
            assert labels[lesion.centre] == 1, name
    # The README of the data: 53 to 818 mL.
    assert min(volumes) == pytest.approx(53, abs=1) and max(volumes) == pytest.approx(818, abs=1)
    assert spent < 5.0


def test_a_real_label_goes_through_the_store_and_comes_back(
    shared_data: Path, tmp_path: Path
) -> None:
    name, labels, grid = masks(shared_data)[0]
    store = LabelStore(tmp_path / name, grid, LabelSchema.default())
    live = store.load()
    edit = make_edit(live, tuple((0, n) for n in grid.shape), labels, "Import", 1)
    assert edit is not None
    edit.apply(live)
    store.commit(edit)
    assert np.array_equal(LabelStore(tmp_path / name, grid, store.schema).load(), labels)
    store.save(live)
    assert np.array_equal(LabelStore(tmp_path / name, grid, store.schema).load(), labels)
    perfect = case_metrics(labels, live, grid)
    assert perfect.dice == 1.0 and perfect.hd95_mm == 0.0
    assert perfect.lesions_found == perfect.lesions and perfect.false_lesions == 0


def test_every_second_slice_is_enough_for_a_real_tumour(shared_data: Path) -> None:
    scores = []
    for _, labels, grid in masks(shared_data)[:8]:
        slices = np.flatnonzero(labels.any(axis=(1, 2)))
        sparse = np.zeros_like(labels)
        sparse[slices[::2]] = labels[slices[::2]]
        box, after = fill_between_slices(sparse, grid, 1)
        edit = make_edit(sparse, box, after, "Smart fill", 1)
        assert edit is not None
        edit.apply(sparse)
        scores.append(case_metrics(labels, sparse, grid).dice)
    # Alternate slices alone have a Dice of about two thirds.
    assert np.mean(scores) > 0.95 and min(scores) > 0.9
