"""Models on disk: save, and load from a model folder, a safetensors or an ONNX file.

No pickle anywhere. Files may come from strangers: headers are checked before anything is
allocated, shapes against the plan's network, and ONNX models are loaded from memory so that they
cannot refer to other files.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from core.data.plan import Plan
from core.errors import FileRefusedError, UserError
from core.labels.durable import replace
from core.models.card import ModelCard
from core.models.header import CARD_KEY, PLAN_KEY, SUFFIX, Header
from core.models.store import CARD_FILE, WEIGHTS_FILE, read_card, read_description, write_json
from core.nets.registry import build

ONNX_SUFFIX = ".onnx"
INPUT, OUTPUT = "image", "logits"
#: A 3D U-Net has up to some 100 million weights of four bytes; protobuf itself ends at 2 GB.
_MAX_ONNX_BYTES = 2**31
#: The module that holds them is compiled and without stubs.
_ort: Any = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
#: All that ONNX Runtime raises for a model it cannot load; it has no common base class.
_ONNX_ERRORS: tuple[type[Exception], ...] = tuple(
    getattr(_ort, name)
    for name in ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented",
                 "RuntimeException", "NoModel", "EPFail")
    if hasattr(_ort, name)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to predict.

    predictor: inputs ``[b, plan.inputs, z, y, x]`` on the CPU to logits ``[b, c, z, y, x]``. net:
    the PyTorch network behind it, None for an ONNX file.
    """

    predictor: Callable[[Tensor], Tensor]
    plan: Plan
    card: ModelCard
    net: nn.Module | None = None

    def predictor_on(self, device: torch.device | str) -> Callable[[Tensor], Tensor]:
        """The predictor for tensors on ``device``. An ONNX file still computes on the CPU."""
        if self.net is None:
            return self.predictor
        # The layout it was trained in, in which convolutions are fastest.
        net = self.net.to(device)
        for parameter in net.parameters():
            if parameter.dim() == 5:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
        return lambda block: net(block.contiguous(memory_format=torch.channels_last_3d))


