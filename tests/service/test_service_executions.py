"""Executions over HTTP: the same door as `flywheel import jsonl`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from service_world import client_of

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.posted import take_posted
from flywheel.records.columns import Scope
from flywheel.service.wiring import Wiring
from flywheel.store.open import SqlStore, open_store

LINES = [
    {"execution_id": f"r{number}", "prompt": "triage", "version": "v1", "outcome": "passed", "slice": "a"}
    for number in range(25)
]
NDJSON = {"Content-Type": "application/x-ndjson"}
COUNTS = ("read", "stored", "replaced", "unchanged", "rejected")


def counts(answer: object) -> tuple[int, ...]:
    """The counts of an answer."""
    return tuple(answer.json()[name] for name in COUNTS)  # type: ignore[attr-defined]


def test_the_same_batch_twice_changes_nothing(client: TestClient) -> None:
    """The second time every execution is unchanged; one with other content replaces the first."""
    first = client.post("/api/v1/executions", json=LINES)
    again = client.post("/api/v1/executions", json=LINES)
    changed = client.post("/api/v1/executions", json={**LINES[0], "outcome": "failed"})

    assert (first.status_code, counts(first)) == (200, (25, 25, 0, 0, 0))
    assert counts(again) == (25, 0, 0, 25, 0)
    assert counts(changed) == (1, 0, 1, 0, 0)


def test_lines_are_a_batch_too(client: TestClient) -> None:
    """JSON lines are read with empty lines between them, and counted by their line."""
    body = b'{"outcome": "passed"}\n\n{"outcome": "good"}\n'

    answer = client.post("/api/v1/executions", content=body, headers=NDJSON)

    assert counts(answer) == (2, 1, 0, 0, 1)
    assert answer.json()["rejections"][0]["position"] == 3


def test_what_is_no_evidence_is_told_with_its_reason(client: TestClient) -> None:
    """Good items of a batch are stored; a bad one has a place and a reason, without options of a shell."""
    answer = client.post("/api/v1/executions", json=[LINES[0], {"outcome": "passed", "latencyms": 3}])

    rejection = answer.json()["rejections"][0]
    assert (rejection["position"], rejection["field"]) == (2, "latencyms")
    assert "latency_ms" in rejection["reason"]
    assert "--map" not in rejection["reason"]


def test_a_request_without_any_evidence_is_refused(client: TestClient) -> None:
    """Where nothing was stored the answer is a problem that says what is needed."""
    answer = client.post("/api/v1/executions", json={"outcome": "good"})

    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "one of passed, failed" in problem["rejections"][0]["reason"]
    assert "Nothing was stored" in problem["detail"]


def test_private_text_does_not_reach_the_store(client: TestClient, store: SqlStore) -> None:
    """Evidence is redacted on the way in, and so are the reasons of what is refused."""
    client.post("/api/v1/executions", json={"outcome": "passed", "output": "write to ann@example.com"})
    refused = client.post("/api/v1/executions", json={"outcome": "call +44 20 7946 0958 now"})

    kept = client.get("/api/v1/executions").json()["executions"][0]
    assert kept["output"] == "write to <email>"
    assert "7946" not in refused.text


def test_the_door_is_the_one_of_the_import(tmp_path: Path) -> None:
    """The same lines give the same executions by request and by file, but for their source."""
    lines = [{**line, "source": "ci", "inputs": {"n": n}, "score": 0.5} for n, line in enumerate(LINES)]
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / "runs.jsonl").write_text(text)
    by_file, by_request = open_store("sqlite://"), open_store("sqlite://")

    import_file(tmp_path / "runs.jsonl", by_file, ImportSettings(quarantine_folder=tmp_path))
    take_posted(text.encode(), by_request, "default", by_line=True)

    assert by_file.executions.digest(Scope()) == by_request.executions.digest(Scope())


def test_a_body_that_is_too_large_is_refused_whole(serving: Callable[..., Wiring]) -> None:
    """413 where the length is announced and where it is not; nothing was stored."""
    client = client_of(serving(max_body_bytes=500))
    body = json.dumps(LINES).encode()

    announced = client.post("/api/v1/executions", content=body, headers={"Content-Type": "application/json"})
    in_pieces = client.post(
        "/api/v1/executions",
        content=iter([body[:400], body[400:]]),
        headers={"Content-Type": "application/json"},
    )

    assert (announced.status_code, in_pieces.status_code) == (413, 413)
    assert "500 bytes" in announced.json()["detail"]
    assert client.get("/api/v1/executions").json()["executions"] == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"outcome=passed", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b'{"outcome": "passed"}', {}, 415),
        (b"\x1f\x8b", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        (b'{"outcome": ', {"Content-Type": "application/json"}, 422),
        (b"[1, 2", {"Content-Type": "application/json"}, 422),
        (b'"passed"', {"Content-Type": "application/json"}, 422),
        (b"", {"Content-Type": "application/json"}, 422),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    small: TestClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    """Another kind, a packed body or broken JSON is a problem with what is needed."""
    answer = small.post("/api/v1/executions", content=body, headers=headers)

    assert answer.status_code == status
    assert answer.json()["next"]


def test_pages_do_not_overlap_and_leave_nothing_out(client: TestClient) -> None:
    """Following `next` gives every execution once, newest first or in the order of storing."""
    client.post("/api/v1/executions", json=LINES)
    found: dict[str, list[str]] = {}
    for order in ("false", "true"):
        found[order], cursor = [], None
        while cursor is not None or not found[order]:
            params = {"limit": "10", "oldest_first": order, **({"cursor": cursor} if cursor else {})}
            page = client.get("/api/v1/executions", params=params).json()
            found[order] += [one["execution_id"] for one in page["executions"]]
            cursor = page["next"]
            if cursor is None:
                break

    assert found["true"] == [line["execution_id"] for line in LINES]
    assert found["false"] == found["true"][::-1]


def test_filters_narrow_what_is_read(client: TestClient) -> None:
    """Each filter alone; an unknown one, or a cursor of another server, is refused."""
    client.post("/api/v1/executions", json=[*LINES, {"prompt": "other", "outcome": "error", "slice": "b"}])

    def found(**params: str) -> int:
        return len(client.get("/api/v1/executions", params=params).json()["executions"])

    assert [found(prompt="other"), found(outcome="error"), found(slice="a"), found(version="v1")] == [
        1,
        1,
        25,
        25,
    ]
    assert found(since="2200-01-01T00:00:00Z") == 0
    assert client.get("/api/v1/executions", params={"promt": "x"}).status_code == 422
    assert client.get("/api/v1/executions", params={"cursor": "bm9uZQ"}).status_code == 422
    assert client.get("/api/v1/executions", params={"limit": 0}).json()["errors"][0]["where"] == "query.limit"
