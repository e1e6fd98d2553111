"""Settings for all projects: language, interface scale, and whether patients are named."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QWidget

from core.project.recent import config_dir
from gui import i18n, preferences
from gui.widgets import Button, ComboField, Dialog, Switch, caption, label


class SettingsDialog(Dialog):
    """Each choice takes effect at once, except the scale, which needs a new start.

    pseudonyms_changed: whether patients are shown under pseudonyms.
    """

    pseudonyms_changed = Signal(bool)

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, "", 520)
        self.heading.setText(self.tr("Settings"))
        self._preferences = preferences.load()
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        self.language = ComboField("", list(preferences.LANGUAGES.items()))
        self.language.setAccessibleName(self.tr("Language"))
        self.language.set_key(i18n.current_language())
        self.language.changed.connect(self._set_language)
        self.scale = ComboField("", [(str(s), f"{s} %") for s in preferences.SCALES])
        self.scale.setAccessibleName(self.tr("Interface scale"))
        self.scale.set_key(str(self._preferences.scale))
        self.scale.changed.connect(self._set_scale)
        grid.addWidget(label(self.tr("Language"), tone="t2"), 0, 0)
        grid.addWidget(self.language, 0, 1)
        grid.addWidget(label(self.tr("Interface scale"), tone="t2"), 1, 0)
        grid.addWidget(self.scale, 1, 1)
        grid.addWidget(caption(self.tr("The scale changes at the next start.")), 2, 1)
        self.pseudonyms = Switch(self.tr("Show pseudonyms"), self._preferences.pseudonyms)
        self.pseudonyms.toggled.connect(self._set_pseudonyms)
        grid.addWidget(label(self.tr("Show pseudonyms"), tone="t2"), 3, 0)
        grid.addWidget(self.pseudonyms, 3, 1)
        words = self.tr(
            "In place of patients' names, IDs and descriptions, in the whole window and in the "
            "names of exported files. The project keeps what it knows."
        )
        grid.addWidget(caption(words, wrap=True), 4, 1)
        logs = Button(self.tr("Show log folder"), "ghost", "ph.folder-open")
        logs.clicked.connect(self._show_logs)
        self.body.addLayout(grid)
        self.body.addSpacing(8)
        self.body.addWidget(caption(self.tr("The log holds no patient data."), wrap=True))
        self.buttons.insertWidget(0, logs)
        done = self.add_button(self.tr("Done"), "primary")
        done.setDefault(True)
        done.clicked.connect(self.accept)

    def _set_language(self, language: str) -> None:
        self._preferences = replace(self._preferences, language=language)
        preferences.save(self._preferences)
        self.accept()  # its own texts are in the old language
        i18n.install(language)

    def _set_scale(self, scale: str) -> None:
        self._preferences = replace(self._preferences, scale=int(scale))
        preferences.save(self._preferences)

    def _set_pseudonyms(self, on: bool) -> None:
        self._preferences = replace(self._preferences, pseudonyms=on)
        preferences.save(self._preferences)
        self.pseudonyms_changed.emit(on)

    def _show_logs(self) -> None:
        folder = config_dir() / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
