"""The status bar of all pages: the job at work, the device, the project, what is saved."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from core.events import (
    DeviceSample,
    Event,
    HardwareEvent,
    StageEvent,
    StateEvent,
    StepEvent,
)
from gui import i18n, theme
from gui.widgets.buttons import Button
from gui.widgets.labels import Elided, label
from gui.widgets.paint import dot, painter
from gui.widgets.sliders import ProgressBar
from gui.widgets.sparkline import Sparkline
from gui.widgets.times import time_left

if TYPE_CHECKING:
    from gui.session import Session

_TREND_S = 60.0
_GIGA = 1e9


class Actions(Protocol):
    """What the bar can ask of the watcher of runs."""

    changed: Any
    jobs: Any

    @property
    def stopping(self) -> bool: ...  # noqa: D102

    def resume(self) -> None: ...  # noqa: D102

    def resume_run(self, run_id: str) -> None: ...  # noqa: D102


class _Dot(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(8, 16)
        self.colour = theme.T3

    def set_colour(self, colour: str) -> None:
        if colour != self.colour:
            self.colour = colour
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        dot(p, QPointF(self.rect().center()) + QPointF(0.5, 0.5), 3.5, self.colour)
        p.end()


class _Separator(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(17, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        p.fillRect(QRectF(8, 1, 1, 14), theme.LINE2)
        p.end()


class StatusBar(QWidget):
    """36 high. Shows one job, updated once a second; a click opens Train.

    supervisor: with it, a paused or stopped run can be resumed from here.
    """

    clicked = Signal()

    def __init__(
        self,
        session: Session,
        supervisor: Actions | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._supervisor = supervisor
        self._forget()
        self._trend: deque[tuple[float, float]] = deque(maxlen=int(_TREND_S) * 2)
        self._gpu: bool | None = None
        self.setFixedHeight(36)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._build()
        session.run_event.connect(self._happened)
        session.runs_changed.connect(self.refresh)
        session.project_changed.connect(self._project_changed)
        session.labels_saved_changed.connect(self._saved)
        if supervisor is not None:
            supervisor.changed.connect(self.refresh)
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self.refresh)
        self._tick.start()
        session.tasks.run(_has_gpu, on_done=self._devices_known, owner=self)
        self.refresh()

    # ---- building ----------------------------------------------------------------------------

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 0, 20, 0)
        row.setSpacing(8)
        self._dot = _Dot()
        self.words = label("", 12, 600)
        self.detail = Elided("", 12, 400, "t2")
        self.bar = ProgressBar()
        self.bar.setFixedWidth(160)
        self.percent = label("", 12, 600)
        self.action = Button("", "link")
        self.action.clicked.connect(self._act)
        self.epoch_key, self.epoch = label("", 12, 400, "t2"), label("", 12, 600)
        self.left = label("", 12, 400, "t2")
        self.use_key, self.use = label("", 12, 400, "t2"), label("", 12, 600)
        self.trend = Sparkline(_TREND_S, height=18, radius=2)
        self.trend.setFixedWidth(64)
        self.memory_key, self.memory = label("", 12, 400, "t2"), label("", 12, 600)
        self.memory_bar = ProgressBar()
        self.memory_bar.setFixedWidth(64)
        self.queued = label("", 12, 400, "t2")
        self._separators = [_Separator() for _ in range(3)]
        groups: tuple[tuple[QWidget, ...], ...] = (
            (self._dot, self.words, self.detail, self.bar, self.percent, self.action),
            (self._separators[0], self.epoch_key, self.epoch, self.left, self.queued),
            (self._separators[1], self.use_key, self.use, self.trend),
            (self._separators[2], self.memory_key, self.memory, self.memory_bar),
        )
        for widget in (w for group in groups for w in group):
            row.addWidget(widget)
        row.addStretch(1)
        self.ready = label("", 12, 400, "t2")
        self.project = Elided("", 12, 400, "t2")
        self._tick_icon = QLabel()
        self.saved = label("", 12, 400, "t1")
        row.addWidget(self.ready)
        row.addSpacing(16)
        row.addWidget(self.project)
        row.addSpacing(12)
        row.addWidget(self._tick_icon)
        row.addWidget(self.saved)
        self.detail.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._project_changed()

    # ---- what happened -----------------------------------------------------------------------

    def _forget(self) -> None:
        self._run_id = ""
        self._state: StateEvent | None = None
        self._step: StepEvent | None = None
        self._stage: StageEvent | None = None
        self._device: DeviceSample | None = None

    def _happened(self, run_id: str, event: Event) -> None:
        if run_id != self._run_id:
            self._forget()
            self._trend.clear()
            self._run_id = run_id
        if isinstance(event, HardwareEvent):
            self._sampled(event)
        elif isinstance(event, StepEvent):
            self._step = event
        elif isinstance(event, StageEvent):
            self._stage = event
        elif isinstance(event, StateEvent):
            self._state = event
            self.refresh()

    def _sampled(self, event: HardwareEvent) -> None:
        # The busiest device is the one that trains; the status bar has room for one.
        known = [d for d in event.devices if math.isfinite(d.utilisation)] or list(event.devices)
        if known:
            self._device = max(known, key=lambda d: d.utilisation)
            self._trend.append((event.time, self._device.utilisation))

    def _project_changed(self) -> None:
        self._forget()
        self._trend.clear()
        project = self._session.project
        self.project.set_text("" if project is None else project.name)
        self._saved("", "")
        self.refresh()

    def _devices_known(self, has_gpu: bool) -> None:
        self._gpu = has_gpu
        self.refresh()

    def _saved(self, state: str, detail: str) -> None:
        words, icon, colour, tone = {
            "saved": (self.tr("Saved {0}").format(detail), "ph.check", theme.OK, ""),
            "saving": (self.tr("Saving…"), "", theme.T2, "t2"),
            "unsaved": (self.tr("Not saved"), "ph.warning", theme.WARN, "warn"),
        }.get(state, ("", "", theme.T2, ""))
        self.saved.setText(words.strip())
        self.saved.setProperty("tone", tone)
        self.saved.style().unpolish(self.saved)
        self.saved.style().polish(self.saved)
        self.saved.setToolTip(detail if state == "unsaved" else "")
        ratio = self.devicePixelRatioF()
        if icon:
            self._tick_icon.setPixmap(theme.pixmap(icon, colour, 14, ratio))
        self._tick_icon.setVisible(bool(icon))

    # ---- showing -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the present state; called once a second and when the state changes."""
        state = self._state.state if self._state is not None else ""
        live = state in ("preparing", "running", "paused")
        self._show_words(state)
        self._show_progress(state, live)
        self._show_device(live)
        jobs = None if self._supervisor is None else self._supervisor.jobs
        others = 0 if jobs is None else jobs.waiting + int(jobs.busy and live)
        self.queued.setText(self.tr("+{0} queued").format(others))
        self.queued.setVisible(others > 0)
        for separator, wanted in zip(
            self._separators,
            (
                others > 0 or (live and self._step is not None),
                live and self._device is not None,
                live and self._device is not None,
            ),
            strict=True,
        ):
            separator.setVisible(wanted)
        ready = {True: self.tr("GPU ready"), False: self.tr("CPU ready, no GPU"), None: ""}
        self.ready.setText("" if live else ready[self._gpu])
        self.ready.setVisible(not live and self._gpu is not None)

    def _show_words(self, state: str) -> None:
        run = self._run_id
        stopping = self._supervisor is not None and self._supervisor.stopping
        words, colour = {
            "preparing": (self.tr("Preparing {0}").format(run), theme.OK),
            "running": (self.tr("Training {0}").format(run), theme.OK),
            "paused": (self.tr("Paused {0}").format(run), theme.WARN),
            "stopped": (self.tr("Stopped {0}").format(run), theme.T3),
            "done": (self.tr("Finished {0}").format(run), theme.ACC),
            "failed": (self.tr("Failed {0}").format(run), theme.ERR),
        }.get(state, (self.tr("No training job"), theme.T3))
        if stopping and state in ("preparing", "running", "paused"):
            words, colour = self.tr("Stopping {0}").format(run), theme.WARN
        jobs = None if self._supervisor is None else self._supervisor.jobs
        begun = state in ("preparing", "running", "paused")
        if self._session.active_run and not begun:
            # Its process has not said a word yet.
            words, colour = self.tr("Starting {0}").format(self._session.active_run), theme.OK
            state = ""
        elif jobs is not None and jobs.busy and not begun:
            words, colour, state = jobs.words(), theme.OK, ""
        self._dot.set_colour(colour)
        self.words.setText(words)
        sentence = self._state.sentence if self._state is not None and state == "failed" else ""
        sentence = self._session.shown_text(i18n.sentence(sentence))
        self.detail.set_text(sentence)
        self.detail.setVisible(bool(sentence))
        action = {
            "paused": self.tr("Resume"), "stopped": self.tr("Resume"), "failed": self.tr("Details"),
        }.get(state, "")  # fmt: skip
        if stopping or (action == self.tr("Resume") and self._supervisor is None):
            action = ""
        self.action.setText(action)
        self.action.updateGeometry()
        self.action.setVisible(bool(action))
        self.setAccessibleName(f"{words} {self.percent.text()} {sentence}".strip())

    def _show_progress(self, state: str, live: bool) -> None:
        step, stage = self._step, self._stage
        fraction = math.nan
        if state == "preparing" and stage is not None and stage.total > 0:
            fraction = stage.done / stage.total
        elif live and step is not None and step.steps > 0:
            fraction = step.step / step.steps
        self.bar.setVisible(live)
        self.bar.set_colour(theme.WARN if state == "paused" else theme.ACC)
        self.bar.set_fraction(fraction)
        known = live and math.isfinite(fraction)
        self.percent.setText(f"{min(1.0, fraction) * 100:.0f} %" if known else "")
        self.percent.setVisible(known)
        trained = live and step is not None
        for widget in (self.epoch_key, self.epoch):
            widget.setVisible(trained)
        self.left.setVisible(trained and state == "running")
        if step is not None:
            self.epoch_key.setText(self.tr("Epoch"))
            self.epoch.setText(f"{min(math.ceil(step.epoch), step.epochs)} / {step.epochs}")
            self.left.setText(self.tr("{0} left").format(time_left(step.seconds_left)))

    def _show_device(self, live: bool) -> None:
        device = self._device if live else None
        for widget in (
            self.use_key, self.use, self.trend, self.memory_key, self.memory, self.memory_bar,
        ):  # fmt: skip
            widget.setVisible(device is not None)
        if device is None:
            return
        self.use_key.setText("GPU" if device.is_gpu else "CPU")
        known = math.isfinite(device.utilisation)
        self.use.setText(f"{device.utilisation:.0f} %" if known else "–")
        self.trend.show_points(list(self._trend), time.time(), 100.0)
        self.memory_key.setText("VRAM" if device.is_gpu else "RAM")
        used, total = device.memory_used / _GIGA, device.memory_total / _GIGA
        self.memory.setText(f"{used:.1f} / {total:.0f} GB")
        self.memory_bar.set_fraction(used / total if total > 0 else 0.0)

    # ---- clicks ------------------------------------------------------------------------------

    def _act(self) -> None:
        state = self._state.state if self._state is not None else ""
        if self._supervisor is not None and state == "paused":
            self._supervisor.resume()
        elif self._supervisor is not None and state == "stopped":
            self._supervisor.resume_run(self._run_id)
        else:
            self._session.page_requested.emit("train")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click opens Train."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(
            event.position().toPoint()
        ):
            self.clicked.emit()
            self._session.page_requested.emit("train")

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ground and the line above."""
        p = painter(self)
        p.fillRect(self.rect(), theme.BG0)
        p.fillRect(QRectF(0, 0, self.width(), 1), theme.LINE)
        p.end()


def _has_gpu() -> bool:
    """Asked in the background: waking a driver can take a second."""
    from core.hardware import devices  # noqa: PLC0415

    return any(device.is_gpu for device in devices())
