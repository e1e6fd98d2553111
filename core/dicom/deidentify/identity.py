"""Pseudonyms, UIDs and shifted dates from one secret: the same patient gets the same ones always.

Everything is a keyed hash (HMAC-SHA256, RFC 2104), so images, SEG and RTSTRUCT exported on
different days still refer to each other, and nobody without the key can compute a pseudonym from a
name.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

#: A shifted date lies this many days earlier at most: ten years, at least one day.
MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Identity:
    """key: secret bytes, at least 16."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < 16:
            raise ValueError("a key needs at least 16 bytes")

    def pseudonym(self, patient: str) -> str:
        """A name like ``LF-3MZX7QKA`` for a patient ID: 40 bits, so a million patients share none
        with a chance of 2 in 3, and ten thousand with 99.995 %.
        """
        return "LF-" + base64.b32encode(self._digest("patient", patient)[:5]).decode()

    def uid(self, original: str) -> str:
        """A UID of the form 2.25.N (PS3.5 annex B.2) for a UID."""
        return f"2.25.{int.from_bytes(self._digest('uid', original)[:16], 'big')}"

    def days(self, patient: str) -> int:
        """By how many days the dates of a patient lie earlier: 1 to :data:`MOST_DAYS`."""
        return 1 + int.from_bytes(self._digest("days", patient)[:8], "big") % MOST_DAYS

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self.key, f"{purpose}\0{text.strip()}".encode(), hashlib.sha256)
