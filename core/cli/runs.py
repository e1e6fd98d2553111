"""What is done with runs: pause, resume, stop, notes, compare, export-run."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.cli.output import Output, table
from core.errors import UserError
from core.project.project import Project

if TYPE_CHECKING:
    from core.evaluation.comparison import Row, RunFigures
    from core.project.orders import Asked
    from core.project.runs import RunRecord

#: Columns of a cell of the comparison; longer ones go on in the next line.
_WIDTH = 36


def pause(args: Namespace, output: Output) -> int:
    """Tell a run at work to save and wait."""
    return _ask(args, output, "pause", "saves a checkpoint and waits")


def resume(args: Namespace, output: Output) -> int:
    """Tell a run that waits to go on."""
    return _ask(args, output, "resume", "goes on")


def stop(args: Namespace, output: Output) -> int:
    """Tell a run at work to end and keep what it has learnt."""
    return _ask(args, output, "stop", "saves a checkpoint, keeps its best model and ends")


def _ask(args: Namespace, output: Output, word: Asked, what: str) -> int:
    from core.project.orders import ask  # noqa: PLC0415 - not needed to start

    found = _run(args)
    if found.ended or found.state == "queued":
        raise UserError(
            f"Run {found.id} is not at work ({found.state}). Start it with: lesionforge-cli train "
            f"{args.project} --resume {found.id}"
        )
    ask(found.path, word)
    output.result({"run_id": found.id, "asked": word}, f"Run {found.id} {what} after this step.")
    return 0


def notes(args: Namespace, output: Output) -> int:
    """Print the notes on a run, or replace them, or add to them."""
    from core.project.runs import write_notes  # noqa: PLC0415

    found = _run(args)
    said = found.notes
    if args.set is not None or args.add is not None:
        said = args.set.strip() if args.set is not None else f"{said}\n{args.add}".strip()
        write_notes(found.path, said)
    data: dict[str, Any] = {"run_id": found.id, "notes": said}
    text = said or f"No notes on {found.id}."
    if args.set is not None and found.notes and found.notes != said:
        # Nothing that was written is lost for good.
        data["replaced"] = found.notes
        text = f"{text}\n\nThis replaced:\n{found.notes}"
    output.result(data, text)
    return 0


def compare(args: Namespace, output: Output) -> int:
    """Print runs side by side: how they went, and the settings in which they differ."""
    from core.evaluation.comparison import compare as rows_of  # noqa: PLC0415
    from core.evaluation.comparison import figures  # noqa: PLC0415
    from core.project.runs import list_runs, read_events, run  # noqa: PLC0415

    with Project.open(args.project) as project:
        records = [run(project, one) for one in args.runs] or list_runs(project)
    if not records:
        raise UserError("This project has no runs yet. Train one first.")
    runs = [figures(record, read_events(record.path)) for record in records]
    rows = rows_of(runs)
    if not args.all and len(runs) > 1:
        rows = [row for row in rows if row.differs or row.section == "Outcome"]
    output.result(
        {
            "runs": [_figures(one) for one in runs],
            "rows": [
                {"section": r.section, "label": r.label, "values": r.values, "differs": r.differs}
                for r in rows
            ],
        },
        _comparison_text(records, rows),
    )
    return 0


def _figures(one: RunFigures) -> dict[str, Any]:
    return {
        "run_id": one.record.id,
        "name": one.record.name,
        "best_dice": one.best,
        "seconds": one.seconds,
        "minutes": one.minutes,
        "dice": one.dice,
        "device": one.device,
        "utilisation": one.utilisation,
        "limit": one.verdict,
    }


def _comparison_text(records: Sequence[RunRecord], rows: Sequence[Row]) -> str:
    lines: list[list[str]] = []
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines.append([section, *("" for _ in records)])
        cells = [_folded(value) for value in row.values]
        for at in range(max(len(cell) for cell in cells)):
            name = f"  {row.label}" if at == 0 else ""
            lines.append([name, *(cell[at] if at < len(cell) else "" for cell in cells)])
    return table(["", *(f"{one.id} {one.name}"[:_WIDTH] for one in records)], lines)


def _folded(value: str) -> list[str]:
    import textwrap  # noqa: PLC0415 - not needed to start

    return [
        part for line in value.splitlines() for part in textwrap.wrap(line, _WIDTH) or [""]
    ] or [""]


def export_run(args: Namespace, output: Output) -> int:
    """Write a run for TensorBoard."""
    from core.export.tensorboard import export_tensorboard  # noqa: PLC0415 - takes a second

    found = _run(args)
    written = export_tensorboard(found, args.folder, args.pictures)
    size = sum(path.stat().st_size for path in written.iterdir())
    output.result(
        {"run_id": found.id, "path": written, "bytes": size},
        f"Wrote {written} ({math.ceil(size / 1000)} kB). Open it with: tensorboard --logdir "
        f"{args.folder}",
    )
    return 0


def _run(args: Namespace) -> RunRecord:
    from core.project.runs import run  # noqa: PLC0415

    with Project.open(args.project) as project:
        return run(project, args.run_id)
