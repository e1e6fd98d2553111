"""One run on the screen: head, plan, curves, gauges, validation cases, log."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from core.data.plan import Plan
from core.errors import UserError
from core.project.runs import RunRecord
from gui import i18n
from gui.dialogs.plan_form import show_plan
from gui.pages.train_hints import HintBanner
from gui.pages.train_log import LogPanel
from gui.pages.train_parts import HeadState, RunHeader
from gui.pages.train_plan import PlanCard
from gui.run.charts import DiceCard, LossCard
from gui.run.gallery import GalleryCard
from gui.run.gauges import GaugeCard
from gui.run.history import RunHistory
from gui.widgets import Banner

#: Lower than this, the pictures of the cases give some of their height to the curves.
_LOW_WINDOW = 860
#: Narrower than this, the legends of the curves are shortened.
_NARROW_WINDOW = 1330


class RunView(QWidget):
    """Shows what it is given.

    resume_asked: from the banner of a run that failed; stop_asked: of one of another program.
    """

    resume_asked = Signal()
    stop_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._plan: Plan | None = None
        self._plan_of = ""
        self._failure: tuple[str, str] | None = None
        self._shown: tuple[RunRecord, RunHistory, HeadState, float] | None = None
        self._words_of: Callable[[str], str] = str
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.header = RunHeader()
        column.addWidget(self.header)
        self.banner = Banner("err", "")
        self.banner.hide()
        column.addWidget(self.banner)
        self.hints = HintBanner()
        column.addWidget(self.hints)
        # Only a low window, or one with a banner, has to scroll.
        self.middle = QScrollArea()
        self.middle.setWidgetResizable(True)
        self.middle.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.middle.setWidget(self._parts())
        column.addWidget(self.middle, 1)
        self.log = LogPanel(self)
        column.addWidget(self.log)

    def _parts(self) -> QWidget:
        """Plan, curves, gauges and cases."""
        parts = QWidget()
        parts.setObjectName("scrolled")
        parts.setMinimumWidth(1)  # else it is as wide as its parts would like, and is cut off
        column = QVBoxLayout(parts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        row = QHBoxLayout()
        row.setSpacing(16)
        self.plan = PlanCard()
        self.plan.advanced_asked.connect(self._show_whole_plan)
        row.addWidget(self.plan)
        curves = QVBoxLayout()
        curves.setSpacing(16)
        self.loss, self.dice = LossCard(), DiceCard()
        curves.addWidget(self.loss, 1)
        curves.addWidget(self.dice, 1)
        row.addLayout(curves, 1)
        self.gauges = GaugeCard()
        row.addWidget(self.gauges)
        column.addLayout(row, 1)
        self.gallery = GalleryCard()
        column.addWidget(self.gallery)
        return parts

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the curves keep their height, and the pictures give some of theirs."""
        super().resizeEvent(event)
        self.gallery.set_low(self.height() < _LOW_WINDOW)
        for card in (self.loss, self.dice):
            card.set_narrow(self.width() < _NARROW_WINDOW)

    def name_patients(self, name_of: Callable[[str], str], words_of: Callable[[str], str]) -> None:
        """Name patients as the window may, alone and in sentences, and show the run so at once."""
        self.gallery.name_of = name_of
        self._words_of = self.hints.words_of = words_of
        self.log.set_words_of(words_of)
        if self._shown is not None:
            self.show_run(*self._shown)

    def show_run(self, run: RunRecord, history: RunHistory, state: HeadState, now: float) -> None:
        """Show a run. now: seconds since the epoch at the right edge of the gauges."""
        self._shown = run, history, state, now
        self.header.show_run(run, history, state)
        self._show_plan(run, history)
        self.loss.show_history(history)
        self.dice.show_history(history)
        self.gauges.show_history(history, now)
        self.gallery.show_history(history, run.path)
        self.log.show_history(history, run.path)
        verdict = history.bottleneck.verdict(self._plan, recent=state.live)
        self.header.show_verdict(verdict.sentence)
        self._show_banner(run, history, state)
        self.hints.show_history(run.id, history)

    def _show_plan(self, run: RunRecord, history: RunHistory) -> None:
        device = history.device.name if history.device is not None else ""
        key = f"{run.path} {device}"
        if key == self._plan_of:
            return
        self._plan_of = key
        try:
            self._plan = Plan.from_json(run.plan)
        except UserError:
            self._plan = None  # Of another version: its figures are shown as unknown.
        self.plan.show_plan(self._plan, run.automatic, device)
        plan = self._plan
        if plan is None:
            return
        losses = {"dice_ce": self.tr("Dice + cross-entropy"), "dice_focal": self.tr("Dice + focal"),
                  "tversky_ce": self.tr("Tversky + cross-entropy")}  # fmt: skip
        self.loss.set_title(self.loss.title.text(), losses.get(plan.loss, plan.loss))
        cases = self.tr("%n validation case(s)", "", plan.figures.cases_val)
        if plan.budget_minutes is None:
            often = self.tr("%n time(s) in the run", "", plan.validations)
        else:
            often = self.tr("every {0} min").format(f"{plan.validation_minutes:.2g}")
        self.dice.set_title(self.dice.title.text(), f"{cases}, {often}")

    def _show_whole_plan(self) -> None:
        if self._plan is not None:
            show_plan(self.window(), self._plan)

    def _show_banner(self, run: RunRecord, history: RunHistory, state: HeadState) -> None:
        words: tuple[str, str] | None = None
        now = history.run_state
        if now == "failed" and history.state is not None:
            words = (run.id, self._words_of(i18n.sentence(history.state.sentence)))
        elif now in ("preparing", "running", "paused") and not state.live:
            words = (run.id, "")
        if words == self._failure:
            return
        self._failure = words
        self.banner.setVisible(words is not None)
        if words is None:
            return
        if not words[1]:
            self.banner.set(
                "info",
                self.tr("{0} is at work in another program").format(run.id),
                self.tr("It can be watched here, and told to save and end."),
                [(self.tr("Stop…"), self.stop_asked.emit)],
            )
            return
        actions = [(self.tr("Show log"), self._open_log)]
        if not state.busy:
            resume = self.tr("Resume") if history.checkpoints else self.tr("Start again")
            actions.insert(0, (resume, self.resume_asked.emit))
        title = self.tr("{0} failed").format(run.id)
        self.banner.set("err", title, words[1], actions)

    def _open_log(self) -> None:
        if not self.log.is_open():
            self.log.append_output()
        self.log.set_open(True)
