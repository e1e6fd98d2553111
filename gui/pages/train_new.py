"""A new run: how long, on what, called what; the plan follows from the data and the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.data.plan import Plan
from core.data.planner import plan_project, replan
from core.data.rates import step_seconds
from core.errors import UserError
from core.hardware import DeviceInfo, devices
from core.project.project import Project
from core.project.splits import count_splits, is_labelled, resplit
from gui.dialogs.plan_form import edit_plan
from gui.pages.train_plan import PlanCard
from gui.session import Session
from gui.tasks import Task
from gui.widgets import (
    Banner,
    Button,
    Card,
    ComboField,
    Field,
    KeyValue,
    NumberField,
    ProgressBar,
    Segmented,
    caption,
    heading,
    label,
)
from gui.widgets.times import time_left

if TYPE_CHECKING:
    from gui.run.supervisor import RunSupervisor

_MINUTES = {"5": 5.0, "20": 20.0, "60": 60.0, "480": 480.0}
#: What a CPU is compared with in the banner: by data sheet, so "about".
_COMPARED = DeviceInfo("cuda:0", "NVIDIA RTX 4090", True, 24 * 10**9)


@dataclass(frozen=True, slots=True)
class Planned:
    """What the background job gives back. split: the series were put into splits by it."""

    plan: Plan
    devices: tuple[DeviceInfo, ...]
    split: bool


def make_planned(
    project: Project,
    minutes: float | None,
    epochs: int | None,
    device: str,
    *,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Planned:
    """Background: the plan for the project's labelled cases; splits them where none is split."""
    labelled = [record for record in project.series() if is_labelled(record)]
    unsplit = bool(labelled) and all(record.split == "none" for record in labelled)
    if unsplit:
        resplit(project.library)
    found = tuple(devices())
    plan = plan_project(
        project, found, minutes=minutes, epochs=epochs, device=device,
        progress=progress, cancelled=cancelled,
    )  # fmt: skip
    return Planned(plan, found, unsplit)


