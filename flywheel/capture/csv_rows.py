"""Rows of a CSV file, whose first line names its columns."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

from flywheel.capture.lines import Row, is_suspicious
from flywheel.capture.mapped import MappedReader
from flywheel.capture.quarantine import Reject, Rejection
from flywheel.capture.reasons import Refusal, nearest_field, shown
from flywheel.capture.source_files import SourceFile, too_long
from flywheel.errors import MappingError

SUFFIX = ".csv"
_DELIMITERS: Final = (",", ";", "\t", "|")


class _TooLongError(Exception):
    """A row has more bytes than are read as evidence."""


class CsvRows:
    """Rows of an opened CSV file.

    Args:
        source: opened file; its header is read at once.
        reader: what reads the cells of a row by their columns.

    Attributes:
        header: names of the columns, none when the file is empty.
        heading: the header as it stands in the file.

    Raises:
        MappingError: the header lacks a column, or has one twice or one too many.
    """

    def __init__(self, source: SourceFile, reader: MappedReader) -> None:
        self.source = source
        self.reader = reader
        self._again: deque[bytes] = deque()
        self._lines = source.lines()
        self._taken: list[bytes] = []
        self._number = 0
        self._odd_byte: str | None = None
        first = next(self._lines, b"")
        self._again.append(first)
        self._delimiter = _delimiter_of(first.decode("utf-8", "replace"))
        self.header = self._read_header()
        self.heading = b"".join(self._taken)
        if self.header:
            _check_header(self.header, reader, str(source.path))

    def rows(self, reject: Reject) -> Iterator[Row]:
        """Rows in the order of the file; empty ones are skipped.

        Args:
            reject: called with each row that is no evidence.
        """
        before = csv.field_size_limit(self.source.limit)
        try:
            while self.header:
                self._taken = []
                try:
                    yield from self._parsed(reject)
                except csv.Error as error:
                    self._reject_start(_plain(error), reject)
                except _TooLongError:
                    self._reject_long(reject)
                else:
                    return
        finally:
            csv.field_size_limit(before)

    def _read_header(self) -> list[str]:
        try:
            cells = next(self._cells(), [])
        except (csv.Error, _TooLongError) as error:
            fault = too_long(self.source.limit) if isinstance(error, _TooLongError) else _plain(error)
            msg = (
                f"{str(self.source.path)!r} has no readable header: {fault}. Nothing was stored. "
                "Name the columns in the first line."
            )
            raise MappingError(msg) from error
        return [cell.strip() for cell in cells]

    def _cells(self) -> Iterator[list[str]]:
        return csv.reader(self._texts(), delimiter=self._delimiter, strict=True)

    def _texts(self) -> Iterator[str]:
        """Lines as text; their bytes gather in `_taken` until a row is complete."""
        size = sum(map(len, self._taken))
        while line := self._again.popleft() if self._again else next(self._lines, b""):
            self._number += 1
            size = size + len(line) if self._taken else len(line)
            self._taken.append(line)
            if size > self.source.limit:
                raise _TooLongError
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                text = line.decode("utf-8", "replace")
                self._odd_byte = f"byte {error.start} of line {self._number} is {line[error.start]:#04x}"
            if "\0" in text:
                self._odd_byte = f"byte {line.index(0)} of line {self._number} is 0x00"
            yield text

    def _parsed(self, reject: Reject) -> Iterator[Row]:
        for cells in self._cells():
            taken, self._taken = self._taken, []
            odd, self._odd_byte = self._odd_byte, None
            if not any(cells):
                continue
            row = (
                self._row(cells, b"".join(taken)) if odd is None else Refusal(None, f"{odd}, need UTF-8 text")
            )
            if isinstance(row, Refusal):
                reject(Rejection(self._number - len(taken) + 1, row.field, row.reason), taken)
            else:
                yield row

    def _row(self, cells: list[str], raw: bytes) -> Row | Refusal:
        if len(cells) != len(self.header):
            return Refusal(None, f"got {len(cells)} cells, need {len(self.header)}, one for each column")
        # An empty cell is an absent value; a column without a name is an index nobody asked for.
        columns = {name: cell for name, cell in zip(self.header, cells, strict=True) if cell and name}
        return self.reader.columns_row(columns, suspicious=is_suspicious(raw))

    def _reject_start(self, fault: str, reject: Reject) -> None:
        """Reject the line where an unreadable row starts; a stray quote must not take what follows."""
        first, *others = self._taken
        self._again.extendleft(reversed(others))
        self._number -= len(others)
        self._odd_byte = None
        reject(Rejection(self._number, None, f"is not CSV: {fault}"), (first,))

    def _reject_long(self, reject: Reject) -> None:
        *before, last = self._taken
        position = self._number - len(before)
        self._odd_byte = None

        def pieces() -> Iterator[bytes]:
            yield from before
            yield from self.source.rest(last) if len(last) > self.source.limit else (last,)

        reject(Rejection(position, None, too_long(self.source.limit)), pieces())


def _plain(error: csv.Error) -> str:
    if str(error).startswith("new-line character"):
        return "a carriage return stands outside of quotes; end lines with LF or CRLF"
    return str(error)


def _delimiter_of(header: str) -> str:
    """The sign that gives the most columns."""

    def columns(sign: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=sign), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=columns)


def _check_header(header: list[str], reader: MappedReader, path: str) -> None:
    named = [name for name in header if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise MappingError(
            f"{path!r} has the columns {twice!r} more than once. Nothing was stored. Rename one."
        )
    absent = sorted(reader.unseen - set(named))
    if absent:
        msg = f"--map names the columns {absent!r}; {path!r} has {shown_columns(named)}. Nothing was stored."
        raise MappingError(msg)
    unknown = reader.unknown(named)
    if unknown:
        hints = " ".join(f"--map '{name}={nearest_field(name) or 'metadata'}'" for name in unknown[:5])
        msg = (
            f"{path!r} has columns that are no field of a line of evidence: {shown_columns(unknown)}. "
            f"Nothing was stored. Name the columns in the first line, and say what they give: {hints}, "
            "or keep all others with --map '*=metadata'."
        )
        raise MappingError(msg)
    if not reader.gives("outcome", named):
        msg = (
            f"{path!r} has no column that gives the outcome; it has {shown_columns(named)}. Nothing was "
            "stored. Name one with --map COLUMN=outcome."
        )
        raise MappingError(msg)


def shown_columns(names: list[str]) -> str:
    """Names of columns on one line.

    Examples:
        >>> shown_columns(["a", "b"])
        "'a', 'b'"
    """
    listed = ", ".join(shown(name) for name in names[:12])
    return listed if len(names) <= 12 else f"{listed} and {len(names) - 12} more"
