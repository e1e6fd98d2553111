"""The journal: every finished edit on disk before anything else, so that a kill loses none.

A header names the grid; then one record an edit: marker, length, CRC-32 of the payload, CRC-32 of
these three, payload (:func:`core.labels.edits.encode`). A record that is cut off by the end of the
file is a write the kill interrupted, and is dropped in silence. One that does not match its
checksum is damage: the journal ends there, the file is kept aside, and the user is told.

Replaying is idempotent: each voxel ends with what the last edit over it wrote. So a kill between
saving the label file and clearing the journal does no harm.
"""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import FileRefusedError
from core.geometry import Zyx
from core.labels.durable import replace, sync_folder
from core.labels.edits import BrokenEditError, Edit, Labels, decode, encode

_MAGIC = b"LFJRNL1\n"
_HEADER = struct.Struct("<8s3II")
_RECORD = struct.Struct("<4sIII")
_MARK = b"EDIT"

#: A journal is folded into the label file after two idle seconds; a file of this size is not one
#: of ours. Each edit is bounded by its grid besides.
LIMIT_BYTES = 2 * 1024 * 1024 * 1024

#: A file grows by at most a few blocks before its data arrive; more zeros than this are damage.
_ZEROS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Record:
    end: int
    edit: Edit


class Journal:
    """The journal file of one series of grid ``shape``. One writer; the store guards it."""

    def __init__(self, path: Path, shape: Zyx) -> None:
        self.path = path
        self.shape = shape
        #: What was wrong with the file when it was last replayed, for the user; or empty.
        self.damage = ""
        self._ends: list[int] | None = None
        self._dropped = 0

    def append(self, edit: Edit) -> None:
        """Add an edit; it is on the disk when this returns. Raises OSError when it is not."""
        payload = encode(edit)
        head = _MARK + struct.pack("<II", len(payload), zlib.crc32(payload))
        record = head + struct.pack("<I", zlib.crc32(head)) + payload
        ends = self._known_ends()
        if not ends:
            self._create()
        end = ends[-1] if ends else _HEADER.size
        with self.path.open("r+b") as handle:
            # Whatever a kill or a full disk left behind the last whole record goes first.
            handle.truncate(end)
            handle.seek(end)
            handle.write(record)
            handle.flush()
            os.fsync(handle.fileno())
        ends.append(end + len(record))

    def replay(self, labels: Labels) -> int:
        """Apply all edits to ``labels`` [z, y, x] in place, oldest first; how many there were.

        A torn tail is dropped. Damage ends the replay, sets :attr:`damage` and
        keeps the file beside as ``*.damaged``. Raises FileRefusedError for a journal of another
        grid or of a size no journal has.
        """
        self.damage = ""
        self._ends = []
        for record in self._records():
            record.edit.apply(labels)
            self._ends.append(record.end)
        return len(self._ends)

    def mark(self) -> int:
        """How many edits were ever appended or replayed here; see :meth:`drop`."""
        return self._dropped + len(self._known_ends())

    def drop(self, mark: int) -> None:
        """Forget the edits before ``mark``: they are in the label file. Later ones stay."""
        ends = self._known_ends()
        count = min(mark - self._dropped, len(ends))
        if count <= 0:
            return
        if count == len(ends):
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)
            kept: list[int] = []
        else:
            kept = self._rewrite(ends, count)
        self._ends = kept
        self._dropped += count

    def clear(self) -> None:
        """Forget all edits and remove the file."""
        self._dropped = self.mark()
        self._ends = []
        self.path.unlink(missing_ok=True)

    def _known_ends(self) -> list[int]:
        if self._ends is None:
            self._ends = [record.end for record in self._records()]
        return self._ends

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("wb") as handle:
            handle.write(self._header())
            handle.flush()
            os.fsync(handle.fileno())
        sync_folder(self.path.parent)

    def _header(self) -> bytes:
        head = _HEADER.pack(_MAGIC, *self.shape, 0)[:-4]
        return head + struct.pack("<I", zlib.crc32(head))

    def _rewrite(self, ends: list[int], count: int) -> list[int]:
        data = self.path.read_bytes()[ends[count - 1] : ends[-1]]
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        temporary.write_bytes(self._header() + data)
        replace(temporary, self.path)
        return [end - ends[count - 1] + _HEADER.size for end in ends[count:]]

    def _records(self) -> Iterator[_Record]:
        if not self.path.exists():
            return
        size = self.path.stat().st_size
        if size > LIMIT_BYTES:
            raise FileRefusedError(
                self.path, f"it is {size} bytes, more than any journal",
                "Move it out of the label folder and open the series again.",
            )  # fmt: skip
        with self.path.open("rb") as handle:
            if not self._check_header(handle.read(_HEADER.size), size):
                return
            yield from self._read(handle, size)

    def _check_header(self, head: bytes, size: int) -> bool:
        if head == self._header():
            return True
        if len(head) < _HEADER.size:
            return False  # The kill came while the file was being made: no edit was in it.
        magic, *shape, crc = _HEADER.unpack(head)
        if magic == _MAGIC and zlib.crc32(head[:-4]) == crc:
            raise FileRefusedError(
                self.path, f"it belongs to a grid of {tuple(shape)} voxels, not {self.shape}",
                "Move it out of the label folder and open the series again.",
            )  # fmt: skip
        if size > _HEADER.size:
            self._keep_damaged(0)
        return False

    def _read(self, handle: BinaryIO, size: int) -> Iterator[_Record]:
        end = _HEADER.size
        while end < size:
            head = handle.read(_RECORD.size)
            left = size - end - _RECORD.size
            if left < 0:
                return  # Cut off inside the head of a record.
            mark, length, crc, head_crc = _RECORD.unpack(head)
            if mark != _MARK or zlib.crc32(head[:12]) != head_crc:
                # Zeros to the end of the file are a write whose data never reached the disk.
                if any(head) or left > _ZEROS or any(handle.read(left)):
                    self._keep_damaged(end)
                return
            if length > left:
                return  # Cut off inside the payload.
            edit = self._decode(handle.read(length), crc)
            if edit is None:
                self._keep_damaged(end)
                return
            end += _RECORD.size + length
            yield _Record(end, edit)

    def _decode(self, payload: bytes, crc: int) -> Edit | None:
        if zlib.crc32(payload) != crc:
            return None
        try:
            return decode(payload, self.shape)
        except BrokenEditError:
            return None

    def _keep_damaged(self, end: int) -> None:
        copy = self.path.with_name(f"{self.path.name}.damaged")
        shutil.copyfile(self.path, copy)
        self.damage = (
            f"{self.path.name} is damaged at byte {end}: the label edits from there on were lost. "
            f"The damaged file was kept as {copy.name}."
        )
