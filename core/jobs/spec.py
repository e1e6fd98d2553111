"""What a child process is to do, as a file in its folder. No torch here: the window writes these.

A folder with a ``plan.json`` is a training run; any other job is described by its ``job.json``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from core.data.layout import Dimensions
from core.data.nnunet import Augmentation
from core.data.plan import Quality
from core.errors import FileRefusedError
from core.labels.durable import write_bytes
from core.project.records import Split

#: Not called format: an export job has a field of that name.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Base of all jobs. project: the project's folder."""

    kind: ClassVar[str] = ""
    project: Path

    def save(self, folder: Path) -> None:
        """Write ``folder/job.json``."""
        data = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
        text = json.dumps({"version": VERSION, "kind": self.kind, **data}, indent=1)
        write_bytes(folder / "job.json", text.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob(Job):
    """Train as the folder's ``plan.json`` says, or go on from its checkpoint."""

    kind: ClassVar[str] = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictJob(Job):
    """Propose labels for a series; ends in a ResultEvent ``proposal``."""

    kind: ClassVar[str] = "predict"
    series_uid: str
    model_id: str
    device: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateJob(Job):
    """Measure a run's model on the reference labels of a split; ResultEvent ``evaluation``."""

    kind: ClassVar[str] = "evaluate"
    run_id: str
    split: Split = "test"
    device: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob(Job):
    """Write a model to ``path`` and check the file; ends in a ResultEvent ``export``."""

    kind: ClassVar[str] = "export"
    model_id: str
    format: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeJob(Job):
    """Measure real steps of the plan for ``seconds`` on its device; ResultEvent ``probe``.

    plan: the JSON of a plan to measure; None: the plans that :func:`core.data.planner.plan_project`
    makes of the other values, until the one it chooses was measured. again: also what is known
    already.
    """

    kind: ClassVar[str] = "probe"
    seconds: float
    plan: dict[str, Any] | None = None
    minutes: float | None = None
    epochs: int | None = None
    device: str = "auto"
    quality: Quality = "balanced"
    dimensions: Dimensions = "auto"
    augmentation: Augmentation = "lesionforge"
    again: bool = False


_JOBS: tuple[type[Job], ...] = (PredictJob, EvaluateJob, ExportJob, ProbeJob)
_KINDS: dict[str, type[Job]] = {job.kind: job for job in _JOBS}


def load_job(folder: Path) -> Job:
    """The job of a folder. Raises FileRefusedError when there is none that can be read."""
    if (folder / "plan.json").exists():
        return TrainJob(project=folder.parent.parent)
    path = folder / "job.json"
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        kind = _KINDS[data.pop("kind")]
        if data.pop("version") != VERSION:
            raise FileRefusedError(path, "it is of another version", "Start the job again.")
        paths = {k: Path(data[k]) for k in ("project", "path") if k in data}
        return kind(**{**data, **paths})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileRefusedError(path, "it is no job", "Start the job again.") from error
