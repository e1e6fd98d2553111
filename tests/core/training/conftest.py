"""A project of five small synthetic series with lesions, split 3 and 2, and a run folder in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from core.project import manifest
from core.project.project import Project
from tests.core.data.plans import tiny_plan
from tests.core.training.synthetic import make_project

MakeRun = Callable[..., Path]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several threads on blocks this small only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path) as made:
        yield made


@pytest.fixture
def make_run(project: Project) -> MakeRun:
    """Makes ``runs/<name>`` with a plan of the fields given and the project's manifest."""

    def make(name: str = "r01", **changes: Any) -> Path:
        run_dir = project.runs_dir / name
        run_dir.mkdir(parents=True)
        tiny_plan(**changes).save(run_dir / "plan.json")
        manifest.build(project).save(run_dir / "manifest.json")
        return run_dir

    return make
