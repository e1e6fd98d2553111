"""With pseudonyms on no page gets to know a patient's name; off again, all are back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractItemView, QWidget

from core.events import CaseResult, HintEvent
from core.geometry import Geometry
from core.project.identity import identity_of
from core.project.project import Project
from core.project.records import SeriesRecord
from core.project.runs import LOG, create_run, list_runs
from core.training import hints
from gui import preferences
from gui.dialogs.settings import SettingsDialog
from gui.pages.library import LibraryPage
from gui.pages.library_model import LibraryModel
from gui.pages.train import TrainPage
from gui.run.gallery import GalleryCard
from gui.run.history import RunHistory
from gui.run.supervisor import RunSupervisor
from gui.session import Session
from gui.widgets.status_bar import StatusBar
from tests.core.data.plans import tiny_plan
from tests.gui.run.recorded import START, state, validation, write_events


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


def told(root: QWidget) -> Iterator[str]:
    """All that a window says, shown or hidden: texts, tooltips, names for screen readers, rows."""
    for widget in (root, *root.findChildren(QWidget)):
        yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription())
        for name in ("text", "toPlainText", "title"):
            words = getattr(widget, name, None)
            found = words() if callable(words) else ""
            yield found if isinstance(found, str) else ""
        model = widget.model() if isinstance(widget, QAbstractItemView) else None
        if model is not None:
            for row in range(model.rowCount()):
                for column in range(model.columnCount()):
                    yield str(model.index(row, column).data())


def names_in(*roots: QWidget) -> set[str]:
    """Parts of patients' names that any of the windows says."""
    return {name for root in roots for words in told(root) for name in ("Doe", "Roe")
            if name in words}  # fmt: skip


@pytest.fixture
def pages(session, qtbot) -> Iterator[list[QWidget]]:
    """A run that failed over a patient and has a hint on one, the library, the status bar."""
    warned = HintEvent(
        step=9, hint="label", series_uid="1.1", time=START + 1,
        sentence=hints.disagreement("Doe^Jane", 0.1, 0.8),
    )  # fmt: skip
    ended = state("failed", 2, "The label of patient Roe^Max cannot be read.")
    run = create_run(session.require_project(), tiny_plan(), "Mine")
    write_events(run.path, [state("running", 0), warned, ended])
    supervisor = RunSupervisor(session)
    made = [TrainPage(session, supervisor), LibraryPage(session, supervisor), StatusBar(session)]
    for page in made:
        qtbot.addWidget(page)
        page.show()
    session.run_event.emit(run.id, ended)
    train = made[0]
    qtbot.waitUntil(lambda: "Doe" in train.view.log.text.toPlainText(), timeout=15_000)
    yield made
    for page in made:
        page.close()
    supervisor.shutdown()


def test_no_page_keeps_a_name_after_the_switch(session, pages) -> None:
    train, library, bar = pages
    assert all(names_in(page) for page in pages)
    train.hide()
    session.set_pseudonyms(True)
    bar.refresh()
    library.filters.search.setText("Doe")
    library.refresh()
    assert library.model.rowCount() == 0
    library.filters.search.setText("")
    library.refresh()
    assert library.model.rowCount() == 4
    assert names_in(*pages) == set()
    view, pseudonym = train.view, session.shown("Doe^Jane")
    for words in (view.hints.text(), view.log.text.toPlainText()):
        assert pseudonym in words
    for words in (view.banner.text(), view.log.last.words(), bar.detail.toolTip()):
        assert session.shown("Roe^Max") in words
    session.set_pseudonyms(False)
    assert "Doe^Jane" in view.hints.text() and "Roe^Max" in view.log.last.words()


def test_what_the_process_printed_names_no_patient(session, pages) -> None:
    view = pages[0].view
    (run,) = list_runs(session.require_project())
    (run.path / LOG).write_text("ValueError: label of Doe^Jane", encoding="utf-8")
    view.log.append_output()
    assert "ValueError: label of Doe^Jane" in view.log.text.toPlainText()
    session.set_pseudonyms(True)
    assert f"ValueError: label of {session.shown('Doe^Jane')}" in view.log.text.toPlainText()
    assert "Doe" not in view.log.text.toPlainText()
