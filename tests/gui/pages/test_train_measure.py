"""What a new run will need is measured by a child, by itself or when the user asks."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core.data import measured as store
from core.data.measured import Measurements
from core.data.planner import replan
from core.data.predictions import PACE
from core.hardware import DeviceInfo
from gui.pages import train_new
from gui.pages.train import TrainPage
from gui.pages.train_planning import Asked, Planned, minutes_to_morning
from gui.run.supervisor import RunSupervisor
from tests.core.data.plans import tiny_plan
from tests.gui.pages.train_case import CPU, MEASURED, found, page
from tests.gui.run.conftest import play, session, supervisor

__all__ = ["found", "page", "play", "session", "supervisor"]  # fixtures

#: A child that measures: writes what it was asked, says how far it is, keeps a figure, ends.
PROBE = """
import json, os, sys, threading, time
from pathlib import Path
from core.data import measured as store
from core.data.measured import Measurement, Measurements
from core.data.predictions import PACE
from core.events import *
from tests.core.data.plans import tiny_plan
folder = Path(sys.argv[-1])
Path(os.environ["ASKED"]).write_bytes((folder / "job.json").read_bytes())
orders = []
threading.Thread(target=lambda: [orders.append(l.strip()) for l in sys.stdin], daemon=True).start()
for n in range(1, 20):
    print(to_line(StageEvent(stage="probe", done=n, total=20)), flush=True)
    time.sleep(0.02)
    if os.environ.get("SLOW"):
        while not orders:
            time.sleep(0.01)
    if orders:
        print(to_line(StateEvent(state="stopped")), flush=True)
        sys.exit(0)
known = Measurements(pace=PACE)
known.add(tiny_plan(), None, Measurement(0.5, 0.01, 1.0, 1e-7, 3e8, 0.2, 1e8))
if not os.environ.get("FAIL"):
    store.save(known)
    print(to_line(StateEvent(state="done")), flush=True)
else:
    print(to_line(StateEvent(state="failed", sentence="The memory is too small.")), flush=True)
