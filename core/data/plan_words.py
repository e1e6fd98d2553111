"""A plan in words: each value with its unit, the whole as sections of rows, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.data.figures import PLACE_DICE
from core.data.plan_fields import FIELDS, SECTIONS, Field

if TYPE_CHECKING:
    from core.data.plan import Plan


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.0e}"


def format_value(spec: Field, value: Any) -> str:
    """``value`` of a field as shown to people, with its unit: ``4 × 4 × 4 mm``, ``On``."""
    if value is None:
        return "–"
    if spec.kind == "bool":
        return "On" if value else "Off"
    if spec.kind == "choice":
        return dict(spec.choices)[value]
    if spec.kind == "stages":
        return ", ".join(
            "×".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value
        )
    if isinstance(value, tuple):
        text = " × ".join(_number(item) for item in value)
    else:
        text = value if isinstance(value, str) else _number(value)
    return f"{text} {spec.unit}".rstrip().replace(" °", "°")


def describe(plan: Plan) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """``(section, [(label, value, explanation)])`` of the whole plan, for people.

    Starts with what was found in the data and ends with what the run is expected to need.
    """
    sections = [("Cases", _figures(plan))]
    for section in SECTIONS:
        rows = [
            (spec.label, format_value(spec, getattr(plan, spec.key)), spec.help)
            for spec in FIELDS
            if spec.section == section and getattr(plan, spec.key) is not None
        ]
        sections.append((section, rows))
    sections.append(("Estimates", _estimates(plan)))
    return sections


def remarks(plan: Plan) -> list[str]:
    """What to know of a plan before it is used, and of a model made by it; may be empty."""
    if not plan.position:
        return []
    if plan.figures.place_dice < PLACE_DICE:
        return [
            "The network is told where in the image it looks: on images cropped in another way it "
            "will do worse."
        ]
    return [
        "The lesions lie at a fixed distance from the borders of these images: the images were "
        "probably cropped round them. The network uses that (place alone reaches a Dice of "
        f"{plan.figures.place_dice:.2f} here); on uncropped images it will do worse."
    ]


def _figures(plan: Plan) -> list[tuple[str, str, str]]:
    f = plan.figures
    spacing = " × ".join(f"{s:.2f}" for s in f.median_spacing)
    return [
        ("Cases", f"{f.cases_train}, and {f.cases_val} held out", "Labelled cases in the splits."),
        ("Classes", ", ".join(c.name for c in plan.classes), "What the model learns to find."),
        ("Median spacing", f"{spacing} mm", "Slices, rows, columns of the training cases."),
        ("Lesion volume", f"{f.lesion_ml[0]:.3g}–{f.lesion_ml[2]:.3g} mL", "Smallest to largest."),
        (
            "HU 0.5 / 50 / 99.5 %",
            " / ".join(f"{v:.0f}".replace("-", "−") for v in f.hu),
            "Percentiles of the HU inside the lesions.",
        ),
    ]


def _estimates(plan: Plan) -> list[tuple[str, str, str]]:
    e = plan.estimates
    minutes = e.seconds / 60
    time = f"{minutes:.0f} min" if minutes < 90 else f"{minutes // 60:.0f} h {minutes % 60:.0f} min"
    how = "measured on this machine" if e.measured else "estimated"
    return [
        ("Parameters", f"{e.parameters / 1e6:.2f} M", "Weights of the network."),
        ("Memory", f"{e.memory_bytes / 1e9:.1f} GB", f"Peak on the device, {how}."),
        ("Disk", f"{e.disk_bytes / 1e9:.2f} GB", "Preprocessed cases, checkpoints and model."),
        ("Step", f"{e.step_seconds:.2f} s", f"One step with its data, {how}."),
        ("Steps", f"{e.steps:,}", "Steps of the whole run."),
        ("Time", time, "Wall clock of the whole run."),
    ]
