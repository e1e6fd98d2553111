"""The zoo's table as checked in is what the import makes of the zoo now."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.golden.zoo import COLUMNS, TABLE, table

pytestmark = pytest.mark.real_data


def test_every_line_is_as_checked_in(shared_data: Path) -> None:
    now = table(shared_data / "zoo")
    kept = TABLE.read_text(encoding="utf-8").splitlines()
    changes = list(difflib.unified_diff(kept, now, "checked in", "now", lineterm="", n=0))
    assert not changes, "\n".join(
        ["python -m tests.golden.zoo DATA writes it anew; judge each line first:", *changes]
    )


def test_every_file_has_one_line_and_every_refusal_names_it(shared_data: Path) -> None:
    rows = [dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in
            TABLE.read_text(encoding="utf-8").splitlines()[1:]]  # fmt: skip
    zoo = shared_data / "zoo"
    files = sorted(p.relative_to(zoo).as_posix() for p in zoo.rglob("*") if p.is_file())
    assert [row["file"] for row in rows] == files
    for row in rows:
        if row["verdict"] == "refused":
            assert row["file"].rpartition("/")[2] in row["said"]
        elif row["verdict"] == "series":
            assert int(row["min"]) <= float(row["mean"]) <= int(row["max"])
        else:
            assert row["verdict"] == "label" and row["voxels"]
