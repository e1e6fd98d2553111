"""Bytes of image files, plain or compressed, never more of them than were asked for."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil
from numpy.typing import NDArray

from core.errors import FileRefusedError
from core.formats.layout import Layout, times

_GZIP = b"\x1f\x8b"
#: For zlib: gzip only; zlib or gzip, since MetaIO takes either.
_WBITS = {"gzip": 31, "zlib": 47}

#: Deflate cannot do better than 1032 : 1 (zlib's technical notes), so a compressed file that claims
#: more than this many times its own size is not telling the truth.
_MAX_DEFLATE = 1032

_BLOCK = 1 << 20
_AGAIN = "Copy or export it again."


def head(path: Path, count: int) -> tuple[bytes, bool]:
    """The first ``count`` bytes, inflated where the file is gzip, and whether it is.

    Fewer where the file ends or is damaged before. Raises FileRefusedError when it cannot be opened
    or is empty.
    """
    try:
        with path.open("rb") as handle:
            raw = handle.read(count)
            if raw[:2] != _GZIP:
                if not raw:
                    raise FileRefusedError(path, "it is empty")
                return raw, False
            # A stored (incompressible) gzip is longer than what it holds by a few bytes a block.
            packed = raw + handle.read(count // 8 + 4096)
    except OSError as error:
        raise FileRefusedError(path, f"it could not be opened ({error.strerror})") from error
    found = b""
    try:
        while packed and len(found) < count:  # as many streams as it takes, see _inflate
            engine = zlib.decompressobj(_WBITS["gzip"])
            found += engine.decompress(packed, count - len(found))
            packed = engine.unused_data
    except zlib.error as error:
        raise FileRefusedError(path, "its compression is damaged", _AGAIN) from error
    return found, True


def file_size(path: Path) -> int:
    """Bytes of a file. Raises FileRefusedError when it is gone."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise FileRefusedError(path, f"it could not be opened ({error.strerror})") from error


def check_size(layout: Layout) -> None:
    """Refuse a header that claims more than its file or this machine's memory can hold."""
    have = file_size(layout.data) - layout.start
    most = have - layout.skip if layout.coding == "raw" else have * _MAX_DEFLATE - layout.skip
    if layout.bytes > most:
        raise FileRefusedError(
            layout.path,
            f"its header claims {times(layout.geometry.shape[::-1])} voxels, more than a file of "
            f"{max(have, 0):,} bytes can hold",
            "It was probably cut short: copy or export it again.",
        )


def check_memory(layout: Layout) -> None:
    """Refuse a file that needs more memory than is free now; nothing is wrong with the file."""
    free = psutil.virtual_memory().available
    if layout.bytes > free:
        raise FileRefusedError(
            layout.path,
            f"it needs {layout.bytes / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free",
            "Close other programs, or resample it.",
        )


def read_values(layout: Layout) -> NDArray[Any]:
    """Stored values [z, y, x] or [z, y, x, component] in this machine's byte order, unscaled.

    Raises FileRefusedError when the file ends early, is damaged, or does not fit in memory.
    """
    check_size(layout)
    check_memory(layout)
    parts = (layout.components,) if layout.components > 1 else ()
    try:
        # Pages of a fresh array cost memory when they are written, so a lie costs nothing.
        values = np.empty((*layout.geometry.shape, *parts), dtype=layout.dtype)
    except MemoryError as error:
        raise FileRefusedError(layout.path, "there is not enough memory for it") from error
    target = values.reshape(-1).view(np.uint8).data
    try:
        with layout.data.open("rb") as handle:
            handle.seek(layout.start)
            if layout.coding == "raw":
                handle.seek(layout.skip, 1)
                got = _fill(handle, target)
            else:
                got = _inflate(handle, target, layout.skip, _WBITS[layout.coding])
    except OSError as error:
        reason = f"it could not be read ({error.strerror})"
        raise FileRefusedError(layout.data, reason) from error
    except zlib.error as error:
        raise FileRefusedError(
            layout.data, "its pixel data are damaged or missing", _AGAIN
        ) from error
    if got < layout.bytes:
        raise FileRefusedError(
            layout.data, f"its pixel data are cut short ({got:,} of {layout.bytes:,} bytes)", _AGAIN
        )
    if not values.dtype.isnative:
        values = values.byteswap(inplace=True).view(values.dtype.newbyteorder("="))
    return values


def _fill(handle: BinaryIO, target: memoryview) -> int:
    at = 0
    while at < len(target):
        block = handle.read(min(_BLOCK, len(target) - at))
        if not block:
            break
        target[at : at + len(block)] = block
        at += len(block)
    return at


def _inflate(handle: BinaryIO, target: memoryview, skip: int, wbits: int) -> int:
    """Fill ``target`` from a compressed stream, after ``skip`` bytes of it; returns bytes filled.

    A gzip file may be several streams one after another (pigz, bgzip). The check sum at the end is
    compared (by zlib) when the stream ends with the last value, as it does in every sound file.
    """
    engine = zlib.decompressobj(wbits)
    at, pending = 0, b""
    while True:
        if engine.eof:
            pending = engine.unused_data
            if at == len(target) or not (pending or (pending := handle.read(_BLOCK))):
                return at
            engine = zlib.decompressobj(wbits)
        block = pending or handle.read(_BLOCK)
        if not block:
            return at
        out = engine.decompress(block, _BLOCK)
        pending = engine.unconsumed_tail
        dropped = min(skip, len(out))
        skip -= dropped
        out = out[dropped : dropped + len(target) - at]
        target[at : at + len(out)] = out
        at += len(out)
        if at == len(target) and not engine.eof:
            # Only the check sum is left, unless the file holds more than its header says.
            tail = pending + handle.read(64)
            engine.decompress(tail, 1)
            return at
