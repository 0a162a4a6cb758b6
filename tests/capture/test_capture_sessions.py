"""Test sessions captured by hand."""

from __future__ import annotations

import asyncio
import contextvars
from pathlib import Path

import pytest
from recorder_world import stored

import flywheel
from flywheel.capture.recorder import RecorderSettings
from flywheel.capture.sessions import (
    capture_test_failure,
    capture_test_success,
    persist_session_results,
    persist_session_results_async,
    start_test_session,
)
from flywheel.errors import InputError
from flywheel.store.open import SqlStore, open_store


@pytest.fixture
def settings(tmp_path: Path) -> RecorderSettings:
    """Settings with a spool of the test's own."""
    return RecorderSettings(spool=tmp_path / "spool", within_s=0.05, close_s=60)


def test_a_session_keeps_everything_a_test_knows(store: SqlStore, settings: RecorderSettings):
    """Models with confidence, tokens, cost, latency; inputs, outputs, errors; session with metadata."""
    start_test_session("s1", metadata={"branch": "main"}, prompt="triage", store=store, settings=settings)
    capture_test_success(
        "test_billing",
        inputs={"question": "Where is my invoice?"},
        output="billing",
        expected="billing",
        models=[
            {"model": "small", "confidence": 0.9, "input_tokens": 190, "cost_usd": 0.001, "latency_ms": 80}
        ],
        latency_ms=95.0,
        metadata={"seed": 7},
    )
    capture_test_failure("test_login", error=AssertionError("got billing"), output="billing")
    capture_test_failure("test_other", error=TimeoutError("after 30 s"))
    results = persist_session_results()

    assert results.outcomes == {"error": 1, "failed": 1, "passed": 1}
    assert results.is_stored
    passed, failed, error = stored(store)
    assert passed.models[0].confidence == 0.9
    assert passed.metadata == {"test": "test_billing", "branch": "main", "seed": 7}
    assert (passed.session_id, passed.prompt, passed.case_id) == ("s1", "triage", "test_billing")
    assert (failed.outcome, failed.error_type, failed.error_message) == (
        "failed",
        "AssertionError",
        "got billing",
    )
    assert (error.outcome, error.error_type, error.score) == ("error", "TimeoutError", None)


def test_tasks_may_have_sessions_of_their_own(settings: RecorderSettings):
    """Two sessions at the same time do not mix."""
    store = open_store("sqlite://")

    async def work(name: str) -> int:
        start_test_session(name, store=store, settings=settings)
        for number in range(3):
            capture_test_success(f"{name}-{number}")
            await asyncio.sleep(0)
        return (await persist_session_results_async()).outcomes["passed"]

    async def both() -> list[int]:
        return await asyncio.gather(work("a"), work("b"))

    assert asyncio.run(both()) == [3, 3]
    assert sorted((e.session_id, e.case_id) for e in stored(store)) == [
        (name, f"{name}-{number}") for name in "ab" for number in range(3)
    ]


def test_a_capture_without_a_session_says_what_to_do():
    """Nothing is guessed: a session has to be started first."""
    with pytest.raises(InputError, match="start_test_session"):
        contextvars.Context().run(capture_test_success, "test_billing")


def test_the_front_door_has_the_functions():
    """They are there as flywheel.NAME."""
    assert flywheel.capture_test_success is capture_test_success
    assert flywheel.start_test_session is start_test_session
