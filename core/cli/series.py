"""``show``: one series of a project."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from core.cli.output import Output, stop_on_interrupt
from core.errors import UserError
from core.project.project import Project


def show(args: Namespace, output: Output) -> int:
    """Read a series and print its grid and HU."""
    from core.project.reading import read_volume  # noqa: PLC0415 - brings the image libraries

    with Project.open(args.project) as project:
        record = project.record(args.series_uid)
    grid = record.geometry
    if args.voxel is not None and not grid.contains(args.voxel):
        raise UserError(
            f"Voxel {args.voxel} lies outside the series, which has {grid.shape} voxels (z, y, x). "
            "Give indices from 0."
        )
    with stop_on_interrupt() as cancelled:
        volume = read_volume(record, output.counter("Slice"), cancelled)
    hu = volume.statistics()
    voxel_hu = None if args.voxel is None else int(volume.hu[args.voxel])
    document: dict[str, Any] = {
        "series_uid": record.series_uid,
        **volume.geometry.as_json(),
        "hu": hu,
        "voxel_hu": voxel_hu,
    }
    lines = [
        f"series     {record.series_uid}",
        f"shape      {_numbers(grid.shape)} (z, y, x)",
        f"spacing    {_numbers(grid.spacing)} mm (z, y, x)",
        f"origin     {_numbers(grid.origin)} mm (x, y, z; LPS)",
        f"direction  {_numbers(grid.direction)}",
        f"HU         {hu['min']} to {hu['max']}, mean {hu['mean']:.1f}",
    ]
    if voxel_hu is not None:
        lines.append(f"voxel      {voxel_hu} HU at {_numbers(args.voxel)}")
    lines += [f"check      {c.message}" for c in dict.fromkeys((*record.checks, *volume.checks))]
    output.result(document, "\n".join(lines))
    return 0


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:g}" for value in values)
