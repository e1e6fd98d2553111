"""The head of the library: project, and what can be done with all of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from core.project.recent import known_projects
from gui.pages.library_recent import RecentDialog
from gui.session import Session
from gui.widgets import Button, ComboField, IconButton, Menu, heading

_NEW, _OPEN, _ALL = "::new", "::open", "::all"


class LibraryHead(QWidget):
    """64 high."""

    folder_asked = Signal()
    files_asked = Signal()
    split_asked = Signal()
    propose_asked = Signal()
    report_asked = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._drawer = self._any = False
        self.setFixedHeight(64)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(heading(self.tr("Library")))
        row.addSpacing(12)
        self.project = ComboField("", icon="ph.folder")
        self.project.setAccessibleName(self.tr("Project"))
        self.project.setFixedWidth(220)
        self.project.changed.connect(self._project_chosen)
        row.addWidget(self.project)
        row.addStretch(1)
        self.propose = Button(self.tr("Propose labels"), "secondary", "ph.sparkle")
        self.split = Button(self.tr("Split cases…"), "secondary", "ph.arrows-left-right")
        self.add = Button(self.tr("Import"), "primary", "ph.plus")
        menu = Menu(self)
        menu.add(self.tr("Folder…"), self.folder_asked.emit, "ph.folder-open")
        menu.add(self.tr("Files…"), self.files_asked.emit, "ph.file")
        menu.addSeparator()
        self.report = menu.add(
            self.tr("Last import report…"), self.report_asked.emit, "ph.list-bullets",
            enabled=False, why_not=self.tr("Nothing was imported since the start"),
        )  # fmt: skip
        self.add.setMenu(menu)
        self.details_button = IconButton("ph.info", self.tr("Details"), framed=True)
        self.details_button.hide()
        self.propose.clicked.connect(self.propose_asked)
        self.split.clicked.connect(self.split_asked)
        for button in (self.propose, self.split, self.add, self.details_button):
            row.addWidget(button)
        self.show_projects()

    def show_projects(self) -> None:
        """The open project, those opened lately, and ways to others."""
        project = self._session.project
        options: list[tuple[str, str]] = []
        if project is not None:
            options.append((str(project.path), project.name))
        else:
            options.append(("", self.tr("No project")))
        others = [k for k in known_projects() if project is None or k.path != project.path]
        options += [(str(known.path), known.name) for known in others if not known.missing]
        options += [(_OPEN, self.tr("Open project…")), (_NEW, self.tr("New project…"))]
        if others:
            options.append((_ALL, self.tr("Recent projects…")))
        self.project.set_options(options)
        self.project.set_key(options[0][0])
        self.project.setToolTip("" if project is None else str(project.path))

    def _project_chosen(self, key: str) -> None:
        if key == _OPEN:
            chosen = QFileDialog.getExistingDirectory(self, self.tr("Open a project folder"))
            if chosen:
                self._session.open_project(Path(chosen))
        elif key == _NEW:
            words = self.tr("Choose an empty folder for the new project")
            chosen = QFileDialog.getExistingDirectory(self, words)
            if chosen:
                self._session.create_project(Path(chosen))
        elif key == _ALL:
            self.choose_recent()
        elif key:
            self._session.open_project(Path(key))
        self.show_projects()

    def choose_recent(self) -> None:
        """All projects opened lately, also those whose folder is not there now."""
        project = self._session.project
        dialog = RecentDialog(self.window(), None if project is None else project.path)
        if dialog.exec() and dialog.chosen is not None:
            self._session.open_project(dialog.chosen)
        dialog.deleteLater()

    def show_series(self, count: int) -> None:
        """Nothing to split without a series."""
        self.split.setEnabled(count > 0)
        self.split.setToolTip("" if count else self.tr("Import series first"))
        self.split.setVisible(count > 0)
        self.propose.setVisible(count > 0)
        self.add.setVisible(count > 0)
        self._any = count > 0
        self.show_drawer(self._drawer)

    def show_drawer(self, drawer: bool) -> None:
        """Whether the details lie in a drawer, which needs a button where there are any."""
        self._drawer = drawer
        self.details_button.setVisible(drawer and self._any)

    def show_actions(self, why_no_proposal: str, chosen: bool) -> None:
        """Whether a model can propose labels, and for what."""
        why = why_no_proposal or ("" if chosen else self.tr("Choose one or more series"))
        self.propose.setEnabled(not why)
        self.propose.setToolTip(why or self.tr("The model labels the chosen series"))
