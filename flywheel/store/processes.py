"""Whether a process of this machine still lives."""

from __future__ import annotations

import os


def lives(process: int) -> bool:
    """Whether a process of this machine lives, by its id; on Windows always True.

    Examples:
        >>> lives(os.getpid())
        True
    """
    if os.name == "nt":
        # There, signal 0 is Ctrl-C and would end the process; its age decides alone.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
