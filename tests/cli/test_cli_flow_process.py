"""A flow and its embedded server never outlive the command that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flywheel.cli.flow_process import answer_of

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT)}
SERVED = """
import atexit, os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)"])
atexit.register(server.terminate)
pathlib.Path("pids").write_text(f"{os.getpid()} {server.pid}")
pathlib.Path("pids").rename("ready")
time.sleep(900)
"""
COMMAND = """
import os
from flywheel.cli.flow_process import answer_of
answer_of(["served"], "", os.environ)
"""

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's"),
]


def test_what_a_module_says_comes_back():
    """The module reads what it is asked, and its output and exit code come back."""
    code, said = answer_of(("json.tool", "--compact"), '{"a": 1}', ENVIRON)

    assert (code, said.strip()) == (0, '{"a":1}')


@pytest.mark.parametrize("killed", ["command", "flow"])
def test_kill_9_leaves_no_server_behind(killed: str, tmp_path: Path):
    """Whether the command or its flow is killed, flow and server end."""
    (tmp_path / "served.py").write_text(SERVED, encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    with subprocess.Popen([sys.executable, "-c", COMMAND], cwd=tmp_path, env=environ) as command:
        ready = tmp_path / "ready"
        while not ready.exists():
            assert command.poll() is None
            time.sleep(0.05)
        flow, server = map(int, ready.read_text(encoding="utf-8").split())

        os.kill(command.pid if killed == "command" else flow, signal.SIGKILL)
        command.wait()

    assert gone(flow)
    assert gone(server)


def gone(pid: int, patience_s: float = 60.0) -> bool:
    """Whether a process ends within the patience."""
    for _ in range(int(patience_s / 0.05)):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
