"""Headers a second and seconds to HU: ours beside SimpleITK, pydicom and gdcm.Scanner, in one run.

    python -m tests.benchmarks.opening WORK [--rounds 5] [--slices 300] [--coded 60] [--files 10000]

Makes its files in WORK once: a plain series of 512 x 512, the same in JPEG 2000, JPEG-LS and HTJ2K
(12 bits, tissue-like noise), and headers in 50 series. All are in the cache of the disk. Peers take
turns with us, round by round. Wall clock and processor seconds (all threads and children), medians:
on a machine with other work only the second can be compared. gdcm comes with the ``bench`` extra.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pydicom
import SimpleITK as sitk

from core.dicom.decoders import decoders
from core.dicom.headers import Header
from core.dicom.read import read_series
from core.dicom.scan import find_files, read_headers
from core.dicom.series import FoundSeries, group
from tests.core.dicom.encode import HTJ2K, JPEG_2000, JPEG_LS, compress, set_pixels
from tests.core.dicom.make import ct_slice

_ME = psutil.Process()
_KEYS = (
    *("SeriesInstanceUID", "SOPInstanceUID", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PixelSpacing", "Rows", "Columns", "RescaleSlope", "RescaleIntercept", "InstanceNumber"),
    *("Modality", "PatientID", "StudyDate"),
)


def cpu() -> float:
    """Processor seconds of this process, of children that ended, and of the decoders."""
    times = _ME.cpu_times()
    alive = 0.0
    for pid in decoders().pids:
        child = psutil.Process(pid).cpu_times()
        alive += child.user + child.system
    return times.user + times.system + times.children_user + times.children_system + alive


def picture(index: int) -> np.ndarray:
    """Stored values [y, x] of 12 bits: air, a body of soft tissue with noise, bone."""
    chance = np.random.default_rng(index)
    y, x = np.mgrid[:512, :512] - 256
    inside = (x / 200) ** 2 + (y / 150) ** 2 < 1
    bone = (x / 30) ** 2 + ((y - 90) / 30) ** 2 < 1
    values = np.where(
        inside, 1064 + chance.normal(0, 18, (512, 512)), 20 + chance.normal(0, 6, (512, 512))
    )
    return np.clip(values + 600 * bone, 0, 4095).astype(np.uint16)


def made_series(folder: Path, count: int, syntax: str = "") -> Path:
    """A series of 512 x 512 in ``folder``, unless it is there."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        for index in range(count):
            slice_ = ct_slice(index, rows=512, columns=512)
            if syntax:
                compress(slice_, picture(index), 12, syntax)
            else:
                set_pixels(slice_, picture(index), 12)
            slice_.save_as(folder / f"IM{index:04d}", enforce_file_format=True)
    return folder


def made_headers(folder: Path, files: int, series: int = 50) -> Path:
    """Headers with 60 elements more than ours, and pictures of 64 x 64."""
    if folder.is_dir():
        return folder
    slice_ = ct_slice(0, rows=64, columns=64, series="1.2.826.0.1.3680043.8.498.10")
    block = slice_.private_block(0x0019, "SCANNER", create=True)
    for number in range(60):
        block.add_new(number, "LO", f"value {number} of the scanner")
    slice_.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.10.100000"
    slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
    slice_.ImagePositionPatient = [-100, -100, "0000.0"]
    folder.mkdir(parents=True)
    slice_.save_as(folder / "template", enforce_file_format=True)
    data = (folder / "template").read_bytes()
    (folder / "template").unlink()
    for number in range(files):
        which = number * series // files
        here = folder / f"{which:02d}"
        here.mkdir(exist_ok=True)
        made = data.replace(b"498.10.100000", b"498.%02d.%06d" % (which + 10, number + 100_000))
        made = made.replace(b"8.498.10\0", b"8.498.%02d\0" % (which + 10))
        place = b"%06.1f" % (number % 1000 * 1.5)
        (here / f"{number:06d}").write_bytes(made.replace(b"0000.0", place))
    return folder


