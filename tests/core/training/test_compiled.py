"""When steps are compiled: by the plan, by what the machine has, and by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.data.batch import Batch
from core.errors import UserError
from core.events import LogEvent
from core.training import compiled
from core.training.compiled import settle
from core.training.control import KeepRunning
from core.training.loop import train
from core.training.obeyed import Obeyed
from core.training.step import Learner
from tests.core.data.plans import tiny_plan
from tests.core.training.conftest import MakeRun

CPU = torch.device("cpu")


class Said:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, message: str, level: str) -> None:
        self.lines.append((level, message))


def faked(monkeypatch: pytest.MonkeyPatch, seconds: float, lacks: str = "") -> None:
    """A compiler whose product takes ``seconds`` longer (or shorter) than the network."""
    monkeypatch.setattr(compiled, "missing", lambda _: lacks)
    monkeypatch.setattr(compiled, "_sum_seconds", lambda _: 0.01)

    def compile_it(net: Callable[..., Any], **_: object) -> Callable[..., Any]:
        def forward(image: torch.Tensor) -> Any:
            time.sleep(seconds)
            return net(image)

        return forward

    monkeypatch.setattr(torch, "compile", compile_it)


def slowed(learner: Learner, seconds: float) -> None:
    """The network itself takes ``seconds`` more, unless it was compiled."""
    net = learner.net

    def forward(image: torch.Tensor) -> Any:
        time.sleep(seconds)
        return net(image)

    learner.forward = forward


def test_what_pays_is_kept_and_what_does_not_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, 0.0)
    said, learner = Said(), Learner(tiny_plan(), CPU)
    before = [p.clone() for p in learner.net.parameters()]
    state = torch.get_rng_state()
    slowed(learner, 0.2)
    assert settle(learner, tiny_plan(), None, lambda _: 1e5, said)
    assert learner.forward is not learner.net
    assert "The steps are compiled" in said.lines[-1][1]
    faked(monkeypatch, 0.2)
    assert not settle(Learner(tiny_plan(), CPU), tiny_plan(), None, lambda _: 1e5, said)
    assert "does not pay" in said.lines[-1][1]
    # A trial leaves no trace.
    assert all(torch.equal(a, b) for a, b in zip(before, learner.net.parameters(), strict=True))
    assert all(p.grad is None for p in learner.net.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_a_short_run_does_not_even_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, 0.0)
    said, learner = Said(), Learner(tiny_plan(), CPU)
    monkeypatch.setattr(learner, "gradients", None)
    assert not settle(learner, tiny_plan(), None, lambda _: 600.0, said)
    assert said.lines == []


def test_compiling_that_would_eat_the_run_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, 0.0)
    monkeypatch.setattr(compiled, "_sum_seconds", lambda _: 20.0)
    said = Said()
    assert not settle(Learner(tiny_plan(), CPU), tiny_plan(), None, lambda _: 3000.0, said)
    assert "200 s" in said.lines[-1][1]


def test_a_compiler_that_fails_or_computes_something_else_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faked(monkeypatch, 0.0)
    said, learner = Said(), Learner(tiny_plan(), CPU)
    slowed(learner, 0.1)
    monkeypatch.setattr(torch, "compile", lambda net, **_: lambda image: net(image) * 3)
    assert not settle(learner, tiny_plan(), None, lambda _: 1e5, said)
    assert "something else" in said.lines[-1][1]
    assert learner.forward is learner.net

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("CppCompileError: C++ compile error\nwith a long trace")

    monkeypatch.setattr(torch, "compile", broken)
    assert not settle(learner, tiny_plan(), None, lambda _: 1e5, said)
    assert said.lines[-1] == (
        "warning",
        "The steps are not compiled, the compiler failed: CppCompileError: C++ compile error.",
    )
    assert learner.forward is learner.net
    with pytest.raises(UserError, match=r"could not be compiled \(CppCompileError"):
        settle(learner, tiny_plan(compile="on"), None, lambda _: 1e5, said)
    # A run that was compiled until now goes on without, and says so.
    assert not settle(learner, tiny_plan(), True, lambda _: 1e5, said)
    assert said.lines[-1][0] == "warning"
    assert "last bits" in said.lines[-1][1]


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, 0.0, lacks="a C++ compiler")
    said, learner = Said(), Learner(tiny_plan(), CPU)
    assert not settle(learner, tiny_plan(), None, lambda _: 1e5, said)
    assert said.lines == [
        ("info", "The steps are not compiled: this machine has not a C++ compiler.")
    ]
    with pytest.raises(UserError, match=r"has not a C\+\+ compiler. Install it"):
        settle(learner, tiny_plan(compile="on"), None, lambda _: 1e5, said)
    assert not settle(learner, tiny_plan(compile="off"), None, lambda _: 1e5, said)


def test_no_compiler_is_found_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.shutil, "which", lambda _: None)
    assert compiled.missing(CPU) == "a C++ compiler"


def test_the_choice_is_kept_with_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    faked(monkeypatch, 0.0)
    run_dir = make_run(epochs=1, compile="on")
    train(run_dir, lambda _: None, KeepRunning())
    assert Obeyed.load(run_dir).compiled is True
    other = make_run("r02", epochs=1)
    events: list[Any] = []
    train(other, events.append, KeepRunning())
    assert Obeyed.load(other).compiled is False
    assert not any("compiled" in e.message for e in events if isinstance(e, LogEvent))


@pytest.mark.skipif(bool(compiled.missing(CPU)), reason="this machine has no C++ compiler")
def test_a_network_really_compiled_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # In this process: a pool of compilers would outlive the test.
    from torch._inductor import config  # noqa: PLC0415

    monkeypatch.setattr(config, "compile_threads", 1)
    plan, said = tiny_plan(batch=1), Said()
    learner = Learner(plan, CPU)
    # Every kernel costs seconds of a compiler, so the network is as small as one can be.
    learner.net = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 1), torch.nn.LeakyReLU())
    learner.forward = learner.net
    monkeypatch.setattr(compiled, "FASTER", 1e9)
    assert settle(learner, plan, None, lambda _: 1e9, said)
    assert learner.forward is not learner.net
    assert said.lines[-1][1].startswith("The steps are compiled: ")
    batch = Batch(torch.randn(1, 1, 16, 16, 16), torch.zeros(1, 16, 16, 16, dtype=torch.long))
    loss = learner.gradients(batch)
    learner.forward = learner.net
    torch.testing.assert_close(loss, learner.gradients(batch))
