"""``predict``, ``evaluate``, ``export``: what is done with a trained model."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.cli.output import Output, stop_on_interrupt, table
from core.events import Event, ResultEvent, StageEvent
from core.labels.schema import PALETTE, LabelClass, LabelSchema
from core.project.project import Project
from core.project.splits import is_labelled

if TYPE_CHECKING:
    from core.data.plan import Plan


@dataclass(frozen=True, slots=True)
class _Control:
    """What a job asks between two steps: whether to go on."""

    cancelled: Callable[[], bool]

    def state(self) -> Literal["run", "pause", "stop"]:
        return "stop" if self.cancelled() else "run"

    def order(self) -> None:
        return None


class _Results:
    """Takes the events of a job: progress is shown, the result kept."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.data: dict[str, Any] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageEvent):
            self._output.progress(f"{event.stage} {event.done} of {event.total}")
        elif isinstance(event, ResultEvent):
            self.data = event.data


def predict(args: Namespace, output: Output) -> int:
    """Segment an image with a model, on the image's own grid."""
    # Before torch is loaded: a wrong path is told at once.
    from core.export.images import check_output  # noqa: PLC0415
    from core.project.loose import read_loose  # noqa: PLC0415

    check_output(args.output)
    with stop_on_interrupt() as cancelled:
        volume = read_loose(args.input, output.counter("Slice"), cancelled)
        for check in volume.checks:
            print(f"Note: {check.message}", file=sys.stderr)
        from core.images import write_mask  # noqa: PLC0415
        from core.jobs import tasks  # noqa: PLC0415 - loads torch
        from core.models.saved import load_model  # noqa: PLC0415

        model = load_model(args.model)
        found = tasks.predict(
            model, volume, args.device, output.counter("Window"), cancelled=cancelled
        )
    write_mask(args.output, found.labels, volume.geometry, _schema(model.plan))
    parts = [asdict(component) for component in found.components]
    words = "1 lesion" if len(parts) == 1 else f"{len(parts)} lesions"
    output.result(
        {
            "output": args.output,
            "model": model.card.title,
            "shape": volume.geometry.shape,
            "voxels": int((found.labels > 0).sum()),
            "components": parts,
        },
        f"Wrote {args.output}: {words}, "
        f"{(found.labels > 0).sum() * volume.geometry.voxel_ml:.1f} mL, by {model.card.title}.",
    )
    return 0


def evaluate(args: Namespace, output: Output) -> int:
    """Compare a run's model with the reference labels of a split."""
    path = args.project.absolute()
    with Project.open(path) as project:
        tested = any(r.split == "test" and is_labelled(r) for r in project.series())
    split = args.split or ("test" if tested else "val")
    from core.jobs import tasks  # noqa: PLC0415 - loads torch
    from core.jobs.spec import EvaluateJob  # noqa: PLC0415

    job = EvaluateJob(project=path, run_id=args.model, split=split, device=args.device)
    with stop_on_interrupt() as cancelled:
        result = tasks.evaluate(job, _Results(output), _Control(cancelled))
    document = result.as_json()
    document["means"] = _means(document["cases"])
    output.result(document, _evaluation_text(document))
    return 0


def export(args: Namespace, output: Output) -> int:
    """Write a run's model to a file and check it."""
    project = args.project.absolute()
    Project.open(project).close()  # Says at once when it is none.
    from core.jobs import tasks  # noqa: PLC0415 - loads torch
    from core.jobs.spec import ExportJob  # noqa: PLC0415

    job = ExportJob(
        project=project, model_id=args.model, format=args.format, path=args.file.absolute()
    )
    results = _Results(output)
    with stop_on_interrupt() as cancelled:
        tasks.export(job, results, _Control(cancelled))
    data = results.data
    where = "a whole case" if data["checked_on"] == "case" else "a computed patch"
    same = "agrees" if data["passed"] else "does not agree"
    output.result(
        data,
        f"Wrote {data['path']} ({data['bytes'] / 1e6:.1f} MB).\n"
        f"It {same} with the trained model on {where}: largest difference "
        f"{data['max_abs_difference']:.2e} (limit {data['limit']:.0e}), "
        f"{data['same_voxels']:.4%} of voxels the same.",
    )
    return 0


def _schema(plan: Plan) -> LabelSchema:
    """The classes a model outlines, so that a ``.seg.nrrd`` carries their names and colours."""
    return LabelSchema(
        tuple(
            LabelClass(c.value, c.name, PALETTE[(c.value - 1) % len(PALETTE)], c.lesion)
            for c in plan.classes
        )
    )


def _means(cases: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Mean of each figure over the cases that have it; None where none has."""
    means: dict[str, float | None] = {}
    for key in ("dice", "hd95_mm", "reference_ml", "predicted_ml", "lesions_found", "lesions"):
        values = [case[key] for case in cases if case[key] is not None]
        means[key] = sum(values) / len(values) if values else None
    return means


def _evaluation_text(document: dict[str, Any]) -> str:
    head = ["patient", "Dice", "HD95 mm", "reference mL", "predicted mL", "found", "false"]
    rows = [
        [
            str(case["patient_id"]),
            _number(case["dice"], 3),
            _number(case["hd95_mm"], 1),
            _number(case["reference_ml"], 1),
            _number(case["predicted_ml"], 1),
            f"{case['lesions_found']} of {case['lesions']}",
            str(case["false_lesions"]),
        ]
        for case in document["cases"]
    ]
    means = document["means"]
    return (
        f"{table(head, rows)}\n\nMean Dice {_number(means['dice'], 3)}, "
        f"mean HD95 {_number(means['hd95_mm'], 1)} mm on {len(rows)} cases of {document['split']}."
    )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
