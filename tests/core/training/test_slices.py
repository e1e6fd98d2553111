"""2-D and 2.5-D take the whole way: trained, validated, predicted, exported with the same mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data.cache import prepare
from core.data.layout import flattened
from core.data.plan import Plan
from core.evaluation.metrics import dice
from core.events import Event, ResultEvent
from core.inference.predict import predict_image, predict_volume
from core.models.exporting import export_model
from core.models.saved import load_model
from core.project import manifest
from core.project.project import Project
from core.project.reading import read_volume
from core.training.control import KeepRunning
from core.training.loop import train
from tests.core.data.plans import tiny_plan
from tests.core.training.conftest import MakeRun


def as_fields(plan: Plan) -> dict[str, object]:
    return {key: getattr(plan, key) for key in plan.__slots__ if key != "name"}


@pytest.mark.parametrize("slices", [1, 3])
def test_from_training_to_the_exported_mask(
    slices: int, make_run: MakeRun, project: Project
) -> None:
    plan = flattened(
        tiny_plan(epochs=8, steps_per_epoch=6, learning_rate=4e-3, validations=1), slices
    )
    run_dir = make_run(**as_fields(plan))
    events: list[Event] = []
    train(run_dir, events.append, KeepRunning())
    (result,) = [e for e in events if isinstance(e, ResultEvent)]
    assert result.data["dice"] > 0.6
    folder = project.models_dir / "r01"
    model = load_model(folder)
    record = project.record("1.2.3.4")
    volume = read_volume(record)
    found = predict_volume(model.predictor, model.plan, volume).labels
    truth = project.label_store(record.series_uid).load()
    assert dice(found, truth) > 0.6
    exported = export_model(folder, "onnx", folder / "m.onnx", volume)
    assert exported.passed
    assert exported.dice == 1
    again = load_model(folder / "m.onnx")
    assert np.array_equal(predict_volume(again.predictor, again.plan, volume).labels, found)


def test_a_slice_and_its_neighbours_arrive_as_channels(project: Project) -> None:
    plan = flattened(tiny_plan(patch=(16, 24, 24)), 5)
    entries = manifest.build(project).of("val")
    (case, *_) = prepare(project, entries, plan)
    seen: list[torch.Tensor] = []

    def spy(block: torch.Tensor) -> torch.Tensor:
        seen.append(block)
        return torch.zeros(len(block), plan.outputs, *block.shape[2:])

    image = np.asarray(case.image)
    predict_image(spy, plan, image, "cpu")
    blocks = torch.cat(seen)
    assert blocks.shape[1:3] == (5, 1)
    assert len(blocks) == len(image)
    middle = blocks[:, 2, 0]
    for number, block in enumerate(blocks):
        for channel in range(5):
            # Beyond the first and last slice these go on.
            other = min(max(number + channel - 2, 0), len(image) - 1)
            assert torch.equal(block[channel, 0], middle[other])
