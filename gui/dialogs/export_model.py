"""Export a model: format and place on the left, what goes in and the check on the right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QButtonGroup, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from core.errors import UserError
from core.events import Event, ResultEvent, StageEvent, StateEvent
from core.jobs.spec import ExportJob
from core.models.store import ModelEntry, read_description
from core.models.words import difference, size
from core.project.project import Project
from gui.dialogs.export_parts import FormatCard, ResultPanel
from gui.widgets import Button, Dialog, Field, IconButton, KeyValue, heading, label, set_tone

if TYPE_CHECKING:
    from gui.run.supervisor import JobHandle, RunSupervisor

WIDTH = 1008


class ExportDialog(Dialog):
    """Runs the export in a child process. written: a file was written."""

    written = Signal()

    def __init__(
        self,
        parent: QWidget | None,
        project: Project,
        entry: ModelEntry,
        supervisor: RunSupervisor,
    ) -> None:
        super().__init__(parent, "", WIDTH)
        self.heading.setText(self.tr("Export {0}").format(entry.card.title))
        self._project, self._entry, self._supervisor = project, entry, supervisor
        self._handle: JobHandle | None = None
        self._done: Path | None = None
        self._closed = False
        row = QHBoxLayout()
        row.setSpacing(32)
        row.addLayout(self._left(), 1)
        row.addLayout(self._right(), 1)
        self.body.addLayout(row)
        self._footer()
        self._formats["onnx"].setChecked(True)
        self._format_changed()

    # ---- parts -------------------------------------------------------------------------------

    def _left(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(heading(self.tr("Format"), 13))
        bytes_ = self._entry.weights.stat().st_size
        about = self.tr("about {0}").format(size(bytes_))
        self._formats = {
            "safetensors": FormatCard(
                self.tr("PyTorch checkpoint"), ".safetensors", size(bytes_),
                self.tr("Weights, plan and card. Opens in this app and in PyTorch."),
            ),
            "onnx": FormatCard(
                "ONNX", ".onnx", about,
                self.tr("For ONNX Runtime, TensorRT and other engines."),
            ),
        }  # fmt: skip
        group = QButtonGroup(self)
        for card in self._formats.values():
            group.addButton(card)
            column.addWidget(card)
            card.toggled.connect(lambda on: self._format_changed() if on else None)
        column.addSpacing(8)
        column.addWidget(heading(self.tr("Save to"), 13))
        line = QHBoxLayout()
        line.setSpacing(8)
        self.path = Field()
        self.path.setAccessibleName(self.tr("Save to"))
        self.path.textChanged.connect(lambda _text: self._path_changed())
        line.addWidget(self.path, 1)
        browse = IconButton("ph.folder-open", self.tr("Choose a file"))
        browse.clicked.connect(self._browse)
        line.addWidget(browse)
        column.addLayout(line)
        self.note = label("", 12, 400, "t3")
        column.addWidget(self.note)
        column.addStretch(1)
        return column

    def _right(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(heading(self.tr("What the file holds"), 13))
        self.facts = KeyValue((), key_width=128)
        column.addWidget(self.facts)
        column.addSpacing(4)
        self.result_panel = ResultPanel()
        column.addWidget(self.result_panel)
        column.addStretch(1)
        return column

    def _footer(self) -> None:
        self.words = label("", 13, 400, "t2")
        self.buttons.insertWidget(0, self.words)
        self.folder_button = self.add_button(self.tr("Show in folder"), "ghost", "ph.folder-open")
        self.folder_button.clicked.connect(self._show_folder)
        self.folder_button.hide()
        self.close_button = self.add_button(self.tr("Cancel"), "ghost")
        self.close_button.clicked.connect(self._cancel_or_close)
        self.export_button: Button = self.add_button(self.tr("Export"), "primary", "ph.export")
        self.export_button.clicked.connect(self.start)
        self.done_button = self.add_button(self.tr("Done"), "primary")
        self.done_button.clicked.connect(self.accept)
        self.done_button.hide()

    # ---- choosing ----------------------------------------------------------------------------

    @property
    def format(self) -> str:
        """Key of the chosen format."""
        return next(key for key, card in self._formats.items() if card.isChecked())

    def choose(self, key: str) -> None:
        """Choose a format. Raises KeyError on an unknown one."""
        self._formats[key].setChecked(True)

    def _suggestion(self) -> Path:
        card = self._entry.card
        stem = re.sub(r"[^a-z0-9.]+", "-", card.title.casefold()).strip("-") or self._entry.id
        return self._project.exports_dir / f"{stem}{self._formats[self.format].ending}"

    def _format_changed(self) -> None:
        current = Path(self.path.text().strip()) if self.path.text().strip() else None
        suggestion = self._suggestion()
        place = suggestion if current is None else current.with_suffix(suggestion.suffix)
        self.path.setText(str(place))
        self.facts.set_rows(self._facts())
        self._reset()

    def _facts(self) -> list[tuple[str, str]]:
        try:
            _, plan, card = read_description(self._entry.weights)
        except UserError as error:
            return [(self.tr("Not possible"), error.sentence)]
        z, y, x = plan.divisor
        rows = [(self.tr("Precision"), "fp32")]
        if self.format == "onnx":
            rows.append((self.tr("Opset"), "18"))
            free = self.tr("Any multiple of {0}").format(f"{z} × {y} × {x}")
            rows.append((self.tr("Patch size"), free))
        sz, sy, sx = plan.spacing
        rows += [
            (self.tr("Input"), self.tr("CT at {0} mm").format(f"{sx:.2f} × {sy:.2f} × {sz:.1f}")),
            (self.tr("Output"), self.tr("Background, {0}").format(", ".join(card.classes))),
            (self.tr("Metadata"), self.tr("Plan and model card, as JSON")),
            (self.tr("Check"), self.tr("A whole case in both, max |Δ| of softmax ≤ 1e−03")),
        ]
        return rows

    def _path_changed(self) -> None:
        self._reset()
        text = self.path.text().strip()
        path = Path(text)
        ending = self._formats[self.format].ending
        wrong = ""
        if path.suffix.lower() != ending:
            wrong = self.tr("The file name must end in {0}").format(ending)
        elif not path.is_absolute():
            wrong = self.tr("Give the whole path of the file")
        elif path.parent != self._project.exports_dir and not path.parent.is_dir():
            wrong = self.tr("This folder does not exist")
        self.path.set_invalid(wrong)
        exists = not wrong and path.exists()
        self.note.setText(wrong or (self.tr("Replaces the file of that name") if exists else ""))
        set_tone(self.note, "err" if wrong else "t3")
        self.export_button.setEnabled(not wrong)
        self.export_button.setToolTip(wrong)

    def _browse(self) -> None:
        ending = self._formats[self.format].ending
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save to"), self.path.text(), f"*{ending}"
        )
        if chosen:
            path = Path(chosen)
            self.path.setText(str(path if path.suffix else path.with_suffix(ending)))

    # ---- running -----------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether an export is going on."""
        return self._handle is not None

    def start(self) -> None:
        """Export in a child process and check the file."""
        path = Path(self.path.text().strip())
        path.parent.mkdir(parents=True, exist_ok=True)
        job = ExportJob(
            project=self._project.path, model_id=self._entry.id, format=self.format, path=path
        )
        self._freeze(True)
        self.words.setText("")
        self.result_panel.show_progress(self.tr("Writing the file"), 0, 0)
        self._handle = self._supervisor.submit(job, self._event, self._ended)

    def _event(self, event: Event) -> None:
        if self._closed:
            return
        if isinstance(event, StageEvent) and event.total > 1:
            words = self.tr("Checking against PyTorch")
            self.result_panel.show_progress(words, event.done, event.total)
        elif isinstance(event, ResultEvent) and event.name == "export":
            self._show_result(event)

    def _show_result(self, event: ResultEvent) -> None:
        data = event.data
        path = Path(str(data["path"]))
        passed = bool(data["passed"])
        delta, limit = float(data["max_abs_difference"]), float(data["limit"])
        rows = [
            (self.tr("Compared on"), self.tr("A whole case") if data["checked_on"] == "case"
             else self.tr("A computed patch")),
            (self.tr("Max |Δ| of softmax"), difference(delta)),
            (self.tr("Same voxels"), f"{100 * float(data['same_voxels']):.3f} %"),
        ]  # fmt: skip
        if data.get("dice") is not None:
            rows.append((self.tr("Dice between both masks"), f"{float(data['dice']):.4f}"))
        title = (
            self.tr("The exported model matches")
            if passed
            else self.tr("The exported model differs from the trained one")
        )
        self.result_panel.show_result(
            passed, title, self.tr("{0:.0f} s").format(float(data["seconds"])), rows=rows,
            share=delta / limit if limit else 1.0,
            limit=self.tr("limit {0}").format(difference(limit)),
        )  # fmt: skip
        self._done = path
        self.words.setText(self.tr("Written: {0}, {1}").format(path.name, size(int(data["bytes"]))))
        self.folder_button.show()
        self.written.emit()

    def _ended(self, state: StateEvent) -> None:
        self._handle = None
        if self._closed:
            return
        self._freeze(False)
        if state.state == "failed":
            self.result_panel.show_failure(self.tr("The file was not written"), state.sentence)
        elif state.state == "stopped" and self._done is None:
            self.result_panel.clear()
            self.words.setText(self.tr("Cancelled, nothing was written"))
        done = state.state == "done"
        self.export_button.setText(self.tr("Export again") if done else self.tr("Export"))
        self.export_button.setVisible(True)
        self.close_button.setVisible(not done)
        self.done_button.setVisible(done)
        if done:
            self.export_button.kind = "secondary"
            self.done_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _freeze(self, on: bool) -> None:
        for card in self._formats.values():
            card.setEnabled(not on)
        self.path.setEnabled(not on)
        self.export_button.setEnabled(not on)
        self.done_button.hide()
        self.close_button.show()

    def _reset(self) -> None:
        """Another file: the result shown belongs to the one before."""
        if self.running:
            return
        self._done = None
        self.result_panel.clear()
        self.words.setText("")
        self.folder_button.hide()
        self.done_button.hide()
        self.close_button.show()
        self.export_button.setText(self.tr("Export"))
        self.export_button.kind = "primary"
        self.export_button.update()

    def _cancel_or_close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        else:
            self.reject()

    def done(self, result: int) -> None:
        """Closing ends an export that still runs."""
        self._closed = True
        if self._handle is not None:
            self._handle.cancel()
        super().done(result)

    def _show_folder(self) -> None:
        if self._done is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._done.parent)))
