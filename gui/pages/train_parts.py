"""Parts of the Train page: the head of a run, its plan, its log."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from core.data.plan import Plan
from core.data.plan_fields import FIELDS, format_value
from core.project.runs import RunRecord
from gui import theme
from gui.run.history import RunHistory
from gui.widgets import (
    Button,
    Card,
    Elided,
    IconButton,
    Menu,
    Pill,
    ProgressBar,
    caption,
    heading,
    label,
    line,
)
from gui.widgets.paint import painter, text
from gui.widgets.times import clock, time_left

_SPECS = {spec.key: spec for spec in FIELDS}


class Fact(QWidget):
    """A quiet name and a bold value: "Epoch 124 of 300"."""

    def __init__(self, name: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(label(name, 13, 400, "t3"))
        self.value = label("", 13, 600)
        row.addWidget(self.value)

    def show_value(self, words: str) -> None:
        """Show a value; nothing at all for ""."""
        self.value.setText(words)
        self.setVisible(bool(words))


@dataclass(frozen=True, slots=True)
class HeadState:
    """What the buttons of the head depend on. live: it is this window's own run.

    stopping, slow: it was asked to stop, and has not for long. busy: another run is at work.
    """

    live: bool
    stopping: bool
    slow: bool
    busy: bool


class RunHeader(QWidget):
    """Name, state and buttons; the bar with its checkpoints; the facts below."""

    run_chosen = Signal(str)
    new_asked = Signal()
    pause_asked = Signal()
    resume_asked = Signal()
    stop_asked = Signal()
    kill_asked = Signal()
    evaluate_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._runs: Sequence[RunRecord] = ()
        self._shown = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._title_row())
        self.bar = ProgressBar(8)
        self.bar.setFixedHeight(14)
        column.addWidget(self.bar)
        column.addLayout(self._fact_row())

    def _title_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.id = heading("")
        self.name = Elided("", 18, 400, "t2")
        self.chooser = IconButton("ph.caret-down", self.tr("Choose a run"), size=28)
        self.chooser.clicked.connect(self._choose)
        self.pill = Pill("", "neutral", dot=True)
        self.about = Elided("", 13, 400, "t3")
        for widget in (self.id, self.name, self.chooser, self.pill):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.about, 1)
        self.new = Button(self.tr("New run"), "ghost", "ph.plus")
        self.pause = Button(self.tr("Pause"), "secondary", "ph.pause")
        self.resume = Button(self.tr("Resume"), "primary", "ph.play")
        self.evaluate = Button(self.tr("Evaluate"), "secondary", "ph.scales")
        self.stop = Button(self.tr("Stop…"), "danger", "ph.square")
        self.kill = Button(self.tr("End now…"), "danger", "ph.x")
        for button, signal in (
            (self.new, self.new_asked), (self.evaluate, self.evaluate_asked),
            (self.pause, self.pause_asked), (self.resume, self.resume_asked),
            (self.stop, self.stop_asked), (self.kill, self.kill_asked),
        ):  # fmt: skip
            button.clicked.connect(lambda _checked=False, signal=signal: signal.emit())
            row.addWidget(button)
        return row

    def _fact_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(24)
        self.epoch = Fact(self.tr("Epoch"))
        self.elapsed = Fact(self.tr("Elapsed"))
        self.left = Fact(self.tr("Left"))
        self.ends = Fact(self.tr("Ends"))
        self.saved = Fact(self.tr("Last checkpoint"))
        self.stage = label("", 13, 400, "t2")
        for fact in (self.stage, self.epoch, self.elapsed, self.left, self.ends, self.saved):
            row.addWidget(fact)
        row.addStretch(1)
        self.percent = label("", 13, 600)
        row.addWidget(self.percent)
        return row

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        """The runs that can be chosen, oldest first."""
        self._runs = runs
        self.chooser.setVisible(len(runs) > 1)

    def _choose(self) -> None:
        menu = Menu(self)
        for run in reversed(self._runs):
            dice = "" if run.best_dice is None else f"Dice {run.best_dice:.3f}"
            menu.add(
                f"{run.id}  {run.name}", lambda run=run: self.run_chosen.emit(run.id), key=dice,
                checked=run.id == self._shown,
            )  # fmt: skip
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.chooser.mapToGlobal(QPoint(0, self.chooser.height() + 4)))

    # ---- showing -----------------------------------------------------------------------------

    def show_run(self, run: RunRecord, history: RunHistory, state: HeadState) -> None:
        """Show a run as its history tells it."""
        self._shown = run.id
        self.id.setText(run.id)
        self.name.set_text(run.name)
        words, tone = self._state_words(history, state)
        self.pill.set(words, tone, dot=True)
        self._show_about(run, history)
        self._show_bar(history)
        self._show_facts(history)
        self._show_buttons(run, history, state)

    def _state_words(self, history: RunHistory, state: HeadState) -> tuple[str, str]:
        going = history.run_state in ("preparing", "running", "paused")
        if state.stopping and going:
            return self.tr("Stopping"), "warn"
        return {
            "queued": (self.tr("Queued"), "neutral"),
            "preparing": (self.tr("Preparing"), "ok"),
            "running": (self.tr("Running"), "ok"),
            "paused": (self.tr("Paused"), "warn"),
            "stopped": (self.tr("Stopped"), "neutral"),
            "done": (self.tr("Done"), "info"),
            "failed": (self.tr("Failed"), "err"),
        }[history.run_state]

    def _show_about(self, run: RunRecord, history: RunHistory) -> None:
        figures = run.plan.get("figures", {})
        parts: list[str] = []
        if history.started is not None:
            parts.append(self.tr("Started {0}").format(clock(history.started)))
        if figures.get("cases_train"):
            parts.append(
                self.tr("{0} train, {1} validation cases").format(
                    figures["cases_train"], figures.get("cases_val", 0)
                )
            )
        self.about.set_text(" · ".join(parts))

    def _show_bar(self, history: RunHistory) -> None:
        fraction = history.fraction
        self.bar.set_fraction(fraction)
        colours = {"paused": theme.WARN, "failed": theme.ERR, "stopped": theme.T3}
        self.bar.set_colour(colours.get(history.run_state, theme.ACC))
        steps = history.step.steps if history.step is not None else 0
        preparing = history.run_state == "preparing"
        marks = [c.step / steps for c in history.checkpoints] if steps and not preparing else []
        self.bar.set_marks(spread(marks))
        known = math.isfinite(fraction) and not preparing
        self.percent.setText(f"{fraction * 100:.0f} %" if known else "")

    def _show_facts(self, history: RunHistory) -> None:
        step, state = history.step, history.run_state
        preparing = state == "preparing"
        words = ""
        if preparing and history.stage is not None and history.stage.total:
            words = self.tr("Preparing cases: {0} of {1}").format(
                history.stage.done, history.stage.total
            )
        elif preparing:
            words = self.tr("Starting the training process")
        self.stage.setText(words)
        self.stage.setVisible(bool(words))
        known = step is not None and not preparing
        self.epoch.show_value(
            self.tr("{0} of {1}").format(min(math.ceil(step.epoch), step.epochs), step.epochs)
            if step is not None and known
            else ""
        )
        self.elapsed.show_value(time_left(step.elapsed) if step is not None and known else "")
        going = known and state == "running" and step is not None
        left = step.seconds_left if going and step is not None else math.nan
        self.left.show_value(time_left(left) if math.isfinite(left) else "")
        self.ends.show_value(clock(time.time() + left) if math.isfinite(left) else "")
        last = history.checkpoints[-1] if history.checkpoints else None
        self.saved.show_value(
            self.tr("epoch {0}, {1}").format(f"{last.epoch:.0f}", clock(last.time))
            if last is not None
            else ""
        )

    def _show_buttons(self, run: RunRecord, history: RunHistory, state: HeadState) -> None:
        now = history.run_state
        going = state.live and now in ("queued", "preparing", "running", "paused")
        self.new.setEnabled(not state.busy and not state.live)
        self.new.setToolTip(self.tr("One run trains at a time") if state.busy or state.live else "")
        self.pause.setVisible(going and now == "running" and not state.stopping)
        resumable = now in ("stopped", "failed", "queued") and not state.live
        self.resume.setVisible((going and now == "paused" and not state.stopping) or resumable)
        self.resume.setEnabled(not (resumable and state.busy))
        self.resume.setToolTip(
            self.tr("One run trains at a time") if resumable and state.busy else ""
        )
        self.stop.setVisible(going and not state.slow)
        self.stop.setEnabled(not state.stopping)
        self.stop.setText(self.tr("Stopping…") if state.stopping else self.tr("Stop…"))
        self.stop.updateGeometry()
        self.kill.setVisible(going and state.slow)
        self.evaluate.setVisible(not going and bool(run.model_id or history.model))


def spread(marks: Sequence[float], least: float = 0.012) -> list[float]:
    """Marks that can be told apart: the last always, others only this far from their neighbour."""
    kept: list[float] = []
    for mark in reversed(marks):
        if not kept or kept[-1] - mark >= (least * 2 if len(kept) == 1 else least):
            kept.append(mark)
    # A row of dots says nothing more than a few of them.
    few = kept[:1] + kept[1 :: max(1, math.ceil((len(kept) - 1) / 12))]
    return few[::-1]


class Pairs(QWidget):
    """Rows of a name and a bold value at the right edge, closer together where room is short."""

    _HIGH, _LOW = 24, 17

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show these rows."""
        self._rows = list(rows)
        self.setMinimumHeight(len(rows) * self._LOW)
        self.setMaximumHeight(len(rows) * self._HIGH)
        self.setAccessibleName("; ".join(f"{name} {value}" for name, value in rows))
        self.updateGeometry()
        self.update()

    def rows(self) -> dict[str, str]:
        """Name -> value."""
        return dict(self._rows)

    def sizeHint(self) -> QSize:
        """Full height."""
        return QSize(200, len(self._rows) * self._HIGH)

    def event(self, event: QEvent) -> bool:
        """A tooltip with the whole value of a row that was cut."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._rows:
            index = event.pos().y() * len(self._rows) // max(1, self.height())
            name, value = self._rows[min(index, len(self._rows) - 1)]
            QToolTip.showText(event.globalPos(), f"{name}: {value}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names left, values right; a value is cut before its name."""
        p = painter(self)
        height = self.height() / max(1, len(self._rows))
        for index, (name, value) in enumerate(self._rows):
            area = QRectF(0, index * height, self.width(), height)
            taken = text(p, area, name, theme.font(13), theme.T2) + 8
            text(p, area.adjusted(taken, 0, 0, 0), value, theme.font(13, 600), theme.T1,
                 align=Qt.AlignmentFlag.AlignRight)  # fmt: skip
        p.end()