"""


@pytest.fixture
def unknown(
    monkeypatch: pytest.MonkeyPatch, play: dict[str, str], tmp_path: Path, found: list[DeviceInfo]
) -> Path:
    """Nothing was measured yet on this machine; the probe writes what it was asked here."""
    play["script"] = PROBE
    asked_file = tmp_path / "asked.json"
    monkeypatch.setenv("ASKED", str(asked_file))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))

    def planned(project, asked: Asked, *, progress, cancelled) -> Planned:
        known = store.load()
        changes = {"budget_minutes": asked.minutes} if asked.minutes else {"epochs": asked.epochs}
        plan = tiny_plan(**changes, quality=asked.quality)
        return Planned(replan(plan, found, measured=known), tuple(found), False, known, 10**12)

    monkeypatch.setattr(train_new, "make_planned", planned)
    return asked_file


def rows(page: TrainPage) -> dict[str, str]:
    return page.new.needs.rows.values()


def test_an_unknown_plan_is_measured_by_itself(
    qtbot: QtBot, page: TrainPage, unknown: Path
) -> None:
    page.show()
    needs = page.new.needs
    qtbot.waitUntil(needs.cancel.isVisible, timeout=10_000)
    assert needs.pill.text() == "Estimated"
    assert not needs.measure.isVisible()
    # Nobody has to wait for it.
    assert page.new.start.isEnabled()
    qtbot.waitUntil(lambda: needs.pill.text() == "Measured on this machine", timeout=15_000)
    assert rows(page)["Steps"].endswith("0.5 s each")
    assert rows(page)["RAM"] == "1.3 of 16 GB"
    assert needs.measure.isVisible() and not needs.cancel.isVisible()
    job = json.loads(unknown.read_bytes())
    assert (job["kind"], job["minutes"], job["quality"]) == ("probe", 60, "balanced")
    # At most 3 % of an hour, and never more than half a minute.
    assert job["seconds"] == 30
    assert job["plan"] is None


def test_measuring_can_be_cancelled_and_asked_for(
    qtbot: QtBot, page: TrainPage, unknown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "1")
    page.show()
    needs = page.new.needs
    qtbot.waitUntil(lambda: needs.bar.isVisible() and needs.bar.fraction() > 0, timeout=15_000)
    bars = needs.words.text()
    assert bars == "Measuring real steps on this machine"
    qtbot.mouseClick(needs.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(needs.measure.isVisible)
    assert needs.pill.text() == "Estimated"
    assert not needs.bar.isVisible()
    # It is not begun again by itself.
    qtbot.wait(400)
    assert not page.new.measuring.busy
    monkeypatch.delenv("SLOW")
    qtbot.waitUntil(lambda: not page.supervisor.jobs.busy, timeout=15_000)
    qtbot.mouseClick(needs.measure, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: needs.pill.text() == "Measured on this machine", timeout=15_000)
    assert json.loads(unknown.read_bytes())["again"] is True


def test_a_probe_that_fails_says_why_and_the_run_can_be_started(
    qtbot: QtBot, page: TrainPage, unknown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "1")
    page.show()
    needs = page.new.needs
    qtbot.waitUntil(needs.problem.isVisible, timeout=15_000)
    assert needs.problem.text() == "The memory is too small."
    assert needs.pill.text() == "Estimated"
    assert page.new.start.isEnabled()


def test_an_edited_plan_is_measured_itself(
    qtbot: QtBot, page: TrainPage, unknown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.show()
    qtbot.waitUntil(
        lambda: page.new.needs.pill.text() == "Measured on this machine", timeout=15_000
    )
    monkeypatch.setattr(
        train_new, "edit_plan", lambda *_args: tiny_plan(batch=6, budget_minutes=60.0)
    )
    qtbot.mouseClick(page.new.card.advanced, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: (json.loads(unknown.read_bytes())["plan"] or {}).get("batch") == 6, timeout=15_000
    )


def test_start_goes_first(
    qtbot: QtBot, page: TrainPage, unknown: Path, supervisor: RunSupervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SLOW", "1")
    page.show()
    qtbot.waitUntil(page.new.needs.cancel.isVisible, timeout=10_000)
    qtbot.mouseClick(page.new.start, Qt.MouseButton.LeftButton)
    assert not page.new.measuring.busy
    qtbot.waitUntil(lambda: not supervisor.jobs.busy, timeout=15_000)


def test_nothing_is_measured_beside_a_run(
    qtbot: QtBot, page: TrainPage, unknown: Path, supervisor: RunSupervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(RunSupervisor, "busy", property(lambda _self: True))
    page.show()
    qtbot.waitUntil(page.new.needs.measure.isVisible)
    qtbot.wait(400)
    assert not page.new.measuring.busy
    assert not page.new.needs.measure.isEnabled()
    assert page.new.needs.measure.toolTip() == "Beside a run at work nothing can be measured"


def test_quality_brings_its_usual_time_until_one_is_chosen(qtbot: QtBot, page: TrainPage) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    answers = page.new.answers
    qtbot.mouseClick(answers.quality.button("quick"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (page.new.plan() or tiny_plan()).quality == "quick")
    assert page.new.plan().budget_minutes == 10
    qtbot.mouseClick(answers.time.button("180"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(answers.quality.button("best"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (page.new.plan() or tiny_plan()).quality == "best")
    assert page.new.plan().budget_minutes == 180


def test_another_quality_drops_the_edited_plan(
    qtbot: QtBot, page: TrainPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    edited = tiny_plan(batch=6, budget_minutes=60.0)
    monkeypatch.setattr(train_new, "edit_plan", lambda *_args: edited)
    qtbot.mouseClick(page.new.card.advanced, Qt.MouseButton.LeftButton)
    assert page.new.plan().batch == 6
    qtbot.mouseClick(page.new.answers.quality.button("best"), Qt.MouseButton.LeftButton)
    # What was shown until now cannot be started any more.
    assert not page.new.start.isEnabled()
    qtbot.waitUntil(page.new.start.isEnabled)
    assert page.new.plan().batch == 2
    assert page.new.card.pill._text == "Automatic"


def test_overnight_ends_in_the_morning(qtbot: QtBot, page: TrainPage) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    qtbot.mouseClick(page.new.answers.time.button("night"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (page.new.plan() or tiny_plan()).budget_minutes not in (None, 60))
    assert 60 <= page.new.plan().budget_minutes <= 25 * 60
    assert rows(page)["Time"].split(" until ")[1][-5:] in ("06:59", "07:00", "07:01")


@pytest.mark.parametrize(
    ("now", "minutes"),
    [
        ((2026, 3, 2, 22, 0), 9 * 60),
        ((2026, 3, 2, 1, 30), 5 * 60 + 30),
        ((2026, 3, 2, 6, 0), 60),
        # Ten minutes would be no night.
        ((2026, 3, 2, 6, 50), 24 * 60 + 10),
        ((2026, 3, 2, 7, 0), 24 * 60),
    ],
)
def test_minutes_to_morning(now: tuple[int, ...], minutes: float) -> None:
    assert minutes_to_morning(datetime(*now)) == minutes  # type: ignore[arg-type]


def test_what_there_is_too_little_of_is_said(qtbot: QtBot, page: TrainPage) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    plan = page.new.plan()
    assert plan is not None
    needs = page.new.needs
    needs.show_plan(plan, DeviceInfo("cpu", "AMD EPYC", False, 10**6), 10**12)
    assert "more memory than there is" in needs.problem.text()
    needs.show_plan(plan, CPU, 10)
    assert "the project's disk" in needs.problem.text()
    needs.show_plan(plan, CPU, 10**12)
    assert not needs.problem.isVisible()


def test_the_page_takes_what_the_fixture_measured() -> None:
    known = Measurements(pace=PACE)
    known.add(tiny_plan(), CPU, MEASURED)
    assert replan(tiny_plan(), [CPU], measured=known).estimates.step_seconds == 0.25


def test_widgets_are_named_for_those_who_hear_them(qtbot: QtBot, page: TrainPage) -> None:
    page.show()
    qtbot.waitUntil(page.new.start.isEnabled)
    named: list[QWidget] = [page.new.answers.quality.button(k) for k in ("quick", "best")]
    assert [w.accessibleName() for w in named] == ["Quick", "Best"]
