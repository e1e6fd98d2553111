"""The README's pictures, taken of the real window on the demo project.

    python -m tests.screenshots PROJECT [--minutes 4] [--to resources/pictures]

Makes the demo, trains and evaluates where PROJECT does not have that yet, then opens the window
without a screen and grabs each page at 1600 x 1000.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from gui import theme
from gui.main_window import MainWindow
from gui.run.supervisor import RunSupervisor
from gui.session import Session

PICTURES = Path(__file__).resolve().parents[1] / "resources" / "pictures"


def cli(*arguments: str) -> str:
    """Standard output of one ``lesionforge-cli`` call."""
    command = [sys.executable, "-m", "core.cli", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def prepare(project: Path, minutes: float) -> None:
    """A demo project with one trained, evaluated and exported run."""
    if not (project / "project.json").exists():
        cli("demo", str(project))
    listed = json.loads(cli("list", str(project), "--json"))
    if not any(run["state"] == "done" for run in listed["runs"]):
        cli("train", str(project), "--minutes", str(minutes), "--name", "Liver lesions")
        run = json.loads(cli("list", str(project), "--json"))["runs"][-1]["id"]
        for split in ("test", "val"):
            cli("evaluate", str(project), run, "--split", split, "--json")
        target = project / "exports" / "liver-lesions.onnx"
        target.parent.mkdir(exist_ok=True)
        cli("export", str(project), run, "--format", "onnx", str(target), "--json")


def wait(seconds: float) -> None:
    """Let the window work: background jobs deliver through its event loop."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def shoot(project: Path, folder: Path) -> None:
    """Grab each page."""
    app = QApplication([])
    theme.apply(app)
    session = Session()
    supervisor = RunSupervisor(session)
    window = MainWindow(session, supervisor)
    window.resize(1600, 1000)
    window.show()
    session.open_project(project)
    labelled = [r for r in session.series() if r.label_status == "reviewed"]
    shown = max(labelled, key=lambda r: r.lesion_count)
    folder.mkdir(parents=True, exist_ok=True)
    for page in ("library", "label", "train", "evaluate", "models"):
        if page == "label":
            session.open_series(shown.series_uid)
            wait(15)
        else:
            window.show_page(page)
            wait(6)
        picture = folder / f"{page}.png"
        window.grab().save(str(picture))
        print(f"{picture.name} {picture.stat().st_size // 1024} kB")
    window.close()
    supervisor.shutdown()
    session.shutdown()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--to", type=Path, default=PICTURES)
    given = parser.parse_args()
    prepare(given.project, given.minutes)
    shoot(given.project, given.to)


if __name__ == "__main__":
    main()
