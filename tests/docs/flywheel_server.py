"""Commands of a page without the seconds each takes to load: a loaded process that forks one for each.

Every command is still a process of its own, with folder, environment, streams and exit code of who called it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

CLIENT = """\
import json, os, socket, sys
asked = {"words": sys.argv[2:], "folder": os.getcwd(), "environ": dict(os.environ)}
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    socket.send_fds(server, [b"!"], [0, 1, 2])
    server.sendall(json.dumps(asked).encode())
    server.shutdown(socket.SHUT_WR)
    code = server.makefile("rb").read()
sys.exit(int(code or 70))
"""

LOADED = (
    "flywheel.capture.importing",
    "flywheel.cli.cycle_run",
    "flywheel.cli.importing",
    "flywheel.cli.probe_run",
    "flywheel.cli.run_job",
    "flywheel.cli.status",
    "flywheel.demo",
    "flywheel.learn.slices",
    "flywheel.phases.due",
    "flywheel.store.open",
    "flywheel.watch.alerts_file",
)
"""Most of what commands load; the rest each loads itself."""


@contextlib.contextmanager
def flywheel_server(folder: Path) -> Iterator[list[str]]:
    """A loaded process.

    Args:
        folder: for its socket, with a short path.

    Yields:
        The command line that stands for `flywheel`.
    """
    address, client = folder / "flywheel.socket", folder / "client.py"
    client.write_text(CLIENT, encoding="utf-8")
    # As in an environment without settings; each command gets those of its caller.
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("FLYWHEEL_", "PREFECT_"))}
    command = [sys.executable, __file__, str(address)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"loaded\n"
        try:
            yield [sys.executable, "-I", "-S", str(client), str(address)]
        finally:
            server.terminate()


def serve(address: str) -> None:
    """Fork a process for each command, until terminated."""
    import importlib

    for name in LOADED:
        importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"loaded\n")
        while True:
            caller, _ = listening.accept()
            if os.fork() == 0:
                answer(caller)
            caller.close()
            # Those that have ended by now; the last ones end with this process.
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def answer(caller: socket.socket) -> None:
    """Run one command in a child of its own, and tell its exit code."""
    _, streams, _, _ = socket.recv_fds(caller, 1, 3)
    asked = json.loads(caller.makefile("rb").read())
    command = os.fork()
    if command == 0:
        caller.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        run(asked["words"], asked["folder"], asked["environ"])
    for stream in streams:
        os.close(stream)
    caller.sendall(str(os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])).encode())
    os._exit(0)


def run(words: list[str], folder: str, environ: dict[str, str]) -> None:
    """The command itself, as if it had just been started; ends this process."""
    from flywheel.cli.main import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv, sys.path[0] = ["flywheel", *words], ""
    # The objects remember whether the streams of this process could be rewound.
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    main()
    sys.exit()


if __name__ == "__main__":
    serve(sys.argv[1])
