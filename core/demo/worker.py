"""``python -m core.demo.worker ROOT SEED NUMBER…``: compute cases, print the number of each."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil


def main(arguments: list[str]) -> None:
    """Write the cases named in ``arguments``; see the module's docstring."""
    # The window that waits for the cases comes first.
    psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else 5)
    # After the priority, so that even the imports run politely.
    from core.demo.cases import write_case  # noqa: PLC0415

    root, seed, *numbers = arguments
    for number in numbers:
        write_case(Path(root), int(seed), int(number))
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
