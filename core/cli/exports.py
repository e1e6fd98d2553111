"""``export-image``, ``export-label``, ``deidentify``: images and labels out of a project."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.output import Output, stop_on_interrupt, table
from core.errors import UserError
from core.project.project import Project

if TYPE_CHECKING:
    from core.dicom.deidentify.audit import Audit
    from core.export.labels import LabelOptions


def export_image(args: Namespace, output: Output) -> int:
    """Write the image of a series to a file."""
    from core import export  # noqa: PLC0415 - brings the image libraries

    with Project.open(args.project) as project, stop_on_interrupt() as cancelled:
        path = export.export_image(
            project, args.series_uid, args.file, output.counter("Slice"), cancelled
        )
    return _written(path, output)


def export_label(args: Namespace, output: Output) -> int:
    """Write the label of a series to a file."""
    from core import export  # noqa: PLC0415 - brings the image libraries
    from core.export.labels import export_dicom_label  # noqa: PLC0415

    if args.format is None:
        if args.file.suffix.lower() == ".dcm":
            raise UserError("A DICOM label is a SEG or an RTSTRUCT. Add --format seg or rtstruct.")
        with Project.open(args.project) as project:
            return _written(export.export_label(project, args.series_uid, args.file), output)
    if args.made is None:
        raise UserError(
            "A DICOM label says how it was made. Add --made manual, semi-automatic or automatic."
        )
    options = _label_options(args)
    with Project.open(args.project) as project, stop_on_interrupt() as cancelled:
        done = export_dicom_label(
            project, args.series_uid, args.file, args.format, options, cancelled=cancelled
        )
    return _written(done.path, output, done.images)


def deidentify(args: Namespace, output: Output) -> int:
    """Show what de-identifying changes and, when asked to, write it."""
    from core.export.deidentified import (  # noqa: PLC0415 - brings the image libraries
        DeidentifyOptions,
        look_through,
        write_deidentified,
    )

    labels = tuple(dict.fromkeys(args.labels or ()))
    if labels and args.made is None:
        raise UserError(
            "A DICOM label says how it was made. Add --made manual, semi-automatic or automatic."
        )
    options = DeidentifyOptions(
        keep_device=args.keep_device,
        shift_dates=args.shift_dates,
        images=not args.no_images,
        labels=labels,
        label=_label_options(args),
        burned_in=args.burned_in,
    )
    with Project.open(args.project) as project, stop_on_interrupt() as cancelled:
        uids = args.series or [record.series_uid for record in project.series()]
        counter = output.counter("Slice")
        if not args.write:
            audit = look_through(project, uids, options, counter, cancelled)
            text = f"{_audit_text(audit)}\n\nNothing was written. Add --write to write it."
            output.result({"written": False, **_audit_json(audit)}, text)
            return 0
        done = write_deidentified(
            project, uids, args.folder, options, progress=counter, cancelled=cancelled
        )
    text = f"Wrote {done.files} files to {done.folder}; audit.tsv there says what was done."
    output.result({"written": True, "folder": done.folder, **_audit_json(done.audit)}, text)
    return 0


def _label_options(args: Namespace) -> LabelOptions:
    from core.dicom.writing.meaning import parse_code  # noqa: PLC0415 - brings pydicom
    from core.export.labels import LabelOptions  # noqa: PLC0415

    meanings: dict[str, Any] = {}
    for text in args.meaning or ():
        name, found, code = text.partition("=")
        if not found:
            raise UserError(f"{text} gives no code. Write CLASS=value^scheme^meaning.")
        meanings[name.strip()] = parse_code(code)
    return LabelOptions(args.made or "manual", args.algorithm, meanings)


def _written(path: Path, output: Output, images: Path | None = None) -> int:
    size = path.stat().st_size
    also = "" if images is None else f" The images it refers to lie in {images}."
    output.result(
        {"path": path, "bytes": size} | ({} if images is None else {"images": images}),
        f"Wrote {path} ({size / 1e6:.1f} MB).{also}",
    )
    return 0


def _audit_text(audit: Audit) -> str:
    """The audit for people, with examples: they are shown, and not written anywhere."""
    rows = [
        [row.tag, row.name, row.action.value, str(row.files), row.before, row.after]
        for row in audit.rows()
    ]
    text = table(["tag", "attribute", "action", "files", "before", "after"], rows)
    flags = [f"Look at the pixels of {n} files: {why}." for why, n in audit.burned_in.items()]
    return "\n".join([text, *flags])


def _audit_json(audit: Audit) -> dict[str, Any]:
    """The audit for scripts, which keep what they read: without what was there before."""
    return {
        "files": audit.files,
        "burned_in": audit.burned_in,
        "audit": [
            {"tag": row.tag, "name": row.name, "action": row.action.value, "files": row.files}
            for row in audit.rows()
        ],
    }
