"""Models out: safetensors and ONNX, each checked against the network it was made from."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from core.data.grid import to_plan_grid
from core.data.plan import Plan
from core.errors import FileRefusedError, UserError
from core.evaluation.metrics import dice
from core.inference.predict import finish, predict_image
from core.labels.durable import replace
from core.models.card import ModelCard
from core.models.header import CARD_KEY, PLAN_KEY, SUFFIX
from core.models.saved import INPUT, ONNX_SUFFIX, OUTPUT, LoadedModel, load_model, write_weights
from core.models.store import ExportRecord, add_export
from core.volume import Volume

Format = Literal["safetensors", "onnx"]
FORMATS: dict[str, str] = {"safetensors": SUFFIX, "onnx": ONNX_SUFFIX}

#: Largest difference of a softmax output that still counts as the same model. Float32 sums in
#: another order differ by some 1e-6; at 1e-3 no voxel further than that from 0.5 changes sides.
LIMIT = 1e-3
#: ONNX 1.15: the first opset in which Resize, GroupNorm's parts and Pad have all settled, and one
#: that TensorRT 10, OpenVINO and ONNX Runtime since 1.16 read.
OPSET = 18

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """A written file and how it compares with the model it was made from.

    max_abs_difference: of the softmax outputs. same_voxels: share (0-1) with the same class. dice:
    between both finished masks of the whole case (1 when both are empty), NaN without a case.
    checked_on: ``case`` (a whole series) or ``patch`` (a computed one). passed: the largest
    difference is within ``limit``. seconds: export and check together.
    """

    path: Path
    format: Format
    bytes: int
    max_abs_difference: float
    same_voxels: float
    dice: float
    limit: float
    passed: bool
    checked_on: Literal["case", "patch"]
    seconds: float
    opset: int | None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; NaN as None."""
        value = asdict(self) | {"path": str(self.path)}
        return {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in value.items()
        }


def export_model(
    model_folder: Path,
    format: str,
    path: Path,
    check_volume: Volume | None = None,
    progress: Progress | None = None,
    *,
    limit: float = LIMIT,
    cancelled: Callable[[], bool] | None = None,
) -> ExportResult:
    """Write the model of ``model_folder`` to ``path`` and compare the file with PyTorch.

    format: a key of :data:`FORMATS`. check_volume: a series on which both predict the whole mask,
    window by window without mirroring; without it a computed patch is used. progress: called with
    (done, total), counting the windows of the check. The file is noted in the model's list of
    exports, a failed check too. Raises UserError or FileRefusedError when it cannot be
    written, and Cancelled (the file is then not kept).
    """
    started = time.monotonic()
    kind = _format(format, path)
    report = progress or (lambda _done, _total: None)
    report(0, 1)
    model = load_model(model_folder)
    temporary = path.with_name(f".{path.stem}.tmp{FORMATS[kind]}")
    try:
        _write(kind, model, temporary)
        exported = load_model(temporary)
        figures = _compare(model, exported, check_volume, report, cancelled)
        replace(temporary, path)
    except OSError as error:
        raise FileRefusedError(path, "it cannot be written", str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)
    result = ExportResult(
        path=path,
        format=kind,
        bytes=path.stat().st_size,
        max_abs_difference=figures[0],
        same_voxels=figures[1],
        dice=figures[2],
        limit=limit,
        passed=figures[0] <= limit,
        checked_on="patch" if check_volume is None else "case",
        seconds=time.monotonic() - started,
        opset=OPSET if kind == "onnx" else None,
    )
    add_export(model_folder, _record(result))
    return result


def _format(name: str, path: Path) -> Format:
    if name not in FORMATS:
        raise UserError(f"There is no format {name}; choose one of {', '.join(FORMATS)}.")
    suffix = FORMATS[name]
    if path.suffix.lower() != suffix:
        raise FileRefusedError(
            path, f"a model in this format must end in {suffix}", "Choose another file name."
        )
    if not path.parent.is_dir():
        raise FileRefusedError(path, "its folder does not exist", "Make the folder first.")
    return cast("Format", name)


