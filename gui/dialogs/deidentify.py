"""Export series without the patients' identity: options, what would change, then writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.errors import UserError
from core.project.project import Project
from core.project.records import SeriesRecord
from gui import i18n
from gui.dialogs.audit_table import AuditModel, AuditTable
from gui.dialogs.label_meaning import LabelMeaning
from gui.tasks import Task, TaskPool
from gui.widgets import (
    Banner,
    Dialog,
    Field,
    IconButton,
    ProgressBar,
    SearchField,
    Switch,
    caption,
    heading,
    label,
)

if TYPE_CHECKING:
    from core.dicom.deidentify.audit import Audit
    from core.export.deidentified import Deidentified, DeidentifyOptions


class DeidentifyDialog(Dialog):
    """Nothing is written before the table of what changes was shown for the options chosen.

    written: the folder, once everything is there. hide: show no value that would be removed, for
    a window that names patients by pseudonyms.
    """

    written = Signal(object, int)

    def __init__(
        self,
        parent: QWidget | None,
        project: Project,
        records: list[SeriesRecord],
        tasks: TaskPool,
        *,
        hide: bool = False,
    ) -> None:
        super().__init__(parent, "", 1008)
        self.heading.setText(self.tr("Export without identity"))
        self._project, self._tasks = project, tasks
        self._uids = [record.series_uid for record in records]
        self._labelled = any(record.labels for record in records)
        self._hide = hide
        #: A sentence with its patients as the window may name them.
        self.words_of: Callable[[str], str] = str
        self._task: Task | None = None
        self._asked = 0  # how often something was started; what was asked before is of no interest
        self.audit: Audit | None = None
        words = self.tr(
            "%n series by the basic profile of DICOM PS3.15. Pixel data are copied as they are; "
            "what is not known to be safe is removed.", "", len(records),
        )  # fmt: skip
        self.body.addWidget(label(words, 13, 400, "t2", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(32)
        row.addLayout(self._options(), 1)
        row.addLayout(self._labels(), 1)
        self.body.addLayout(row)
        self.body.addLayout(self._place())
        self.body.addLayout(self._table())
        self.banner = Banner("warn", "")
        self.banner.hide()
        self.body.addWidget(self.banner)
        self._footer()
        self.look()

    # ---- parts -------------------------------------------------------------------------------

    def _options(self) -> QVBoxLayout:
        self.images = Switch(self.tr("Images"), True)
        self.shift = Switch(self.tr("Shift dates"))
        self.device = Switch(self.tr("Keep the device"))
        self.burned_in = Switch(self.tr("Pixels were looked at"))
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(heading(self.tr("Options"), 13))
        for switch, name, about in (
            (self.images, self.tr("Images"), ""),
            (self.shift, self.tr("Shift dates"),
             self.tr("By days of the patient's own; else they are removed")),
            (self.device, self.tr("Keep the device"), self.tr("Serial number and station name")),
        ):  # fmt: skip
            column.addLayout(_switch_row(switch, name, about))
            switch.toggled.connect(lambda _on: self.look())
        column.addStretch(1)
        return column

    def _labels(self) -> QVBoxLayout:
        self.seg = Switch("DICOM SEG", self._labelled)
        self.rtstruct = Switch("RTSTRUCT")
        self.meaning = LabelMeaning(self._project.schema)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(heading(self.tr("Labels"), 13))
        for switch, name in ((self.seg, "DICOM SEG"), (self.rtstruct, "RTSTRUCT")):
            column.addLayout(_switch_row(switch, name, ""))
            switch.setEnabled(self._labelled)
            switch.toggled.connect(lambda _on: self.look())
        self.meaning.changed.connect(self.look)
        self.meaning.setEnabled(self._labelled)
        column.addWidget(self.meaning)
        if not self._labelled:
            column.addWidget(caption(self.tr("Nothing is labelled in these series.")))
        column.addStretch(1)
        return column

    def _place(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        self.path = Field()
        self.path.setAccessibleName(self.tr("Folder"))
        self.path.setText(str(_new_folder(self._project.exports_dir)))
        self.path.textChanged.connect(lambda _text: self._show_state())
        browse = IconButton("ph.folder-open", self.tr("Choose a folder"))
        browse.clicked.connect(self._browse)
        grid.addWidget(label(self.tr("New or empty folder"), tone="t2"), 0, 0)
        grid.addWidget(self.path, 0, 1)
        grid.addWidget(browse, 0, 2)
        grid.setColumnStretch(1, 1)
        return grid

    def _table(self) -> QVBoxLayout:
        self.model = AuditModel(self, hide=self._hide)
        self.table = AuditTable(self.model, self.tr("What changes"))
        self.table.setFixedHeight(280)
        self.search = SearchField(self.tr("Search tag, attribute or action"))
        self.search.searched.connect(self.model.search)
        self.count = label("", 12, 400, "t3")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(heading(self.tr("What changes"), 13))
        head.addWidget(self.count, 1)
        head.addWidget(self.search, 1)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.table)
        self.bar = ProgressBar()
        self.bar.hide()
        column.addWidget(self.bar)
        return column

    def _footer(self) -> None:
        self._look_row = QWidget()
        layout = _switch_row(self.burned_in, self.tr("Pixels were looked at"), "")
        layout.setContentsMargins(0, 0, 0, 0)
        self._look_row.setLayout(layout)
        self.burned_in.toggled.connect(lambda _on: self._show_state())
        self._look_row.hide()
        self.buttons.insertWidget(0, self._look_row)
        self.cancel = self.add_button(self.tr("Cancel"), "ghost")
        self.cancel.clicked.connect(self._cancel_or_close)
        self.write = self.add_button(self.tr("Write"), "primary", "ph.export")
        self.write.clicked.connect(self.start)

    # ---- looking -----------------------------------------------------------------------------

    def options(self) -> DeidentifyOptions:
        """What was chosen. Raises UserError for a code that is none."""
        from core.export.deidentified import DeidentifyOptions  # noqa: PLC0415 - brings pydicom

        labels: list[Any] = []
        if self.seg.isChecked():
            labels.append("seg")
        if self.rtstruct.isChecked():
            labels.append("rtstruct")
        return DeidentifyOptions(
            keep_device=self.device.isChecked(),
            shift_dates=self.shift.isChecked(),
            images=self.images.isChecked(),
            labels=tuple(labels),
            label=self.meaning.options(),
            burned_in=self.burned_in.isChecked(),
        )

    def look(self) -> None:
        """Gather anew what would change."""
        if not hasattr(self, "write"):
            return  # still being built
        self.audit = None
        self._stop()
        try:
            options = self.options()
        except UserError as error:
            self._failed(error.sentence)
            return
        self.banner.hide()
        self._run(_look, options, self._looked)

    def _looked(self, audit: Audit) -> None:
        self._ended()
        self.audit = audit
        rows = audit.rows()
        self.model.show_rows(rows)
        changed = sum(row.changed for row in rows)
        words = self.tr("{0} attributes change, {1} stay, in {2} files")
        self.count.setText(words.format(changed, len(rows) - changed, audit.files))
        if audit.burned_in:
            files = sum(audit.burned_in.values())
            self.banner.set(
                "warn", self.tr("Pixels may show who the patient is"),
                self.tr("{0} files are flagged. Look at them before they leave the house.").format(
                    files
                ),
            )  # fmt: skip
            self.banner.show()
        self._look_row.setVisible(bool(audit.burned_in))
        self._show_state()

    # ---- writing -----------------------------------------------------------------------------

    def start(self) -> None:
        """Write everything in the background; whole or not at all."""
        if self.audit is None:
            return
        options = replace(self.options(), burned_in=self.burned_in.isChecked())
        folder = Path(self.path.text().strip())
        self._run(_write, (folder, options), self._done)

    def _done(self, done: Deidentified) -> None:
        self._ended()
        self.written.emit(done.folder, done.files)
        self.accept()

    def _run(self, fn: Callable[..., Any], what: Any, then: Callable[[Any], None]) -> None:
        self.bar.set_fraction(0)
        self.bar.show()
        self._asked += 1
        asked = self._asked
        self._task = self._tasks.run(
            fn, self._project, self._uids, what,
            on_done=then, on_error=self._failed, on_progress=self._progress,
            on_cancelled=lambda: self._ended() if asked == self._asked else None,
            key="deidentify", owner=self,
        )  # fmt: skip
        self._show_state()

    def _progress(self, done: int, total: int) -> None:
        self.bar.set_fraction(done / max(1, total))

    def _failed(self, sentence: str) -> None:
        self._ended()
        self.banner.set("err", self.tr("Not possible"), self.words_of(i18n.sentence(sentence)))
        self.banner.show()

    def _ended(self) -> None:
        self._task = None
        self.bar.hide()
        self._show_state()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _show_state(self) -> None:
        path = Path(self.path.text().strip())
        wrong = "" if path.is_absolute() else self.tr("Give the whole path of the folder")
        if not wrong and path.is_file():
            wrong = self.tr("This is a file")
        elif not wrong and path.is_dir() and any(path.iterdir()):
            wrong = self.tr("This folder is not empty")
        self.path.set_invalid(wrong)
        audit = self.audit
        flagged = audit is not None and bool(audit.burned_in) and not self.burned_in.isChecked()
        nothing = audit is not None and audit.files == 0
        ready = audit is not None and self._task is None and not (wrong or flagged or nothing)
        self.write.setEnabled(ready)
        self.write.setToolTip(wrong)
        if audit is not None:
            self.write.setText(self.tr("Write %n file(s)", "", audit.files))

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Folder"), self.path.text())
        if chosen:
            self.path.setText(chosen)

    def _cancel_or_close(self) -> None:
        if self._task is not None and self.audit is not None:
            self._task.cancel()
        else:
            self.reject()

    def done(self, result: int) -> None:
        """Closing ends what still runs."""
        self._stop()
        super().done(result)


def _switch_row(switch: Switch, name: str, about: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(switch)
    row.addWidget(label(name))
    if about:
        row.addWidget(caption(about))
    row.addStretch(1)
    return row


def _new_folder(exports: Path) -> Path:
    """A folder below the project's exports that does not exist yet."""
    number = 1
    while (folder := exports / f"deidentified-{number}").exists():
        number += 1
    return folder


def _look(
    project: Project,
    uids: list[str],
    options: Any,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Audit:
    """Background: what would change."""
    from core.export.deidentified import look_through  # noqa: PLC0415 - brings pydicom

    return look_through(project, uids, options, progress, cancelled)


def _write(
    project: Project,
    uids: list[str],
    what: Any,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Deidentified:
    """Background: write."""
    from core.export.deidentified import write_deidentified  # noqa: PLC0415 - brings pydicom

    folder, options = what
    return write_deidentified(
        project, uids, folder, options, progress=progress, cancelled=cancelled
    )
