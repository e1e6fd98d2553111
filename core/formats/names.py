"""Which image files there are, by their endings, and the header of any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from core.errors import FileRefusedError
from core.formats.layout import Layout
from core.formats.metaimage import read_metaimage
from core.formats.mgh import read_mgh
from core.formats.nifti import read_nifti
from core.formats.nrrd import read_nrrd
from core.formats.stream import check_size

#: Longest first, so that the first match is the whole suffix.
_READERS: dict[str, Callable[[Path], Layout]] = {
    ".nii.gz": read_nifti,
    ".nrrd": read_nrrd,
    ".nhdr": read_nrrd,
    ".nii": read_nifti,
    ".hdr": read_nifti,
    ".mha": read_metaimage,
    ".mhd": read_metaimage,
    ".mgh": read_mgh,
    ".mgz": read_mgh,
}

#: Image files this program reads.
IMAGE_SUFFIXES = tuple(_READERS)

#: Headers whose values may lie in another file.
_DETACHED = (".hdr", ".nhdr", ".mhd", ".nrrd", ".mha")


def image_suffix(path: Path) -> str:
    """The suffix of :data:`IMAGE_SUFFIXES` that ``path`` ends with, or an empty string."""
    name = path.name.lower()
    return next((s for s in IMAGE_SUFFIXES if name.endswith(s)), "")


def is_image_file(path: Path) -> bool:
    """Whether ``path`` is to be read as an image file: by its ending, unless it holds DICOM."""
    if not image_suffix(path):
        return False
    try:
        with path.open("rb") as handle:
            return handle.read(132)[128:] != b"DICM"
    except OSError:
        return True  # whoever reads it says why it cannot be


def values_files(paths: Iterable[Path]) -> dict[Path, Path]:
    """Of the image files ``paths``, those whose values lie in another file: header by that file."""
    found: dict[Path, Path] = {}
    for path in paths:
        suffix = image_suffix(path)
        if suffix in _DETACHED:
            try:
                layout = _READERS[suffix](path)
            except FileRefusedError:
                continue  # whoever reads it hears why
            if layout.data != path:
                found[layout.data] = path
    return found


def read_layout(path: Path) -> Layout:
    """The header of an image file, checked against the file's size. Raises FileRefusedError."""
    suffix = image_suffix(path)
    if not suffix:
        raise FileRefusedError(path, "it is no NIfTI, NRRD, MetaImage, Analyze or MGH file")
    layout = _READERS[suffix](path)
    check_size(layout)
    return layout
