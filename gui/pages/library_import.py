"""What comes after an import: the question about masks on other grids, then the report."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from core.project.records import ImportReport, MaskOffer
from gui.dialogs.import_report import ImportReportDialog
from gui.dialogs.mask_offers import MaskOffersDialog
from gui.session import Session


class ImportEnd(QObject):
    """Keeps the last report; ``owner`` is the page, whose window the dialogs lie over."""

    def __init__(self, session: Session, owner: QWidget) -> None:
        super().__init__(owner)
        self._session = session
        self._owner = owner
        self.report: ImportReport | None = None

    def take(self, report: ImportReport) -> None:
        """An import ended: ask what is open, show what was left out, or say that all went well."""
        self.report = report
        if report.offers and self._session.project is not None:
            self.show_offers(report)
        elif report.skipped:
            self.show_report()
        elif report.series:
            words = self.tr("%n series imported", "", len(report.series))
            self._session.message.emit(words, None)

    def show_offers(self, report: ImportReport) -> MaskOffersDialog:
        """Masks on other grids wait for a word; without it the report names them."""
        project = self._session.require_project()
        dialog = MaskOffersDialog(self._owner.window(), project, report.offers, self._session.tasks)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted_masks.connect(self._masks_taken)
        dialog.rejected.connect(self.show_report)
        dialog.open()
        return dialog

    def _masks_taken(self, taken: ImportReport, chosen: list[MaskOffer]) -> None:
        if self.report is None:
            return
        labelled = dict.fromkeys((*self.report.labelled, *taken.labelled))
        asked = {offer.path for offer in chosen}
        left = [item for item in self.report.skipped if item.path not in asked]
        self.report = replace(
            self.report,
            skipped=(*left, *taken.skipped),
            labelled=tuple(labelled),
            offers=(),
        )
        self._session.refresh_series()
        words = self.tr("%n series got a label", "", len(taken.labelled))
        self._session.message.emit(words, None)
        if taken.skipped:
            self.show_report()

    def show_report(self) -> None:
        """What the last import brought and left out."""
        if self.report is not None:
            # With pseudonyms no tags: they hold what those hide.
            tasks = None if self._session.pseudonyms else self._session.tasks
            dialog = ImportReportDialog(self._owner.window(), self.report, tasks)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()
