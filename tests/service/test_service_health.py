"""Health and metrics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from service_world import client_of, furnish, wiring_at

from flywheel.records.model_call import ModelCall
from flywheel.service.wiring import Wiring
from flywheel.store.open import SqlStore, open_store


def call_of(number: int, outcome: str, cost_usd: float | None) -> ModelCall:
    """One attempt of now."""
    return ModelCall(
        call_id=str(number),
        purpose="case",
        provider="p",
        model="p/m",
        outcome=outcome,
        input_tokens=10,
        output_tokens=2,
        cost_usd=cost_usd,
        started_at=datetime.now(UTC),
    )


def test_health_says_what_is_known_and_that_the_rest_is_not(client: TestClient, store: SqlStore) -> None:
    """Store, schema, disk; no cycle yet is unknown; breakers of other processes are unknown too."""
    store.model_calls.write(
        [call_of(1, "answered", 0.1), call_of(2, "server", None), call_of(3, "timeout", None)]
    )

    health = client.get("/health/detailed").json()

    assert health["store"]["status"] == "ok"
    assert health["store"]["schema_found"] == health["store"]["schema_needed"]
    assert health["disk"]["free_bytes"] > 0
    assert (health["cycle"]["status"], health["cycle"]["last_closed_at"]) == ("unknown", None)
    model = health["models"][0]
    assert (model["model"], model["calls"], model["answered"]) == ("p/m", 3, 1)
    assert (model["status"], model["breaker"]) == ("warning", None)
    assert health["status"] in ("ok", "warning")


def test_a_store_that_is_away_is_told_and_comes_back(tmp_path: Path) -> None:
    """503 with the reason while it is away, liveness all the same; nothing is to be started again."""
    address = f"sqlite:///{tmp_path / 'there' / 'away.db'}"
    open_store(address).close()
    wiring = wiring_at(address, tmp_path)
    client = client_of(wiring)
    there = client.get("/health/detailed").status_code

    wiring.store.close()
    (tmp_path / "there").rename(tmp_path / "elsewhere")
    (tmp_path / "there").touch()
    health, refused = client.get("/health/detailed"), client.get("/api/v1/reviews")
    (tmp_path / "there").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "there")
    back = client.get("/health/detailed")

    assert (there, health.status_code, back.status_code) == (200, 503, 200)
    assert (health.json()["status"], health.json()["cycle"]["status"]) == ("failing", "unknown")
    assert (refused.status_code, refused.json()["status"]) == (503, 503)
    assert refused.headers["retry-after"] == "5"
    assert client.get("/health").json()["status"] == "ok"
    wiring.store.close()


def test_metrics_are_what_prometheus_reads(serving: Callable[..., Wiring], store: SqlStore) -> None:
    """Executions by outcome, reviews, spend without the calls of unknown price, requests with their time."""
    parser = pytest.importorskip("prometheus_client.parser")
    furnish(store, "default")
    store.model_calls.write([call_of(1, "answered", 0.25), call_of(2, "answered", None)])
    client = client_of(serving())
    client.get("/api/v1/prompts/triage")
    client.get("/no/such/route")

    answer = client.get("/metrics")

    values = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parser.text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    mine, model = ("workspace", "default"), ("model", "p/m")
    assert values["flywheel_executions", ("outcome", "passed"), mine] == 6
    assert values["flywheel_executions", ("outcome", "error"), mine] == 0
    assert values["flywheel_reviews", ("state", "waiting"), mine] == 1
    assert values["flywheel_alerts_open", ("severity", "critical"), mine] == 0
    assert values["flywheel_model_spend_usd_total", model, mine] == 0.25
    assert values["flywheel_model_calls_unpriced_total", model, mine] == 1
    route = ("route", "/api/v1/prompts/{name}")
    assert values["flywheel_http_requests_total", ("method", "GET"), route, ("status", "200")] == 1
    assert values["flywheel_http_request_seconds_count", route] == 1
    assert values["flywheel_http_request_seconds_bucket", ("le", "+Inf"), route] == 1
    assert (
        values["flywheel_http_requests_total", ("method", "GET"), ("route", "other"), ("status", "404")] == 1
    )
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
