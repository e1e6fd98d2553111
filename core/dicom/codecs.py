"""Compressed frames to stored values by imagecodecs, and the child process that does nothing else.

Native decoders trust their input more than a stranger's file deserves. They run in children
(``python -m core.dicom.codecs``, see :mod:`core.dicom.decoders`), so what kills a decoder costs one
file and not the window. A child gets codestreams and gives numbers; it opens no file.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_UID = "1.2.840.10008.1.2."

#: Transfer syntaxes that are decoded: name, and the decoder of imagecodecs. libjpeg-turbo 3 reads
#: baseline, extended (12 bits) and lossless JPEG; CharLS, OpenJPEG and OpenJPH the others.
SYNTAXES = {
    f"{_UID}4.50": ("JPEG baseline", "jpeg8"),
    f"{_UID}4.51": ("JPEG extended", "jpeg8"),
    f"{_UID}4.57": ("JPEG lossless", "jpeg8"),
    f"{_UID}4.70": ("JPEG lossless", "jpeg8"),
    f"{_UID}4.80": ("JPEG-LS", "jpegls"),
    f"{_UID}4.81": ("JPEG-LS", "jpegls"),
    f"{_UID}4.90": ("JPEG 2000", "jpeg2k"),
    f"{_UID}4.91": ("JPEG 2000", "jpeg2k"),
    f"{_UID}4.201": ("HTJ2K", "htj2k"),
    f"{_UID}4.202": ("HTJ2K", "htj2k"),
    f"{_UID}4.203": ("HTJ2K", "htj2k"),
    f"{_UID}5": ("RLE", "dicomrle"),
}

#: Request: bytes of the JSON that describes a frame, bytes of its codestream.
REQUEST = struct.Struct("<IQ")
#: Answer: 1 and a NumPy type code with the bytes of the values, or 0 with the bytes of a message.
ANSWER = struct.Struct("<B3sQ")


def decode(stream: bytes, syntax: str, shape: tuple[int, int], bits: int) -> NDArray[Any]:
    """Stored values [y, x] of one frame, of the type its codestream has.

    bits: allocated, which RLE alone needs. Raises ValueError, or whatever imagecodecs raises, when
    it cannot be decoded or is no greyscale image of ``shape``.
    """
    import imagecodecs  # noqa: PLC0415 - decoders are loaded in children only

    name = SYNTAXES[syntax][1]
    decoder: Callable[..., Any] = getattr(imagecodecs, f"{name}_decode")
    if name == "dicomrle":
        kind = np.dtype(f"<u{max(1, bits // 8)}")
        values = np.frombuffer(decoder(stream, kind), kind)
        if values.size < shape[0] * shape[1]:
            raise ValueError("the data end before the image")
        values = values[: shape[0] * shape[1]].reshape(shape)
    else:
        values = np.asarray(decoder(stream))
    if values.shape != shape or values.dtype.kind not in "iu":
        raise ValueError(f"an image of {values.shape} {values.dtype}, not {shape}")
    return np.ascontiguousarray(values)


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer requests until the input ends."""
    while len(head := source.read(REQUEST.size)) == REQUEST.size:
        described, size = REQUEST.unpack(head)
        wanted = json.loads(source.read(described))
        stream = source.read(size)
        try:
            shape = (wanted["rows"], wanted["columns"])
            values = decode(stream, wanted["syntax"], shape, wanted["bits"])
        except Exception as error:  # noqa: BLE001 - told to the parent, which names the file
            text = f"{type(error).__name__}: {error}".encode()
            sink.write(ANSWER.pack(0, b"", len(text)) + text)
        else:
            sink.write(ANSWER.pack(1, values.dtype.str.encode(), values.nbytes))
            sink.write(values.data)
        sink.flush()


def main() -> None:
    """The child. What decoders print must not get between the answers."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
