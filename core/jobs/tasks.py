"""What jobs do, in this process: for the child and for the command line. Loads torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from core.errors import UserError
from core.evaluation.metrics import case_metrics
from core.evaluation.result import CaseEvaluation, EvaluationResult, result_path
from core.events import Event, ResultEvent, StageEvent
from core.inference.predict import Prediction, predict_volume
from core.jobs.probing import probe
from core.jobs.spec import EvaluateJob, ExportJob, Job, PredictJob, ProbeJob, TrainJob
from core.models.exporting import export_model
from core.models.saved import LoadedModel, load_model
from core.models.store import ModelEntry, find_model
from core.planes import PlaneAxes
from core.project.folder import series_key
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord, Split
from core.project.runs import run as find_run
from core.project.splits import is_labelled
from core.training import preview
from core.training.control import Control
from core.training.distributed import lead
from core.training.loop import train
from core.volume import Volume

Emit = Callable[[Event], None]


def perform(job: Job, folder: Path, emit: Emit, control: Control) -> None:
    """Do ``job``. Raises UserError, FileRefusedError, or Cancelled when ``control`` says stop."""
    match job:
        case TrainJob():
            with lead() as group:
                train(folder, emit, control, group)
        case PredictJob():
            propose(job, emit, control)
        case EvaluateJob():
            evaluate(job, emit, control)
        case ExportJob():
            export(job, emit, control)
        case ProbeJob():
            probe(job, folder, emit, control)
        case _:
            raise TypeError(f"no such job: {job}")


def pick_device(wanted: str) -> torch.device:
    """``auto`` is the first GPU, else the CPU. Raises UserError when the device is not there."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("This machine has no GPU that can be used. Choose the device cpu.")
    return device


def require_model(project: Project, name: str) -> ModelEntry:
    """The model of an id or run. Raises UserError when the project has none."""
    entry = find_model(project, name)
    if entry is None:
        raise UserError(
            f"There is no model of {name} in this project yet. A run leaves one when it is done "
            "or stopped."
        )
    return entry


