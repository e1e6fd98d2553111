"""The training loop, on one page. What each line does stands in the modules it calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.errors import Cancelled
from core.events import Event, StateEvent
from core.training.control import Control
from core.training.distributed import Group
from core.training.run import Run


def train(
    run_dir: Path, emit: Callable[[Event], None], control: Control, group: Group | None = None
) -> None:
    """Train as ``run_dir/plan.json`` says on the series of ``run_dir/manifest.json``.

    run_dir: ``runs/<id>`` of a project. A checkpoint in it is taken up again. Says what it does
    through ``emit`` (states preparing, running, paused, then done or stopped) and saves the best
    model in ``models/<id>`` of the project. ``control`` is asked at every step, for the run's
    length, too. group: the processes of the run, led by this one; see core.training.crew. Raises
    UserError for what the user can mend; the run can then be resumed from its last checkpoint.
    """
    emit(StateEvent(state="preparing"))
    try:
        run = Run.open(run_dir, emit, control, group)
    except Cancelled:
        emit(StateEvent(state="stopped", sentence="Stopped while the cases were prepared."))
        return
    with run:
        emit(StateEvent(state="running"))
        while True:
            run.obey(control)
            if run.finished:
                if run.complete(control):
                    return
                continue  # An order came just in time.
            state = control.state()
            if state == "stop":
                run.stop()
                return
            if state == "pause":
                run.pause(control)
                continue
            run.step_once()
            if run.report_due:
                run.report()
            if run.validation_due:
                run.validate(control)
            if run.checkpoint_due:
                run.checkpoint()
