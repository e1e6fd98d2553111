"""A project: a folder the user owns, with its library, labels, runs and models.

Project objects are cheap and safe to use from several threads; several processes may have the
same project open. Pixel data stay where they are; everything else lies in the folder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from core.labels.schema import LabelClass, LabelSchema
from core.project import relocation, trash
from core.project.folder import ProjectFolder, Settings
from core.project.library import Library
from core.project.records import LabelStatus, SeriesRecord, Split

if TYPE_CHECKING:
    from core.dicom.remedies import Offer, Remedy
    from core.labels.store import LabelStore


class Project:
    """An open project. Make one with :meth:`create` or :meth:`open`."""

    def __init__(self, folder: ProjectFolder, settings: Settings) -> None:
        self.folder = folder
        self.library = Library(folder)
        self._settings = settings
        self._stamp = self._settings_stamp()
        self._lock = threading.RLock()
        self._stores: WeakValueDictionary[str, LabelStore] = WeakValueDictionary()

    @classmethod
    def create(cls, path: Path | str, name: str | None = None) -> Project:
        """Make a project in ``path``, a new or empty folder, and open it.

        name: for the window's title; the folder's name when None. Raises UserError when the
        folder holds something else or cannot be written.
        """
        folder = ProjectFolder(_absolute(path))
        folder.make()
        settings = Settings.new((name or "").strip() or folder.path.name)
        # The library first: a kill in between leaves a folder that is not yet a project.
        Library(folder).close()
        folder.write_settings(settings)
        return cls(folder, settings)

    @classmethod
    def open(cls, path: Path | str) -> Project:
        """Open the project in the folder ``path`` (its ``project.json`` will do, too).

        Raises UserError when there is none, it is damaged, or a newer version made it.
        """
        where = _absolute(path)
        if where.name == "project.json":
            where = where.parent
        folder = ProjectFolder(where)
        return cls(folder, folder.read_settings())

    def close(self) -> None:
        """Let go of the library's file; the project cannot be used afterwards."""
        self.library.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The project folder, absolute."""
        return self.folder.path

    @property
    def name(self) -> str:
        """The project's name."""
        return self._current().name

    @property
    def schema(self) -> LabelSchema:
        """The label classes, as last saved by any process."""
        return self._current().schema

    @property
    def runs_dir(self) -> Path:
        """One folder a training run."""
        return self.folder.runs

    @property
    def models_dir(self) -> Path:
        """One folder a trained model."""
        return self.folder.models

    @property
    def cache_dir(self) -> Path:
        """What can be deleted at any time."""
        return self.folder.cache

    @property
    def exports_dir(self) -> Path:
        """Where exports go by default."""
        return self.folder.exports

    def labels_dir(self, series_uid: str) -> Path:
        """The label folder of a series; it exists once something was labelled."""
        return self.folder.labels_of(series_uid)

    def set_schema(self, schema: LabelSchema) -> None:
        """Replace the label classes."""
        with self._lock:
            self._write(replace(self._current(), schema=schema))

    def set_name(self, name: str) -> None:
        """Rename the project (not its folder)."""
        with self._lock:
            self._write(replace(self._current(), name=name.strip() or self.path.name))

    def ensure_class(
        self, name: str, lesion: bool = False, colour: str | None = None
    ) -> LabelClass:
        """The label class of that name, whatever its case; added to the schema when new.

        colour: ``#RRGGBB`` of a new class; the palette's next one when None. Raises ValueError when
        all 255 values are taken.
        """
        with self._lock:
            found = self.schema.by_name(name)
            if found is None:
                schema, found = self.schema.with_class(name, lesion, colour)
                self.set_schema(schema)
            return found

    def series(self) -> list[SeriesRecord]:
        """All series, in the order they were added."""
        return self.library.all()

    def record(self, series_uid: str) -> SeriesRecord:
        """The row of a series. Raises UserError when the project does not hold it."""
        return self.library.get(series_uid)

    def update(self, series_uid: str, **fields: Any) -> SeriesRecord:
        """Set fields of a row; see :meth:`core.project.library.Library.update`."""
        self.library.update(series_uid, **fields)
        return self.record(series_uid)

    def set_status(self, series_uid: str, status: LabelStatus) -> None:
        """Set the label status of a series."""
        self.library.update(series_uid, label_status=status)

    def set_split(self, series_uids: Iterable[str], split: Split) -> None:
        """Put series into a split, without regard to their patients' other series."""
        self.library.update(list(series_uids), split=split)

    def label_store(self, series_uid: str) -> LabelStore:
        """The label files of a series: one store a series for all who ask this project object.

        A second store on the same folder would write into the journal behind the first one's
        back. Raises UserError when the project does not hold the series.
        """
        # Loaded late: it brings SimpleITK, which listing a project does not need.
        from core.labels.moving import finish_move  # noqa: PLC0415
        from core.labels.store import LabelStore  # noqa: PLC0415

        record = self.record(series_uid)
        with self._lock:
            store = self._stores.get(series_uid)
            if store is None or store.geometry != record.geometry:
                finish_move(self.labels_dir(series_uid), record.geometry, record.regridded)
                store = LabelStore(self.labels_dir(series_uid), record.geometry, self.schema)
                self._stores[series_uid] = store
            store.schema = self.schema
            return store

    def remedies(self, series_uid: str) -> tuple[Offer, ...]:
        """What can safely be done about a doubtful series, ``keep`` first.

        For a series that was split, or a part of one, see :meth:`undo_remedy`. Raises UserError for
        an unknown series, FileRefusedError when its files have to be asked and are gone.
        """
        from core.project import remedying  # noqa: PLC0415 - as label_store

        return remedying.offered(self, series_uid)

    def apply_remedy(self, series_uid: str, remedy: Remedy) -> tuple[SeriesRecord, ...]:
        """Choose a remedy; returns the rows that now stand for the series (several after a split).

        Grid, checks and thumbnail of the row become those of the remedied volume. A label and a
        proposal are carried over by their place in the patient; the label as it was is kept.
        Nobody may be labelling the series meanwhile. Raises UserError for a remedy that is not
        safe for it, FileRefusedError for a damaged label or files that are gone.
        """
        from core.project import remedying  # noqa: PLC0415

        return remedying.apply(self, series_uid, remedy)

    def undo_remedy(self, series_uid: str) -> tuple[SeriesRecord, ...]:
        """Take back the remedy last chosen; returns the rows that now stand for the series.

        A label that was not touched since comes back exactly as it was; else it is carried over.
        For a part of a split series without a remedy of its own, the split is undone and the
        parts' labels are joined. Raises UserError when there is nothing to undo.
        """
        from core.project import remedying  # noqa: PLC0415

        return remedying.undo(self, series_uid)

    def save_label_summary(self, series_uid: str, labels: NDArray[np.uint8]) -> SeriesRecord:
        """Note in the library what the saved label map ``labels`` [z, y, x] holds.

        The version grows by one. A series that had no label becomes a draft; a draft that was
        emptied has none; a reviewed one stays reviewed, even without a voxel ("no tumour").
        """
        # Loaded late: it brings SciPy, which opening a project does not need.
        from core.project.summary import summarise  # noqa: PLC0415

        record = self.record(series_uid)
        summary = summarise(labels, record.geometry, self.schema)
        status: LabelStatus = record.label_status
        if summary.any_voxels and status in ("none", "proposed"):
            status = "draft"
        elif not summary.any_voxels and status == "draft":
            status = "none"
        return self.update(
            series_uid,
            labels=summary.names,
            label_status=status,
            label_voxels=summary.voxels,
            lesion_count=summary.lesions,
            lesion_ml=summary.ml,
            label_version=record.label_version + 1,
            label_saved=datetime.now().astimezone().isoformat(timespec="seconds"),
        )

    def remove(self, series_uids: Sequence[str]) -> None:
        """Take series out of the project; :meth:`restore` brings them back with their labels."""
        self.library.set_removed(series_uids, removed=True)

    def restore(self, series_uids: Sequence[str]) -> None:
        """Undo :meth:`remove`."""
        self.library.set_removed(series_uids, removed=False)

    def empty_trash(self) -> int:
        """Delete for good the labels of removed series; returns how many series that were."""
        return trash.empty(self.folder, self.library)

    def check_files(
        self,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[SeriesRecord]:
        """Look whether the pixel data are still there; returns the series that miss a file."""
        return relocation.check_files(self.library, progress, cancelled)

    def relocate(self, old_root: Path | str, new_root: Path | str) -> list[SeriesRecord]:
        """Point series whose files moved from below ``old_root`` to ``new_root``.

        Only series all of whose files lie at the new place change; they are returned. Raises
        UserError when there is none.
        """
        return relocation.relocate(self.library, _absolute(old_root), _absolute(new_root))

    def _settings_stamp(self) -> tuple[int, int]:
        # Every save makes a new file, so time and size together tell one from the next.
        status = self.folder.settings_file.stat()
        return (status.st_mtime_ns, status.st_size)

    def _current(self) -> Settings:
        with self._lock:
            stamp = self._settings_stamp()
            if stamp != self._stamp:
                self._settings = self.folder.read_settings()
                self._stamp = stamp
            return self._settings

    def _write(self, settings: Settings) -> None:
        self.folder.write_settings(settings)
        self._settings = settings
        self._stamp = self._settings_stamp()


def _absolute(path: Path | str) -> Path:
    return Path(path).expanduser().absolute()
