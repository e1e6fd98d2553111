"""Cases on the plan's grid, made once: a folder a case under its content's hash, int16.

Each folder is renamed into place when it is whole, so preprocessing goes on where it was
interrupted, and two runs may share it. The arrays are plain ``.npy`` files, mapped when they are
asked for: a thousand cases cost no more memory or open files than those in use. No patient data in
any name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.data.grid import GridInfo, labels_to_plan_grid, to_plan_grid
from core.data.maps import Maps
from core.data.plan import Plan
from core.errors import Cancelled, FileRefusedError, UserError
from core.labels.durable import replace
from core.labels.schema import IGNORE
from core.project.manifest import ManifestCase
from core.project.project import Project
from core.project.reading import read_volume
from core.volume import Volume

#: Grows when what is stored changes; older folders are left for the user to delete.
FORMAT = 1
#: Age of a half made folder at which nobody works on it any more, seconds.
_LEFT_SECONDS = 3600.0
#: Lesion voxels kept a connected part, to centre blocks on.
CENTRES = 1000

FULL = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True)
class Case:
    """A preprocessed case.

    image: int16 HU, label: uint8 output channels (:data:`IGNORE` where nobody is sure), both
    ``[z, y, x]`` on the plan's grid in patient order. centres: int32 ``[n, 4]`` rows (part, z, y,
    x) of lesion voxels. truth: uint8 channels on the series' own grid. preview: int16 HU
    ``[y, x]`` of the axial slice (patient order) with the largest lesion area, preview_row its
    index there. To be read, not written; ask again instead of keeping one, see
    :mod:`core.data.maps`. array: gives them by name.
    """

    entry: ManifestCase
    info: GridInfo
    array: Callable[[str], NDArray[Any]]

    @property
    def image(self) -> NDArray[np.int16]:  # noqa: D102 - these are described above
        return self.array("image")

    @property
    def label(self) -> NDArray[np.uint8]:  # noqa: D102
        return self.array("label")

    @property
    def centres(self) -> NDArray[np.int32]:  # noqa: D102
        return self.array("centres")

    @property
    def truth(self) -> NDArray[np.uint8]:  # noqa: D102
        return self.array("truth")

    @property
    def preview(self) -> NDArray[np.int16]:  # noqa: D102
        return self.array("preview")

    @property
    def preview_row(self) -> int:  # noqa: D102
        return int(self.array("preview_row"))

    def known(self, plan: Plan) -> tuple[bool, ...]:
        """For each output channel whether it is outlined in the whole case; background always."""
        return (True, *(c.value not in self.entry.unannotated for c in plan.classes))


def key(entry: ManifestCase, plan: Plan) -> str:
    """The name of a case's folder: what it was made from, hashed."""
    identity = [
        FORMAT,
        entry.files_id,
        entry.label_sha256,
        list(plan.spacing),
        [c.value for c in plan.classes],
        plan.ignore_value,
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def prepare(
    project: Project,
    entries: tuple[ManifestCase, ...],
    plan: Plan,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Case]:
    """All cases on the plan's grid, in the order of ``entries``; those already there are opened.

    progress: called with (cases done, cases) before each that has to be made, and at the end.
    Raises FileRefusedError when a case's files cannot be read or its remedy was changed since the
    run was made, UserError when the disk is full, Cancelled when ``cancelled`` says so.
    """
    _sweep(project.cache_dir / "cases")
    maps = Maps()
    cases: list[Case] = []
    for done, entry in enumerate(entries):
        if cancelled is not None and cancelled():
            raise Cancelled
        _same_remedy(project, entry)
        folder = project.cache_dir / "cases" / key(entry, plan)
        if not folder.is_dir():
            if progress is not None:
                progress(done, len(entries))
            make_case(project, entry, plan, folder)
        cases.append(open_case(project, entry, plan, folder, maps))
    if progress is not None:
        progress(len(entries), len(entries))
    return cases


def _same_remedy(project: Project, entry: ManifestCase) -> None:
    record = project.record(entry.series_uid)
    if record.remedy.identity != entry.remedy:
        raise FileRefusedError(
            record.series_uid,
            "another remedy was chosen for its geometry after this run was made",
            "Start a new run, which will use the volume as it is now, or undo the remedy.",
        )


def _sweep(folder: Path) -> None:
    """Delete what killed processes left half made; a living one needs no hour for a case."""
    for left in folder.glob(".*.*"):
        with contextlib.suppress(FileNotFoundError):  # Its maker was done with it just now.
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def make_case(project: Project, entry: ManifestCase, plan: Plan, folder: Path) -> None:
    """Bring a case to the plan's grid and write it to ``folder``, which is whole or not there.

    Raises FileRefusedError when its files cannot be read or its label was changed, UserError when
    the disk refuses.
    """
    record = project.record(entry.series_uid)
    store = project.label_store(entry.series_uid)
    if store.content_hash() != entry.label_sha256:
        raise FileRefusedError(
            record.series_uid,
            "its label was changed after this run was made",
            "Start a new run, which will use the label as it is now.",
        )
    arrays = _arrays(read_volume(record), store.load(), plan)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.mkdir(parents=True)
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        if not folder.exists():
            # Every file is whole before the folder gets its name; see core.labels.durable.
            for path in temporary.iterdir():
                replace(path, path)
            temporary.rename(folder)
    except OSError as error:
        if folder.is_dir():
            return  # Another run was faster.
        # numpy says of a full disk only how many numbers it took.
        reason = error.strerror or "the disk is full"
        raise UserError(
            f"A preprocessed case could not be written to {folder.parent} ({reason}). Free some "
            "space there, then start the run again: it goes on with the next case."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _arrays(volume: Volume, labels: NDArray[np.uint8], plan: Plan) -> dict[str, NDArray[Any]]:
    image, info = to_plan_grid(volume, plan)
    label = labels_to_plan_grid(labels, volume.geometry, plan)
    truth = np.zeros(labels.shape, np.uint8)
    for channel, one in enumerate(plan.classes, start=1):
        truth[labels == one.value] = channel
    if plan.ignore_value is not None:
        truth[labels == plan.ignore_value] = IGNORE
    upright = info.canonical(np.isin(truth, plan.lesion_channels))
    row = int(np.argmax(upright.sum((1, 2))))
    return {
        "image": image,
        "label": label,
        "truth": truth,
        "centres": centres_of(np.isin(label, plan.lesion_channels)),
        "preview": np.ascontiguousarray(info.canonical(volume.hu)[row]),
        "preview_row": np.array(row),
    }


def centres_of(lesion: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Up to :data:`CENTRES` voxels of each connected part, evenly taken: rows (part, z, y, x)."""
    parts, count = cast("tuple[NDArray[np.int32], int]", ndimage.label(lesion, FULL))
    places = np.argwhere(parts > 0).astype(np.int32)
    part = parts[parts > 0].astype(np.int32)
    rows: list[NDArray[np.int32]] = []
    for one in range(1, count + 1):
        mine = places[part == one]
        mine = mine[:: max(1, len(mine) // CENTRES)][:CENTRES]
        rows.append(np.column_stack([np.full(len(mine), one - 1, np.int32), mine]))
    return np.concatenate(rows) if rows else np.zeros((0, 4), np.int32)


def open_case(
    project: Project, entry: ManifestCase, plan: Plan, folder: Path, maps: Maps | None = None
) -> Case:
    """The case that :func:`make_case` wrote to ``folder``. maps: shared with other cases."""
    opened = maps or Maps()
    info = GridInfo.of(project.record(entry.series_uid).geometry, plan.spacing)
    return Case(entry, info, lambda name: opened(folder / f"{name}.npy"))
