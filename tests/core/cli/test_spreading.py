"""What ``train`` makes of processes, machines and a rendezvous, without training."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from core.cli.parser import build_parser
from core.cli.spreading import placed, shared
from core.errors import UserError
from core.jobs.launch import Launch, prefix_of
from core.jobs.machines import Machine, save_machines
from core.jobs.remote_run import Remote, is_remote
from core.project.runs import RunRecord
from tests.core.data.plans import tiny_plan


def parsed(*words: str) -> Namespace:
    return build_parser().parse_args(["train", "PROJECT", *words])


@pytest.fixture
def run(tmp_path: Path) -> RunRecord:
    return RunRecord(id="r01", name="Mine", path=tmp_path, created="", plan={})


def test_without_options_a_run_is_one_process_here(run: RunRecord) -> None:
    plan, args = tiny_plan(batch=3), parsed()
    assert shared(plan, args) == plan
    assert placed(run, args) is run
    plan.save(run.path / "plan.json")
    assert prefix_of(run.path) == ()
    assert not is_remote(run.path)


def test_processes_and_machines_multiply(
    run: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    args = parsed("--processes", "2", "--nodes", "2", "--rendezvous", "node0:29500")
    plan = shared(tiny_plan(batch=6), args)
    assert (plan.processes, plan.batch) == (4, 8)
    placed(run, args)
    assert Launch.load(run.path) == Launch(nodes=2, rendezvous="node0:29500")
    assert (
        "--resume r01 --nodes 2 --node-rank N --rendezvous node0:29500" in capsys.readouterr().err
    )
    plan.save(run.path / "plan.json")
    assert "--nproc-per-node=2" in prefix_of(run.path)


def test_a_machine_is_named_as_in_the_settings(run: RunRecord) -> None:
    with pytest.raises(UserError, match="no machine called gpu-box"):
        placed(run, parsed("--machine", "gpu-box"))
    save_machines([Machine(name="gpu-box", host="me@box")])
    placed(run, parsed("--machine", "gpu-box"))
    assert Remote.load(run.path).machine.host == "me@box"


@pytest.mark.parametrize(
    "words",
    [("--nodes", "2"), ("--machine", "box", "--nodes", "2", "--rendezvous", "a:1")],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UserError):
        shared(tiny_plan(), parsed(*words))
