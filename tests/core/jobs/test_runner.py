from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from core.events import (
    CheckpointEvent,
    DeviceSample,
    HardwareEvent,
    LogEvent,
    StateEvent,
    StepEvent,
)
from core.jobs import runner
from core.project.runs import read_events
from tests.core.jobs.conftest import StartScript, drain, last_state

SIGNALS = sys.platform != "win32"


def wait_for(process: runner.RunProcess, kind: type) -> None:
    for event in process.events(timeout=0.1):
        if isinstance(event, kind):
            return


def test_events_come_in_order_and_end_with_the_child(start_script: StartScript) -> None:
    process = start_script(
        """
for n in range(2000):
    say(LogEvent(level="info", message=str(n)))
say(StateEvent(state="done"))
"""
    )
    events = drain(process)
    assert [e.message for e in events if isinstance(e, LogEvent)] == [str(n) for n in range(2000)]
    assert last_state(events).state == "done"
    assert process.returncode == 0


def test_garbage_between_events_is_passed_over(start_script: StartScript) -> None:
    process = start_script(
        r"""
say(LogEvent(level="info", message="one"))
os.write(1, b'\xff\xfe not json\n{"kind": "step"}\n{"kind": "of the future"}\n\n[1]\n"x"\n7\n')
os.write(1, to_line(LogEvent(level="info", message="größer")).encode()[:20])
time.sleep(0.2)
os.write(1, to_line(LogEvent(level="info", message="größer")).encode()[20:] + b"\n")
say(StateEvent(state="done"))
os.write(1, b'{"kind": "log", "level": "info", "mess')
"""
    )
    events = drain(process)
    assert [e.message for e in events if isinstance(e, LogEvent)] == ["one", "größer"]
    assert last_state(events).state == "done"


def test_silence_yields_none_so_that_the_watcher_can_do_something(
    start_script: StartScript,
) -> None:
    process = start_script("time.sleep(0.6); say(StateEvent(state='done'))")
    events = list(process.events(timeout=0.1))
    assert events.count(None) >= 3


def test_kill_from_outside_tells_signal_and_checkpoint(
    start_script: StartScript, folder: Path
) -> None:
    process = start_script(
        """
say(StateEvent(state="running"))
say(CheckpointEvent(step=1200, epoch=12.0, path="checkpoint", time=time.time()))
sys.stdout.write('{"kind": "log", "lev'); sys.stdout.flush()
with (folder / "events.jsonl").open("a") as file: file.write('{"kind": "log", "lev')
time.sleep(60)
"""
    )
    wait_for(process, CheckpointEvent)
    psutil.Process(process.pid).kill()
    events = drain(process)
    # The generator before was left: this one did not see the checkpoint and looks into the file.
    last = last_state(events)
    assert last.state == "failed"
    how = "was killed (signal 9)" if SIGNALS else "ended without a word"
    at = time.strftime("%H:%M")
    assert last.sentence.startswith(f"The training process {how}")
    assert "The last checkpoint, step 1200 at " in last.sentence
    assert last.sentence.endswith("is kept; resume goes on from there.")
    assert at[:2] in last.sentence
    recorded = [e for e in read_events(folder) if isinstance(e, StateEvent)]
    assert recorded[-1] == last


def test_kill_by_us_is_told_as_such_and_takes_the_family_along(start_script: StartScript) -> None:
    process = start_script(
        """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
say(LogEvent(level="info", message=str(child.pid)))
time.sleep(60)
"""
    )
    events = process.events(timeout=0.1)
    pid = next(int(e.message) for e in events if isinstance(e, LogEvent))
    process.kill()
    last = last_state([e for e in events if e is not None])
    assert last.sentence == (
        "The training process was ended from here. There was no checkpoint yet; it can be started "
        "again from the beginning."
    )
    gone, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], 5)
    assert not alive, gone
    process.kill()  # A second time, and after the end: no harm.


def test_crash_before_the_first_event_is_a_failure_with_a_log(
    start_script: StartScript, folder: Path
) -> None:
    process = start_script("raise RuntimeError('no luck')")
    events = drain(process)
    assert len(events) == 1
    assert last_state(events).state == "failed"
    assert "exit code 1" in last_state(events).sentence
    assert "no luck" in (folder / "log.txt").read_text(encoding="utf-8")


