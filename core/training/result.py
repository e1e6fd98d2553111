"""The outcome of a run: the best model saved in the project, with an honest card."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING, Any

from core.evaluation.metrics import summary
from core.evaluation.result import now
from core.models.card import ModelCard
from core.models.saved import save_model
from core.training.validation import Result

if TYPE_CHECKING:
    from core.training.run import Run


def keep_model(run: Run, result: Result) -> dict[str, Any]:
    """Save the averaged network of ``run`` under the run's id in the project's models.

    result: of the validation cases with the very weights and settings that are saved. Returns the
    data of the ``model`` result event: model_id, step, dice, hd95_mm, sensitivity, cases.
    """
    figures = summary(result.metrics)
    plan = run.plan
    model_id = run.run_dir.name
    folder = run.project.models_dir / model_id
    found = plan.figures
    card = ModelCard(
        name=plan.name,
        version="1.0.0",
        run_id=model_id,
        created=now(),
        parameters=sum(p.numel() for p in run.learner.average.parameters()),
        dice=figures.dice_mean,
        hd95=figures.hd95_mean,
        sensitivity=figures.sensitivity,
        cases=len(result.cases),
    )
    save_model(folder, run.learner.average, plan, card)
    _keep_previews(run, result)
    return {
        "model_id": model_id,
        "step": int(run.best.get("step", run.step)),
        "dice": _plain(figures.dice_mean),
        "hd95_mm": _plain(figures.hd95_mean),
        "sensitivity": _plain(figures.sensitivity),
        "cases": [{"series_uid": c.series_uid, "dice": _plain(c.dice)} for c in result.cases],
    }


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
