"""A device whose memory runs out: recognised, told, and cleaned up after."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

import torch

from core.errors import UserError

#: Words torch and its libraries use where they raise no type of their own (all lower case).
_WORDS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "defaultcpuallocator",
    "could not create a primitive",  # oneDNN, whose scratch pad did not fit
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
)


class OutOfMemory(UserError):  # noqa: N818 - named as torch names it
    """The memory of a device is too small for what was asked of it; there may be less to ask."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that a device or the system has no memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError | OutOfMemory):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in _WORDS)


@contextmanager
def memory_told(sentence: str) -> Generator[None]:
    """Raises :class:`OutOfMemory` with ``sentence`` when memory runs out inside."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        # Not chained: the trace would keep the very tensors alive that filled the memory.
        raise OutOfMemory(sentence) from None


def release(device: torch.device) -> None:
    """Give back what a failed attempt left: reference cycles, and blocks the allocator keeps."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
