"""An append-only file of executions, one JSON object a line, that a killed process cannot damage.

Every line is one `os.write` to a file opened for appending: what was written
is in the operating system's hands and survives the end of the process, so a
killed one loses the line it was working on and nothing else. Processes that
run side by side write a part each; the parts are joined at the end, and each
of them is a complete file of its own if the end never comes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

if sys.platform != "win32":
    import fcntl

SUFFIX: Final = ".jsonl"
encoded: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
"""Plain JSON values as compact text."""

_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class Spool:
    r"""A file that grows by whole lines; nothing is created before the first one.

    A disk that is full, or a path that cannot be written, is remembered in
    `problem` and never raised: evidence is worth less than what it is about.

    Args:
        path: the file; its folder is made when needed.

    Attributes:
        path: the file.
        written: lines this object wrote.
        lost: lines that could not be written.
        problem: why, in the words of the operating system; None while all is well.

    Examples:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> spool = Spool(Path(folder.name) / "runs.jsonl")
        >>> spool.append({"execution_id": "r1", "outcome": "passed"})
        >>> spool.close()
        >>> spool.path.read_text()
        '{"execution_id":"r1","outcome":"passed"}\n'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        self.lost = 0
        self.problem: str | None = None
        self._descriptor: int | None = None
        self._torn = False

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one execution.

        Args:
            line: plain JSON values only, such as `plain` gives.
        """
        self.append_bytes(encoded(line).encode("utf-8", "replace") + b"\n")

    def append_bytes(self, data: bytes) -> None:
        """Write a line that is encoded already; it ends in a line feed."""
        try:
            if self._descriptor is None:
                self._descriptor = self._opened()
            with _alone(self._descriptor):
                self._write(self._descriptor, b"\n" + data if self._torn else data)
        except OSError as error:
            self.lost += 1
            self.problem = error.strerror or str(error)
        else:
            self.written += 1

    def close(self) -> None:
        """Close the file; another line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def take_in(self, parts: Iterable[Path]) -> list[Path]:
        """Append the parts that side processes wrote, and remove them.

        A part whose last line was cut off keeps that line, ended, for the
        import to name it. A part that cannot be read or taken in stays.

        Returns:
            Parts that were left where they are.
        """
        left = []
        for part in parts:
            try:
                self._take_in(part)
            except OSError as error:
                self.problem = error.strerror or str(error)
                left.append(part)
        return left

    def _opened(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, _APPEND, 0o644)
        # A reader sees half of a line that another process is about to have written.
        with _alone(descriptor):
            self._torn = _ends_within_a_line(self.path)
        return descriptor

    def _write(self, descriptor: int, data: bytes) -> None:
        count = os.write(descriptor, data)
        self._torn = count < len(data)
        if self._torn:
            self._write(descriptor, data[count:])

    def _take_in(self, part: Path) -> None:
        if not part.exists():
            return
        if self._descriptor is None:
            self._descriptor = self._opened()
        with _alone(self._descriptor):
            if self._torn:
                self._write(self._descriptor, b"\n")
            with part.open("rb") as source, os.fdopen(os.dup(self._descriptor), "ab") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            if _ends_within_a_line(part):
                self._write(self._descriptor, b"\n")
        part.unlink()


def part_path(whole: Path, session_id: str, worker: str) -> Path:
    """The file of one side process, beside the whole one, its own in every session.

    Examples:
        >>> part_path(Path("runs.jsonl"), "s1", "gw0").name
        'runs.s1.gw0.jsonl'
        >>> part_path(Path("s1.jsonl"), "s1", "gw0").name
        's1.gw0.jsonl'
    """
    stem = whole.name.removesuffix(SUFFIX)
    middle = "" if stem == session_id else f".{session_id}"
    return whole.with_name(f"{stem}{middle}.{worker}{SUFFIX}")


def whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Executions of a file, without a last line that was cut off; none when there is no file."""
    try:
        with path.open("rb") as source:
            for line in source:
                if line.endswith(b"}\n"):
                    yield json.loads(line)
    except FileNotFoundError:
        return


@contextlib.contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    """No other process writes to the file; where it cannot be locked, each line is one write all the same."""
    if sys.platform == "win32":
        yield
        return
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _ends_within_a_line(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
