"""What the user says of a new run: its name, how good and how long, and on which device."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.data.plan import Plan, Quality
from core.hardware import DeviceInfo
from core.jobs.machines import machines
from gui.pages.train_planning import ALL, SSH, Asked, minutes_to_morning
from gui.widgets import Button, ComboField, Field, NumberField, Segmented, caption, label

_MINUTES = {"10": 10.0, "30": 30.0, "60": 60.0, "180": 180.0}
#: The time that goes with a quality until the user has chosen one.
_USUAL = {"quick": "10", "balanced": "60", "best": "night"}


class Answers(QWidget):
    """changed: time or device; the plan follows. quality_changed: it is to be planned anew.

    machines_asked: the user wants to enter or test other machines.
    """

    changed = Signal()
    quality_changed = Signal()
    machines_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._time_chosen = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._build_name()
        self._build_aim()
        self._build_device()

    def _build_name(self) -> None:
        self.name = Field("", self.tr("Tumour model"))
        self.name.setMaxLength(60)
        self._ask(self.tr("Name"), self.tr("What the run and its model are called"), self.name)

    def _build_aim(self) -> None:
        self.quality = Segmented(
            [("quick", self.tr("Quick")), ("balanced", self.tr("Balanced")),
             ("best", self.tr("Best"))]
        )  # fmt: skip
        self.quality.set_key("balanced")
        self.quality.changed.connect(self._quality_changed)
        self.time = Segmented(
            [("10", self.tr("10 min")), ("30", self.tr("30 min")), ("60", self.tr("1 h")),
             ("180", self.tr("3 h")), ("night", self.tr("Overnight")),
             ("minutes", self.tr("Other")), ("epochs", self.tr("Epochs"))]
        )  # fmt: skip
        self.time.set_key("60")
        self.time.changed.connect(lambda _key: self._time_changed())
        self.minutes = NumberField(120, self.tr("min"), 1, 60 * 24 * 14, step=5)
        self.epochs = NumberField(100, self.tr("epochs"), 1, 100_000, step=10)
        for field in (self.minutes, self.epochs):
            field.setFixedWidth(140)
            field.changed.connect(lambda _value: self.changed.emit())
            field.hide()
        self._column.addWidget(label(self.tr("Quality and time"), 13, 600))
        self._row(self.quality)
        self._row(self.time)
        # Below: in a narrow window the times take the whole width.
        self._row(self.minutes, self.epochs)
        words = caption(
            self.tr(
                "The quality proposes a time: Quick a first look, whose predictions are not "
                "mirrored, Best a night, which ends at 07:00. Whatever the time, the plan takes "
                "the finest grid and the largest network that still learn something in it. A run "
                "can be stopped, resumed and extended whenever you like."
            ),
            wrap=True,
        )
        self._column.addWidget(words)
        self._column.addSpacing(14)

    def _build_device(self) -> None:
        self.device = ComboField("", [("auto", self.tr("Automatic"))])
        self.device.setAccessibleName(self.tr("Device"))
        self.device.setMinimumWidth(320)
        self.device.changed.connect(lambda _key: self.changed.emit())
        self.others = Button(self.tr("Machines…"), "ghost", "ph.hard-drives")
        self.others.clicked.connect(lambda _checked=False: self.machines_asked.emit())
        words = self.tr("Where it computes: here, or on another machine over ssh")
        self._ask(self.tr("Device"), words, self.device, self.others)
        self.set_devices(())

    def _ask(self, name: str, words: str, *editors: QWidget) -> None:
        self._column.addWidget(label(name, 13, 600))
        self._row(*editors)
        self._column.addWidget(caption(words, wrap=True))
        self._column.addSpacing(14)

    def _row(self, *editors: QWidget) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        for editor in editors:
            row.addWidget(editor, 1 if editor is self.name else 0)
        if editors[0] is not self.name:
            row.addStretch(1)
        self._column.addLayout(row)

    # ---- answers -----------------------------------------------------------------------------

    def asked(self) -> Asked:
        """What is to be planned; overnight as it is at this minute."""
        key = self.time.key()
        quality = cast("Quality", self.quality.key())
        if key == "epochs":
            return Asked(None, int(self.epochs.value()), self.device.key(), quality)
        if key == "night":
            minutes = minutes_to_morning(datetime.now().astimezone())
        else:
            minutes = _MINUTES[key] if key in _MINUTES else self.minutes.value()
        return Asked(minutes, None, self.device.key(), quality)

    @property
    def overnight(self) -> bool:
        """Whether the length depends on when the run is started."""
        return self.time.key() == "night"

    def set_devices(self, devices: Sequence[DeviceInfo]) -> None:
        """What there is to choose from here; the machines entered follow."""
        options = [("auto", self.tr("Automatic"))]
        options += [(d.key, f"{d.name} ({d.key})" if d.is_gpu else d.name) for d in devices]
        gpus = sum(device.is_gpu for device in devices)
        if gpus > 1:
            options.append((ALL, self.tr("All {0} GPUs").format(gpus)))
        options += [(SSH + m.name, self.tr("{0} (ssh)").format(m.name)) for m in machines()]
        self.device.set_options(options)

    def follow(self, plan: Plan, automatic_name: str) -> None:
        """Show what was entered in the form."""
        if plan.epochs is not None:
            self.time.set_key("epochs")
            self.epochs.set_value(plan.epochs)
        elif plan.budget_minutes is not None and plan.budget_minutes != self.asked().minutes:
            known = [key for key, value in _MINUTES.items() if value == plan.budget_minutes]
            self.time.set_key(known[0] if known else "minutes")
            self.minutes.set_value(plan.budget_minutes)
        self._show_numbers()
        if plan.name != automatic_name:
            self.name.setText(plan.name)

    def _quality_changed(self, key: Any) -> None:
        if not self._time_chosen:
            self.time.set_key(_USUAL[key])
            self._show_numbers()
        self.quality_changed.emit()

    def _time_changed(self) -> None:
        self._time_chosen = True
        self._show_numbers()
        self.changed.emit()

    def _show_numbers(self) -> None:
        self.minutes.setVisible(self.time.key() == "minutes")
        self.epochs.setVisible(self.time.key() == "epochs")