class PlanCard(Card):
    """What the run was asked to do; Advanced… shows the whole plan."""

    advanced_asked = Signal()

    def __init__(self) -> None:
        super().__init__("Plan")
        self.set_title(self.tr("Plan"))
        self.setFixedWidth(296)
        self.pill = Pill(self.tr("Automatic"))
        # Left, beside the title, where the card has its subtitle.
        self.subtitle.parentWidget().layout().insertWidget(1, self.pill)
        self.body.setSpacing(0)
        names = (self.tr("Data"), self.tr("Network"), self.tr("Augmentation"), self.tr("Device"))
        self._sections: list[Pairs] = []
        for index, name in enumerate(names):
            if index:
                self.body.addStretch(1)
                self.body.addWidget(line())
                self.body.addStretch(1)
            head = caption(name)
            head.setFont(theme.font(12, 600))
            head.setMinimumHeight(20)
            self.body.addWidget(head)
            rows = Pairs()
            self._sections.append(rows)
            self.body.addWidget(rows, 8)
        self.body.addSpacing(8)
        self.body.addStretch(2)
        self.advanced = Button(self.tr("Advanced…"), "secondary", "ph.sliders-horizontal")
        self.advanced.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.advanced.clicked.connect(lambda _checked=False: self.advanced_asked.emit())
        self.body.addWidget(self.advanced)

    def show_plan(self, plan: Plan | None, automatic: bool, device_name: str = "") -> None:
        """Show a plan; dashes without one."""
        self.pill.setVisible(plan is not None)
        self.pill.set(
            self.tr("Automatic") if automatic else self.tr("Edited"),
            "neutral" if automatic else "info",
        )
        self.advanced.setEnabled(plan is not None)
        for rows, values in zip(self._sections, self._rows(plan, device_name), strict=True):
            rows.set_rows(values)

    def _rows(self, plan: Plan | None, device_name: str) -> list[list[tuple[str, str]]]:
        values = [""] * 17 if plan is None else plan_values(plan, device_name)
        names = iter(values)
        gpu = plan is None or plan.device != "cpu"
        keys = (
            (self.tr("Cases"), self.tr("Median spacing"), self.tr("Lesion volume"),
             self.tr("HU 0.5 / 50 / 99.5 %")),
            (self.tr("Type"), self.tr("Grid"), self.tr("Patch"), self.tr("Batch"),
             self.tr("Parameters"), self.tr("Precision")),
            (self.tr("Rotate, scale, mirror"), self.tr("Noise, blur, contrast")),
            (self.tr("GPU") if gpu else self.tr("CPU"), self.tr("Estimated memory"),
             self.tr("Estimated time")),
        )  # fmt: skip
        return [[(key, next(names) or "–") for key in section] for section in keys]


