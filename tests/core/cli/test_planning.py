"""``plan`` with a quality, and measured by a child first."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from core.cli import planning
from core.cli.output import Output
from core.cli.parser import build_parser
from core.data import measured
from core.errors import Cancelled, UserError
from core.jobs import runner
from core.jobs.runner import RunProcess
from core.project.project import Project
from tests.core.training.conftest import one_thread, project

__all__ = ["one_thread", "project"]  # fixtures

#: A child that measures as quickly as a script can.
CHILD = """
import sys
from pathlib import Path
from core.data import measured as store
from core.data.measured import Measurement, Measurements
from core.data.planner import plan_project
from core.data.predictions import PACE
from core.events import *
from core.hardware import devices
from core.jobs.spec import load_job
from core.project.project import Project
job = load_job(Path(sys.argv[-1]))
print(to_line(StageEvent(stage="probe", done=1, total=10)), flush=True)
if END == "done":
    known = Measurements(pace=PACE)
    with Project.open(job.project) as project:
        found = devices()
        plan = plan_project(project, found, minutes=job.minutes, device=job.device,
                            quality=job.quality)
    known.add(plan, found[-1], Measurement(0.5, 0.01, 1.0, 1e-7, 3e8, 0.2, 1e8))
    store.save(known)
print(to_line(StateEvent(state=END, sentence="There is no such device.")), flush=True)
"""


@pytest.fixture
def child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Project
) -> Iterator[dict[str, str]]:
    """Children end as ``["end"]`` says."""
    chosen = {"end": "done"}
    real = runner.start

    def start(folder: Path) -> RunProcess:
        script = tmp_path / "child.py"
        script.write_text(f"END = {chosen['end']!r}\n" + CHILD, encoding="utf-8")
        return real(folder, (sys.executable, str(script)))

    monkeypatch.setattr(runner, "start", start)
    yield chosen


def asked(project: Project, *arguments: str) -> Namespace:
    return build_parser().parse_args(["plan", str(project.path), "--device", "cpu", *arguments])


def test_quality_and_time_make_the_plan(project: Project, child: dict[str, str]) -> None:
    args = asked(project, "--quality", "best", "--minutes", "5")
    plan = planning.make_plan(project, args, Output(StringIO(), True))
    assert (plan.quality, plan.budget_minutes) == ("best", 5)
    assert not plan.estimates.measured


def test_measured_where_asked_and_only_once(project: Project, child: dict[str, str]) -> None:
    output = Output(StringIO(), True)
    before = planning.make_plan(project, asked(project, "--minutes", "5"), output)
    planning.make_plan(project, asked(project, "--minutes", "5", "--measure"), output)
    known = measured.load().exact(before, None)
    assert known is not None
    assert known.step_seconds == 0.5
    assert not list((project.cache_dir / "jobs").iterdir())


def test_what_the_child_says_is_what_one_reads(project: Project, child: dict[str, str]) -> None:
    child["end"] = "failed"
    args = asked(project, "--minutes", "5", "--measure")
    with pytest.raises(UserError, match=r"There is no such device\. The log is .*log\.txt"):
        planning.make_plan(project, args, Output(StringIO(), True))


def test_measuring_can_be_stopped(project: Project, child: dict[str, str]) -> None:
    child["end"] = "stopped"
    args = asked(project, "--minutes", "5", "--measure")
    with pytest.raises(Cancelled):
        planning.make_plan(project, args, Output(StringIO(), True))


def test_an_unknown_quality_is_refused(project: Project, capsys) -> None:
    with pytest.raises(SystemExit):
        asked(project, "--quality", "perfect")
    assert "perfect" in capsys.readouterr().err
