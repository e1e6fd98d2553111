"""Rows of the library as values: what is known of a series without reading its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.dicom.outcomes import Outcome, outcome
from core.dicom.remedies import KEEP, REGRIDDING, Choice, Remedy
from core.dicom.scanned import Scanned
from core.geometry import Geometry
from core.volume import Check

LabelStatus = Literal["none", "proposed", "draft", "reviewed"]
Split = Literal["none", "train", "val", "test"]
SourceFormat = Literal["dicom", "image"]

LABEL_STATUSES: tuple[LabelStatus, ...] = ("none", "proposed", "draft", "reviewed")
SPLITS: tuple[Split, ...] = ("none", "train", "val", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRecord:
    """One series of a project.

    series_uid: DICOM SeriesInstanceUID (with a suffix ``.N`` where one DICOM series holds several
    volumes), or for image files a UID of the form 2.25.N derived from the content.
    files: absolute paths of the pixel data in slice order (one path for an image file or a
    multi-frame object). study_date: YYYY-MM-DD or empty. sex: M, F, O or empty. age: like "61" or
    empty. labels: names of the classes present. label_voxels: labelled voxels of lesion classes.
    lesion_count, lesion_ml: over the lesion classes. label_version: grows with each saved change.
    unannotated: values of the classes that are not outlined in this series, or not everywhere: what
    is not painted of them is unknown, not absent. Every other class is taken to be complete.
    missing: True when a file of ``files`` was not where it should be when last looked at.
    scanned: how its slices lie, where that is more than ``geometry`` says or a remedy changed
    ``geometry``; None for a series as it should be. choices: every remedy ever chosen, oldest
    first; ``geometry`` and ``checks`` are those of the one in force, :attr:`remedy`. part_of: the
    series this one was split off. hidden: whether other rows stand for it: it was split, or it is a
    part of a split that was undone.
    """

    series_uid: str
    patient_id: str
    modality: str
    description: str
    geometry: Geometry
    files: tuple[Path, ...]
    source: SourceFormat
    study_uid: str = ""
    frame_uid: str = ""
    study_date: str = ""
    sex: str = ""
    age: str = ""
    scanner: str = ""
    kernel: str = ""
    kvp: str = ""
    checks: tuple[Check, ...] = ()
    labels: tuple[str, ...] = ()
    label_status: LabelStatus = "none"
    label_voxels: int = 0
    lesion_count: int = 0
    lesion_ml: float = 0.0
    label_version: int = 0
    label_saved: str = ""
    split: Split = "none"
    unannotated: tuple[int, ...] = ()
    missing: bool = False
    added: str = ""
    scanned: Scanned | None = None
    choices: tuple[Choice, ...] = ()
    part_of: str = ""
    hidden: bool = False

    @property
    def remedy(self) -> Remedy:
        """The remedy in force: the last one chosen and not undone, else ``keep``."""
        return next((c.remedy for c in reversed(self.choices) if not c.undone), KEEP)

    @property
    def usable(self) -> bool:
        """Whether it may be opened, trained on and exported: neither refused nor split."""
        return self.remedy.kind not in ("refuse", "split")

    @property
    def remade(self) -> Outcome | None:
        """What a remedy that changes the grid made of the series; None where none is in force."""
        if self.scanned is None or self.remedy.kind not in REGRIDDING:
            return None
        return outcome(self.scanned, self.remedy)

    @property
    def regridded(self) -> str:
        """The identity of the remedy that made the grid; empty for the slices as scanned. Two grids
        may be equal where their slices lie at other places, so the grid alone does not tell.
        """
        return self.remedy.identity if self.remade is not None else ""

    @property
    def interpolated(self) -> tuple[int, ...]:
        """Indices of the slices that were made between scanned ones."""
        made = self.remade
        return () if made is None else made.made

    @property
    def remedy_note(self) -> str:
        """What a remedy did to the volume, for the files it is exported to; "" for nothing."""
        made = self.remade
        if made is None:
            return ""
        slices = f", {len(made.made)} slices interpolated" if made.made else ""
        spacing = f"{made.geometry.spacing[0]:.4g} mm slices"
        return f"LesionForge remedy: {self.remedy.kind}, {spacing}{slices}"

    def as_json(self) -> dict[str, Any]:
        """The series as ``lesionforge-cli import`` and ``list`` print it."""
        return {
            "series_uid": self.series_uid,
            "patient_id": self.patient_id,
            "modality": self.modality,
            "description": self.description,
            "shape": list(self.geometry.shape),
            "spacing": list(self.geometry.spacing),
            "checks": [{"code": c.code, "message": c.message} for c in self.checks],
            "labels": list(self.labels),
            "remedy": self.remedy.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not imported, and the sentence that says why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOffer:
    """A mask on another grid than its image: how it would lie there, for the user to accept.

    covered: share of the image's box that the mask's box covers. label_ml: what is labelled in the
    file. resampled_ml: what of it would be, on the image's grid. sizes: both in words.
    """

    path: Path
    series_uid: str
    image: str
    mask_grid: Geometry
    image_grid: Geometry
    covered: float
    label_ml: float
    resampled_ml: float
    sizes: tuple[str, str]

    @property
    def sentence(self) -> str:
        """The figures, and what can be done."""
        return (
            f"{self.path.name} cannot be used: it has {self.sizes[0]} voxels and its image "
            f"{self.image} {self.sizes[1]}. It covers {100 * self.covered:.0f} % of the image, and "
            f"{self.resampled_ml:.4g} of its {self.label_ml:.4g} mL would lie there. Accept it to "
            "have it resampled by position."
        )


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. series: new or refreshed rows. labelled: series that got a label.

    offers: masks on other grids, which wait for the user; they are among ``skipped``, too.
    """

    series: tuple[SeriesRecord, ...]
    skipped: tuple[Skipped, ...]
    labelled: tuple[str, ...] = ()
    cancelled: bool = False
    offers: tuple[MaskOffer, ...] = ()
