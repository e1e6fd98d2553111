"""Labels that are incomplete on purpose: what is not known is neither learned nor scored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.data.cache import prepare
from core.data.fingerprint import fingerprint
from core.data.plan import PlanClass
from core.data.planner import plan_project
from core.events import Event, ResultEvent, ValidationEvent
from core.geometry import Geometry
from core.images import write_image
from core.inference.predict import predict_volume
from core.jobs.spec import EvaluateJob
from core.jobs.tasks import evaluate
from core.labels.schema import IGNORE, LabelClass, LabelSchema
from core.models.saved import load_model
from core.project import manifest
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import SeriesRecord
from core.project.runs import create_run
from core.training.control import KeepRunning
from core.training.loop import train
from core.volume import Volume
from tests.core.data.plans import tiny_plan

BRIGHT, DARK, UNSURE = 1, 2, 3
SHAPE = (16, 20, 20)
CLASSES = (PlanClass(BRIGHT, "Bright"), PlanClass(DARK, "Dark"))


def ball(centre: tuple[float, float, float], radius: float) -> np.ndarray:
    grid = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    return sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) < radius**2


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six series with a bright and a dark ball; the last two validate. Label 3 means not sure."""
    with Project.create(tmp_path / "project", "Two") as made:
        made.set_schema(
            LabelSchema(
                (
                    LabelClass(BRIGHT, "Bright", "#F59E2B", lesion=True),
                    LabelClass(DARK, "Dark", "#2C9A84", lesion=True),
                    LabelClass(UNSURE, "Not sure", "#F6EF9A", ignore=True),
                )
            )
        )
        for number in range(6):
            rng = np.random.default_rng(number)
            hu = rng.normal(30, 15, SHAPE).astype(np.int16)
            labels = np.zeros(SHAPE, np.uint8)
            side = rng.permutation([5.0, 14.0])
            for value, at, shift in ((BRIGHT, side[0], 130), (DARK, side[1], -150)):
                one = ball((float(rng.uniform(6, 9)), float(rng.uniform(7, 12)), at), 3.6)
                hu[one] += shift
                labels[one] = value
            path = tmp_path / f"{number}.nii.gz"
            geometry = Geometry(SHAPE, (4.0, 4.0, 4.0))
            write_image(path, Volume(hu, geometry))
            made.library.upsert(
                SeriesRecord(
                    series_uid=f"1.{number}", patient_id=f"P{number}", modality="CT",
                    description="", geometry=geometry, files=(path,), source="image",
                )
            )  # fmt: skip
            relabel(made, f"1.{number}", labels)
            made.set_split([f"1.{number}"], "train" if number < 4 else "val")
        yield made


def relabel(project: Project, uid: str, labels: np.ndarray) -> None:
    project.label_store(uid).save(labels)
    project.save_label_summary(uid, labels)
    project.set_status(uid, "reviewed")


def run(project: Project, name: str, **changes: object) -> list[Event]:
    values = {
        "classes": CLASSES, "ignore_value": UNSURE, "epochs": 10, "steps_per_epoch": 18,
        "learning_rate": 5e-3, "validations": 1, "channels": (8, 16), "blocks": (1, 1),
        "strides": ((1, 1, 1), (2, 2, 2)), "kernels": ((3, 3, 3),) * 2, "foreground_share": 0.7,
    }  # fmt: skip
    made = create_run(project, tiny_plan(**{**values, **changes}))
    assert made.id == name
    events: list[Event] = []
    train(made.path, events.append, KeepRunning())
    return events


def overlap(project: Project, name: str, value: int, truths: dict[str, np.ndarray]) -> float:
    """Mean Dice of one class on the validation cases."""
    model = load_model(project.models_dir / name)
    scores: list[float] = []
    for uid in ("1.4", "1.5"):
        volume = read_volume(project.record(uid))
        found = predict_volume(model.predictor, model.plan, volume).labels == value
        truth = truths[uid] == value
        scores.append(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))
    return float(np.mean(scores))


