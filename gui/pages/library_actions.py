"""What can be done with the chosen series: the context menu and the commands behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from core.project.project import Project
from core.project.records import SeriesRecord, Split
from gui.dialogs.deidentify import DeidentifyDialog
from gui.dialogs.export_labels import LabelExportDialog
from gui.dialogs.tags import TagsDialog
from gui.session import Session
from gui.widgets import Menu

_FORMATS = "NIfTI (*.nii.gz);;NRRD (*.nrrd)"


def _export_image(project: Project, uid: str, path: Path) -> Path:
    from core.export.images import export_image  # noqa: PLC0415 - brings SimpleITK

    export_image(project, uid, path)
    return path


class Actions(QObject):
    """Commands on series of the session; ``owner`` is the page, the parent of its dialogs."""

    def __init__(self, session: Session, supervisor: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._session = session
        self._supervisor = supervisor
        self._owner = owner

    def show_menu(self, records: list[SeriesRecord], where: QPoint) -> Menu | None:
        """The menu for these series at a global point."""
        if not records:
            return None
        menu = Menu(self._owner)
        self._fill(menu, records)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)
        return menu

    def _fill(self, menu: Menu, records: list[SeriesRecord]) -> None:
        one = records[0]
        single = len(records) == 1
        only_one = self.tr("Choose one series")
        menu.add(
            self.tr("Open in Label"), lambda: self._session.open_series(one.series_uid),
            "ph.paint-brush", "Enter", enabled=single, why_not=only_one,
        )  # fmt: skip
        menu.add(
            self.tr("Propose labels"), lambda: self.propose(records), "ph.sparkle",
            enabled=self.can_propose, why_not=self.why_no_proposal(),
        )  # fmt: skip
        menu.addSeparator()
        splits: list[tuple[str, Split]] = [
            (self.tr("Move to training split"), "train"),
            (self.tr("Move to validation split"), "val"),
            (self.tr("Move to test split"), "test"),
        ]
        for words, split in splits:
            menu.add(words, self._mover(records, split), "ph.arrows-left-right")
        menu.addSeparator()
        menu.add(
            self.tr("Export image…"), lambda: self.export_image(one), "ph.export",
            enabled=single, why_not=only_one,
        )  # fmt: skip
        menu.add(
            self.tr("Export labels…"), lambda: self.export_labels(one), "ph.export",
            enabled=single and bool(one.labels),
            why_not=only_one if not single else self.tr("Nothing is labelled in this series"),
        )  # fmt: skip
        why_no_tags = only_one if not single else self.why_no_tags(one)
        menu.add(
            self.tr("Show DICOM tags"), lambda: self.show_tags(one), "ph.tag", "Ctrl+T",
            enabled=not why_no_tags, why_not=why_no_tags,
        )  # fmt: skip
        menu.add(
            self.tr("Export without identity…"), lambda: self.deidentify(records),
            "ph.eye-slash",
        )  # fmt: skip
        menu.add(self.tr("Show files"), lambda: self.show_files(one), "ph.folder-open")
        menu.addSeparator()
        menu.add(
            self.tr("Remove from project"), lambda: self.remove(records), "ph.x", "Del", danger=True
        )

    def _mover(self, records: list[SeriesRecord], split: Split) -> Callable[[], None]:
        return lambda: self.move(records, split)

    def move(self, records: list[SeriesRecord], split: Split) -> None:
        """Put series into a split; the message offers Undo."""
        before = {r.series_uid: r.split for r in records}
        self._session.set_split(list(before), split)

        def undo() -> None:
            for old in set(before.values()):
                self._session.set_split([u for u, s in before.items() if s == old], old)

        words = self.tr("%n series moved to another split", "", len(before))
        self._session.message.emit(words, undo)

    def remove(self, records: list[SeriesRecord]) -> None:
        """Take series out of the project; the session's message offers Undo."""
        if records:
            self._session.remove_series([r.series_uid for r in records])

    @property
    def can_propose(self) -> bool:
        """Whether there is a model to propose with."""
        return self.why_no_proposal() == ""

    def why_no_proposal(self) -> str:
        """Why nothing can be proposed, "" when it can."""
        project = self._session.project
        if project is None or not hasattr(self._supervisor, "propose"):
            return self.tr("No project is open")
        models = project.models_dir
        if not models.is_dir() or not any(models.glob("*/card.json")):
            return self.tr("Train a model first")
        return ""

    def propose(self, records: list[SeriesRecord]) -> None:
        """Let the chosen model label these series in the background."""
        self._supervisor.propose([r.series_uid for r in records])

    def why_no_tags(self, record: SeriesRecord) -> str:
        """Why the tags of a series cannot be looked at, "" when they can."""
        if self._session.pseudonyms:
            return self.tr("The tags hold what the pseudonyms hide")
        return "" if record.source == "dicom" else self.tr("This series is no DICOM")

    def show_tags(self, record: SeriesRecord) -> TagsDialog | None:
        """Look into the DICOM files of a series, the middle one first."""
        if self.why_no_tags(record) or not record.files:
            return None
        files = record.files
        dialog = TagsDialog(
            self._owner.window(), self._session.tasks, files, len(files) // 2, record.patient_id
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        return dialog

    def show_files(self, record: SeriesRecord) -> None:
        """Open the folder of the images in the file manager."""
        if record.files:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(record.files[0].parent)))

    def export_labels(self, record: SeriesRecord) -> LabelExportDialog:
        """Ask for format and place, and write the label of a series."""
        project = self._session.require_project()
        dialog = LabelExportDialog(self._owner.window(), project, record, self._session.tasks)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.words_of = self._session.shown_text
        dialog.written.connect(self._written)
        dialog.open()
        return dialog

    def deidentify(self, records: list[SeriesRecord]) -> DeidentifyDialog:
        """Show what removing the patients' identity changes, and write the series without it."""
        project = self._session.require_project()
        dialog = DeidentifyDialog(
            self._owner.window(), project, records, self._session.tasks,
            hide=self._session.pseudonyms,
        )  # fmt: skip
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.words_of = self._session.shown_text
        dialog.written.connect(self._written_without_identity)
        dialog.open()
        return dialog

    def _written_without_identity(self, folder: Path, files: int) -> None:
        words = self.tr("%n file(s) without identity written to {0}", "", files)
        self._session.message.emit(words.format(folder.name), None)

    def export_image(self, record: SeriesRecord) -> None:
        """Ask where to, and write the image of a series."""
        project = self._session.require_project()
        name = f"{record.patient_id or 'series'}_image.nii.gz"
        start = project.exports_dir / "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        chosen, _ = QFileDialog.getSaveFileName(
            self._owner, self.tr("Export to"), str(start), _FORMATS
        )
        if not chosen:
            return
        self._session.tasks.run(
            _export_image, project, record.series_uid, Path(chosen),
            on_done=self._written,
            on_error=lambda words: self._session.error.emit(self.tr("Nothing was written"), words),
        )  # fmt: skip

    def _written(self, path: Path) -> None:
        size = path.stat().st_size / 1e6
        words = self.tr("Written: {0}, {1} MB").format(path.name, f"{size:.1f}")
        self._session.message.emit(words, None)
