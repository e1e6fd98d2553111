"""A DICOM SEG by highdicom on the slices of :func:`tests.core.dicom.make.ct_slice`."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.sr.codedict import codes

from tests.core.dicom.make import ct_slice


def write_seg(
    path: Path, pixels: np.ndarray, kind: str = "BINARY", syntax: str | None = None
) -> Path:
    """Write ``pixels``: [z, y, x, segment], or [z, y, x] with the segments' numbers.

    kind: BINARY, FRACTIONAL or LABELMAP. syntax: the transfer syntax, by default highdicom's.
    """
    count, rows, columns = pixels.shape[:3]
    sources = [ct_slice(i, rows=rows, columns=columns) for i in range(count)]
    for source in sources:
        source.PatientBirthDate = source.PatientSex = source.AccessionNumber = ""
        source.StudyTime = source.StudyID = source.ReferringPhysicianName = ""
    segments = [
        hd.seg.SegmentDescription(
            segment_number=n,
            segment_label=f"Part {n}",
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for n in range(1, (pixels.shape[3] if pixels.ndim == 4 else int(pixels.max())) + 1)
    ]
    hd.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid="1.2.3.4.77",
        series_number=1,
        sop_instance_uid="1.2.3.4.77.1",
        instance_number=1,
        manufacturer="Test",
        manufacturer_model_name="Test",
        software_versions="1",
        device_serial_number="1",
        **({} if syntax is None else {"transfer_syntax_uid": syntax}),
    ).save_as(path)
    return path
