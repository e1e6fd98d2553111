"""The arguments of ``export-image``, ``export-label`` and ``deidentify``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.cli import exports
from core.cli.arguments import command

_IMAGE_ENDINGS = "ending in .nii.gz, .nii, .nrrd or .mha"


def export_commands(commands: Any) -> None:
    """Add the commands."""
    image = command(
        commands, "export-image", exports.export_image,
        "Write the image of a series, on the series' own grid.",
    )  # fmt: skip
    image.add_argument("series_uid", metavar="SERIES_UID")
    image.add_argument("file", metavar="FILE", type=Path, help=_IMAGE_ENDINGS)

    label = command(
        commands, "export-label", exports.export_label,
        "Write the label of a series, on the series' own grid, or as DICOM SEG or RTSTRUCT.",
    )  # fmt: skip
    label.add_argument("series_uid", metavar="SERIES_UID")
    label.add_argument(
        "file", metavar="FILE", type=Path,
        help=f"{_IMAGE_ENDINGS} (.seg.nrrd with names and colours), or in .dcm with --format",
    )  # fmt: skip
    label.add_argument("--format", choices=("seg", "rtstruct"), help="the kind of DICOM label")
    _label_options(label)

    clean = command(
        commands, "deidentify", exports.deidentify,
        "Show what removing the patients' identity changes (DICOM PS3.15, basic profile); with "
        "--write, write images and labels without it.",
    )  # fmt: skip
    clean.add_argument("folder", metavar="FOLDER", type=Path, help="a new or empty folder")
    clean.add_argument("--write", action="store_true", help="write, after the table was looked at")
    clean.add_argument(
        "--series", nargs="+", metavar="UID", help="these series (default: all of the project)"
    )
    clean.add_argument(
        "--labels", nargs="*", choices=("seg", "rtstruct"), help="labels to write beside the images"
    )
    clean.add_argument("--no-images", action="store_true", help="labels alone")
    clean.add_argument(
        "--shift-dates", action="store_true",
        help="move the dates of each patient by days of its own instead of removing them",
    )  # fmt: skip
    clean.add_argument(
        "--keep-device", action="store_true", help="keep serial number and name of the scanner"
    )
    clean.add_argument(
        "--burned-in", action="store_true",
        help="write images, too, whose pixels may show who the patient is",
    )  # fmt: skip
    _label_options(clean)


def _label_options(one: Any) -> None:
    one.add_argument(
        "--made", choices=("manual", "semi-automatic", "automatic"),
        help="how the outlines were made; DICOM labels state it",
    )  # fmt: skip
    one.add_argument(
        "--algorithm", default="LesionForge", metavar="NAME",
        help="what made them, where a hand alone did not (default: %(default)s)",
    )  # fmt: skip
    one.add_argument(
        "--meaning", action="append", metavar="CLASS=CODE",
        help="the code of a class, such as Tumour=86049000^SCT^Primary (default for lesions: "
        "108369006^SCT^Neoplasm)",
    )  # fmt: skip
