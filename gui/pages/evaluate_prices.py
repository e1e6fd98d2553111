"""What an hour of each device costs the user; kept for all projects in the user's config folder."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from core.labels.durable import write_bytes
from core.project.recent import config_dir


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars an hour. The defaults are those of a 16-core machine and of an H100 for hire."""

    cpu: float = 0.80
    gpu: float = 3.20


def _file() -> Path:
    return config_dir() / "prices.json"


def load() -> Prices:
    """The saved prices; the defaults where there are none that make sense."""
    try:
        values = json.loads(_file().read_text(encoding="utf-8"))
        found = Prices(float(values["cpu"]), float(values["gpu"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Prices()  # First start, or damaged: the next change writes them anew.
    sound = all(math.isfinite(p) and 0 <= p <= 10_000 for p in (found.cpu, found.gpu))
    return found if sound else Prices()


def save(prices: Prices) -> None:
    """Write the prices. Raises OSError when the folder cannot be written."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, json.dumps(asdict(prices)).encode())