def test_a_class_is_learned_from_the_cases_that_have_it(project: Project) -> None:
    truths = {f"1.{n}": project.label_store(f"1.{n}").load() for n in range(6)}
    for number in (1, 2):  # two of four say nothing of the dark one
        labels = truths[f"1.{number}"].copy()
        labels[labels == DARK] = 0
        relabel(project, f"1.{number}", labels)
        project.update(f"1.{number}", unannotated=(DARK,))
    assert [case.unannotated for case in manifest.build(project).of("train")] == [
        (), (DARK,), (DARK,), (),
    ]  # fmt: skip
    events = run(project, "r01")
    assert overlap(project, "r01", BRIGHT, truths) > 0.7
    assert overlap(project, "r01", DARK, truths) > 0.6
    (result,) = [e for e in events if isinstance(e, ResultEvent)]
    assert result.data["dice"] > 0.6


def test_what_nobody_is_sure_of_is_no_error(project: Project) -> None:
    """What is missed where a reader is not sure lowers no figure."""
    truths = {f"1.{n}": project.label_store(f"1.{n}").load() for n in range(6)}
    for uid, truth in truths.items():
        labels = truth.copy()
        labels[labels == DARK] = UNSURE
        relabel(project, uid, labels)
    run(project, "r01", classes=CLASSES[:1], epochs=6)
    assert overlap(project, "r01", BRIGHT, truths) > 0.7
    job = EvaluateJob(project=project.path, run_id="r01", split="val", device="cpu")
    before = evaluate(job, lambda _: None, KeepRunning()).cases
    for uid in ("1.4", "1.5"):
        labels = project.label_store(uid).load()
        model = load_model(project.models_dir / "r01")
        found = predict_volume(model.predictor, model.plan, read_volume(project.record(uid))).labels
        labels[(found == 0) & (labels == BRIGHT)] = UNSURE  # missed: now unsure
        relabel(project, uid, labels)
    after = evaluate(job, lambda _: None, KeepRunning()).cases
    assert all(a.metrics.dice >= b.metrics.dice for a, b in zip(after, before, strict=True))
    assert all(case.metrics.volume_error >= 0 for case in after)


def test_the_plan_and_the_cases_know_what_is_unsure(project: Project) -> None:
    labels = project.label_store("1.0").load()
    labels[:4] = UNSURE
    relabel(project, "1.0", labels)
    plan = plan_project(project, (), epochs=2)
    assert plan.ignore_value == UNSURE
    assert [c.name for c in plan.classes] == ["Bright", "Dark"]
    tiny = tiny_plan(classes=CLASSES, ignore_value=UNSURE)
    (case, *_) = prepare(project, manifest.build(project).of("train"), tiny)
    assert (np.asarray(case.label[:4]) == IGNORE).all()
    assert (np.asarray(case.truth[:4]) == IGNORE).all()
    assert set(np.unique(case.label)) <= {0, 1, 2, IGNORE}
    # It is no lesion either: not counted, not measured.
    figures = fingerprint(project, manifest.build(project))
    assert figures.lesions == 8
    assert figures.hu_mean < 60


def test_validation_scores_only_what_is_outlined(project: Project) -> None:
    for uid in ("1.4", "1.5"):
        labels = project.label_store(uid).load()
        labels[labels == DARK] = 0
        relabel(project, uid, labels)
        project.update(uid, unannotated=(DARK,))
    events = run(project, "r01", epochs=5)
    (seen,) = [e for e in events if isinstance(e, ValidationEvent)]
    assert seen.dice > 0.7
    assert math.isfinite(seen.loss)


def test_a_series_without_any_trained_class_is_left_out(project: Project) -> None:
    project.update("1.0", unannotated=(BRIGHT, DARK))
    assert [c.series_uid for c in manifest.build(project).of("train")] == ["1.1", "1.2", "1.3"]
