"""How long a run lasts, changed while it trains or after its end: a menu and a small dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QDialog, QHBoxLayout, QWidget

from core.project.orders import Order
from core.project.runs import RunRecord
from gui.widgets import Dialog, Menu, NumberField, label

if TYPE_CHECKING:
    from gui.run.supervisor import RunSupervisor

#: Minutes the menu offers.
STEPS = (10, 30, 60)
#: The longest a run may last in all: two weeks, as of a plan.
_MOST = 60 * 24 * 14


class LengthDialog(Dialog):
    """Asks for the minutes a run shall last in all; :meth:`minutes` once accepted."""

    def __init__(self, parent: QWidget | None, run: RunRecord) -> None:
        super().__init__(parent, "", 440)
        self.heading.setText(self.tr("Length of {0}").format(run.id))
        had = run.elapsed / 60
        words = self.tr(
            "It has trained for {0} minutes. Its learning rate falls to zero by the new end; where "
            "it has fallen low already, a longer run raises it again first."
        ).format(f"{had:.0f}")
        self.body.addWidget(label(words, 13, 400, "t2", wrap=True))
        row = QHBoxLayout()
        name = self.tr("Minutes in all")
        planned = run.plan.get("budget_minutes") or had
        self.field = NumberField(max(planned, had + 1), self.tr("min"), had, _MOST)
        self.field.setAccessibleName(name)
        row.addWidget(label(name, tone="t2"))
        row.addWidget(self.field, 1)
        self.body.addLayout(row)
        cancel = self.add_button(self.tr("Cancel"), "ghost")
        cancel.clicked.connect(self.reject)
        self.apply = self.add_button(self.tr("Change length"), "primary")
        self.apply.setDefault(True)
        self.apply.clicked.connect(self.accept)

    def minutes(self) -> float:
        """The last valid number."""
        return self.field.value()


class RunLength(QObject):
    """Orders about the length of the run on the screen. shown: gives it."""

    def __init__(
        self,
        page: QWidget,
        supervisor: RunSupervisor,
        shown: Callable[[], RunRecord | None],
    ) -> None:
        super().__init__(page)
        self._page, self._supervisor, self._shown = page, supervisor, shown

    def show_menu(self, place: QPoint) -> None:
        """Open the menu at ``place`` on the screen."""
        if self._shown() is not None:
            menu = self.menu()
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(place)

    def menu(self) -> Menu:
        """So many minutes longer, or another length in all."""
        menu = Menu(self._page)
        for minutes in STEPS:
            menu.add(
                self.tr("{0} minutes longer").format(minutes),
                lambda minutes=minutes: self.extend(minutes),
                icon="ph.timer",
            )
        menu.addSeparator()
        menu.add(self.tr("Change length…"), self.ask, icon="ph.clock-afternoon")
        return menu

    def extend(self, minutes: float) -> None:
        """Give the run more time; one that has ended goes on."""
        self._order(Order("extend", minutes))

    def ask(self) -> None:
        """Ask for a length in all."""
        run = self._shown()
        if run is None:
            return
        dialog = LengthDialog(self._page.window(), run)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._order(Order("budget", dialog.minutes()))
        dialog.setParent(None)
        dialog.deleteLater()

    def _order(self, order: Order) -> None:
        run = self._shown()
        if run is not None:
            self._supervisor.order(run.id, order)
