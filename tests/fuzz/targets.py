"""What is fuzzed: each target takes bytes and reads them as the program reads a stranger's file.

The invariant is the same for all: the file is used, or refused by a :class:`UserError` whose
sentence names it; anything else that escapes is a bug, and so are two seconds of processor time.
No coverage engine is needed here; ``tests/fuzz/import_path.py`` brings one, and
``tests/fuzz/test_mutations.py`` feeds the same targets from hypothesis.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.data.plan import Plan
from core.dicom.headers import read_header
from core.dicom.rtstruct import read_rtstruct
from core.dicom.seg import read_seg
from core.dicom.stack import Stack
from core.errors import FileRefusedError, UserError
from core.evaluation.result import EvaluationResult
from core.formats.names import IMAGE_SUFFIXES
from core.geometry import Geometry
from core.images import read_geometry, read_raw
from core.jobs.launch import Launch
from core.jobs.remote_run import Remote
from core.jobs.spec import load_job
from core.labels.journal import Journal
from core.labels.segfile import read_segments
from core.models.store import read_card, read_description
from core.project.environment import read_starts
from core.project.folder import ProjectFolder
from core.project.loose import read_loose
from core.project.manifest import Manifest
from core.project.orders import kept
from core.project.runs import read_events

#: Processor seconds a small file may cost.
LIMIT_SECONDS = 2.0

#: The series labels are put on: as small as the fuzzed files.
GRID = Geometry((4, 16, 16), (2.5, 1.0, 1.0), (-8.0, -8.0, 0.0))

#: A file beside every header that may be named as its values.
BESIDE = ("case.img", "case.raw", "case.img.gz")


class TooSlowError(AssertionError):
    """A file cost more than :data:`LIMIT_SECONDS`."""


def dicom(data: bytes, folder: Path) -> None:
    """A DICOM file: a CT series, a SEG or an RTSTRUCT."""
    path = folder / "case.dcm"
    path.write_bytes(data)
    header = read_header(path)
    if header.kind == "ct":
        volume = read_loose(path)
        assert volume.hu.shape == volume.geometry.shape
        return
    labels = (read_rtstruct if header.kind == "rtstruct" else read_seg)(path)
    raster = labels.rasterise(Stack.even(GRID))
    assert raster.labels.shape == GRID.shape
    assert set(np.unique(raster.labels).tolist()) - {0} == set(raster.names)


def image(data: bytes, folder: Path) -> None:
    """An image file. The first byte chooses its ending, and whether the rest is compressed first:
    a mutation of compressed bytes is nearly always a damaged check sum and nothing more.
    """
    if not data:
        return
    suffix = IMAGE_SUFFIXES[data[0] % len(IMAGE_SUFFIXES)]
    body = gzip.compress(data[1:], 1) if data[0] >= 128 and suffix != ".nhdr" else data[1:]
    for name in BESIDE:
        values = bytes(range(256)) * 8
        (folder / name).write_bytes(gzip.compress(values, 1) if name.endswith("gz") else values)
    path = folder / f"case{suffix}"
    path.write_bytes(body)
    try:
        grid = read_geometry(path)
        raw = read_raw(path)
        assert raw.geometry == grid
        try:
            labels, grid, _ = raw.mask()
            assert labels.shape == grid.shape
        except FileRefusedError:
            pass
        volume = raw.volume()
        assert volume.hu.shape == volume.geometry.shape
    finally:
        path.unlink()


def _named(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], None]:
    def target(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        try:
            read(path)
        finally:
            path.unlink(missing_ok=True)

    return target


def _replay(path: Path) -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    Journal(path, GRID.shape).replay(labels)
    path.with_name(f"{path.name}.damaged").unlink(missing_ok=True)


#: Files of a project, a run or a model that somebody may hand over.
TEXTS: dict[str, Callable[[bytes, Path], None]] = {
    "settings": _named("project.json", lambda p: ProjectFolder(p.parent).read_settings()),
    "plan": _named("plan.json", Plan.load),
    "card": _named("card.json", lambda p: read_card(p.parent)),
    "model": _named("m.safetensors", read_description),
    "events": _named("events.jsonl", lambda p: list(read_events(p.parent))),
    "manifest": _named("manifest.json", Manifest.load),
    "evaluation": _named("evaluation_val.json", EvaluationResult.load),
    "job": _named("job.json", lambda p: load_job(p.parent)),
    "launch": _named("launch.json", lambda p: Launch.load(p.parent)),
    "remote": _named("remote.json", lambda p: Remote.load(p.parent)),
    "starts": _named("environment.jsonl", lambda p: read_starts(p.parent)),
    "orders": _named("orders.jsonl", lambda p: kept(p.parent)),
    "journal": _named("edits.journal", _replay),
    "label": _named("label.seg.nrrd", lambda p: read_segments(p, GRID)),
}


def text(data: bytes, folder: Path) -> None:
    """One of :data:`TEXTS`; the first byte chooses."""
    if data:
        list(TEXTS.values())[data[0] % len(TEXTS)](data[1:], folder)


TARGETS: dict[str, Callable[[bytes, Path], None]] = {"dicom": dicom, "image": image, "text": text}


def check(target: Callable[[bytes, Path], None], data: bytes, folder: Path) -> str:
    """Run a target on ``data``; the sentence of a refusal, empty when the file was used.

    Raises what escaped, and :class:`TooSlowError`.
    """
    begun, sentence = time.process_time(), ""
    try:
        target(data, folder)
    except UserError as error:
        sentence = str(error)
        assert sentence.strip() and "Traceback" not in sentence
    took = time.process_time() - begun
    if took > LIMIT_SECONDS:
        raise TooSlowError(f"{took:.1f} s for {len(data)} bytes (checksum {zlib.crc32(data):08x})")
    return sentence
