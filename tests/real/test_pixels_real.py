"""Every compressed greyscale file of the zoo beside pylibjpeg and GDCM, to the last bit; and the
HU of real CT beside pydicom and SimpleITK.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.pixels import apply_modality_lut
from pydicom.pixels.decoders.base import get_decoder

from core.dicom.codecs import SYNTAXES
from core.dicom.codestream import frame_places
from core.dicom.decode import PixelFile
from core.dicom.decoders import Codestream, decoders
from core.dicom.parsing import PARSE_ERRORS, parse, quiet
from core.dicom.pixels import pixel_problem
from core.dicom.rescale import Losses
from core.errors import FileRefusedError

pytestmark = pytest.mark.real_data

#: Where the three do not agree, and why: which of the others is different or has nothing.
EXPLAINED = {
    # 12-bit JPEG is lossy; libjpeg and GDCM share the integer transform of libjpeg-turbo to the
    # bit, pylibjpeg's has another rounding (one step), and refuses the file with a restart marker.
    "JPGExtended.dcm": "pydicom",
    "JPEG-lossy.dcm": "pydicom",
    # SimpleITK reads no 7-bit image, and no dose with one frame in RLE.
    "JLSL_08_07_0_1F.dcm": "sitk",
    "rtdose_rle_1frame.dcm": "sitk",
    # The ten frames are whole, only the delimiter behind them is missing: the others read none.
    "emri_small_jpeg_2k_lossless_too_short.dcm": "both",
    # One of two codestreams is hidden behind a delimiter in the data: none of the three reads it.
    "JPEG2000-embedded-sequence-delimiter.dcm": "all",
}


def ours(path: Path) -> np.ndarray | None:
    """Stored bits of the first frame as unsigned numbers, or None when it is refused."""
    with quiet():
        parsed = parse(path)
        dataset = parsed.dataset
        frames = int(dataset.get("NumberOfFrames") or 1)
        assert parsed.pixels is not None
        size = (int(dataset.Rows), int(dataset.Columns), int(dataset.BitsAllocated))
    with path.open("rb") as handle:
        data = b""
        for start, length in frame_places(handle, parsed.pixels.offset, frames)[0]:
            handle.seek(start)
            data += handle.read(length)
    try:
        found = decoders().decode(Codestream(path, parsed.syntax, *size, data))
    except FileRefusedError:
        return None
    return bits(found, dataset)


def bits(values: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    return values.astype(np.int64) & ((1 << int(dataset.BitsStored)) - 1)


def by_pydicom(path: Path) -> np.ndarray | None:
    try:
        with quiet():
            dataset = pydicom.dcmread(path, force=True)
            syntax = dataset.file_meta.TransferSyntaxUID
            return bits(get_decoder(syntax).as_array(dataset, index=0, raw=True)[0], dataset)
    except PARSE_ERRORS:
        return None


def by_sitk(path: Path, dataset: pydicom.Dataset) -> np.ndarray | None:
    """Stored values from the rescaled ones of GDCM."""
    try:
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0].astype(np.float64)
    except RuntimeError:
        return None
    slope = float(dataset.get("RescaleSlope") or 1)
    return bits(np.rint((values - float(dataset.get("RescaleIntercept") or 0)) / slope), dataset)


def compressed(shared_data: Path) -> list[tuple[Path, pydicom.Dataset]]:
    found = []
    for path in sorted((shared_data / "zoo").rglob("*")):
        try:
            with quiet():
                parsed = parse(path) if path.is_file() else None
        except FileRefusedError:
            continue
        if parsed is None or parsed.pixels is None or parsed.syntax not in SYNTAXES:
            continue
        dataset = parsed.dataset
        if int(dataset.BitsAllocated) >= 8 and not pixel_problem(path, parsed):
            found.append((path, dataset))
    return found


def test_every_compressed_grey_image_is_the_same_for_three_decoders(shared_data: Path) -> None:
    sitk.ProcessObject_SetGlobalWarningDisplay(False)
    files = compressed(shared_data)
    assert len({f[0].name for f in files}) >= 20
    differs = {}
    for path, dataset in files:
        here, there, gdcm = ours(path), by_pydicom(path), by_sitk(path, dataset)
        if here is None:
            assert there is None and gdcm is None, path
            differs[path.name] = "all"
            continue
        agree = [x is not None and np.array_equal(here, x) for x in (there, gdcm)]
        if not all(agree):
            both = there is None and gdcm is None
            differs[path.name] = "both" if both else "sitk" if agree[0] else "pydicom"
            assert any(agree) or both, path
        if there is not None and not agree[0]:
            assert np.abs(here - there).max() <= 1, path  # the transform's rounding
    assert differs == EXPLAINED


CT = (
    "zoo/pydicom/J2K_pixelrep_mismatch.dcm",
    "zoo/pydicom/CT_small.dcm",
    "zoo/pydicom-data/explicit_VR-UN.dcm",
    "zoo/pydicom-data/bad_sequence.dcm",
)


def test_hu_of_real_ct_is_the_same_for_three_readers(shared_data: Path) -> None:
    sitk.ProcessObject_SetGlobalWarningDisplay(False)
    paths = [shared_data / name for name in CT]
    paths += sorted((shared_data / "totalseg" / "example_ct_dicom").iterdir())[:4]
    paths += sorted((shared_data / "sts/dicom/STS_002/CT/image").iterdir())[:4]
    for path in paths:
        source, losses = PixelFile(path), Losses()
        found = np.empty(source.shape, np.int16)
        source.read(0, found, losses)
        with quiet():
            dataset = pydicom.dcmread(path, force=True)
            theirs = np.rint(apply_modality_lut(dataset.pixel_array, dataset))
        assert np.array_equal(found, theirs), path
        assert np.array_equal(found, np.rint(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]))
        assert losses.clipped == 0
