"""Parts of a file of JSON, cut out while it is read: one document of any size, or one a line."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final, NamedTuple

import msgspec

from flywheel.capture.careful import decoded
from flywheel.capture.lines import DECODE_ERRORS
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.source_files import SourceFile, too_long

Path = tuple[str, ...]
"""Where a part stands: keys, and `*` for the entries of an array."""

_BLOCK: Final = 2**18
_LONGEST_KEY: Final = 4_096
_MOST_NAMES: Final = 100
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_SCALAR: Final = re.compile(rb"[^\s,\]}]*")
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
_IN_STRING: Final = re.compile(rb'["\\]')


ENTERED: Final = object()
"""Value of a part that tells where an object or an array begins."""


class Part(NamedTuple):
    """One part of a file.

    Attributes:
        path: where it stands; empty for a document without any wanted part.
        value: as JSON has it, or why it has none.
        raw: its bytes where it has none.
        line: number of the line where it begins; of a part that is cut off, where that shows.
    """

    path: Path
    value: object
    raw: bytes = b""
    line: int | None = None


class _Way(NamedTuple):
    """Paths that matter."""

    wanted: frozenset[Path]
    told: frozenset[Path]
    through: frozenset[Path]

    @classmethod
    def of(cls, wanted: Collection[Path], told: Collection[Path]) -> _Way:
        through = frozenset(path[:length] for path in wanted for length in range(len(path)))
        return cls(frozenset(wanted), frozenset(told), through)


def json_parts(source: SourceFile, wanted: Collection[Path], told: Collection[Path] = ()) -> Iterator[Part]:
    """Wanted parts in the order of the file; the last one says so where the file ends too early.

    Memory is bounded by the longest part, however long the document is.

    Args:
        source: opened file.
        wanted: paths of the parts; none of them begins with another one.
        told: paths on the way to them; a part with the value `ENTERED` tells that an object or an array
            begins there, another value is what stands in its place.
    """
    way = _Way.of(wanted, told)
    head, line = b"", 0
    while not head.strip() and (head := source.stream.readline(source.limit + 1)):
        line += 1
    if not head:
        return
    if not head.lstrip().startswith((b"{", b"[")):
        yield Part((), Refusal(None, f"got {shown(head[:80])}, need a file of JSON"), head, line)
        return
    follows = source.stream.peek(1)[:1]
    is_object = isinstance(value_of(head), dict | list)
    if len(head) <= source.limit and (is_object or (len(head.strip()) > 2 and follows == b"{")):
        yield from _line_parts(source, head, way, line)
    else:
        yield from _document_parts(source, head, way, line)


def value_of(text: bytes) -> object:
    """A JSON value, or a Refusal that says why it is none.

    Examples:
        >>> value_of(b"[1, 2]"), value_of(b'{"a": ').reason.startswith("is not JSON")
        ([1, 2], True)
    """
    try:
        return msgspec.json.decode(text)
    except DECODE_ERRORS:
        return decoded(text)


def parts_of(value: object, wanted: Collection[Path], told: Collection[Path] = ()) -> Iterator[Part]:
    """Wanted parts of a value, in its order.

    Examples:
        >>> [part.value for part in parts_of({"runs": [1, 2], "next": None}, [("runs", "*")])]
        [1, 2]
    """
    return _walked(value, (), _Way.of(wanted, told))


def _walked(value: object, path: Path, way: _Way) -> Iterator[Part]:
    if path in way.wanted or (path in way.told and not isinstance(value, dict | list)):
        yield Part(path, value)
        return
    if path not in way.through or not isinstance(value, dict | list):
        return
    if path in way.told:
        yield Part(path, ENTERED)
    pairs = value.items() if isinstance(value, dict) else (("*", one) for one in value)
    for key, one in pairs:
        yield from _walked(one, (*path, key), way)


def _line_parts(source: SourceFile, head: bytes, way: _Way, number: int) -> Iterator[Part]:
    line = head
    while line:
        if len(line) > source.limit:
            raw = b"".join(list(source.rest(line))[:1])
            yield Part((), Refusal(None, too_long(source.limit)), raw, number)
        elif not line.isspace():
            yield from _parts_of_line(line, number, way)
        line = source.stream.readline(source.limit + 1)
        number += 1


def _parts_of_line(line: bytes, number: int, way: _Way) -> Iterator[Part]:
    value = value_of(line)
    if isinstance(value, Refusal):
        yield Part((), value, line, number)
        return
    parts = [part._replace(line=number) for part in _walked(value, (), way)]
    yield from parts or [Part((), value, line, number)]


def _document_parts(source: SourceFile, head: bytes, way: _Way, number: int) -> Iterator[Part]:
    scanner = _Scanner(head, source.stream, source.limit, way, number)
    try:
        while scanner.next_byte(or_end=True):
            scanner.names.clear()
            found = False
            for part in scanner.parts(()):
                found = True
                yield part
            needed = dict.fromkeys(path[0] for path in way.wanted)
            if not found and scanner.names.isdisjoint(needed):
                got = shown(", ".join(sorted(scanner.names)) or "no object")
                yield Part(
                    (), Refusal(None, f"got {got}, need {' or '.join(sorted(needed))}"), line=scanner.line
                )
    except _Fault as fault:
        yield Part(
            (), Refusal(None, f"{fault}; what came before stays stored"), bytes(scanner.kept), scanner.line
        )


class _Fault(Exception):
    """The document cannot be read any further."""


class _Scanner:
    """Walks through a document; decodes nothing but the keys on the way to a wanted part."""

    def __init__(self, head: bytes, stream: BinaryIO, limit: int, way: _Way, number: int) -> None:
        self.buffer = head
        self.at = 0
        self.before = 0
        self.kept = bytearray()
        self.names: set[str] = set()
        self._depth = 0
        self._is_string = False
        self._stream = stream
        self._limit = limit
        self._way = way
        self._line, self._counted = number, 0

    @property
    def line(self) -> int:
        """Number of the line where it has come to."""
        self._line += self.buffer.count(b"\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def parts(self, path: Path) -> Iterator[Part]:
        """Wanted parts of the value that stands here."""
        first = self.next_byte()
        if path in self._way.wanted or (path in self._way.told and first not in b"{["):
            line, self.kept = self.line, bytearray()
            size = self._pass_value(first, keep=True)
            whole, self.kept = bytes(self.kept), bytearray()
            value = value_of(whole) if size <= self._limit else Refusal(None, too_long(self._limit))
            yield Part(path, value, whole if isinstance(value, Refusal) else b"", line)
        elif path in self._way.through and first in b"{[":
            self.at += 1
            if path in self._way.told:
                yield Part(path, ENTERED, line=self.line)
            yield from self._inside(path, is_object=first == b"{")
        else:
            self._pass_value(first, keep=False)

    def next_byte(self, *, or_end: bool = False) -> bytes:
        """The first byte that is no space, not yet passed; empty at the end of the file."""
        while True:
            found = _SPACE.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.buffer):
                return self.buffer[self.at : self.at + 1]
            if not self._filled():
                if or_end:
                    return b""
                raise _Fault("the file ends in the middle")

    def _inside(self, path: Path, *, is_object: bool) -> Iterator[Part]:
        end = b"}" if is_object else b"]"
        if self.next_byte() == end:
            self.at += 1
            return
        while True:
            key = self._key() if is_object else "*"
            if not path and len(self.names) < _MOST_NAMES:
                self.names.add(key)
            yield from self.parts((*path, key))
            sign = self.next_byte()
            self.at += 1
            if sign == end:
                return
            if sign != b",":
                raise _Fault(
                    f"is not JSON at byte {self.before + self.at}: got {sign!r}, need ',' or {end!r}"
                )

    def _key(self) -> str:
        if self.next_byte() != b'"':
            raise _Fault(f"is not JSON at byte {self.before + self.at + 1}: need a key")
        self.kept = bytearray()
        size = self._pass_value(b'"', keep=True)
        whole, self.kept = bytes(self.kept), bytearray()
        if self.next_byte() != b":":
            raise _Fault(f"is not JSON at byte {self.before + self.at + 1}: need ':' after a key")
        self.at += 1
        try:
            return str(json.loads(whole)) if size <= _LONGEST_KEY else ""
        except ValueError as error:
            raise _Fault(f"has a key that is not JSON before byte {self.before + self.at}") from error

    def _pass_value(self, first: bytes, *, keep: bool) -> int:
        """Go behind a value, and keep its first bytes; returns how long it is."""
        size = 0
        self._depth, self._is_string = 0, False
        is_scalar = first not in b'{["'
        if first in b",:]}":
            raise _Fault(f"is not JSON at byte {self.before + self.at + 1}: got {first!r}, need a value")
        while True:
            start = self.at
            ended = self._passed_scalar() if is_scalar else self._passed_nested()
            size += self.at - start
            if keep and len(self.kept) <= self._limit:
                self.kept += self.buffer[start : self.at]
            if ended:
                return size
            if not self._filled():
                raise _Fault("the file ends in the middle")

    def _passed_scalar(self) -> bool:
        found = _SCALAR.match(self.buffer, self.at)
        self.at = found.end() if found else self.at
        return self.at < len(self.buffer)

    def _passed_nested(self) -> bool:
        """Go on within the buffer; False where it ends before the value does."""
        while True:
            if self._is_string:
                if not self._passed_string():
                    return False
                self._is_string = False
                if self._depth == 0:
                    return True
            for token in _STRUCTURE.finditer(self.buffer, self.at):
                sign = token[0]
                if sign == b'"':
                    self.at, self._is_string = token.end(), True
                    break
                if sign in b"{[":
                    self._depth += 1
                elif sign in b"}]":
                    self._depth -= 1
                if self._depth <= 0:
                    self.at = token.end()
                    return True
            else:
                self.at = len(self.buffer)
                return False

    def _passed_string(self) -> bool:
        """Go behind the end of the string that has begun; False where the buffer ends before."""
        while found := _IN_STRING.search(self.buffer, self.at):
            if found[0] == b'"':
                self.at = found.end()
                return True
            if found.end() == len(self.buffer):
                # The escaped byte comes with the next block.
                self.at = found.start()
                return False
            self.at = found.end() + 1
        self.at = len(self.buffer)
        return False

    def _filled(self) -> bool:
        block = self._stream.read(_BLOCK)
        self._line, self._counted = self.line, 0
        self.before += self.at
        self.buffer = self.buffer[self.at :] + block
        self.at = 0
        return bool(block)