def _record(result: ExportResult) -> ExportRecord:
    return ExportRecord(
        path=str(result.path.absolute()),
        format=result.format,
        precision="fp32",
        bytes=result.bytes,
        when=datetime.now().astimezone().isoformat(timespec="seconds"),
        max_difference=result.max_abs_difference,
        limit=result.limit,
        passed=result.passed,
    )


def _write(kind: Format, model: LoadedModel, path: Path) -> None:
    assert model.net is not None  # noqa: S101 - a model folder holds a network
    if kind == "onnx":
        write_onnx(path, model.net, model.plan, model.card)
    else:
        write_weights(path, model.net, model.plan, model.card)


def write_onnx(path: Path, net: nn.Module, plan: Plan, card: ModelCard) -> None:
    """Write ``net`` as ONNX with free batch and patch size; plan and card in the metadata.

    Patch sizes must be multiples of ``plan.divisor``, which the file's dimension names say. Single
    slices (2-D) stay single; SwinUNETR's file takes one patch of the plan's size at a time.
    """
    sides, free = _free_sizes(plan)
    example = torch.zeros((2 if free else 1, plan.inputs, *sides))
    with _quiet():
        program = torch.onnx.export(
            net.eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(free,) if free else None,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - None only when a file name is given
    proto = program.model_proto
    proto.producer_name = "LesionForge"
    onnx.helper.set_model_props(
        proto, {PLAN_KEY: json.dumps(plan.as_json(), ensure_ascii=False), CARD_KEY: card.dumps()}
    )
    path.write_bytes(proto.SerializeToString())


def _free_sizes(plan: Plan) -> tuple[list[int], dict[int, Any]]:
    """Sides (z, y, x) of an example input, and its dimensions that may have another size."""
    if plan.fixed_size:
        return list(plan.patch), {}
    # Twice the divisor, at least 2: a size of 1 would be taken for a constant.
    sides = [2 * d for d in plan.divisor]
    free: dict[int, Any] = {0: torch.export.Dim("batch", min=1)}
    for axis, (name, divisor) in enumerate(zip("zyx", plan.divisor, strict=True), start=2):
        size = torch.export.Dim(f"n{name}", min=1)
        free[axis] = divisor * size if divisor > 1 else size
    if plan.flat:
        sides[0] = 1
        del free[2]
    return sides, free


@contextmanager
def _quiet() -> Generator[None]:
    """Silence one logger: it names torchvision operators that no network here uses."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _compare(
    model: LoadedModel,
    exported: LoadedModel,
    volume: Volume | None,
    report: Progress,
    cancelled: Callable[[], bool] | None,
) -> tuple[float, float, float]:
    """Largest softmax difference, share of the same voxels, Dice of the masks."""
    plan = model.plan
    if volume is None:
        image: NDArray[np.int16] = _patch(plan)
        info = None
    else:
        image, info = to_plan_grid(volume, plan)
    results: list[NDArray[np.float32]] = []
    for turn, predictor in enumerate((model.predictor, exported.predictor)):

        def step(done: int, total: int, turn: int = turn) -> None:
            report(turn * total + done, 2 * total)

        results.append(
            predict_image(predictor, plan, image, progress=step, cancelled=cancelled, mirror=False)
        )
    ours, theirs = results
    difference = float(np.abs(ours - theirs).max())
    same = float(np.mean(ours.argmax(0) == theirs.argmax(0)))
    if info is None:
        return difference, same, math.nan
    masks = [finish(p, info, plan).labels > 0 for p in results]
    overlap = dice(masks[0], masks[1])
    return difference, same, overlap if math.isfinite(overlap) else 1.0


def _patch(plan: Plan) -> NDArray[np.int16]:
    """A patch of blobs with the plan's HU mean and spread: better than noise, if not a patient."""
    rng = np.random.default_rng(176)
    coarse = rng.normal(plan.hu_mean, plan.hu_std, [math.ceil(n / 4) for n in plan.patch])
    for axis in range(3):
        coarse = coarse.repeat(4, axis)
    z, y, x = plan.patch
    fine = coarse[:z, :y, :x] + rng.normal(0, 0.2 * plan.hu_std, plan.patch)
    return np.clip(np.rint(fine), -1024, 3071).astype(np.int16)
