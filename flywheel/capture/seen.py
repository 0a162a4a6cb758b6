"""How often names came before, in a few bytes for each."""

from __future__ import annotations

import hashlib
from array import array
from typing import Final

_FIRST_SLOTS: Final = 2**10


class Seen:
    """Counts how often names came, in 16 to 32 bytes for each, whatever their length.

    A name stands in the table as 64 bits of its hash, so that a million of
    them take 32 MiB at most instead of some hundreds. Among a million names
    two are taken for one with a probability of 3e-8.

    Examples:
        >>> seen = Seen()
        >>> [seen.before(name) for name in ("a", "b", "a", "a")]
        [0, 0, 1, 2]
        >>> seen.total("a"), seen.total("c")
        (3, 0)
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST_SLOTS))
        self._names = 0
        self._repeated: dict[int, int] = {}

    def before(self, *parts: str | None) -> int:
        """How often a name of some parts came before; it counts as having come now."""
        key = _key(parts)
        slot = self._slot(key)
        if not self._slots[slot]:
            self._slots[slot] = key
            self._names += 1
            if 2 * self._names > len(self._slots):
                self._grow()
            return 0
        times = self._repeated.get(key, 1)
        self._repeated[key] = times + 1
        return times

    def total(self, *parts: str | None) -> int:
        """How often a name came until now."""
        key = _key(parts)
        return self._repeated.get(key, 1) if self._slots[self._slot(key)] else 0

    def _slot(self, key: int) -> int:
        """Where a key stands, or the free place where it would."""
        slots, mask = self._slots, len(self._slots) - 1
        slot = key & mask
        while (taken := slots[slot]) and taken != key:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        before = self._slots
        self._slots = array("Q", bytes(16 * len(before)))
        for key in before:
            if key:
                self._slots[self._slot(key)] = key


def _key(parts: tuple[str | None, ...]) -> int:
    whole = "\0".join("\1" if part is None else part for part in parts).encode("utf-8", "replace")
    # Zero stands for a free place.
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little") or 1
