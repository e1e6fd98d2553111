"""Gathers what the Evaluate page shows from the project's run folders. No Qt here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.errors import FileRefusedError
from core.evaluation.result import EvaluationResult, result_path
from core.evaluation.usage import measure
from core.models.store import find_model
from core.project.project import Project
from core.project.runs import list_runs, read_events
from gui.pages.evaluate_data import SPLITS, Evaluation, RunView


def collect(
    project: Project,
    split: str,
    shown: Callable[[str], str],
    cancelled: Callable[[], bool] | None = None,
) -> Evaluation:
    """Read results and events of all runs; slow with many runs, so it belongs off the UI thread.

    shown: a patient's name as the window, and a report made from here, may give it.
    """
    views: list[RunView] = []
    unreadable: list[str] = []
    splits: set[str] = set()
    for record in list_runs(project):
        if cancelled is not None and cancelled():
            break
        splits.update(name for name in SPLITS if result_path(record.path, name).exists())
        result = None
        path = result_path(record.path, split)
        if path.exists():
            try:
                loaded = EvaluationResult.load(path)
                cases = [replace(c, patient_id=shown(c.patient_id)) for c in loaded.cases]
                result = replace(loaded, cases=tuple(cases))
            except FileRefusedError as error:
                unreadable.append(f"{record.id}: {error.sentence}")
        on_gpu = str(record.plan.get("device", "cpu")).startswith("cuda")
        use = measure(read_events(record.path), on_gpu)
        views.append(
            RunView(
                id=record.id, name=record.name, path=record.path, state=record.state,
                plan=record.plan, result=result, use=use,
                evaluable=find_model(project, record.id) is not None,
            )
        )  # fmt: skip
    found = tuple(name for name in SPLITS if name in splits)
    return Evaluation(split, tuple(views), tuple(unreadable), found)
