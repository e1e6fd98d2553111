"""What each file of the zoo, and each of some made to do harm, costs: time and memory.

    python -m tests.benchmarks.hostile DATA [--cases 400]

One child opens every file as the import does, alone, and says after each how much its processor
time and its peak memory grew. The promise: 2 s and 200 MB over the values that are in the file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

_CHILD = """
import json, resource, sys, time
from pathlib import Path
from tests.fuzz.targets import TARGETS, image
from core.errors import UserError
from core.formats.names import image_suffix
from core.project.import_images import judge
folder = Path(sys.argv[1])
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def read(path):
    if image_suffix(path):
        judge(path)
    else:
        TARGETS["dicom"](path.read_bytes(), folder)
for line in sys.stdin:
    path = Path(json.loads(line))
    base, begun = peak(), time.process_time()
    try:
        read(path); said = "used"
    except UserError as error:
        said = str(error)
    print(json.dumps([said, time.process_time() - begun, peak() - base]), flush=True)
"""


def hostile(folder: Path, count: int) -> list[Path]:
    """``count`` files: sound ones cut, with bits turned, with sizes overwritten, nested."""
    from tests.core.dicom.test_hostile_dicom import encoded, nested  # noqa: PLC0415
    from tests.core.test_hostile_images import IMAGE_SUFFIXES, written  # noqa: PLC0415

    random = np.random.default_rng(11)
    seeds = [(".dcm", encoded())]
    for ending in IMAGE_SUFFIXES:
        path = written(folder / f"seed{ending}")
        seeds.append((ending, path.read_bytes()))
    made: list[Path] = []
    for number in range(count):
        ending, data = seeds[number % len(seeds)]
        changed = bytearray(data)
        place = int(random.integers(0, len(data) - 4))
        match number // len(seeds) % 3:
            case 0:
                del changed[place:]
            case 1:
                changed[place] ^= 1 << int(random.integers(0, 8))
            case _:
                changed[place : place + 4] = random.choice([b"\xff\xff\xff\x7f", b"\x7f" * 4])
        path = folder / f"case{number}{ending}"
        path.write_bytes(changed)
        made.append(path)
    at = seeds[0][1].index(b"\x10\0\x10\0PN")
    deep = folder / "deep.dcm"
    deep.write_bytes(seeds[0][1][:at] + nested(20000, undefined=True) + seeds[0][1][at:])
    return [*made, deep]


def main() -> int:
    """The command line; returns the exit code: 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.hostile", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", type=int, default=400)
    options = parser.parse_args()
    broken = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zoo = sorted(p for p in (options.data / "zoo").rglob("*") if p.is_file())
        for title, files in (("zoo", zoo), ("hostile", hostile(folder, options.cases))):
            broken += _measure(title, files, folder)
    return 1 if broken else 0


def _measure(title: str, files: list[Path], folder: Path) -> int:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    answers: list[tuple[float, float, str, str]] = []
    # The first file pays for everything that is loaded late.
    for path in [files[0], *files]:
        child.stdin.write(json.dumps(str(path)) + "\n")
        child.stdin.flush()
        said, seconds, mb = json.loads(child.stdout.readline())
        answers.append((seconds, mb, path.name, said))
    child.stdin.close()
    child.wait()
    answers = answers[1:]
    used = sum(a[3] == "used" for a in answers)
    slow, large = max(answers), max(answers, key=lambda a: a[1])
    print(
        f"{title}: {len(answers)} files, {used} used, {len(answers) - used} refused; "
        f"slowest {slow[2]} {slow[0]:.2f} s, median {np.median([a[0] for a in answers]):.4f} s; "
        f"largest growth {large[2]} {large[1]:.0f} MB"
    )
    return sum(a[0] > 2 or a[1] > 200 for a in answers)


if __name__ == "__main__":
    sys.exit(main())