def predict(
    model: LoadedModel,
    volume: Volume,
    device: str,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prediction:
    """The mask of a volume by a loaded model, on the volume's own grid."""
    where = pick_device(device)
    return predict_volume(
        model.predictor_on(where), model.plan, volume, where, progress=progress, cancelled=cancelled
    )


def propose(job: PredictJob, emit: Emit, control: Control) -> None:
    """Store a proposal for a series beside its label; ResultEvent ``proposal``.

    Its data: series_uid, model_id, model (name and version) and components, each with value,
    voxels, ml, confidence and centre (z, y, x). The same is kept with the proposal.
    """
    with Project.open(job.project) as project:
        record = project.record(job.series_uid)
        entry = require_model(project, job.model_id)
        model = load_model(entry.folder)
        volume = read_volume(record, cancelled=_stopped(control))
        found = predict(model, volume, job.device, _stage(emit, "predict"), _stopped(control))
        data = {
            "series_uid": job.series_uid,
            "model_id": job.model_id,
            "model": f"{entry.card.name} {entry.card.version}",
            "components": [asdict(c) for c in found.components],
        }
        project.label_store(job.series_uid).save_proposal(found.labels, data)
        if project.record(job.series_uid).label_status == "none":
            project.set_status(job.series_uid, "proposed")
    emit(ResultEvent(name="proposal", data=data))


def evaluate(job: EvaluateJob, emit: Emit, control: Control) -> EvaluationResult:
    """Measure a run's model on the reviewed or drafted labels of a split.

    Writes ``evaluation_<split>.json`` and pictures into the run's folder; ResultEvent
    ``evaluation`` with that JSON.
    """
    with Project.open(job.project) as project:
        run = find_run(project, job.run_id)
        entry = require_model(project, job.run_id)
        model = load_model(entry.folder)
        records = cases_of(project, job.split)
        cases: list[CaseEvaluation] = []
        for number, record in enumerate(records):
            emit(StageEvent(stage="evaluate", done=number, total=len(records)))
            cases.append(
                _evaluate_case(
                    project, record, model=model, job=job, run_dir=run.path, control=control
                )
            )
        emit(StageEvent(stage="evaluate", done=len(records), total=len(records)))
        lesions = [c.name for c in model.plan.classes if c.lesion]
        result = EvaluationResult(
            run_id=run.id,
            run_name=run.name,
            model_id=entry.id,
            split=job.split,
            cases=tuple(cases),
            label=", ".join(lesions or [c.name for c in model.plan.classes]),
            finished=run.state == "done",
        )
        result.save(result_path(run.path, job.split))
    emit(ResultEvent(name="evaluation", data=result.as_json()))
    return result


def cases_of(project: Project, split: Split) -> list[SeriesRecord]:
    """The labelled series of a split. Raises UserError when there are none."""
    records = [r for r in project.series() if r.split == split and is_labelled(r)]
    if not records:
        raise UserError(
            f"No labelled series is in the {split} split. Put some there in the Library, or "
            "choose another split."
        )
    return records


def _evaluate_case(
    project: Project,
    record: SeriesRecord,
    *,
    model: LoadedModel,
    job: EvaluateJob,
    run_dir: Path,
    control: Control,
) -> CaseEvaluation:
    volume = read_volume(record, cancelled=_stopped(control))
    truth = project.label_store(record.series_uid).load()
    found = predict(model, volume, job.device, cancelled=_stopped(control)).labels
    lesions = [c.value for c in model.plan.classes if c.lesion]
    outlined = lesions or [c.value for c in model.plan.classes]
    # The series as it is labelled now, which may be otherwise than when the model was trained.
    values = [v for v in outlined if v not in record.unannotated]
    name = f"previews/{job.split}_{series_key(record.series_uid)}.png"
    _draw(run_dir / name, volume, np.isin(truth, values), np.isin(found, values))
    return CaseEvaluation(
        series_uid=record.series_uid,
        patient_id=record.patient_id,
        metrics=case_metrics(
            truth, found, volume.geometry, values, ignore=project.schema.ignore_value
        ),
        preview=name,
    )


def _draw(path: Path, volume: Volume, truth: np.ndarray, found: np.ndarray) -> None:
    """The axial slice with the largest reference (or else predicted) area, as a PNG."""
    axes = PlaneAxes.of(volume.geometry, "axial")
    others = tuple(a for a in range(3) if a != axes.normal)
    areas = (truth if truth.any() else found).sum(axis=others)
    index = int(areas.argmax()) if areas.any() else axes.slices // 2
    picture = preview.draw(
        axes.cut(volume.hu, index), axes.cut(truth, index), axes.cut(found, index), axes.pixel_mm
    )
    preview.write_png(path, picture)


def export(job: ExportJob, emit: Emit, control: Control) -> None:
    """Write a model to a file and check it on a labelled case; ResultEvent ``export``."""
    with Project.open(job.project) as project:
        model = require_model(project, job.model_id)
        result = export_model(
            model.folder,
            job.format,
            job.path,
            check_volume=check_volume(project),
            progress=_stage(emit, "export"),
            cancelled=_stopped(control),
        )
    emit(ResultEvent(name="export", data=result.as_json()))


def check_volume(project: Project) -> Volume | None:
    """The case exports are checked on: the first labelled one, held out where there is one."""
    order = {"val": 0, "test": 1, "train": 2, "none": 3}
    labelled = sorted(filter(is_labelled, project.series()), key=lambda r: order[r.split])
    return read_volume(labelled[0]) if labelled else None


def _stage(emit: Emit, stage: str) -> Callable[[int, int], None]:
    return lambda done, total: emit(StageEvent(stage=stage, done=done, total=total))


def _stopped(control: Control) -> Callable[[], bool]:
    return lambda: control.state() == "stop"
