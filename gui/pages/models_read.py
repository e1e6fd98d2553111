"""The models of a project as the page shows them, read off the UI thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from core.errors import FileRefusedError
from core.models.provenance import with_training_data
from core.models.store import ExportRecord, ModelEntry, damaged, list_models, proposal_model
from core.project.project import Project

NETWORKS = {
    "residual_unet": "Residual U-Net",
    "dynunet": "DynUNet",
    "segresnet": "SegResNet",
}


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model and whether it proposes labels."""

    entry: ModelEntry
    proposes: bool = False


@dataclass(frozen=True, slots=True)
class Models:
    """All of the page. problems: a sentence for each model or list that cannot be read."""

    rows: tuple[ModelRow, ...] = ()
    exports: tuple[ExportRecord, ...] = ()
    problems: tuple[str, ...] = ()


def collect(project: Project) -> Models:
    """Read cards and lists of exports."""
    problems = damaged(project)
    chosen = proposal_model(project)
    rows: list[ModelRow] = []
    exports: list[ExportRecord] = []
    for model in list_models(project):
        entry = replace(model, card=with_training_data(project, model.card))
        rows.append(ModelRow(entry, chosen is not None and chosen.id == model.id))
        try:
            exports += model.exports()
        except FileRefusedError as error:
            problems.append(error.sentence)
    exports.sort(key=lambda record: record.when, reverse=True)
    return Models(tuple(rows), tuple(exports), tuple(problems))


def day(iso: str) -> str:
    """The date of an ISO time."""
    return iso[:10]


def moment(iso: str) -> str:
    """The time of today, else the date."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso[:10]
    today = when.date() == datetime.now(when.tzinfo).date()
    return f"{when:%H:%M}" if today else f"{when:%Y-%m-%d}"
