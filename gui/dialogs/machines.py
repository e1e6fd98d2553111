"""Other machines to train on: entered, tested, removed."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from core.errors import UserError
from core.jobs.machines import Machine, machines, save_machines
from core.jobs.remote_run import Checked, check
from gui import i18n
from gui.tasks import TaskPool
from gui.widgets import Banner, Button, ComboField, Dialog, Field, caption, label

_NEW = ""


class MachinesDialog(Dialog):
    """saved: the list of machines was changed."""

    saved = Signal()

    def __init__(self, parent: QWidget | None, tasks: TaskPool) -> None:
        super().__init__(parent, "", 560)
        self.heading.setText(self.tr("Machines"))
        self._tasks = tasks
        words = self.tr(
            "A Linux machine with the same version of LesionForge, reached by ssh with your key. "
            "Its host key must be known here. Only preprocessed cases without names go there."
        )
        self.body.addWidget(label(words, 13, 400, "t2", wrap=True))
        self._build_fields()
        self.banner = Banner("info", "")
        self.banner.hide()
        self.body.addWidget(self.banner)
        self.remove = Button(self.tr("Remove"), "ghost", "ph.trash")
        self.remove.clicked.connect(lambda _checked=False: self._remove())
        self.buttons.insertWidget(0, self.remove)
        self.test = self.add_button(self.tr("Test connection"), "secondary")
        self.test.clicked.connect(lambda _checked=False: self._test())
        self.save = self.add_button(self.tr("Save"), "primary")
        self.save.clicked.connect(lambda _checked=False: self._save())
        self.save.setDefault(True)
        self._list()

    def _build_fields(self) -> None:
        self.chosen = ComboField("", [(_NEW, self.tr("New machine"))])
        self.chosen.setAccessibleName(self.tr("Machine"))
        self.chosen.changed.connect(lambda _key: self._show())
        self.name = Field("", "gpu-box")
        self.host = Field("", self.tr("user@host, or an alias of your ssh_config"))
        self.python = Field("python3")
        self.folder = Field("~/.lesionforge")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        rows = (
            (self.tr("Machine"), self.chosen), (self.tr("Name"), self.name),
            (self.tr("Address"), self.host), (self.tr("Python there"), self.python),
            (self.tr("Folder there"), self.folder),
        )  # fmt: skip
        for row, (words, field) in enumerate(rows):
            grid.addWidget(label(words, tone="t2"), row, 0)
            grid.addWidget(field, row, 1)
            field.setAccessibleName(words)
        self.body.addLayout(grid)
        row = QHBoxLayout()
        row.addWidget(caption(self.tr("Passwords are never used or stored."), wrap=True))
        self.body.addLayout(row)

    # ---- the list ----------------------------------------------------------------------------

    def _list(self, choose: str = _NEW) -> None:
        options = [(_NEW, self.tr("New machine"))]
        options += [(machine.name, machine.name) for machine in machines()]
        self.chosen.set_options(options)
        self.chosen.set_key(choose)
        self._show()

    def _show(self) -> None:
        key = self.chosen.key()
        known = next((m for m in machines() if m.name == key), None)
        self.remove.setVisible(known is not None)
        self.name.setText(known.name if known else "")
        self.host.setText(known.host if known else "")
        self.python.setText(known.python if known else "python3")
        self.folder.setText(known.folder if known else "~/.lesionforge")
        self.banner.hide()
        self.fit()

    def machine(self) -> Machine | None:
        """The machine as it is entered; None, with the reason shown, where it is none."""
        known = next((m for m in machines() if m.name == self.chosen.key()), None)
        try:
            return Machine(
                name=self.name.text().strip(),
                host=self.host.text().strip(),
                port=known.port if known else 0,
                python=self.python.text().strip(),
                folder=self.folder.text().strip(),
                config=known.config if known else "",
            )
        except UserError as error:
            self._say("warn", self.tr("This cannot be used"), error.sentence)
            return None

    def _save(self) -> None:
        machine = self.machine()
        if machine is None:
            return
        replaced = {machine.name, self.chosen.key()}
        save_machines([*(m for m in machines() if m.name not in replaced), machine])
        self.saved.emit()
        self.accept()

    def _remove(self) -> None:
        save_machines([m for m in machines() if m.name != self.chosen.key()])
        self.saved.emit()
        self._list()

    # ---- the test ----------------------------------------------------------------------------

    def _test(self) -> None:
        machine = self.machine()
        if machine is None:
            return
        self.test.setEnabled(False)
        self._say("info", self.tr("Connecting to {0}").format(machine.name), "")
        self._tasks.run(
            check, machine, on_done=self._passed, on_error=self._failed,
            key="machine", owner=self,
        )  # fmt: skip

    def _passed(self, found: Checked) -> None:
        self.test.setEnabled(True)
        devices = ", ".join(device.name for device in found.devices)
        free = f"{found.free / 1e9:.0f}"
        self._say(
            "ok",
            self.tr("The connection works"),
            self.tr("{0}. {1} GB free.").format(devices, free),
        )

    def _failed(self, sentence: str) -> None:
        self.test.setEnabled(True)
        self._say("warn", self.tr("The machine cannot be used yet"), sentence)

    def _say(self, kind: str, title: str, words: str) -> None:
        self.banner.set(kind, title, i18n.sentence(words))
        self.banner.show()
        self.fit()
