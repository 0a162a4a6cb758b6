"""Ctrl-C while models are asked: what is under way is waited for."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from flywheel.cli.refusals import INTERRUPTED
from flywheel.llm.gateway import Gateway

LAST_FLUSH_S = 2.0
"""Longest wait for the ledger when Ctrl-C is pressed twice."""


@contextmanager
def stopping_of(gateway: Gateway) -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; pressed again it ends the process at once.

    Args:
        gateway: whose ledger is brought to the store before that.
    """
    pressed = threading.Event()

    def press(_number: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            # Whatever is stored is whole; the calls under way are given up. The ledger is brought in by
            # a thread, because this one may hold its lock.
            last = threading.Thread(target=gateway.ledger.flush, daemon=True)
            last.start()
            last.join(LAST_FLUSH_S)
            os._exit(INTERRUPTED)
        pressed.set()
        sys.stderr.write(
            "\nStopping: waiting for the calls under way to keep their answers; Ctrl-C again leaves.\n"
        )

    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
