"""What is done with runs from the command line: told, noted, compared, exported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.events import Event, StateEvent, to_line
from core.project import orders, runs
from core.project.orders import Order
from core.project.project import Project
from tests.core.cli.conftest import Cli
from tests.core.data.plans import tiny_plan
from tests.core.training.synthetic import make_project
from tests.gui.run.recorded import run_events, write_pictures


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path) as made:
        yield made


def a_run(project: Project, events: list[Event], **changes: object) -> Path:
    folder = runs.create_run(project, replace(tiny_plan(), **changes)).path
    text = "".join(to_line(event) + "\n" for event in events)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")
    write_pictures(folder)
    return folder


def at_work(folder: Path) -> Path:
    (folder / "process.json").write_text(runs.process_stamp(os.getpid()), encoding="utf-8")
    return folder


@pytest.mark.parametrize("word", ["pause", "resume", "stop"])
def test_a_run_of_another_program_is_told(cli: Cli, project: Project, word: str) -> None:
    folder = at_work(a_run(project, [StateEvent(state="running")]))
    told = cli(word, project.path, "r01", "--json")
    assert told.json == {"run_id": "r01", "asked": word}
    assert orders.taken(folder) == word
    assert orders.taken(folder) is None


def test_a_run_that_has_ended_cannot_be_told(cli: Cli, project: Project) -> None:
    folder = a_run(project, run_events(5, "stopped"))
    refused = cli("pause", project.path, "r01")
    assert refused.code == 2
    assert f"train {project.path} --resume r01" in refused.err
    assert not (folder / orders.ASKED).exists()


def test_a_run_at_work_gets_another_length_in_all(cli: Cli, project: Project) -> None:
    folder = at_work(a_run(project, run_events(30)))  # 20 minutes so far
    short = cli("extend", project.path, "r01", "--in-all", 19)
    assert short.code == 2
    assert "has had 20.0 minutes already" in short.err
    assert "trains for 25 minutes in all" in cli("extend", project.path, "r01", "--in-all", 25).out
    assert orders.kept(folder) == [Order("budget", 25)]


def test_notes_are_added_to_and_what_is_replaced_is_not_lost(cli: Cli, project: Project) -> None:
    a_run(project, run_events(5, "done"))
    assert cli("notes", project.path, "r01").out == "No notes on r01.\n"
    cli("notes", project.path, "r01", "--set", "Wider blocks.")
    assert cli("notes", project.path, "r01", "--add", "No gain.").out == "Wider blocks.\nNo gain.\n"
    replaced = cli("notes", project.path, "r01", "--set", "Again.", "--json").json
    assert replaced["replaced"] == "Wider blocks.\nNo gain."
    assert cli("list", project.path, "--json").json["runs"][0]["notes"] == "Again."


def test_runs_are_compared_by_outcome_and_by_what_differs(cli: Cli, project: Project) -> None:
    a_run(project, run_events(20, "done"), batch=2)
    a_run(project, run_events(60, "done"), batch=4)
    found = cli("compare", project.path, "--json").json
    assert [one["run_id"] for one in found["runs"]] == ["r01", "r02"]
    assert found["runs"][1]["best_dice"] == pytest.approx(0.8, abs=0.01)
    assert len(found["runs"][1]["dice"]) == 12
    differing = {row["label"]: row["values"] for row in found["rows"] if row["differs"]}
    assert differing["Batch"] == ["2", "4"]
    labels = [row["label"] for row in found["rows"]]
    assert "Patch" not in labels
    assert "Patch" in cli("compare", project.path, "r01", "r02", "--all").out
    assert cli("compare", project.path, "r07").code == 2


def test_a_run_is_exported_for_tensorboard_without_pictures_or_names(
    cli: Cli, project: Project, tmp_path: Path
) -> None:
    a_run(project, run_events(20, "done"))
    folder = tmp_path / "board"
    told = cli("export-run", project.path, "r01", folder)
    assert f"tensorboard --logdir {folder}" in told.out
    read = EventAccumulator(str(folder / "r01"))
    read.Reload()
    assert len(read.Scalars("loss/train")) == 20
    assert read.Tags()["images"] == []
    again = cli("export-run", project.path, "r01", folder)
    assert (again.code, "already holds an export" in again.err) == (2, True)
    cli("export-run", project.path, "r01", tmp_path / "pictures", "--pictures")
    read = EventAccumulator(str(tmp_path / "pictures" / "r01"))
    read.Reload()
    assert read.Tags()["images"]


def test_a_run_without_a_step_has_nothing_to_export(
    cli: Cli, project: Project, tmp_path: Path
) -> None:
    a_run(project, [StateEvent(state="failed")])
    assert "no step yet" in cli("export-run", project.path, "r01", tmp_path / "board").err
