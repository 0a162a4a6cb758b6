"""Whether a process of this machine still lives."""

from __future__ import annotations

import os
from pathlib import Path


def lives(process: int) -> bool:
    """Whether a process of this machine lives, by its id; on Windows always True.

    One that was killed and whose parent has not asked for its end yet does not.

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
    return not _awaits_its_parent(process)


def _awaits_its_parent(process: int) -> bool:
    """Whether the process has ended already; only Linux tells."""
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The name of the program, in brackets, may hold anything.
    return told.rpartition(")")[2].split()[:1] in (["Z"], ["X"])
