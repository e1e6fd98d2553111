"""What a model was trained on, told from its run's manifest and the library. No torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from core.errors import UserError
from core.models.card import ModelCard
from core.project.manifest import Manifest
from core.project.project import Project
from core.project.records import SeriesRecord


def with_training_data(project: Project, card: ModelCard) -> ModelCard:
    """``card`` with scanners, spacings and counts filled in where it leaves them open.

    Unchanged when the run's manifest is gone (an imported model, a deleted run).
    """
    if card.imported:
        return card
    try:
        manifest = Manifest.load(project.runs_dir / card.run_id / "manifest.json")
    except UserError:
        return card
    uids = {case.series_uid for case in manifest.of("train")}
    records = [record for record in project.series() if record.series_uid in uids]
    return replace(
        card,
        cases_train=card.cases_train or len(manifest.of("train")),
        cases_val=card.cases_val or len(manifest.of("val")),
        cases_test=card.cases_test or len(manifest.of("test")),
        scanners=card.scanners or _scanners(records),
        spacings=card.spacings or with_mended(_spacings(records), manifest),
    )


def with_mended(spacings: str, manifest: Manifest) -> str:
    """``spacings`` with how many series are used with a remedy of their geometry."""
    return "; ".join(filter(None, (spacings, manifest.mended())))


def _scanners(records: list[SeriesRecord]) -> str:
    """Makers with how many series, most first: ``SIEMENS 41, CANON 14``."""
    makers = Counter(record.scanner.split(" ")[0] for record in records if record.scanner)
    return ", ".join(f"{maker} {count}" for maker, count in makers.most_common(4))


def _spacings(records: list[SeriesRecord]) -> str:
    """Ranges in plane and between slices: ``0.66–0.98 mm, slices 1.0–5.0 mm``."""
    if not records:
        return ""
    planes = [record.geometry.spacing[2] for record in records]
    slices = [record.geometry.spacing[0] for record in records]
    return f"{_range(planes, 2)} mm, slices {_range(slices, 1)} mm"


def _range(values: list[float], digits: int) -> str:
    low, high = (f"{v:.{digits}f}" for v in (min(values), max(values)))
    return low if low == high else f"{low}–{high}"
