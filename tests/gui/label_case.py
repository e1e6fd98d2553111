"""A small project on disk for the tests of the Label page: two CT series, one with a tumour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from core.geometry import IDENTITY, Geometry
from core.images import write_image
from core.project.project import Project
from core.project.records import SeriesRecord
from core.volume import Volume

SHAPE = (20, 64, 72)
SPACING = (3.0, 1.0, 1.0)
UIDS = ("2.25.1", "2.25.2")
#: Centre and radius (mm) of the bright ball in each series.
BALL = ((10, 32, 36), 12.0)


def ball(geometry: Geometry, centre=BALL[0], radius=BALL[1]) -> np.ndarray:
    grid = np.meshgrid(
        *[
            (np.arange(n) - c) * s
            for n, c, s in zip(geometry.shape, centre, geometry.spacing, strict=True)
        ],
        indexing="ij",
    )
    return sum(g**2 for g in grid) <= radius**2


def make_project(folder: Path, direction=IDENTITY, labelled: bool = True) -> Project:
    project = Project.create(folder / "project", "Liver lesions")
    geometry = Geometry(SHAPE, SPACING, (10.0, -20.0, 30.0), direction)
    hu = np.full(SHAPE, -1000, np.int16)
    hu[:, 6:-6, 6:-6] = 40
    hu[ball(geometry)] = 90
    # Every voxel its own noise, so that a wrong voxel shows as a wrong value.
    hu += (np.arange(hu.size).reshape(SHAPE) % 7).astype(np.int16)
    for number, uid in enumerate(UIDS, start=1):
        path = folder / f"case{number}.nii.gz"
        write_image(path, Volume(hu, geometry))
        project.library.upsert(
            SeriesRecord(
                series_uid=uid,
                patient_id=f"LF-{number:04d}",
                modality="CT",
                description="Abdomen",
                geometry=geometry,
                files=(path,),
                source="image",
                sex="F",
                age="61",
                study_date="2024-03-18",
            )
        )
    if labelled:
        labels = ball(geometry).astype(np.uint8)
        project.label_store(UIDS[0]).save(labels)
        project.save_label_summary(UIDS[0], labels)
    return project


@dataclass
class FakeHandle:
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class FakeSupervisor:
    """Remembers what was submitted; the test plays the child."""

    jobs: list[tuple[Any, Callable, Callable, FakeHandle]] = field(default_factory=list)

    def submit(self, job, on_event, on_end) -> FakeHandle:
        handle = FakeHandle()
        self.jobs.append((job, on_event, on_end, handle))
        return handle

    def shutdown(self) -> None:
        pass


def mouse(  # noqa: PLR0917 - as in Qt
    widget: QWidget,
    kind: QEvent.Type,
    place: tuple[float, float],
    button=Qt.MouseButton.NoButton,
    held=Qt.MouseButton.NoButton,
    keys=Qt.KeyboardModifier.NoModifier,
) -> None:
    at = QPointF(*place)
    event = QMouseEvent(kind, at, QPointF(widget.mapToGlobal(at)), button, held, keys)
    QApplication.sendEvent(widget, event)


def drag(
    widget: QWidget,
    places: list[tuple[float, float]],
    button=Qt.MouseButton.LeftButton,
    keys=Qt.KeyboardModifier.NoModifier,
    release: bool = True,
) -> None:
    mouse(widget, QEvent.Type.MouseButtonPress, places[0], button, button, keys)
    for place in places[1:]:
        mouse(widget, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, button, keys)
    if release:
        up = Qt.MouseButton.NoButton
        mouse(widget, QEvent.Type.MouseButtonRelease, places[-1], button, up, keys)


def wheel(
    widget: QWidget, steps: float, place=(200.0, 150.0), keys=Qt.KeyboardModifier.NoModifier
) -> None:
    at = QPointF(*place)
    event = QWheelEvent(
        at, QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, round(120 * steps)),
        Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def place_of(view: Any, zyx: tuple[float, float, float]) -> tuple[float, float]:
    """Where an array index lies in a view."""
    _, row, column = view.axes.from_zyx(zyx)
    return view.framing.to_screen(row, column)
