"""Whole validation cases through the network, measured on the series' own grid."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.cache import Case
from core.data.plan import Plan
from core.evaluation.metrics import CaseMetrics, case_metrics, dice
from core.events import CaseResult
from core.inference.predict import Prediction, Predictor, finish, predict_image
from core.labels.schema import IGNORE
from core.nets.losses import make_loss
from core.project.folder import series_key
from core.training import preview

#: Pictures of at most so many cases a pass, and of so many passes on disk.
PICTURES, PASSES_KEPT = 12, 3


@dataclass(frozen=True, slots=True)
class Result:
    """One pass. dice: mean tumour Dice over the cases that have a lesion or a prediction.

    seconds: of the pass; network_seconds: of those spent in the network. metrics: all figures a
    case, where they were asked for.
    """

    dice: float
    loss: float
    cases: tuple[CaseResult, ...]
    seconds: float
    network_seconds: float
    metrics: tuple[CaseMetrics, ...] = ()


class Validator:
    """Runs validation passes. Draws no random numbers, so it does not disturb the training."""

    def __init__(
        self,
        cases: Sequence[Case],
        plan: Plan,
        device: torch.device,
        run_dir: Path,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._cases = cases
        #: As it is obeyed; its blocks are the windows.
        self.plan = plan
        self._device = device
        self._run_dir = run_dir
        self._loss = make_loss(plan)
        self._values = [plan.classes[c - 1].value for c in plan.lesion_channels]
        self._table = np.zeros(256, np.uint8)
        self._table[: plan.outputs] = [0, *(c.value for c in plan.classes)]
        self._table[IGNORE] = plan.ignore_value or 0

    def run(
        self,
        predictor: Predictor,
        step: int,
        *,
        mirror: bool = False,
        full: bool = False,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        """One pass over all cases with pictures in ``run_dir/previews``.

        mirror: average mirrored predictions (eight times the work). full: all metrics, not only
        Dice. Raises Cancelled between windows when ``cancelled`` says so.
        """
        begin = self._now()
        network = 0.0
        losses: list[float] = []
        results: list[CaseResult] = []
        metrics: list[CaseMetrics] = []
        for number, case in enumerate(self._cases):
            start = self._now()
            probabilities = predict_image(
                predictor,
                self.plan,
                np.asarray(case.image),
                self._device,
                mirror=mirror,
                cancelled=cancelled,
            )
            network += self._now() - start
            losses.append(self._case_loss(probabilities, case))
            prediction = finish(probabilities, case.info, self.plan)
            truth = self._table[np.asarray(case.truth)]
            # What is not outlined, or not sure, is not scored either.
            values = [v for v in self._values if v not in case.entry.unannotated]
            ignore = self.plan.ignore_value
            if full:
                metrics.append(
                    case_metrics(
                        truth, prediction.labels, case.info.geometry, values, ignore=ignore
                    )
                )
            found = np.isin(prediction.labels, values)
            if ignore is not None:
                found &= truth != ignore
            score = dice(np.isin(truth, values), found)
            picture = self._picture(case, truth, prediction, step) if number < PICTURES else ""
            results.append(
                CaseResult(
                    series_uid=case.entry.series_uid,
                    patient_id=case.entry.patient_id,
                    dice=score,
                    preview=picture,
                )
            )
        self._prune()
        known = [r.dice for r in results if math.isfinite(r.dice)]
        return Result(
            dice=float(np.mean(known)) if known else math.nan,
            loss=float(np.mean(losses)) if losses else math.nan,
            cases=tuple(results),
            seconds=self._now() - begin,
            network_seconds=network,
            metrics=tuple(metrics),
        )

    def _case_loss(self, probabilities: NDArray[np.float32], case: Case) -> float:
        # The logarithm of a probability is a logit as good as any: softmax gives it back.
        logits = torch.from_numpy(probabilities)[None].clamp(min=1e-6).log()
        target = torch.from_numpy(np.asarray(case.label))[None].long()
        known = torch.tensor([case.known(self.plan)])
        return float(self._loss(logits, target, None if known.all() else known))

    def _picture(
        self, case: Case, truth: NDArray[np.uint8], prediction: Prediction, step: int
    ) -> str:
        """Write the case's picture; its path relative to the run folder."""
        row, info = case.preview_row, case.info
        rgb = preview.draw(
            np.asarray(case.preview),
            np.isin(info.canonical(truth)[row], self._values),
            np.isin(info.canonical(prediction.labels)[row], self._values),
            info.canonical_spacing[1:],
        )
        name = f"previews/{step:08d}_{series_key(case.entry.series_uid)}.png"
        preview.write_png(self._run_dir / name, rgb)
        return name

    def _prune(self) -> None:
        """Delete the pictures of all but the last passes."""
        pictures = sorted((self._run_dir / "previews").glob("[0-9]*_*.png"))
        steps = sorted({p.name.split("_")[0] for p in pictures})
        for picture in pictures:
            if picture.name.split("_")[0] in steps[:-PASSES_KEPT]:
                picture.unlink(missing_ok=True)
