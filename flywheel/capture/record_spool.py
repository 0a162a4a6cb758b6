"""Rows on disk while the store is away: append-only files, each of one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from flywheel.capture.lines import LineReader, Row
from flywheel.capture.reasons import Refusal
from flywheel.capture.record_rows import line_of

SUFFIX: Final = ".jsonl"
_CHUNK: Final = 1_000
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class RecordSpool:
    """A folder of files in the format of `flywheel import jsonl`.

    The process that appends to a file holds its lock, which the operating
    system gives up when the process ends, however it ends. Who gets the lock
    of a file may bring its lines home; doing that twice changes nothing, since
    every line has its execution id.

    Args:
        folder: made with the first row.
        most_bytes: of the own file; more is refused.

    Examples:
        >>> import tempfile
        >>> from flywheel.records.execution import Execution
        >>> from flywheel.store.execution_rows import row_of
        >>> row = row_of(Execution(execution_id="r1", outcome="passed"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     spool = RecordSpool(Path(folder), 10_000)
        ...     spool.append([row])
        ...     found = [rows for rows in spool.bring_home()]
        ...     found == [[row]], spool.files()
        (True, [])
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.torn = 0
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows; they survive the end of the process from then on.

        Raises:
            OSError: the disk is full, the folder cannot be written, or the file is as large as it may be.
        """
        data = b"".join(map(line_of, rows))
        with self._lock:
            if self._descriptor is None:
                self._descriptor, self._size = self._opened(), 0
            if self._size + len(data) > self.most_bytes:
                raise OSError(
                    errno.EFBIG, f"the spool in {str(self.folder)!r} holds {self._size} bytes already"
                )
            while data:
                count = os.write(self._descriptor, data)
                self._size += count
                data = data[count:]

    def files(self) -> list[Path]:
        """Files that wait, the oldest first, the own one too."""
        try:
            return sorted(self.folder.glob(f"*{SUFFIX}"))
        except OSError:
            return []

    def release(self) -> None:
        """Close the own file, so that its lines can be brought home."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def forget(self) -> None:
        """Leave the file to the parent process, in a forked child."""
        # The thread that held it does not live here.
        self._lock = threading.Lock()
        self.release()

    def bring_home(self) -> Iterator[list[Row]]:
        """Rows of all files that nobody appends to, in chunks; asking for the next says the last is stored.

        A file goes away when all its rows are stored. A last line that a
        killed process left half-written is counted in `torn`.
        """
        self.release()
        for path in self.files():
            try:
                file = path.open("rb")
            except OSError:
                continue
            with file:
                if not _is_free(file.fileno()):
                    continue
                chunk: list[Row] = []
                for line in file:
                    row = _READ(line)
                    if isinstance(row, Refusal):
                        self.torn += 1
                        continue
                    chunk.append(row)
                    if len(chunk) == _CHUNK:
                        yield chunk
                        chunk = []
                if chunk:
                    yield chunk
                path.unlink(missing_ok=True)

    def _opened(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            name = f"{time.time_ns():020d}-{os.getpid()}-{os.urandom(3).hex()}{SUFFIX}"
            path = self.folder / name
            descriptor = os.open(path, _APPEND, 0o600)
            # Between making it and locking it, another may have found it empty and removed it.
            if _is_free(descriptor) and path.exists():
                return descriptor
            os.close(descriptor)


_READ: Final = LineReader().row


def _is_free(descriptor: int) -> bool:
    """Whether nobody held the lock of the file; now we do, until it is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
