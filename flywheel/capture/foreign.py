"""Items of other tools' files on their way to rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from flywheel.capture.lines import Row
from flywheel.capture.quarantine import Reject, Rejection
from flywheel.capture.reasons import Refusal, shown

SUFFIX: Final = ".jsonl"
"""Rejected items are kept as lines of evidence, which `flywheel import jsonl` takes once they are mended."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that is no execution, as many of them are expected to be.

    Attributes:
        what: several of them in words, as in `spans that are no call of a model`.
    """

    what: str


class Item(NamedTuple):
    """One item of a foreign file.

    Attributes:
        position: 1-based; what is counted depends on the format.
        line: its line of evidence, or why there is none.
        raw: its bytes, kept in quarantine when there is no line.
        begins_at: number of the line of the file where it begins, None where that is not known.
    """

    position: int
    line: dict[str, Any] | Refusal | LeftOut
    raw: bytes = b""
    begins_at: int | None = None


def rows_of(
    items: Iterable[Item],
    read: Callable[[dict[str, Any]], Row | Refusal],
    reject: Reject,
    left_out: Counter[str],
    counts: str,
) -> Iterator[Row]:
    """Rows of items, in their order.

    Args:
        items: of one file.
        read: the row of a line of evidence, or why there is none.
        reject: called with each item that gives no row although it should.
        left_out: counts the items that are no executions, by what they are.
        counts: what the positions of the items count, as in `span`.
    """
    for position, line, raw, begins_at in items:
        if isinstance(line, LeftOut):
            left_out[line.what] += 1
            continue
        row = line if isinstance(line, Refusal) else read(line)
        if isinstance(row, Refusal):
            kept = raw if isinstance(line, Refusal) else encoded(line)
            reject(Rejection(position, row.field, row.reason, counts, begins_at), (kept,))
        else:
            yield row


def encoded(line: dict[str, Any]) -> bytes:
    """A line of evidence for the quarantine, however wrong its values are.

    Examples:
        >>> encoded({"outcome": "passed", "latency_ms": float("inf")})
        b'{"outcome": "passed", "latency_ms": Infinity}'
    """
    try:
        return json.dumps(line).encode()
    except (RecursionError, ValueError):
        return json.dumps({key: shown(value) for key, value in line.items()}).encode()
