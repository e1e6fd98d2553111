"""Samples a second of augmentation on one thread: ours, nnU-Net's own and MONAI's.

    python -m pytest tests/benchmarks/test_augmentation_speed.py --benchmark-only -n 0

Batches of 2 blocks of 128 x 128 x 128 with its label, cut out of three volumes of 192 x 256 x 256,
with nnU-Net's default transforms at its default probabilities. Peers are installed by the ``bench``
extra and skipped where they are absent. Each gets its volumes as it likes them: ours as int16
files, nnU-Net's and MONAI's as float32 arrays that are normalised already.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data.augment import Augmenter
from core.data.cache import Case
from core.data.maps import Maps
from core.data.nnunet import AUGMENTATION
from core.data.sampler import Sampler
from core.training import machine
from tests.core.data.cases import made_case
from tests.core.data.plans import tiny_plan

SHAPE, PATCH = (192, 256, 256), (128, 128, 128)
BATCH = 2
#: What happens to a batch is chance: few batches would measure luck. The first ones fill caches,
#: and nnU-Net's blur tries its two ways.
ROUNDS, WARM = 80, 20

Step = Callable[[], object]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    # As a run does; the peers gain from it too, though their own processes do not ask for it.
    machine.keep_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Three cases in memory-mapped files, as a run has them."""
    maps = Maps()
    made = []
    for number in range(3):
        folder: Path = tmp_path_factory.mktemp(f"case{number}")
        case = made_case(number, SHAPE)
        z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
        ball = (z - 96) ** 2 + (y - 110 - 10 * number) ** 2 + (x - 128) ** 2 < 30**2
        case.label[ball] = 1
        for name in ("image", "label", "centres"):
            np.save(folder / f"{name}.npy", case.array(name))

        def array(name: str, folder: Path = folder) -> np.ndarray:
            return maps(folder / f"{name}.npy")

        made.append(replace(case, array=array))
    return made


def measured(benchmark, step: Step) -> None:
    """Processor time, as one thread works: what else the machine does is not counted."""
    benchmark.pedantic(step, rounds=ROUNDS, warmup_rounds=WARM)
    for name in ("median", "mean"):
        benchmark.extra_info[f"samples_per_s_{name}"] = round(BATCH / benchmark.stats[name], 1)


pytestmark = pytest.mark.timeout(3600)  # hundreds of batches of the peers
TIMED = pytest.mark.benchmark(group="augmentation", timer=time.process_time)


@TIMED
def test_ours(benchmark, cases: list[Case]) -> None:
    plan = replace(tiny_plan(patch=PATCH, batch=BATCH), **AUGMENTATION)
    generator = torch.Generator().manual_seed(1)
    sampler, augmenter = (
        Sampler(cases, plan, generator),
        Augmenter(cases, plan, generator, torch.device("cpu")),
    )

    def step() -> object:
        return augmenter.batch([sampler.draw() for _ in range(BATCH)])

    measured(benchmark, step)


def normalised(cases: list[Case]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (
            ((np.clip(case.image, -200, 300) - 40.0) / 80.0).astype(np.float32)[None],
            np.asarray(case.label).astype(np.int16)[None],
        )
        for case in cases
    ]


@TIMED
def test_nnunet(benchmark, cases: list[Case], monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    if importlib.util.find_spec("nnunetv2") is None:
        pytest.skip("nnU-Net is not installed: pip install lesionforge[bench]")
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path))
    step = nnunet_step(normalised(cases))
    measured(benchmark, step)


def nnunet_step(volumes: list[tuple[np.ndarray, np.ndarray]]) -> Step:
    """What nnU-Net's loader does for a batch: a generous crop, then its training transforms."""
    from nnunetv2.training.data_augmentation.compute_initial_patch_size import (  # noqa: PLC0415
        get_patch_size,
    )
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer  # noqa: PLC0415

    turn = (-math.pi / 6, math.pi / 6)
    size = get_patch_size(np.array(PATCH), turn, turn, turn, (0.85, 1.25))
    transforms = nnUNetTrainer.get_training_transforms(PATCH, turn, None, (0, 1, 2), False)
    rng = np.random.default_rng(1)

    def sample() -> dict[str, torch.Tensor]:
        image, label = volumes[rng.integers(len(volumes))]
        low = [int(rng.integers(0, max(1, n - p + 1))) for n, p in zip(SHAPE, PATCH, strict=True)]
        # As wide as its dataloader cuts: the block's middle stays inside the volume.
        begin = [a + p // 2 - int(s) // 2 for a, p, s in zip(low, PATCH, size, strict=True)]
        box = tuple(
            slice(max(b, 0), min(b + int(s), n)) for b, s, n in zip(begin, size, SHAPE, strict=True)
        )
        edges = [
            (max(-b, 0), max(b + int(s) - n, 0)) for b, s, n in zip(begin, size, SHAPE, strict=True)
        ]
        data = np.pad(image[(slice(None), *box)], ((0, 0), *edges))
        seg = np.pad(label[(slice(None), *box)], ((0, 0), *edges), constant_values=-1)
        return transforms(image=torch.from_numpy(data), segmentation=torch.from_numpy(seg))

    def step() -> object:
        made = [sample() for _ in range(BATCH)]
        return torch.stack([m["image"] for m in made]), torch.stack(
            [m["segmentation"] for m in made]
        )

    return step


@TIMED
def test_monai(benchmark, cases: list[Case]) -> None:
    measured(benchmark, monai_step(normalised(cases)))


def monai_step(volumes: list[tuple[np.ndarray, np.ndarray]]) -> Step:
    """The same changes with the same chances by MONAI's dictionary transforms."""
    from monai import transforms as mt  # noqa: PLC0415

    both, turn = ["image", "label"], (math.pi / 6,) * 3
    pipeline = mt.Compose(
        [
            mt.RandSpatialCropd(both, PATCH, random_size=False),
            mt.RandAffined(
                both,
                prob=1 - 0.8 * 0.8,
                rotate_range=turn,
                scale_range=(-0.3, 0.4),
                mode=("bilinear", "nearest"),
                padding_mode="zeros",
            ),
            mt.RandGaussianNoised(["image"], prob=0.1, std=0.1),
            mt.RandGaussianSmoothd(["image"], (0.5, 1.0), (0.5, 1.0), (0.5, 1.0), prob=0.1),
            mt.RandScaleIntensityd(["image"], factors=0.25, prob=0.15),
            mt.RandScaleIntensityFixedMeand(
                ["image"], prob=0.15, factors=0.25, preserve_range=True
            ),
            mt.RandSimulateLowResolutiond(["image"], prob=0.125, zoom_range=(0.5, 1.0)),
            mt.RandAdjustContrastd(
                ["image"], prob=0.1, gamma=(0.7, 1.5), invert_image=True, retain_stats=True
            ),
            mt.RandAdjustContrastd(["image"], prob=0.3, gamma=(0.7, 1.5), retain_stats=True),
            *(mt.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)),
        ]
    )
    pipeline.set_random_state(1)
    rng = np.random.default_rng(1)

    def step() -> object:
        made = []
        for _ in range(BATCH):
            image, label = volumes[rng.integers(len(volumes))]
            made.append(
                pipeline({"image": torch.from_numpy(image), "label": torch.from_numpy(label)})
            )
        return torch.stack([m["image"] for m in made]), torch.stack([m["label"] for m in made])

    return step
