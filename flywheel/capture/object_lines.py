"""JSON objects of a file with one a line, where one wrong line refuses the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flywheel.capture.careful import decoded
from flywheel.capture.reasons import Refusal
from flywheel.capture.source_files import opened, too_long
from flywheel.errors import RejectedLine


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """JSON objects of a file with their 1-based line numbers.

    Raises:
        RejectedLine: a line is no JSON object, or too long.
        InputError: the file cannot be read, or is no text.
    """
    with opened(path) as source:
        for position, line in enumerate(source.lines(), start=1):
            if len(line) > source.limit:
                raise RejectedLine(str(path), position, None, too_long(source.limit))
            if line.isspace():
                continue
            data = decoded(line)
            if isinstance(data, Refusal):
                raise RejectedLine(str(path), position, data.field, f"{data.reason}. Nothing was stored")
            yield position, data
