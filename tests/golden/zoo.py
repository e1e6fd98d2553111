"""What the import makes of every file of the zoo: one line a file, checked in as ``zoo.tsv``.

    python -m tests.golden.zoo DATA            write tests/golden/zoo.tsv
    python -m tests.golden.zoo DATA --check    compare with it; exit code 1 and what differs

DATA is the folder of the real data (``../shared/data``); the whole of its ``zoo`` is imported at
once into a fresh project, as a user would who drops the folder on the window.

Columns: file; verdict (``series``: its values are in one, ``label``: it labels one, ``refused``);
size (x × y × z of the series or label); HU min, max and mean of this file's own slices; voxels of
each structure on the file's own grid; what was said about it (reason, checks of the series, notes).
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.dicom.headers import read_header
from core.dicom.rtstruct import read_rtstruct
from core.dicom.scan import find_files
from core.dicom.seg import read_seg
from core.errors import FileRefusedError
from core.formats.names import image_suffix, read_layout
from core.images import read_mask
from core.project.import_series import stack_of
from core.project.importer import import_paths
from core.project.project import Project
from core.project.reading import read_volume
from core.project.records import ImportReport, SeriesRecord

TABLE = Path(__file__).with_name("zoo.tsv")
COLUMNS = ("file", "verdict", "size", "min", "max", "mean", "voxels", "said")


@dataclass(frozen=True, slots=True)
class Row:
    """One line; every field as printed."""

    file: str
    verdict: str
    size: str = ""
    low: str = ""
    high: str = ""
    mean: str = ""
    voxels: str = ""
    said: str = ""

    def line(self) -> str:
        """The row with tabs between its columns."""
        fields = (
            *(self.file, self.verdict, self.size, self.low, self.high, self.mean),
            *(self.voxels, self.said),
        )
        return "\t".join(" ".join(field.split()) for field in fields)


def table(zoo: Path) -> list[str]:
    """Import all of ``zoo``; the head line and a line for every file, sorted by path."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Project.create(Path(folder) / "project") as project,
    ):
        report = import_paths(project, [zoo])
        return ["\t".join(COLUMNS), *(row.line() for row in _rows(zoo, project, report))]


def _rows(zoo: Path, project: Project, report: ImportReport) -> Iterator[Row]:
    files, _ = find_files([zoo])
    said: dict[Path, list[str]] = {}
    for skipped in report.skipped:
        said.setdefault(skipped.path, []).append(skipped.reason)
    rows = {row.file: row for record in report.series for row in _of_series(zoo, record)}
    values = {p for path in files for p in _values(path)}
    for path in sorted(files, key=lambda p: p.relative_to(zoo).as_posix()):
        name = path.relative_to(zoo).as_posix()
        text = " ".join(said.get(path, []))
        if name in rows:
            row = rows[name]
            yield Row(
                row.file, row.verdict, row.size, row.low, row.high, row.mean, row.voxels,
                f"{row.said} {text}".strip(),
            )  # fmt: skip
        elif path in values and path not in said:
            yield Row(name, "values", said="values of the header beside it")
        elif _only_notes(said.get(path, [])):
            yield _of_label(name, path, project, text)
        else:
            yield Row(name, "refused", said=text)


def _only_notes(sentences: list[str]) -> bool:
    """Whether nothing that was said about a file says that all of it was refused."""
    return not any(" cannot be used: " in s or "was not imported" in s for s in sentences)


def _values(path: Path) -> tuple[Path, ...]:
    if not image_suffix(path):
        return ()
    try:
        return read_layout(path).files[1:]
    except FileRefusedError:
        return ()


def _of_series(zoo: Path, record: SeriesRecord) -> Iterator[Row]:
    """A row for each file of a series, with the HU of its own slices."""
    try:
        volume = read_volume(record)
    except FileRefusedError as error:
        for path in record.files:
            yield Row(path.relative_to(zoo).as_posix(), "refused", said=f"Opened: {error}")
        return
    said = " ".join(f"[{c.code}] {c.message}" for c in volume.checks)
    size = " × ".join(str(n) for n in reversed(record.geometry.shape))
    single = len(record.files) == record.geometry.shape[0]
    for index, path in enumerate(record.files):
        hu = volume.hu[index] if single else volume.hu
        yield Row(
            path.relative_to(zoo).as_posix(),
            "series",
            size,
            str(int(hu.min())),
            str(int(hu.max())),
            f"{hu.mean(dtype=np.float64):.3f}",
            said=said,
        )


def _of_label(name: str, path: Path, project: Project, text: str) -> Row:
    """A file that became a label: voxels by name, on its own grid or (contours) on its series."""
    if image_suffix(path):
        labels, grid, names = read_mask(path)
        shape = grid.shape
    else:
        header = read_header(path)
        if header.kind == "seg":
            seg = read_seg(path)
            labels, names, shape = seg.labels, seg.names, seg.stack.geometry.shape
        else:
            (record, *_) = [r for r in project.series() if r.series_uid in header.referenced] or [
                r for r in project.series() if r.frame_uid == header.frame_uid
            ]
            raster = read_rtstruct(path).rasterise(stack_of(record))
            labels, names, shape = raster.labels, raster.names, record.geometry.shape
    counts = np.bincount(labels.ravel(), minlength=256)
    voxels = ", ".join(
        f"{names.get(value, value)} {int(counts[value])}"
        for value in np.flatnonzero(counts).tolist()
        if value
    )
    size = " × ".join(str(n) for n in reversed(shape))
    return Row(name, "label", size, voxels=voxels, said=text)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.zoo", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    # As the importer names files: without "..", links as they are.
    lines = table(Path(os.path.abspath(options.data / "zoo")))  # noqa: PTH100
    if not options.check:
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        print(f"{len(lines) - 1} files in {TABLE.name}")
        return 0
    kept = TABLE.read_text(encoding="utf-8").splitlines()
    changes = list(difflib.unified_diff(kept, lines, "checked in", "now", lineterm="", n=0))
    print("\n".join(changes) or f"{len(lines) - 1} files as checked in")
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
