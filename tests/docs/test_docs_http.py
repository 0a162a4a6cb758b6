"""docs/http.md: every example is sent, every route has one."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from flywheel.cli.doors import Door
from flywheel.cli.serve_running import wiring_for
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.proposal import Proposal
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind, Review
from flywheel.records.verdict import Ruling, Verdict
from flywheel.service.app import ROUTES, make_app
from flywheel.service.problems import Problem
from flywheel.service.runs import CycleRuns
from flywheel.settings import Settings
from flywheel.store.open import SqlStore, open_store

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^# (\d{3})\n(curl .*)$", PAGE, re.MULTILINE)
TOKEN = "a-token-for-the-documents"  # noqa: S105 - opens nothing


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The server a reader has started: prompt `triage`, a change that waits, one token."""
    folder = tmp_path_factory.mktemp("http")
    address = f"sqlite:///{folder / 'http.db'}"
    store = open_store(address)
    _furnish(store)
    store.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLYWHEEL_TOKENS", f"support={TOKEN}")
        patch.setenv("FLYWHEEL_TOKENS_FILE", str(folder / "none.toml"))
        door = Door(Settings(address, folder, "support"), "support", as_json=False)
        made = wiring_for(door, "127.0.0.1", 2**20)
    # A program that prints nothing in place of Python: cycles are tested elsewhere.
    wiring = replace(made, runs=CycleRuns(folder, os.environ, "/bin/true"))
    (folder / "runs.jsonl").write_text('{"prompt": "triage", "outcome": "failed"}\n')
    client = TestClient(make_app(wiring))
    client.headers["X-Folder"] = str(folder)
    yield client
    wiring.store.close()


def _furnish(store: SqlStore) -> None:
    hashes = []
    for text in ("Route. {question}", "Route with one word. {question}"):
        hashes.append(content_hash(text))
        store.prompts.add(PromptVersion(prompt="triage", workspace="support", version=hashes[-1], text=text))
    now = "2026-03-01T12:00:00Z"
    event: dict[str, Any] = {"release_id": "r", "prompt": "triage", "workspace": "support", "created_at": now}
    live = ReleaseEvent(
        version=hashes[0], previous=None, kind=ReleaseKind.MANUAL, state=JournalState.INTENT, **event
    )
    store.releases.promote(None, live, None)
    proposal = Proposal(version=hashes[1], parent=hashes[0], text=text, strategy="s", rationale="r")
    review = Review(
        review_id="944eb79088",
        prompt="triage",
        workspace="support",
        version=hashes[1],
        previous=hashes[0],
        cycle_id=None,
        state="waiting",
        because="better",
        created_at=now,
    )
    store.releases.stage(
        review, Verdict(proposal=proposal, ruling=Ruling.STAGE, because="better", evidence=None)
    )


def sent(client: TestClient, command: str, variables: dict[str, str]) -> Any:
    """What a line with curl gets."""
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    words = iter(shlex.split(command)[1:])
    asked: dict[str, Any] = {"method": "GET", "headers": {}}
    for word in words:
        if word == "-X":
            asked["method"] = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            asked["headers"][name] = value
        elif word == "-u":
            asked["auth"] = tuple(next(words).split(":"))
        elif word == "-d":
            asked["content"] = next(words).encode()
        elif word == "--data-binary":
            asked["content"] = Path(client.headers["X-Folder"], next(words).lstrip("@")).read_bytes()
        else:
            asked["url"] = word
    return client.request(**asked)


def test_every_example_gets_the_status_it_promises(reader: TestClient) -> None:
    """The lines of the page are sent in their order; the run of the trigger is the one that is read."""
    variables, wrong, called = {"TOKEN": TOKEN, "RUN": ""}, [], set()
    for status, command in EXAMPLES:
        answer = sent(reader, command, variables)
        called.add((answer.request.method, answer.request.url.path))
        if answer.status_code != int(status):
            wrong.append((command, answer.status_code, answer.text[:300]))
        if answer.status_code == 202:
            variables["RUN"] = answer.json()["run_id"]

    assert len(EXAMPLES) == PAGE.count("\ncurl ")
    assert wrong == []
    routes = [
        (method, route.path_regex)
        for module in ROUTES
        for route in module.routes.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ]
    without = [one for one in routes if not any(m == one[0] and one[1].fullmatch(path) for m, path in called)]
    assert without == []


def test_the_problem_on_the_page_is_one(reader: TestClient) -> None:
    """What the page shows of errors is what the server says."""
    shown = re.search(r"```json\n(\{\n.*?\})\n```", PAGE, re.DOTALL)
    assert shown
    answer = reader.get("/api/v1/reviews/3f2a9c", headers={"Authorization": f"Bearer {TOKEN}"})

    assert Problem.model_validate(answer.json()) == Problem.model_validate_json(shown[1])


def test_every_metric_is_on_the_page(reader: TestClient) -> None:
    """Each family has its row, without the workspace that all of them name."""
    # A server tells of requests that have been answered.
    reader.get("/health")
    text = reader.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    names = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))

    assert sorted(name for name in names if f"`{name}" not in PAGE) == []
    assert "flywheel_http_requests_total" in names
