"""Rows of a file with one JSON object a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flywheel.capture.lines import Row
from flywheel.capture.quarantine import Reject, Rejection
from flywheel.capture.reasons import Refusal
from flywheel.capture.source_files import SourceFile, too_long

SUFFIX = ".jsonl"


def jsonl_rows(source: SourceFile, read: Callable[[bytes], Row | Refusal], reject: Reject) -> Iterator[Row]:
    """Rows of a file, in its order; empty lines are skipped.

    Args:
        source: opened file.
        read: the row of a line, or why there is none.
        reject: called with each line that gives no row.
    """
    limit, position = source.limit, 0
    for line in source.lines():
        position += 1
        if len(line) > limit:
            reject(Rejection(position, None, too_long(limit)), source.rest(line))
            continue
        if line.isspace():
            continue
        row = read(line)
        if isinstance(row, Refusal):
            reject(Rejection(position, row.field, row.reason), (line,))
        else:
            yield row
