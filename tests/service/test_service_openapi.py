"""OpenAPI says what the routes do, and they do it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from service_world import NOW, client_of, furnish, wiring_at

from flywheel.records.cycle_run import CycleAsked
from flywheel.service.runs import CycleRuns
from flywheel.store.open import open_store

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, dict[str, Any]]]:
    """A furnished workspace whose cycles end at once, with its document."""
    folder = tmp_path_factory.mktemp("openapi")
    address = f"sqlite:///{folder / 'served.db'}"
    store = open_store(address)
    furnish(store, "default")
    store.close()
    # A program that prints nothing in place of Python: what cycles do is tested elsewhere.
    wiring = replace(wiring_at(address, folder), runs=CycleRuns(folder, os.environ, "/bin/true"))
    run = wiring.runs.start("default", CycleAsked(prompt="triage"), NOW)
    wiring.runs.wait(run.run_id, 60.0)
    client = client_of(wiring)
    client.headers["X-Run"] = run.run_id
    yield client, client.get("/openapi.json").json()
    wiring.store.close()


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Each operation by method and path."""
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """What holds an answer against a schema of the document."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}
    registry: Registry[Any] = Registry().with_resource("urn:api", Resource.from_contents(whole))
    return Draft202012Validator(_absolute(schema), registry=registry)


def _absolute(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: f"urn:api{value}" if key == "$ref" and value.startswith("#") else _absolute(value)
            for key, value in part.items()
        }
    return [_absolute(one) for one in part] if isinstance(part, list) else part


LEARNING = "/api/v1/learning"
Call = Callable[[TestClient], Any]
CALLS: dict[tuple[str, str], Call] = {
    ("post", "/api/v1/executions"): lambda c: c.post("/api/v1/executions", json={"outcome": "passed"}),
    ("get", "/api/v1/executions"): lambda c: c.get("/api/v1/executions"),
    ("get", "/api/v1/prompts"): lambda c: c.get("/api/v1/prompts"),
    ("get", "/api/v1/prompts/{name}"): lambda c: c.get("/api/v1/prompts/triage"),
    ("get", "/api/v1/reviews"): lambda c: c.get("/api/v1/reviews"),
    ("get", "/api/v1/reviews/{review_id}"): lambda c: c.get("/api/v1/reviews/review-of-default"),
    ("get", "/v1/virtuous-cycle/status"): lambda c: c.get("/v1/virtuous-cycle/status"),
    ("post", "/v1/virtuous-cycle/trigger"): lambda c: c.post(
        "/v1/virtuous-cycle/trigger", json={"prompt": "triage"}
    ),
    ("get", "/v1/virtuous-cycle/runs/{run_id}"): lambda c: c.get(
        f"/v1/virtuous-cycle/runs/{c.headers['X-Run']}"
    ),
    ("post", f"{LEARNING}/recommendations/track"): lambda c: c.post(
        f"{LEARNING}/recommendations/track", json={"recommendation_id": "r1", "agent": "a/b", "content": 1}
    ),
    ("post", f"{LEARNING}/outcomes/evaluate"): lambda c: c.post(
        f"{LEARNING}/outcomes/evaluate", json={"recommendation_id": "r1", "status": "approved"}
    ),
    ("get", f"{LEARNING}/recommendations/{{recommendation_id}}"): lambda c: c.get(
        f"{LEARNING}/recommendations/r1"
    ),
    ("get", f"{LEARNING}/recommendations/agent/{{agent_id}}"): lambda c: c.get(
        f"{LEARNING}/recommendations/agent/a/b"
    ),
    ("get", f"{LEARNING}/trust-scores"): lambda c: c.get(f"{LEARNING}/trust-scores"),
    ("get", f"{LEARNING}/trust-scores/{{agent_id}}"): lambda c: c.get(f"{LEARNING}/trust-scores/a/b"),
    ("post", f"{LEARNING}/learning-cycles/trigger"): lambda c: c.post(f"{LEARNING}/learning-cycles/trigger"),
    ("get", f"{LEARNING}/patterns"): lambda c: c.get(f"{LEARNING}/patterns"),
    ("get", f"{LEARNING}/agent-profiles/{{agent_id}}"): lambda c: c.get(f"{LEARNING}/agent-profiles/a/b"),
    ("get", f"{LEARNING}/stats"): lambda c: c.get(f"{LEARNING}/stats"),
    ("get", "/health"): lambda c: c.get("/health"),
    ("get", "/health/detailed"): lambda c: c.get("/health/detailed"),
    ("get", "/metrics"): lambda c: c.get("/metrics"),
    ("get", "/"): lambda c: c.get("/"),
    ("post", "/api/v1/reviews/{review_id}/reject"): lambda c: c.post(
        "/api/v1/reviews/review-of-default/reject", json={"by": "ann"}
    ),
    ("post", "/api/v1/reviews/{review_id}/approve"): lambda c: c.post(
        "/api/v1/reviews/review-of-default/approve", json={"by": "ann"}
    ),
}
"""Each operation once; the last finds a review that was decided."""


def test_every_route_answers_as_documented(served: tuple[TestClient, dict[str, Any]]) -> None:
    """Each operation of the document is called, and its answer fits the schema of its status."""
    client, document = served
    every = operations(document)
    wrong = []
    for key, call in CALLS.items():
        answer = call(client)
        told = every[key]["responses"][str(answer.status_code)]
        kind = answer.headers["content-type"].partition(";")[0]
        schema = told["content"][kind].get("schema")
        if kind.endswith("json"):
            wrong += [
                (key, error.message) for error in validator(document, schema).iter_errors(answer.json())
            ]

    assert set(CALLS) == set(every)
    assert wrong == []


def test_every_operation_says_all_there_is_to_say(served: tuple[TestClient, dict[str, Any]]) -> None:
    """Summary, description, one id, an example of what it gives, and the problems there can be."""
    _, document = served
    every = operations(document)
    for key, operation in every.items():
        responses = operation["responses"]
        given = [r for status, r in responses.items() if status.startswith("2")]
        assert operation["summary"], key
        assert operation["description"], key
        assert operation["tags"], key
        assert all("example" in kind for response in given for kind in response["content"].values()), key
        if key != ("get", "/health"):
            assert {"401", "422", "503"} <= set(responses), key
            assert "security" in operation, key
        for status, response in responses.items():
            if status.startswith("4") and status != "304":
                assert list(response["content"]) == ["application/problem+json"], (key, status)
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description") or parameter["schema"].get("description"), (key, parameter)

    ids = [operation["operationId"] for operation in every.values()]
    assert len(set(ids)) == len(ids)


def test_examples_fit_their_schemas(served: tuple[TestClient, dict[str, Any]]) -> None:
    """An example that no route could give is no example."""
    _, document = served
    wrong = [
        (key, status, error.message)
        for key, operation in operations(document).items()
        for status, response in operation["responses"].items()
        for kind, content in response.get("content", {}).items()
        if kind.endswith("json") and "example" in content
        for error in validator(document, content["schema"]).iter_errors(content["example"])
    ]

    assert wrong == []


def test_the_document_is_whole(served: tuple[TestClient, dict[str, Any]]) -> None:
    """OpenAPI 3.1: every reference leads somewhere, every schema is one, every path parameter is declared."""
    _, document = served
    references: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                references.add(part["$ref"])
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(document)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert document["openapi"].startswith("3.1")
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= set(schemas)
    for (_, path), operation in operations(document).items():
        declared = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert declared == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/api/v1/executions", 405), ("GET", "/docs", 404)],
)
def test_what_no_route_takes_is_a_problem_too(small: TestClient, method: str, path: str, status: int) -> None:
    """Unknown addresses and methods are told in the same words as everything else."""
    answer = small.request(method, path)

    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["instance"], problem["got"]) == (status, path, f"{method} {path}")
    if status == 405:
        assert "POST" in problem["need"]


def test_a_mistake_of_the_program_tells_nothing_of_its_inside(tmp_path: Path) -> None:
    """An error nobody expected is a problem with 500, counted as such, without its text."""
    address = f"sqlite:///{tmp_path / 'broken.db'}"
    open_store(address).close()

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret")

    wiring = wiring_at(address, tmp_path, take=broken)
    answer = client_of(wiring).post("/api/v1/executions", json={"outcome": "passed"})

    assert (answer.status_code, answer.json()["type"]) == (500, "urn:flywheel:problem:internal-error")
    assert "secret" not in answer.text
    assert wiring.measures.read()[0]["POST", "/api/v1/executions", 500] == 1
    wiring.store.close()
