"""Test sessions captured by hand: start one, capture each test, persist the results."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from flywheel.capture.recorder import Recorder, recorder
from flywheel.errors import InputError


@dataclass(frozen=True, slots=True)
class SessionResults:
    """What a session captured.

    Attributes:
        session_id: of all its executions.
        outcomes: executions by outcome.
        is_stored: whether all of them are in the store, or in the spool on their way there.
    """

    session_id: str
    outcomes: dict[str, int]
    is_stored: bool


@dataclass(slots=True)
class CaptureSession:
    """A test session under way; made by `start_test_session`.

    Attributes:
        session_id: of all its executions.
        metadata: added to the metadata of each.
        recorder: where they go.
        outcomes: executions by outcome so far.
    """

    session_id: str
    metadata: dict[str, JsonValue]
    recorder: Recorder
    outcomes: Counter[str] = field(default_factory=Counter)


_CURRENT: ContextVar[CaptureSession | None] = ContextVar("flywheel_session", default=None)


def start_test_session(
    session_id: str | None = None,
    *,
    metadata: dict[str, JsonValue] | None = None,
    **settings: Any,  # noqa: ANN401 - what `recorder` takes
) -> CaptureSession:
    """Start a session; captures of this thread or task belong to it until another is started.

    Args:
        session_id: made when absent.
        metadata: of the whole session: branch, commit, host.
        **settings: as for `flywheel.recorder`: prompt, store, workspace, version, model, ...

    Examples:
        >>> from flywheel.store.open import open_store
        >>> session = start_test_session("nightly-7", prompt="triage", store=open_store("sqlite://"))
        >>> _ = capture_test_success("billing", output="billing", latency_ms=12.0)
        >>> _ = capture_test_failure("login", output="billing", expected="login")
        >>> persist_session_results()
        SessionResults(session_id='nightly-7', outcomes={'failed': 1, 'passed': 1}, is_stored=True)
    """
    session_id = session_id or os.urandom(8).hex()
    made = recorder(settings.pop("prompt", None), session_id=session_id, **settings)
    session = CaptureSession(session_id, dict(metadata or {}), made)
    _CURRENT.set(session)
    return session


def capture_test_success(
    test: str,
    *,
    session: CaptureSession | None = None,
    metadata: dict[str, JsonValue] | None = None,
    **fields: Any,  # noqa: ANN401 - any field of a line of evidence
) -> str | None:
    """Capture a test that passed, with its model interactions.

    Args:
        test: its name; the case id, when no other is given.
        session: the current one when None.
        metadata: of this execution, beside that of the session.
        **fields: of a line of evidence: inputs, output, expected, confidence,
            latency_ms, input_tokens, output_tokens, cost_usd, and `models`, a
            list of {model, confidence, input_tokens, output_tokens, cost_usd,
            latency_ms} with one entry for each model.

    Returns:
        The execution id.

    Raises:
        InputError: no session was started, or a field is wrong.
    """
    return _capture(test, session, {"outcome": "passed", **fields}, metadata)


def capture_test_failure(
    test: str,
    *,
    error: BaseException | None = None,
    session: CaptureSession | None = None,
    metadata: dict[str, JsonValue] | None = None,
    **fields: Any,  # noqa: ANN401 - any field of a line of evidence
) -> str | None:
    """Capture a test that failed, or that ended in an error.

    Args:
        test: its name; the case id, when no other is given.
        error: what it raised: an AssertionError is a failure, anything else an
            error; None is a failure.
        session: the current one when None.
        metadata: of this execution, beside that of the session.
        **fields: as for `capture_test_success`.

    Raises:
        InputError: no session was started, or a field is wrong.
    """
    failed: dict[str, object] = {"outcome": "failed"}
    if error is not None:
        failed = {
            "outcome": "failed" if isinstance(error, AssertionError) else "error",
            "error_type": type(error).__name__,
            "error_message": str(error).replace("\0", ""),
        }
    return _capture(test, session, {**failed, **fields}, metadata)


def persist_session_results(session: CaptureSession | None = None) -> SessionResults:
    """Bring everything captured so far to the store, and say what it was.

    Args:
        session: the current one when None.

    Raises:
        InputError: no session was started.
    """
    found = _found(session)
    is_stored = found.recorder.flush()
    counts = found.recorder.counts
    outcomes = dict(sorted(found.outcomes.items()))
    return SessionResults(found.session_id, outcomes, is_stored and not counts.lost)


async def persist_session_results_async(session: CaptureSession | None = None) -> SessionResults:
    """`persist_session_results`, while other tasks run; the captures themselves never wait."""
    return await asyncio.to_thread(persist_session_results, _found(session))


def _capture(
    test: str, session: CaptureSession | None, fields: dict[str, Any], metadata: dict[str, JsonValue] | None
) -> str | None:
    found = _found(session)
    given = {"case_id": test, "suite": "tests", "source": "tests", **fields}
    both = {"test": test, **found.metadata, **(metadata or {})}
    execution_id = found.recorder.record(metadata=both, **given)
    if execution_id is not None:
        found.outcomes[str(given["outcome"])] += 1
    return execution_id


def _found(session: CaptureSession | None) -> CaptureSession:
    found = session or _CURRENT.get()
    if found is None:
        msg = (
            "No test session was started here. Nothing was captured. "
            "Call flywheel.start_test_session() first, or hand one in as session=..."
        )
        raise InputError(msg)
    return found
