"""Child processes that never outlive the command that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from flywheel.cli.flow_process import end_group

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: prefect.yaml, flows and tasks are found from here."""


class Stopped(Exception):
    """SIGINT or SIGTERM came.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def stopping() -> Iterator[None]:
    """Raise Stopped inside the block on SIGINT, SIGTERM or SIGHUP, once; later ones are ignored."""
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in watched:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str], output: IO[str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own; the whole group is ended with the block.

    Args:
        command: program and arguments.
        environ: its whole environment.
        output: file for stdout with stderr; None lets it write to ours.
    """
    child = subprocess.Popen(  # noqa: S603  our own commands
        [sys.executable, "-m", "deployments.child", str(os.getpid()), *command],
        cwd=ROOT,
        env=dict(environ),
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        end_group(child)
