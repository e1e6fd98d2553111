import math
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.errors import UserError
from core.events import (
    CaseResult,
    DeviceSample,
    HardwareEvent,
    StepEvent,
    ValidationEvent,
    to_line,
)
from core.export.tensorboard import export_tensorboard
from core.project.runs import RunRecord

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
PATIENT = "MUSTERMANN^ERIKA"


def step(n: int, loss: float) -> StepEvent:
    return StepEvent(
        time=1000.0 + n, step=n, steps=40, epoch=n / 10, epochs=4, loss=loss, learning_rate=1e-3,
        patches_per_second=4.0, data_wait=0.01, seconds_left=9, elapsed=float(n),
    )  # fmt: skip


@pytest.fixture
def run(tmp_path) -> RunRecord:
    folder = tmp_path / "runs" / "r03"
    (folder / "previews").mkdir(parents=True)
    (folder / "previews" / "a.png").write_bytes(PNG)
    (tmp_path / "outside.png").write_bytes(PNG)
    cases = (
        CaseResult(series_uid="1.2.3", patient_id=PATIENT, dice=0.7, preview="previews/a.png"),
        CaseResult(series_uid="1.2.4", patient_id=PATIENT, dice=0.5, preview="../../outside.png"),
    )
    events = [
        step(10, 0.9),
        ValidationEvent(time=1015.0, step=15, epoch=1.5, loss=0.8, dice=0.6, smoothed=0.6,
                        best=True, cases=cases),
        step(20, math.nan),
        step(30, 0.4),
    ]  # fmt: skip
    sample = DeviceSample(name="A", is_gpu=True, utilisation=97, memory_used=2_000_000_000,
                          memory_total=8_000_000_000, power=300.0)  # fmt: skip
    (folder / "events.jsonl").write_text("".join(to_line(e) + "\n" for e in events))
    (folder / "hardware.jsonl").write_text(
        to_line(HardwareEvent(time=1012.0, devices=(sample,))) + "\n"
    )
    return RunRecord(id="r03", name="Liver", path=folder, created="", plan={"patch": [48, 48, 48]})


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def test_curves_arrive_with_their_steps_and_times(run, tmp_path) -> None:
    folder = export_tensorboard(run, tmp_path / "out")
    assert folder == tmp_path / "out" / "r03"
    found = read(folder)
    loss = found.Scalars("loss/train")
    assert [(s.step, s.wall_time) for s in loss] == [(10, 1010.0), (30, 1030.0)]
    assert [s.value for s in loss] == pytest.approx([0.9, 0.4])
    assert found.Scalars("dice/mean")[0].value == pytest.approx(0.6)
    assert found.Scalars("dice_of_case/002")[0].value == pytest.approx(0.5)
    assert found.Scalars("gpu0/power_w")[0].value == 300.0
    assert "gpu0/temperature" not in found.Tags()["scalars"]
    assert b'"patch"' in found.Tensors("plan/text_summary")[0].tensor_proto.string_val[0]


def test_pictures_only_when_asked_for_and_only_the_runs_own(run, tmp_path) -> None:
    assert read(export_tensorboard(run, tmp_path / "without")).Tags()["images"] == []
    found = read(export_tensorboard(run, tmp_path / "with", pictures=True))
    assert found.Tags()["images"] == ["case/001"]
    assert found.Images("case/001")[0].encoded_image_string == PNG


def test_no_patient_leaves(run, tmp_path) -> None:
    folder = export_tensorboard(run, tmp_path / "out", pictures=True)
    data = b"".join(path.read_bytes() for path in folder.iterdir())
    assert PATIENT.encode() not in data
    assert b"1.2.3" not in data


def test_an_export_is_never_overwritten(run, tmp_path) -> None:
    export_tensorboard(run, tmp_path / "out")
    with pytest.raises(UserError, match="already holds an export of r03"):
        export_tensorboard(run, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["r03"]


def test_a_run_without_steps_is_refused(run, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no step yet"):
        export_tensorboard(replace(run, path=tmp_path / "empty"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
