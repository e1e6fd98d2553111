"""A label map as binary DICOM SEG, one segment a class."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.color import CIELabColor
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from core.dicom.elements import whole
from core.dicom.parsing import quiet
from core.dicom.writing.base import MAKER, Segment, new_uid, present, program_version
from core.dicom.writing.references import References

_ALGORITHMS = {
    "manual": hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    "semi-automatic": hd.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
    "automatic": hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
}
#: Families of algorithm (CID 7162). Tools that a hand guides have none of their own there.
_LEARNT = Code("123110", "DCM", "Artificial Intelligence")
_GUIDED = Code("123109", "DCM", "Manual Processing")


@quiet()
def make_seg(
    labels: NDArray[np.uint8], references: References, segments: tuple[Segment, ...], path: Path
) -> Dataset:
    """The SEG of ``labels`` [z, y, x] on the planes of ``references``; ``path`` for messages.

    Binary rather than a label map, since few readers know label maps yet. Each frame names its
    source image; planes without a voxel are left out. Raises FileRefusedError for a label without
    voxels.
    """
    used = present(labels, segments, path)
    first = references.first
    return hd.seg.Segmentation(
        source_images=list(references.images),
        pixel_array=_by_image(_numbered(labels, used), references),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(n, s) for n, s in enumerate(used, start=1)],
        series_instance_uid=new_uid(),
        series_number=901,
        sop_instance_uid=new_uid(),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=program_version(),
        # There is no device; Enhanced General Equipment wants a number all the same.
        device_serial_number="0",
        content_label="SEGMENTATION",
        content_description=f"{MAKER} labels",
        series_description=f"{MAKER} labels",
        specific_character_set=str(first.SpecificCharacterSet),
        omit_empty_frames=True,
    )


def _numbered(labels: NDArray[np.uint8], used: tuple[Segment, ...]) -> NDArray[np.uint8]:
    """Values 1, 2 … in the order of the segments: DICOM numbers them without gaps."""
    table = np.zeros(256, dtype=np.uint8)
    for number, segment in enumerate(used, start=1):
        table[segment.value] = number
    return table[labels]


def _by_image(labels: NDArray[np.uint8], references: References) -> NDArray[np.uint8]:
    """Planes in the order of the images' own frames, as highdicom wants them."""
    frames = [frame for _, frame in references.frames]
    count = whole(references.first, "NumberOfFrames") or 1
    if None in frames:
        return labels
    ordered = np.zeros((count, *labels.shape[1:]), dtype=np.uint8)
    ordered[[frame for frame in frames if frame is not None]] = labels
    return ordered


def _description(number: int, segment: Segment) -> hd.seg.SegmentDescription:
    made = _ALGORITHMS[segment.made]
    by_hand = segment.made == "manual"
    family = _LEARNT if segment.made == "automatic" else _GUIDED
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name,
        segmented_property_category=segment.meaning.category,
        segmented_property_type=segment.meaning.type,
        algorithm_type=made,
        algorithm_identification=None
        if by_hand
        else hd.AlgorithmIdentificationSequence(
            name=segment.algorithm, family=family, version=program_version()
        ),
        tracking_uid=new_uid(),
        tracking_id=segment.name,
        display_color=CIELabColor.from_rgb(*segment.rgb),
    )
