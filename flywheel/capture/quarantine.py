"""Rejected lines, kept as they came so that they can be mended."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from flywheel.errors import StoreUnreachable
from flywheel.store.processes import lives

_PARTIAL: Final = ".partial"
_NAME_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class Rejection:
    """One line, or item of another tool's file, that is no evidence.

    Attributes:
        position: 1-based; what it counts is in `counts`.
        field: the field at fault, None when the whole line is.
        reason: what was got, what is needed.
        counts: `line`, or what a file of another tool holds: `test case`, `span`, `run`, `result`, `sample`.
        begins_at: number of the line where an item begins, None where that is not known.

    Examples:
        >>> Rejection(2, "score", "got 3").place
        'line 2'
        >>> Rejection(12, None, "got 3", "span", 340).place, Rejection(3, None, "got 3", "sample").place
        ('span 12, line 340', 'sample 3')
    """

    position: int
    field: str | None
    reason: str
    counts: str = "line"
    begins_at: int | None = None

    @property
    def line(self) -> int | None:
        """Number of the line where it begins, None where that is not known."""
        return self.position if self.counts == "line" else self.begins_at

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        at = f", line {self.begins_at}" if self.begins_at is not None else ""
        return f"{self.counts} {self.position}{at}"

    def document(self) -> dict[str, object]:
        """What is written of it as JSON."""
        return {
            "position": self.position,
            "counts": self.counts,
            "line": self.line,
            "field": self.field,
            "reason": self.reason,
        }


Reject = Callable[[Rejection, Iterable[bytes]], None]
"""Takes a rejected line: where it stands with the reason, and its bytes in pieces."""


class Quarantine:
    """The rejected lines of one source, in one file beside a file of reasons.

    Both appear when the block ends without an error, and replace those of an
    earlier import of the same source; an import without rejections removes
    them. A block that ends with an error leaves them as they were.

    Args:
        folder: made when the first line is rejected.
        source: file that is imported.
        suffix: of the quarantine file, so that it can be imported in the same format.
        heading: first line of the quarantine file: the header of a CSV file.

    Raises:
        StoreUnreachable: the folder cannot be written, or has no space left.

    Examples:
        >>> with Quarantine(Path("q"), Path("runs.jsonl"), ".jsonl") as quarantine:
        ...     pass
        >>> quarantine.kept
        0
    """

    def __init__(self, folder: Path, source: Path, suffix: str, heading: bytes = b"") -> None:
        digest = hashlib.blake2b(os.fsencode(source.resolve()), digest_size=6).hexdigest()
        name = source.name.removesuffix(".gz").removesuffix(suffix)[:_NAME_CHARACTERS]
        self.folder = folder
        self.stem = f"{name or 'source'}-{digest}"
        self.path = folder / f"{self.stem}{suffix}"
        self.reasons_path = folder / f"{self.stem}.reasons.jsonl"
        self.heading = heading
        self.kept = 0
        self._lines: BinaryIO | None = None
        self._reasons: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def keep(self, rejection: Rejection, pieces: Iterable[bytes]) -> None:
        """Keep a rejected line whole.

        Args:
            rejection: where it stands, why it was rejected.
            pieces: its bytes; a line break is added where there is none.
        """
        lines, reasons = self._opened()
        last = b""
        for piece in pieces:
            with self._plain_words():
                lines.write(piece)
            last = piece or last
        with self._plain_words():
            lines.write(b"" if last.endswith(b"\n") else b"\n")
            reason = json.dumps(rejection.document(), ensure_ascii=False)
            reasons.write(reason.encode("utf-8", "replace") + b"\n")
        self.kept += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or self._lines is None or self._reasons is None:
            self._discard()
            if kind is None:
                self._remove_earlier()
            return
        try:
            with self._plain_words():
                for file, path in ((self._reasons, self.reasons_path), (self._lines, self.path)):
                    file.flush()
                    os.fsync(file.fileno())
                    file.close()
                    Path(file.name).replace(path)
        except StoreUnreachable:
            self._discard()
            raise

    def _opened(self) -> tuple[BinaryIO, BinaryIO]:
        if self._lines is None or self._reasons is None:
            with self._plain_words():
                self.folder.mkdir(parents=True, exist_ok=True)
                self._remove_leftovers()
                self._lines = self._partial(self.path).open("wb")
                self._reasons = self._partial(self.reasons_path).open("wb")
                self._lines.write(self.heading)
        return self._lines, self._reasons

    def _partial(self, path: Path) -> Path:
        """Where it is written first: several may import the same file at once."""
        return path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{_PARTIAL}")

    def _remove_leftovers(self) -> None:
        """Partial files of processes that were killed."""
        for path in self.folder.glob(f"{_escaped(self.stem)}.*{_PARTIAL}"):
            process = path.name.removesuffix(_PARTIAL).rpartition(".")[2].partition("-")[0]
            if not (process.isdecimal() and lives(int(process))):
                path.unlink(missing_ok=True)

    def _remove_earlier(self) -> None:
        with self._plain_words():
            if self.folder.is_dir():
                self._remove_leftovers()
                self.path.unlink(missing_ok=True)
                self.reasons_path.unlink(missing_ok=True)

    def _discard(self) -> None:
        for file in (self._lines, self._reasons):
            if file is not None:
                # Closing flushes, which fails again on a full disk; the file goes away all the same.
                with suppress(OSError):
                    file.close()
                with suppress(OSError):
                    Path(file.name).unlink(missing_ok=True)

    @contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            msg = (
                f"Quarantine folder {str(self.folder)!r} cannot be written: {error.strerror or error}. "
                "No quarantine file was changed; executions stored before stay stored. Free some space or "
                "give another folder with FLYWHEEL_HOME, then repeat the import: nothing is stored twice."
            )
            raise StoreUnreachable(msg) from error


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
