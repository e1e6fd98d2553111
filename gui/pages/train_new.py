"""A new run: how good, how long, on what; the plan follows, and what it will need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from core.data.plan import Plan
from core.data.plan_words import remarks
from core.data.planner import replan
from core.data.rates import step_seconds
from core.errors import UserError
from core.events import StateEvent
from core.hardware import DeviceInfo
from core.project.splits import is_labelled
from gui import i18n
from gui.dialogs.machines import MachinesDialog
from gui.dialogs.plan_form import edit_plan
from gui.pages.train_answers import Answers
from gui.pages.train_cases import CasesCard
from gui.pages.train_measure import Measuring
from gui.pages.train_needs import Needs
from gui.pages.train_plan import PlanCard
from gui.pages.train_planning import Planned, make_planned
from gui.session import Session
from gui.tasks import Task
from gui.widgets import Banner, Button, Card, heading, line

if TYPE_CHECKING:
    from gui.run.supervisor import RunSupervisor

#: What a CPU is compared with in the banner: by data sheet, so "about".
_COMPARED = DeviceInfo("cuda:0", "NVIDIA RTX 4090", True, 24 * 10**9)


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
        self._devices: tuple[DeviceInfo, ...] = ()  # of this computer
        self._task: Task | None = None
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(300)
        self._wait.timeout.connect(self._plan)
        self.measuring = Measuring(session, supervisor, self)
        self.measuring.progressed.connect(self._measuring_on)
        self.measuring.ended.connect(self._measured)
        self._build()
        supervisor.changed.connect(self._show_buttons)
        self._show_buttons()

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
        self.remark = Banner("warn", "")
        self.remark.hide()
        column.addWidget(self.remark)
        # Only a low window, or one with a banner, has to scroll.
        parts = QWidget()
        parts.setObjectName("scrolled")
        parts.setMinimumWidth(1)  # else it is as wide as its parts would like, and is cut off
        row = QHBoxLayout(parts)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        self.card = PlanCard()
        self.card.show_plan(None, True)
        self.card.advanced_asked.connect(self._edit)
        self.cases = CasesCard()
        self.cases.library_asked.connect(lambda: self._session.page_requested.emit("library"))
        row.addWidget(self.card)
        row.addWidget(self._form(), 1)
        row.addWidget(self.cases)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(parts)
        column.addWidget(area, 1)

    def _form(self) -> Card:
        card = Card(self.tr("Run"))
        card.body.setSpacing(6)
        self.answers = Answers()
        self.answers.changed.connect(self._plan_soon)
        self.answers.quality_changed.connect(self._plan_anew)
        self.answers.machines_asked.connect(self._ask_machines)
        self.needs = Needs()
        self.needs.measure_asked.connect(lambda: self._measure(again=True))
        self.needs.cancel_asked.connect(self.measuring.cancel)
        self.start = Button(self.tr("Start training"), "primary", "ph.play")
        self.start.clicked.connect(lambda _checked=False: self._start())
        card.body.addWidget(self.answers)
        card.body.addWidget(line())
        card.body.addSpacing(8)
        card.body.addWidget(self.needs)
        card.body.addSpacing(8)
        card.body.addWidget(self.start)
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
        self.answers.name.setPlaceholderText(self.tr("{0} model").format(project.name))
        self._count_cases()
        self._plan()

    def plan(self) -> Plan | None:
        """The plan as it stands; None while it is being made or cannot be."""
        return self._edited or (self._planned.plan if self._planned is not None else None)

    def _count_cases(self) -> None:
        self.cases.show_cases([r for r in self._session.series() if is_labelled(r)])

    def _plan_anew(self) -> None:
        """Another quality is another plan: what was edited in the old one goes with it."""
        self._edited = None
        self._plan_soon()

    def _plan_soon(self) -> None:
        """A click on the way to another must not make a plan; nor may the old one be started."""
        self._wait.start()
        self._show_buttons()

    def _plan(self) -> None:
        self._wait.stop()
        project = self._session.project
        if project is None:
            return
        self.measuring.leave()
        planned = self._planned
        if self._edited is not None and planned is not None and self._on_its_machine(planned):
            self._keep_edits(self._edited, planned)
            return
        self._planned = None
        self.needs.show_work(self.tr("Looking at the labelled cases"), 0.0)
        self._task = self._session.tasks.run(
            make_planned, project, self.answers.asked(),
            on_done=self._made, on_error=self._refused, on_progress=self._progressed,
            key="plan", owner=self,
        )  # fmt: skip
        self._show_buttons()

    def _keep_edits(self, edited: Plan, planned: Planned) -> None:
        """The user's own plan with another length or device."""
        asked = self.answers.asked()
        chosen = planned.devices[0].key if asked.single == "auto" else asked.single
        try:
            self._edited = replan(
                edited, planned.devices, measured=planned.measured,
                budget_minutes=asked.minutes, epochs=asked.epochs, device=chosen,
            )  # fmt: skip
        except UserError as error:
            self._refused(error.sentence)
            return
        self._show_plan()

    def _progressed(self, done: int, total: int) -> None:
        if total > 0:
            self.needs.show_work(
                self.tr("Reading case {0} of {1}").format(done, total), done / total
            )

    def _made(self, planned: Planned) -> None:
        self._planned = planned
        if planned.machine is None:
            self._devices = planned.devices
            self.answers.set_devices(planned.devices)
        if planned.split:
            self._session.refresh_series()
            self._session.message.emit(
                self.tr("Labelled cases were split by patient: 20 % validate"), None
            )
            self._count_cases()
        if self._edited is not None:
            self._keep_edits(self._edited, planned)
            return
        self._show_plan()

    def _refused(self, sentence: str) -> None:
        self._planned = None
        self.needs.show_nothing()
        self.remark.hide()
        self.card.show_plan(None, True)
        self.banner.set(
            "warn", self.tr("No plan could be made"), i18n.sentence(sentence),
            [(self.tr("Open Library"), lambda: self._session.page_requested.emit("library")),
             (self.tr("Try again"), self._plan)],
        )  # fmt: skip
        self.banner.show()
        self._show_buttons()

    def _show_plan(self) -> None:
        plan, planned = self.plan(), self._planned
        if plan is None or planned is None:
            return
        device = next((d for d in planned.devices if d.key == plan.device), None)
        self.card.show_plan(plan, self._edited is None, device.name if device is not None else "")
        self.needs.show_plan(plan, device, planned.disk_free)
        self._show_gpu_banner(plan, planned)
        self._show_remarks(plan)
        self._measure()
        self._show_buttons()

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

    def _show_remarks(self, plan: Plan) -> None:
        words = remarks(plan)
        self.remark.setVisible(bool(words))
        if words:
            text = i18n.sentence(" ".join(words))
            self.remark.set("warn", self.tr("Where lesions lie is used"), text)

    # ---- measuring ---------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """What was planned while nobody looked is measured now."""
        super().showEvent(event)
        self._measure()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody waits for the figures any more."""
        super().hideEvent(event)
        self.measuring.leave()

    def _measure(self, again: bool = False) -> None:
        """Measure the plan shown: where that is not known yet, or ``again`` as the user asks."""
        plan = self.plan()
        asked = self.answers.asked()
        if plan is None or not self.isVisible() or asked.device != asked.single:
            return  # Only one device of this computer can be measured from here.
        if again or not plan.estimates.measured:
            self.measuring.start(asked, plan, self._edited is not None, again)
        self._show_buttons()

    def _measuring_on(self, fraction: float) -> None:
        self.needs.show_work(self.tr("Measuring real steps on this machine"), fraction)

    def _measured(self, state: StateEvent) -> None:
        plan, planned = self.plan(), self._planned
        if plan is None or planned is None:
            return
        device = next((d for d in planned.devices if d.key == plan.device), None)
        self.needs.show_plan(plan, device, planned.disk_free)
        self._show_buttons()
        if state.state == "failed":
            self.needs.show_failure(state.sentence)
        elif state.state == "done":
            # With what is known now the planner may choose better; this takes no time.
            self._remake()

    def _remake(self) -> None:
        project = self._session.project
        if project is not None:
            self._task = self._session.tasks.run(
                make_planned, project, self.answers.asked(),
                on_done=self._made, on_error=self._refused, key="plan", owner=self,
            )  # fmt: skip

    # ---- answers -----------------------------------------------------------------------------

    def _on_its_machine(self, planned: Planned) -> bool:
        """Whether the device chosen is on the machine that ``planned`` was made for."""
        made_for = planned.machine.name if planned.machine is not None else ""
        return self.answers.asked().machine == made_for

    def _ask_machines(self) -> None:
        dialog = MachinesDialog(self.window(), self._session.tasks)
        dialog.saved.connect(lambda: self.answers.set_devices(self._devices))
        dialog.exec()

    def _edit(self) -> None:
        planned = self._planned
        if planned is None:
            return
        self.measuring.leave()
        made = edit_plan(
            self.window(), planned.plan, planned.devices, self._edited, planned.measured
        )
        if made is not None:
            same = replace(made, estimates=planned.plan.estimates) == planned.plan
            self._edited = None if same else made
            self.answers.follow(made, planned.plan.name)
        self._show_plan()

    def _show_buttons(self) -> None:
        plan, busy = self.plan(), self._supervisor.busy
        ready = plan is not None and not busy and not self._wait.isActive()
        self.start.setEnabled(ready)
        why = self.tr("One run trains at a time") if busy else ""
        self.start.setToolTip(why or ("" if ready else self.tr("The plan is not made yet")))
        if plan is not None:
            why_not = self.tr("Beside a run at work nothing can be measured") if busy else ""
            asked = self.answers.asked()
            here = asked.device == asked.single
            if not here:
                why_not = self.tr("Only one device of this computer can be measured")
            self.needs.show_measuring(self.measuring.busy, ready and here, why_not)

    def _start(self) -> None:
        plan, planned = self.plan(), self._planned
        if plan is None or planned is None:
            return
        self.measuring.leave()
        if self.answers.overnight:
            # Until morning it is less long than when the plan was made.
            plan = replan(
                plan, planned.devices, measured=planned.measured,
                budget_minutes=self.answers.asked().minutes,
            )  # fmt: skip
        name = self.answers.name.text().strip() or None
        self._supervisor.start(
            plan, name, self.started.emit,
            automatic=self._edited is None, machine=planned.machine,
        )  # fmt: skip
