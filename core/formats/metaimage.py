"""MetaImage, in one file (.mha) or as a pair (.mhd and the file it names).

Fields: https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import FileRefusedError
from core.formats.fields import Fields
from core.formats.layout import CONVERT, NO_ORIENTATION, Coding, Layout, beside, grid, three
from core.formats.stream import file_size, head
from core.volume import Check

_MOST = 1 << 18

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Header(Fields):
    kind = "MetaImage"

    def flag(self, *names: str, usual: bool = False) -> bool:
        return self.text(*names).lower() in (("true", "1", "") if usual else ("true", "1"))


@np.errstate(all="ignore")  # what is not finite is no grid, and refused as that
def read_metaimage(path: Path) -> Layout:
    """The header of a .mha or .mhd file. Raises FileRefusedError."""
    header = _parse(path)
    count = header.whole("ndims", 0)
    words = header.text("dimsize").split()
    sound = all(re.fullmatch(r"\d{1,18}", word, re.ASCII) for word in words)
    if not words or len(words) != count or len(words) > 16 or not sound:
        raise header.damaged("dimsize")
    size = three(path, [int(word) for word in words])
    _check_plain(header)
    code = _TYPES.get(header.text("elementtype").upper())
    if code is None:
        what = header.text("elementtype")[:24] or "none given"
        raise FileRefusedError(path, f"its values have an unusual type ({what})")
    big = header.flag("elementbyteordermsb", "binarydatabyteordermsb")
    dtype = np.dtype(code).newbyteorder(">" if big else "<")
    axes, origin, checks = _axes(header, count)
    components = header.whole("elementnumberofchannels", 1)
    if not 1 <= components <= 1024:
        raise header.damaged("elementnumberofchannels")
    data, start, coding = _place(header)
    skip = header.whole("headersize", 0)
    if skip == -1 and coding == "raw":
        need = size[0] * size[1] * size[2] * components * dtype.itemsize
        skip = max(0, file_size(data) - start - need)
    if skip < 0:
        raise header.damaged("headersize")
    if header.whole("headersize", 0) > 0:
        start = 0  # it counts from the first byte of the file, whatever else is there
    return Layout(
        path=path,
        data=data,
        start=start + skip,
        skip=0,
        coding=coding,
        dtype=dtype,
        geometry=grid(path, size, axes, origin),
        components=components,
        checks=checks,
    )


def _parse(path: Path) -> _Header:
    data, packed = head(path, _MOST)
    fields: dict[str, str] = {}
    at = 0
    while not packed and at < len(data):
        stop = data.find(b"\n", at)
        line = data[at : stop if stop >= 0 else len(data)].decode("utf-8", "replace")
        at = stop + 1 if stop >= 0 else len(data)
        name, equals, value = line.partition("=")
        if not equals:
            break
        fields[name.strip().lower()] = value.strip()
        if name.strip().lower() == "elementdatafile":
            if fields.get("objecttype", "Image").lower() != "image":
                raise FileRefusedError(path, "it is a MetaIO object, but no image")
            return _Header(path, fields, at)
    if "ndims" in fields:
        raise FileRefusedError(path, "its MetaImage header has no end", "Copy or export it again.")
    raise FileRefusedError(path, "it is no MetaImage file (damaged, or of another kind)")


def _check_plain(header: _Header) -> None:
    """Refuse what changes the values and that readers do not agree on."""
    if not header.flag("binarydata", usual=True):
        raise FileRefusedError(header.path, "its pixel data are text", CONVERT)
    slope = header.numbers("elementtointensityfunctionslope") or [1.0]
    offset = header.numbers("elementtointensityfunctionoffset") or [0.0]
    if slope != [1.0] or offset != [0.0]:
        raise FileRefusedError(
            header.path,
            "it has a rescale that most readers leave out",
            "Apply it and export again.",
        )
    if header.text("distanceunits").lower() not in ("", "?", "mm"):
        raise FileRefusedError(header.path, "its unit of length is not the millimetre")


def _axes(header: _Header, count: int) -> tuple[np.ndarray, np.ndarray, tuple[Check, ...]]:
    """Axes as columns in LPS mm a voxel, origin, and doubts."""
    checks: list[Check] = []
    spacing = header.numbers("elementspacing", "elementsize")
    if not spacing:
        text = "The file gives no pixel spacing; 1 mm was assumed and no length is reliable."
        checks.append(Check("no-spacing", text))
        spacing = [1.0] * count
    origin = header.numbers("offset", "position", "origin") or [0.0] * count
    matrix = header.numbers("transformmatrix", "rotation", "orientation")
    if not matrix:
        checks.append(NO_ORIENTATION)
        matrix = np.eye(count).ravel().tolist()
    if len(spacing) != count or len(origin) != count or len(matrix) != count * count:
        raise header.damaged("transformmatrix, offset or elementspacing")
    # The file lists the direction of one index axis after another.
    turn = np.asarray(matrix, dtype=np.float64).reshape(count, count)[:3, :3].T
    return turn * np.abs(spacing[:3]), np.asarray(origin[:3], dtype=np.float64), tuple(checks)


def _place(header: _Header) -> tuple[Path, int, Coding]:
    coding: Coding = "zlib" if header.flag("compresseddata") else "raw"
    name = header.text("elementdatafile")
    if name.upper() == "LOCAL":
        return header.path, header.end, coding
    if name.upper().startswith("LIST") or "%" in name:
        raise FileRefusedError(header.path, "its pixel data lie in several files", CONVERT)
    return beside(header.path, name), 0, coding