def test_a_stop_cut_short_after_its_checkpoint_is_stopped_not_failed(
    start_script: StartScript,
) -> None:
    process = start_script(
        """
say(StateEvent(state="running"))
sys.stdin.readline()
say(CheckpointEvent(step=40, epoch=4.0, path="checkpoint"))
time.sleep(60)
"""
    )
    events = []
    for event in process.events(timeout=0.1):
        events += [] if event is None else [event]
        if isinstance(event, StateEvent) and event.state == "running":
            process.stop()
        if isinstance(event, CheckpointEvent):
            process.kill()
    assert last_state(events).state == "stopped"
    assert "40" in last_state(events).sentence


def test_orders_reach_the_child_and_none_hurts_after_its_end(start_script: StartScript) -> None:
    process = start_script(
        """
for _ in range(3):
    say(LogEvent(level="info", message=sys.stdin.readline().strip()))
say(StateEvent(state="done"))
"""
    )
    process.pause()
    process.resume()
    process.stop()
    events = drain(process)
    assert [e.message for e in events if isinstance(e, LogEvent)] == ["pause", "resume", "stop"]
    process.pause()
    assert process.wait() == 0


def test_a_stranger_that_holds_the_pipe_open_keeps_nobody_waiting(
    start_script: StartScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_LAST_WORDS", 0.3)
    process = start_script(
        """
import subprocess
code = "import time; time.sleep(6)"
other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
say(LogEvent(level="info", message=str(other.pid)))
os._exit(3)
"""
    )
    began = time.monotonic()
    events = drain(process)
    assert time.monotonic() - began < 5
    assert "exit code 3" in last_state(events).sentence
    psutil.Process(int(events[0].message)).kill()  # type: ignore[attr-defined]


def test_a_slow_reader_does_not_hold_the_child_up(start_script: StartScript) -> None:
    process = start_script(
        """
for n in range(20000):
    print(to_line(LogEvent(level="info", message="x" * 100)))
say(StateEvent(state="done"))
"""
    )
    # Far more than a pipe holds was written, and nothing read by us so far.
    assert process.wait(20) == 0
    assert len(drain(process)) == 20001


def test_wait_gives_up_after_its_time(start_script: StartScript) -> None:
    process = start_script("time.sleep(60)")
    assert process.wait(0.2) is None
    assert process.returncode is None


def test_hardware_is_kept_with_the_run(folder: Path) -> None:
    sample = DeviceSample(
        name="GPU", is_gpu=True, utilisation=97.0, memory_used=1, memory_total=2, power=None
    )
    for second in range(3):
        runner.record_hardware(folder, HardwareEvent(devices=(sample,), time=float(second)))
    events = list(read_events(folder))
    assert [e.time for e in events] == [0.0, 1.0, 2.0]
    assert events[0].devices == (sample,)  # type: ignore[attr-defined]
    runner.record_hardware(folder / "gone", HardwareEvent(devices=(sample,)))  # no disk: no crash


def test_no_thread_of_ours_outlives_the_child(start_script: StartScript) -> None:
    before = threading.active_count()
    drain(start_script("say(StateEvent(state='done'))"))
    assert threading.active_count() == before


def test_replay_gives_what_was_said(folder: Path, start_script: StartScript) -> None:
    events = drain(
        start_script(
            """
say(StateEvent(state="running"))
for n in range(5):
    say(StepEvent(step=n, steps=5, epoch=n / 5, epochs=1, loss=float("nan") if n == 2 else 1.0,
                  learning_rate=1e-3, patches_per_second=2.0, data_wait=0.1, seconds_left=3.0,
                  elapsed=1.0))
say(StateEvent(state="done"))
"""
        )
    )
    again = list(read_events(folder))
    assert [str(e) for e in again] == [str(e) for e in events]
    assert sum(isinstance(e, StepEvent) for e in again) == 5


@pytest.mark.skipif(not SIGNALS, reason="no such signal there")
def test_a_frozen_child_can_still_be_ended(start_script: StartScript) -> None:
    process = start_script("say(StateEvent(state='running')); time.sleep(60)")
    for event in process.events(timeout=0.1):
        if isinstance(event, StateEvent) and event.state == "running":
            os.kill(process.pid, signal.SIGSTOP)
            process.stop()  # which it cannot hear
            process.kill()
        last = event
    assert isinstance(last, StateEvent)
    assert "was ended from here" in last.sentence


def test_who_leaves_early_leaves_no_child_behind(start_script: StartScript) -> None:
    process = start_script("time.sleep(60)")
    with pytest.raises(KeyboardInterrupt), process:
        raise KeyboardInterrupt
    assert process.returncode not in (None, 0)
    assert not psutil.pid_exists(process.pid)
