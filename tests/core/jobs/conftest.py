"""Children that are scripts of a few lines, put in front of the real command by the argv prefix."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.events import Event, StateEvent
from core.jobs import runner
from core.jobs.runner import RunProcess

StartScript = Callable[[str], RunProcess]

#: What every script may use: say(event), and the folder of its run.
_HEAD = """
import os, sys, time
from pathlib import Path
from core.events import *
folder = Path(sys.argv[-1])
def say(event):
    line = to_line(event)
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\\n")
    print(line, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    (made / "plan.json").write_text("{}", encoding="utf-8")  # what makes it a training run
    return made


@pytest.fixture
def start_script(folder: Path, tmp_path: Path) -> Iterator[StartScript]:
    """Starts a script as the child of ``folder``."""
    started: list[RunProcess] = []

    def begin(body: str) -> RunProcess:
        script = tmp_path / "child.py"
        script.write_text(_HEAD + body, encoding="utf-8")
        process = runner.start(folder, prefix=(sys.executable, str(script)))
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def drain(process: RunProcess) -> list[Event]:
    """All events to the end of the child."""
    return [event for event in process.events(timeout=0.1) if event is not None]


def last_state(events: list[Event]) -> StateEvent:
    return [event for event in events if isinstance(event, StateEvent)][-1]
