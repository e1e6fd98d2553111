"""The outcome of a run: the best model saved in the project, with an honest card."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.plan import Plan
from core.data.plan_fields import FIELDS
from core.data.plan_words import format_value, remarks
from core.evaluation.metrics import summary
from core.evaluation.result import now
from core.models.card import ModelCard
from core.models.provenance import with_mended
from core.models.saved import save_model
from core.models.store import list_models, next_version
from core.project.manifest import Manifest
from core.training.validation import Result

if TYPE_CHECKING:
    from core.training.run import Run

#: Resamples of the bootstrap; its error is then well below the second digit that is shown.
RESAMPLES = 2000


def keep_model(run: Run, result: Result) -> dict[str, Any]:
    """Save the averaged network of ``run`` under the run's id in the project's models.

    result: of the validation cases with the very weights and settings that are saved. Returns the
    data of the ``model`` result event: model_id, step, dice, hd95_mm, sensitivity, cases.
    """
    card = _card(run, result)
    folder = run.project.models_dir / card.run_id
    save_model(folder, run.learner.average, run.plan, card)
    _keep_previews(run, result)
    return {
        "model_id": card.run_id,
        "step": int(run.best.get("step", run.step)),
        "dice": _plain(card.dice),
        "hd95_mm": _plain(card.hd95),
        "sensitivity": _plain(card.sensitivity),
        "cases": [
            {"series_uid": c.series_uid, "dice": _plain(c.dice), "preview": c.preview}
            for c in result.cases
        ],
    }


def _card(run: Run, result: Result) -> ModelCard:
    plan, figures = run.plan, summary(result.metrics)
    run_id = run.run_dir.name
    # A resumed run replaces its model and keeps the version.
    earlier = next((m.card for m in list_models(run.project) if m.id == run_id), None)
    scanners = sorted({r.scanner for r in run.project.series() if r.scanner and r.split == "train"})
    network = next(spec for spec in FIELDS if spec.key == "network")
    return ModelCard(
        name=plan.name,
        version=earlier.version if earlier else next_version(run.project, plan.name),
        run_id=run_id,
        created=now(),
        parameters=sum(p.numel() for p in run.learner.average.parameters()),
        dice=figures.dice_mean,
        hd95=figures.hd95_mean,
        sensitivity=figures.sensitivity,
        cases=len(result.cases),
        dice_range=interval([m.dice for m in result.metrics]),
        hd95_range=interval([m.hd95_mm for m in result.metrics]),
        lesions=figures.lesions,
        lesions_found=figures.lesions_found,
        network=format_value(network, plan.network),
        spacing=plan.spacing,
        classes=tuple(c.name for c in plan.classes),
        cases_train=plan.figures.cases_train,
        cases_val=plan.figures.cases_val,
        scanners=", ".join(scanners),
        spacings=with_mended(
            " × ".join(f"{s:.2f}" for s in reversed(plan.figures.median_spacing)) + " mm (median)",
            Manifest.load(run.run_dir / "manifest.json"),
        ),
        limits=" ".join(
            [
                _measured_on(plan, len(result.cases)),
                *remarks(plan),
                *run.stepper.obeyed.reasons,
            ]
        ),
    )


def _measured_on(plan: Plan, cases: int) -> str:
    smallest, _, largest = plan.figures.lesion_ml
    return (
        f"Measured on {cases} validation cases, which also chose the weights kept: new cases may "
        f"do worse. Trained on lesions of {smallest:.2g} to {largest:.3g} mL only."
    )


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean by bootstrap over the finite values; None for fewer than 3."""
    known = np.array([v for v in values if math.isfinite(v)])
    if known.size < 3:
        return None
    draws = np.random.default_rng(0).choice(known, (RESAMPLES, known.size))
    low, high = np.percentile(draws.mean(1), (2.5, 97.5))
    return (float(low), float(high))


def _keep_previews(run: Run, result: Result) -> None:
    folder = run.project.models_dir / run.run_dir.name / "previews"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for case in result.cases:
        if case.preview:
            source = run.run_dir / case.preview
            shutil.copyfile(source, folder / source.name.split("_", 1)[1])


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
