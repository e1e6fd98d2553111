"""What a run will need, said before it starts, and how well that is known."""

from __future__ import annotations

import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.data.plan import Plan
from core.hardware import DeviceInfo
from gui import i18n
from gui.widgets import Button, KeyValue, Pill, ProgressBar, label
from gui.widgets.times import clock, time_left


class Needs(QWidget):
    """Time, steps, memory and disk of a plan; measured on this machine, or estimated.

    measure_asked, cancel_asked: the user wants it measured, or no longer.
    """

    measure_asked = Signal()
    cancel_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(label(self.tr("What it will need"), 13, 600))
        self.pill = Pill("", "neutral")
        head.addWidget(self.pill)
        head.addStretch(1)
        self.measure = Button(self.tr("Measure"), "secondary", "ph.gauge")
        self.measure.clicked.connect(lambda _checked=False: self.measure_asked.emit())
        self.cancel = Button(self.tr("Cancel"), "ghost")
        self.cancel.clicked.connect(lambda _checked=False: self.cancel_asked.emit())
        head.addWidget(self.measure)
        head.addWidget(self.cancel)
        column.addLayout(head)
        self.rows = KeyValue(row_height=24)
        column.addWidget(self.rows)
        self.words = label("", 12, 400, "t3", wrap=True)
        self.bar = ProgressBar()
        column.addWidget(self.words)
        column.addWidget(self.bar)
        self.problem = label("", 12, 400, "err", wrap=True)
        column.addWidget(self.problem)
        self.show_nothing()

    def show_nothing(self) -> None:
        """There is no plan."""
        self.rows.set_rows([])
        for widget in (self.pill, self.measure, self.cancel, self.problem, self.bar, self.words):
            widget.hide()

    def show_work(self, words: str, fraction: float) -> None:
        """What is being done for the plan."""
        self.words.setText(words)
        self.words.show()
        self.bar.set_fraction(fraction)
        self.bar.show()

    def show_plan(self, plan: Plan, device: DeviceInfo | None, disk_free: int) -> None:
        """The needs of ``plan`` on ``device``. disk_free: bytes where the project lies."""
        e = plan.estimates
        self.pill.set(
            self.tr("Measured on this machine") if e.measured else self.tr("Estimated"),
            "ok" if e.measured else "neutral",
        )
        self.pill.show()
        ends = clock(time.time() + e.seconds)
        gpu = device is not None and device.is_gpu
        memory = _gb(e.memory_bytes)
        if device is not None and device.memory_total > 0:
            memory = self.tr("{0} of {1} GB").format(
                f"{e.memory_bytes / 1e9:.1f}", f"{device.memory_total / 1e9:.0f}"
            )
        self.rows.set_rows(
            [
                (self.tr("Time"), self.tr("{0}, until {1}").format(time_left(e.seconds), ends)),
                (self.tr("Steps"),
                 self.tr("{0}, {1} s each").format(f"{e.steps:,}", f"{e.step_seconds:.2g}")),
                (self.tr("VRAM") if gpu else self.tr("RAM"), memory),
                (self.tr("Disk"), self.tr("{0}, {1} free").format(
                    _gb(e.disk_bytes), _gb(disk_free))),
            ]
        )  # fmt: skip
        self._show_problem(plan, device, disk_free)
        self.words.hide()
        self.bar.hide()

    def show_measuring(self, on: bool, possible: bool, why_not: str = "") -> None:
        """Which of the two buttons there is. possible: measuring can be asked for now."""
        self.cancel.setVisible(on)
        self.measure.setVisible(not on)
        self.measure.setEnabled(possible)
        self.measure.setToolTip(
            why_not or self.tr("Takes real steps of this plan on this machine, half a minute long")
        )

    def show_failure(self, sentence: str) -> None:
        """Measuring came to nothing."""
        self.problem.setText(i18n.sentence(sentence))
        self.problem.setVisible(bool(sentence))

    def _show_problem(self, plan: Plan, device: DeviceInfo | None, disk_free: int) -> None:
        e = plan.estimates
        words = ""
        if device is not None and 0 < device.memory_total < e.memory_bytes:
            words = self.tr("That is more memory than there is: make the patch or batch smaller.")
        elif 0 < disk_free < e.disk_bytes:
            words = self.tr("That is more room than the project's disk has left.")
        self.show_failure(words)


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
