"""What a DICOM label says of itself: how it was made, and what its lesions are in codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from core.labels.schema import LabelSchema
from gui.widgets import ComboField, Field, Segmented, caption, label

if TYPE_CHECKING:
    from core.export.labels import LabelOptions

#: The codes of core.dicom.writing.meaning.TUMOURS, which would bring pydicom into the window.
TUMOUR_CODES: Final = (
    "108369006^SCT^Neoplasm",
    "86049000^SCT^Neoplasm, Primary",
    "14799000^SCT^Neoplasm, Secondary",
    "52988006^SCT^Lesion",
)
_OWN = "own"


class LabelMeaning(QWidget):
    """Two rows of choices. changed: something was chosen."""

    changed = Signal()

    def __init__(self, schema: LabelSchema) -> None:
        super().__init__()
        self._lesions = [c.name for c in schema.classes if c.lesion]
        names = {
            "108369006": self.tr("Neoplasm (tumour)"),
            "86049000": self.tr("Primary tumour"),
            "14799000": self.tr("Metastasis"),
            "52988006": self.tr("Lesion, not necessarily a tumour"),
        }
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.made = Segmented(
            (
                ("manual", self.tr("By hand")),
                ("semi-automatic", self.tr("Semi-automatic")),
                ("automatic", self.tr("Automatic")),
            ),
            stretch=True,
        )
        self.made.setAccessibleName(self.tr("Outlines made"))
        self.made.changed.connect(lambda _key: self.changed.emit())
        options = [(code, f"{names[code.split('^')[0]]} · {code.split('^')[0]}")
                   for code in TUMOUR_CODES]  # fmt: skip
        self.code = ComboField("", [*options, (_OWN, self.tr("Another code…"))])
        self.code.setAccessibleName(self.tr("Lesions mean"))
        self.code.changed.connect(self._code_chosen)
        self.own = Field(placeholder="108369006^SCT^Neoplasm")
        self.own.setAccessibleName(self.tr("Code, scheme and meaning"))
        self.own.textChanged.connect(lambda _text: self.changed.emit())
        self.help = caption(self.tr("Code^scheme^meaning, as DICOM writes them"))
        grid.addWidget(label(self.tr("Outlines made"), tone="t2"), 0, 0)
        grid.addWidget(self.made, 0, 1)
        grid.addWidget(label(self.tr("Lesions mean"), tone="t2"), 1, 0)
        grid.addWidget(self.code, 1, 1)
        grid.addWidget(self.own, 2, 1)
        grid.addWidget(self.help, 3, 1)
        self._code_chosen()

    def _code_chosen(self) -> None:
        own = self.code.key() == _OWN
        self.own.setVisible(own)
        self.help.setVisible(own)
        self.changed.emit()

    def options(self) -> LabelOptions:
        """What was chosen. Raises UserError for a code of one's own that is none."""
        from core.dicom.writing.meaning import parse_code  # noqa: PLC0415 - brings pydicom
        from core.export.labels import LabelOptions  # noqa: PLC0415

        text = self.own.text() if self.code.key() == _OWN else self.code.key()
        code = parse_code(text)
        return LabelOptions(self.made.key(), meanings=dict.fromkeys(self._lesions, code))  # type: ignore[arg-type]
