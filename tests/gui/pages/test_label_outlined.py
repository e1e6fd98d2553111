# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""Classes that are not sure, and classes that are not outlined in the whole of a series."""

from __future__ import annotations

import pytest

from gui.pages.label_classes import ClassDialog
from tests.gui.label_fixtures import axial, page, session, supervisor  # noqa: F401


@pytest.fixture
def classes(page):
    return page.side.classes


def test_a_class_is_marked_as_not_sure(page, classes, monkeypatch):
    def fill(dialog: ClassDialog) -> bool:
        dialog.lesion.setChecked(True)
        dialog.ignore.setChecked(True)
        assert not dialog.lesion.isChecked()
        dialog.name.setText("Maybe")
        return True

    monkeypatch.setattr(ClassDialog, "exec", fill)
    classes.add_class()
    made = page.document.schema.classes[-1]
    assert (made.name, made.ignore, made.lesion) == ("Maybe", True, False)
    assert page.document.project.schema.ignore_value == made.value
    assert "neither learned nor scored" in classes.rows[made.value].toolTip()


def test_another_class_takes_its_place(page, classes, monkeypatch):
    page.document.set_schema(page.document.schema.with_ignored(4))

    def fill(dialog: ClassDialog) -> bool:
        assert not dialog.ignore.isChecked()
        dialog.ignore.setChecked(True)
        return True

    monkeypatch.setattr(ClassDialog, "exec", fill)
    classes._edit(page.document.schema.by_value(1))
    schema = page.document.schema
    assert schema.ignore_value == 1
    assert not schema.by_value(1).lesion
    assert not schema.by_value(4).ignore


def test_a_class_is_not_outlined_everywhere(page, classes):
    uid = page.document.uid
    page.session.set_outlined(uid, 2, False)
    page.session.set_outlined(uid, 1, False)
    assert page.session.record(uid).unannotated == (1, 2)
    assert "the rest is unknown" in classes.rows[1].toolTip()
    page.session.set_outlined(uid, 1, True)
    assert page.session.record(uid).unannotated == (2,)
    assert "unknown" not in classes.rows[1].toolTip()
