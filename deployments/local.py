"""Starts a Prefect server with a worker plus the deployments on this machine, until Ctrl-C.

    python -m deployments.local [--port N] [--store URL]

Everything is kept under ./.flywheel/prefect; nothing is left running.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx

from deployments.supervise import ROOT, Stopped, running, stopping

POOL = "flywheel-process"
FAVOURITE_PORT = 4200
START_S = 120
"""The first start makes Prefect's database, which takes a slow machine half a minute."""


class NotStarted(Exception):
    """A part of the local set-up ended before it was ready."""


def main(arguments: list[str] | None = None) -> int:
    """Command line.

    Returns:
        0 after Ctrl-C or SIGTERM, 3 when something did not start.
    """
    parser = argparse.ArgumentParser(prog="python -m deployments.local", description=__doc__)
    parser.add_argument("--port", type=int, help=f"of the server; default {FAVOURITE_PORT}, else a free one")
    parser.add_argument("--store", metavar="URL", help="the flywheel store; default: FLYWHEEL_DATABASE_URL")
    asked = parser.parse_args(arguments)
    home = Path(os.environ.get("FLYWHEEL_HOME", ".flywheel")).resolve() / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    environ = environment(home, asked.port or free_port(FAVOURITE_PORT))
    try:
        with stopping(), ExitStack() as stack:
            _serve(stack, home, environ, asked.store)
    except Stopped:
        say("ended: worker and server are gone, what they kept is under .flywheel/prefect")
        return 0
    except NotStarted as error:
        say(str(error))
        return 3
    return 0


def environment(home: Path, port: int) -> dict[str, str]:
    """Environment of server, worker and deploy step.

    Args:
        home: PREFECT_HOME.
        port: of the server.
    """
    api = f"http://127.0.0.1:{port}/api"
    return {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        # Without it the pages of a server on another port ask 127.0.0.1:4200.
        "PREFECT_UI_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_COLORS": "false",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }


def free_port(favourite: int) -> int:
    """The favourite where nobody listens on it, else any free port of 127.0.0.1."""
    for port in (favourite, 0):
        with socket.socket() as probe:
            # As the server does: a port whose last connections are still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise NotStarted("No port is free on 127.0.0.1. Nothing was started.")


def _serve(stack: ExitStack, home: Path, environ: Mapping[str, str], store: str | None) -> None:
    api = environ["PREFECT_API_URL"]
    port = api.rsplit(":", 1)[1].removesuffix("/api")
    prefect = [sys.executable, "-m", "prefect"]
    log = stack.enter_context((home / "server.log").open("w", encoding="utf-8"))
    say(f"server on port {port} (log: {home / 'server.log'})")
    server = stack.enter_context(
        running([*prefect, "server", "start", "--host", "127.0.0.1", "--port", port], environ, log)
    )
    _wait_for(server, api, home / "server.log")
    say("pool, limits, blocks, automations")
    bootstrap = [sys.executable, "-m", "deployments.bootstrap"]
    _step([*bootstrap, *(["--store", store] if store else [])], environ)
    say("deployments of prefect.yaml")
    _step([*prefect, "--no-prompt", "deploy", "--all"], environ, home / "deploy.log")
    worker_log = stack.enter_context((home / "worker.log").open("w", encoding="utf-8"))
    say(f"worker (log: {home / 'worker.log'})")
    worker = stack.enter_context(
        running(
            [*prefect, "worker", "start", "--pool", "flywheel-process", "--name", "local"],
            environ,
            worker_log,
        )
    )
    print(_page(api), flush=True)
    _stay(server, worker, home)


def _wait_for(server: subprocess.Popen[str], api: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise NotStarted(f"The Prefect server ended with code {server.returncode}.\n{_tail(log)}")
        try:
            if httpx.get(f"{api}/health", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise NotStarted(f"The Prefect server was not ready after {START_S} s.\n{_tail(log)}")


def _step(command: list[str], environ: Mapping[str, str], log: Path | None = None) -> None:
    if log is None:
        with running(command, environ) as child:
            code = child.wait()
    else:
        with log.open("w", encoding="utf-8") as output, running(command, environ, output) as child:
            code = child.wait()
    if code:
        told = f"\n{_tail(log)}" if log else ""
        raise NotStarted(f"{' '.join(command[1:])} ended with code {code}.{told}")


def _stay(server: subprocess.Popen[str], worker: subprocess.Popen[str], home: Path) -> None:
    while True:
        for name, child in (("server", server), ("worker", worker)):
            if child.poll() is not None:
                raise NotStarted(
                    f"The {name} ended with code {child.returncode}.\n{_tail(home / f'{name}.log')}"
                )
        time.sleep(0.5)


def _tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join((f"The end of {log}:", *text[-lines:]))


def _page(api: str) -> str:
    return f"""
Prefect is at {api.removesuffix("/api")}

Run a cycle, in another terminal:
  export PREFECT_API_URL={api}
  prefect deployment run learning-cycle/default --param 'prompts=["NAME"]'

Stop: Ctrl-C here. Nothing stays running."""


def say(text: str) -> None:
    """One line of progress."""
    print(f"flywheel: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
