"""The training benchmarks run to their end, small, on the CPU."""

from __future__ import annotations

import pytest

from tests.benchmarks import gpu_training, trainers

SMALL = ["--device", "cpu", "--patch", "16", "--width", "4", "--stages", "2", "--seconds", "0.1"]


def test_the_gpu_table_is_made_on_the_cpu_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(arguments: list[str], row: gpu_training.Row) -> dict[str, float]:
        return gpu_training._measured(gpu_training._options(arguments), row)

    # In this process, which has loaded torch already.
    monkeypatch.setattr(gpu_training, "_child", here)
    monkeypatch.setattr(trainers, "SHAPE", (20, 24, 22))
    gpu_training.main([*SMALL, "--iterations", "1000", "--cpu-price", "3600"])
    *_, head, rule, row = capsys.readouterr().out.splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == head.count("|") - 1 == rule.count("|") - 1 == 9
    assert cells[:2] == ["ours", "cpu"]
    seconds, cost = float(cells[2]), float(cells[-1])
    assert cost == pytest.approx(1000 * seconds, rel=0.01)
    assert float(cells[3]) == pytest.approx(2 / seconds, rel=0.01)
