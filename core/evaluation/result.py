"""The evaluation of one run on one split, as a JSON file in the run's folder."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import FileRefusedError
from core.evaluation.metrics import FOUND_SHARE, CaseMetrics, Summary, summary
from core.labels.durable import write_bytes

FORMAT = 1

#: Above this a file is not one of ours: a case takes about 300 bytes.
_MAX_BYTES = 64 * 1024 * 1024


def now() -> str:
    """Local time, ISO 8601 to the second, as all records of a project carry it."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvaluation:
    """One case. preview: PNG path relative to the run folder (with ``/``), or empty."""

    series_uid: str
    patient_id: str
    metrics: CaseMetrics
    preview: str = ""

    def as_json(self) -> dict[str, Any]:
        """The metrics beside the names, NaN as None; volume error as a share."""
        values = asdict(self.metrics) | {"volume_error": self.metrics.volume_error}
        return {
            "series_uid": self.series_uid,
            "patient_id": self.patient_id,
            **{k: None if math.isnan(v) else v for k, v in values.items()},
            "preview": self.preview,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What a model did on the cases of one split.

    split: train, val or test. label: name of the class that was evaluated. model_id: whose
    weights. finished: False while training goes on and this is an intermediate state.
    """

    run_id: str
    split: str
    cases: tuple[CaseEvaluation, ...]
    label: str = "Tumour"
    model_id: str = ""
    run_name: str = ""
    created: str = field(default_factory=now)
    finished: bool = True

    @property
    def summary(self) -> Summary:
        """Figures over the cases."""
        return summary([case.metrics for case in self.cases])

    def worst_first(self) -> list[CaseEvaluation]:
        """Cases by Dice, lowest first; those without one at the end, then by patient."""
        return sorted(
            self.cases,
            key=lambda c: (math.isnan(c.metrics.dice), c.metrics.dice, c.patient_id, c.series_uid),
        )

    def as_json(self) -> dict[str, Any]:
        """The document on disk and on the command line."""
        return {
            "format": FORMAT,
            "run_id": self.run_id,
            "run_name": self.run_name,
            "model_id": self.model_id,
            "split": self.split,
            "label": self.label,
            "created": self.created,
            "finished": self.finished,
            "found_share": FOUND_SHARE,
            "summary": self.summary.as_json(),
            "cases": [case.as_json() for case in self.cases],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> EvaluationResult:
        """Inverse of :meth:`as_json`. Raises KeyError, TypeError or ValueError on anything else."""
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']} is not known to this version")
        return cls(
            run_id=str(value["run_id"]),
            split=str(value["split"]),
            cases=tuple(_case(item) for item in value["cases"]),
            label=str(value["label"]),
            model_id=str(value["model_id"]),
            run_name=str(value["run_name"]),
            created=str(value["created"]),
            finished=bool(value["finished"]),
        )

    def save(self, path: Path) -> None:
        """Write the JSON file ``path``, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_json(), ensure_ascii=False, indent=1, allow_nan=False)
        write_bytes(path, text.encode())

    @classmethod
    def load(cls, path: Path) -> EvaluationResult:
        """Read what :meth:`save` wrote. Raises FileRefusedError when that is not what it is."""
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise FileRefusedError(path, "it is far too large", "Evaluate the run again.")
            return cls.from_json(json.loads(path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise FileRefusedError(
                path, "it is no evaluation of this version", "Evaluate the run again."
            ) from error


def result_path(run_dir: Path, split: str) -> Path:
    """Where the evaluation of a run on ``split`` lies."""
    return run_dir / f"evaluation_{split}.json"


def load_all(run_dirs: Sequence[Path], split: str) -> list[EvaluationResult]:
    """The evaluations of those runs that have one on ``split``. Raises FileRefusedError."""
    paths = [result_path(run_dir, split) for run_dir in run_dirs]
    return [EvaluationResult.load(path) for path in paths if path.exists()]


def _case(item: dict[str, Any]) -> CaseEvaluation:
    floats = {f.name for f in fields(CaseMetrics) if f.type == "float"}
    values: dict[str, Any] = {}
    for metric in fields(CaseMetrics):
        raw = item[metric.name]
        if metric.name in floats:
            values[metric.name] = math.nan if raw is None else float(raw)
        else:
            values[metric.name] = int(raw)
    return CaseEvaluation(
        series_uid=str(item["series_uid"]),
        patient_id=str(item["patient_id"]),
        metrics=CaseMetrics(**values),
        preview=str(item["preview"]),
    )
