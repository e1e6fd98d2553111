from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import FileRefusedError
from core.jobs.spec import (
    EvaluateJob,
    ExportJob,
    Job,
    PredictJob,
    ProbeJob,
    TrainJob,
    load_job,
)
from tests.core.data.plans import tiny_plan


@pytest.mark.parametrize(
    "job",
    [
        PredictJob(project=Path("/p"), series_uid="1.2", model_id="r01"),
        EvaluateJob(project=Path("/p"), run_id="r01", split="val", device="cpu"),
        ExportJob(project=Path("/p"), model_id="r01", format="onnx", path=Path("/out/Größe.onnx")),
        ProbeJob(project=Path("/p"), seconds=20.0, minutes=10.0, quality="best", again=True),
        ProbeJob(project=Path("/p"), seconds=8.0, plan=tiny_plan().as_json()),
    ],
)
def test_jobs_come_back_as_they_were_saved(job: Job, tmp_path: Path) -> None:
    job.save(tmp_path)
    assert load_job(tmp_path) == job


def test_a_folder_with_a_plan_is_a_training_run(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "r01"
    run.mkdir(parents=True)
    (run / "plan.json").write_text("{}", encoding="utf-8")
    assert load_job(run) == TrainJob(project=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"version": 1, "kind": "dance", "project": "/p"}',
        '{"version": 1, "kind": "predict", "project": "/p"}',
        '{"version": 2, "kind": "evaluate", "project": "/p", "run_id": "r01"}',
        '{"version": 1, "kind": "evaluate", "project": "/p", "run_id": "r01", "more": 1}',
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(text, encoding="utf-8")
    with pytest.raises(FileRefusedError, match=r"job\.json"):
        load_job(tmp_path)


def test_no_job_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError):
        load_job(tmp_path)


def test_the_file_is_readable_json(tmp_path: Path) -> None:
    PredictJob(project=tmp_path, series_uid="1.2", model_id="r01").save(tmp_path)
    data = json.loads((tmp_path / "job.json").read_text(encoding="utf-8"))
    assert data["kind"] == "predict"
    assert data["project"] == str(tmp_path)
