"""nnU-Net v2 within a time: its own planner, preprocessing, trainer and predictor, on a CPU.

What is fitted, because it is made for a GPU and a thousand epochs:

* the schedule: :data:`EPOCHS` epochs whose iterations are counted anew at each epoch's start from
  the seconds an iteration takes and those left, so that its polynomial learning rate reaches zero
  as the budget ends (measuring the first iterations is not charged);
* the plan, only where :data:`ENOUGH` iterations of its default would not fit: see :func:`cut_down`;
* nothing is spent on what does not change the weights: no curves, no best checkpoint, one
  validation batch never; fold "all" over the training cases, the final weights are taken.

Loss, optimiser, learning rate, augmentation with its probabilities, oversampling of foreground,
sliding window with mirroring: as they are. No compilation (it refuses on CPUs itself).
"""

from __future__ import annotations

import json
import os
import shutil
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.peers.cases import (
    IMAGE,
    MASK,
    PREDICTION,
    VALIDATION,
    Budget,
    Outcome,
    training,
)

if TYPE_CHECKING:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

DATASET = "Dataset176_STS"
PLANS = "nnUNetPlans"
CUT = "nnUNetCutPlans"
EPOCHS = 50
#: Iterations a plan must reach to be left as it is: one epoch of nnU-Net's thousand.
ENOUGH = 250
#: Patches and features of the plan that is cut down (issue sketch: 16 to 256 features).
CUT_PATCH = {"3d_fullres": [40, 96, 96], "2d": [192, 192]}
CUT_BATCH = {"3d_fullres": 2, "2d": 12}
CUT_FEATURES = (16, 32, 64, 128, 256)


def run(
    data: Path, work: Path, *, budget: Budget, seed: int, configuration: str, workers: int
) -> Outcome:
    """Train ``configuration`` within ``budget`` and write ``work/predictions``."""
    _environment(work, workers)
    import torch  # noqa: PLC0415 - after the environment that nnU-Net reads

    torch.manual_seed(seed)
    _raw(data, work)
    _plan_and_preprocess(configuration)
    os.environ.update(nnUNet_n_proc_DA=str(workers))
    prepared = budget.spent
    trainer, changed, step = _fitted(work, configuration, budget)
    steps = _train(trainer, budget, step)
    trained = budget.spent
    begin = budget.now()
    _predict(trainer, data, work)
    return Outcome(
        prepare_seconds=prepared,
        train_seconds=trained - prepared,
        predict_seconds=budget.now() - begin,
        uncharged_seconds=budget.uncharged,
        steps=steps,
        changed=changed,
        details=_details(trainer),
    )


def _environment(work: Path, workers: int) -> None:
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ[name] = str(work / name)
        (work / name).mkdir(parents=True, exist_ok=True)
    os.environ.update(
        # Its planner refuses to count with 0 workers.
        nnUNet_n_proc_DA=str(max(1, workers)),
        nnUNet_def_n_proc="1",
        nnUNet_compile="f",
    )


def _raw(data: Path, work: Path) -> None:
    """Its raw data set, of the training cases alone: the others cost it no preprocessing."""
    root = work / "nnUNet_raw" / DATASET
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    names = training(data)
    for name in names:
        shutil.copyfile(data / f"{name}{IMAGE}", root / "imagesTr" / f"{name}_0000.nii.gz")
        shutil.copyfile(data / f"{name}{MASK}", root / "labelsTr" / f"{name}.nii.gz")
    about = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "tumour": 1},
        "numTraining": len(names),
        "file_ending": ".nii.gz",
    }
    (root / "dataset.json").write_text(json.dumps(about))


def _plan_and_preprocess(configuration: str) -> None:
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api  # noqa: PLC0415

    number = int(DATASET[7:10])
    api.extract_fingerprints([number], num_processes=1, verbose=False, show_progress_bar=False)
    api.plan_experiments([number])
    api.preprocess([number], PLANS, [configuration], [1], show_progress_bar=False)


def cut_down(configuration: dict[str, Any], name: str) -> str:
    """Change a configuration of nnU-Net's plans in place to what a CPU can do; what was changed.

    Patch, batch and features become those above; strides, kernels and convolutions a stage stay
    its own for the stages that are left.
    """
    network = configuration["architecture"]["arch_kwargs"]
    before = (
        f"patch {configuration['patch_size']}, batch {configuration['batch_size']}, "
        f"features {network['features_per_stage']}"
    )
    patch = CUT_PATCH[name]
    patch = [min(cut, own) for cut, own in zip(patch, configuration["patch_size"], strict=True)]
    stages = min(len(CUT_FEATURES), network["n_stages"])
    network["n_stages"] = stages
    network["features_per_stage"] = list(CUT_FEATURES[:stages])
    for key in ("strides", "kernel_sizes", "n_conv_per_stage"):
        network[key] = network[key][:stages]
    network["n_conv_per_stage_decoder"] = network["n_conv_per_stage_decoder"][: stages - 1]
    configuration["patch_size"] = patch
    configuration["batch_size"] = min(CUT_BATCH[name], configuration["batch_size"])
    after = (
        f"patch {configuration['patch_size']}, batch {configuration['batch_size']}, "
        f"features {network['features_per_stage']}"
    )
    return f"{before} cut to {after}"


