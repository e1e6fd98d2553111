"""Parts of the Evaluate page: run cards and the worst cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QImageReader,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.evaluation.metrics import CaseMetrics, Summary
from core.evaluation.report import FAR_HD95_MM, show, warnings
from core.evaluation.result import CaseEvaluation
from gui import theme
from gui.pages.evaluate_data import RunView
from gui.widgets import Elided, Pill, label, set_tone
from gui.widgets.focus import RingMixin
from gui.widgets.paint import dot, painter, rounded, text, width_of

#: Figure, decimals, whether more is better.
_FIGURES = (("dice_mean", 2, True), ("hd95_mean", 1, False), ("sensitivity", 2, True))


#: Pixels between a figure and its difference on cards narrower than the second number.
_TIGHT, _ROOMY = 3, 320


def difference(value: float, reference: float, digits: int) -> str:
    """Signed difference of two figures as shown; "" when there is none to speak of."""
    if not (math.isfinite(value) and math.isfinite(reference)):
        return ""
    # Of the rounded figures, so that what is read can be checked by eye.
    change = round(round(value, digits) - round(reference, digits), digits)
    if change == 0:
        return "±0"
    return f"{'+' if change > 0 else '−'}{abs(change):.{digits}f}"


class _Dot(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(10, 20)
        self.colour = theme.T3

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        dot(p, QPointF(5, 10), 4.5, self.colour)
        p.end()


class RunCard(RingMixin, QWidget):
    """Mean figures of one run; the differences are to the reference run.

    chosen: a click on the card asks to make it the reference. shown: the box decides whether the
    run is in the plot.
    """

    ring_radius = 8
    chosen = Signal(str)
    shown = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run_id = ""
        self.reference = False
        self.setFixedHeight(104)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 6, 12)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.setSpacing(8)
        self.box = QCheckBox()
        self.box.toggled.connect(lambda on: self.shown.emit(self.run_id, on))
        self._dot = _Dot()
        self._id = label("", 13, 600)
        self._name = Elided("", 13, 400, "t2")
        self.pill = Pill("")
        for widget in (self.box, self._dot, self._id):
            top.addWidget(widget)
        top.addWidget(self._name, 1)
        top.addWidget(self.pill)
        top.setContentsMargins(0, 0, 8, 0)
        column.addLayout(top)
        grid = QGridLayout()
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(2)
        self._names = [label("", 12, 400, "t2") for _ in _FIGURES]
        self.numbers = [label("", 20, 600) for _ in _FIGURES]
        self.deltas = [label("", 12, 500) for _ in _FIGURES]
        self._pairs: list[QHBoxLayout] = []
        for index in range(len(_FIGURES)):
            grid.addWidget(self._names[index], 0, index)
            pair = QHBoxLayout()
            pair.setSpacing(_TIGHT)
            self._pairs.append(pair)
            pair.addWidget(self.numbers[index])
            pair.addWidget(self.deltas[index], 0, Qt.AlignmentFlag.AlignBottom)
            pair.addStretch(1)
            grid.addLayout(pair, 1, index)
            grid.setColumnStretch(index, 1)
        column.addLayout(grid)

    def show_run(
        self,
        run: RunView,
        summary: Summary,
        reference: Summary,
        *,
        colour: str,
        is_reference: bool,
        checked: bool,
    ) -> None:
        """Show a run and its figures, beside those of the reference run."""
        self.run_id, self.reference = run.id, is_reference
        self._dot.colour = colour
        self._id.setText(run.id)
        self._name.set_text(run.name)
        blocked = self.box.blockSignals(True)
        self.box.setChecked(checked)
        self.box.blockSignals(blocked)
        self.box.setAccessibleName(self.tr("Show {0} in the plot").format(run.id))
        self.box.setToolTip(self.box.accessibleName())
        for widget, words in zip(
            self._names, (self.tr("Dice"), self.tr("HD95 mm"), self.tr("Sensitivity")), strict=True
        ):
            widget.setText(words)
        self._show_pill(run)
        for index, (name, digits, more) in enumerate(_FIGURES):
            value, other = getattr(summary, name), getattr(reference, name)
            self.numbers[index].setText(show(value, digits))
            change = "" if is_reference else difference(value, other, digits)
            self.deltas[index].setText(change)
            better = change.startswith("+") == more
            tone = "t3" if change in ("", "±0") else "ok" if better else "err"
            set_tone(self.deltas[index], tone)
        self.setToolTip(self._facts(summary))
        self.setAccessibleName(f"{run.id} {run.name}. {self._facts(summary)}")
        self.update()

    def _show_pill(self, run: RunView) -> None:
        if self.reference:
            self.pill.set(self.tr("Reference"), "info")
        elif run.running:
            self.pill.set(self.tr("Running"), "neutral", dot=True)
        self.pill.setVisible(self.reference or run.running)

    def _facts(self, s: Summary) -> str:
        return self.tr(
            "Mean Dice over {0} of {1} cases, mean HD95 over {2}; "
            "{3} of {4} lesions found, {5} false"
        ).format(s.dice_cases, s.cases, s.hd95_cases, s.lesions_found, s.lesions, s.false_lesions)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Air between the figures where there is room for it."""
        super().resizeEvent(event)
        for pair in self._pairs:
            pair.setSpacing(8 if self.width() > _ROOMY else _TIGHT)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click makes the run the reference."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.pos()):
            self.chosen.emit(self.run_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space do what a click does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.run_id)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The card; the reference has the accent's border."""
        p = painter(self)
        border, width = (theme.ACC, 1.5) if self.reference else (theme.LINE, 1.0)
        rounded(p, QRectF(self.rect()), 8, theme.BG2, border, width=width)
        p.end()


