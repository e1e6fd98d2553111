"""The whole plan of a run as a form: every field with its explanation, wrong ones marked in place.

The form edits a copy; the plan it gives back has passed the same checks as the child's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from core.data.measured import DeviceLike, Measurements
from core.data.nnunet import AUGMENTATIONS, CHOICE, augmentation_of
from core.data.plan import Plan
from core.data.plan_fields import FIELDS, SECTIONS
from core.data.plan_words import describe
from core.data.planner import replan
from core.errors import UserError
from gui import i18n
from gui.dialogs.plan_editors import Editor, make_editor
from gui.widgets import Dialog, KeyValue, heading, label, line, set_tone

_WIDTH = 880


class FieldRow(QWidget):
    """One field: name, editor, explanation, and below it what is wrong."""

    changed = Signal()

    def __init__(self, editor: Editor) -> None:
        super().__init__()
        self.editor = editor
        editor.changed.connect(self.changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 6, 12, 6)
        row.setSpacing(16)
        top = Qt.AlignmentFlag.AlignTop
        name = label(self.tr(editor.spec.label), 13, 500, wrap=True)
        name.setFixedWidth(150)
        name.setMinimumHeight(32)
        name.setBuddy(editor)
        row.addWidget(name, 0, top)
        middle = QVBoxLayout()
        middle.setSpacing(4)
        self.problem = label("", 12, 400, "err", wrap=True)
        self.problem.hide()
        editor.setFixedWidth(276)
        self.problem.setFixedWidth(276)
        middle.addWidget(editor)
        middle.addWidget(self.problem)
        middle.addStretch(1)
        row.addLayout(middle)
        words = label(self.tr(editor.spec.help), 12, 400, "t3", wrap=True)
        words.setMinimumHeight(32)
        row.addWidget(words, 1, top)

    def show_problem(self, sentence: str) -> None:
        """Mark the field and say why; "" takes it back."""
        self.problem.setText(i18n.sentence(sentence))
        self.problem.setVisible(bool(sentence))
        self.editor.set_invalid(sentence)


class PlanForm(Dialog):
    """``plan()`` after accept is the edited plan.

    plan: the automatic one, to which the form can be reset. edited: what it shows at first.
    read_only: of a run that has begun. measured: what is known of this machine.
    """

    def __init__(
        self,
        plan: Plan,
        devices: Sequence[DeviceLike],
        parent: QWidget | None = None,
        *,
        edited: Plan | None = None,
        read_only: bool = False,
        measured: Measurements | None = None,
    ) -> None:
        super().__init__(parent, "", _WIDTH)
        self._start = plan
        self._plan = edited or plan
        self._devices = list(devices)
        self._measured = measured
        self.rows: dict[str, FieldRow] = {}
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(150)
        self._wait.timeout.connect(self.check)
        self._build(read_only)
        if not read_only:
            self.check()

    def _build(self, read_only: bool) -> None:
        title = self.tr("Plan of this run") if read_only else self.tr("Edit the plan")
        self.heading.setText(title)
        self.setWindowTitle(title)
        self.body.setContentsMargins(24, 12, 12, 12)
        scrolled = QWidget()
        scrolled.setObjectName("scrolled")
        column = QVBoxLayout(scrolled)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        column.addWidget(self._cases())
        for section in SECTIONS:
            column.addSpacing(12)
            column.addWidget(heading(self.tr(section), 15))
            column.addWidget(line())
            column.addSpacing(4)
            if section == CHOICE.section:
                column.addWidget(self._augmentation(read_only))
            for spec in (f for f in FIELDS if f.section == section):
                editor = make_editor(spec, [d.key for d in self._devices])
                editor.set_value(getattr(self._plan, spec.key))
                editor.set_read_only(read_only)
                row = FieldRow(editor)
                row.changed.connect(self._wait.start)
                self.rows[spec.key] = row
                column.addWidget(row)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(scrolled)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFixedHeight(600)
        self.body.addWidget(area)
        self.verdict = label("", 12, 400, "t2", wrap=True)
        self.body.addWidget(self.verdict)
        self._show_estimates(self._plan)
        if read_only:
            self.add_button(self.tr("Close"), "primary").clicked.connect(self.reject)
            return
        self.reset = self.add_button(self.tr("Reset to automatic"), "ghost")
        self.reset.clicked.connect(self.restore)
        self.add_button(self.tr("Cancel")).clicked.connect(self.reject)
        self.accept_button = self.add_button(self.tr("Use this plan"), "primary")
        self.accept_button.clicked.connect(self._accept)

    def _augmentation(self, read_only: bool) -> FieldRow:
        """Whose augmentation it is; a choice sets the fields below."""
        editor = make_editor(CHOICE, [])
        editor.set_value(augmentation_of(self._plan))
        editor.set_read_only(read_only)
        self.augmentation = FieldRow(editor)
        self.augmentation.changed.connect(self._take_augmentation)
        return self.augmentation

    def _take_augmentation(self) -> None:
        chosen, _ = self.augmentation.editor.read()
        for key, value in AUGMENTATIONS.get(chosen, {}).items():
            self.rows[key].editor.set_value(value)
        self.check()

    def _cases(self) -> KeyValue:
        """What the plan was made for; found in the data, so it cannot be edited."""
        found = dict(describe(self._plan))["Cases"]
        return KeyValue([(self.tr(name), value) for name, value, _ in found], key_width=166)

    def plan(self) -> Plan:
        """The plan as last found valid."""
        return self._plan

    def restore(self) -> None:
        """All fields as the form was opened with."""
        for key, row in self.rows.items():
            row.editor.set_value(getattr(self._start, key))
        self.check()

    def check(self) -> bool:
        """Judge all fields, mark the wrong ones; True when the plan can be used."""
        self._wait.stop()
        values: dict[str, Any] = {}
        wrong = False
        for key, row in self.rows.items():
            value, sentence = row.editor.read()
            row.show_problem(sentence)
            wrong = wrong or bool(sentence)
            values[key] = value
        words = self.tr("Correct the marked fields.")
        if not wrong:
            try:
                self._plan = replan(self._plan, self._devices, measured=self._measured, **values)
                self._follow(values)
            except UserError as error:
                wrong, words = True, i18n.sentence(error.sentence)
                self._mark(error.sentence)
        self.accept_button.setEnabled(not wrong)
        self.accept_button.setToolTip(words if wrong else "")
        if wrong:
            self.verdict.setText(words)
            set_tone(self.verdict, "err")
        else:
            self._show_estimates(self._plan)
        return not wrong

    def _follow(self, values: dict[str, Any]) -> None:
        """Show what another network, or blocks of single slices, brought along."""
        for key, value in values.items():
            if getattr(self._plan, key) != value:
                self.rows[key].editor.set_value(getattr(self._plan, key))
        self.augmentation.editor.set_value(augmentation_of(self._plan))

    def _mark(self, sentence: str) -> None:
        """Put a sentence about several fields to the first field it names."""
        lower = sentence.lower()
        for row in self.rows.values():
            if row.editor.spec.label.lower() in lower:
                row.show_problem(sentence)
                return

    def _show_estimates(self, plan: Plan) -> None:
        rows = dict(describe(plan))["Estimates"]
        words = " · ".join(f"{self.tr(name)} {value}" for name, value, _ in rows)
        how = (
            self.tr("Measured on this machine: {0}")
            if plan.estimates.measured
            else self.tr("Estimated: {0}")
        )
        self.verdict.setText(how.format(words))
        set_tone(self.verdict, "t2")

    def _accept(self) -> None:
        if self.check():
            self.accept()


def edit_plan(
    parent: QWidget,
    plan: Plan,
    devices: Sequence[DeviceLike],
    edited: Plan | None = None,
    measured: Measurements | None = None,
) -> Plan | None:
    """Open the form; the edited plan, None when it was cancelled. See :class:`PlanForm`."""
    form = PlanForm(plan, devices, parent, edited=edited, measured=measured)
    accepted = form.exec() == QDialog.DialogCode.Accepted
    result = form.plan() if accepted else None
    form.setParent(None)
    form.deleteLater()
    return result


def show_plan(parent: QWidget, plan: Plan) -> None:
    """Open the form to read only."""
    form = PlanForm(plan, [], parent, read_only=True)
    form.exec()
    form.setParent(None)
    form.deleteLater()
