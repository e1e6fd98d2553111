"""Watching a training run: each event as a line, Ctrl-C as a stop that keeps a checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from core.cli.output import Output, stop_on_interrupt
from core.errors import Cancelled, UserError
from core.events import (
    Event,
    HardwareEvent,
    HintEvent,
    LogEvent,
    ResultEvent,
    StageEvent,
    StateEvent,
    StepEvent,
    ValidationEvent,
    to_line,
)
from core.jobs.launch import prefix_of
from core.jobs.remote_run import is_remote
from core.jobs.runner import RunProcess, start, watch_with_hardware
from core.project.runs import RunRecord

#: Exit code of a child that met a bug.
_BUG = 1

#: The end of a log that holds the trace of what went wrong.
_LOG_TAIL = 8000


def watch(run: RunRecord, output: Output) -> int:
    """Start the run in a child process, print its events, and end as it ends.

    The first line names the run (a ResultEvent ``run`` with ``run_id`` and ``path``). Ctrl-C
    stops it after a checkpoint and raises Cancelled; a second one kills it. Raises UserError with
    the run's own sentence when it failed. Returns 0, or 1 after a bug in the child.
    """
    named = ResultEvent(name="run", data={"run_id": run.id, "path": str(run.path)})
    show(named, output)
    far = is_remote(run.path)
    with start(run.path, () if far else prefix_of(run.path)) as process:
        try:
            with stop_on_interrupt() as cancelled:
                last = _follow(process, output, cancelled, far)
        except BrokenPipeError:
            process.stop()  # Nobody reads any more, but what was learnt is kept.
            process.wait(None)
            raise
    if last is None or last.state == "failed":
        return _failed(run.path, process.returncode, last)
    if last.state == "stopped":
        project = run.path.parent.parent
        print(f"Go on with: lesionforge-cli train {project} --resume {run.id}", file=sys.stderr)
        raise Cancelled
    return 0


def _follow(
    process: RunProcess, output: Output, cancelled: Callable[[], bool], far: bool
) -> StateEvent | None:
    last: StateEvent | None = None
    stopping = False
    # A run on another machine brings the use of its devices with it.
    for event in process.events(timeout=0.2) if far else watch_with_hardware(process):
        if cancelled() and not stopping:
            stopping = True
            process.stop()
        if event is None or isinstance(event, HardwareEvent):
            continue  # Device use is kept with the run; here it would only be noise.
        show(event, output)
        if isinstance(event, StateEvent):
            last = event
    output.clear()
    return last


def _failed(folder: Path, code: int | None, last: StateEvent | None) -> int:
    sentence = last.sentence if last is not None else "The run ended without a word."
    if code != _BUG:
        raise UserError(sentence)
    log = folder / "log.txt"
    if log.is_file():
        print(log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:], file=sys.stderr)
    print(sentence, file=sys.stderr)
    return _BUG


def show(event: Event, output: Output) -> None:
    """An event as a line of JSON, or for people: as a line, or on the progress line."""
    if output.as_json:
        output.line(to_line(event))
    elif isinstance(event, StageEvent):
        output.progress(f"{event.stage} {event.done} of {event.total}")
    elif isinstance(event, StepEvent):
        output.progress(step_text(event))
    elif text := line_text(event):
        output.clear()
        output.line(text)


def step_text(event: StepEvent) -> str:
    """A step as the progress line shows it."""
    return (
        f"Step {event.step} of {event.steps} · loss {event.loss:.3f} · "
        f"{event.patches_per_second:.1f} patches/s · data wait {event.data_wait:.0%} · "
        f"{time_left(event.seconds_left)} left"
    )


def line_text(event: Event) -> str:
    """An event as a line for people; "" for those that are not worth one."""
    if isinstance(event, ValidationEvent):
        best = " (best so far)" if event.best else ""
        cases = f"{len(event.cases)} cases" if len(event.cases) != 1 else "1 case"
        return f"Step {event.step}: validation Dice {event.dice:.3f} on {cases}{best}"
    if isinstance(event, LogEvent):
        return event.message
    if isinstance(event, HintEvent):
        return event.sentence
    if isinstance(event, ResultEvent):
        return {
            "run": f"Run {event.data.get('run_id')}: {event.data.get('path')}",
            "model": f"Model {event.data.get('model_id')} saved.",
        }.get(event.name, "")
    if isinstance(event, StateEvent):
        words = {
            "preparing": "Preparing",
            "running": "Training",
            "paused": "Paused",
            "done": "Done",
        }
        # How a failed or stopped run ended is said on standard error.
        return words.get(event.state, "")
    return ""


def time_left(seconds: float) -> str:
    """Like "2 h 02 min", "14 min" or "40 s"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
