"""What HTTP costs: batches of executions against a file of the same, a live prompt against a bare route.

Usage: python -m benchmarks.service [--executions 50000] [--batch 1000] [--requests 3000] [--rounds 3]

Servers are processes of their own on loopback; their processor time is read from the kernel. The bare
route is FastAPI with one function in a thread that gives a text of the same length.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.store.open import open_store

CLIENTS = 4
TEXT = "Route the question to billing, login or other. Answer with one word.\n\n{question}" * 10
BARE = """
import sys, uvicorn
from fastapi import FastAPI
from starlette.responses import Response
app = FastAPI()
BODY = sys.argv[2]
@app.get("/api/v1/prompts/{name:path}")
def prompt(name: str, key: str | None = None) -> Response:
    return Response(BODY, media_type="application/json")
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


@dataclass(frozen=True)
class Took:
    """Seconds of the clock, and of the processor of whoever did the work."""

    wall_s: float
    cpu_s: float


def line(number: int) -> bytes:
    """One execution of about 400 bytes."""
    fields = {
        "execution_id": f"run-{number:07}",
        "prompt": "triage",
        "version": "v1",
        "case_id": f"case-{number % 5000}",
        "slice": ("billing", "login", "other")[number % 3],
        "model": "small",
        "inputs": {"question": f"I was charged twice in month {number % 12} and want it back, what now?"},
        "output": "billing",
        "expected": "billing",
        "outcome": "passed" if number % 4 else "failed",
        "latency_ms": 240 + number % 100,
        "input_tokens": 120,
        "output_tokens": 3,
        "started_at": "2026-03-01T12:00:00Z",
    }
    return json.dumps(fields).encode()


@contextmanager
def serving(command: list[str], port: int) -> Iterator[int]:
    """A server until the end of the block; gives its process id once it answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/api/v1/prompts/triage")
                connection.getresponse().read()
                break
            except OSError:
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_of(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(pid: int, work: Callable[[], object]) -> Took:
    """What some work took of a server."""
    cpu, wall = cpu_of(pid), time.perf_counter()
    work()
    return Took(time.perf_counter() - wall, cpu_of(pid) - cpu)


def same(got: int, wanted: int) -> None:
    """End where something else came out than went in."""
    if got != wanted:
        sys.exit(f"got {got}, need {wanted}: nothing was measured")


def ours(address: str, port: int) -> list[str]:
    """The command that serves a store."""
    return [sys.executable, "-m", "flywheel", "serve", "--port", str(port), "--store", address]


def ingest(folder: Path, executions: int, batch: int, port: int) -> None:
    """A file by import, then the same lines by request."""
    lines = [line(number) for number in range(executions)]
    path = folder / "runs.jsonl"
    path.write_bytes(b"\n".join(lines))
    store = open_store(str(folder / "by-file.db"))
    cpu, wall = time.process_time(), time.perf_counter()
    report = import_file(path, store, ImportSettings(quarantine_folder=folder))
    by_file = Took(time.perf_counter() - wall, time.process_time() - cpu)
    same(report.stored, executions)
    address = str(folder / "by-request.db")
    open_store(address).close()
    bodies = [b"\n".join(lines[start : start + batch]) for start in range(0, executions, batch)]
    told = []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        for body in bodies:
            connection.request("POST", "/api/v1/executions", body, {"Content-Type": "application/x-ndjson"})
            told.append(json.loads(connection.getresponse().read())["stored"])

    with serving(ours(address, port), port) as pid:
        by_request = measured(pid, send)
    same(sum(told), executions)
    print(f"{executions:,} executions by import jsonl: {by_file.wall_s:.2f} s, CPU {by_file.cpu_s:.2f} s")
    print(
        f"in requests of {batch:,}: {by_request.wall_s:.2f} s, CPU of the server {by_request.cpu_s:.2f} s; "
        f"{by_request.wall_s / by_file.wall_s:.2f} x wall, {by_request.cpu_s / by_file.cpu_s:.2f} x CPU"
    )


def ask(port: int, requests: int) -> None:
    """A live prompt, by some clients at once."""

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in range(requests // CLIENTS):
            connection.request("GET", f"/api/v1/prompts/triage?key=user-{number}")
            answer = connection.getresponse()
            answer.read()
            same(answer.status, 200)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()


def prompts(folder: Path, requests: int, rounds: int, port: int) -> None:
    """Rounds of requests to our server and to the bare one, in turn."""
    store = open_store(str(folder / "prompts.db"))
    version = content_hash(TEXT)
    store.prompts.add(PromptVersion(prompt="triage", version=version, text=TEXT))
    now = "2026-03-01T12:00:00Z"
    event = {"release_id": "r", "prompt": "triage", "workspace": "default", "created_at": now}
    kind = {"kind": ReleaseKind.MANUAL, "state": JournalState.INTENT, "previous": None}
    store.releases.promote(None, ReleaseEvent.model_validate({"version": version, **event, **kind}), None)
    store.close()
    bare = [sys.executable, "-c", BARE, str(port + 1), json.dumps({"text": TEXT, "version": version})]
    taken: dict[str, list[Took]] = {"ours": [], "bare": []}
    with serving(ours(str(folder / "prompts.db"), port), port) as pid, serving(bare, port + 1) as other:
        for _ in range(rounds):
            taken["ours"].append(measured(pid, lambda: ask(port, requests)))
            taken["bare"].append(measured(other, lambda: ask(port + 1, requests)))
    for name, took in taken.items():
        rates = [requests / one.wall_s for one in took]
        cpu = median(one.cpu_s / requests * 1e3 for one in took)
        print(f"GET prompt, {name}: {median(rates):,.0f} requests/s, CPU of the server {cpu:.2f} ms each")
    ratios = [a.cpu_s / b.cpu_s for a, b in zip(taken["ours"], taken["bare"], strict=True)]
    walls = [a.wall_s / b.wall_s for a, b in zip(taken["ours"], taken["bare"], strict=True)]
    print(f"{median(walls):.2f} x wall, {median(ratios):.2f} x CPU of the bare route, median of {rounds}")


def main() -> None:
    """Both, on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=18_765)
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        ingest(Path(folder), asked.executions, asked.batch, asked.port)
        prompts(Path(folder), asked.requests, asked.rounds, asked.port)


if __name__ == "__main__":
    main()
