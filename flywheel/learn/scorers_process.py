"""A process of its own for a function that scores, ended when a call lasts too long.

A thread cannot be ended, a process can. It is started with the first answer,
kept for all further ones, and started anew after it had to be ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from flywheel.learn.scorers_source import source_digest

START_S = 60.0
"""Longest time for starting Python and importing the function's module."""

GOODBYE_S = 1.0
"""Longest wait for the exit code of a process that has closed its streams."""

MOST_WORKERS = 8
"""Processes kept at once, one for each function."""

_CHUNK = 65_536


class _WorkerLost(Exception):
    """The process ended, or was ended, before it answered."""


class Worker:
    """One function in one process.

    Args:
        path: `package.module:function`.
        timeout_s: longest time of one call.

    Examples:
        >>> worker = Worker("math:isqrt", 10.0)
        >>> worker.refusal()
        ''
        >>> worker.close()
    """

    def __init__(self, path: str, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Any = None
        self._read = b""
        self._waiting = select.poll()

    def refusal(self) -> str:
        """Why the function cannot be called; empty when it can."""
        with self._lock:
            try:
                self._started()
            except _WorkerLost as lost:
                return str(lost)
            return ""

    def ask(self, arguments: dict[str, JsonValue]) -> dict[str, Any]:
        """One call: `result`, `odd` (a result JSON has no word for), `error`, `timeout` or `lost`.

        Args:
            arguments: by name.
        """
        line = json.dumps(arguments).encode() + b"\n"
        with self._lock:
            try:
                self._send(line)
                return self._line(self._timeout_s)
            except TimeoutError:
                self._kill()
                return {"timeout": self._timeout_s}
            except _WorkerLost as lost:
                return {"lost": str(lost)}

    def close(self) -> None:
        """End the process; a further call starts another."""
        with self._lock:
            self._kill()

    def _send(self, line: bytes) -> None:
        process = self._started()
        assert process.stdin is not None  # noqa: S101  it is a pipe
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError as error:
            raise _WorkerLost(self._lost()) from error

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._kill()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flywheel.learn.scorers_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for the command; it lets calls that are under way end.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )
        self._end = weakref.finalize(self, _end, self._process)
        self._waiting = select.poll()
        if self._process.stdout is not None:
            self._waiting.register(self._process.stdout, select.POLLIN)
        first = {"path": self._path, "sys_path": sys.path, "timeout_s": self._timeout_s}
        self._send(json.dumps(first).encode() + b"\n")
        try:
            said = self._line(START_S)
        except TimeoutError as error:
            self._kill()
            msg = f"its module was not imported within {START_S:g} s"
            raise _WorkerLost(msg) from error
        if "error" in said:
            self._kill()
            raise _WorkerLost(said["error"])
        return self._process

    def _line(self, within_s: float) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101  a call was sent
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        number = self._process.stdout.fileno()
        ends = time.monotonic() + within_s
        while b"\n" not in self._read:
            left = ends - time.monotonic()
            if left <= 0 or not self._waiting.poll(left * 1000):
                raise TimeoutError
            chunk = os.read(number, _CHUNK)
            if not chunk:
                raise _WorkerLost(self._lost())
            self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said

    def _lost(self) -> str:
        process, code = self._process, None
        if process is not None:
            # It may have closed its streams and go on, which nobody waits for.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(GOODBYE_S)
        self._kill()
        return f"its process ended with exit code {code}"

    def _kill(self) -> None:
        if self._end is not None:
            self._end()
        self._process, self._end, self._read = None, None, b""


def worker_of(path: str, timeout_s: float) -> Worker:
    """The worker of a function; equal ones share a process for as long as this one lives.

    Args:
        path: `package.module:function`.
        timeout_s: longest time of one call.
    """
    seen_from = (os.getpid(), str(Path.cwd()), *sys.path)
    # A corrected function is another one, also where this process lives on.
    return _shared(path, timeout_s, (source_digest(path), *seen_from))


@lru_cache(maxsize=MOST_WORKERS)
def _shared(path: str, timeout_s: float, _seen_from: tuple[object, ...]) -> Worker:
    return Worker(path, timeout_s)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with those it started; it is a group of its own."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            # What it did not read is of no use to anybody.
            with contextlib.suppress(OSError):
                pipe.close()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
