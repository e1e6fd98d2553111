"""``lesionforge [--demo] [PATH…]``: wiring, logging, and what happens to a bug."""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import multiprocessing
import os
import platform
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from core.project.recent import config_dir, recent_projects
from gui import i18n, preferences, theme
from gui.dialogs.bug import BugDialog
from gui.main_window import MainWindow
from gui.opening import Opener
from gui.run.supervisor import RunSupervisor
from gui.session import Session

log = logging.getLogger("gui")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="lesionforge",
        description="Label tumours in CT series, train a segmentation model, export it.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="a project folder to open or to make, or folders and files to import and look at",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="open the demo project (synthetic CT); made at the first start",
    )
    return parser.parse_args(argv)


def start_logging() -> None:
    """Log to a rotating file in the user's config folder; never patients, pixels or file names."""
    folder = config_dir() / "logs"
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            folder / "lesionforge.log", maxBytes=1_000_000, backupCount=3, encoding="utf-8"
        )
    except OSError:
        handler = logging.StreamHandler()  # A read-only home: standard error has to do.
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    for chatty in ("pydicom", "matplotlib", "PIL"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def _qt_message(kind: QtMsgType, _context: QMessageLogContext, words: str) -> None:
    logging.getLogger("qt").log(_LEVELS.get(kind, logging.WARNING), "%s", words)


class BugCatcher(QObject):
    """Takes the exceptions nobody expected, from any thread, logs them and shows the dialog."""

    _caught = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._showing = False
        self._caught.connect(self._show)

    def install(self) -> None:
        """Become the hook of the interpreter and of its threads."""
        sys.excepthook = self.hook
        threading.excepthook = lambda args: self.hook(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )

    def hook(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Log and show; Ctrl+C in a terminal just ends the program."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        log.critical("unexpected error", exc_info=(kind, error, trace))
        self._caught.emit("".join(traceback.format_exception(kind, error, trace)))

    def _show(self, trace: str) -> None:
        if self._showing:
            return  # One dialog at a time; all of them are in the log.
        self._showing = True
        dialog = BugDialog(QApplication.activeWindow(), trace)
        dialog.exec()
        dialog.deleteLater()
        self._showing = False


def _take_files(app: QApplication, opener: Opener) -> None:
    """Files the system hands over, on macOS: elsewhere a filter would only see every event."""
    if sys.platform == "darwin":
        app.installEventFilter(opener)


def _open_first(session: Session, opener: Opener, args: argparse.Namespace) -> None:
    """What the command line names, the demo, or the project opened last."""
    if args.demo:
        session.open_demo(args.paths[0] if args.paths else None)
    elif args.paths:
        opener.open(args.paths)
    elif recent := recent_projects():
        session.open_project(recent[0])


def main(argv: list[str] | None = None) -> int:
    """Start the window; returns the exit code."""
    multiprocessing.freeze_support()
    args = _arguments(argv)
    start_logging()
    settings = preferences.load()
    if settings.scale != 100:
        os.environ.setdefault("QT_SCALE_FACTOR", str(settings.scale / 100))
    qInstallMessageHandler(_qt_message)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("LesionForge")
    app.setDesktopFileName("lesionforge")
    catcher = BugCatcher(app)
    catcher.install()
    theme.apply(app)
    i18n.install(settings.language)
    log.info("start on %s, Python %s", platform.platform(), platform.python_version())
    session = Session()
    session.set_pseudonyms(settings.pseudonyms)
    supervisor = RunSupervisor(session)
    window = MainWindow(session, supervisor)
    window.show()
    _take_files(app, window.opener)
    _open_first(session, window.opener, args)
    code = app.exec()
    # Closed another way than by its window (a log-off): nothing may be left running.
    supervisor.shutdown()
    session.shutdown()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
