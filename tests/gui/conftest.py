"""Every window test sees the real look."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from gui import theme


@pytest.fixture(autouse=True)
def themed(qapp: QApplication) -> QApplication:
    """The application with the design's palette, font and style sheet."""
    if not qapp.styleSheet():
        theme.apply(qapp)
    return qapp
