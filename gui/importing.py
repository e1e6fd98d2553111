"""The work of an import or of making the demo, in the background, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.project.project import Project
from core.project.records import ImportReport


@dataclass(frozen=True, slots=True)
class ImportState:
    """How far an import or the making of a demo is.

    kind: import or demo. name: folder or file. stage: the importer's word (scanning, reading...).
    done of total (0 while unknown). started: ``time.monotonic`` of its start.
    """

    kind: str
    name: str
    stage: str = ""
    done: int = 0
    total: int = 0
    series_found: int = 0
    skipped: int = 0
    started: float = 0.0


def import_held(
    project: Project, what: Any, state: ImportState, progress: Any, cancelled: Any
) -> ImportReport:
    """Background: import paths unless held (``what`` is both), telling the strip how far it is."""
    # Loaded late: pydicom and SimpleITK must not hold up the window.
    from core.project.importer import import_paths  # noqa: PLC0415

    def tell(step: Any) -> None:
        progress(
            ImportState(
                state.kind, state.name, step.stage, step.done, step.total,
                step.series_found, step.skipped, state.started,
            )
        )  # fmt: skip

    paths, paused = what
    return import_paths(project, paths, tell, cancelled, paused)


def make_demo(
    project: Project, cases: int, state: ImportState, progress: Any, cancelled: Any
) -> ImportReport:
    """Background: make the demo's cases."""
    from core.demo.project import fill_demo  # noqa: PLC0415 - loaded late, as above

    def tell(done: int, total: int) -> None:
        progress(ImportState(state.kind, state.name, "", done, total, done, started=state.started))

    fill_demo(project, cases, 0, tell, cancelled)
    return ImportReport((), ())
