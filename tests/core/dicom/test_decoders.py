"""What kills or stalls a decoder costs one file and a sentence, never this process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from core.dicom import decode
from core.dicom.decoders import Codestream, Decoders
from core.dicom.read import read_series
from core.dicom.scan import scan
from core.dicom.series import group
from core.errors import FileRefusedError
from tests.core.dicom.encode import JPEG_LS, codestream, compress
from tests.core.dicom.make import ct_slice, slice_values

#: A child whose decoder does what a comment in the codestream says, and prints besides.
_CHILD = """
import os, sys, time
from core.dicom import codecs
real = codecs.decode
def decode(stream, *rest):
    if b"DEADLY" in stream: os.abort()
    if b"ENDLESS" in stream: time.sleep(600)
    os.write(1, b"a decoder that talks")
    return real(stream, *rest)
codecs.decode = decode
codecs.main()
"""

IMAGE = np.arange(30, dtype=np.uint16).reshape(6, 5)
GOOD = codestream(IMAGE, JPEG_LS, 16)


def saying(data: bytes, word: bytes) -> bytes:
    """A JPEG-LS codestream with a comment (marker FF FE) behind its first marker."""
    return data[:2] + b"\xff\xfe" + (len(word) + 2).to_bytes(2, "big") + word + data[2:]


@pytest.fixture
def pool() -> Iterator[Decoders]:
    made = Decoders((sys.executable, "-c", _CHILD), most=2, limit_s=1.5, idle_s=1.0)
    yield made
    made.close()


def stream(data: bytes) -> Codestream:
    return Codestream(Path("slice.dcm"), JPEG_LS, 6, 5, 16, data)


def test_a_crash_names_the_file_and_the_next_frame_is_decoded(pool: Decoders) -> None:
    assert np.array_equal(pool.decode(stream(GOOD)), IMAGE)
    first = pool.pids
    with pytest.raises(FileRefusedError, match=r"slice\.dcm .*made the decoder crash"):
        pool.decode(stream(saying(GOOD, b"DEADLY")))
    assert np.array_equal(pool.decode(stream(GOOD)), IMAGE)
    assert len(pool.pids) == 1 and pool.pids != first


def test_a_decoder_that_hangs_is_ended(pool: Decoders) -> None:
    with pytest.raises(FileRefusedError, match=r"within 1\.5 s"):
        pool.decode(stream(saying(GOOD, b"ENDLESS")))
    assert np.array_equal(pool.decode(stream(GOOD)), IMAGE)


def test_a_refusal_keeps_the_child_and_says_which_format(pool: Decoders) -> None:
    pool.decode(stream(GOOD))
    first = pool.pids
    with pytest.raises(FileRefusedError, match=r"\(JPEG-LS\) could not be decoded"):
        pool.decode(stream(b"rubbish"))
    assert pool.pids == first
    with pytest.raises(FileRefusedError, match=r"transfer syntax \(1\.2\.3\)"):
        pool.decode(Codestream(Path("x"), "1.2.3", 6, 5, 16, GOOD))


def test_values_land_in_the_memory_given_when_they_fit_it(pool: Decoders) -> None:
    out = np.zeros((6, 5), np.int16)
    assert np.may_share_memory(pool.decode(stream(GOOD), out), out)
    assert np.array_equal(out, IMAGE)
    wide = np.zeros((6, 5), np.int32)
    assert not np.may_share_memory(pool.decode(stream(GOOD), wide), wide)


def test_idle_children_end(pool: Decoders) -> None:
    pool.decode(stream(GOOD))
    (pid,) = pool.pids
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid) and not pool.pids
    assert np.array_equal(pool.decode(stream(GOOD)), IMAGE)


def test_one_deadly_slice_of_a_series_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: Decoders
) -> None:
    for index in range(4):
        made = ct_slice(index)
        compress(made, (slice_values(index) + 1024).astype(np.uint16), 16, JPEG_LS)
        made.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    (series,) = group(scan([tmp_path]).headers)
    monkeypatch.setattr(decode, "decoders", lambda: pool)
    volume = read_series(series.files, series.geometry)
    assert np.array_equal(volume.hu[3], slice_values(3))
    made = ct_slice(3)
    deadly = saying(codestream((slice_values(3) + 1024).astype(np.uint16), JPEG_LS, 16), b"DEADLY")
    made.PixelData = encapsulate([deadly])
    made["PixelData"].VR = "OB"
    made.file_meta.TransferSyntaxUID = UID(JPEG_LS)
    made.save_as(tmp_path / "3.dcm", enforce_file_format=True)
    with pytest.raises(FileRefusedError, match=r"3\.dcm .*made the decoder crash"):
        read_series(series.files, series.geometry)
