"""Image files as volumes and masks, in and out; masks carried from one grid to another by position.

:mod:`core.formats` reads, in plain Python, what strangers wrote; SimpleITK writes, and its
positions are LPS like ours. A file keeps its own grid: no axis is flipped or resampled on reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.formats.layout import Layout
from core.formats.names import image_suffix, read_layout
from core.formats.stream import read_values
from core.geometry import Geometry
from core.labels.durable import replace
from core.labels.schema import LabelSchema
from core.labels.segfile import write_segments
from core.volume import Volume, planes_to_int16

# ITK writes its doubts to stderr; what matters of them becomes a refusal.
sitk.ProcessObject.SetGlobalWarningDisplay(False)

#: Image files this program writes.
WRITTEN_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


#: Key of NRRD and MHA files under which a note lies; NIfTI has it as its description.
NOTE = "LesionForge_Note"


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
    """A file as it is. array: stored values [z, y, x] (or [z, y, x, layer]), before ``layout``'s
    slope and intercept.
    """

    layout: Layout
    array: NDArray[Any]

    @property
    def path(self) -> Path:
        """The header's file."""
        return self.layout.path

    @property
    def geometry(self) -> Geometry:
        """The file's own grid."""
        return self.layout.geometry

    @property
    def segments(self) -> tuple[dict[str, str], ...]:
        """Named segments, if any."""
        return self.layout.segments

    @property
    def rescaled(self) -> bool:
        """Whether stored values are not yet those that are meant."""
        return (self.layout.slope, self.layout.intercept) != (1.0, 0.0)

    @property
    def fractional(self) -> bool:
        """Whether values are floating point, as stored or by their rescale."""
        scale = (self.layout.slope, self.layout.intercept)
        whole = all(float(v).is_integer() for v in scale)
        return bool(np.issubdtype(self.array.dtype, np.floating)) or not whole

    def slabs(self) -> Iterator[NDArray[Any]]:
        """The values slice by slice, rescaled; a whole rescaled copy could be gigabytes."""
        slope, intercept = self.layout.slope, self.layout.intercept
        for plane in self.array:
            if not self.rescaled:
                yield plane
            else:
                with np.errstate(all="ignore"):  # what overflows is not finite, and refused as such
                    yield plane.astype(np.float64) * slope + intercept

    def holds_labels(self) -> bool:
        """Whether all values are whole numbers from 0 to 255."""
        return all(_are_labels(slab) for slab in self.slabs())

    def volume(self) -> Volume:
        """int16 HU; see :func:`read_image`."""
        if self.array.ndim != 3:
            raise FileRefusedError(self.path, "it holds several values a voxel (colour or vectors)")
        checks = list(self.layout.checks)
        try:
            if self.array.dtype == np.int16 and not self.rescaled:
                hu = self.array
            else:
                hu = planes_to_int16(self.slabs(), self.array.shape, checks)
        except ValueError as error:
            raise FileRefusedError(self.path, str(error)) from error
        return Volume(hu, self.geometry, tuple(checks))

    def mask(self) -> tuple[NDArray[np.uint8], Geometry, dict[int, str]]:
        """Labels; see :func:`read_mask`."""
        if self.array.ndim == 4:
            named = dict(_numbered(self.segments))
            return _flatten_layers(self.path, self.array, self.segments), self.geometry, named
        if not self.holds_labels():
            raise FileRefusedError(
                self.path, "its values are not whole numbers from 0 to 255, so it is no label map"
            )
        names = {int(s["LabelValue"]): s.get("Name", "") for s in self.segments}
        kept = {v: n for v, n in names.items() if v and n}
        labels = np.empty(self.array.shape, np.uint8)
        for plane, slab in zip(labels, self.slabs(), strict=True):
            plane[:] = slab
        return labels, self.geometry, kept

    def colours(self) -> dict[int, str]:
        """Colours ``#RRGGBB`` by the values of :meth:`mask`, where a ``.seg.nrrd`` gives them."""
        layered = self.array.ndim == 4
        found: dict[int, str] = {}
        for number, segment in enumerate(self.segments, start=1):
            colour = _hex_colour(segment.get("Color", ""))
            if colour:
                found[number if layered else int(segment["LabelValue"])] = colour
        return found


def read_raw(path: Path) -> Raw:
    """An image file before anybody decided what it is. Raises FileRefusedError."""
    layout = read_layout(path)
    return Raw(layout, read_values(layout))


def read_image(path: Path) -> Volume:
    """The volume of an image file, int16 HU on the file's own grid.

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
    return read_layout(path).geometry


def write_image(path: Path, volume: Volume, note: str = "") -> None:
    """Write int16 HU with its grid; the suffix chooses the format. Whole or not at all.

    note: what was done to the volume, for the file's description, see :data:`NOTE`. Raises
    FileRefusedError when the suffix is unknown or the place cannot be written.
    """
    _write(path, _noted(to_sitk(volume.hu, volume.geometry), note))


def write_mask(
    path: Path,
    labels: NDArray[np.uint8],
    geometry: Geometry,
    schema: LabelSchema | None,
    note: str = "",
) -> None:
    """Write uint8 labels [z, y, x] with their grid; ``.seg.nrrd`` also carries names and colours.

    note: as for :func:`write_image`. Whole or not at all. Raises FileRefusedError as
    :func:`write_image` does.
    """
    if schema is None or not path.name.lower().endswith(".seg.nrrd"):
        _write(path, _noted(to_sitk(labels.astype(np.uint8, copy=False), geometry), note))
        return
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        write_segments(temporary, labels, geometry, schema, {NOTE: note} if note else {})
        replace(temporary, path)
    except (RuntimeError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path) from error


def _noted(image: sitk.Image, note: str) -> sitk.Image:
    if note:
        image.SetMetaData(NOTE, note)
        # What ITK writes as NIfTI's "descrip", which holds 79 characters.
        image.SetMetaData("ITK_FileNotes", note[:79])
    return image


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


def _are_labels(values: NDArray[Any]) -> bool:
    if not (values.min() >= 0 and values.max() <= 255):  # so that NaN is none
        return False
    return not np.issubdtype(values.dtype, np.floating) or bool(np.all(values == np.rint(values)))


def _hex_colour(text: str) -> str:
    """``#RRGGBB`` of three shares of one, as 3D Slicer writes them; empty when it is none."""
    try:
        shares = [float(part) for part in text.split()]
    except ValueError:
        return ""
    if len(shares) != 3 or not all(0 <= share <= 1 for share in shares):
        return ""
    return "#" + "".join(f"{round(255 * share):02X}" for share in shares)


def _numbered(segments: Sequence[dict[str, str]]) -> list[tuple[int, str]]:
    """New values 1, 2 … for segments whose own values repeat from layer to layer."""
    return [(i, s.get("Name") or f"Segment {i}") for i, s in enumerate(segments, start=1)]


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
    if image_suffix(path) not in WRITTEN_SUFFIXES:
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
