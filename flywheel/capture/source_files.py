"""A file of evidence as lines of bytes, none longer than a limit."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from flywheel.errors import InputError

LINE_LIMIT: Final = 8 * 2**20
"""Bytes of a line that is read as evidence; longer ones are rejected whole."""

LONGEST_LINE: Final = 256 * 2**20
"""Bytes of a line that is kept in quarantine; a longer one ends the import."""

_BLOCK: Final = 2**20
_HEAD: Final = 2**16
_GZIP: Final = b"\x1f\x8b"
_UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_PACKED: Final = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a SQLite database",
}


@dataclass(slots=True)
class SourceFile:
    """An opened file of lines.

    Attributes:
        path: as the user gave it.
        stream: its unpacked bytes, behind a byte-order mark.
        limit: bytes of the longest line that is read as evidence.
        disk, unpacked: count the bytes read, before and after unpacking.
    """

    path: Path
    stream: io.BufferedReader[_Watched]
    limit: int
    disk: _Watched
    unpacked: _Watched

    def lines(self) -> Iterator[bytes]:
        """Lines with their breaks; one longer than the limit is cut there, `rest` gives what follows."""
        readline, longest = self.stream.readline, self.limit + 1
        while line := readline(longest):
            yield line

    def rest(self, start: bytes) -> Iterator[bytes]:
        """A line that `lines` has cut, in pieces up to its break.

        Raises:
            InputError: it is longer than any line of text.
        """
        yield start
        length, piece = len(start), start
        while not piece.endswith(b"\n") and (piece := self.stream.readline(_BLOCK)):
            length += len(piece)
            if length > LONGEST_LINE:
                msg = (
                    f"{str(self.path)!r} has a line of more than {LONGEST_LINE >> 20} MiB; that is no file "
                    "of lines. What was stored before it stays stored. Check the file, give its right format."
                )
                raise InputError(msg)
            yield piece


class _Watched(io.RawIOBase):
    """Counts bytes; says in plain words what made reading stop."""

    def __init__(self, inner: io.RawIOBase | io.BufferedIOBase, path: Path) -> None:
        self.inner = inner
        self.path = path
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            got = self.inner.readinto(buffer) or 0
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            msg = (
                f"{str(self.path)!r} is damaged: {error}. What was read before stays stored. "
                "Get a whole copy and repeat the import; what is there already is left alone."
            )
            raise InputError(msg) from error
        except OSError as error:
            _refuse_unreadable(self.path, error)
        self.count += got
        return got


@contextmanager
def opened(
    path: Path, limit: int = LINE_LIMIT, *, decoded: bytes | tuple[bytes, ...] = ()
) -> Iterator[SourceFile]:
    """Open a text file, packed with gzip or not, whatever its name.

    Args:
        path: a file or a pipe.
        limit: bytes of the longest line that is read as evidence.
        decoded: how a file begins that need not be UTF-8, since its format decodes it by itself.

    Raises:
        InputError: there is no such file, it may not be read, or its first
            line is not UTF-8 text.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb", buffering=0))
        except OSError as error:
            _refuse_unreadable(path, error)
        disk = unpacked = _Watched(file, path)
        stream = io.BufferedReader(disk, _BLOCK)
        if stream.peek(2).startswith(_GZIP):
            unpacked = _Watched(stack.enter_context(gzip.GzipFile(fileobj=stream)), path)
            stream = io.BufferedReader(unpacked, _BLOCK)
        head = stream.peek(_HEAD)[:_HEAD]
        if not head.startswith(decoded):
            _refuse_other_than_text(path, head)
        if stream.peek(3).startswith(_UTF8_BOM):
            stream.read(3)
        yield SourceFile(path, stream, limit, disk, unpacked)


def too_long(limit: int) -> str:
    """Why a line above the limit is rejected."""
    return f"got a line of more than {limit} bytes, need a shorter one; it was not read as evidence"


def _refuse_unreadable(path: Path, error: OSError) -> NoReturn:
    reason = "is a directory" if isinstance(error, IsADirectoryError) else error.strerror or str(error)
    msg = (
        f"{str(path)!r} cannot be read: {reason}. Nothing more was stored. "
        "Give the path of a file that you may read."
    )
    raise InputError(msg) from error


def _refuse_other_than_text(path: Path, head: bytes) -> None:
    """Judge by the first line: a binary file has no line of text, a damaged text file has good lines."""
    if head.startswith(_UTF16_BOMS):
        msg = (
            f"{str(path)!r} is UTF-16 text, need UTF-8. Nothing was stored. "
            "Convert it first: iconv -f UTF-16 -t UTF-8 FILE > NEW"
        )
        raise InputError(msg)
    for magic, kind in _PACKED.items():
        if head.startswith(magic):
            msg = (
                f"{str(path)!r} is {kind}, need lines of UTF-8 text. Nothing was stored. Unpack or export it."
            )
            raise InputError(msg)
    first = head.partition(b"\n")[0]
    fault = _first_odd_byte(first, is_cut=len(first) == _HEAD)
    if fault is not None:
        msg = (
            f"{str(path)!r} is not UTF-8 text: byte {fault} is {head[fault]:#04x}. Nothing was stored. "
            "Give a text file; convert one of another encoding with: iconv -f ENCODING -t UTF-8 FILE > NEW"
        )
        raise InputError(msg)


def _first_odd_byte(line: bytes, *, is_cut: bool) -> int | None:
    nul = line.find(0)
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        is_split = is_cut and error.end == len(line) and len(line) - error.start < 4
        if not is_split:
            return error.start if nul < 0 else min(nul, error.start)
    return None if nul < 0 else nul
