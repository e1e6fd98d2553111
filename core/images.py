"""Image files (NIfTI, NRRD, MHA) in and out; masks carried from one grid to another by position.

Everything goes through SimpleITK, whose positions are LPS like ours. A file keeps its own grid: no
axis is flipped or resampled on reading. Headers are checked against the size of the file before
memory is asked for, because a header of 350 bytes can claim a terabyte.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.labels.durable import replace
from core.labels.schema import LabelSchema
from core.labels.segfile import write_segments
from core.volume import Check, Volume, to_int16

# ITK writes its doubts about headers to stderr; what matters of them becomes a check or a refusal.
sitk.ProcessObject.SetGlobalWarningDisplay(False)

#: Image files this program reads, longest first, so that the first match is the whole suffix.
IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")

#: Deflate cannot do better than 1032 : 1 (zlib's technical notes), so a compressed file that claims
#: more than this many times its own size is not telling the truth.
_MAX_DEFLATE = 1032

#: A volume of 2048 x 2048 x 2048 voxels; larger ones are no CT of a patient.
_MAX_VOXELS = 2**33

_CONVERT = "Convert it to an uncompressed or gzip-compressed NIfTI or NRRD file."


def image_suffix(path: Path) -> str:
    """The suffix of :data:`IMAGE_SUFFIXES` that ``path`` ends with, or an empty string."""
    name = path.name.lower()
    return next((s for s in IMAGE_SUFFIXES if name.endswith(s)), "")


def image_stem(path: Path) -> str:
    """The file name without its image suffix and without ``.seg``."""
    name = path.name[: len(path.name) - len(image_suffix(path))]
    return name[:-4] if name.lower().endswith(".seg") else name


def to_sitk(array: NDArray[Any], geometry: Geometry) -> sitk.Image:
    """An image of ``array`` [z, y, x] on the grid ``geometry``. Raises ValueError on a mismatch."""
    if array.shape != geometry.shape:
        raise ValueError(f"array of shape {array.shape} does not fit the grid {geometry.shape}")
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(geometry.spacing[::-1])
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    return image


def from_sitk(image: sitk.Image) -> tuple[NDArray[Any], Geometry]:
    """Array [z, y, x] (a copy) and grid of a 3-D image. Raises ValueError on a sheared grid."""
    array = sitk.GetArrayFromImage(image)
    z, y, x = array.shape[:3]
    ox, oy, oz = image.GetOrigin()
    sx, sy, sz = image.GetSpacing()
    return array, Geometry((z, y, x), (sz, sy, sx), (ox, oy, oz), tuple(image.GetDirection()))


@dataclass(frozen=True, slots=True)
class Raw:
    """A file as it is: values [z, y, x] (or [z, y, x, layer]), grid, named segments if any."""

    path: Path
    array: NDArray[Any]
    geometry: Geometry
    segments: tuple[dict[str, str], ...]

    def volume(self) -> Volume:
        """int16 HU; see :func:`read_image`."""
        if self.array.ndim != 3:
            raise FileRefusedError(self.path, "it holds several values a voxel (colour or vectors)")
        checks: list[Check] = []
        try:
            hu = to_int16(self.array, checks)
        except ValueError as error:
            raise FileRefusedError(self.path, str(error)) from error
        return Volume(hu, self.geometry, tuple(checks))

    def mask(self) -> tuple[NDArray[np.uint8], Geometry, dict[int, str]]:
        """Labels; see :func:`read_mask`."""
        if self.array.ndim == 4:
            named = dict(_numbered(self.segments))
            return _flatten_layers(self.path, self.array, self.segments), self.geometry, named
        if not holds_labels(self.array):
            raise FileRefusedError(
                self.path, "its values are not whole numbers from 0 to 255, so it is no label map"
            )
        names = {int(s["LabelValue"]): s.get("Name", "") for s in self.segments}
        kept = {v: n for v, n in names.items() if v and n}
        return self.array.astype(np.uint8), self.geometry, kept


def read_raw(path: Path) -> Raw:
    """An image file before anybody decided what it is. Raises FileRefusedError."""
    image = _load(path)
    try:
        array, geometry = from_sitk(image)
    except ValueError as error:
        raise FileRefusedError(path, f"its grid is not usable ({error})") from error
    return Raw(path, array, geometry, tuple(_segments(image)))


def read_image(path: Path) -> Volume:
    """The volume of a NIfTI, NRRD or MHA file, int16 HU on the file's own grid.

    Fractions are rounded and values outside int16 cut, with a check that says so. Raises
    FileRefusedError when it is no scalar 3-D image, is damaged, or holds NaN.
    """
    return read_raw(path).volume()


def read_mask(path: Path) -> tuple[NDArray[np.uint8], Geometry, dict[int, str]]:
    """Labels uint8 [z, y, x], their grid, and names by value where the file carries them.

    A ``.seg.nrrd`` with several layers is flattened; where segments overlap the later one wins.
    Raises FileRefusedError when the values are not whole numbers from 0 to 255.
    """
    return read_raw(path).mask()


def read_geometry(path: Path) -> Geometry:
    """The grid of an image file, from its header alone. Raises FileRefusedError."""
    reader = _open(path)
    size = tuple(int(n) for n in reader.GetSize())
    z, y, x = size[2], size[1], size[0]
    dimension = len(size)
    spacing, origin = reader.GetSpacing(), reader.GetOrigin()
    direction = np.asarray(reader.GetDirection()).reshape(dimension, dimension)[:3, :3]
    try:
        return Geometry(
            (z, y, x),
            (spacing[2], spacing[1], spacing[0]),
            (origin[0], origin[1], origin[2]),
            tuple(float(d) for d in direction.ravel()),
        )
    except ValueError as error:
        raise FileRefusedError(path, f"its grid is not usable ({error})") from error


def holds_labels(array: NDArray[Any]) -> bool:
    """Whether all values are whole numbers from 0 to 255."""
    if array.min() < 0 or array.max() > 255:
        return False
    return not np.issubdtype(array.dtype, np.floating) or bool(np.all(array == np.rint(array)))


def write_image(path: Path, volume: Volume) -> None:
    """Write int16 HU with its grid; the suffix chooses the format. Whole or not at all.

    Raises FileRefusedError when the suffix is unknown or the place cannot be written.
    """
    _write(path, to_sitk(volume.hu, volume.geometry))


def write_mask(
    path: Path, labels: NDArray[np.uint8], geometry: Geometry, schema: LabelSchema | None
) -> None:
    """Write uint8 labels [z, y, x] with their grid; ``.seg.nrrd`` also carries names and colours.

    Whole or not at all. Raises FileRefusedError as :func:`write_image` does.
    """
    if schema is None or not path.name.lower().endswith(".seg.nrrd"):
        _write(path, to_sitk(labels.astype(np.uint8, copy=False), geometry))
        return
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        write_segments(temporary, labels, geometry, schema)
        replace(temporary, path)
    except (RuntimeError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path) from error


def resample_mask(
    labels: NDArray[np.uint8], source: Geometry, target: Geometry
) -> NDArray[np.uint8]:
    """Labels [z, y, x] of the grid ``source`` on the grid ``target``: nearest voxel by position.

    Outside the source everything is 0.
    """
    if source.same_grid(target):
        return np.ascontiguousarray(labels)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(target.shape[::-1])
    resampler.SetOutputSpacing(target.spacing[::-1])
    resampler.SetOutputOrigin(target.origin)
    resampler.SetOutputDirection(target.direction)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    resampler.SetDefaultPixelValue(0)
    return sitk.GetArrayFromImage(resampler.Execute(to_sitk(labels, source)))


def _numbered(segments: Sequence[dict[str, str]]) -> list[tuple[int, str]]:
    """New values 1, 2 … for segments whose own values repeat from layer to layer."""
    return [(i, s.get("Name") or f"Segment {i}") for i, s in enumerate(segments, start=1)]


def _open(path: Path) -> sitk.ImageFileReader:
    """A reader whose header was read and believed."""
    if not image_suffix(path):
        raise FileRefusedError(path, "it is no NIfTI, NRRD or MHA file")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise FileRefusedError(
            path, "it could not be read as an image (damaged, or of an unknown kind)", _CONVERT
        ) from error
    size = reader.GetSize()
    if len(size) < 3 or any(n != 1 for n in size[3:]):
        raise FileRefusedError(path, f"it has {_times(size)} voxels, not three dimensions")
    if any(n < 1 for n in size):
        raise FileRefusedError(path, "it has no voxels")
    _check_size(path, reader)
    return reader


def _load(path: Path) -> sitk.Image:
    reader = _open(path)
    size = reader.GetSize()
    if len(size) > 3:
        reader.SetExtractSize([*size[:3], *([0] * (len(size) - 3))])
    try:
        return reader.Execute()
    except RuntimeError as error:
        raise FileRefusedError(
            path, "its pixel data are damaged or missing", "Copy or export it again."
        ) from error


def _check_size(path: Path, reader: sitk.ImageFileReader) -> None:
    """Refuse a header that claims more than the file can hold, before memory is asked for."""
    size = reader.GetSize()
    if math.prod(size) > _MAX_VOXELS:
        raise FileRefusedError(path, f"its header claims {_times(size)} voxels")
    item = _item_bytes(reader.GetPixelID()) * reader.GetNumberOfComponents()
    have = path.stat().st_size
    if math.prod(size) * item > have * (_MAX_DEFLATE if _compressed(path) else 1):
        raise FileRefusedError(
            path,
            f"its header claims {_times(size)} voxels, more than a file of {have:,} bytes can hold",
            "It was probably cut short: copy or export it again.",
        )


def _compressed(path: Path) -> bool:
    with path.open("rb") as handle:
        head = handle.read(16384)
    if head[:2] == b"\x1f\x8b":
        return True
    if image_suffix(path) == ".nrrd":
        if re.search(rb"^data ?file:", head, re.MULTILINE | re.IGNORECASE):
            raise FileRefusedError(path, "its pixel data lie in another file", _CONVERT)
        encoding = re.search(rb"^encoding: *(\w+)", head, re.MULTILINE | re.IGNORECASE)
        kind = encoding.group(1).lower() if encoding else b""
        if kind in (b"gzip", b"gz"):
            return True
        if kind != b"raw":
            raise FileRefusedError(path, "its encoding is neither raw nor gzip", _CONVERT)
    if image_suffix(path) == ".mha":
        if not re.search(rb"^ElementDataFile *= *LOCAL", head, re.MULTILINE):
            raise FileRefusedError(path, "its pixel data lie in another file", _CONVERT)
        return bool(re.search(rb"^CompressedData *= *True", head, re.MULTILINE))
    return False


def _item_bytes(pixel_id: int) -> int:
    # SimpleITK knows the size of a type only by its name: "16-bit signed integer".
    found = re.search(r"(\d+)-bit", sitk.GetPixelIDValueAsString(pixel_id))
    return int(found.group(1)) // 8 if found else 1


def _times(size: tuple[int, ...]) -> str:
    return " × ".join(str(n) for n in size)


def _segments(image: sitk.Image) -> list[dict[str, str]]:
    """The ``SegmentN_*`` fields of a .seg.nrrd, one dictionary a segment, in order of N."""
    found: dict[int, dict[str, str]] = {}
    for key in image.GetMetaDataKeys():
        match = re.fullmatch(r"Segment(\d+)_(Name|LabelValue|Layer)", key)
        if match:
            found.setdefault(int(match.group(1)), {})[match.group(2)] = image.GetMetaData(key)
    ordered = [found[n] for n in sorted(found)]
    for segment in ordered:
        for field in ("LabelValue", "Layer"):
            text = segment.get(field, "")
            segment[field] = text if text.isdigit() else ("1" if field == "LabelValue" else "0")
    return ordered


def _flatten_layers(
    path: Path, layers: NDArray[Any], segments: Sequence[dict[str, str]]
) -> NDArray[np.uint8]:
    if not segments or len(segments) > 255:
        raise FileRefusedError(path, "it holds several values a voxel but no list of segments")
    flat = np.zeros(layers.shape[:3], dtype=np.uint8)
    for value, segment in enumerate(segments, start=1):
        layer = int(segment["Layer"])
        if layer < layers.shape[3]:
            flat[layers[..., layer] == int(segment["LabelValue"])] = value
    return flat


def _write(path: Path, image: sitk.Image) -> None:
    if not image_suffix(path):
        raise FileRefusedError(
            path, "its ending names no image format", "Use .nii.gz, .nii, .nrrd or .mha."
        )
    # The suffix must stay, since it chooses the format.
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        sitk.WriteImage(image, str(temporary), useCompression=True)
        replace(temporary, path)
    except (RuntimeError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path) from error


def _unwritable(path: Path) -> FileRefusedError:
    return FileRefusedError(
        path, "it could not be written", "Check that the folder exists and has free space."
    )