class Legend(QWidget):
    """Reference filled, prediction outlined."""

    def __init__(self) -> None:
        super().__init__()
        self._items = (
            (self.tr("Reference"), theme.TRUTH, True),
            (self.tr("Prediction"), theme.PRED, False),
        )

    def sizeHint(self) -> QSize:
        """Two swatches with their words."""
        words = sum(width_of(item[0], theme.font(12)) for item in self._items)
        return QSize(round(words) + 2 * 26 + 18, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw both."""
        p = painter(self)
        x = self.width() - self.sizeHint().width()
        for words, colour, filled in self._items:
            swatch = QRectF(x, self.height() / 2 - 6, 18, 12)
            rounded(p, swatch, 3, None, colour, width=1.5)
            if filled:
                p.setOpacity(0.45)
                rounded(p, swatch, 3, colour)
                p.setOpacity(1.0)
            area = QRectF(x + 26, 0, self.width(), self.height())
            x += round(26 + text(p, area, words, theme.font(12), theme.T2) + 18)
        p.end()


class _Picture(QWidget):
    """A preview, cut to a rounded rectangle; a quiet ground where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(96, 96)
        self._image = QImage()

    def set_path(self, path: Path | None) -> None:
        """Show a PNG; None or an unreadable file shows nothing."""
        reader = QImageReader(str(path)) if path is not None and path.is_file() else None
        self._image = reader.read() if reader is not None else QImage()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        area = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(area, 4, 4)
        p.setClipPath(shape)
        p.fillRect(area, Qt.GlobalColor.black)
        if self._image.isNull():
            text(
                p, area, self.tr("No preview"), theme.font(12), theme.T3,
                align=Qt.AlignmentFlag.AlignHCenter,
            )  # fmt: skip
        else:
            _draw_covering(p, area, self._image)
        p.end()


def _draw_covering(p: QPainter, area: QRectF, image: QImage) -> None:
    """Fill ``area`` with the middle of ``image``, pixels square."""
    scale = max(area.width() / image.width(), area.height() / image.height())
    size = QSize(round(image.width() * scale), round(image.height() * scale))
    p.drawImage(
        QRectF(
            area.center().x() - size.width() / 2, area.center().y() - size.height() / 2,
            size.width(), size.height(),
        ),
        image,
    )  # fmt: skip


class _Worst(RingMixin, QWidget):
    ring_radius = 4
    clicked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.series_uid = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.picture = _Picture()
        column.addWidget(self.picture, 1)
        row = QHBoxLayout()
        row.setContentsMargins(0, 4, 0, 0)
        self.patient = Elided("", 13, 600)
        self.dice = label("", 13, 600)
        row.addWidget(self.patient, 1)
        row.addWidget(self.dice)
        column.addLayout(row)
        self.reason = Elided("", 12, 400, "t2")
        column.addWidget(self.reason)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.pos()):
            self.clicked.emit(self.series_uid)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit(self.series_uid)
            return
        super().keyPressEvent(event)


class WorstCases(QWidget):
    """Up to four cases with the lowest Dice, with pictures. clicked: series UID."""

    clicked = Signal(str)
    COUNT = 4

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.cases = [_Worst() for _ in range(self.COUNT)]
        for case in self.cases:
            case.clicked.connect(self.clicked)
            row.addWidget(case, 1)

    def show_cases(self, cases: Sequence[CaseEvaluation], run_dir: Path) -> None:
        """Show the first four; previews lie in ``run_dir``."""
        for index, widget in enumerate(self.cases):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
            widget.setVisible(index < len(cases))
            if index >= len(cases):
                continue
            case = cases[index]
            widget.series_uid = case.series_uid
            widget.picture.set_path(run_dir / case.preview if case.preview else None)
            widget.patient.set_text(case.patient_id)
            widget.dice.setText(show(case.metrics.dice, 2))
            set_tone(widget.dice, "warn" if "dice" in warnings(case.metrics) else "")
            widget.reason.set_text(self.reason(case.metrics))
            widget.setAccessibleName(f"{case.patient_id} {self.reason(case.metrics)}")

    def reason(self, m: CaseMetrics) -> str:
        """What is most wrong with a case."""
        missed = m.lesions - m.lesions_found
        if missed:
            return self.tr("{0} of {1} lesions missed").format(missed, m.lesions)
        if m.false_lesions and not m.hd95_mm > FAR_HD95_MM:
            return self.tr("{0} false lesions").format(m.false_lesions)
        if math.isfinite(m.hd95_mm):
            return self.tr("HD95 {0} mm").format(show(m.hd95_mm, 1))
        return self.tr("No lesion in the reference")
