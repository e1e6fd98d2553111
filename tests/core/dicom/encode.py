"""CT slices in the compressed transfer syntaxes."""

from __future__ import annotations

import imagecodecs
import numpy as np
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

JPEG, JPEG_12 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS, JPEG_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
HTJ2K, RLE = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5"

LOSSLESS = (JPEG_LOSSLESS, JPEG_SV1, JPEG_LS, JPEG_2000, HTJ2K, RLE)


def codestream(stored: np.ndarray, syntax: str, used: int) -> bytes:
    """``stored`` [y, x], whole numbers of ``used`` bits, signed where its type is."""
    if syntax == JPEG_2000:
        return imagecodecs.jpeg2k_encode(
            stored, level=0, codecformat="j2k", reversible=True, bitspersample=used
        )
    if syntax == HTJ2K:
        return imagecodecs.htj2k_encode(stored, reversible=True)
    # The others know no sign: negative numbers travel as the bits they are stored in.
    mask = (1 << used) - 1
    plain = (stored.astype(np.int64) & mask).astype(np.uint8 if used <= 8 else np.uint16)
    if syntax == RLE:
        return rle(stored)
    if syntax == JPEG_LS:
        return imagecodecs.jpegls_encode(plain)
    if syntax in (JPEG, JPEG_12):
        return imagecodecs.jpeg8_encode(plain, level=100, bitspersample=used)
    return imagecodecs.ljpeg_encode(plain, bitspersample=used)


def rle(stored: np.ndarray) -> bytes:
    """One frame by PS3.5 annex G: a segment a byte of the value, the highest first, all literal."""
    planes = stored.astype(stored.dtype.newbyteorder(">")).view(np.uint8)
    planes = planes.reshape(*stored.shape, stored.itemsize)
    segments: list[bytes] = []
    for byte in range(stored.itemsize):
        flat = planes[..., byte].tobytes()
        out = bytearray()
        for at in range(0, len(flat), 128):
            part = flat[at : at + 128]
            out += bytes([len(part) - 1]) + part
        segments.append(bytes(out) + b"\0" * (len(out) % 2))
    starts = np.cumsum([64, *map(len, segments[:-1])])
    head = np.zeros(16, "<u4")
    head[0], head[1 : 1 + len(starts)] = len(segments), starts
    return head.tobytes() + b"".join(segments)


def set_pixels(made: FileDataset, stored: np.ndarray, used: int) -> None:
    """``stored`` [y, x] or [frame, y, x] as plain numbers of ``used`` bits."""
    made.Rows, made.Columns = stored.shape[-2:]
    made.BitsAllocated, made.BitsStored = stored.itemsize * 8, used
    made.HighBit, made.PixelRepresentation = used - 1, int(stored.dtype.kind == "i")
    made.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()


def compress(
    made: FileDataset,
    stored: np.ndarray,
    used: int,
    syntax: str,
    *,
    fragments: int = 1,
    table: bool = True,
) -> None:
    """Put ``stored`` into ``made`` in a compressed transfer syntax."""
    set_pixels(made, stored, used)
    frames = stored if stored.ndim == 3 else stored[None]
    streams = [codestream(frame, syntax, used) for frame in frames]
    made.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=table)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = UID(syntax)
