"""Text files as they are: UTF-8, to the byte."""

from __future__ import annotations

import sys
from pathlib import Path

from flywheel.errors import InputError


def read_utf8(path: str | Path) -> str:
    """The text of a file, or of stdin for `-`; line ends stay what they are.

    Raises:
        InputError: it is not UTF-8.
        OSError: it cannot be read.
    """
    data = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}. "
            "Nothing was stored. Save it as UTF-8."
        ) from error
