"""Children of `make prefect` and `make demo` never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployments.local import environment, free_port
from deployments.supervise import ROOT, running

pytestmark = pytest.mark.integration

SLEEPER = "import sys, time; print('up', flush=True); time.sleep(900)"
PARENT = """
import os, sys
from pathlib import Path
from deployments.supervise import running
with running([sys.executable, "-c", {sleeper!r}], os.environ) as child:
    Path({note!r}).write_text(str(child.pid))
    child.wait()
"""


def gone(pid: int, patience_s: float = 60.0) -> bool:
    """Whether a process ends within the patience."""
    for _ in range(int(patience_s / 0.05)):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def started_parent(note: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A parent with a running child, and the child's process id."""
    script = PARENT.format(sleeper=SLEEPER, note=str(note))
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    while not note.exists() or not note.read_text():
        assert parent.poll() is None
        time.sleep(0.05)
    # The child turns into its command a moment after it was started.
    child = int(note.read_text())
    while b"deployments.child" in Path(f"/proc/{child}/cmdline").read_bytes():
        time.sleep(0.05)
    return parent, child


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_child_ends_when_the_parent_is_killed(tmp_path: Path) -> None:
    """Kill -9 of the parent leaves nothing running."""
    parent, child = started_parent(tmp_path / "pid")
    parent.kill()
    parent.wait()
    assert gone(child)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_group_ends_with_the_block(tmp_path: Path) -> None:
    """A grandchild is ended too, even when the child itself was killed."""
    note = tmp_path / "pid"
    script = (
        "import subprocess, sys, pathlib, time;"
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]);"
        f"pathlib.Path({str(note)!r}).write_text(str(p.pid)); time.sleep(900)"
    )
    with running([sys.executable, "-c", script], os.environ) as child:
        while not note.exists() or not note.read_text():
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert gone(int(note.read_text()))


def test_ui_asks_the_server_it_came_from(tmp_path: Path) -> None:
    """On another port the pages still find their API."""
    environ = environment(tmp_path, 4242)
    assert environ["PREFECT_UI_API_URL"] == environ["PREFECT_API_URL"] == "http://127.0.0.1:4242/api"


def test_taken_port_gives_another() -> None:
    """Where somebody listens on the favourite port a free one is taken."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
