"""What a file made to do harm costs: read in a process of its own, whose memory can be told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

#: "used" or the sentence for each path, the peak of memory over that of a usual file, and seconds
#: of processor time.
_CHILD = """
import json, sys, time, resource
from importlib import import_module
from pathlib import Path
from core.errors import UserError
module, name = sys.argv[1].split(":")
read = getattr(import_module(module), name)
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
read(Path(sys.argv[2]))
base, out = peak(), []
for path in sys.argv[3:]:
    begun = time.process_time()
    try:
        read(Path(path)); said = "used"
    except UserError as error:
        said = str(error)
    out.append([said, peak() - base, time.process_time() - begun])
print(json.dumps(out))
"""


def measured(read: str, paths: list[Path], good: Path) -> list[tuple[str, int, float]]:
    """What ``read`` ("module:function" of a path) says of each path, MB over ``good``, seconds.

    The peak never falls, so files come in the order of what they may need.
    """
    if sys.platform == "win32":
        pytest.skip("the peak of a process is read by the resource module")
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, read, str(good), *map(str, paths)],
        capture_output=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return [(said, mb, seconds) for said, mb, seconds in json.loads(done.stdout)]
