"""The frame: rail, pages, status bar; errors and messages over them; nothing else."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QIcon,
    QKeySequence,
    QPaintEvent,
    QPen,
    QShortcut,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from gui import i18n, theme
from gui.dialogs.keys import KeysDialog
from gui.dialogs.settings import SettingsDialog
from gui.opening import Opener
from gui.rail import PAGES, Rail, logo_pixmap
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from gui.widgets import Banner, Toast, confirm
from gui.widgets.paint import painter, rounded, text, width_of
from gui.widgets.status_bar import StatusBar


class _DropHint(QWidget):
    """Lies over the pages while files are dragged over the window."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.words = ""
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        p = painter(self)
        p.setOpacity(0.75)
        p.fillRect(self.rect(), theme.BG1)
        p.setOpacity(1)
        pen = QPen(QColor(theme.ACC), 2)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([4, 3])
        p.setPen(pen)
        p.drawRoundedRect(QRectF(self.rect()).adjusted(16, 16, -16, -16), 8, 8)
        font = theme.font(15, 600)
        plate = QRectF(0, 0, max(240, width_of(self.words, font) + 64), 96)
        plate.moveCenter(QRectF(self.rect()).center())
        rounded(p, plate, 12, theme.BG2, theme.BG4)
        icon = theme.icon("ph.download-simple", theme.ACC, 24)
        icon.paint(p, round(plate.center().x()) - 12, round(plate.top()) + 18, 24, 24)
        line = plate.adjusted(16, 48, -16, -16)
        text(p, line, self.words, font, theme.T1, align=Qt.AlignmentFlag.AlignHCenter)
        p.end()


def _dropped(event: QDropEvent) -> list[Path]:
    """The files and folders that are dragged."""
    urls = event.mimeData().urls()
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


