"""A child whose clock is the processor time it used: what it would take on an idle core.

Stands before the command of a child (``core.jobs.runner.start(folder, prefix=CPU_CLOCK)``). With
one thread the two are the same on an idle machine; where other programs want the core, wall clock
measures them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

#: What to put before a child's command.
CPU_CLOCK = (sys.executable, str(Path(__file__).resolve()))


def main() -> int:
    """Run the child of the folder named last."""
    time.monotonic = time.process_time
    from core.jobs import child  # noqa: PLC0415 - everything after the clock was changed

    return child.main(Path(sys.argv[-1]).resolve())


if __name__ == "__main__":
    sys.exit(main())
