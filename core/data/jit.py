"""Loops compiled to machine code when their module is first imported, and kept on disk.

Numba puts the code beside the source or, where that cannot be written (a read-only installation),
into the user's own cache folder; ``NUMBA_CACHE_DIR`` names another one. Importing a module of
kernels therefore costs seconds once a machine and milliseconds from then on. The compiled loops
release the interpreter's lock, so threads run them side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit  # type: ignore[import-untyped]

F = TypeVar("F", bound=Callable[..., Any])

#: Fused multiply-adds and no regard for the sign of zero; nothing that depends on how a loop is
#: split, so results are the same on any number of threads.
_MATHS = {"contract", "nsz"}


def compiled(signature: str) -> Callable[[F], F]:
    """Compile the function for just these types (Numba's notation), now."""

    def compile_it(function: F) -> F:
        options: dict[str, Any] = {"nogil": True, "fastmath": _MATHS, "error_model": "numpy"}
        try:
            made = njit(signature, cache=True, **options)(function)
        except RuntimeError as error:
            # Nowhere to write at all: compiled anew in each process.
            if "no locator available" not in str(error):
                raise
            made = njit(signature, **options)(function)
        return cast(F, made)

    return compile_it


def part(function: F) -> F:
    """A piece of a compiled function, written into its callers."""
    return cast(F, njit(inline="always", error_model="numpy")(function))
