"""Whether a process lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flywheel.store.processes import lives


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells of ended processes")
def test_a_killed_process_nobody_asked_about_does_not_live():
    """What was killed is dead at once, also while its parent has not taken note."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    assert lives(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not lives(process.pid)
    process.communicate()
    assert not lives(process.pid)
