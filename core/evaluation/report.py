"""Evaluations as a file for others: one HTML page with the previews in it, or a CSV table."""

from __future__ import annotations

import base64
import csv
import html
import io
import math
from collections.abc import Sequence
from pathlib import Path

from core.errors import UserError
from core.evaluation.metrics import FOUND_SHARE, CaseMetrics
from core.evaluation.result import CaseEvaluation, EvaluationResult
from core.labels.durable import write_bytes

#: Every report and model card carries this.
NOTICE = "For research. A reader checks every outline. Not for diagnosis."

#: When a case needs a look: the design's rules for amber.
LOW_DICE = 0.70
FAR_HD95_MM = 10.0
LARGE_VOLUME_ERROR = 0.15

#: A preview is a slice of at most a few hundred kilobytes.
_MAX_PREVIEW = 4 * 1024 * 1024
_WORST = 8

_COLUMNS = (
    "run", "split", "label", "patient", "series_uid", "dice", "hd95_mm", "reference_ml",
    "predicted_ml", "volume_error", "lesions", "lesions_found", "false_lesions",
)  # fmt: skip


def warnings(metrics: CaseMetrics) -> frozenset[str]:
    """Which figures of a case are out of bounds: dice, hd95, volume, lesions."""
    found: set[str] = set()
    if metrics.dice < LOW_DICE:
        found.add("dice")
    if metrics.hd95_mm > FAR_HD95_MM:
        found.add("hd95")
    if abs(metrics.volume_error) > LARGE_VOLUME_ERROR:
        found.add("volume")
    if metrics.lesions_found < metrics.lesions:
        found.add("lesions")
    return frozenset(found)


def write(
    path: Path,
    results: Sequence[EvaluationResult],
    previews: Sequence[Path] = (),
    project: str = "",
) -> int:
    """Write the report ``path``, ending ``.html`` or ``.csv``; returns its size in bytes.

    previews: for each result the folder its preview paths are relative to (the run folder); none:
    a report without pictures. project: name for the title. Raises UserError on another ending.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        data = _csv(results).encode("utf-8-sig")  # The mark lets Excel see the umlauts.
    elif suffix in (".html", ".htm"):
        data = _html(results, previews, project).encode()
    else:
        raise UserError(f"{path.name} cannot be written: choose a name ending in .html or .csv.")
    write_bytes(path, data)
    return len(data)


def _csv(results: Sequence[EvaluationResult]) -> str:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(_COLUMNS)
    for result in results:
        for case in result.worst_first():
            m = case.metrics
            figures = (
                m.dice, m.hd95_mm, m.reference_ml, m.predicted_ml, m.volume_error,
                m.lesions, m.lesions_found, m.false_lesions,
            )  # fmt: skip
            names = (result.run_id, result.split, result.label, case.patient_id, case.series_uid)
            table.writerow([*map(_cell, names), *map(_number, figures)])
    return out.getvalue()


def _cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"


def _html(results: Sequence[EvaluationResult], previews: Sequence[Path], project: str) -> str:
    title = html.escape(f"Evaluation, {project}" if project else "Evaluation")
    folders = [*previews, *[None] * (len(results) - len(previews))]
    parts = [_section(r, folder) for r, folder in zip(results, folders, strict=True)]
    body = "\n".join(parts) or "<p>No run has been evaluated.</p>"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>
<body><h1>{title}</h1><p class="note">{NOTICE}</p>
{body}
<p class="note">A reference lesion (26-connected) counts as found when at least {FOUND_SHARE:.0%} of
its voxels are predicted. HD95: 95th percentile of the distances between the surfaces in mm, in the
worse direction; – where a mask is empty. Amber: Dice below {LOW_DICE:.2f}, HD95 above
{FAR_HD95_MM:.0f} mm, volume error above {LARGE_VOLUME_ERROR:.0%}, a missed lesion.</p>
</body></html>
"""


def _section(result: EvaluationResult, folder: Path | None) -> str:
    s = result.summary
    name = " ".join(part for part in (result.run_id, result.run_name) if part)
    head = html.escape(f"{name}, {result.split} split, {result.label}")
    facts = (
        f"{s.cases} cases, {html.escape(result.created)}. Mean Dice {show(s.dice_mean, 2)} "
        f"({s.dice_cases} cases), median HD95 {show(s.hd95_median, 1)} mm ({s.hd95_cases} cases), "
        f"{s.lesions_found} of {s.lesions} lesions found, {s.false_lesions} false."
    )
    rows = "\n".join(_row(case) for case in result.worst_first())
    pictures = "".join(_picture(case, folder) for case in result.worst_first()[:_WORST])
    return f"""<h2>{head}</h2><p>{facts}</p>
<table><tr><th>Patient</th><th>Dice</th><th>HD95 mm</th><th>Volume mL</th><th>Predicted mL</th>
<th>Error</th><th>Lesions found</th><th>False</th></tr>
{rows}
</table><div class="pictures">{pictures}</div>"""


def _row(case: CaseEvaluation) -> str:
    m, amber = case.metrics, warnings(case.metrics)
    cells = (
        ("", html.escape(case.patient_id)),
        ("dice", show(m.dice, 2)),
        ("hd95", show(m.hd95_mm, 1)),
        ("", show(m.reference_ml, 1)),
        ("", show(m.predicted_ml, 1)),
        ("volume", percent(m.volume_error)),
        ("lesions", f"{m.lesions_found} of {m.lesions}"),
        ("", str(m.false_lesions)),
    )
    return "<tr>{}</tr>".format(
        "".join(
            f'<td class="amber">{text}</td>' if key in amber else f"<td>{text}</td>"
            for key, text in cells
        )
    )


def _picture(case: CaseEvaluation, folder: Path | None) -> str:
    if folder is None or not case.preview:
        return ""
    path = folder / case.preview
    # A result file may come from elsewhere: only pictures inside the run's folder are taken.
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        return ""
    if path.suffix.lower() != ".png" or path.stat().st_size > _MAX_PREVIEW:
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    words = html.escape(f"{case.patient_id}, Dice {show(case.metrics.dice, 2)}")
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{words}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def show(value: float, digits: int) -> str:
    """A figure with so many decimals; – where there is none."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def percent(value: float, digits: int = 0) -> str:
    """A share with its sign as per cent: +19 %, −31 %; – where there is none."""
    if math.isnan(value):
        return "–"
    text = f"{abs(value) * 100:.{digits}f}"
    sign = "" if float(text) == 0 else ("+" if value > 0 else "−")
    return f"{sign}{text} %"


_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:32px auto;max-width:1000px;color:#1b1f23}"
    "h1{font-size:24px}h2{font-size:18px;margin-top:32px}.note{color:#5f6770}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:right;padding:4px 8px;border-bottom:1px solid #dde1e5}"
    "th:first-child,td:first-child{text-align:left}.amber{background:#fbeccb;font-weight:600}"
    ".pictures{display:flex;flex-wrap:wrap;gap:12px;margin-top:16px}figure{margin:0}"
    "img{width:220px;border-radius:4px;background:#000}figcaption{font-size:12px}"
)
