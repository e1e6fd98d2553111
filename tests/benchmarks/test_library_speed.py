"""The library with ten thousand series stays below a frame; run with --benchmark-only -n 0.

Beside it, in the same run, what Qt offers for the same: a table of items behind a proxy that sorts
and filters (``peer``). Ours answers more (every word in any of a dozen fields, chips, natural order
of names) and paints pictures and pills.
"""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QSortFilterProxyModel, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QTableView

from core.geometry import Geometry
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Check
from gui.pages.library import LibraryPage
from gui.pages.library_model import Column
from gui.session import Session

SERIES = 10_000
#: Time of the window's thread: pictures are made by others meanwhile.
TIMED = pytest.mark.benchmark(timer=time.thread_time)
WORDS = ("c", "ch", "chest", "chest 2015", "lf-01", "")


def rows(count: int = SERIES) -> list[SeriesRecord]:
    """Rows as an import would make them; there are no images behind them."""
    chance = random.Random(1)
    made = []
    for number in range(count):
        slices = chance.choice((60, 120, 300))
        day = f"{chance.randrange(2010, 2024)}-{chance.randrange(1, 13):02}-{number % 28 + 1:02}"
        doubt = (Check("missing-slice", "Missing slices: one."),) if number % 20 == 0 else ()
        made.append(
            SeriesRecord(
                series_uid=f"1.2.826.{number}", patient_id=f"LF-{number // 3:05}", modality="CT",
                description=chance.choice(("Abdomen, portal venous", "Chest, lung", "Head")),
                geometry=Geometry((slices, 512, 512), (2.5, 0.7, 0.7)), source="dicom",
                files=tuple(Path(f"/images/{number:05}/{i:03}.dcm") for i in range(4)),
                study_date=day, sex=chance.choice("MF"), age=str(chance.randrange(20, 90)),
                kernel="B30f", kvp="120", checks=doubt,
                split=chance.choice(("none", "train", "val")),
                label_status=chance.choice(("none", "draft", "reviewed")),
            )
        )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "big"
    with Project.create(path) as project:
        project.library.upsert_all(rows())
    return path


@pytest.fixture
def page(qtbot, folder):
    session = Session()
    session.open_project(folder)
    page = LibraryPage(session, None)
    qtbot.addWidget(page)
    page.resize(1528, 964)
    page.show()
    qtbot.waitExposed(page)
    # The pictures cannot be made; let that be over.
    qtbot.waitUntil(lambda: session.tasks.busy == 0, timeout=60_000)
    yield page
    session.shutdown()


def show() -> None:
    """What follows from a change: layout and painting."""
    QApplication.processEvents()


@TIMED
def test_typing_in_the_search(benchmark, page):
    words = itertools.cycle(WORDS)

    def type_on():
        page.filters.search.setText(next(words))
        page.filters.search._wait.stop()
        page.refresh()
        show()

    benchmark.pedantic(type_on, rounds=12, warmup_rounds=6)


@TIMED
def test_sorting_by_another_column(benchmark, page):
    columns = itertools.cycle((Column.DATE, Column.DESCRIPTION, Column.SLICES, Column.PATIENT))

    def sort():
        page.table.header.setSortIndicator(next(columns), Qt.SortOrder.AscendingOrder)
        show()

    benchmark.pedantic(sort, rounds=8, warmup_rounds=4)


@TIMED
def test_a_chip(benchmark, page):
    chips = itertools.cycle(("draft", "checks", "all"))

    def choose():
        page.filters.chips[next(chips)].click()
        show()

    benchmark.pedantic(choose, rounds=9, warmup_rounds=3)


@TIMED
def test_a_screen_of_the_table(benchmark, page):
    bar = page.table.verticalScrollBar()

    def scroll():
        bar.setValue((bar.value() + 700) % bar.maximum())
        show()

    benchmark.pedantic(scroll, rounds=30, warmup_rounds=5)


@TIMED
def test_a_notch_of_the_wheel(benchmark, page):
    bar = page.table.verticalScrollBar()

    def scroll():
        bar.setValue((bar.value() + 84) % bar.maximum())
        show()

    benchmark.pedantic(scroll, rounds=60, warmup_rounds=5)


@TIMED
def test_choosing_a_row_and_all_rows(benchmark, page):
    def choose():
        page.table.selectAll()
        show()
        page.table.selectRow(5)
        show()

    benchmark.pedantic(choose, rounds=5, warmup_rounds=1)


@pytest.fixture
def peer(qtbot):
    """The same rows as items, sorted and filtered by Qt's proxy."""
    items = QStandardItemModel()
    for record in rows():
        texts = (record.patient_id, record.study_date, record.description, record.split)
        items.appendRow([QStandardItem(text) for text in texts])
    proxy = QSortFilterProxyModel()
    proxy.setSourceModel(items)
    proxy.setFilterKeyColumn(-1)
    proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    view = QTableView()
    view.setModel(proxy)
    view.setSortingEnabled(True)
    qtbot.addWidget(view)
    view.resize(1100, 860)
    view.show()
    qtbot.waitExposed(view)
    view.items, view.proxy = items, proxy
    return view


@TIMED
def test_peer_typing(benchmark, peer):
    words = itertools.cycle(WORDS)

    def type_on():
        peer.proxy.setFilterFixedString(next(words))
        show()

    benchmark.pedantic(type_on, rounds=12, warmup_rounds=6)


@TIMED
def test_peer_sorting(benchmark, peer):
    columns = itertools.cycle((1, 2, 3, 0))

    def sort():
        peer.sortByColumn(next(columns), Qt.SortOrder.AscendingOrder)
        show()

    benchmark.pedantic(sort, rounds=8, warmup_rounds=4)


@TIMED
def test_peer_scrolling(benchmark, peer):
    bar = peer.verticalScrollBar()

    def scroll():
        bar.setValue((bar.value() + 28) % bar.maximum())
        show()

    benchmark.pedantic(scroll, rounds=30, warmup_rounds=5)
