"""Figures of models as people read them; the window and the command line use the same."""

from __future__ import annotations

import math


def figure(value: float, digits: int = 2) -> str:
    """A measured number, or a dash."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def parameters(count: int) -> str:
    """``30.8 M``, ``412 k``, a dash for none."""
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.0f} k" if count >= 1000 else str(count) if count else "–"


def size(count: int) -> str:
    """Bytes as ``62 MB``, decimal as file managers show them."""
    if count >= 1_000_000_000:
        return f"{count / 1e9:.1f} GB"
    if count >= 10_000_000:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e6:.1f} MB" if count >= 1_000_000 else f"{max(1, round(count / 1e3))} kB"


def difference(value: float) -> str:
    """``8.1e−04`` with a true minus; ``0`` for none."""
    return "0" if value == 0 else f"{value:.1e}".replace(".0e", "e").replace("-", "−")
