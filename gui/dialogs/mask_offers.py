"""Masks on other grids than their images: how far they overlap, before they are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from core.project.project import Project
from core.project.records import ImportReport, MaskOffer
from gui.tasks import Task, TaskPool
from gui.widgets import Dialog, Elided, ProgressBar, Switch, caption, label

_HIGHEST = 420


class MaskOffersDialog(Dialog):
    """One row a mask, each to be accepted or not. accepted_masks: the report, and the masks
    that were chosen, once they are in.
    """

    accepted_masks = Signal(object, object)

    def __init__(
        self,
        parent: QWidget | None,
        project: Project,
        offers: Sequence[MaskOffer],
        tasks: TaskPool,
    ) -> None:
        super().__init__(parent, "", 720)
        self.heading.setText(self.tr("Masks on another grid"))
        self._project, self._tasks = project, tasks
        self._task: Task | None = None
        words = self.tr(
            "These masks do not have the voxels of their image. Accepted ones are resampled by "
            "position, to the nearest voxel; look at the figures first."
        )
        self.body.addWidget(label(words, 13, 400, "t2", wrap=True))
        self.rows = [(offer, _OfferRow(offer)) for offer in offers]
        holder = QWidget()
        holder.setObjectName("scrolled")  # on the dialog's own ground
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for _, row in self.rows:
            column.addWidget(row)
            row.switch.toggled.connect(lambda _on: self._show_count())
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(holder)
        area.setFixedHeight(min(_HIGHEST, holder.sizeHint().height() + 4))
        self.body.addWidget(area)
        self.bar = ProgressBar()
        self.bar.hide()
        self.body.addWidget(self.bar)
        self.later = self.add_button(self.tr("Leave them out"), "ghost")
        self.later.clicked.connect(self.reject)
        self.take = self.add_button("", "primary")
        self.take.clicked.connect(self.start)
        self._show_count()

    def chosen(self) -> list[MaskOffer]:
        """The masks to take."""
        return [offer for offer, row in self.rows if row.switch.isChecked()]

    def _show_count(self) -> None:
        count = len(self.chosen())
        self.take.setText(self.tr("Accept %n mask(s)", "", count))
        self.take.setEnabled(count > 0 and self._task is None)

    def start(self) -> None:
        """Resample and save them in the background."""
        self.bar.show()
        self._task = self._tasks.run(
            _accept, self._project, self.chosen(),
            on_done=self._done, on_progress=self._progress, on_cancelled=self._ended,
            on_error=lambda _words: self._ended(), owner=self,
        )  # fmt: skip
        self._show_count()

    def _progress(self, done: int, total: int) -> None:
        self.bar.set_fraction(done / max(1, total))

    def _done(self, report: ImportReport) -> None:
        self._ended()
        self.accepted_masks.emit(report, self.chosen())
        self.accept()

    def _ended(self) -> None:
        self._task = None
        self.bar.hide()
        self._show_count()

    def done(self, result: int) -> None:
        """Closing ends what still runs."""
        if self._task is not None:
            self._task.cancel()
        super().done(result)


class _OfferRow(QWidget):
    """File, switch, and what is known of the fit; off where little of it lies on the image."""

    def __init__(self, offer: MaskOffer) -> None:
        super().__init__()
        kept = offer.resampled_ml / offer.label_ml if offer.label_ml else 0.0
        self.switch = Switch(offer.path.name, 0.9 <= kept <= 1.1)
        column = QVBoxLayout()
        column.setSpacing(2)
        name = Elided(offer.path.name, 13, 600)
        name.setToolTip(str(offer.path))
        column.addWidget(name)
        grids = self.tr("{0} voxels of {1} mm on {2}, which has {3} of {4} mm").format(
            offer.sizes[0], _spacing(offer.mask_grid.spacing), offer.image,
            offer.sizes[1], _spacing(offer.image_grid.spacing),
        )  # fmt: skip
        column.addWidget(caption(grids, wrap=True))
        fit = self.tr("Covers {0} % of the image; {1} of {2} mL would lie there").format(
            f"{100 * offer.covered:.0f}", f"{offer.resampled_ml:.4g}", f"{offer.label_ml:.4g}"
        )
        column.addWidget(label(fit, 12, 400, "" if self.switch.isChecked() else "warn", wrap=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.switch)
        row.addLayout(column, 1)


def _spacing(spacing: tuple[float, float, float]) -> str:
    return " × ".join(f"{value:.3g}" for value in reversed(spacing))


def _accept(
    project: Project,
    offers: list[MaskOffer],
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> ImportReport:
    """Background: take the masks."""
    from core.project.importer import accept_masks  # noqa: PLC0415 - brings pydicom

    return accept_masks(project, offers, progress, cancelled)
