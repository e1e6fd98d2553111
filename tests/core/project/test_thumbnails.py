"""Thumbnails: the right slice, square pixels in mm, from the cache while nothing changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.images import write_image
from core.project.project import Project
from core.project.thumbnails import cached_thumbnail, fit, thumbnail
from core.volume import Volume
from tests.core.project.conftest import MakeRecord

#: Anisotropic, so that a picture that forgets millimetres has the wrong shape.
GRID = Geometry((5, 20, 40), (3.0, 2.0, 1.0))


@pytest.fixture
def with_image(project: Project, make_record: MakeRecord, tmp_path: Path) -> Project:
    """Series 1: slice z is -160 + 80 z HU everywhere, from black to white in the window."""
    hu = np.repeat(np.arange(5, dtype=np.int16) * 80 - 160, 800).reshape(GRID.shape)
    path = tmp_path / "case.nii.gz"
    write_image(path, Volume(hu, GRID))
    project.library.upsert(make_record("1", geometry=GRID, files=(path,), source="image"))
    return project


def test_the_middle_slice_until_there_is_a_lesion(with_image: Project) -> None:
    picture = thumbnail(with_image, with_image.record("1"), 32)
    assert picture.shape == (32, 32)
    assert picture.dtype == np.uint8
    assert picture[16, 16] == pytest.approx(255 * 0.4, abs=2)  # 0 HU in W 400 L 40
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, :1, :1] = 1
    labels[3, :3, :3] = 1
    labels[4] = 2  # an organ is not what the picture is for
    with_image.label_store("1").save(labels)
    with_image.save_label_summary("1", labels)
    picture = thumbnail(with_image, with_image.record("1"), 32)
    assert picture[16, 16] == pytest.approx(255 * 0.6, abs=2)  # 80 HU


def test_an_unchanged_series_is_not_read_again(with_image: Project) -> None:
    record = with_image.record("1")
    assert cached_thumbnail(with_image, record, (24, 32)) is None
    first = thumbnail(with_image, record, (24, 32))
    record.files[0].unlink()
    np.testing.assert_array_equal(thumbnail(with_image, record, (24, 32)), first)
    cached = cached_thumbnail(with_image, record, (24, 32))
    assert cached is not None
    np.testing.assert_array_equal(cached, first)
    with pytest.raises(FileRefusedError):
        thumbnail(with_image, record, 8)


def test_a_torn_cache_file_is_made_again(with_image: Project) -> None:
    record = with_image.record("1")
    first = thumbnail(with_image, record, 16)
    (cached,) = (with_image.cache_dir / "thumbnails").iterdir()
    whole = cached.read_bytes()
    huge = whole.replace(b"(16, 16)", b"(9999999, 9999999)").replace(b" " * 12 + b"\n", b"\n")
    nested = b"\x93NUMPY\x01\x00" + (3000).to_bytes(2, "little") + b"[" * 3000
    for content in (b"", whole[:-5], b"\x80\x04N.", huge, nested):
        cached.write_bytes(content)
        np.testing.assert_array_equal(thumbnail(with_image, record, 16), first)


def test_pixels_are_square_in_mm_and_the_rest_is_black() -> None:
    picture = np.full((10, 20), 200, np.uint8)  # 40 mm high, 20 mm wide
    out = fit(picture, (4.0, 1.0), (32, 64))
    rows, columns = np.nonzero(out)
    assert (rows.min(), rows.max()) == (0, 31)
    assert (columns.min(), columns.max()) == (24, 39)
    assert set(np.unique(out)) == {0, 200}


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (300, 500)])
def test_scaling_keeps_the_mean(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    out = fit(picture, (1.0, 1.0), shape)
    np.testing.assert_array_equal(out, picture)
    half = fit(picture, (1.0, 1.0), ((shape[0] + 1) // 2, (shape[1] + 1) // 2))
    assert half[half > 0].mean() == pytest.approx(picture.mean(), rel=0.3)
