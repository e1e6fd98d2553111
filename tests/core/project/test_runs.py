from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import FileRefusedError, UserError
from core.events import (
    CheckpointEvent,
    Event,
    ResultEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
    to_line,
)
from core.project import runs
from core.project.project import Project


class SomePlan:
    name = "Liver lesion 3D"

    def save(self, path: Path) -> None:
        path.write_text('{"batch": 2}', encoding="utf-8")


def step(number: int) -> StepEvent:
    return StepEvent(
        step=number, steps=100, epoch=number / 10, epochs=10, loss=0.5, learning_rate=1e-3,
        patches_per_second=2.0, data_wait=0.0, seconds_left=9.0, elapsed=float(number),
        time=1000.0 + number,
    )  # fmt: skip


def write(folder: Path, *events: Event) -> None:
    lines = "".join(to_line(event) + "\n" for event in events)
    (folder / runs.EVENTS).write_text(lines, encoding="utf-8")


def test_ids_count_upwards_and_are_never_used_twice(project: Project) -> None:
    first = runs.create_run(project, SomePlan())
    second = runs.create_run(project, SomePlan(), "Second")
    assert (first.id, second.id) == ("r01", "r02")
    assert (first.name, second.name) == ("Liver lesion 3D", "Second")
    assert first.plan == {"batch": 2}
    assert first.state == "queued"
    assert (first.path / "manifest.json").is_file()
    (project.runs_dir / "r07").mkdir()  # A folder someone made; no run, but its number is taken.
    (project.runs_dir / "notes").mkdir()
    assert runs.create_run(project, SomePlan()).id == "r08"
    assert [r.id for r in runs.list_runs(project)] == ["r01", "r02", "r08"]


def test_a_run_is_what_its_events_say(project: Project) -> None:
    made = runs.create_run(project, SomePlan())
    write(
        made.path,
        StateEvent(state="preparing", time=900.0),
        StateEvent(state="running", time=901.0),
        step(10),
        ValidationEvent(step=10, epoch=1, loss=0.4, dice=0.7, smoothed=0.7, best=True, time=1011),
        step(20),
        ValidationEvent(step=20, epoch=2, loss=0.4, dice=0.6, smoothed=0.66, best=False, time=1021),
        CheckpointEvent(step=20, epoch=2, path="checkpoint", time=1022.0),
        ResultEvent(name="model", data={"model_id": "r01"}, time=1023.0),
        StateEvent(state="stopped", sentence="Stopped after 20 steps.", time=1024.0),
    )
    found = runs.run(project, "r01")
    assert (found.state, found.sentence) == ("stopped", "Stopped after 20 steps.")
    assert (found.step, found.steps, found.epoch, found.best_dice) == (20, 100, 2.0, 0.7)
    assert (found.checkpoint_step, found.checkpoint_time) == (20, 1022.0)
    assert found.model_id == "r01"
    assert found.ended
    assert found.as_json()["best_dice"] == 0.7


def test_events_and_device_use_are_replayed_in_order_of_time(project: Project) -> None:
    made = runs.create_run(project, SomePlan())
    write(made.path, step(1), step(3))
    (made.path / runs.HARDWARE).write_text(
        '{"kind": "hardware", "time": 1002.0, "devices": []}\n{"torn', encoding="utf-8"
    )
    kinds = [type(e).__name__ for e in runs.read_events(made.path)]
    assert kinds == ["StepEvent", "HardwareEvent", "StepEvent"]


def test_a_process_that_is_gone_is_a_failed_run(project: Project) -> None:
    made = runs.create_run(project, SomePlan())
    write(made.path, StateEvent(state="running"))
    assert runs.run(project, "r01").state == "failed"
    assert runs.run(project, "r01").sentence == runs.VANISHED
    (made.path / runs.PROCESS).write_text(runs.process_stamp(), encoding="utf-8")
    assert runs.run(project, "r01").state == "running"
    # Its number now belongs to another process.
    (made.path / runs.PROCESS).write_text(
        runs.process_stamp().replace('"started": 1', '"started": 2'), encoding="utf-8"
    )
    assert runs.run(project, "r01").state == "failed"


def test_unknown_and_damaged_runs_are_named(project: Project) -> None:
    with pytest.raises(UserError, match="none yet"):
        runs.run(project, "r01")
    made = runs.create_run(project, SomePlan())
    with pytest.raises(UserError, match="r01"):
        runs.run(project, "../r01")
    (made.path / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileRefusedError, match="r01"):
        runs.run(project, "r01")


def test_job_folders_are_new_and_under_the_cache(project: Project) -> None:
    folders = {runs.new_job_folder(project) for _ in range(3)}
    assert len(folders) == 3
    assert all(f.is_dir() and f.parent.parent == project.cache_dir for f in folders)


def test_notes_stay_with_the_run_and_can_be_taken_back(project: Project) -> None:
    made = runs.create_run(project, SomePlan())
    assert made.notes == ""
    assert runs.write_notes(made.path, "Wider network.\nß 肝") == ""
    assert runs.run(project, made.id).notes == "Wider network.\nß 肝"
    assert runs.write_notes(made.path, "") == "Wider network.\nß 肝"
    assert runs.run(project, made.id).notes == ""
