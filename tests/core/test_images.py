"""Image files: positions survive every format, lies in headers are refused before allocating."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.images import (
    image_stem,
    image_suffix,
    read_geometry,
    read_image,
    read_mask,
    resample_mask,
    to_sitk,
    write_image,
    write_mask,
)
from core.labels.schema import LabelSchema
from core.volume import Volume

TURN = (0.0, -1.0, 0.0, 0.6, 0.0, -0.8, 0.8, 0.0, 0.6)
GRID = Geometry((3, 4, 5), (2.5, 0.7, 0.9), (-10.5, 20.25, 300.0), TURN)


def volume() -> Volume:
    values = np.arange(60, dtype=np.int16).reshape(GRID.shape) * 37 - 1024
    return Volume(values, GRID)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_written_image_comes_back_at_the_same_place(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"case{suffix}"
    write_image(path, volume())
    back = read_image(path)
    assert np.array_equal(back.hu, volume().hu)
    assert back.geometry.same_grid(GRID)
    assert read_geometry(path).same_grid(GRID)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_nifti_agrees_with_an_independent_reader(tmp_path: Path) -> None:
    path = tmp_path / "case.nii.gz"
    write_image(path, volume())
    image = nib.load(path)
    index = (1, 2, 3)  # z, y, x
    assert image.get_fdata()[3, 2, 1] == volume().hu[index]
    ras = image.affine @ [3, 2, 1, 1]
    lps = GRID.index_to_mm(index)
    assert np.allclose(ras[:3], lps * [-1, -1, 1], atol=1e-3)


def test_fractions_are_rounded_with_a_check(tmp_path: Path) -> None:
    path = tmp_path / "f.nrrd"
    sitk.WriteImage(to_sitk(np.full(GRID.shape, 1.5, np.float32), GRID), str(path))
    back = read_image(path)
    assert back.hu.max() == 2
    assert [c.code for c in back.checks] == ["rounded"]


def test_nan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nan.nrrd"
    sitk.WriteImage(to_sitk(np.full(GRID.shape, np.nan, np.float32), GRID), str(path))
    with pytest.raises(FileRefusedError, match=r"nan\.nrrd .*not finite"):
        read_image(path)


def test_header_that_claims_too_much_is_refused_without_allocating(tmp_path: Path) -> None:
    path = tmp_path / "huge.nii"
    write_image(path, volume())
    data = bytearray(path.read_bytes())
    struct.pack_into("<3h", data, 42, 2000, 2000, 2000)
    path.write_bytes(data)
    with pytest.raises(FileRefusedError, match=r"claims 2000 × 2000 × 2000"):
        read_image(path)
    packed = tmp_path / "huge.nii.gz"
    packed.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(FileRefusedError, match="claims"):
        read_geometry(packed)


def test_four_dimensions_and_colour_are_refused(tmp_path: Path) -> None:
    series = sitk.JoinSeries([to_sitk(volume().hu, GRID)] * 2)
    path = tmp_path / "t.nii.gz"
    sitk.WriteImage(series, str(path))
    with pytest.raises(FileRefusedError, match="three dimensions"):
        read_image(path)
    colour = sitk.Compose([to_sitk(volume().hu, GRID)] * 3)
    path = tmp_path / "c.nrrd"
    sitk.WriteImage(colour, str(path))
    with pytest.raises(FileRefusedError, match="several values"):
        read_image(path)


def test_fourth_dimension_of_one_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "one.nrrd"
    sitk.WriteImage(sitk.JoinSeries([to_sitk(volume().hu, GRID)]), str(path))
    assert np.array_equal(read_image(path).hu, volume().hu)


@pytest.mark.parametrize("content", [b"", b"NRRD0004\n", b"\x5c\x01\x00\x00" * 10])
def test_rubbish_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.nrrd"
    path.write_bytes(content)
    with pytest.raises(FileRefusedError, match=r"bad\.nrrd"):
        read_image(path)


def test_mask_names_travel_in_seg_nrrd(tmp_path: Path) -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 1:3, 2] = 2
    path = tmp_path / "m.seg.nrrd"
    write_mask(path, labels, GRID, LabelSchema.default())
    back, grid, names = read_mask(path)
    assert np.array_equal(back, labels)
    assert grid.same_grid(GRID)
    assert names[1] == "Tumour"


def test_layers_of_a_segmentation_are_flattened(tmp_path: Path) -> None:
    first = np.zeros(GRID.shape, np.uint8)
    first[0], second = 1, np.zeros(GRID.shape, np.uint8)
    second[:2, 0] = 1
    image = sitk.Compose(to_sitk(first, GRID), to_sitk(second, GRID))
    for n, name in enumerate(("Liver", "Lesion")):
        image.SetMetaData(f"Segment{n}_Name", name)
        image.SetMetaData(f"Segment{n}_LabelValue", "1")
        image.SetMetaData(f"Segment{n}_Layer", str(n))
    path = tmp_path / "layers.seg.nrrd"
    sitk.WriteImage(image, str(path))
    labels, _, names = read_mask(path)
    assert names == {1: "Liver", 2: "Lesion"}
    assert (labels[:2, 0] == 2).all() and (labels[0, 1:] == 1).all() and not labels[2].any()


def test_hu_is_no_mask(tmp_path: Path) -> None:
    path = tmp_path / "m.nii.gz"
    write_image(path, volume())
    with pytest.raises(FileRefusedError, match="no label map"):
        read_mask(path)


def test_unknown_ending_is_refused_when_writing(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match=r"\.nii\.gz"):
        write_image(tmp_path / "case.png", volume())
    with pytest.raises(FileRefusedError, match="could not be written"):
        write_image(tmp_path / "nowhere" / "case.nii", volume())


def test_suffix_and_stem() -> None:
    assert image_suffix(Path("A.NII.GZ")) == ".nii.gz"
    assert image_stem(Path("a.b.seg.nrrd")) == "a.b"
    assert image_suffix(Path("nii.gz.txt")) == ""


@settings(max_examples=40, deadline=None)
@given(
    flips=st.tuples(*[st.booleans()] * 3),
    seed=st.integers(0, 2**31),
)
def test_flipped_storage_lands_on_the_same_voxels(flips: tuple[bool, ...], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, GRID.shape, dtype=np.uint8)
    axes = [a for a in range(3) if flips[a]]
    corner = [GRID.shape[a] - 1 if flips[a] else 0 for a in range(3)]
    ox, oy, oz = GRID.index_to_mm(corner)
    turned = GRID.axes * [-1 if flips[2 - i] else 1 for i in range(3)]
    source = Geometry(GRID.shape, GRID.spacing, (ox, oy, oz), tuple(turned.ravel()))
    stored = np.ascontiguousarray(np.flip(labels, axes)) if axes else labels
    assert np.array_equal(resample_mask(stored, source, GRID), labels)


def test_nearest_voxel_by_position_and_nothing_outside() -> None:
    source = Geometry((2, 2, 2), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    target = Geometry((4, 4, 4), (1.0, 1.0, 1.0), (10.0, 0.0, 0.0))
    labels = np.ones((2, 2, 2), np.uint8)
    assert not resample_mask(labels, source, target).any()
    near = Geometry((1, 1, 3), (1.0, 1.0, 1.0), (1.8, 0.0, 0.0))
    assert resample_mask(labels, source, near).ravel().tolist() == [1, 1, 0]