def measured(
    title: str, ways: dict[str, Callable[[], Any]], rounds: int, unit: float = 0.0
) -> None:
    """Print a table of the ways, which take turns. unit: things done, for a rate."""
    wall: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start, before = time.perf_counter(), cpu()
            way()
            wall[name].append(time.perf_counter() - start)
            busy[name].append(cpu() - before)
    ours = next(iter(ways))
    print(
        f"\n**{title}**\n\n| | s | CPU s | s / ours | CPU / ours |{' a second |' if unit else ''}"
    )
    print(f"|---|---|---|---|---|{'---|' if unit else ''}")
    for name in ways:
        s, c = statistics.median(wall[name]), statistics.median(busy[name])
        ratio = f"{s / statistics.median(wall[ours]):.1f} | {c / statistics.median(busy[ours]):.1f}"
        rate = f" {unit / s:,.0f} ({unit / c:,.0f} a core) |" if unit else ""
        print(f"| {name} | {s:.3f} | {c:.3f} | {ratio} |{rate}")


def by_sitk(folder: Path) -> np.ndarray:
    """Scan and read, as its users do."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return sitk.GetArrayFromImage(reader.Execute())


def by_pydicom(folder: Path) -> np.ndarray:
    """Every file read, sorted by position and rescaled."""
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    return np.stack([
        (s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept)).astype(np.int16)
        for s in slices
    ])  # fmt: skip


def found_in(folder: Path) -> FoundSeries:
    """The one series of a folder."""
    files, _ = find_files([folder])
    (series,) = group([h for _, h in read_headers(files) if isinstance(h, Header)])
    return series


def headers(work: Path, files: int, rounds: int) -> None:
    """Headers a second."""
    folder = made_headers(work / f"headers{files}", files)
    paths = sorted(p for p in folder.rglob("*") if p.is_file())

    def ours() -> None:
        assert all(isinstance(h, Header) for _, h in read_headers(paths))

    def pydicom_() -> None:
        for path in paths:
            found = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_KEYS))
            [found.get(key) for key in _KEYS]

    ways: dict[str, Callable[[], Any]] = {"ours": ours, "pydicom": pydicom_}
    try:
        import gdcm  # noqa: PLC0415
    except ImportError:
        print("gdcm is not installed")
    else:
        tags = [gdcm.Tag(int(f"{pydicom.datadict.tag_for_keyword(k):08x}"[:4], 16),
                         pydicom.datadict.tag_for_keyword(k) & 0xFFFF) for k in _KEYS]  # fmt: skip

        def scanner() -> None:
            scan = gdcm.Scanner()
            for tag in tags:
                scan.AddTag(tag)
            assert scan.Scan([str(path) for path in paths])

        ways["gdcm.Scanner"] = scanner
    measured(f"Headers of {len(paths):,} files in 50 series", ways, rounds, len(paths))


def main() -> None:
    """All tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--coded", type=int, default=60)
    parser.add_argument("--files", type=int, default=10_000)
    options = parser.parse_args()
    sitk.ProcessObject_SetGlobalWarningDisplay(False)
    kinds = {"plain": "", "JPEG 2000": JPEG_2000, "JPEG-LS": JPEG_LS, "HTJ2K": HTJ2K}
    for name, syntax in kinds.items():
        count = options.coded if syntax else options.slices
        folder = made_series(options.work / f"{name}{count}", count, syntax)
        series, first = found_in(folder), list[float]()

        def known(series: FoundSeries = series, first: list[float] = first) -> np.ndarray:
            start = time.perf_counter()
            return read_series(
                series.files, series.geometry,
                first_slice=lambda *_: first.append(time.perf_counter() - start),
            ).hu  # fmt: skip

        ways: dict[str, Callable[[], Any]] = {
            "ours, series known": known,
            "ours, scan and read": lambda f=folder: known(found_in(f)),
            "SimpleITK, scan and read": lambda f=folder: by_sitk(f),
            "pydicom": lambda f=folder: by_pydicom(f),
            "bytes of the files": lambda f=folder: [p.read_bytes() for p in f.iterdir()],
        }
        if name == "HTJ2K":
            del ways["SimpleITK, scan and read"]  # GDCM does not read it
        else:
            assert np.array_equal(known(), by_sitk(folder))
        measured(f"{name}, 512 x 512 x {count}", ways, options.rounds)
        print(f"\nFirst slice after {statistics.median(first) * 1000:.0f} ms.")
    headers(options.work, options.files, options.rounds)


if __name__ == "__main__":
    main()
