"""The DICOM tag viewer: every element of a file, found by number, name or value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from gui.dialogs.tags_table import TagsModel, TagsTable
from gui.tasks import TaskPool
from gui.widgets import Dialog, Elided, EmptyState, SearchField, Slider, caption, label

if TYPE_CHECKING:
    from core.dicom.tags import TagListing


def _read(path: Path, cancelled: Any) -> Any:
    # Loaded late: it brings pydicom.
    from core.dicom.tags import read_tags  # noqa: PLC0415

    return read_tags(path, cancelled)


class TagsDialog(Dialog):
    """The files of a series, one at a time; search and place stay when another is shown.

    files: DICOM files in slice order. index: the one to show first. title: of the series.
    """

    def __init__(
        self, parent: QWidget | None, tasks: TaskPool, files: Sequence[Path],
        index: int = 0, title: str = "",
    ) -> None:  # fmt: skip
        super().__init__(parent, self.tr("DICOM tags"), 1040)
        self._tasks = tasks
        self._files = list(files)
        self._listing: TagListing | None = None
        self._build(title)
        self.slider.setValue(min(max(0, index), len(self._files) - 1))
        self.slider.valueChanged.connect(lambda _value: self._load())
        self._load()
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)

    def _build(self, title: str) -> None:
        if title:
            self.heading.setText(self.tr("DICOM tags of {0}").format(title))
        top = QHBoxLayout()
        top.setSpacing(12)
        self.search = SearchField(self.tr("Search tag, name or value"))
        self.search.searched.connect(lambda _text: self._show())
        self.count = label("", 12, 400, "t3")
        top.addWidget(self.search, 1)
        top.addWidget(self.count)
        self.body.addLayout(top)
        self.slices = QWidget()
        row = QHBoxLayout(self.slices)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.slider = Slider(lo=0, hi=max(0, len(self._files) - 1))
        self.slider.setAccessibleName(self.tr("File of the series"))
        self.place = label("", 12, 400, "t2")
        row.addWidget(self.slider, 1)
        row.addWidget(self.place)
        self.slices.setVisible(len(self._files) > 1)
        self.body.addWidget(self.slices)
        titles = (self.tr("Tag"), self.tr("Name"), self.tr("VR"), self.tr("Value"))
        self.model = TagsModel(titles, self)
        self.table = TagsTable(self.model, self.tr("Elements"))
        self.failed = EmptyState("ph.file-x", self.tr("The file cannot be shown"), " ")
        self.nothing = EmptyState("ph.magnifying-glass", self.tr("Nothing found"), " ")
        self.states = QStackedWidget()
        self.states.setFixedHeight(480)
        for state in (self.table, self.failed, self.nothing):
            self.states.addWidget(state)
        self.body.addWidget(self.states)
        self.file = Elided("", 12, 400, "t3", mode=Qt.TextElideMode.ElideMiddle)
        self.body.addWidget(self.file)
        words = self.tr("As stored in the file, with the patient's name where it holds one.")
        self.buttons.insertWidget(0, caption(words))
        self.copy_button = self.add_button(self.tr("Copy"), "secondary", "ph.copy")
        self.copy_button.setToolTip(self.tr("Copies the chosen rows, or all rows shown (Ctrl+C)"))
        self.copy_button.clicked.connect(self.copy)
        done = self.add_button(self.tr("Done"), "primary")
        done.clicked.connect(self.accept)

    # ---- content -----------------------------------------------------------------------------

    def _load(self) -> None:
        index = self.slider.value()
        path = self._files[index]
        self.place.setText(self.tr("File {0} of {1}").format(index + 1, len(self._files)))
        self.file.set_text(str(path))
        self._tasks.run(
            _read, path, on_done=self._loaded, on_error=self._refused, key="dicom-tags",
            owner=self, priority=2,
        )  # fmt: skip

    def _loaded(self, listing: TagListing) -> None:
        self._listing = listing
        self.file.set_text(f"{listing.path} · {listing.syntax}")
        self._show()

    def _refused(self, sentence: str) -> None:
        self._listing = None
        self.model.show(None, "")
        self.failed.text.setText(sentence)
        self.count.setText("")
        self.copy_button.setEnabled(False)
        self.states.setCurrentWidget(self.failed)

    def _show(self) -> None:
        if self._listing is None:
            return
        scrolled = self.table.verticalScrollBar().value()
        self.model.show(self._listing, self.search.text())
        self.table.verticalScrollBar().setValue(scrolled)
        total, shown = len(self._listing.rows), self.model.rowCount()
        words = self.tr("%n element(s)", "", total)
        if self.search.text().strip():
            words = self.tr("{0} of {1} elements").format(shown, total)
        elif self._listing.truncated:
            words = self.tr("the first {0} elements").format(total)
        self.count.setText(words)
        self.copy_button.setEnabled(shown > 0)
        self.nothing.text.setText(
            self.tr("No tag, name or value holds “{0}”.").format(self.search.text().strip())
        )
        self.states.setCurrentWidget(self.table if shown else self.nothing)

    # ---- actions -----------------------------------------------------------------------------

    def copy(self) -> None:
        """Put the chosen rows, or all rows shown, on the clipboard, with tabs between."""
        from core.dicom.tags import as_text  # noqa: PLC0415 - loaded late, as above

        rows = self.table.chosen() or self.model.rows()
        if rows:
            QGuiApplication.clipboard().setText(as_text(rows))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+C copies; arrows from the search field go into the table; Enter closes nothing."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        elif event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
