"""A flow in a process of its own, which never outlives this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Final

PATIENCE_S: Final = 10.0
"""A flow ends its embedded server within two seconds of SIGTERM; then both are killed."""


def answer_of(module: Sequence[str], asked: str, environ: Mapping[str, str]) -> tuple[int, str]:
    """What a module of the checkout prints, with its exit code.

    It runs in a process group of its own. The group ends with the module,
    however that ends; where this process is killed, the kernel ends the
    module in order (on Linux), and that ends its embedded server.

    Args:
        module: name with arguments, as after `python -m`.
        asked: its standard input.
        environ: its whole environment; PYTHONPATH leads to the checkout.
    """
    child = subprocess.Popen(  # noqa: S603  our own modules
        [sys.executable, "-m", "deployments.child", str(os.getpid()), sys.executable, "-m", *module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(environ),
        start_new_session=True,
    )
    said: list[str] = []
    # The end of the module counts, not the end of its output: what it leaves behind may hold that open.
    talk = threading.Thread(target=lambda: said.extend(child.communicate(asked)[:1]), daemon=True)
    talk.start()
    try:
        child.wait()
    finally:
        end_group(child)
    talk.join()
    return child.returncode, "".join(said)


def end_group(child: subprocess.Popen[str]) -> None:
    """SIGTERM to a process, then SIGKILL to what is left of its group.

    Args:
        child: leader of a group of its own.
    """
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
