"""Servers of models that others wrote, started where they are installed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

HELLO = {"fixtures": [{"match": {"userMessage": "hello"}, "response": {"content": "Hi there!"}}]}


def program(variable: str, name: str) -> list[str] | None:
    """Command line of a peer: the one a variable of the environment names, else what is on the path."""
    named = os.environ.get(variable)
    if named:
        return named.split()
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return [found] if found else None


@contextlib.contextmanager
def aimock(command: list[str], *options: str, fixtures: dict[str, Any] | None = None) -> Iterator[str]:
    """The address of a running @copilotkit/aimock (its command `llmock`)."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fixtures.json"
        file.write_text(json.dumps(fixtures or HELLO), encoding="utf-8")
        port = free_port()
        line = [*command, "-p", str(port), "-f", str(file), "--log-level", "silent", *options]
        with running(line, folder, port):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def llm_katan(command: list[str], *options: str) -> Iterator[str]:
    """The address of a running llm-katan that echoes."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        line = [*command, "-m", "echo", "-b", "echo", "-h", "127.0.0.1", "-p", str(port)]
        with running([*line, "--stats-file", f"{folder}/stats.json", *options], folder, port):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def prism(command: list[str], description: Path) -> Iterator[str]:
    """The address of a running @stoplight/prism-cli that refuses what a description does not allow."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        line = [*command, "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(description)]
        with running(line, folder, port):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def running(line: list[str], folder: str, port: int) -> Iterator[None]:
    """A process that listens on a port, ended afterwards."""
    with (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log)
        try:
            for _ in range(600):
                if process.poll() is not None:
                    break
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            if process.poll() is not None:
                raise AssertionError((Path(folder) / "log").read_text(errors="replace"))
            yield
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def journal(address: str) -> list[dict[str, Any]]:
    """Requests an aimock has seen."""
    found: list[dict[str, Any]] = httpx2.get(f"{address}/__aimock/journal").json()
    return found
