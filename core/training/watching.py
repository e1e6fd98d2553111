"""Watches the curves of a run: hints for its user, and the end when nothing is gained any more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from core.data.plan import Plan
from core.events import Hint, HintEvent
from core.project.manifest import ManifestCase
from core.training import hints
from core.training.agreement import Agreement
from core.training.keeping import Keeper
from core.training.recording import Recorder
from core.training.schedule import Schedule
from core.training.step import Reading
from core.training.validation import Result

#: Share of the run before which no label is suspected: until then some cases are just not learnt.
LATE = 0.4


class Watcher:
    """Says each hint once a run. cases: the training cases, as ``agreement`` counts them."""

    def __init__(
        self,
        plan: Plan,
        schedule: Schedule,
        keeper: Keeper,
        agreement: Agreement,
        *,
        cases: Sequence[ManifestCase],
        recorder: Recorder,
    ) -> None:
        self._plan, self._schedule, self._keeper = plan, schedule, keeper
        self._agreement, self._cases, self._recorder = agreement, cases, recorder
        self._divergence = hints.Divergence()
        self._passes: list[hints.Pass] = []
        self._sum, self._count = 0.0, 0  # of the losses since the last pass
        self._said: set[str] = set()
        self._suspects: set[int] = set()

    def read(self, step: int, reading: Reading) -> None:
        """One more reading of the training loss, after ``step`` steps."""
        if not math.isfinite(reading.loss):
            return
        good = reading.count - reading.bad
        self._sum += reading.loss * good
        self._count += good
        self._say(step, "divergence", self._divergence.reading(reading.loss))

    def passed(self, step: int, result: Result) -> None:
        """One more validation pass."""
        if self._count and math.isfinite(result.loss):
            self._passes.append(hints.Pass(step, self._sum / self._count, result.loss))
            self._sum, self._count = 0.0, 0
        self._say(step, "overfitting", hints.overfitting(self._passes))
        self._look_at_labels(step)

    def _look_at_labels(self, step: int) -> None:
        if self._schedule.progress(step) < LATE:
            return
        dice = self._agreement.read()
        suspects = set(hints.disagreeing(dice))
        # Two passes must agree: one may catch a case on a bad day.
        for case in sorted(suspects & self._suspects):
            entry = self._cases[case]
            sentence = hints.disagreement(entry.patient_id, dice[case], median(dice.values()))
            self._say(step, "label", sentence, entry.series_uid)
        self._suspects = suspects

    def _say(self, step: int, hint: Hint, sentence: str, series_uid: str = "") -> None:
        if not sentence or f"{hint} {series_uid}" in self._said:
            return
        self._said.add(f"{hint} {series_uid}")
        self._recorder.emit(
            HintEvent(step=step, hint=hint, sentence=sentence, series_uid=series_uid)
        )

    def tired(self, step: int) -> str:
        """Why the run should end before its time; empty while it should not.

        Asked after a validation pass. Judged in the run's own measure, so that a run of epochs ends
        at the same step however fast it is.
        """
        schedule, best = self._schedule, self._keeper.best
        if not (self._plan.early_stop and best):
            return ""
        leg, here = schedule.leg, schedule.position(step)
        then = best["elapsed"] if schedule.by_time else best["step"]
        since = here - max(then, leg.begin)
        later = [p for p in self._passes if p.step > best["step"]]
        enough = len(later) >= hints.PATIENCE_PASSES
        if not enough or since < hints.PATIENCE * (schedule.stop - leg.begin):
            return ""
        sentence = hints.patience_lost(best, (schedule.elapsed - best["elapsed"]) / 60)
        self._recorder.emit(HintEvent(step=step, hint="early stop", sentence=sentence))
        return sentence

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of this object."""
        return {
            "divergence": self._divergence.state(),
            "passes": [[p.step, p.train, p.loss] for p in self._passes],
            "sum": self._sum,
            "count": self._count,
            "said": sorted(self._said),
            "suspects": sorted(self._suspects),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self._divergence.restore(state["divergence"])
        self._passes = [hints.Pass(int(p[0]), float(p[1]), float(p[2])) for p in state["passes"]]
        self._sum, self._count = float(state["sum"]), int(state["count"])
        self._said = set(state["said"])
        self._suspects = {int(case) for case in state["suspects"]}
