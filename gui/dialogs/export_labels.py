"""Export the label of a series: as an image file, for 3D Slicer, or as DICOM with its codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFileDialog, QHBoxLayout, QWidget

from core.errors import UserError
from core.project.project import Project
from core.project.records import SeriesRecord
from gui import i18n
from gui.dialogs.export_parts import FormatCard
from gui.dialogs.label_meaning import LabelMeaning
from gui.tasks import Task, TaskPool
from gui.widgets import Banner, Dialog, Field, IconButton, heading, label, set_tone

#: Key, name, ending; the longest ending of a kind comes first.
FORMATS: Final = (
    ("seg", "DICOM SEG", ".dcm"),
    ("rtstruct", "DICOM RTSTRUCT", ".dcm"),
    ("slicer", "3D Slicer", ".seg.nrrd"),
    ("nifti", "NIfTI", ".nii.gz"),
)
_DICOM = ("seg", "rtstruct")
_ENDINGS = (".seg.nrrd", ".nii.gz", ".dcm", ".nrrd", ".nii", ".mha")


class LabelExportDialog(Dialog):
    """Format, what the label says, place. written: the file, once it is there."""

    written = Signal(object)

    def __init__(
        self, parent: QWidget | None, project: Project, record: SeriesRecord, tasks: TaskPool
    ) -> None:
        super().__init__(parent, "", 640)
        self.heading.setText(self.tr("Export labels of {0}").format(record.patient_id or "–"))
        self._project, self._record, self._tasks = project, record, tasks
        #: A sentence with its patients as the window may name them.
        self.words_of: Callable[[str], str] = str
        self._task: Task | None = None
        helps = {
            "seg": self.tr("Voxels with codes; refers to the images it lies on."),
            "rtstruct": self.tr("Contours for radiotherapy planning; refers to the images."),
            "slicer": self.tr("Voxels with the names and colours of the classes."),
            "nifti": self.tr("Voxels alone, one number a class."),
        }
        self.body.addWidget(heading(self.tr("Format"), 13))
        group = QButtonGroup(self)
        self.formats: dict[str, FormatCard] = {}
        for key, name, ending in FORMATS:
            card = FormatCard(name, ending, "", helps[key])
            group.addButton(card)
            self.formats[key] = card
            self.body.addWidget(card)
            card.toggled.connect(lambda on: self._format_changed() if on else None)
        self.meaning = LabelMeaning(project.schema)
        self.meaning.changed.connect(self._check)
        self.body.addSpacing(4)
        self.body.addWidget(self.meaning)
        self.body.addSpacing(4)
        self.body.addWidget(heading(self.tr("Save to"), 13))
        self.body.addLayout(self._place())
        self.note = label("", 12, 400, "t3", wrap=True)
        self.body.addWidget(self.note)
        self.banner = Banner("err", "")
        self.banner.hide()
        self.body.addWidget(self.banner)
        self.cancel = self.add_button(self.tr("Cancel"), "ghost")
        self.cancel.clicked.connect(self.reject)
        self.export = self.add_button(self.tr("Export"), "primary", "ph.export")
        self.export.setDefault(True)
        self.export.clicked.connect(self.start)
        self.formats["seg"].setChecked(True)

    def _place(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        self.path = Field()
        self.path.setAccessibleName(self.tr("Save to"))
        self.path.textChanged.connect(lambda _text: self._check())
        browse = IconButton("ph.folder-open", self.tr("Choose a file"))
        browse.clicked.connect(self._browse)
        line.addWidget(self.path, 1)
        line.addWidget(browse)
        return line

    @property
    def format(self) -> str:
        """Key of the chosen format."""
        return next(key for key, card in self.formats.items() if card.isChecked())

    @property
    def ending(self) -> str:
        """File ending of the chosen format."""
        return next(ending for key, _, ending in FORMATS if key == self.format)

    def _format_changed(self) -> None:
        self.meaning.setVisible(self.format in _DICOM)
        current = Path(self.path.text().strip()) if self.path.text().strip() else None
        folder = self._project.exports_dir if current is None else current.parent
        stem = f"{self._record.patient_id or 'series'}_label"
        if current is not None:
            name = current.name
            end = next((e for e in _ENDINGS if name.lower().endswith(e)), "")
            stem = name[: len(name) - len(end)]
        stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem)
        self.path.setText(str(folder / f"{stem}{self.ending}"))
        self._check()
        self.adjustSize()

    def _check(self) -> None:
        if not hasattr(self, "export"):
            return  # still being built
        path = Path(self.path.text().strip())
        wrong = ""
        if not path.name.lower().endswith(self.ending):
            wrong = self.tr("The file name must end in {0}").format(self.ending)
        elif not path.is_absolute():
            wrong = self.tr("Give the whole path of the file")
        elif path.parent != self._project.exports_dir and not path.parent.is_dir():
            wrong = self.tr("This folder does not exist")
        self.path.set_invalid(wrong)
        replaces = not wrong and path.exists()
        self.note.setText(wrong or (self.tr("Replaces the file of that name") if replaces else ""))
        self.note.setVisible(bool(self.note.text()))
        set_tone(self.note, "err" if wrong else "t3")
        self.export.setEnabled(not wrong and self._task is None)

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save to"), self.path.text(), f"*{self.ending}"
        )
        if chosen:
            whole = chosen if chosen.lower().endswith(self.ending) else chosen + self.ending
            self.path.setText(whole)

    def start(self) -> None:
        """Write the file in the background."""
        self.banner.hide()
        path = Path(self.path.text().strip())
        try:
            options = self.meaning.options() if self.format in _DICOM else None
        except UserError as error:
            self._failed(error.sentence)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self.export.setEnabled(False)
        self.export.setText(self.tr("Writing…"))
        self._task = self._tasks.run(
            _write, self._project, self._record.series_uid, path, (self.format, options),
            on_done=self._done, on_error=self._failed, on_cancelled=self._ended, owner=self,
        )  # fmt: skip

    def _done(self, path: Path) -> None:
        self._ended()
        self.written.emit(path)
        self.accept()

    def _failed(self, sentence: str) -> None:
        self._ended()
        words = self.words_of(i18n.sentence(sentence))
        self.banner.set("err", self.tr("Nothing was written"), words)
        self.banner.show()
        self.adjustSize()

    def _ended(self) -> None:
        self._task = None
        self.export.setText(self.tr("Export"))
        self._check()

    def done(self, result: int) -> None:
        """Closing ends an export that still runs."""
        if self._task is not None:
            self._task.cancel()
        super().done(result)


def _write(
    project: Project,
    uid: str,
    path: Path,
    what: tuple[str, Any],
    cancelled: Callable[[], bool],
) -> Path:
    """Background: write the label. what: format, and what a DICOM label says of itself."""
    kind, options = what
    # Loaded late: pydicom and SimpleITK must not hold up the window.
    if kind in _DICOM:
        from core.export.labels import export_dicom_label  # noqa: PLC0415

        done = export_dicom_label(
            project, uid, path, "seg" if kind == "seg" else "rtstruct", options, cancelled=cancelled
        )
        return done.path
    from core.export.images import export_label  # noqa: PLC0415

    return export_label(project, uid, path)
