"""Staged changes, decided over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient
from service_world import FIRST, SECOND, furnish, make_live

from flywheel.store.open import SqlStore

PATH = "/api/v1/reviews/review-of-default"


def test_an_approved_change_is_live(client: TestClient, store: SqlStore) -> None:
    """Approving moves the live text; the review keeps who decided, and why."""
    furnish(store, "default")
    shown = client.get(PATH).json()

    decided = client.post(f"{PATH}/approve", json={"by": "ann", "note": "reads well"})

    assert "+Route the question to billing" in shown["diff"]
    assert shown["verdict"]["evidence"]["wins"] == 20
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    assert client.get("/api/v1/prompts/triage").json()["text"] == SECOND
    kept = client.get("/api/v1/reviews", params={"state": "approved"}).json()["reviews"]
    assert [(one["reviewer"], one["note"]) for one in kept] == [("ann", "reads well")]
    assert client.get("/api/v1/reviews").json() == {"reviews": []}


def test_a_rejected_change_leaves_what_is_live(small: TestClient) -> None:
    """Rejecting moves nothing, and the first decision stands."""
    rejected = small.post(f"{PATH}/reject", json={"by": "ann"})
    again = small.post(f"{PATH}/approve", json={"by": "bob"})

    assert rejected.json()["state"] == "rejected"
    assert (again.status_code, again.json()["type"]) == (409, "urn:flywheel:problem:decided-before")
    assert "'ann'" in again.json()["got"]
    assert small.get("/api/v1/prompts/triage").json()["text"] == FIRST


def test_a_change_against_what_is_no_longer_live_keeps_waiting(client: TestClient, store: SqlStore) -> None:
    """409 where something else went live meanwhile; nothing was moved."""
    furnish(store, "default")
    make_live(store, "default", "Something else. {question}")

    answer = client.post(f"{PATH}/approve", json={"by": "ann"})

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:flywheel:problem:stale-release")
    assert client.get(PATH).json()["review"]["state"] == "waiting"


def test_a_decision_has_a_name(small: TestClient) -> None:
    """Who decides is needed, and unknown keys are refused."""
    nobody = small.post(f"{PATH}/approve", json={})
    blank = small.post(f"{PATH}/approve", json={"by": " "})
    strange = small.post(f"{PATH}/approve", json={"by": "ann", "force": True})

    assert [nobody.status_code, blank.status_code, strange.status_code] == [422, 422, 422]
    assert nobody.json()["errors"][0]["where"] == "body.by"
    assert strange.json()["errors"][0]["where"] == "body.force"
    assert len(small.get("/api/v1/reviews").json()["reviews"]) == 1
