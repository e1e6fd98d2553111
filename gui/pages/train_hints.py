"""What the curves of a run say, above its curves: one hint at a time, the newest first."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal

from core.events import HintEvent
from gui import i18n
from gui.run.history import RunHistory
from gui.widgets import Banner


class HintBanner(Banner):
    """opened: UID of a series whose label is to be looked at. extend_asked: of an early end."""

    opened = Signal(str)
    extend_asked = Signal()

    def __init__(self) -> None:
        super().__init__("warn", "")
        self._away: set[tuple[str, str, str]] = set()
        self._run = ""
        self._shown: tuple[HintEvent, int, str] | None = None
        self._history: RunHistory | None = None
        #: A sentence with its patients as the window may name them.
        self.words_of: Callable[[str], str] = str
        self.hide()

    def show_history(self, run_id: str, history: RunHistory) -> None:
        """Show the newest hint of a run that was not put away."""
        self._run, self._history = run_id, history
        left = [hint for hint in history.hints if self._key(hint) not in self._away]
        shown = None
        if left:
            # The words are compared, too: they change when patients are named otherwise.
            words = self.words_of(i18n.sentence(left[-1].sentence))
            shown = (left[-1], len(left), words)
        if shown == self._shown:
            return
        self._shown = shown
        self.setVisible(shown is not None)
        if shown is not None:
            self._show(*shown)

    def _key(self, hint: HintEvent) -> tuple[str, str, str]:
        return self._run, hint.hint, hint.series_uid

    def _show(self, hint: HintEvent, count: int, words: str) -> None:
        titles = {
            "overfitting": self.tr("Training cases are learnt by heart"),
            "divergence": self.tr("The run diverges"),
            "label": self.tr("A label may be wrong"),
            "early stop": self.tr("Ended early"),
        }
        actions = [(self.tr("Dismiss") if count == 1 else self.tr("Next"), self._put_away)]
        if hint.series_uid:
            actions.insert(0, (self.tr("Open in Label"), lambda: self.opened.emit(hint.series_uid)))
        elif hint.hint == "early stop":
            actions.insert(0, (self.tr("Extend…"), self.extend_asked.emit))
        tone = "info" if hint.hint == "early stop" else "warn"
        self.set(tone, titles[hint.hint], words, actions)

    def _put_away(self) -> None:
        if self._shown is not None and self._history is not None:
            self._away.add(self._key(self._shown[0]))
            self.show_history(self._run, self._history)