class NewRun(QWidget):
    """started: id of the run that was started. left: the user went back."""

    started = Signal(str)
    left = Signal()

    def __init__(self, session: Session, supervisor: RunSupervisor) -> None:
        super().__init__()
        self._session = session
        self._supervisor = supervisor
        self._planned: Planned | None = None
        self._edited: Plan | None = None
        self._task: Task | None = None
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(300)
        self._wait.timeout.connect(self._plan)
        self._build()
        supervisor.changed.connect(self._show_start)
        self._show_start()

    # ---- building ----------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        top = QHBoxLayout()
        top.addWidget(heading(self.tr("New run")))
        top.addStretch(1)
        self.back = Button(self.tr("Back to the runs"), "ghost", "ph.arrow-left")
        self.back.clicked.connect(lambda _checked=False: self.left.emit())
        top.addWidget(self.back)
        column.addLayout(top)
        self.banner = Banner("info", "")
        self.banner.hide()
        column.addWidget(self.banner)
        row = QHBoxLayout()
        row.setSpacing(16)
        self.card = PlanCard()
        self.card.show_plan(None, True)
        self.card.advanced_asked.connect(self._edit)
        row.addWidget(self.card)
        row.addWidget(self._form(), 1)
        row.addWidget(self._cases())
        column.addLayout(row, 1)

    def _form(self) -> Card:
        card = Card(self.tr("Run"))
        card.body.setSpacing(6)
        self.name = Field("", self.tr("Tumour model"))
        self.name.setMaxLength(60)
        self.time = Segmented(
            [("5", self.tr("5 min")), ("20", self.tr("20 min")), ("60", self.tr("1 h")),
             ("480", self.tr("Overnight, 8 h")), ("minutes", self.tr("Other")),
             ("epochs", self.tr("Epochs"))]
        )  # fmt: skip
        self.time.set_key("20")
        self.time.changed.connect(lambda _key: self._time_changed())
        self.minutes = NumberField(120, self.tr("min"), 1, 60 * 24 * 14, step=5)
        self.epochs = NumberField(100, self.tr("epochs"), 1, 100_000, step=10)
        for field in (self.minutes, self.epochs):
            field.setFixedWidth(140)
            field.changed.connect(lambda _value: self._wait.start())
            field.hide()
        self.device = ComboField("", [("auto", self.tr("Automatic"))])
        self.device.setAccessibleName(self.tr("Device"))
        self.device.setMinimumWidth(320)
        self.device.changed.connect(lambda _key: self._wait.start())
        self._ask(
            card, self.tr("Name"), self.tr("What the run and its model are called"), self.name
        )
        self._ask(
            card, self.tr("Time"),
            self.tr("The run ends after this time, and its plan is made to fit; it can be stopped "
                    "and resumed whenever you like"),
            self.time, self.minutes, self.epochs,
        )  # fmt: skip
        self._ask(card, self.tr("Device"), self.tr("Where it computes"), self.device)
        self.words = label("", 13, 400, "t2", wrap=True)
        self.bar = ProgressBar()
        self.start = Button(self.tr("Start training"), "primary", "ph.play")
        self.start.clicked.connect(lambda _checked=False: self._start())
        card.body.addWidget(self.words)
        card.body.addWidget(self.bar)
        card.body.addSpacing(8)
        card.body.addWidget(self.start)
        card.body.addStretch(1)
        return card

    def _ask(self, card: Card, name: str, words: str, *editors: QWidget) -> None:
        title = label(name, 13, 600)
        card.body.addWidget(title)
        row = QHBoxLayout()
        row.setSpacing(8)
        for editor in editors:
            row.addWidget(editor, 1 if editor is self.name else 0)
        if editors[0] is not self.name:
            row.addStretch(1)
        card.body.addLayout(row)
        card.body.addWidget(caption(words, wrap=True))
        card.body.addSpacing(14)

    def _cases(self) -> Card:
        card = Card(self.tr("Cases"))
        card.setFixedWidth(288)
        self.counts = KeyValue(right=True, row_height=28)
        card.body.addWidget(self.counts)
        card.body.addWidget(
            caption(
                self.tr(
                    "The network learns from the training cases. The validation cases are held "
                    "out: on them the run measures Dice and picks its best weights. Test cases "
                    "are for Evaluate alone."
                ),
                wrap=True,
            )
        )
        change = Button(self.tr("Change splits in Library"), "link")
        change.clicked.connect(lambda _checked=False: self._session.page_requested.emit("library"))
        card.body.addWidget(change)
        card.body.addStretch(1)
        return card

    # ---- planning ----------------------------------------------------------------------------

    def open(self, can_go_back: bool) -> None:
        """Begin anew: count the cases and make the automatic plan."""
        self.back.setVisible(can_go_back)
        self._edited = None
        self.refresh()

    def refresh(self) -> None:
        """The labelled cases or their splits may have changed."""
        project = self._session.project
        if project is None:
            return
        self.name.setPlaceholderText(self.tr("{0} model").format(project.name))
        self._show_counts()
        self._plan()

    def _show_counts(self) -> None:
        labelled = [r for r in self._session.series() if is_labelled(r)]
        counts = count_splits(labelled)
        none = sum(r.split == "none" for r in labelled)

        def words(split: Any) -> str:
            series = self.tr("%n case(s)", "", counts[split]["series"])
            return series + ", " + self.tr("%n patient(s)", "", counts[split]["patients"])

        rows = [
            (self.tr("Train"), words("train")), (self.tr("Validation"), words("val")),
            (self.tr("Test"), words("test")),
        ]  # fmt: skip
        if none:
            rows.append((self.tr("In no split"), str(none)))
        self.counts.set_rows(rows)

    def budget(self) -> tuple[float | None, int | None]:
        """Minutes or epochs, the other None."""
        key = self.time.key()
        if key == "epochs":
            return None, int(self.epochs.value())
        return (_MINUTES[key] if key in _MINUTES else self.minutes.value()), None

    def plan(self) -> Plan | None:
        """The plan as it stands; None while it is being made or cannot be."""
        return self._edited or (self._planned.plan if self._planned is not None else None)

    def _time_changed(self) -> None:
        key = self.time.key()
        self.minutes.setVisible(key == "minutes")
        self.epochs.setVisible(key == "epochs")
        self._wait.start()

    def _plan(self) -> None:
        self._wait.stop()
        project = self._session.project
        if project is None:
            return
        if self._edited is not None and self._planned is not None:
            self._keep_edits(self._edited, self._planned.devices)
            return
        self._planned = None
        self.words.setText(self.tr("Looking at the labelled cases"))
        self.bar.set_fraction(0.0)
        self.bar.show()
        minutes, epochs = self.budget()
        self._task = self._session.tasks.run(
            make_planned, project, minutes, epochs, self.device.key(),
            on_done=self._made, on_error=self._refused, on_progress=self._progressed,
            key="plan", owner=self,
        )  # fmt: skip
        self._show_start()

    def _keep_edits(self, edited: Plan, found: Sequence[DeviceInfo]) -> None:
        """The user's own plan with another length or device."""
        minutes, epochs = self.budget()
        key = self.device.key()
        chosen = found[0].key if key == "auto" else key
        try:
            self._edited = replan(
                edited, found, budget_minutes=minutes, epochs=epochs, device=chosen
            )
        except UserError as error:
            self._refused(error.sentence)
            return
        self._show_plan()

    def _progressed(self, done: int, total: int) -> None:
        if total > 0:
            self.bar.set_fraction(done / total)
            self.words.setText(self.tr("Reading case {0} of {1}").format(done, total))

    def _made(self, planned: Planned) -> None:
        self._planned = planned
        options = [("auto", self.tr("Automatic"))]
        options += [(d.key, f"{d.name} ({d.key})" if d.is_gpu else d.name) for d in planned.devices]
        self.device.set_options(options)
        if planned.split:
            self._session.refresh_series()
            self._session.message.emit(
                self.tr("Labelled cases were split by patient: 20 % validate"), None
            )
            self._show_counts()
        self._show_plan()

    def _refused(self, sentence: str) -> None:
        self._planned = None
        self.bar.hide()
        self.words.setText("")
        self.card.show_plan(None, True)
        self.banner.set(
            "warn", self.tr("No plan could be made"), sentence,
            [(self.tr("Open Library"), lambda: self._session.page_requested.emit("library")),
             (self.tr("Try again"), self._plan)],
        )  # fmt: skip
        self.banner.show()
        self._show_start()

    def _show_plan(self) -> None:
        plan, planned = self.plan(), self._planned
        if plan is None or planned is None:
            return
        device = next((d for d in planned.devices if d.key == plan.device), None)
        self.card.show_plan(plan, self._edited is None, device.name if device is not None else "")
        self.bar.hide()
        self.words.setText(self._estimate(plan, device))
        self._show_gpu_banner(plan, planned)
        self._show_start()

    def _estimate(self, plan: Plan, device: DeviceInfo | None) -> str:
        e = plan.estimates
        memory = f"{e.memory_bytes / 1e9:.1f}"
        total = f"{device.memory_total / 1e9:.0f}" if device is not None else "–"
        return self.tr(
            "About {0}, {1} of {2} GB memory, {3} s a step. All of it is estimated."
        ).format(time_left(e.seconds), memory, total, f"{e.step_seconds:.2g}")

    def _show_gpu_banner(self, plan: Plan, planned: Planned) -> None:
        gpu = any(d.is_gpu for d in planned.devices)
        self.banner.setVisible(not gpu)
        if gpu:
            return
        cpu = plan.estimates.step_seconds
        times = cpu / max(1e-6, step_seconds(plan, _COMPARED))
        self.banner.set(
            "info", self.tr("No GPU found"),
            self.tr("Training works on the CPU, but a step takes about {0} times as long as on a "
                    "current GPU. The plan is made small enough for the time you give it.").format(
                f"{times:.0f}"),
        )  # fmt: skip

    # ---- answers -----------------------------------------------------------------------------

    def _edit(self) -> None:
        planned = self._planned
        if planned is None:
            return
        made = edit_plan(self.window(), planned.plan, planned.devices, self._edited)
        if made is not None:
            self._edited = None if made == planned.plan else made
            self._take_budget(made)
            self._show_plan()

    def _take_budget(self, plan: Plan) -> None:
        """The fields follow what was entered in the form."""
        if plan.epochs is not None:
            self.time.set_key("epochs")
            self.epochs.set_value(plan.epochs)
        elif plan.budget_minutes is not None:
            known = [key for key, value in _MINUTES.items() if value == plan.budget_minutes]
            self.time.set_key(known[0] if known else "minutes")
            self.minutes.set_value(plan.budget_minutes)
        self.minutes.setVisible(self.time.key() == "minutes")
        self.epochs.setVisible(self.time.key() == "epochs")
        if plan.name != (self._planned.plan.name if self._planned else ""):
            self.name.setText(plan.name)

    def _show_start(self) -> None:
        ready = self.plan() is not None and not self._supervisor.busy
        self.start.setEnabled(ready)
        why = self.tr("One run trains at a time") if self._supervisor.busy else ""
        self.start.setToolTip(why or ("" if ready else self.tr("The plan is not made yet")))

    def _start(self) -> None:
        plan = self.plan()
        if plan is None:
            return
        name = self.name.text().strip() or None
        self._supervisor.start(plan, name, self.started.emit, automatic=self._edited is None)
