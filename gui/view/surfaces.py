"""Surfaces of body, bones and labels for the 3D view, made on reduced volumes in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import (
    vtkFlyingEdges3D,
    vtkPolyDataNormals,
    vtkWindowedSincPolyDataFilter,
)

from core.errors import Cancelled
from core.geometry import Geometry

#: HU of the surfaces: between air and skin, and above contrast medium in vessels.
BODY_HU, BONE_HU = -300, 220
#: Voxels along one axis at most; what is finer than that cannot be seen at the view's size.
_ALONG, _LABEL_ALONG = 128, 96
#: Parts of bone smaller than this are calcifications and noise, mL.
_BONE_ML = 1.0
#: What is thinner than twice this is no body: tables, wires, drapes. mm.
_BRIDGE_MM = 8.0


@dataclass(frozen=True, slots=True)
class Surface:
    """A part of the scene. key: body, bones or label-N. value: of the class, 0 for none."""

    key: str
    value: int
    mesh: vtkPolyData


def _reduce(
    array: NDArray[Any], spacing: Any, along: int
) -> tuple[NDArray[Any], tuple[float, ...]]:
    """Every nth voxel along each axis, so that none has more than ``along`` of them."""
    steps = [max(1, -(-n // along)) for n in array.shape]
    cut = array[tuple(slice(None, None, step) for step in steps)]
    return cut, tuple(s * step for s, step in zip(spacing, steps, strict=True))


def _mesh(
    field: NDArray[np.float32],
    level: float,
    spacing: tuple[float, ...],
    start: tuple[float, ...],
    passes: int,
) -> vtkPolyData:
    """The smoothed surface ``field`` = level, in mm along the array's x, y and z.

    start: mm (z, y, x) of the field's first voxel in the volume.
    """
    padded = np.pad(field, 1, constant_values=float(field.min()))
    image = vtkImageData()
    image.SetDimensions(*padded.shape[::-1])
    image.SetSpacing(*spacing[::-1])
    image.SetOrigin(*(a - s for a, s in zip(start[::-1], spacing[::-1], strict=True)))
    image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=True))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(edges.GetOutputPort())
    smooth.SetNumberOfIterations(passes)
    smooth.SetPassBand(0.05)
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(smooth.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    mesh = vtkPolyData()
    mesh.ShallowCopy(normals.GetOutput())
    return mesh


def _check(cancelled: Any) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled


def anatomy(hu: NDArray[np.int16], geometry: Geometry, cancelled: Any = None) -> list[Surface]:
    """Body and bones. Raises Cancelled."""
    small, spacing = _reduce(hu, geometry.spacing, _ALONG)
    soft = ndimage.gaussian_filter(
        small.astype(np.float32), [max(0.6, 0.8 * min(spacing) / s) for s in spacing]
    )
    _check(cancelled)
    body = _body(soft > BODY_HU, spacing)
    if not body.any():
        return []
    # The skin is smooth at half the resolution, and drawing it costs by the triangle.
    field = ndimage.gaussian_filter(body.astype(np.float32), 1.5)[::2, ::2, ::2]
    half = tuple(2 * s for s in spacing)
    found = [Surface("body", 0, _mesh(field, 0.5, half, (0.0, 0.0, 0.0), 12))]
    _check(cancelled)
    bone = _large_parts((soft > BONE_HU) & body, float(np.prod(spacing)) / 1000.0)
    if bone.any():
        field = np.where(ndimage.binary_dilation(bone, iterations=2), soft, np.float32(-200))
        found.append(Surface("bones", 0, _mesh(field, BONE_HU, spacing, (0.0, 0.0, 0.0), 10)))
    return found


def _body(mask: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.bool_]:
    """The patient without the table: the largest part once thin bridges are cut, filled."""
    depth = ndimage.distance_transform_edt(np.pad(mask, ((0, 0), (1, 1), (1, 1))), sampling=spacing)
    depth = depth[:, 1:-1, 1:-1]
    parts, count = ndimage.label(depth > _BRIDGE_MM)
    if not count:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    core = parts == int(sizes.argmax())
    far = ndimage.distance_transform_edt(~core, sampling=spacing)
    return _filled(mask & (far <= _BRIDGE_MM * 1.5))


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without holes in any of its axial slices."""
    return np.stack([ndimage.binary_fill_holes(cut) for cut in mask])


def _large_parts(mask: NDArray[np.bool_], voxel_ml: float) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes * voxel_ml >= _BONE_ML)[parts]


def label_surface(
    cut: NDArray[np.uint8],
    value: int,
    corner: tuple[int, int, int],
    geometry: Geometry,
    cancelled: Any = None,
) -> Surface | None:
    """The surface of one class in a block of labels that starts at voxel ``corner``."""
    _check(cancelled)
    mask = cut == value
    if not mask.any():
        return None
    mask, spacing = _reduce(mask, geometry.spacing, _LABEL_ALONG)
    field = np.pad(mask.astype(np.float32), 2)
    # One voxel of the finest axis: steps go, small lesions stay.
    field = ndimage.gaussian_filter(field, [0.7 * min(spacing) / s for s in spacing])
    level = min(0.5, 0.5 * float(field.max()))
    start = tuple(c * g - 2 * s for c, g, s in zip(corner, geometry.spacing, spacing, strict=True))
    return Surface(f"label-{value}", value, _mesh(field, level, spacing, start, 20))
