"""Volumes read before they are asked for: the neighbours of the series that is open.

One background thread reads what is wanted next, within a budget of bytes, and stops the moment
something else is wanted, so it is never in the way of a series that somebody waits for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from core.errors import Cancelled, UserError
from core.project.known_files import Stamp, stamp_of
from core.project.records import SeriesRecord
from core.volume import Volume

log = logging.getLogger(__name__)

#: Bytes of volumes kept: two of 512 x 512 x 1000, and never more than an eighth of what is free.
BUDGET = 1 << 30
_SHARE = 8


def budget() -> int:
    """Bytes that volumes read ahead may take on this machine now."""
    return min(BUDGET, psutil.virtual_memory().available // _SHARE)


@dataclass(frozen=True, slots=True)
class _Held:
    """A volume, what it was read for, and how its files were then."""

    record: SeriesRecord
    stamps: tuple[Stamp | None, ...]
    volume: Volume

    def serves(self, record: SeriesRecord) -> bool:
        """Whether it is still the volume of ``record``."""
        old = self.record
        same = (old.geometry, old.files, old.remedy) == (
            record.geometry,
            record.files,
            record.remedy,
        )
        return same and None not in self.stamps and _stamps(record) == self.stamps


def _stamps(record: SeriesRecord) -> tuple[Stamp | None, ...]:
    return tuple(stamp_of([path]) for path in record.files)


class Ahead:
    """See the module. Safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted: list[SeriesRecord] = []
        self._held: dict[str, _Held] = {}
        self._running = False

    @property
    def held(self) -> tuple[str, ...]:
        """The series whose volumes are in memory."""
        with self._changed:
            return tuple(self._held)

    def want(self, records: Sequence[SeriesRecord], most: int | None = None) -> None:
        """Read these, the first one first, and drop all others.

        most: bytes they may take together, by default :func:`budget`; what does not fit is left.
        """
        left = budget() if most is None else most
        fitting: list[SeriesRecord] = []
        for record in records:
            size = (
                2 * record.geometry.shape[0] * record.geometry.shape[1] * record.geometry.shape[2]
            )
            if size <= left and record.usable:
                fitting.append(record)
                left -= size
        with self._changed:
            self._wanted = fitting
            names = {record.series_uid for record in fitting}
            self._held = {uid: held for uid, held in self._held.items() if uid in names}
            if fitting and not self._running:
                self._running = True
                threading.Thread(target=self._run, name="read-ahead", daemon=True).start()

    def take(self, record: SeriesRecord) -> Volume | None:
        """The volume of ``record`` if it is here and its files are unchanged; it is let go of."""
        with self._changed:
            held = self._held.pop(record.series_uid, None)
        return held.volume if held is not None and held.serves(record) else None

    def settled(self, seconds: float) -> bool:
        """Wait until all that is wanted was read or refused; False when it takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _run(self) -> None:
        # Loaded late: the image libraries must not hold up a start.
        from core.project.reading import read_volume  # noqa: PLC0415

        tried: set[int] = set()
        while True:
            with self._changed:
                record = next(
                    (r for r in self._wanted
                     if id(r) not in tried and r.series_uid not in self._held),
                    None,
                )  # fmt: skip
                if record is None:
                    self._running = False
                    self._changed.notify_all()
                    return
                tried.add(id(record))
            try:
                stamps = _stamps(record)
                volume = read_volume(record, cancelled=lambda r=record: r not in self._wanted)
            except (UserError, Cancelled):
                continue  # whoever opens it is told
            except Exception:
                log.exception("a series could not be read ahead")
                continue
            with self._changed:
                if record in self._wanted:
                    self._held[record.series_uid] = _Held(record, stamps, volume)
