"""With pseudonyms on no page gets to know a patient's name; off again, all are back."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.events import CaseResult
from core.geometry import Geometry
from core.project.identity import identity_of
from core.project.project import Project
from core.project.records import SeriesRecord
from gui import preferences
from gui.dialogs.settings import SettingsDialog
from gui.pages.library_model import LibraryModel
from gui.run.gallery import GalleryCard
from gui.run.history import RunHistory
from gui.session import Session
from tests.gui.run.recorded import validation


@pytest.fixture
def session(qtbot, tmp_path):
    with Project.create(tmp_path / "p") as project:
        for number, patient in enumerate(("Doe^Jane", "Doe^Jane", "Roe^Max", ""), start=1):
            project.library.upsert(
                SeriesRecord(
                    series_uid=f"1.{number}", patient_id=patient, modality="CT",
                    description="Abdomen of Mrs Doe", geometry=Geometry((2, 3, 4), (1, 1, 1)),
                    files=(Path("x"),), source="image",
                )
            )  # fmt: skip
    made = Session()
    assert made.open_project(tmp_path / "p")
    yield made
    made.shutdown()


def test_rows_carry_pseudonyms_while_the_project_keeps_the_names(session) -> None:
    told = []
    session.series_changed.connect(lambda: told.append(1))
    session.set_pseudonyms(True)
    assert told
    of = {r.series_uid: r.patient_id for r in session.series()}
    assert of["1.1"] == of["1.2"] == identity_of(session.project).pseudonym("Doe^Jane")
    assert of["1.3"].startswith("LF-") and of["1.3"] != of["1.1"] and of["1.4"] == ""
    assert session.record("1.3").patient_id == of["1.3"]
    assert all(not r.description for r in session.series())
    assert session.project.record("1.1").patient_id == "Doe^Jane"
    session.set_pseudonyms(False)
    assert session.record("1.1").patient_id == "Doe^Jane"


def test_the_library_shows_and_finds_pseudonyms_only(session) -> None:
    session.set_pseudonyms(True)
    model = LibraryModel()
    model.set_rows(session.series())
    shown = [
        str(model.index(row, column).data())
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    ]
    assert shown and not any("Doe" in text or "Roe" in text for text in shown)


def test_sentences_name_no_patient(session) -> None:
    sentence = "The series of patient Doe^Jane has no label yet."
    assert session.shown_text(sentence) == sentence
    session.set_pseudonyms(True)
    pseudonym = session.shown("Doe^Jane")
    assert session.shown_text(sentence) == f"The series of patient {pseudonym} has no label yet."


def test_the_switch_is_kept(session, qtbot) -> None:
    dialog = SettingsDialog(None)
    qtbot.addWidget(dialog)
    dialog.pseudonyms_changed.connect(session.set_pseudonyms)
    dialog.pseudonyms.click()
    assert session.pseudonyms and preferences.load().pseudonyms
    dialog.pseudonyms.click()
    assert not session.pseudonyms and not preferences.load().pseudonyms


def test_pictures_of_validation_cases_name_no_patient(session, qtbot, tmp_path) -> None:
    session.set_pseudonyms(True)
    gallery = GalleryCard()
    qtbot.addWidget(gallery)
    gallery.name_of = session.shown
    case = CaseResult(series_uid="1.1", patient_id="Doe^Jane", dice=0.8, preview="")
    gallery.show_history(RunHistory([validation(1.0, 0.8, cases=(case,))]), tmp_path)
    (tile,) = gallery.row.tiles
    assert tile.accessibleName().startswith(session.shown("Doe^Jane"))
