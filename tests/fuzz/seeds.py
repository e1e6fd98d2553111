"""Where fuzzing starts: small files of the zoo, the same as CT, and one of every other kind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.errors import InvalidDicomError

from core.dicom.headers import CT_CLASSES
from core.events import StateEvent, to_line
from core.formats.names import IMAGE_SUFFIXES, image_suffix
from core.images import to_sitk
from core.jobs.launch import Launch
from core.labels.edits import Edit
from core.labels.journal import Journal
from core.labels.schema import LabelSchema
from core.labels.segfile import write_segments
from core.models.card import ModelCard
from core.models.header import CARD_KEY, PLAN_KEY
from core.project.folder import Settings
from core.project.manifest import Manifest, ManifestCase
from tests.core.data.plans import tiny_plan
from tests.fuzz.targets import GRID, TEXTS

_CT = next(iter(CT_CLASSES))

#: Larger seeds are mutated slowly and seldom where it matters.
LARGEST = 40_000


def dicom_seeds(zoo: Path) -> Iterator[bytes]:
    """Every small DICOM file of the zoo, and every image among them once more as a CT image, so
    that its pixels are decoded too.
    """
    for path in sorted(zoo.rglob("*")):
        if not path.is_file() or path.stat().st_size > LARGEST or image_suffix(path):
            continue
        data = path.read_bytes()
        yield data
        try:
            dataset = pydicom.dcmread(path)
            if "PixelData" not in dataset or dataset.get("SOPClassUID") == _CT:
                continue
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.UID(_CT)
            dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
            target = pydicom.filebase.DicomBytesIO()
            dataset.save_as(target)
        except (InvalidDicomError, AttributeError, ValueError, TypeError, KeyError):
            continue  # the file is damaged, which is what it is in the zoo for
        yield target.getvalue()


def image_seeds(zoo: Path, work: Path) -> Iterator[bytes]:
    """Image files of the zoo and of every ending, with the byte that chooses the ending."""
    for path in sorted(zoo.rglob("*")):
        suffix = image_suffix(path)
        if path.is_file() and suffix and path.stat().st_size <= LARGEST:
            yield _chosen(suffix, path.read_bytes())
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    grid = type(GRID)(values.shape, (2.0, 1.0, 1.0))
    for ending in (".nii", ".nrrd", ".mha", ".mhd", ".nhdr", ".seg.nrrd"):
        for packed in (False, True):
            path = work / f"case{ending}"
            sitk.WriteImage(to_sitk(values, grid), str(path), useCompression=packed)
            yield _chosen(image_suffix(path), path.read_bytes())
    for kind, name in (
        (nib.Nifti2Image, "case.nii"),
        (nib.Nifti1Pair, "case.hdr"),
        (nib.AnalyzeImage, "case.hdr"),
        (nib.MGHImage, "case.mgh"),
    ):
        path = work / name
        nib.save(kind(values.T.copy(), np.diag([-1.0, -1.0, 2.0, 1.0])), path)
        yield _chosen(image_suffix(path), path.read_bytes())


def _chosen(suffix: str, data: bytes) -> bytes:
    index = IMAGE_SUFFIXES.index(suffix)
    if data[:2] == b"\x1f\x8b":  # compressed again by the target, after its mutation
        step = len(IMAGE_SUFFIXES)
        return bytes([(128 + step - 1) // step * step + index]) + gzip.decompress(data)
    return bytes([index]) + data


def text_seeds(work: Path) -> Iterator[bytes]:
    """One sound file for each of :data:`TEXTS`, with the byte that chooses it."""
    names = list(TEXTS)
    plan = tiny_plan().as_json()
    for name, value in _texts(plan).items():
        yield bytes([names.index(name)]) + json.dumps(value).encode()
    metadata = {PLAN_KEY: json.dumps(plan), CARD_KEY: json.dumps(_texts(plan)["card"])}
    head = json.dumps(
        {"__metadata__": metadata, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    ).encode()
    yield bytes([names.index("model")]) + len(head).to_bytes(8, "little") + head + bytes(4)
    lines = "\n".join(to_line(StateEvent(state="running")) for _ in range(3))
    yield bytes([names.index("events")]) + lines.encode()
    journal = Journal(work / "edits.journal", GRID.shape)
    before = np.zeros((2, 3, 4), np.uint8)
    journal.append(Edit(((0, 2), (1, 4), (2, 6)), before, before + 1, "Brush", 1))
    yield bytes([names.index("journal")]) + (work / "edits.journal").read_bytes()
    labels = np.zeros(GRID.shape, np.uint8)
    write_segments(work / "label.seg.nrrd", labels, GRID, LabelSchema.default())
    yield bytes([names.index("label")]) + (work / "label.seg.nrrd").read_bytes()


def _texts(plan: dict[str, object]) -> dict[str, object]:
    """Sound JSON for those of :data:`TEXTS` that are one JSON object, or lines of it."""
    card = ModelCard(
        name="Test", version="1", run_id="r01", created="2024-06-02T10:00:00+02:00",
        classes=("Tumour",), network="residual-unet", spacing=(4.0, 4.0, 4.0),
    )  # fmt: skip
    case = ManifestCase(
        series_uid="1.2.3", patient_id="P1", split="train", label_sha256="0" * 64,
        files_id="0" * 16, lesion_ml=1.5,
    )  # fmt: skip
    remote = {"machine": {"name": "node", "host": "node", "user": "", "port": 22}, "run": "r01"}
    job = {"kind": "predict", "version": 1, "project": "p", "series": ["1.2.3"], "model": "m"}
    evaluation = {
        "format": 1, "split": "val", "run_id": "r01", "created": "2024", "finished": True,
        "class_names": ["Tumour"], "cases": [],
    }  # fmt: skip
    return {
        "settings": Settings.new("Test").as_json(),
        "plan": plan,
        "card": card.as_json(),
        "manifest": Manifest((case,)).as_json(),
        "evaluation": evaluation,
        "job": job,
        "launch": asdict(Launch(nodes=2, node_rank=1, rendezvous="node0:29500")),
        "remote": remote,
        "starts": {"time": 1.0, "python": "3.11"},
        "orders": {"time": 1.0, "word": "extend", "amount": 10.0},
    }


def write_all(zoo: Path, corpus: Path) -> dict[str, int]:
    """Write the seeds of each target to ``corpus/<target>``; how many there are."""
    work = corpus / "work"
    work.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for name, seeds in (
        ("dicom", dicom_seeds(zoo)),
        ("image", image_seeds(zoo, work)),
        ("text", text_seeds(work)),
    ):
        folder = corpus / name
        folder.mkdir(exist_ok=True)
        for number, data in enumerate(seeds):
            (folder / f"seed-{number:04d}").write_bytes(data)
            counts[name] = number + 1
    return counts
