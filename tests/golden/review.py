"""Every imported line of ``zoo.tsv`` beside two independent readers, and every refusal beside one.

    python -m tests.golden.review DATA

HU of a DICOM file: pydicom's ``pixel_array`` and the modality rescale by its own tags, frame by
frame; and GDCM's, by way of SimpleITK. HU of an image file: SimpleITK, and nibabel where it reads
the kind. Voxels of a SEG: highdicom. A refusal is checked against what pydicom says the file is.
Prints a line for each file on which the readers do not agree with the table, and sums.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections import Counter
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray
from pydicom.pixels import apply_modality_lut

from core.formats.names import image_suffix
from tests.golden.zoo import COLUMNS, TABLE

#: Means are printed to three decimals; HU of files with a fractional rescale are rounded by us.
_MEAN, _ROUNDED = 0.002, 0.51

CT = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")

#: Words of a refusal and what must then be true of the file as pydicom reads it.
_LABELS = ("another file gave", "the series it belongs to is not", "nothing of it lies")


def _pydicom(path: Path) -> NDArray[np.float64]:
    """HU by pydicom alone, also where each frame has its own rescale."""
    dataset = pydicom.dcmread(path)
    stored = dataset.pixel_array
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    if frames is None:
        return np.asarray(apply_modality_lut(stored, dataset), dtype=np.float64)
    shared = dataset.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    hu = []
    for index, frame in enumerate(frames):
        found = frame.get("PixelValueTransformationSequence") or shared[0].get(
            "PixelValueTransformationSequence"
        )
        slope, inter = (found[0].RescaleSlope, found[0].RescaleIntercept) if found else (1, 0)
        hu.append(stored[index] * float(slope) + float(inter))
    return np.stack(hu)


def _sitk(path: Path) -> NDArray[np.float64]:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(np.float64)


def _nibabel(path: Path) -> NDArray[np.float64]:
    return np.asarray(nib.load(path).dataobj, dtype=np.float64)


def _compare(row: dict[str, str], values: NDArray[np.float64]) -> str:
    """What differs between a line and the HU of another reader; empty when nothing does."""
    rounded = "[rounded]" in row["said"]
    near = _ROUNDED if rounded else 1e-6
    told = (float(row["min"]), float(row["max"]), float(row["mean"]))
    mine = (float(values.min()), float(values.max()), float(values.mean()))
    mean = _ROUNDED if rounded else _MEAN
    if all(abs(a - b) <= n for a, b, n in zip(told, mine, (near, near, mean), strict=True)):
        return ""
    return f"table {told}, reader ({mine[0]:g}, {mine[1]:g}, {mine[2]:.3f})"


def _series(path: Path, row: dict[str, str]) -> list[str]:
    dicom = not path.name.endswith((".nii", ".nii.gz", ".nrrd", ".mgz", ".mha"))
    readers = {"SimpleITK": _sitk, **({"pydicom": _pydicom} if dicom else {"nibabel": _nibabel})}
    said = []
    for name, read in readers.items():
        try:
            difference = _compare(row, read(path))
        except (RuntimeError, ValueError, TypeError, AttributeError, KeyError) as error:
            difference = f"cannot read it ({str(error).strip().splitlines()[-1][:100]})"
        if difference:
            said.append(f"{name}: {difference}")
    return said


def _contours(dataset: pydicom.Dataset, path: Path) -> list[int]:
    """Pixel centres inside the contours of each ROI, by matplotlib, on the slices they lie on."""
    slices = [
        pydicom.dcmread(p, stop_before_pixels=True)
        for p in path.parent.parent.joinpath("mock_data").glob("ct_*.dcm")
    ]
    counts = []
    for roi in dataset.ROIContourSequence:
        total = 0
        for ct in slices:
            x0, y0, z0 = (float(v) for v in ct.ImagePositionPatient)
            dy, dx = (float(v) for v in ct.PixelSpacing)
            columns, rows = np.meshgrid(np.arange(ct.Columns), np.arange(ct.Rows))
            centres = np.stack([x0 + columns.ravel() * dx, y0 + rows.ravel() * dy], axis=-1)
            inside = np.zeros(len(centres), dtype=bool)
            for contour in roi.ContourSequence:
                points = np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3)
                if abs(points[0, 2] - z0) < 0.5:
                    inside ^= Polygon(points[:, :2]).contains_points(centres)
            total += int(inside.sum())
        counts.append(total)
    return sorted(n for n in counts if n)


def _flattened(seg: highdicom.seg.Segmentation) -> list[int]:
    """Voxels of each segment where of two that overlap the smaller one is kept."""
    masks = seg.get_volume(combine_segments=False).array.astype(bool)
    flat = np.zeros(masks.shape[:3], dtype=int)
    for number in np.argsort(-masks.sum(axis=(0, 1, 2)), kind="stable").tolist():
        flat[masks[..., number]] = number + 1
    return sorted(int(n) for n in np.unique(flat[flat > 0], return_counts=True)[1])


def _label(path: Path, row: dict[str, str]) -> list[str]:
    counts = sorted(int(part.split()[-1]) for part in row["voxels"].split(", "))
    if path.suffix == ".nrrd":
        array = _sitk(path)
        other = sorted(np.unique(array[array > 0], return_counts=True)[1].tolist())
    else:
        dataset = pydicom.dcmread(path)
        if dataset.Modality != "SEG":
            other = _contours(dataset, path)
            return [] if counts == other else [f"voxels {counts}, reader {other}"]
        seg = highdicom.seg.segread(path)
        fraction = 0.5 * float(dataset.get("MaximumFractionalValue") or 1)
        by_number: Counter[int] = Counter()
        if seg.SegmentationType == "LABELMAP":
            values, sizes = np.unique(seg.pixel_array, return_counts=True)
            by_number.update({int(v): int(n) for v, n in zip(values, sizes, strict=True) if v})
        else:
            stored = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
            for index, frame in enumerate(seg.PerFrameFunctionalGroupsSequence):
                number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
                by_number[int(number)] += int(np.count_nonzero(stored[index] >= fraction))
        other = sorted(n for n in by_number.values() if n)
        if counts != other and seg.SegmentationType == "BINARY":
            other = _flattened(seg)
    return [] if counts == other else [f"voxels {counts}, reader {other}"]


def _image_refusal(path: Path, said: str) -> list[str]:
    """Whether nibabel or SimpleITK sees what the sentence about an image file says."""
    if "is missing" in said:
        true = not path.with_suffix(".img").exists()
    elif "series lie on its grid" in said:
        # Two series of these folders hold the same images: single frames and one multi-frame file.
        true = path.parent.parent.parent.name == "dcmqi" or path.parent.name == "dcmqi"
    elif "lies on its grid" in said:
        true = bool(np.isin(_nibabel(path), range(256)).all())  # may be labels, and of no series
    elif "not finite" in said:
        true = not np.isfinite(_nibabel(path)).all()
    elif "not three dimensions" in said:
        true = any(n != 1 for n in nib.load(path).shape[3:])
    elif "may be scaled" in said:
        with path.open("rb") as stream:
            slope = nib.Spm2AnalyzeHeader.from_fileobj(stream)["scl_slope"]
        true = f"{float(slope):g}" in said
    else:
        return [f"not checked here: {said}"]
    return [] if true else [f"nibabel does not see that: {said}"]


def _copied(path: Path, row: dict[str, str]) -> bool:
    """Whether a file of the name, and in the folder, that the sentence gives has the same pixels.

    True of a sentence that speaks of no copy.
    """
    found = re.search(r"it is a copy of (.+?)(?: in (.+))?\.$", row["said"])
    if found is None:
        return True
    name, folder = found.groups()
    mine = pydicom.dcmread(path).PixelData
    zoo = path.parents[row["file"].count("/")]
    return any(
        other != path
        and folder in (None, other.parent.name)
        and pydicom.dcmread(other, force=True).get("PixelData") == mine
        for other in zoo.rglob(name)
    )


def _refusal(path: Path, row: dict[str, str]) -> list[str]:
    """Whether pydicom sees what the sentence says."""
    said = row["said"]
    if image_suffix(path) and "another file gave" not in said:
        return _image_refusal(path, said)
    try:
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=False)
        modality, sop = str(dataset.get("Modality", "")), str(dataset.get("SOPClassUID", ""))
    except (RuntimeError, ValueError, TypeError, AttributeError, KeyError, EOFError) as error:
        return [] if "damaged" in said else [f"pydicom: {error}"]
    checks = {
        "not CT but": sop not in CT,
        "localizer": "LOCALIZER" in list(dataset.get("ImageType", [])),
        "no pixel data": "PixelData" not in dataset,
        "DICOMDIR": "DirectoryRecordSequence" in dataset or str(
            getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID", "")
        ).endswith("1.3.10"),
        "no modality and no SOP class": not modality and not sop,
        "neither DICOM nor": not (modality or sop),
        "HDF5 file": path.read_bytes()[1:4] == b"HDF",
        "AFNI header": b"ORIGIN" in path.read_bytes() and b"type = " in path.read_bytes(),
        "it is a copy of": _copied(path, row),
    }  # fmt: skip
    for words, true in checks.items():
        if words in said:
            return [] if true else [f"pydicom says {modality} {pydicom.uid.UID(sop).name}"]
    if any(words in said for words in _LABELS) and (
        modality in ("SEG", "RTSTRUCT") or path.suffix == ".nrrd"
    ):
        return []
    return [f"not checked here: {said}"]


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.review", description=__doc__)
    parser.add_argument("data", type=Path)
    zoo = parser.parse_args().data / "zoo"
    warnings.simplefilter("ignore")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    kinds = {"series": _series, "label": _label, "refused": _refusal}
    sums: Counter[str] = Counter()
    for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]:
        row = dict(zip(COLUMNS, line.split("\t"), strict=True))
        if row["verdict"] not in kinds:
            continue
        found = kinds[row["verdict"]](zoo / row["file"], row)
        sums[f"{row['verdict']} {'differs' if found else 'agrees'}"] += 1
        for text in found:
            print(f"{row['file']} ({row['verdict']}): {text}")
    print(dict(sums))
    return 0


if __name__ == "__main__":
    sys.exit(main())
