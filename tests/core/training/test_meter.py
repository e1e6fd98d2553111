import time

import torch

from core.training.meter import Meter


def test_an_interval_is_split_into_its_parts() -> None:
    meter = Meter(torch.device("cpu"))
    for _ in range(2):
        began = meter.batch_begins()
        time.sleep(0.05)
        meter.batch_ends(began)
        time.sleep(0.05)
        meter.step_ends()
    assert meter.read_back(lambda: time.sleep(0.05) or 7) == 7
    pace = meter.read(patches=4)
    assert pace.seconds >= 0.25
    assert abs(pace.patches_per_second * pace.seconds - 8) < 1e-6
    assert 0.1 / pace.seconds <= pace.data_wait < 1
    assert 0.05 / pace.seconds <= pace.read_back < 0.6
    # Sleeping takes no processor time; a new interval starts from nothing.
    assert pace.own_cpu < 0.5
    again = meter.read(patches=4)
    assert again.data_wait == again.read_back == 0.0
    assert again.patches_per_second == 0.0
