"""The plan of a run as a card: what it was asked to do, in fifteen lines."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolTip, QWidget

from core.data.nnunet import augmentation_of
from core.data.plan import Plan
from core.data.plan_fields import FIELDS
from core.data.plan_words import format_value
from gui import theme
from gui.widgets import Button, Card, Pill, caption, line
from gui.widgets.paint import painter, text
from gui.widgets.times import time_left

_SPECS = {spec.key: spec for spec in FIELDS}


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
        top = self._top.layout()
        if isinstance(top, QHBoxLayout):
            top.insertWidget(1, self.pill)
        self.body.setSpacing(0)
        names = (self.tr("Data"), self.tr("Network"), self.tr("Augmentation"), self.tr("Device"))
        self._sections: list[Pairs] = []
        for index, name in enumerate(names):
            if index:
                self.body.addSpacing(6)
                self.body.addWidget(line())
                self.body.addSpacing(6)
            head = caption(name)
            head.setFont(theme.font(12, 600))
            head.setMinimumHeight(20)
            self.body.addWidget(head)
            rows = Pairs()
            self._sections.append(rows)
            self.body.addWidget(rows)
        self.body.addSpacing(8)
        self.body.addStretch()
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
        device = self.tr("Device")
        if plan is not None:
            device = self.tr("GPU") if plan.device != "cpu" else self.tr("CPU")
        keys = (
            (self.tr("Cases"), self.tr("Median spacing"), self.tr("Lesion volume"),
             self.tr("HU 0.5 / 50 / 99.5 %")),
            (self.tr("Type"), self.tr("Grid"), self.tr("Patch"), self.tr("Batch"),
             self.tr("Parameters"), self.tr("Precision")),
            (self.tr("Rotate, scale, mirror"), self.tr("Noise, blur, contrast")),
            (device, self.tr("Estimated memory"), self.tr("Estimated time")),
        )  # fmt: skip
        return [[(key, next(names) or "–") for key in section] for section in keys]


def plan_values(plan: Plan, device_name: str) -> list[str]:
    """The values of the card's rows from top to bottom; sizes as columns × rows × slices."""
    f, e = plan.figures, plan.estimates
    known = f.cases_train > 0
    theirs = augmentation_of(plan) == "nnunet"
    spatial = [plan.rotation_degrees > 0, plan.scaling > 0, plan.mirror]
    grey = [plan.noise, plan.blur, plan.contrast]
    return [
        _words("{0}, and {1} held out").format(f.cases_train, f.cases_val) if known else "",
        f"{_across(f.median_spacing)} mm" if known else "",
        f"{_ml(f.lesion_ml[0])}–{_ml(f.lesion_ml[2])} mL" if known else "",
        " / ".join(f"{v:.0f}".replace("-", "−") for v in f.hu) if known else "",
        format_value(_SPECS["network"], plan.network),
        f"{_across(plan.spacing)} mm",
        "\u2009×\u2009".join(str(n) for n in reversed(plan.patch)),
        str(plan.batch),
        f"{e.parameters / 1e6:.1f} M" if e.parameters else "",
        plan.precision,
        "nnU-Net" if theirs else _some(spatial),
        "nnU-Net" if theirs else _some(grey),
        (f"{plan.processes} × " if plan.processes > 1 else "")
        + (_short(device_name) or plan.device),
        f"{e.memory_bytes / 1e9:.1f} GB" if e.memory_bytes else "",
        time_left(e.seconds) if e.seconds else "",
    ]


def _some(on: Sequence[bool]) -> str:
    if all(on) or not any(on):
        return _words("On" if on[0] else "Off")
    return _words("{0} of {1}").format(sum(on), len(on))


def _words(source: str) -> str:
    return QCoreApplication.translate("PlanCard", source)


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
