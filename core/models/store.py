"""The models of a project: one folder each, listed, found, edited, imported. No torch.

models/<id>/model.safetensors   weights; plan and card in the header
models/<id>/card.json           the card as last edited
models/<id>/exports.json        files written from it
models/<id>/previews/*.png      validation cases
models/proposals.json           which model proposes labels
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.data.plan import Plan
from core.errors import FileRefusedError, UserError
from core.labels.durable import write_bytes
from core.models.card import ModelCard
from core.models.header import CARD_KEY, PLAN_KEY, SUFFIX, Header, read_header
from core.project.project import Project

WEIGHTS_FILE = f"model{SUFFIX}"
CARD_FILE = "card.json"
EXPORTS_FILE = "exports.json"
PREVIEWS = "previews"
_PROPOSALS_FILE = "proposals.json"
_REMOVED = ".removed-"
_MAX_JSON = 4 * 1024 * 1024
#: What a run id of an imported model reads.
IMPORTED = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord:
    """A file written from a model. path: where it was written, and ``when`` (ISO 8601).

    max_difference: of the softmax outputs, None when not checked. passed: whether the check held.
    """

    path: str
    format: str
    precision: str
    bytes: int
    when: str
    max_difference: float | None
    limit: float
    passed: bool


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of a project. id: its folder's name."""

    id: str
    folder: Path
    card: ModelCard

    @property
    def weights(self) -> Path:
        """The weights file."""
        return self.folder / WEIGHTS_FILE

    @property
    def previews(self) -> list[Path]:
        """PNG files of validation cases, by name."""
        return sorted((self.folder / PREVIEWS).glob("*.png"))

    def as_json(self) -> dict[str, Any]:
        """Id, path and card, for the command line."""
        return {"id": self.id, "path": str(self.weights), **self.card.as_json()}

    def exports(self) -> list[ExportRecord]:
        """Files written from this model, newest first. Raises FileRefusedError when damaged."""
        path = self.folder / EXPORTS_FILE
        if not path.exists():
            return []
        try:
            return [ExportRecord(**item) for item in _read_json(path)][::-1]
        except TypeError as error:
            raise FileRefusedError(path, "it is no list of exports", "Delete it.") from error


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_JSON:
            raise FileRefusedError(path, "it is far too large", "Delete it.")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileRefusedError(path, "it cannot be opened", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise FileRefusedError(path, "it is not JSON", "Delete it.") from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    write_bytes(path, text.encode())


def read_card(folder: Path) -> ModelCard:
    """The card of a model folder. Raises FileRefusedError or UserError."""
    return ModelCard.from_json(_read_json(folder / CARD_FILE))


def list_models(project: Project) -> list[ModelEntry]:
    """All models, newest first. Folders without weights or with a damaged card are left out.

    See :func:`damaged` for those.
    """
    return _scan(project)[0]


def damaged(project: Project) -> list[str]:
    """A sentence for each model folder that cannot be used."""
    return _scan(project)[1]


def _scan(project: Project) -> tuple[list[ModelEntry], list[str]]:
    models: list[ModelEntry] = []
    problems: list[str] = []
    if not project.models_dir.is_dir():
        return models, problems
    for folder in sorted(project.models_dir.iterdir()):
        # A folder that is being written has no card yet: the card comes last.
        if folder.name.startswith(".") or not (folder / CARD_FILE).exists():
            continue
        if not (folder / WEIGHTS_FILE).exists():
            problems.append(f"Model {folder.name} has lost its weights ({WEIGHTS_FILE}).")
            continue
        try:
            models.append(ModelEntry(folder.name, folder, read_card(folder)))
        except UserError as error:
            problems.append(f"Model {folder.name}: {error.sentence}")
    models.sort(key=lambda m: (m.card.created, m.id), reverse=True)
    return models, problems


def find_model(project: Project, name: str) -> ModelEntry | None:
    """The model of that id, else the newest one of that run, else None."""
    models = list_models(project)
    exact = next((m for m in models if m.id == name), None)
    return exact or next((m for m in models if m.card.run_id == name), None)


def next_version(project: Project, name: str) -> str:
    """The version for a new model of that name: one more than the highest so far."""
    highest = 0
    for model in list_models(project):
        first = model.card.version.split(".")[0]
        if model.card.name == name and first.isdecimal():
            highest = max(highest, int(first))
    return str(highest + 1)


def save_card(model: ModelEntry, card: ModelCard) -> ModelEntry:
    """Replace the card; exported files carry the new one from now on."""
    write_json(model.folder / CARD_FILE, card.as_json())
    return replace(model, card=card)


def add_export(folder: Path, record: ExportRecord) -> None:
    """Note a written file; an earlier note of the same path goes."""
    path = folder / EXPORTS_FILE
    earlier: list[Any] = _read_json(path) if path.exists() else []
    kept = [item for item in earlier if isinstance(item, dict) and item.get("path") != record.path]
    write_json(path, [*kept, asdict(record)])


def proposal_model(project: Project) -> ModelEntry | None:
    """The model that proposes labels: the chosen one, else the newest; None without models."""
    models = list_models(project)
    path = project.models_dir / _PROPOSALS_FILE
    if path.exists():
        value = _read_json(path)
        chosen = value.get("model_id") if isinstance(value, dict) else None
        for model in models:
            if model.id == chosen:
                return model
    return models[0] if models else None


def use_for_proposals(project: Project, model: ModelEntry) -> None:
    """Make ``model`` the one that proposes labels."""
    write_json(project.models_dir / _PROPOSALS_FILE, {"model_id": model.id})


def remove_model(project: Project, model: ModelEntry) -> None:
    """Take a model off the list; :func:`restore_model` brings it back."""
    target = project.models_dir / f"{_REMOVED}{model.id}"
    if target.exists():
        shutil.rmtree(target)
    model.folder.rename(target)


def restore_model(project: Project, model: ModelEntry) -> None:
    """Undo :func:`remove_model`."""
    (project.models_dir / f"{_REMOVED}{model.id}").rename(model.folder)


def read_description(path: Path) -> tuple[Header, Plan, ModelCard]:
    """Header, plan and card of a safetensors file, without its weights.

    Raises FileRefusedError when it is none of ours, or UserError when plan or card are wrong.
    """
    header = read_header(path)
    if PLAN_KEY not in header.metadata or CARD_KEY not in header.metadata:
        raise FileRefusedError(
            path,
            "it holds weights, but no LesionForge plan and card",
            "Export the model from LesionForge as safetensors.",
        )
    try:
        plan = Plan.from_json(json.loads(header.metadata[PLAN_KEY]))
    except (ValueError, AttributeError, RecursionError) as error:
        raise FileRefusedError(path, "its plan is not JSON", "Export it again.") from error
    return header, plan, ModelCard.loads(header.metadata[CARD_KEY])


def import_model(project: Project, path: Path) -> ModelEntry:
    """Copy a safetensors file that LesionForge exported into the project.

    The weights are checked against the plan when the model is first used. Raises FileRefusedError
    or UserError.
    """
    if path.suffix.lower() != SUFFIX:
        raise FileRefusedError(
            path, "only safetensors files can be imported", "Export the model as safetensors."
        )
    header, _, card = read_description(path)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-")[:40] or "model"
    project.models_dir.mkdir(parents=True, exist_ok=True)
    number = 1
    while (folder := project.models_dir / f"import-{stem}-{number}").exists():
        number += 1
    folder.mkdir()
    try:
        shutil.copyfile(path, folder / WEIGHTS_FILE)
    except OSError as error:
        shutil.rmtree(folder)
        raise FileRefusedError(path, "it could not be copied", str(error)) from error
    card = replace(
        card, run_id=IMPORTED, imported=True, parameters=header.parameters,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
    )  # fmt: skip
    write_json(folder / CARD_FILE, card.as_json())
    return ModelEntry(folder.name, folder, card)
