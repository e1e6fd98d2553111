"""A volume from outside any project: an image file, or the one CT series of a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.dicom.read import read_series
from core.dicom.scan import scan
from core.dicom.series import FoundSeries, group
from core.errors import FileRefusedError
from core.formats.names import is_image_file
from core.images import read_image
from core.volume import Volume

#: How many series of a folder an error names.
_NAMED = 5


def read_loose(
    path: Path,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Volume:
    """The volume of an image file, of a DICOM file, or of a folder that holds one CT series.

    progress: slices done and in all. Raises FileRefusedError when there is none or more than one,
    or when it cannot be read, and Cancelled.
    """
    if not path.exists():
        raise FileRefusedError(path, "it does not exist", "Check the path.")
    if path.is_file() and is_image_file(path):
        return read_image(path)
    found = scan([path], cancelled=cancelled)
    series = group(found.headers)
    if not series:
        if len(found.skipped) == 1:
            # The sentence names the file and says what it is instead.
            raise FileRefusedError(path, f"it holds no CT series ({found.skipped[0][1]})")
        raise FileRefusedError(
            path, "it holds no CT series", "Give a folder of DICOM CT slices or an image file."
        )
    if len(series) > 1:
        raise FileRefusedError(path, _several(series), "Give the folder of one of them.")
    (only,) = series
    volume = read_series(only.files, only.geometry, progress, cancelled, frames=only.scanned.frames)
    checks = tuple(dict.fromkeys((*only.checks, *volume.checks)))
    return Volume(volume.hu, volume.geometry, checks)


def _several(series: list[FoundSeries]) -> str:
    largest = sorted(series, key=lambda s: -len(s.files))[:_NAMED]
    names = [f"{len(s.files)} files in {s.files[0].parent.name}" for s in largest]
    more = f" and {len(series) - _NAMED} more" if len(series) > _NAMED else ""
    return f"it holds {len(series)} CT series ({'; '.join(names)}{more})"