def _trainer(work: Path, configuration: str, plans: dict[str, Any]) -> nnUNetTrainer:
    import torch  # noqa: PLC0415
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer  # noqa: PLC0415

    dataset = json.loads((work / "nnUNet_raw" / DATASET / "dataset.json").read_text())
    trainer = nnUNetTrainer(
        {**deepcopy(plans), "continue_training": False},
        configuration,
        "all",  # type: ignore[arg-type] - its own word for all training cases
        dataset,
        device=torch.device("cpu"),
    )
    trainer.num_epochs = EPOCHS
    trainer.initialize()
    trainer.dataloader_train, trainer.dataloader_val = trainer.get_dataloaders()
    trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
    return trainer


def _fitted(work: Path, configuration: str, budget: Budget) -> tuple[nnUNetTrainer, str, float]:
    """A fresh trainer whose plan fits, what was changed, and seconds an iteration of it."""
    folder = work / "nnUNet_preprocessed" / DATASET
    plans = json.loads((folder / f"{PLANS}.json").read_text())
    begin = budget.now()
    left, changed = budget.left, ""
    step = _estimated(_trainer(work, configuration, plans), budget)
    if step * ENOUGH > left:
        slow = f"an iteration of the default plan takes about {step:.0f} s here; "
        changed = slow + cut_down(plans["configurations"][configuration], configuration)
    step = _timed(_trainer(work, configuration, plans), budget)
    # Its weights and optimiser have moved; start with fresh ones.
    trainer = _trainer(work, configuration, plans)
    budget.off_the_clock(budget.now() - begin)
    return trainer, changed, step


def _estimated(trainer: nnUNetTrainer, budget: Budget) -> float:
    """Seconds of an iteration, from a forward pass of one patch: a third of its training.

    A whole iteration of the default plan takes minutes on one core.
    """
    import torch  # noqa: PLC0415

    patch = torch.zeros(1, trainer.num_input_channels, *trainer.configuration_manager.patch_size)
    begin = budget.now()
    with torch.no_grad():
        trainer.network(patch)
    seconds = budget.now() - begin
    _end_workers(trainer)
    return 3 * trainer.batch_size * seconds


def _timed(trainer: nnUNetTrainer, budget: Budget) -> float:
    """Median seconds of three iterations, data included."""
    trainer.on_train_epoch_start()
    seconds: list[float] = []
    for _ in range(3):
        begin = budget.now()
        trainer.train_step(next(trainer.dataloader_train))
        seconds.append(budget.now() - begin)
    _end_workers(trainer)
    return median(seconds)


def _train(trainer: nnUNetTrainer, budget: Budget, step: float) -> int:
    """All epochs; iterations done. step: seconds an iteration, known better with each epoch."""
    total = 0
    for epoch in range(EPOCHS):
        trainer.current_epoch = epoch
        trainer.on_train_epoch_start()
        count = max(1, round(budget.left / step / (EPOCHS - epoch)))
        begin = budget.now()
        losses = [
            float(trainer.train_step(next(trainer.dataloader_train))["loss"])
            for _ in range(count)
            if budget.left > 0
        ]
        if not losses:
            break
        step = (budget.now() - begin) / len(losses)
        total += len(losses)
        mean = sum(losses) / len(losses)
        print(f"epoch {epoch + 1} of {EPOCHS}: {count} iterations of {step:.2f} s, loss {mean:.3f}")
    _end_workers(trainer)
    return total


def _end_workers(trainer: nnUNetTrainer) -> None:
    for loader in (trainer.dataloader_train, trainer.dataloader_val):
        if hasattr(loader, "_finish"):
            loader._finish()


def _predict(trainer: nnUNetTrainer, data: Path, work: Path) -> None:
    """With its own defaults: overlap of a half, Gaussian weights, all mirrors."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: PLC0415

    trainer.set_deep_supervision_enabled(False)
    predictor = nnUNetPredictor(device=trainer.device, allow_tqdm=False)
    predictor.manual_initialization(
        trainer.network.eval(),
        trainer.plans_manager,
        trainer.configuration_manager,
        [trainer.network.state_dict()],
        trainer.dataset_json,
        type(trainer).__name__,
        trainer.inference_allowed_mirroring_axes,
    )
    target = work / "predictions"
    predictor.predict_from_files_sequential(
        [[str(data / f"{name}{IMAGE}")] for name in VALIDATION],
        [str(target / name) for name in VALIDATION],
    )
    missing = [n for n in VALIDATION if not (target / f"{n}{PREDICTION}").is_file()]
    if missing:
        raise SystemExit(f"nnU-Net wrote no prediction of {', '.join(missing)}")


def _details(trainer: nnUNetTrainer) -> dict[str, Any]:
    used = trainer.configuration_manager.configuration
    network = used["architecture"]["arch_kwargs"]
    return {
        "spacing": used["spacing"],
        "patch_size": used["patch_size"],
        "batch_size": used["batch_size"],
        "features_per_stage": network["features_per_stage"],
        "strides": network["strides"],
        "epochs": EPOCHS,
        "parameters": sum(p.numel() for p in trainer.network.parameters()),
    }
