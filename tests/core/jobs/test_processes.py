"""Runs of two processes on this machine, by PyTorch's own launcher and gloo."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from core.data.plan import Plan
from core.errors import UserError
from core.events import CheckpointEvent, Event, LogEvent, ResultEvent, StateEvent, StepEvent
from core.jobs import launch, runner
from core.jobs.launch import Launch, prefix, prefix_of, with_processes
from core.project.project import Project
from core.project.runs import create_run, read_events
from core.training import meter
from core.training.control import KeepRunning
from core.training.loop import train
from tests.core.data.plans import tiny_plan
from tests.core.training.conftest import one_thread, project

__all__ = ["one_thread", "project"]  # fixtures


def last_losses(folder: Path) -> dict[int, float]:
    return {e.step: e.loss for e in read_events(folder) if isinstance(e, StepEvent)}


#: The real child, saying every step.
_EVERY_STEP = """
import sys
from core.training import meter
meter.INTERVAL = 0.0
from core.jobs import child
sys.exit(child.main(child.Path(sys.argv[-1])))
"""


def test_two_processes_are_one_run_and_go_on_when_one_dies(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(meter, "INTERVAL", 0.0)
    values = {"processes": 2, "threads": 1, "epochs": 6, "steps_per_epoch": 5}
    plan = tiny_plan(**values)
    whole, shared = create_run(project, plan), create_run(project, plan)
    said: list[Event] = []
    train(whole.path, said.append, KeepRunning())
    alone = {e.step: e.loss for e in said if isinstance(e, StepEvent)}
    script = tmp_path / "child.py"
    script.write_text(_EVERY_STEP, encoding="utf-8")
    process = runner.start(shared.path, (*prefix_of(shared.path), "python", str(script)))
    saved, killed = 0, False
    events: list[Event] = []
    for event in process.events(timeout=0.2):
        if event is not None:
            events.append(event)
        if not saved and isinstance(event, StepEvent) and event.step >= 5:
            process.pause()  # which saves
        elif isinstance(event, CheckpointEvent) and not saved:
            saved = event.step
        elif isinstance(event, StateEvent) and event.state == "paused":
            process.resume()
        elif saved and not killed and isinstance(event, StepEvent) and event.step > saved:
            kill_a_follower(process.pid)
            killed = True
    assert process.returncode == 0
    assert [e.state for e in events if isinstance(e, StateEvent)][-1] == "done"
    words = [e.message for e in events if isinstance(e, LogEvent)]
    assert any("were started again" in one for one in words)
    assert f"Resumed from step {saved}." in words
    assert any(isinstance(e, ResultEvent) and e.name == "model" for e in events)
    # One stream of events, each step's loss that of the whole batch in one process.
    together = last_losses(shared.path)
    assert together.keys() == alone.keys() == set(range(1, 31))
    assert max(abs(together[step] - alone[step]) for step in alone) < 1e-4


def kill_a_follower(launcher: int) -> None:
    for process in psutil.Process(launcher).children():
        if process.environ().get("RANK") == "1":
            process.kill()
            return
    raise AssertionError("there is no second process")


def test_a_batch_grows_to_a_multiple_of_the_processes() -> None:
    plan = tiny_plan(batch=3)
    more = with_processes(plan, 2)
    assert (more.batch, more.processes) == (4, 2)
    assert with_processes(plan, 1) == plan


def test_one_process_needs_no_launcher(tmp_path: Path) -> None:
    assert prefix(1, Launch()) == ()
    assert prefix_of(tmp_path) == ()  # a job that is no training
    words = prefix(4, Launch(), "py")
    assert words[:4] == ("py", "-P", "-m", "torch.distributed.run")
    assert {"--standalone", "--nproc-per-node=4", "--no-python"} <= set(words)


def test_several_machines_meet_at_the_first(tmp_path: Path) -> None:
    spread = Launch(nodes=2, node_rank=1, rendezvous="node0:29500")
    words = prefix(4, spread)
    assert {"--nnodes=2", "--node-rank=1", "--nproc-per-node=2"} <= set(words)
    assert {"--rdzv-backend=static", "--rdzv-endpoint=node0:29500"} <= set(words)
    spread.save(tmp_path)
    assert Launch.load(tmp_path) == spread
    assert Launch.load(tmp_path / "other") == Launch()
    with pytest.raises(UserError, match="evenly"):
        prefix(3, spread)


@pytest.mark.parametrize(
    "values",
    [
        {"nodes": 2, "rendezvous": ""},
        {"nodes": 2, "rendezvous": "--evil:1"},
        {"nodes": 2, "node_rank": 2, "rendezvous": "a:1"},
        {"nodes": 0},
    ],
)
def test_a_launch_that_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(UserError):
        Launch(**values)  # type: ignore[arg-type]


def test_processes_share_the_threads_of_their_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.os, "cpu_count", lambda: 16)
    words = prefix(4, Launch())
    assert launch.environment(words, {})["OMP_NUM_THREADS"] == "4"
    assert launch.environment(words, {"OMP_NUM_THREADS": "1"})["OMP_NUM_THREADS"] == "1"
    assert launch.environment(("python",), {}) == {}
    monkeypatch.setattr(launch.sys, "platform", "win32")
    assert launch.environment(words, {})["USE_LIBUV"] == "0"


def test_a_plan_says_when_its_batch_cannot_be_shared() -> None:
    with pytest.raises(UserError, match="multiple of the processes"):
        tiny_plan(batch=3, processes=2)
    assert isinstance(tiny_plan(batch=4, processes=2), Plan)
