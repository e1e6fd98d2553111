"""Cases in the device's memory, all or in turns; skipped where there is no CUDA device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data.pool import Pool
from core.data.turns import Shifts
from tests.core.data.cases import made_case

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]

CUDA = torch.device("cuda")
#: Larger than a pinned buffer, so that it comes in several pieces.
SHAPE = (120, 300, 300)
ONE = 3 * 120 * 300 * 300


@pytest.mark.parametrize("room", [None, 3 * ONE])
def test_cases_on_the_device_are_those_of_the_files(room: int | None) -> None:
    cases = [made_case(number, SHAPE) for number in range(5)]
    pool = Pool(cases, CUDA, room)
    turns = Shifts(pool, torch.Generator().manual_seed(0)) if pool.bounded else None
    for step in range(200):
        if turns is not None:
            turns.turn()
        case = step % 5 if turns is None else turns.next()
        np.testing.assert_array_equal(pool.image(case)[::16].cpu().numpy(), cases[case].image[::16])
        assert int(pool.label(case).sum()) == int(cases[case].label.sum())
    pool.close()
