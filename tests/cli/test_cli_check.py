"""`flywheel check`: what a deployment needs, before it is one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flywheel.records.alert import Alert, Severity
from flywheel.store.open import open_store


@pytest.fixture
def health() -> Iterator[str]:
    """Address of a service: `/well` answers 200, all else 503."""

    class Handler(BaseHTTPRequestHandler):
        """Says how it is."""

        def do_GET(self) -> None:
            """One answer."""
            self.send_response(200 if self.path == "/well" else 503)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def states(answer) -> dict[str, str]:
    """What was found, by area and name."""
    return {f"{one['area']}: {one['what']}": one["state"] for one in answer.document["findings"]}


def test_what_is_well_is_ready(triage, health):
    """Packages, files, store, the live prompt and a service that answers: ready, exit code 0."""
    answer = triage("check", "--url", f"{health}/well", "--json")

    assert (answer.code, answer.document["ready"]) == (0, True)
    assert set(states(answer).values()) == {"ok"}
    assert "prompt: triage" in states(answer)
    assert triage("check").out.rstrip().endswith("ready")


def test_a_service_that_is_not_well(triage, health):
    """A status that is no success is wrong, as is no answer."""
    answer = triage("check", "--url", f"{health}/ill", "--url", "http://127.0.0.1:9/", "--json")

    assert answer.code == 1
    said = {one["what"]: one["said"] for one in answer.document["findings"] if one["state"] == "wrong"}
    assert said[f"{health}/ill"] == "answers with status 503"
    assert said["http://127.0.0.1:9/"].startswith("does not answer")


def test_without_a_store(flywheel):
    """A store that is not there is a finding, nothing is made, and the rest is told all the same."""
    answer = flywheel("check", "--json")

    assert answer.code == 1
    assert states(answer)["store: store"] == "wrong"
    assert states(answer)["environment: packages"] == "ok"
    assert flywheel("status").code == 3


def test_a_live_text_that_was_changed(triage, tmp_path):
    """A text that is not the one that was released is wrong."""
    with sqlite3.connect(tmp_path / ".flywheel" / "flywheel.db") as connection:
        connection.execute("UPDATE prompt_version SET text = CAST(text || ' ' AS BLOB)")
    connection.close()

    answer = triage("check", "--json")

    assert (answer.code, states(answer)["prompt: triage"]) == (1, "wrong")
    assert "another than when it was released" in str(answer.document["findings"])


def test_files_and_keys(triage, tmp_path, monkeypatch):
    """A mistake in a file, a key that is missing: each is told by name, all at once."""
    monkeypatch.delenv("ABSENT_KEY", raising=False)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.delenv("LANGSMITH_API_KEY", raising=False)
    home = tmp_path / ".flywheel"
    (home / "alerts.toml").write_text("[channels.mail]\nkind = 'pigeon'\n")
    (home / "models.toml").write_text(
        '[providers.far]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "ABSENT_KEY"\n[models."far/m"]\n'
    )

    found = states(triage("check", "--json"))

    assert found["file: alerts"] == found["environment: key of far/m"] == "wrong"
    assert (found["file: models"], found["environment: LangSmith"]) == ("ok", "warning")


def test_a_critical_alert_keeps_a_deployment_back(triage, tmp_path):
    """A high alert is a warning, a critical one is wrong."""
    store = open_store(f"sqlite:///{tmp_path / '.flywheel' / 'flywheel.db'}")
    for severity in (Severity.HIGH, Severity.CRITICAL, Severity.LOW):
        at = "2026-03-01T00:00:00Z"
        row = {
            "alert_id": severity,
            "severity": severity,
            "subject": severity,
            "message": "m",
            "raised_at": at,
        }
        store.alerts.send(Alert.model_validate(row))
    store.close()

    answer = triage("check", "--json")

    found = states(answer)
    assert (answer.code, found["store: alert critical"], found["store: alert high"]) == (
        1,
        "wrong",
        "warning",
    )
    assert "store: alert low" not in found
