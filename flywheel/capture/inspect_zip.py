"""Members of Inspect's packed logs, unpacked as a stream."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import zstandard

from flywheel.capture.source_files import SourceFile
from flywheel.errors import InputError

ZSTANDARD: Final = 93
"""Method of zip that Inspect writes since 2025; Python reads it from 3.14 on."""

MOST_TIMES: Final = 500
"""So many times its own size a log may unpack to; transcripts that repeat themselves reach some fifty."""

FREE_BYTES: Final = 64 * 2**20
"""So much any log may unpack to."""

_LOCAL: Final = struct.Struct("<4s2xHH4xIIIHH")
_BEGINS: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 1
_LARGEST_WINDOW: Final = 2**27
_BLOCK: Final = 2**18
_PACKINGS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, ZSTANDARD}
_FAULTS: Final = (zipfile.BadZipFile, zlib.error, zstandard.ZstdError, EOFError, struct.error)


class Damaged(Exception):
    """A member cannot be unpacked."""


@dataclass(slots=True)
class Archive:
    """An opened log.

    Attributes:
        source: the file as it was opened; counts what is unpacked.
        file: read at any place.
        members: by name; where a name comes twice the last one counts, as Inspect writes them.
        budget: bytes that may still be unpacked.
        fault: why members were looked for one after the other; None where there was a table of contents.
    """

    source: SourceFile
    file: BinaryIO
    members: dict[str, zipfile.ZipInfo]
    budget: int
    fault: str | None = None

    def member(self, name: str) -> SourceFile:
        """A member as a file of its own.

        Raises:
            Damaged: it is encrypted, packed in an unknown way, or not where the archive says.
        """
        info = self.members[name]
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _PACKINGS:
            raise Damaged(f"is encrypted, or packed by method {info.compress_type}, need 0, 8 or {ZSTANDARD}")
        # A table of contents that lies gives places before the beginning.
        self.file.seek(max(info.header_offset, 0))
        head = self.file.read(_LOCAL.size)
        if info.header_offset < 0 or len(head) < _LOCAL.size or not head.startswith(_BEGINS):
            raise Damaged("is not where the archive says")
        *_, name_length, extra_length = _LOCAL.unpack(head)
        packed = _Slice(self.file, info.header_offset + _LOCAL.size + name_length + extra_length, info)
        source = self.source
        stream = io.BufferedReader(_Member(self, _unpacked(packed, info), info), _BLOCK)
        return SourceFile(source.path, stream, source.limit, source.disk, source.unpacked)  # type: ignore[arg-type]


@contextmanager
def opened_archive(source: SourceFile) -> Iterator[Archive]:
    """The archive that a file is.

    The table of contents of an archive stands at its end. Where it is lost, as in a
    copy that was cut, the members are found by their own headers.

    Args:
        source: opened file that begins as an archive does.

    Raises:
        InputError: it is a pipe, packed once more, or damaged from its beginning on.
    """
    path = str(source.path)
    if not source.path.is_file() or source.unpacked is not source.disk:
        msg = (
            f"{path!r} is an archive behind a pipe or packed with gzip, need a file. Nothing was stored. "
            "Save it as a file, unpacked with gunzip."
        )
        raise InputError(msg)
    with source.path.open("rb") as file:
        fault: str | None = None
        try:
            with zipfile.ZipFile(file) as archive:
                infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        except (*_FAULTS, ValueError, NotImplementedError, RuntimeError, OSError) as error:
            fault, infos = str(error), list(_found_members(file))
            if not infos:
                msg = (
                    f"{path!r} is damaged or cut: {error}. Nothing was stored. "
                    "Get a whole copy, or write the log anew with: inspect log convert"
                )
                raise InputError(msg) from error
        size = file.seek(0, io.SEEK_END)
        budget = max(FREE_BYTES, MOST_TIMES * size)
        yield Archive(source, file, {info.filename: info for info in infos}, budget, fault)


def _found_members(file: BinaryIO) -> Iterator[zipfile.ZipInfo]:
    """Members as their own headers tell them, as far as these follow one another."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(_LOCAL.size)
        if len(head) < _LOCAL.size or not head.startswith(_BEGINS):
            return
        _, flags, method, checksum, packed, size, name_length, extra_length = _LOCAL.unpack(head)
        info = zipfile.ZipInfo(
            (file.read(name_length).decode("utf-8", "replace") or "-").partition("\0")[0] or "-"
        )
        info.flag_bits, info.compress_type, info.CRC = flags, method, checksum
        info.header_offset, info.compress_size, info.file_size = at, packed, size
        yield info
        at += _LOCAL.size + name_length + extra_length + packed


class _Slice(io.RawIOBase):
    """The packed bytes of a member."""

    def __init__(self, file: BinaryIO, start: int, info: zipfile.ZipInfo) -> None:
        self.file = file
        self.at = start
        self.end = start + info.compress_size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        left = self.end - self.at
        self.file.seek(self.at)
        block = self.file.read(left if size < 0 else min(size, left))
        self.at += len(block)
        return block


class _Inflated(io.RawIOBase):
    """Bytes of DEFLATE, in pieces that stay small however far they unpack."""

    def __init__(self, packed: _Slice) -> None:
        self.packed = packed
        self.state = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int = -1, /) -> bytes:
        while not self.state.eof:
            block = self.state.unconsumed_tail or self.packed.read(_BLOCK)
            piece = self.state.decompress(block, max(size, 1))
            if piece or not block:
                return piece
        return b""


class _Member(io.RawIOBase):
    """Unpacked bytes: counted, checked, and no more than the archive may give."""

    def __init__(self, archive: Archive, inner: io.RawIOBase, info: zipfile.ZipInfo) -> None:
        self.archive = archive
        self.inner = inner
        self.info = info
        self.checksum = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            block = self.inner.read(min(len(buffer), _BLOCK)) or b""
        except (*_FAULTS, OSError) as error:
            raise Damaged(f"is damaged: {error}") from error
        if not block and self.checksum != self.info.CRC:
            raise Damaged("is damaged or cut: its checksum is another one")
        self.checksum = zlib.crc32(block, self.checksum)
        archive = self.archive
        archive.budget -= len(block)
        archive.source.unpacked.count += len(block)
        if archive.budget < 0:
            msg = (
                f"{str(archive.source.path)!r} unpacks to more than {MOST_TIMES} times its size, "
                "as no log does. What was stored before stays stored. Check where the file comes from."
            )
            raise InputError(msg)
        buffer[: len(block)] = block
        return len(block)


def _unpacked(packed: _Slice, info: zipfile.ZipInfo) -> io.RawIOBase:
    if info.compress_type == zipfile.ZIP_STORED:
        return packed
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return _Inflated(packed)
    reader = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    return reader.stream_reader(packed, read_size=_BLOCK, read_across_frames=True)  # type: ignore[return-value,arg-type]
