"""Cycles started over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from service_world import NOW, client_of, furnish, wiring_at

from flywheel.records.cycle_run import CycleAsked, RunState, command_of
from flywheel.service.runs import KEPT_RUNS, CycleRuns, PromptBusy
from flywheel.service.wiring import Wiring
from flywheel.store.open import open_store

LIMIT_S = 240.0
TRIGGER = "/v1/virtuous-cycle/trigger"


@dataclass
class Held:
    """Runs whose process waits until it is told what to print."""

    runs: CycleRuns
    pipe: Path

    def let_go(self, printed: str) -> None:
        """Let the process print something and end."""
        self.pipe.write_text(printed)


@pytest.fixture
def held(tmp_path: Path) -> Held:
    """A program in place of Python that prints what comes through a pipe."""
    pipe, program = tmp_path / "pipe", tmp_path / "program"
    os.mkfifo(pipe)
    program.write_text(f'#!/bin/sh\necho "$@" >&2\nexec cat {pipe}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Held(CycleRuns(tmp_path / "home", os.environ, str(program)), pipe)


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    """A furnished workspace in a file."""
    address = f"sqlite:///{tmp_path / 'cycles.db'}"
    store = open_store(address)
    furnish(store, "default")
    store.close()
    made = wiring_at(address, tmp_path / "home")
    yield made
    made.store.close()


def test_a_triggered_cycle_is_the_one_of_the_command(wiring: Wiring) -> None:
    """202 at once with where to look; in the end the run has the output that the store keeps."""
    client = client_of(wiring)

    started = client.post(TRIGGER, json={"pattern_id": "triage", "all_time": True})
    ended = wiring.runs.wait(started.json()["run_id"], LIMIT_S)

    run = client.get(started.headers["location"]).json()
    assert (started.status_code, started.json()["state"], ended) == (202, "running", True)
    assert (run["state"], run["because"]) == ("finished", run["output"]["because"])
    status = client.get("/v1/virtuous-cycle/status").json()
    assert status["cycles"][0]["cycle_id"] == run["output"]["cycle_id"]
    assert [one["run_id"] for one in status["runs"]] == [run["run_id"]]


def test_one_cycle_of_a_prompt_at_a_time(wiring: Wiring, held: Held) -> None:
    """While one runs another is 409 with its address; when it has ended the next one starts."""
    client = client_of(replace(wiring, runs=held.runs))
    first = client.post(TRIGGER, json={"prompt": "triage"})

    second = client.post(TRIGGER, json={"prompt": "triage", "seed": 3})
    held.let_go(json.dumps({"error": {"message": "no need"}}))
    held.runs.wait(first.json()["run_id"], LIMIT_S)
    third = client.post(TRIGGER, json={"prompt": "triage"})
    held.let_go("")
    held.runs.wait(third.json()["run_id"], LIMIT_S)

    assert (second.status_code, second.headers["location"]) == (409, first.headers["location"])
    assert first.json()["run_id"] in second.json()["detail"]
    failed = client.get(first.headers["location"]).json()
    assert (failed["state"], failed["because"]) == ("failed", "no need")
    assert third.status_code == 202


def test_a_run_is_known_to_a_server_that_starts_later(held: Held, tmp_path: Path) -> None:
    """The process goes on without the server that started it; another one sees it run."""
    run = held.runs.start("default", CycleAsked(prompt="triage"), NOW)
    later = CycleRuns(tmp_path / "home", os.environ)

    seen = later.get("default", run.run_id)
    with pytest.raises(PromptBusy, match=run.run_id):
        later.start("default", CycleAsked(prompt="triage"), NOW)
    held.let_go("")
    held.runs.wait(run.run_id, LIMIT_S)
    ended = later.get("default", run.run_id)

    assert seen is not None
    assert ended is not None
    assert (seen.state, ended.state) == (RunState.RUNNING, RunState.STOPPED)
    assert "-m flywheel cycle --prompt=triage" in ended.because
    assert [later.get("sales", run.run_id), later.get("default", "../x"), later.recent("sales")] == [
        None
    ] * 2 + [[]]


def test_only_the_last_runs_are_kept(tmp_path: Path) -> None:
    """Files of old runs go, those of other prompts and workspaces too."""
    runs = CycleRuns(tmp_path, os.environ, shutil.which("true") or "true")
    runs.folder.mkdir()
    for number in range(KEPT_RUNS + 5):
        (runs.folder / f"20200101T000000-{number:04}.json").write_text("{}")

    run = runs.start("default", CycleAsked(prompt="nobody"), NOW + timedelta(days=1))
    runs.wait(run.run_id, LIMIT_S)

    assert len(list(runs.folder.glob("*.json"))) == KEPT_RUNS


@pytest.mark.parametrize(
    ("asked", "status", "word"),
    [
        ({"prompt": "unknown"}, 404, "flywheel prompt add"),
        ({}, 422, "prompt"),
        ({"prompt": "triage", "all_time": True, "window_days": 3}, 422, "contradict"),
        ({"prompt": "triage", "suite": "s"}, 422, "models"),
        ({"prompt": "triage", "budget_usd": -1}, 422, "budget_usd"),
        ({"prompt": "triage", "shell": "rm"}, 422, "shell"),
    ],
)
def test_what_cannot_be_asked_starts_nothing(
    small: TestClient, tmp_path: Path, asked: dict[str, object], status: int, word: str
) -> None:
    """An unknown prompt, a contradiction or an unknown field is refused before a process starts."""
    answer = small.post(TRIGGER, json=asked)

    assert answer.status_code == status
    assert word in answer.text
    assert not (tmp_path / "home" / "cycle-runs").exists()


def test_every_field_of_a_request_is_an_option_of_the_command() -> None:
    """Names that begin like options stay values."""
    asked = CycleAsked(
        prompt="--help", suite="-s", models=("a", "b"), racing=False, if_due=True, budget_usd=0.5
    )

    words = command_of(asked, "team")

    assert {"--prompt=--help", "--suite=-s", "--model=a", "--model=b"} < set(words)
    assert {"--no-race", "--if-due", "--budget-usd=0.5"} < set(words)
    assert all(word.startswith("--") for word in words[1:])
