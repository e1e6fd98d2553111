# ruff: noqa: F811 - pytest passes fixtures by the name they are imported under
"""The Label page on real CT: what is clicked is what is read and painted."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QWidget

from core.project.importer import import_paths
from core.project.project import Project
from core.project.reading import read_volume
from gui.pages.label import LabelPage
from tests.gui.label_case import FakeSupervisor, drag, place_of
from tests.gui.label_fixtures import session  # noqa: F401

SOURCES = ("sts/dicom/STS_002/CT", "niivue")


@pytest.mark.real_data
@pytest.mark.parametrize("source", SOURCES)
def test_every_plane_paints_and_reads_the_voxel_under_the_pointer(  # noqa: PLR0917 - fixtures
    qtbot, session, shared_data, tmp_path, monkeypatch, source
):
    monkeypatch.setattr(LabelPage, "_volume_view", lambda self: QWidget())
    with Project.create(tmp_path / "project") as project:
        found = import_paths(project, [shared_data / source]).series
    assert found
    session.open_project(tmp_path / "project")
    page = LabelPage(session, FakeSupervisor())
    qtbot.addWidget(page)
    page.resize(1400, 860)
    page.show()
    page.toolbox.settings.set(size_mm=0.1)
    for record in found:
        with qtbot.waitSignal(page.document.opened, timeout=60_000):
            session.open_series(record.series_uid)
        doc, hu = page.document, read_volume(record).hu
        assert doc.findings.all or not record.labels
        for number, view in enumerate(page.views.planes.values()):
            target = tuple(n // 2 + number for n in record.geometry.shape)
            doc.set_cursor(target)
            place = place_of(view, target)
            event = view._event(QPointF(*place))
            assert view.readout(event).replace("−", "-").startswith(f"{hu[target]} HU")
            before = doc.labels.copy()
            before[target] = 1
            drag(view, [place])
            assert (doc.labels == before).all()
            assert view.grab().width() > 0
