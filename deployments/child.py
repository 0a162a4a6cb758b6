"""Runs a command that ends when its parent ends, however that happens.

    python -m deployments.child COMMAND...

On Linux the kernel sends SIGTERM when the parent is gone, kill -9 included.
Elsewhere only a parent that ends in order ends the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(command: list[str], parent: int) -> None:
    """Turn this process into the command.

    Args:
        command: program and arguments.
        parent: process the command must not outlive.
    """
    # A shell's `cmd &` hands SIGINT down as ignored, and Prefect forwards SIGTERM to it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  the command is the caller's own


if __name__ == "__main__":
    become(sys.argv[2:], int(sys.argv[1]))