def save_model(folder: Path, net: nn.Module, plan: Plan, card: ModelCard) -> Path:
    """Write ``net`` into the model folder ``folder`` (made when missing); returns the weights file.

    A kill leaves the folder as it was, or with weights but without card, which is not a model yet.
    What the card leaves open and the plan knows (network, spacing, classes, cases) is filled in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    card = _completed(card, net, plan)
    path = folder / WEIGHTS_FILE
    write_weights(path, net, plan, card)
    write_json(folder / CARD_FILE, card.as_json())
    return path


def write_weights(path: Path, net: nn.Module, plan: Plan, card: ModelCard) -> None:
    """Write a safetensors file that holds everything, whole or not at all."""
    names = _first_names(net)
    plain = {
        name: tensor.detach().to("cpu").contiguous()
        for name, tensor in net.state_dict().items()
        if names[name] == name
    }
    temporary = path.with_name(f".{path.name}.tmp")
    metadata = {
        "format": "pt",
        PLAN_KEY: json.dumps(plan.as_json(), ensure_ascii=False),
        CARD_KEY: card.dumps(),
    }
    # Not save_file: its files can be read by their owner only.
    temporary.write_bytes(save(plain, metadata=metadata))
    replace(temporary, path)


def _first_names(net: nn.Module) -> dict[str, str]:
    """For each name of the state the first name of the same tensor.

    DynUNet keeps each layer under two names; a file holds it once.
    """
    first: dict[int, str] = {}
    return {
        name: first.setdefault(id(tensor), name)
        for name, tensor in net.state_dict(keep_vars=True).items()
    }


def _completed(card: ModelCard, net: nn.Module, plan: Plan) -> ModelCard:
    figures = plan.figures
    known: dict[str, Any] = {
        "parameters": sum(p.numel() for p in net.parameters()),
        "network": plan.network,
        "spacing": plan.spacing,
        "classes": tuple(c.name for c in plan.classes),
        "cases_train": figures.cases_train,
        "cases_val": figures.cases_val,
    }
    missing = {key: value for key, value in known.items() if not getattr(card, key)}
    return ModelCard(**{**{f: getattr(card, f) for f in card.__slots__}, **missing})


def load_model(path: Path) -> LoadedModel:
    """The model of a model folder, a ``.safetensors`` or an ``.onnx`` file.

    It lies on the CPU; see :meth:`LoadedModel.predictor_on`. Raises FileRefusedError or UserError
    when the file cannot be used.
    """
    if path.is_dir():
        model = _load_weights(path / WEIGHTS_FILE)
        return LoadedModel(model.predictor, model.plan, read_card(path), model.net)
    suffix = path.suffix.lower()
    if suffix == SUFFIX:
        return _load_weights(path)
    if suffix == ONNX_SUFFIX:
        return _load_onnx(path)
    raise FileRefusedError(
        path, "it is no model", f"Choose a model folder, or a {SUFFIX} or {ONNX_SUFFIX} file."
    )


def _load_weights(path: Path) -> LoadedModel:
    header, plan, card = read_description(path)
    with torch.device("meta"):
        net = build(plan)  # Shapes only: a hostile plan allocates nothing.
    _check_shapes(path, header, net)
    with torch.random.fork_rng(devices=[]):  # Its first weights are not kept.
        net = build(plan)
    try:
        tensors = load_file(path, device="cpu")
    except (SafetensorError, OSError) as error:
        raise FileRefusedError(path, "its weights cannot be read", str(error)) from error
    net.load_state_dict({name: tensors[first] for name, first in _first_names(net).items()})
    if not all(bool(torch.isfinite(t).all()) for t in net.state_dict().values()):
        raise FileRefusedError(
            path, "it holds weights that are not finite", "Train the model again."
        )
    net.requires_grad_(False).eval()
    return LoadedModel(net, plan, card, net)


def _check_shapes(path: Path, header: Header, net: nn.Module) -> None:
    names = _first_names(net)
    wanted = {n: tuple(t.shape) for n, t in net.state_dict().items() if names[n] == n}
    wrong = sorted(
        name
        for name in wanted.keys() | header.shapes.keys()
        if wanted.get(name) != header.shapes.get(name)
    )
    if wrong:
        raise FileRefusedError(
            path,
            f"its weights do not fit its plan ({wrong[0]} and {len(wrong) - 1} more)",
            "Export the model again from the program that trained it.",
        )


def _load_onnx(path: Path) -> LoadedModel:
    try:
        if path.stat().st_size > _MAX_ONNX_BYTES:
            raise FileRefusedError(path, "it is larger than 2 GB", "Export the model again.")
        content = path.read_bytes()
    except OSError as error:
        raise FileRefusedError(path, "it cannot be opened", str(error)) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # Errors only; warnings would go to standard error.
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except _ONNX_ERRORS as error:
        raise FileRefusedError(
            path, "ONNX Runtime cannot load it", "Export the model again."
        ) from error
    texts = session.get_modelmeta().custom_metadata_map
    if PLAN_KEY not in texts or CARD_KEY not in texts:
        raise FileRefusedError(
            path, "it holds no LesionForge plan and card", "Export the model from LesionForge."
        )
    try:
        plan = Plan.from_json(json.loads(texts[PLAN_KEY]))
    except (ValueError, AttributeError, RecursionError) as error:
        raise FileRefusedError(path, "its plan is not JSON", "Export it again.") from error
    _check_interface(path, session, plan)
    return LoadedModel(
        _OnnxPredictor(session, path, plan.outputs), plan, ModelCard.loads(texts[CARD_KEY])
    )


def _check_interface(path: Path, session: onnxruntime.InferenceSession, plan: Plan) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    fits = (
        [i.name for i in inputs] == [INPUT]
        and [o.name for o in outputs] == [OUTPUT]
        and len(inputs[0].shape) == len(outputs[0].shape) == 5
        and inputs[0].shape[1] == plan.inputs
        and outputs[0].shape[1] == plan.outputs
    )
    if not fits:
        raise FileRefusedError(
            path, "its inputs and outputs do not fit its plan", "Export the model from LesionForge."
        )


@dataclass(frozen=True, slots=True)
class _OnnxPredictor:
    """An ONNX session that looks like a network."""

    session: onnxruntime.InferenceSession
    path: Path
    outputs: int

    def __call__(self, block: Tensor) -> Tensor:
        values = np.ascontiguousarray(block.detach().cpu().numpy().astype(np.float32, copy=False))
        try:
            logits = cast("NDArray[np.float32]", self.session.run([OUTPUT], {INPUT: values})[0])
        except _ONNX_ERRORS as error:
            raise FileRefusedError(
                self.path, "ONNX Runtime stopped while running it", "Export the model again."
            ) from error
        if logits.shape != (values.shape[0], self.outputs, *values.shape[2:]):
            raise UserError(f"{self.path.name} gave an output of the wrong shape.")
        return torch.from_numpy(logits).to(block.device)