class MainWindow(QMainWindow):
    """Pages are made when first shown, so that the window is there within a second."""

    def __init__(self, session: Session, supervisor: RunSupervisor) -> None:
        super().__init__()
        i18n.ensure()
        self.session = session
        self.supervisor = supervisor
        self.opener = Opener(session, self)
        self.setWindowIcon(QIcon(logo_pixmap(64)))
        self.setMinimumSize(1280, 800)
        self.resize(1600, 1000)
        self.setAcceptDrops(True)
        self._pages: dict[str, QWidget] = {}
        self._page = ""
        self._language = i18n.current_language()
        self._build()
        self._shortcuts()
        session.page_requested.connect(self.show_page)
        session.error.connect(self.show_error)
        session.message.connect(self._show_message)
        session.project_changed.connect(self._title)
        session.project_changed.connect(self._toast.forget)
        session.runs_changed.connect(self._mark_live)
        session.run_event.connect(lambda _run, _event: self._mark_live())
        self._title()
        self.show_page("library")

    def _build(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        row = QHBoxLayout()
        row.setSpacing(0)
        self.rail = Rail()
        self.rail.page_chosen.connect(self.show_page)
        self.rail.help_asked.connect(self.show_keys)
        self.rail.settings_asked.connect(self.show_settings)
        row.addWidget(self.rail)
        content = QVBoxLayout()
        content.setSpacing(0)
        self._errors = QVBoxLayout()
        self._errors.setContentsMargins(24, 0, 24, 0)
        self._errors.setSpacing(8)
        self._stack = QStackedWidget()
        content.addLayout(self._errors)
        content.addWidget(self._stack, 1)
        row.addLayout(content, 1)
        column.addLayout(row, 1)
        self.status_bar = StatusBar(self.session, self.supervisor)
        column.addWidget(self.status_bar)
        self.setCentralWidget(centre)
        self._toast = Toast(centre)
        self._drop = _DropHint(centre)

    def _shortcuts(self) -> None:
        for number, page in enumerate(PAGES, start=1):
            key = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            key.activated.connect(lambda page=page: self.show_page(page))
        for sequence, slot in (
            ("Ctrl+F", self.focus_search),
            ("F1", self.show_keys),
            ("F11", self.toggle_full_screen),
        ):
            QShortcut(QKeySequence(sequence), self).activated.connect(slot)

    # ---- pages -------------------------------------------------------------------------------

    @property
    def page(self) -> str:
        """Key of the page that is shown."""
        return self._page

    def page_widget(self, page: str) -> QWidget:
        """The page, made now if it was not shown yet. Raises KeyError on an unknown page."""
        if page not in PAGES:
            raise KeyError(page)
        if page not in self._pages:
            module = import_module(f"gui.pages.{page}")
            widget: QWidget = getattr(module, f"{page.capitalize()}Page")(
                self.session, self.supervisor
            )
            widget.setObjectName(widget.objectName() or "page")
            self._pages[page] = widget
            self._stack.addWidget(widget)
        return self._pages[page]

    def show_page(self, page: str) -> None:
        """Show a page and mark it in the rail."""
        widget = self.page_widget(page)
        self._page = page
        self.rail.set_page(page)
        self._stack.setCurrentWidget(widget)
        widget.setFocus(Qt.FocusReason.ActiveWindowFocusReason)

    def focus_search(self) -> None:
        """Put the cursor into the search field of the page, the Library's where it has none."""
        if not hasattr(self.page_widget(self._page), "focus_search"):
            self.show_page("library")
        page: Any = self.page_widget(self._page)
        page.focus_search()

    def toggle_full_screen(self) -> None:
        """Fill the screen, and back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _mark_live(self) -> None:
        self.rail.set_live(self.session.active_run is not None)

    def _title(self) -> None:
        project = self.session.project
        name = "LesionForge"
        self.setWindowTitle(name if project is None else f"{project.name} – {name}")

    # ---- messages and dialogs ----------------------------------------------------------------

    def show_error(self, title: str, sentence: str) -> None:
        """A banner above the page; the same error twice is shown once."""
        sentence = self.session.shown_text(i18n.sentence(sentence))
        for banner in self.errors():
            if (banner.title_text(), banner.text()) == (title, sentence):
                return
        banner = Banner("err", title, sentence)
        banner.set("err", title, sentence, [(self.tr("Close"), lambda: self._drop_error(banner))])
        while len(self.errors()) > 1:
            self._drop_error(self.errors()[0])
        self._errors.addWidget(banner)
        self._errors.setContentsMargins(24, 16, 24, 0)

    def errors(self) -> list[Banner]:
        """The banners shown now."""
        items = (self._errors.itemAt(i).widget() for i in range(self._errors.count()))
        return [banner for banner in items if isinstance(banner, Banner)]

    def _drop_error(self, banner: Banner) -> None:
        self._errors.removeWidget(banner)
        banner.hide()
        banner.deleteLater()
        if not self.errors():
            self._errors.setContentsMargins(24, 0, 24, 0)

    def toast(self) -> Toast:
        """The message at the bottom."""
        return self._toast

    def _show_message(self, words: str, undo: object) -> None:
        self._toast.show_message(self.session.shown_text(words), undo)

    def show_keys(self) -> None:
        """All keys and mouse gestures."""
        dialog = KeysDialog(self)
        dialog.exec()
        dialog.deleteLater()

    def show_settings(self) -> None:
        """Language, scale, pseudonyms, folders."""
        dialog = SettingsDialog(self)
        dialog.pseudonyms_changed.connect(self.session.set_pseudonyms)
        dialog.exec()
        dialog.deleteLater()

    # ---- events ------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """Another language: the pages are made anew, as lazily as at the start."""
        super().changeEvent(event)
        # Qt also says so when the window is first shown; pages made meanwhile are right already.
        changed = self._language != i18n.current_language()
        if event.type() == QEvent.Type.LanguageChange and self._page and changed:
            self._language = i18n.current_language()
            self.session.flush_requested.emit()
            self.rail.retranslate()
            self.status_bar.refresh()
            for widget in self._pages.values():
                self._stack.removeWidget(widget)
                widget.deleteLater()
            self._pages.clear()
            self.show_page(self._page)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders can be dropped anywhere."""
        paths = _dropped(event)
        if paths:
            event.acceptProposedAction()
            self._drop.words = self._drop_words(paths)
            self._drop.setGeometry(self._stack.geometry())
            self._drop.show()
            self._drop.raise_()

    def _drop_words(self, paths: list[Path]) -> str:
        project = self.session.project
        if len(paths) == 1 and (paths[0] / "project.json").is_file():
            return self.tr("Drop to open the project {0}").format(paths[0].name)
        if project is None:
            return self.tr("Drop to import into a new project")
        return self.tr("Drop to import into {0}").format(project.name)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """They left again."""
        self._drop.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """A project folder opens, anything else is imported."""
        self._drop.hide()
        paths = _dropped(event)
        event.acceptProposedAction()
        self.show_page("library")
        if paths:
            self.opener.drop(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save labels, end the children, wait for the threads."""
        if self.session.active_run is not None and not confirm(
            self,
            self.tr("Close while training?"),
            self.tr("The run goes on on its machine. Resume it here to follow it again.")
            if self.supervisor.away
            else self.tr(
                "The run saves a checkpoint and stops. You can resume it from there later."
            ),
            self.tr("Keep training"),
            self.tr("Close"),
        ):
            event.ignore()
            return
        self.session.flush_requested.emit()
        self.supervisor.shutdown()
        self.session.shutdown()
        event.accept()
