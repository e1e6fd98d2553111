"""Two ways to train the very same network on the very same made-up cases: ours and nnU-Net's.

Ours: shards, augmentation and learner of a run. Theirs: ``nnUNetTrainer`` with its own data loader,
batchgeneratorsv2 transforms, loss, optimiser and train_step; only its network is the one given.
nnU-Net is imported only when it is asked for (the ``bench`` extra).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from core.data.cache import Case
from core.data.nnunet import AUGMENTATION
from core.data.plan import Plan, PlanClass
from core.nets.registry import build
from core.training import machine
from core.training.crew import make_shards
from core.training.step import Learner
from tests.core.data.cases import made_case

CASES = 6
SHAPE = (72, 96, 96)


def plan_of(patch: int, width: int, stages: int, device: str, **changes: Any) -> Plan:
    """A residual U-Net with deep supervision on cubes, and nnU-Net's default augmentation."""
    plan = Plan(
        classes=(PlanClass(1, "Tumour"),),
        spacing=(3.0, 3.0, 3.0),
        patch=(patch,) * 3,
        hu_low=-200.0,
        hu_high=300.0,
        hu_mean=40.0,
        hu_std=80.0,
        channels=tuple(min(320, width * 2**i) for i in range(stages)),
        blocks=(1,) * stages,
        strides=((1, 1, 1), *((2, 2, 2),) * (stages - 1)),
        kernels=((3, 3, 3),) * stages,
        deep_supervision=True,
        device=device,
        epochs=1000,
    )
    return replace(plan, **{**AUGMENTATION, **changes})


def cases(count: int = CASES) -> list[Case]:
    """The same made-up cases for both."""
    return [made_case(number, SHAPE) for number in range(count)]


class Trainer(Protocol):
    """Either side: makes a batch, then takes a step with it."""

    def batch(self) -> Any: ...
    def step(self, batch: Any) -> None: ...


class Ours:
    """What ``core.training.stepping`` does in a step."""

    def __init__(self, plan: Plan, made: list[Case]) -> None:
        device, self.plan, _ = machine.prepare(plan)
        self.learner = Learner(self.plan, device)
        self._shards = make_shards(made, self.plan, device, None)
        self._done = 0

    def batch(self) -> Any:
        """The next blocks."""
        return self._shards.batch()

    def step(self, batch: Any) -> None:
        """One step; its loss stays on the device."""
        self.learner.step(batch, 1e-3, self._done)
        self._done += 1

    def close(self) -> None:
        """End the threads of the augmentation."""
        self._shards.close()


class Theirs:
    """nnU-Net's trainer on ``folder``, which gets its preprocessed cases. workers: of its data."""

    def __init__(self, plan: Plan, made: list[Case], folder: Path, workers: int = 0) -> None:
        for name in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{name}"] = str(folder / name)
        os.environ["nnUNet_n_proc_DA"] = str(workers)  # noqa: SIM112 - its own name
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import (  # noqa: PLC0415
            nnUNetTrainer,
        )

        class WithOurNetwork(nnUNetTrainer):  # type: ignore[misc]
            @staticmethod
            def build_network_architecture(*_: Any, **__: Any) -> torch.nn.Module:
                torch.manual_seed(plan.seed)
                return build(plan)

        names = _write(plan, made, folder / "preprocessed" / _NAME)
        self._trainer = WithOurNetwork(
            _plans(plan), "3d_fullres", 0, _dataset(names), torch.device(plan.device)
        )
        self._trainer.initialize()
        self._trainer.network.train()
        self._data, self._held = self._trainer.get_dataloaders()

    def batch(self) -> Any:
        """The next batch of its loader."""
        return next(self._data)

    def step(self, batch: Any) -> None:
        """Its train_step, which reads the loss back each time."""
        self._trainer.train_step(batch)

    def close(self) -> None:
        """End its workers, where it has some."""
        for loader in (self._data, self._held):
            finish = getattr(loader, "_finish", None)
            if finish is not None:
                finish()


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a step and, of those, for its batch; medians, by wall clock and processor."""

    wall: float
    wait: float
    cpu: float
    cpu_wait: float

    def as_json(self) -> str:
        """One line."""
        return json.dumps({key: getattr(self, key) for key in self.__slots__})


def measure(trainer: Trainer, device: torch.device, steps: int, warm: int = 2) -> Timing:
    """Medians over ``steps``, after some that do not count."""
    rows = list(_rows(trainer, device, warm + steps))[warm:]
    wall, wait, cpu, cpu_wait = np.median(np.array(rows), axis=0).tolist()
    return Timing(wall, wait, cpu, cpu_wait)


def _rows(trainer: Trainer, device: torch.device, count: int) -> Iterator[tuple[float, ...]]:
    for _ in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        batch = trainer.batch()
        wait, cpu_wait = time.perf_counter() - wall, time.process_time() - cpu
        trainer.step(batch)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        yield time.perf_counter() - wall, wait, time.process_time() - cpu, cpu_wait


_NAME = "Dataset001_Made"


def _write(plan: Plan, made: list[Case], base: Path) -> list[str]:
    """The cases as nnU-Net's preprocessing leaves them; their names."""
    from nnunetv2.training.dataloading.nnunet_dataset import (  # noqa: PLC0415
        comp_blosc2_params,
        nnUNetDatasetBlosc2,
    )

    folder = base / "nnUNetPlans_3d_fullres"
    folder.mkdir(parents=True)
    names: list[str] = []
    for number, case in enumerate(made):
        image = np.clip(np.asarray(case.image, np.float32), plan.hu_low, plan.hu_high)
        data = ((image - plan.hu_mean) / plan.hu_std)[None]
        label = np.asarray(case.label, np.int8)[None]
        places = np.argwhere(label > 0)
        blocks, chunks = comp_blosc2_params(data.shape, plan.patch, data.itemsize)
        about = {"class_locations": {1: places}, "spacing": list(plan.spacing)}
        name = f"case_{number:02d}"
        nnUNetDatasetBlosc2.save_case(data, label, about, str(folder / name), chunks, blocks)
        names.append(name)
    split = [{"train": names[:-1], "val": names[-1:]}]
    (base / "splits_final.json").write_text(json.dumps(split))
    return names


def _dataset(names: list[str]) -> dict[str, Any]:
    return {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "Tumour": 1},
        "numTraining": len(names),
        "file_ending": ".nii.gz",
    }


def _plans(plan: Plan) -> dict[str, Any]:
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {"strides": [list(stride) for stride in plan.strides]},
        "_kw_requires_import": [],
    }
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": plan.batch,
        "patch_size": list(plan.patch),
        "median_image_size_in_voxels": list(SHAPE),
        "spacing": list(plan.spacing),
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "architecture": architecture,
        "batch_dice": False,
    }
    return {
        "continue_training": False,
        "dataset_name": _NAME,
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "configurations": {"3d_fullres": configuration},
        "foreground_intensity_properties_per_channel": {},
    }
