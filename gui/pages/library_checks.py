"""The doubts about a series and what can be done about them, in the details."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from core.dicom.remedies import Offer, Remedy
from core.errors import UserError
from core.project.records import SeriesRecord
from core.volume import Check
from gui import i18n
from gui.dialogs.remedies import RemedyDialog
from gui.pages.library_words import check_words, is_note, remedy_words
from gui.remedying import Remedies
from gui.session import Session
from gui.widgets import Banner
from gui.widgets.card import Action

#: More banners would push the buttons off the panel; the rest stands together in the last one.
_BANNERS = 3
#: Doubts that a remedy can end; the buttons stand at the first of them.
_CURABLE = ("missing-slice", "mixed-spacing", "gantry-tilt", "shifted-slices")


class Checks(QWidget):
    """One banner for files that moved, one for a remedy in force, one for each doubt."""

    def __init__(self, session: Session, remedies: Remedies) -> None:
        super().__init__()
        self._session = session
        self._remedies = remedies
        self._record: SeriesRecord | None = None
        self._asked: tuple[str, object] | None = None
        self._offers: tuple[Offer, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.missing = Banner("err", "")
        self.note = Banner("info", "")
        self.doubts = [Banner("warn", "") for _ in range(_BANNERS)]
        for banner in (self.missing, self.note, *self.doubts):
            column.addWidget(banner)
        remedies.changed.connect(self._changed)

    def show_record(self, record: SeriesRecord) -> None:
        """Show the doubts of a series; its remedies follow when they are known."""
        self._record = record
        what = (record.series_uid, record.choices, record.checks)
        if what != self._asked:
            self._asked, self._offers = what, ()
            if record.checks and record.source == "dicom" and not record.missing:
                self._remedies.offers(record.series_uid, self._take(record.series_uid), self)
        self._show()

    def _take(self, uid: str) -> object:
        def take(offers: tuple[Offer, ...]) -> None:
            if self._record is not None and self._record.series_uid == uid:
                self._offers = offers
                self._show()

        return take

    def _changed(self, uid: str) -> None:
        if self._record is not None and uid == self._record.series_uid:
            self._show()

    # ---- banners -----------------------------------------------------------------------------

    def _show(self) -> None:
        record = self._record
        if record is None:
            return
        self._show_missing(record)
        notes = [check for check in record.checks if is_note(check)]
        doubts = [check for check in record.checks if not is_note(check)]
        self.note.setVisible(bool(notes))
        if notes:
            title = ", ".join(check_words(check.code) for check in notes)
            words = " ".join(i18n.sentence(check.message) for check in notes)
            self.note.set("info", title, self._working(record, words), self._note_actions(record))
        place = self._place_of_actions(doubts) if not notes else -1
        for index, banner in enumerate(self.doubts):
            banner.setVisible(index < len(doubts))
            if index < len(doubts):
                actions = self._doubt_actions(record) if index == place else []
                self._fill(banner, doubts, index, actions)
        if doubts and place >= 0 and self._remedies.busy(record.series_uid):
            shown = self.doubts[place]
            shown.set("warn", shown.title_text(), self._working(record, shown.text()))

    def _fill(self, banner: Banner, doubts: list[Check], index: int, actions: list[Action]) -> None:
        check = doubts[index]
        title, words = check_words(check.code), i18n.sentence(check.message)
        rest = doubts[index:] if index == _BANNERS - 1 else []
        if len(rest) > 1:
            title = ", ".join(check_words(one.code) for one in rest)
            words = "\n".join(i18n.sentence(one.message) for one in rest)
        banner.set("warn", title, words, actions)

    @staticmethod
    def _place_of_actions(doubts: list[Check]) -> int:
        """The banner that gets the buttons: the first that a remedy can end, else the first."""
        codes = [check.code for check in doubts[:_BANNERS]]
        return next((i for i, code in enumerate(codes) if code in _CURABLE), 0 if codes else -1)

    def _working(self, record: SeriesRecord, words: str) -> str:
        if not self._remedies.busy(record.series_uid):
            return words
        return self.tr("The volume is being changed; its label follows…")

    def _doubt_actions(self, record: SeriesRecord) -> list[Action]:
        if self._remedies.busy(record.series_uid):
            return []
        others = [offer for offer in self._offers if not offer.current]
        best = next((offer for offer in others if offer.recommended), None)
        actions: list[Action] = []
        if best is not None:
            actions.append(self._button(record, best))
            others.remove(best)
        if len(others) == 1 and best is None:
            actions.append(self._button(record, others[0]))
        elif others:
            actions.append((self.tr("Other remedies…"), self.choose))
        return actions

    def _note_actions(self, record: SeriesRecord) -> list[Action]:
        if self._remedies.busy(record.series_uid):
            return []
        own = any(not choice.undone for choice in record.choices)
        words = self.tr("Undo split") if record.part_of and not own else self.tr("Undo")
        actions: list[Action] = [(words, lambda: self._remedies.undo(record.series_uid))]
        if sum(not offer.current for offer in self._offers) > 1:
            actions.append((self.tr("Other remedies…"), self.choose))
        return actions

    def _button(self, record: SeriesRecord, offer: Offer) -> Action:
        uid, remedy = record.series_uid, offer.remedy
        words = remedy_words(remedy.kind)
        return (words, lambda: self._remedies.apply(uid, remedy), i18n.sentence(offer.text))

    # ---- actions -----------------------------------------------------------------------------

    def choose(self) -> None:
        """All remedies with what each does to this volume."""
        record = self._record
        if record is None:
            return
        names = {offer.remedy.kind: remedy_words(offer.remedy.kind) for offer in self._offers}
        dialog = RemedyDialog(self.window(), record, self._offers, names)
        chosen: Remedy | None = dialog.chosen() if dialog.exec() else None
        dialog.deleteLater()
        if chosen is not None:
            self._remedies.apply(record.series_uid, chosen)

    def _show_missing(self, record: SeriesRecord) -> None:
        self.missing.setVisible(record.missing)
        if not record.missing:
            return
        first = record.files[0].parent.name if record.files else ""
        words = self.tr("The images are no longer in the folder {0}. Labels are kept.")
        find = (self.tr("Find folder…"), self._relocate)
        self.missing.set("err", self.tr("Files moved"), words.format(first), [find])

    def _relocate(self) -> None:
        if self._record is None or not self._record.files:
            return
        old = self._record.files[0].parent
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Where is the folder now?"))
        if not chosen:
            return
        try:
            found = self._session.require_project().relocate(old, Path(chosen))
        except UserError as error:
            self._session.error.emit(self.tr("The files were not found"), error.sentence)
            return
        self._session.refresh_series()
        words = self.tr("%n series found again", "", len(found))
        self._session.message.emit(words, None)
