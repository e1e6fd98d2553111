"""Cases where the device can read them: all of them, or as many as fit, taking turns.

With room for all, every case stays: in the device's memory, or on the CPU in the maps of its files.
With less, a background thread brings the next cases while others are in use. Which case comes and
goes when is not the pool's business but that of ``turns``, which counts blocks and never looks at
a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from core.data.cache import Case
from core.data.plan import Plan
from core.errors import UserError

#: Bytes of a pinned buffer; there are two, one being filled while the other is on its way.
CHUNK = 16 * 2**20


class Pool:
    """Images (int16 HU) and labels (uint8) of ``cases`` on ``device``, by the case's index.

    room: bytes they may take; None: they stay where their files are, or on a device without limit.
    Raises UserError when not even the largest case fits. :meth:`close` it.
    """

    def __init__(
        self, cases: Sequence[Case], device: torch.device, room: int | None = None
    ) -> None:
        self._cases, self._device = cases, device
        #: Bytes of each case.
        self.sizes = [3 * math.prod(case.info.shape) for case in cases]
        self.room = room
        if room is not None and max(self.sizes) > room:
            need = max(self.sizes) / 2**30
            raise UserError(
                f"The memory for cases, {room / 2**30:.2f} GB, is too small for the largest case. "
                f"Allow at least {need:.2f} GB, or 0 for what fits."
            )
        #: Whether cases have to take turns.
        self.bounded = room is not None and sum(self.sizes) > room
        self._held: dict[int, tuple[Tensor, Tensor]] = {}
        self._coming: dict[int, Future[None]] = {}
        self._thread = ThreadPoolExecutor(1, "cases") if self.bounded else None
        self._mapped = not self.bounded and room is None and device.type == "cpu"
        if not self.bounded and not self._mapped:
            copy = Copier(device)
            for number in range(len(cases)):
                self._held[number] = self._space(number)
                copy(cases[number], self._held[number])

    def image(self, case: int) -> Tensor:
        """int16 HU ``[z, y, x]`` of a case that is here."""
        if self._mapped:
            return torch.from_numpy(np.asarray(self._cases[case].image))
        return self._held[case][0]

    def label(self, case: int) -> Tensor:
        """uint8 channels ``[z, y, x]`` of a case that is here."""
        if self._mapped:
            return torch.from_numpy(np.asarray(self._cases[case].label))
        return self._held[case][1]

    # What turns does to a bounded pool

    def fetch(self, case: int) -> None:
        """Begin to bring a case."""
        assert self._thread is not None  # noqa: S101 - only a bounded pool is told to
        space = self._space(case)
        self._held[case] = space
        copy = Copier(self._device)
        self._coming[case] = self._thread.submit(copy, self._cases[case], space)

    def wait(self, case: int) -> None:
        """Until a case that was fetched is here. Raises what went wrong with reading it."""
        self._coming.pop(case).result()

    def drop(self, case: int) -> None:
        """Give up a case's memory; one that is still coming is waited for."""
        if case in self._coming:
            self.wait(case)
        del self._held[case]

    def close(self) -> None:
        """End the thread and let go of all memory."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
        self._held.clear()
        self._coming.clear()

    def _space(self, case: int) -> tuple[Tensor, Tensor]:
        shape = self._cases[case].info.shape
        return (
            torch.empty(shape, dtype=torch.int16, device=self._device),
            torch.empty(shape, dtype=torch.uint8, device=self._device),
        )


def make_pool(cases: Sequence[Case], plan: Plan, device: torch.device, room: int | None) -> Pool:
    """The pool of a run on ``device`` with ``room`` bytes for cases, or with no limit.

    Only CUDA has memory of its own for them. Where that cannot hold even one case and the plan does
    not insist, cases stay in their files, and the part that a block touches is sent at each step.
    """
    place = device if device.type == "cuda" else torch.device("cpu")
    largest = 3 * max(math.prod(case.info.shape) for case in cases)
    if room is not None and largest > room and plan.pool_gb == 0:
        return Pool(cases, torch.device("cpu"))
    return Pool(cases, place, room)


class Copier:
    """Copies a case's files to memory made for it; on CUDA by pinned buffers and a side stream.

    Made where that memory was made: the copy waits for what the device still does with it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._ready = torch.cuda.current_stream(device).record_event() if self._cuda else None

    @property
    def _cuda(self) -> bool:
        return self._device.type == "cuda"

    def __call__(self, case: Case, space: tuple[Tensor, Tensor]) -> None:
        """Copy; when this returns the device has it."""
        for array, target in zip((case.image, case.label), space, strict=True):
            source = torch.from_numpy(np.asarray(array))
            if self._cuda:
                self._in_chunks(source, target)
            else:
                target.copy_(source)

    def _in_chunks(self, source: Tensor, target: Tensor) -> None:
        source = source.reshape(-1).view(torch.uint8)
        target = target.view(-1).view(torch.uint8)
        stream = torch.cuda.Stream(self._device)
        stages = [torch.empty(CHUNK, dtype=torch.uint8, pin_memory=True) for _ in range(2)]
        sent: list[torch.Event | None] = [None, None]
        with torch.cuda.device(self._device), torch.cuda.stream(stream):
            if self._ready is not None:
                stream.wait_event(self._ready)
            for turn, begin in enumerate(range(0, len(source), CHUNK)):
                which = turn % 2
                event = sent[which]
                if event is not None:
                    event.synchronize()
                piece = source[begin : begin + CHUNK]
                stage = stages[which][: len(piece)]
                stage.copy_(piece)
                target[begin : begin + len(piece)].copy_(stage, non_blocking=True)
                sent[which] = stream.record_event()
            stream.synchronize()
