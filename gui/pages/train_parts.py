"""The head of a run on the Train page: name, state and buttons, the bar, the facts."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.events import ENDED, StageEvent
from core.project.runs import RunRecord
from gui import i18n, theme
from gui.run.history import RunHistory
from gui.widgets import (
    Button,
    Elided,
    IconButton,
    Menu,
    Pill,
    ProgressBar,
    heading,
    label,
)
from gui.widgets.times import clock, time_left


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
    length_asked = Signal(QPoint)
    evaluate_asked = Signal()
    more_asked = Signal(QPoint)

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
        self.extend = Button(self.tr("Extend"), "secondary", "ph.timer")
        self.stop = Button(self.tr("Stop…"), "danger", "ph.square")
        self.kill = Button(self.tr("End now…"), "danger", "ph.x")
        for button, slot in (
            (self.new, self.new_asked.emit), (self.evaluate, self.evaluate_asked.emit),
            (self.pause, self.pause_asked.emit), (self.resume, self.resume_asked.emit),
            (self.extend, lambda: self.length_asked.emit(below(self.extend))),
            (self.stop, self.stop_asked.emit), (self.kill, self.kill_asked.emit),
        ):  # fmt: skip
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
            row.addWidget(button)
        self.more = IconButton("ph.dots-three", self.tr("More"))
        self.more.clicked.connect(lambda: self.more_asked.emit(below(self.more)))
        row.addWidget(self.more)
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
        self.verdict = Elided("", 13, 400, "t2")
        row.addWidget(self.verdict, 1)
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
        menu.popup(below(self.chooser))

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
        self._show_facts(history, state.live)
        self._show_buttons(run, history, state)

    def show_verdict(self, sentence: str) -> None:
        """What holds the run up, right of the facts; whole in the tooltip where it is cut."""
        self.verdict.set_text(i18n.sentence(sentence))

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

    def _stage_words(self, stage: StageEvent | None, preparing: bool) -> str:
        """What is going on beside the training, if anything."""
        if stage is not None and stage.stage == "reconnect" and stage.done < stage.total:
            return self.tr("Connection lost, the run goes on there. Attempt {0}").format(
                stage.total
            )
        if not preparing:
            return ""
        if stage is None or not stage.total or stage.stage == "reconnect":
            return self.tr("Starting the training process")
        if stage.stage == "upload":
            words = self.tr("Sending cases: {0} of {1} MB")
        else:
            words = self.tr("Preparing cases: {0} of {1}")
        return words.format(stage.done, stage.total)

    def _show_facts(self, history: RunHistory, live: bool) -> None:
        step, state = history.step, history.run_state
        # A process of this window that has said nothing yet is on its way.
        preparing = state == "preparing" or (live and state == "queued")
        # A run that has ended is on its way to nothing, whatever it was about last.
        words = "" if state in ENDED else self._stage_words(history.stage, preparing)
        self.stage.setText(words)
        self.stage.setVisible(bool(words))
        known = step is not None and not preparing
        self.epoch.show_value(
            self.tr("{0} of {1}").format(min(math.ceil(history.epoch), step.epochs), step.epochs)
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
        ended = now in ("done", "stopped", "failed") and bool(history.checkpoints)
        lasts = now in ("running", "paused") and not state.stopping
        self.extend.setVisible(ended or lasts)
        self.extend.setEnabled(lasts or not state.busy)
        self.extend.setToolTip(
            self.tr("Give it more time, or less")
            if self.extend.isEnabled()
            else self.tr("One run trains at a time")
        )
        self.stop.setVisible(going and not state.slow)
        self.stop.setEnabled(not state.stopping)
        self.stop.setText(self.tr("Stopping…") if state.stopping else self.tr("Stop…"))
        self.stop.updateGeometry()
        self.kill.setVisible(going and state.slow)
        self.evaluate.setVisible(not going and bool(run.model_id or history.model))


def below(widget: QWidget) -> QPoint:
    """Where the menu of a button opens, on the screen."""
    return widget.mapToGlobal(QPoint(0, widget.height() + 4))


def spread(marks: Sequence[float], least: float = 0.012) -> list[float]:
    """Marks that can be told apart: the last always, others only this far from their neighbour."""
    kept: list[float] = []
    for mark in reversed(marks):
        if not kept or kept[-1] - mark >= (least * 2 if len(kept) == 1 else least):
            kept.append(mark)
    # A row of dots says nothing more than a few of them.
    few = kept[:1] + kept[1 :: max(1, math.ceil((len(kept) - 1) / 12))]
    return few[::-1]
