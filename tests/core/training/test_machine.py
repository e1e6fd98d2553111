"""The allocator of a training process keeps what it was given."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: Minor page faults of taking and freeing 64 MB five times, before and after the setting. A
#: process of its own, since the setting cannot be taken back.
CHILD = """
import json, resource
import torch
from core.training.machine import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

plain = faults()
keep_memory()
for _ in range(3):  # until the heap has grown to what is asked of it
    torch.ones(1 << 24)
print(json.dumps([plain, faults()]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has this setting")
def test_memory_once_taken_is_not_given_back_between_steps() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], check=True, capture_output=True, text=True)
    plain, kept = json.loads(done.stdout)
    # Pages are of 4 kB to 2 MB, so only the ratio is sure.
    assert plain >= 5 * 64 // 2
    assert kept < plain / 20
