"""The tolerances of the geometry gate, each with where it comes from.

The measure behind all of them: a voxel's position by the grid may differ from what its file says
by at most 0.1 mm. That is a seventh of a usual pixel, and above what rounding does to positions
that are written with two decimals.

For comparison: dicom2nifti lets each slice distance differ by 0.1 mm + 5 % of it
(``common.validate_slice_increment``), highdicom 0.25 by 1 % (``spatial``, default ``rtol``), both
without asking how such differences add up along a stack; 3D Slicer warns from 0.01 mm
(``DICOMScalarVolumePlugin``, ``spacingEpsilon``) and corrects corners beyond 0.001 mm.
"""

from __future__ import annotations

#: mm. How far a slice may lie from its place on a regular grid.
POSITION_MM = 0.1

#: mm. Slices nearer than this are at the same place: positions carry two decimals at least.
SAME_PLACE_MM = 0.01

#: A distance this many times the usual one is a gap, not a changed spacing: halfway to the place
#: of the next but one slice.
GAP = 1.5

#: Direction cosines that differ by less are the same: 0.1 mm over 250 mm, half a field of view of
#: 500 mm. Files that round to four decimals differ by 0.0001.
COSINE = 4e-4

#: mm. Pixel spacings that differ by less are the same: 0.05 mm over 512 pixels.
PIXEL_MM = 1e-4

#: Degrees. A grid turned by more from the patient's axes is called oblique; at one degree a slice
#: of 500 mm reaches 4 mm into its neighbours, more than a usual slice distance.
OBLIQUE_DEGREES = 1.0

#: mm. The widest gap that may be filled by interpolation. A lesion of 10 mm counts as measurable
#: (RECIST 1.1, Eisenhauer et al., Eur J Cancer 45:228, 2009); a wider gap can hide a whole one.
FILL_MM = 10.0


def lattice_mm(step: float) -> float:
    """mm that a slice may lie off a regular lattice of ``step`` mm: :data:`POSITION_MM`, and never
    more than a tenth of the step.
    """
    return min(POSITION_MM, 0.1 * step)


def copied_mm(step: float) -> float:
    """mm within which a scanned slice stands for a plane of a new grid with its very values. Half
    of :func:`lattice_mm`, so that with all rounding it stays within :data:`POSITION_MM`.
    """
    return 0.5 * lattice_mm(step)


def faithful_diameter_mm(gap: float, error: float = 0.005) -> float:
    """Diameter in mm from which a ball cut by a gap of ``gap`` mm keeps its volume within ``error``
    when the gap is filled by linear interpolation.

    The trapezoidal rule over the gap misses at most gap³ / 12 · |A''|, where A(z) = π (r² - z²) is
    the area of the ball's sections, so A'' = -2 π; set equal to ``error`` · 4/3 π r³.
    """
    return 2 * gap / (8 * error) ** (1 / 3)