def plan_values(plan: Plan, device_name: str) -> list[str]:
    """The values of the card's rows from top to bottom; sizes as columns × rows × slices."""
    f, e = plan.figures, plan.estimates
    known = f.cases_train > 0
    spatial = [plan.rotation_degrees > 0, plan.scaling > 0, plan.mirror]
    grey = [plan.noise, plan.blur, plan.contrast]
    return [
        f"{f.cases_train}, and {f.cases_val} held out" if known else "",
        f"{_across(f.median_spacing)} mm" if known else "",
        f"{_ml(f.lesion_ml[0])}–{_ml(f.lesion_ml[2])} mL" if known else "",
        " / ".join(f"{v:.0f}".replace("-", "−") for v in f.hu) if known else "",
        format_value(_SPECS["network"], plan.network),
        f"{_across(plan.spacing)} mm",
        "\u2009×\u2009".join(str(n) for n in reversed(plan.patch)),
        str(plan.batch),
        f"{e.parameters / 1e6:.1f} M" if e.parameters else "",
        plan.precision,
        _some(spatial),
        _some(grey),
        _short(device_name) or plan.device,
        f"{e.memory_bytes / 1e9:.1f} GB" if e.memory_bytes else "",
        time_left(e.seconds) if e.seconds else "",
    ]


def _some(on: Sequence[bool]) -> str:
    if all(on):
        return "On"
    return "Off" if not any(on) else f"{sum(on)} of {len(on)}"


def _across(zyx: Sequence[float]) -> str:
    # Thin spaces: the row is narrow.
    return "\u2009×\u2009".join(f"{v:.2f}".rstrip("0").rstrip(".") for v in reversed(zyx))


def _ml(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _short(name: str) -> str:
    """A processor's name without what its maker adds to it."""
    for noise in ("(R)", "(TM)", " CPU", " Processor", " with Radeon Graphics"):
        name = name.replace(noise, "")
    return name.split(" @")[0].strip()
