"""Steps of whole plans on a CUDA device: busy, as large as predicted, and hard to kill."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from core import hardware
from core.data.batch import Batch
from core.data.figures import Figures
from core.data.measured import Measurements
from core.data.plan import Plan
from core.data.planner import make_plan
from core.data.predictions import estimate
from core.events import Event, LogEvent
from core.training.compiled import missing, settle
from core.training.crew import make_shards
from core.training.ladder import Ladder
from core.training.obeyed import Obeyed
from core.training.peak import PeakMemory
from core.training.peak import settle as emptied
from core.training.probe import measure, stand_in
from core.training.recording import Recorder
from core.training.step import Learner
from core.training.stepping import Stepper
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

DEVICE = "cuda:0"
#: Seconds of the utilisation test.
WATCHED = 120.0

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]

#: Whole-body scans with lesions of all sizes.
FIGURES = Figures(
    cases_train=24,
    cases_val=6,
    lesions=60,
    median_spacing=(2.0, 0.9, 0.9),
    median_size_mm=(400.0, 360.0, 360.0),
    largest_size_mm=(600.0, 400.0, 400.0),
    lesion_ml=(0.5, 8.0, 120.0),
    lesion_mm=(12.0, 25.0, 60.0),
    hu=(-80.0, 45.0, 160.0),
    hu_mean=45.0,
    hu_std=40.0,
    litres=30 * 400 * 360 * 360 * 1e-6,
    voxels=30 * 200 * 400 * 400,
    largest_voxels=300 * 440 * 440,
    single_lesion_share=0.5,
)


@pytest.fixture
def two_cores() -> Iterator[None]:
    """As an ordinary workstation leaves them to a run."""
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        pytest.skip("this system lets nobody choose cores")
    before, threads = process.cpu_affinity(), torch.get_num_threads()
    process.cpu_affinity(before[:2])
    torch.set_num_threads(2)
    yield
    process.cpu_affinity(before)
    torch.set_num_threads(threads)


def balanced(**changes: Any) -> Plan:
    plan = make_plan(FIGURES, hardware.devices(), device=DEVICE, quality="balanced")
    return Plan.from_json({**plan.as_json(), **changes})


def stepper(plan: Plan, folder: Path, cases: list[Any]) -> tuple[Stepper, list[Event]]:
    events: list[Event] = []
    ladder = Ladder(folder, plan, Obeyed(), events.append)
    recorder = Recorder(folder, plan, events.append)
    return (
        Stepper(plan, torch.device(plan.device), cases, ladder=ladder, recorder=recorder),
        events,
    )


class Gauge(threading.Thread):
    """Utilisation of the device, twice a second."""

    def __init__(self) -> None:
        super().__init__(name="gauge")
        self.percents: list[float] = []
        self._over = threading.Event()

    def run(self) -> None:
        with hardware.Sampler() as sampler:
            while not self._over.wait(0.5):
                self.percents.append(sampler.sample().devices[0].utilisation)

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.mark.usefixtures("two_cores")
def test_the_balanced_plan_keeps_the_device_busy_with_two_cores(tmp_path: Path) -> None:
    plan = balanced(compile="off")
    steps, _ = stepper(plan, tmp_path, [stand_in(plan, n) for n in range(FIGURES.cases_train)])
    for done in range(10):
        steps.step(1e-3, done)
    gauge = Gauge()
    gauge.start()
    begin, done = time.monotonic(), 10
    try:
        while time.monotonic() - begin < WATCHED:
            steps.step(1e-3, done)
            done += 1
            if steps.meter.due:  # As a run does, and so never far ahead of the device.
                steps.read(done)
                steps.meter.read(plan.batch)
    finally:
        gauge.stop()
        steps.close()
    assert statistics.mean(gauge.percents) >= 95, statistics.quantiles(gauge.percents, n=10)


def test_peak_memory_is_as_predicted() -> None:
    device = next(d for d in hardware.devices() if d.key == DEVICE)
    plan = balanced(compile="off")
    measured = Measurements()
    measured.add(plan, device, measure(plan, device, 5.0))
    # The prediction counts all cases of the figures; here only as many as these voxels are made.
    cases = [stand_in(plan, n) for n in range(FIGURES.cases_train + FIGURES.cases_val)]
    where = torch.device(DEVICE)
    emptied(where)
    free, total = torch.cuda.mem_get_info(where)
    others = total - free
    with PeakMemory(where) as memory:
        learner = Learner(plan, where)
        shards = make_shards(cases, plan, where, None)
        for done in range(10):
            learner.step(shards.batch(), 1e-3, done)
        torch.cuda.synchronize(where)
        memory.look()
    shards.close()
    predicted = estimate(plan, device, measured).memory_bytes
    # The context is there before the count begins.
    assert memory.peak + others == pytest.approx(predicted, rel=0.15)


def losses(plan: Plan, steps: int = 60) -> tuple[list[float], float]:
    """Loss of each ten steps on the same batches, and seconds a step."""
    device = torch.device(DEVICE)
    learner = Learner(plan, device)
    settle(learner, plan, None, lambda _: 0.0, lambda *_: None)
    shards = make_shards([made_case(n, (40, 40, 40)) for n in range(4)], plan, device, None)
    found: list[float] = []
    begin = time.perf_counter()
    for done in range(steps):
        learner.step(shards.batch(), 3e-3, done)
        if done % 10 == 9:
            found.append(learner.read().loss)
    shards.close()
    return found, (time.perf_counter() - begin) / steps


def small(**changes: Any) -> Plan:
    return tiny_plan(device=DEVICE, batch=2, patch=(32, 32, 32), **changes)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_sixteen_bits_learn_as_thirty_two_do(precision: str) -> None:
    full, _ = losses(small())
    half, _ = losses(small(precision=precision))
    assert full[-1] < 0.7 * full[0]
    for ours, theirs in zip(half, full, strict=True):
        assert ours == pytest.approx(theirs, rel=0.1, abs=0.02)


def test_compiled_steps_learn_as_others_do() -> None:
    lacks = missing(torch.device(DEVICE))
    if lacks:
        pytest.skip(f"this machine has not {lacks}")
    eager, _ = losses(small(compile="off"))
    compiled, _ = losses(small(compile="on"))
    for ours, theirs in zip(compiled, eager, strict=True):
        assert ours == pytest.approx(theirs, rel=0.05, abs=0.02)


def test_a_full_card_walks_the_ladder(tmp_path: Path) -> None:
    """For real: the process may have less memory than the plan takes."""
    plan = tiny_plan(
        device=DEVICE, batch=4, patch=(96, 96, 96), channels=(32, 64, 128), compile="off"
    )
    cases = [made_case(n, (100, 100, 100)) for n in range(2)]
    device = torch.device(DEVICE)
    with_all, _ = stepper(plan, tmp_path, cases)
    emptied(device)
    torch.cuda.reset_peak_memory_stats(device)
    with_all.step(1e-3, 0)
    whole = torch.cuda.max_memory_reserved(device)
    with_all.close()
    del with_all
    emptied(device)
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(0.45 * whole / total, device)
    try:
        steps, events = stepper(plan, tmp_path, cases)
        for done in range(3):
            steps.step(1e-3, done)
        reading = steps.read(3)
        steps.close()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
    said = [e.message for e in events if isinstance(e, LogEvent)]
    assert "go through in 2 pieces" in said[0]
    assert (reading.count, reading.bad) == (3, 0)
    assert Obeyed.load(tmp_path).changes["accumulation"] == steps.plan.accumulation >= 2


def test_a_lost_step_in_fp16_is_skipped_and_lowers_the_scale() -> None:
    plan = small(precision="fp16")
    device = torch.device(DEVICE)
    learner = Learner(plan, device)
    image = torch.randn(2, 1, 32, 32, 32, device=device)
    batch = Batch(image, (image[:, 0] > 1).long())
    for done in range(20):  # The scaler finds its factor.
        learner.step(batch, 1e-3, done)
    assert learner.read().row == 0
    before = [p.clone() for p in learner.net.parameters()]
    scale = learner.state()["scaler"]["scale"]
    broken = Batch(image.clone(), batch.target)
    broken.image[0, 0, 0, 0, 0] = math.nan
    learner.step(broken, 1e-3, 20)
    assert learner.read().row == 1
    assert all(torch.equal(a, b) for a, b in zip(before, learner.net.parameters(), strict=True))
    assert learner.state()["scaler"]["scale"] == scale / 2
    learner.step(batch, 1e-3, 21)
    assert learner.read().row == 0
