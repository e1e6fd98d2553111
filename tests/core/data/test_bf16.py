"""Which processors multiply 16-bit numbers by themselves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.data import rates

INTEL = "processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 sse\n"
OLDER = "processor\t: 0\nflags\t\t: fpu avx2 bf16ish sse\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd i8mm bf16\n"


@pytest.mark.parametrize(("text", "has"), [(INTEL, True), (OLDER, False), (ARM, True), ("", False)])
def test_linux_says_so(
    text: str, has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(text)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(rates, "Path", lambda _: info)
    assert rates.cpu_has_bf16() is has


def test_macos_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    asked: list[str] = []
    monkeypatch.setattr(rates, "_sysctl", lambda name: asked.append(name) or True)
    assert rates.cpu_has_bf16()
    assert asked == ["hw.optional.arm.FEAT_BF16"]
