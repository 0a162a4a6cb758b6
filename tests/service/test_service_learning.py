"""Learning over HTTP: recommendations, outcomes, trust, patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from service_world import NOW, TOKENS, book, client_of

from flywheel.capture.recommendation_lines import recommendations_in
from flywheel.records.recommendation import Recommendation, RecommendationOutcome, derived_id
from flywheel.service.wiring import Wiring
from flywheel.store.open import SqlStore

LEARNING = "/api/v1/learning"
ASKED = {"agent": "reviewer", "type": "refund", "content": "Write to ann@example.com", "confidence": 0.9}


def track(client: TestClient, **fields: Any) -> Any:
    """Keep a recommendation."""
    return client.post(f"{LEARNING}/recommendations/track", json={**ASKED, **fields})


def judge(client: TestClient, **fields: Any) -> Any:
    """Keep an outcome."""
    return client.post(f"{LEARNING}/outcomes/evaluate", json={"status": "approved", **fields})


def test_the_same_request_twice_changes_nothing(client: TestClient) -> None:
    """Recommendations with an id and without, and outcomes; other content replaces."""
    first, again = track(client).json(), track(client).json()
    named = [track(client, recommendation_id="r1", content=c).json()["written"] for c in ("a", "a", "b")]
    marks = {"quality_dimensions": {"tone": 80, "use": 90}, "judged_by": "ann"}
    outcomes = [judge(client, recommendation_id="r1", **marks).json()["written"] for _ in range(2)]
    other = judge(client, recommendation_id="r1", judged_by="ann", overall=10).json()["written"]

    assert (first["written"], again) == ("stored", {**first, "written": "unchanged"})
    assert named == ["stored", "unchanged", "replaced"]
    assert (outcomes, other) == (["stored", "unchanged"], "replaced")


def test_what_is_kept_is_redacted_and_read_back(client: TestClient) -> None:
    """A recommendation comes back with its outcomes, the mean of the marks, and nothing private."""
    track(client, recommendation_id="r1", reasoning="ann@example.com said so")
    judge(client, recommendation_id="r1", qualities={"tone": 80, "use": 90}, feedback="call +44 20 7946 0958")

    found = client.get(f"{LEARNING}/recommendations/r1").json()
    agent = client.get(f"{LEARNING}/recommendations/agent/reviewer").json()

    assert found["recommendation"]["content"] == "Write to <email>"
    assert found["outcomes"][0]["overall"] == 85
    assert "example.com" not in str(found)
    assert "7946" not in str(found)
    assert (agent["record"]["recorded"], agent["record"]["approved"]) == (1, 1)


def test_names_are_redacted_as_those_of_executions(small: TestClient) -> None:
    """An agent or a judge called by an e-mail address is kept under its mark."""
    track(small, recommendation_id="r1", agent="ann@example.com")
    judge(small, recommendation_id="r1", judged_by="bob@example.com")
    again = judge(small, recommendation_id="r1", judged_by="bob@example.com")

    found = small.get(f"{LEARNING}/recommendations/r1").json()

    assert "example.com" not in str(found)
    assert len(found["outcomes"]) == 1
    assert again.json()["written"] == "unchanged"


def test_outcomes_teach(client: TestClient, store: SqlStore) -> None:
    """Trust with its intervals, a profile, and patterns once a cycle of learning has run."""
    kinds = [("login", "approved"), ("refund", "rejected")] * 30
    names = [f"r{number}" for number in range(len(kinds))]
    store.recommendations.add(
        Recommendation(
            recommendation_id=name, agent="reviewer", type=kind, content=1, confidence=0.9, created_at=NOW
        )
        for name, (kind, _) in zip(names, kinds, strict=True)
    )
    store.recommendations.evaluate(
        RecommendationOutcome(recommendation_id=name, status=status, judged_by="ann", evaluated_at=NOW)
        for name, (_, status) in zip(names, kinds, strict=True)
    )
    before = client.get(f"{LEARNING}/patterns").json()

    learned = client.post(f"{LEARNING}/learning-cycles/trigger").json()

    patterns = client.get(f"{LEARNING}/patterns", params={"category": "failure_avoidance"}).json()["patterns"]
    profile = client.get(f"{LEARNING}/agent-profiles/reviewer").json()
    trust = client.get(f"{LEARNING}/trust-scores/reviewer").json()
    stats = client.get(f"{LEARNING}/stats").json()
    assert before == {"patterns": []}
    assert learned["judged"] == 60
    assert patterns[0]["where"] == [{"attribute": "type", "value": "refund"}]
    assert (profile["strengths"], profile["weaknesses"]) == (["login"], ["refund"])
    assert trust["trust"]["accuracy"]["low"] < 0.5 < trust["trust"]["accuracy"]["high"]
    assert trust["trust"]["timeliness"]["value"] is None
    assert trust["decision_boost"] == 0
    assert (stats["recommendations"], stats["judgements"], stats["agents"]) == (60, 60, 1)
    page = client.get("/").text
    assert re.search(r"<th scope=\"row\">reviewer</th>.*?95 % interval", page)
    assert "type refund" in page


@pytest.mark.parametrize(
    "path",
    ["recommendations/no", "recommendations/agent/no", "trust-scores/no", "agent-profiles/no"],
)
def test_what_is_not_there_is_told(small: TestClient, path: str) -> None:
    """404 with the next step; numbers of an empty workspace are unknown."""
    answer = small.get(f"{LEARNING}/{path}")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:flywheel:problem:unknown-name")
    assert answer.json()["next"]
    assert small.get(f"{LEARNING}/stats").json()["success_rate"] is None


def test_what_cannot_be_kept_is_refused(small: TestClient) -> None:
    """A mark above 100, an unknown status, an unknown field, an outcome of nothing, another workspace."""
    track(small, recommendation_id="r1")

    refused = [
        judge(small, recommendation_id="r1", overall=101),
        judge(small, recommendation_id="r1", status="good"),
        track(small, colour="red"),
        track(small, workspace="sales"),
    ]

    halves = (
        r'{"agent": "a", "content": {"half a character": "\ud800"}}',
        r'{"agent": "a", "content": "x", "reasoning": "\ud800"}',
    )
    kind = {"Content-Type": "application/json"}
    refused += [
        small.post(f"{LEARNING}/recommendations/track", content=half, headers=kind) for half in halves
    ]
    refused.append(judge(small, recommendation_id="r1", judged_by=" "))

    assert [answer.status_code for answer in refused] == [422] * 7
    assert judge(small, recommendation_id="unknown").status_code == 404


def test_learning_has_walls_too(serving: Callable[..., Wiring]) -> None:
    """A token reads and judges nothing of another workspace."""
    wiring = serving(tokens=book())
    support, sales = client_of(wiring, TOKENS["support"]), client_of(wiring, TOKENS["sales"])
    track(support, recommendation_id="r1", agent="agent-of-support")
    judge(support, recommendation_id="r1", judged_by="ann")
    support.post(f"{LEARNING}/learning-cycles/trigger")

    paths = (
        "trust-scores",
        "patterns",
        "stats",
        "recommendations/r1",
        "recommendations/agent/agent-of-support",
    )
    answers = [sales.get(f"{LEARNING}/{path}") for path in (*paths, "agent-profiles/agent-of-support")]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 404, 404]
    assert all("agent-of-support" not in answer.text for answer in answers[:3])
    assert judge(sales, recommendation_id="r1").status_code == 404
    assert client_of(wiring).get(f"{LEARNING}/stats").status_code == 401


def test_a_recommendation_has_one_id_at_every_door(small: TestClient, tmp_path: Path) -> None:
    """What HTTP, the command and a file name without an id is one recommendation."""
    said = {"agent": "reviewer", "content": "Ask for the number.", "confidence": 0.8}
    file = tmp_path / "said.jsonl"
    file.write_text(json.dumps(said))

    by_http = small.post(f"{LEARNING}/recommendations/track", json=said).json()["recommendation_id"]
    in_file = recommendations_in(file, "default", NOW)[0].recommendation_id
    of_command = derived_id({**said, "type": "general", "workflow": None, "reasoning": None})

    assert by_http == in_file == of_command
