"""What the curves of a run say, as rules on plain numbers: each gives a sentence, or "" for none.

They are careful rather than quick: a hint that is wrong is not read the next time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

#: A loss has risen or fallen when it did so by this share.
CLEAR = 0.05
#: Passes since the lowest validation loss before one speaks of learning by heart.
RISING_PASSES = 3
#: Share of a run without a better Dice after which it is ended, and passes in it at least.
PATIENCE, PATIENCE_PASSES = 0.5, 4
#: Weight of the newest reading in the moving average of the training loss.
NEWEST = 0.3
#: Readings a start is averaged over, and in a row that must be too high.
FIRST, HIGH = 3, 10
#: The others must reach this Dice on the blocks of their training cases before one is suspected,
#: which must stay below this, and below the median by so many robust deviations.
OTHERS_LEAST, SUSPECT_MOST, DEVIATIONS = 0.6, 0.5, 4.0
#: Cases below which "the others" means nothing.
LEAST_CASES = 4


@dataclass(frozen=True, slots=True)
class Pass:
    """One validation pass. train: mean training loss since the pass before; loss: validation's."""

    step: int
    train: float
    loss: float


def overfitting(passes: Sequence[Pass]) -> str:
    """Whether the training loss falls while the validation loss has been rising for passes."""
    if len(passes) <= RISING_PASSES:
        return ""
    lowest = min(range(len(passes)), key=lambda i: passes[i].loss)
    since = passes[lowest + 1 :]
    if len(since) < RISING_PASSES:
        return ""
    low, train = passes[lowest], fmean(p.train for p in since[-2:])
    loss = fmean(p.loss for p in since[-2:])
    rising = loss > low.loss * (1 + CLEAR) and since[-1].loss >= fmean(p.loss for p in since)
    if not (rising and train < low.train * (1 - CLEAR)):
        return ""
    return (
        f"The network is learning the training cases by heart: since step {low.step} its loss on "
        f"them fell from {low.train:.2f} to {train:.2f}, while on the validation cases it rose "
        f"from {low.loss:.2f} to {loss:.2f}. The best model is kept. More labelled cases or "
        "stronger augmentation help; more time does not."
    )


class Divergence:
    """Follows the readings of the training loss."""

    def __init__(self) -> None:
        self._first: list[float] = []
        self._level, self._low = 0.0, 0.0
        self._high = 0

    def reading(self, loss: float) -> str:
        """Take one more finite reading; the sentence while the loss is far above where it was."""
        if len(self._first) < FIRST:
            self._first.append(loss)
            self._level = self._low = fmean(self._first)
            return ""
        start = fmean(self._first)
        self._level += NEWEST * (loss - self._level)
        self._low = min(self._low, self._level)
        learnt = start - self._low > start / 4
        limit = self._low + 0.75 * (start - self._low) if learnt else start * 1.1
        self._high = self._high + 1 if self._level > limit else 0
        if self._high < HIGH:
            return ""
        was = f"from {self._low:.2f} back to" if learnt else f"from {start:.2f} at the start to"
        return (
            f"The training loss has risen {was} {self._level:.2f} and stays there: the run "
            "diverges. Stop it and start again with a lower learning rate."
        )

    def state(self) -> list[float]:
        """What a checkpoint needs of this object."""
        return [self._level, self._low, float(self._high), *self._first]

    def restore(self, state: Sequence[float]) -> None:
        """Inverse of :meth:`state`."""
        self._level, self._low, self._high = state[0], state[1], int(state[2])
        self._first = list(state[3:])


def disagreeing(dice: Mapping[int, float]) -> list[int]:
    """Cases whose label the network does not learn although it has learnt the others'.

    dice: of each training case, on the blocks it was trained on.
    """
    if len(dice) < LEAST_CASES:
        return []
    middle = median(dice.values())
    # The factor makes the deviation from the median a standard deviation of normal figures.
    spread = 1.4826 * median(abs(d - middle) for d in dice.values())
    limit = min(SUSPECT_MOST, middle - max(DEVIATIONS * spread, 0.2))
    return [case for case, one in dice.items() if middle >= OTHERS_LEAST and one < limit]


def disagreement(name: str, own: float, others: float) -> str:
    """About one case of :func:`disagreeing`. own, others: its Dice and the median of all."""
    return (
        f"Case {name} disagrees with the others: in training the network overlaps its label with "
        f"Dice {own:.2f}, theirs with {others:.2f}. Look at its label."
    )


def patience_lost(best: Mapping[str, float], minutes: float) -> str:
    """Why a run ended early. best: dice and step of the best pass. minutes: since then."""
    whole = max(1, round(minutes))
    return (
        f"Dice on the validation cases has not risen for {whole} "
        f"minute{'s' if whole > 1 else ''} (best {best['dice']:.2f} at step {best['step']:.0f}); "
        "the run was stopped and the best model kept. Extend it to go on."
    )
