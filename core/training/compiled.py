"""Whether the steps of a run are compiled: tried on the actual device, kept only where it pays.

A compiled network computes the same in fewer passes over memory, but compiling takes a minute or
more of the run and does not work everywhere. What was decided is kept with the run, because a
compiled step differs from another one in the last bits.
"""

from __future__ import annotations

import importlib.util
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Literal

import torch

from core.data.augment import Batch
from core.data.plan import Plan
from core.errors import UserError
from core.nets.memory import is_out_of_memory
from core.training.step import Learner

#: Share of what is left of a run that compiling may take.
TRY_SHARE = 0.05
#: A network takes so many times as long to compile as a sum does (7.7 for a small one, see
#: tests/benchmarks/RESULTS.md).
TIMES_A_SUM = 10.0
#: Runs with less than this left are not worth the question, seconds.
WORTH_ASKING = 900.0
#: Steps timed in either way, and how much faster the compiled ones must be.
STEPS, FASTER = 3, 0.97
#: Largest relative difference of the loss that is rounding.
CLOSE = 0.02

#: Everything a compiler that does not work here raises; torch's own are all RuntimeErrors.
_FAILURES = (RuntimeError, OSError, ImportError, AssertionError)

Level = Literal["info", "warning"]
Say = Callable[[str, Level], None]


def missing(device: torch.device) -> str:
    """What a compiler for ``device`` lacks on this machine, for a sentence; empty if nothing."""
    if sys.platform == "win32":
        compilers = ["cl"]
    else:
        compilers = ["g++", "clang++", "c++"] if device.type == "cpu" else ["gcc", "clang", "cc"]
    named = os.environ.get("CXX" if device.type == "cpu" else "CC")
    if not any(shutil.which(name) for name in ([named] if named else compilers)):
        return "a C++ compiler" if device.type == "cpu" else "a C compiler"
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            return "Triton"
        if torch.cuda.get_device_capability(device) < (7, 0):
            return "a GPU of compute capability 7.0 or later"
    return "" if device.type in {"cpu", "cuda"} else f"a compiler for {device.type}"


def settle(
    learner: Learner,
    plan: Plan,
    decided: bool | None,
    seconds_left: Callable[[float], float],
    say: Say,
) -> bool:
    """Let ``learner`` step compiled where it pays; whether it does.

    decided: what an earlier session of the run found out. seconds_left: of the run, from the
    seconds of a step. say: a sentence for the log. Changes neither weights nor random numbers.
    Raises UserError when the plan demands what this machine lacks.
    """
    if plan.compile == "off" or decided is False:
        return False
    device = torch.device(plan.device)
    lacks = missing(device)
    if plan.compile == "on":
        if lacks:
            raise UserError(
                f"The plan has its steps compiled, but this machine has not {lacks}. Install it, "
                "or set compiling to auto or off in the plan."
            )
        return _demanded(learner, plan)
    if decided:
        return _again(learner, plan, lacks, say)
    if lacks:
        say(f"The steps are not compiled: this machine has not {lacks}.", "info")
        return False
    return _tried(learner, plan, seconds_left, say)


def _demanded(learner: Learner, plan: Plan) -> bool:
    try:
        _compiled_seconds(learner, plan)
    except _FAILURES as error:
        learner.forward = learner.net
        raise UserError(
            f"The steps of this plan could not be compiled ({_first_line(error)}). Set compiling "
            "to auto or off in the plan."
        ) from error
    return True


def _again(learner: Learner, plan: Plan, lacks: str, say: Say) -> bool:
    """Compile as the session before did, without asking whether it pays."""
    try:
        if lacks:
            raise OSError(f"this machine has not {lacks}")
        _compiled_seconds(learner, plan)
    except _FAILURES as error:
        learner.forward = learner.net
        say(
            "The steps were compiled before and cannot be now, so from here on they differ in "
            f"the last bits: {_first_line(error)}.",
            "warning",
        )
        return False
    return True


def _tried(learner: Learner, plan: Plan, seconds_left: Callable[[float], float], say: Say) -> bool:
    if seconds_left(plan.estimates.step_seconds) < WORTH_ASKING:
        return False
    try:
        eager, eager_loss = _timed(learner, plan)
        left = seconds_left(eager)
        cost = _sum_seconds(torch.device(plan.device)) * TIMES_A_SUM
        if cost > TRY_SHARE * left:
            say(f"The steps are not compiled: that alone would take some {cost:.0f} s.", "info")
            return False
        began = time.monotonic()
        compiled, loss = _compiled_seconds(learner, plan)
        took = time.monotonic() - began
    except _FAILURES as error:
        learner.forward = learner.net
        # Too little memory shows in the first step as well, where something is done about it.
        if not is_out_of_memory(error):
            why = _first_line(error)
            say(f"The steps are not compiled, the compiler failed: {why}.", "warning")
        return False
    right = math.isfinite(loss) and abs(loss - eager_loss) <= CLOSE * abs(eager_loss)
    speed = f"{compiled:.3g} s a step instead of {eager:.3g} s (compiling took {took:.0f} s)"
    if right and compiled < FASTER * eager:
        say(f"The steps are compiled: {speed}.", "info")
        return True
    learner.forward = learner.net
    why = f"it does not pay, {speed}" if right else "the compiled network computes something else"
    say(f"The steps are not compiled: {why}.", "info" if right else "warning")
    return False


def _compiled_seconds(learner: Learner, plan: Plan) -> tuple[float, float]:
    """Compile and time; seconds a step without the compiling, and the loss."""
    # One size a run: symbolic sizes would only make slower code.
    learner.forward = torch.compile(learner.net, dynamic=False)
    return _timed(learner, plan)


def _timed(learner: Learner, plan: Plan) -> tuple[float, float]:
    """Seconds of forward and backward pass on a made-up batch, after one that warms up; the loss.

    The gradients are dropped, and random numbers are put back.
    """
    device = torch.device(plan.device)
    watch, learner.watch = learner.watch, None
    cuda = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=cuda):
            batch = _made_up(plan, device)
            losses = [float(learner.gradients(batch))]
            seconds: list[float] = []
            for _ in range(STEPS):
                began = time.perf_counter()
                losses.append(float(learner.gradients(batch)))  # Reading it waits for the device.
                seconds.append(time.perf_counter() - began)
    finally:
        learner.watch = watch
        learner.drop_gradients()
    return median(seconds), losses[-1]


def _made_up(plan: Plan, device: torch.device) -> Batch:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(plan.batch, plan.inputs, *plan.patch, generator=generator)
    target = (image[:, 0] > 1).long()
    return Batch(image.to(device), target.to(device))


def _sum_seconds(device: torch.device) -> float:
    """Seconds this machine takes to compile a sum: whether it works at all, and how slowly."""
    began = time.monotonic()
    # Of a size not met before, or a sum remembered from an earlier run would promise too much.
    size = 1000 + time.time_ns() % 1_000_003
    torch.compile(lambda x: (x + 1).relu(), dynamic=False)(torch.ones(size, device=device))
    return time.monotonic() - began


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
