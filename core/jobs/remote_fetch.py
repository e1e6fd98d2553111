"""What a run on another machine leaves, brought into the project as if it had trained here."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data.plan import Plan
from core.errors import FileRefusedError
from core.events import ENDED, CaseResult, Event, ResultEvent, StateEvent, ValidationEvent
from core.jobs.machines import Machine
from core.jobs.remote_transfer import Kind, fetch, listed, restore_model
from core.models.card import ModelCard
from core.models.provenance import with_training_data
from core.models.store import (
    CARD_FILE,
    PREVIEWS,
    WEIGHTS_FILE,
    list_models,
    next_version,
    write_json,
)
from core.project.project import Project

_PICTURE = re.compile(r"previews/[0-9a-z_]{1,60}\.png")


class Fetcher:
    """Brings files of the run ``run`` on ``machine`` into the run's ``folder`` and its project."""

    def __init__(self, folder: Path, machine: Machine, run: str) -> None:
        self._folder, self._machine, self._run = folder, machine, run
        self._cache = folder.parent.parent / "cache" / "remote" / run

    def before(self, event: Event) -> Event:
        """Bring what ``event`` speaks of, so that it is here when the event is told.

        Returns the event as it is to be told here. Raises LinkError when the connection ends.
        """
        if isinstance(event, ValidationEvent):
            self._bring("pictures", self._folder)
            return replace(event, cases=tuple(_checked(case) for case in event.cases))
        if isinstance(event, ResultEvent) and event.name == "model":
            self._bring("model", self._cache)
            self._keep_model()
            return replace(event, data={**event.data, "model_id": self._folder.name})
        if isinstance(event, StateEvent) and event.state in ENDED:
            self._bring("checkpoint", self._folder)
            self.rest()
        return event

    def rest(self) -> None:
        """Bring the log, for whoever looks for what went wrong."""
        self._bring("log", self._cache)
        log = self._cache / "log.txt"
        if log.is_file():
            shutil.copyfile(log, self._folder / "log_remote.txt")

    def _bring(self, kind: Kind, folder: Path) -> None:
        for path, found in listed(self._machine, self._run, kind).items():
            # runs/r01/previews/x.png there is previews/x.png of the folder here.
            fetch(self._machine, self._run, found, folder / Path(*Path(path).parts[2:]))

    def _keep_model(self) -> None:
        """The fetched model with the plan's own name, its card with the data it came from."""
        weights, card_file = self._cache / WEIGHTS_FILE, self._cache / CARD_FILE
        try:
            value: Any = json.loads(card_file.read_bytes())
        except (OSError, ValueError) as error:
            raise FileRefusedError(
                card_file, "it is no card of a model", "Resume the run, or start a new one."
            ) from error
        plan, run_id = Plan.load(self._folder / "plan.json"), self._folder.name
        with Project.open(self._folder.parent.parent) as project:
            earlier = next((m.card for m in list_models(project) if m.id == run_id), None)
            card = replace(
                ModelCard.from_json(value),
                name=plan.name,
                version=earlier.version if earlier else next_version(project, plan.name),
                run_id=run_id,
                classes=tuple(c.name for c in plan.classes),
                scanners="",
                imported=False,
            )
            card = with_training_data(project, card)
            goal = project.models_dir / run_id
            (goal / PREVIEWS).mkdir(parents=True, exist_ok=True)
            restore_model(weights, goal / WEIGHTS_FILE, plan, card)
            for old in (goal / PREVIEWS).glob("*.png"):
                old.unlink()
            for picture in sorted((self._cache / PREVIEWS).glob("*.png")):
                shutil.copyfile(picture, goal / PREVIEWS / picture.name)
            write_json(goal / CARD_FILE, card.as_json())


def _checked(case: CaseResult) -> CaseResult:
    """A result whose picture is one of the run's own, or none."""
    return case if _PICTURE.fullmatch(case.preview) else replace(case, preview="")
