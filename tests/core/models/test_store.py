"""The list of models, finding them, editing, importing, and what damaged folders do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from core.data.plan import Plan
from core.errors import FileRefusedError, UserError
from core.models import store
from core.models.card import ModelCard
from core.models.saved import load_model, save_model
from core.project.project import Project


@pytest.fixture
def project(tmp_path: Path, net: nn.Module, plan: Plan, card: ModelCard) -> Iterator[Project]:
    with Project.create(tmp_path / "p") as opened:
        save_model(opened.models_dir / "r06", net, plan, card)
        older = replace(card, run_id="r05", version="2", created="2024-05-21T00:00:00+02:00")
        save_model(opened.models_dir / "r05", net, plan, older)
        yield opened


def test_models_are_listed_newest_first_and_found_by_id_or_run(project: Project) -> None:
    models = store.list_models(project)
    assert [m.id for m in models] == ["r06", "r05"]
    assert models[0].as_json()["dice"] == 0.81
    found = store.find_model(project, "r05")
    assert found is not None
    assert found.card.version == "2"
    assert store.find_model(project, "r99") is None
    assert store.next_version(project, "Liver lesion") == "4"
    assert store.next_version(project, "Lung") == "1"


def test_damaged_folders_are_named_and_do_not_hide_the_others(project: Project) -> None:
    (project.models_dir / "r05" / "card.json").write_text("{", encoding="utf-8")
    (project.models_dir / "half").mkdir()
    gone = project.models_dir / "r04"
    gone.mkdir()
    (gone / "card.json").write_text("{}", encoding="utf-8")
    assert [m.id for m in store.list_models(project)] == ["r06"]
    problems = store.damaged(project)
    assert len(problems) == 2
    assert all(any(name in p for p in problems) for name in ("r05", "r04"))


def test_proposals_come_from_the_newest_until_one_is_chosen(project: Project) -> None:
    newest = store.proposal_model(project)
    assert newest is not None
    assert newest.id == "r06"
    older = store.list_models(project)[1]
    store.use_for_proposals(project, older)
    chosen = store.proposal_model(project)
    assert chosen is not None
    assert chosen.id == "r05"
    store.remove_model(project, chosen)
    assert [m.id for m in store.list_models(project)] == ["r06"]
    left = store.proposal_model(project)
    assert left is not None
    assert left.id == "r06"
    store.restore_model(project, chosen)
    assert [m.id for m in store.list_models(project)] == ["r06", "r05"]


def test_an_edited_card_is_the_one_that_loads(project: Project) -> None:
    model = store.list_models(project)[0]
    store.save_card(model, replace(model.card, name="Renamed", limits="None known."))
    assert load_model(model.folder).card.name == "Renamed"


def test_an_exported_file_can_be_imported_and_used(project: Project, tmp_path: Path) -> None:
    source = tmp_path / "Leber läsion v3.safetensors"
    source.write_bytes(store.list_models(project)[0].weights.read_bytes())
    first = store.import_model(project, source)
    second = store.import_model(project, source)
    assert first.id != second.id
    assert first.id.isascii()
    assert first.card.imported
    assert first.card.run_id == store.IMPORTED
    assert first.card.dice == 0.81
    assert load_model(second.folder).plan.patch == (8, 16, 16)
    assert len(store.list_models(project)) == 4


@pytest.mark.parametrize("name", ["m.pt", "m.onnx", "m.safetensors"])
def test_files_that_are_no_model_leave_nothing_behind(
    project: Project, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"nothing of ours")
    with pytest.raises(FileRefusedError, match=name):
        store.import_model(project, tmp_path / name)
    assert len(list(project.models_dir.iterdir())) == 2


def test_a_card_of_a_stranger_is_checked_on_import(
    project: Project, tmp_path: Path, net: nn.Module, plan: Plan, card: ModelCard
) -> None:
    save_model(tmp_path / "m", net, plan, card)
    path = tmp_path / "m" / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\\"dice\\": 0.81', b'\\"dice\\": "hi"'))
    with pytest.raises(UserError):
        store.import_model(project, path)


def test_an_unreadable_list_of_exports_is_refused(project: Project) -> None:
    model = store.list_models(project)[0]
    (model.folder / "exports.json").write_text('[{"a": 1}]', encoding="utf-8")
    with pytest.raises(FileRefusedError, match=r"exports\.json"):
        model.exports()


def test_listing_models_needs_no_torch(tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415

    code = "import sys, core.models.store; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
