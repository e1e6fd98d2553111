"""``remedy``: what can be done about a series whose geometry is doubtful."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from core.cli.output import Output
from core.dicom.remedies import Offer
from core.errors import UserError
from core.project.project import Project
from core.project.records import SeriesRecord


def remedy(args: Namespace, output: Output) -> int:
    """List the remedies of a series, choose one, or undo the last choice."""
    if args.spacing is not None and args.choose != "resample":
        raise UserError("--spacing goes with --choose resample only.")
    with Project.open(args.project) as project:
        if args.undo:
            _say(project.undo_remedy(args.series_uid), "Undone", output)
        elif args.choose is not None:
            chosen = _offer(project, args.series_uid, args.choose).remedy
            if args.spacing is not None:
                chosen = replace(chosen, spacing=args.spacing)
            _say(project.apply_remedy(args.series_uid, chosen), "Done", output)
        else:
            _list(project, args.series_uid, output)
    return 0


def _offer(project: Project, series_uid: str, kind: str) -> Offer:
    offers = project.remedies(series_uid)
    for offer in offers:
        if offer.remedy.kind == kind:
            return offer
    safe = ", ".join(offer.remedy.kind for offer in offers)
    raise UserError(f"The remedy {kind} is not safe for this series. Choose one of: {safe}.")


def _list(project: Project, series_uid: str, output: Output) -> None:
    record = project.record(series_uid)
    offers = project.remedies(series_uid)
    lines = [f"check  {check.message}" for check in record.checks]
    for offer in offers:
        marks = [word for word in ("current", "recommended") if getattr(offer, word)]
        mark = f" ({', '.join(marks)})" if marks else ""
        lines.append(f"{offer.remedy.kind}{mark}: {offer.text}")
    choices = [
        {"at": c.at, "remedy": c.remedy.as_json(), "undone": c.undone} for c in record.choices
    ]
    lines += [
        f"chosen {c.at}: {c.remedy.kind}{' (undone since)' if c.undone else ''}"
        for c in record.choices
    ]
    document = {
        "series_uid": series_uid,
        "checks": [asdict(check) for check in record.checks],
        "offers": [_document(offer) for offer in offers],
        "choices": choices,
    }
    output.result(document, "\n".join(lines))


def _document(offer: Offer) -> dict[str, Any]:
    return {
        "remedy": offer.remedy.as_json(),
        "title": offer.title,
        "text": offer.text,
        "recommended": offer.recommended,
        "current": offer.current,
    }


def _say(records: Sequence[SeriesRecord], done: str, output: Output) -> None:
    lines = [f"{done}. {len(records)} series now:"]
    for record in records:
        shape = " × ".join(str(n) for n in record.geometry.shape)
        spacing = " × ".join(f"{s:.4g}" for s in record.geometry.spacing)
        lines.append(f"{record.series_uid}  {shape} (z, y, x), {spacing} mm")
        lines += [f"  {check.message}" for check in record.checks]
    output.result({"series": [record.as_json() for record in records]}, "\n".join(lines))
