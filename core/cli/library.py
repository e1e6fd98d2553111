"""``init``, ``demo``, ``import``, ``list``, ``split``: what is in a project."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.cli.output import Output, stop_on_interrupt, table
from core.errors import Cancelled
from core.project.project import Project
from core.project.records import SeriesRecord, Skipped


def init(args: Namespace, output: Output) -> int:
    """Make an empty project."""
    with Project.create(args.project, args.name) as project:
        output.result(
            {"project": project.path, "name": project.name}, f"Made the project {project.path}."
        )
    return 0


def demo(args: Namespace, output: Output) -> int:
    """Make a project of synthetic CT."""
    from core.demo.project import make_demo  # noqa: PLC0415 - brings the image libraries

    with stop_on_interrupt() as cancelled:
        chosen = {} if args.cases is None else {"cases": args.cases}
        made = make_demo(
            args.project,
            seed=args.seed,
            progress=output.counter("Case"),
            cancelled=cancelled,
            **chosen,
        )
    with made as project:
        records = project.series()
        output.result(
            {"project": project.path, "series": [listed(r) for r in records]},
            f"Made the demo project {project.path} with {len(records)} synthetic CT series.",
        )
    return 0


def import_(args: Namespace, output: Output) -> int:
    """Add files and folders to a project."""
    from core.project.importer import (  # noqa: PLC0415 - as above
        ImportProgress,
        accept_masks,
        import_paths,
    )

    def show(at: ImportProgress) -> None:
        output.progress(f"{at.stage} {at.done} of {at.total} · {at.series_found} series")

    with Project.open(args.project) as project, stop_on_interrupt() as cancelled:
        report = import_paths(project, [path.absolute() for path in args.paths], show, cancelled)
        skipped = report.skipped
        if args.accept_masks and report.offers:
            waiting = {offer.path for offer in report.offers}
            taken = accept_masks(project, report.offers, output.counter("Mask"), cancelled)
            skipped = (*(s for s in skipped if s.path not in waiting), *taken.skipped)
        series = [project.record(record.series_uid) for record in report.series]
    output.result(
        {
            "series": [record.as_json() for record in series],
            "skipped": [{"path": s.path, "reason": s.reason} for s in skipped],
        },
        _report_text(series, skipped),
    )
    if report.cancelled:
        raise Cancelled
    return 0


def list_(args: Namespace, output: Output) -> int:
    """List series, runs and models; notices files that moved."""
    from core.models.store import list_models  # noqa: PLC0415 - not needed to start
    from core.project.runs import list_runs  # noqa: PLC0415

    with Project.open(args.project) as project:
        project.check_files()
        records = project.series()
        runs = [run.as_json() for run in list_runs(project)]
        models = [model.as_json() for model in list_models(project)]
    output.result(
        {"series": [listed(r) for r in records], "runs": runs, "models": models},
        "\n\n".join(filter(None, (_series_text(records), _runs_text(runs), _models_text(models)))),
    )
    return 0


def split(args: Namespace, output: Output) -> int:
    """Split the labelled series by patient."""
    from core.project.splits import count_splits, resplit  # noqa: PLC0415

    with Project.open(args.project) as project:
        resplit(project.library, args.val, args.test, args.seed, keep_test=not args.new_test)
        counts = count_splits(project.series())
    text = "\n".join(
        f"{name}: {part['series']} series of {part['patients']} patients"
        for name, part in counts.items()
    )
    output.result(counts, text)
    return 0


def listed(record: SeriesRecord) -> dict[str, Any]:
    """A series as ``list`` prints it."""
    return record.as_json() | {
        "label_status": record.label_status,
        "split": record.split,
        "label_voxels": record.label_voxels,
        "missing": record.missing,
    }


def _report_text(series: Sequence[SeriesRecord], skipped: Sequence[Skipped]) -> str:
    labelled = sum(1 for record in series if record.labels)
    lines = [f"{len(series)} series imported, {labelled} of them with labels."]
    lines += [
        f"{record.patient_id or '(no patient ID)'}: {check.message}"
        for record in series
        for check in record.checks
    ]
    # A folder of 500 MR slices is one reason, not 500 lines.
    reasons: dict[tuple[Path, str], list[Path]] = {}
    for item in skipped:
        why = item.reason.removeprefix(item.path.name).strip()
        reasons.setdefault((item.path.parent, why), []).append(item.path)
    for (folder, why), paths in reasons.items():
        what = f"{paths[0]}" if len(paths) == 1 else f"{len(paths)} files in {folder}, each"
        lines.append(f"Skipped {what} {why}")
    return "\n".join(lines)


def _series_text(records: Sequence[SeriesRecord]) -> str:
    if not records:
        return "No series yet. Add some with: lesionforge-cli import PROJECT PATH"
    head = [
        "patient",
        "description",
        "shape",
        "spacing mm",
        "label",
        "mL",
        "split",
        "checks",
        "uid",
    ]
    rows = [
        [
            record.patient_id or "–",
            record.description[:32] or "–",
            " × ".join(str(n) for n in record.geometry.shape),
            " × ".join(f"{s:.2f}" for s in record.geometry.spacing),
            record.label_status,
            f"{record.lesion_ml:.1f}" if record.label_voxels else "–",
            record.split,
            ", ".join([c.code for c in record.checks] + ["files missing"] * record.missing) or "–",
            record.series_uid,
        ]
        for record in records
    ]
    return table(head, rows)


def _runs_text(runs: list[dict[str, Any]]) -> str:
    if not runs:
        return ""
    rows = [[str(r["id"]), str(r["name"]), str(r["state"]), _figure(r["best_dice"])] for r in runs]
    return table(["run", "name", "state", "best Dice"], rows)


def _models_text(models: list[dict[str, Any]]) -> str:
    if not models:
        return ""
    rows = [
        [str(m["name"]), str(m["version"]), str(m["run_id"]), _figure(m["dice"])] for m in models
    ]
    return table(["model", "version", "run", "Dice"], rows)


def _figure(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) and math.isfinite(value) else "–"
