"""A MONAI baseline within a time: its spleen tutorial's pipeline, fitted to these images.

As in the tutorial (``3d_segmentation/spleen_segmentation_3d``): RAS orientation, a window of HU
scaled to 0-1, crop of the foreground, all cases cached, crops of 96³ half of them on the label,
the residual UNet of 16 to 256 features with batch norm, sliding window. Fitted:

* grid 2 mm even (its 1.5 x 1.5 x 2 mm is for thinner slices and more time);
* window -175 to 250 HU (its abdomen window of other tutorials), flips, a small affine, and
  intensity changes, since 18 cases over-fit fast;
* Dice + CE, AdamW of 1e-3 (the rate of its generic UNet tutorials) falling to zero as a cosine of
  the clock; the last weights are taken.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import CacheDataset, DataLoader, Dataset, decollate_batch
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.networks.nets import UNet
from monai.transforms import (
    AsDiscreted,
    Compose,
    CropForegroundd,
    EnsureChannelFirstd,
    Invertd,
    LoadImaged,
    Orientationd,
    RandAffined,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandGaussianNoised,
    RandScaleIntensityd,
    RandShiftIntensityd,
    ScaleIntensityRanged,
    Spacingd,
    SpatialPadd,
)
from monai.utils import set_determinism

from tests.benchmarks.peers.cases import (
    IMAGE,
    MASK,
    PREDICTION,
    VALIDATION,
    Budget,
    Outcome,
    training,
    write_prediction,
)

SPACING = (2.0, 2.0, 2.0)
PATCH = (96, 96, 96)
#: Cases a batch and crops of each.
BATCH, CROPS = 1, 2
RATE = 1e-3


def run(data: Path, work: Path, *, budget: Budget, seed: int) -> Outcome:
    """Train within ``budget`` and write ``work/predictions``."""
    set_determinism(seed)
    files = [
        {"image": str(data / f"{n}{IMAGE}"), "label": str(data / f"{n}{MASK}")}
        for n in training(data)
    ]
    cached = CacheDataset(
        files, Compose([*_fixed(["image", "label"]), *_random()]), num_workers=0, progress=False
    )
    prepared = budget.spent
    net = UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=2,
        channels=(16, 32, 64, 128, 256),
        strides=(2, 2, 2, 2),
        num_res_units=2,
        norm="batch",
    )
    steps = _train(net, DataLoader(cached, batch_size=BATCH, shuffle=True), budget)
    trained = budget.spent
    begin = budget.now()
    _predict(net, data, work)
    return Outcome(
        prepare_seconds=prepared,
        train_seconds=trained - prepared,
        predict_seconds=budget.now() - begin,
        steps=steps,
        changed=(
            "spleen tutorial on a 2 mm grid, window -175 to 250 HU, AdamW 1e-3 cosine, Dice + CE, "
            f"{BATCH * CROPS} crops a step"
        ),
        details={
            "spacing": SPACING,
            "patch": PATCH,
            "batch": BATCH * CROPS,
            "parameters": sum(p.numel() for p in net.parameters()),
        },
    )


def _fixed(keys: list[str]) -> list[Any]:
    """What is the same each time, and so is cached."""
    modes = ["bilinear", "nearest"][: len(keys)]
    return [
        LoadImaged(keys),
        EnsureChannelFirstd(keys),
        Orientationd(keys, axcodes="RAS", labels=None),
        Spacingd(keys, pixdim=SPACING, mode=modes),
        ScaleIntensityRanged("image", -175, 250, 0.0, 1.0, clip=True),
        CropForegroundd(keys, source_key="image", allow_smaller=True),
    ]


def _random() -> list[Any]:
    keys = ["image", "label"]
    return [
        SpatialPadd(keys, PATCH),
        RandCropByPosNegLabeld(
            keys, label_key="label", spatial_size=PATCH, pos=1, neg=1, num_samples=CROPS,
            image_key="image", image_threshold=0,
        ),
        *(RandFlipd(keys, prob=0.5, spatial_axis=axis) for axis in range(3)),
        RandAffined(
            keys, prob=0.5, rotate_range=(0.26, 0.26, 0.26), scale_range=(0.15, 0.15, 0.15),
            mode=("bilinear", "nearest"), padding_mode="border",
        ),
        RandGaussianNoised("image", prob=0.1, std=0.1),
        RandScaleIntensityd("image", factors=0.1, prob=0.5),
        RandShiftIntensityd("image", offsets=0.1, prob=0.5),
    ]  # fmt: skip


def _train(net: UNet, loader: DataLoader, budget: Budget) -> int:
    """Until the budget ends; steps done."""
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True)
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-5)
    begun, total = budget.spent, max(budget.left, 1e-3)
    steps, losses = 0, []
    net.train()
    while True:
        for batch in loader:
            done = (budget.spent - begun) / total
            if done >= 1:
                return steps
            for group in optimiser.param_groups:
                group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * done))
            optimiser.zero_grad(set_to_none=True)
            image, label = (batch[key].as_tensor() for key in ("image", "label"))
            loss = loss_of(net(image), label)
            loss.backward()
            optimiser.step()
            steps += 1
            losses.append(loss.item())
        mean = float(np.mean(losses[-18:]))
        print(f"{steps} steps, {budget.spent:.0f} s, loss {mean:.3f}", flush=True)


def _predict(net: UNet, data: Path, work: Path) -> None:
    before = Compose(_fixed(["image"]))
    after = Compose(
        [
            Invertd("pred", before, orig_keys="image", nearest_interp=False, to_tensor=True),
            AsDiscreted("pred", argmax=True),
        ]
    )
    files = [{"image": str(data / f"{name}{IMAGE}")} for name in VALIDATION]
    net.eval()
    with torch.no_grad():
        for name, batch in zip(VALIDATION, DataLoader(Dataset(files, before)), strict=True):
            logits = sliding_window_inference(
                batch["image"], PATCH, 2, net, overlap=0.5, mode="gaussian"
            )
            batch["pred"] = torch.softmax(logits, 1)
            found = after(decollate_batch(batch)[0])["pred"]
            # MONAI's arrays are [channel, x, y, z].
            mask = np.asarray(found[0]).transpose(2, 1, 0) > 0
            target = work / "predictions" / f"{name}{PREDICTION}"
            write_prediction(mask, data / f"{name}{IMAGE}", target)
