"""Executions of tests, as lines of the spool."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flywheel.capture.plain import name, plain
from flywheel.capture.pytest_attempt import Attempt, Ending
from flywheel.capture.pytest_calls import tell_calls
from flywheel.capture.pytest_case import Said
from flywheel.capture.pytest_facts import (
    Failure,
    Phase,
    declared_by,
    module_of,
    names_of,
    parameters_of,
)
from flywheel.capture.pytest_place import Place
from flywheel.capture.pytest_settings import CaptureSettings, versions
from flywheel.capture.spool import encoded

_FIRST_ATTEMPT: Final = '"attempt":1}'
"""The metadata most tests have of their own, encoded."""

_WORTH_TELLING_S: Final = 0.001
"""A setup or teardown that takes less is not worth a field."""


class Lines:
    """Turns attempts into executions.

    A line of a test is a dictionary of what is its own; what it shares with
    its neighbours is in their `Place`, and `finished` joins the two.

    Args:
        settings: of the session.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self._settings = settings
        self._constant = {**settings.constant, "source": "pytest", "schema_version": 1}
        self._origin = f"{settings.session_id}\0{settings.worker or ''}\0".encode()
        self._facts = versions()
        if settings.worker:
            self._facts["worker"] = settings.worker

    def place(self, parent: pytest.Collector | None, nodeid: str) -> Place:
        """What the tests of a class or module share."""
        nodes = parent.listchain()[::-1] if parent is not None else []
        marks = [mark for node in nodes for mark in node.own_markers]
        module = module_of(nodeid)
        return Place(marks, {"slice": name(module), **self._constant}, self._facts | {"module": module})

    def of_test(self, attempt: Attempt) -> dict[str, Any] | None:
        """The execution of a test that ended; None where pytest did not run it."""
        ending = attempt.ending()
        if ending is None:
            return None
        line = self._begun(attempt, ending.outcome, attempt.call)
        metadata = line["metadata"]
        if ending.phase is not None:
            _explain(line, ending)
        setup, teardown = attempt.setup, attempt.teardown
        if setup is not None and setup.duration_s >= _WORTH_TELLING_S:
            metadata["setup_ms"] = _ms(setup.duration_s)
        if teardown is not None and teardown.duration_s >= _WORTH_TELLING_S:
            metadata["teardown_ms"] = _ms(teardown.duration_s)
        if teardown is not None and teardown.failure is not None and ending.phase is not teardown:
            metadata["teardown_error"] = f"{teardown.failure.error_type}: {teardown.failure.message}"
        if attempt.subtests:
            metadata["subtests"] = len(attempt.subtests)
        if attempt.item.user_properties:
            metadata["properties"] = plain(dict(attempt.item.user_properties))
        return line

    def of_subtest(self, attempt: Attempt, report: pytest.TestReport) -> dict[str, Any]:
        """The execution of a subtest, whose call the attempt saw last."""
        phase = attempt.call
        outcome = report.outcome
        description = _described(report)
        again = attempt.subtests.count(description)
        attempt.subtests.append(description)
        attempt.failed_subtests += outcome == "failed"
        part = f"{description} #{again + 1}" if again else description
        line = self._begun(attempt, outcome, phase, part)
        line["metadata"]["subtest"] = description
        if phase is not None:
            line["latency_ms"] = _ms(report.duration)
            _explain(line, Ending(outcome, phase, None, phase.failure))
        return line

    def without_item(self, nodeid: str, when: str, failure: Failure, number: int) -> dict[str, Any]:
        """The error of a module that was not collected, or of a test whose worker died.

        Args:
            nodeid: of the module or test.
            when: `collect` or `crash`.
            failure: what happened.
            number: makes the id unique where the same happens twice.
        """
        return {
            "outcome": "error",
            "execution_id": self._id(nodeid, number, when),
            "case_id": name(nodeid),
            "error_type": failure.error_type,
            "error_message": failure.message,
            "metadata": {"phase": when},
        }

    def finished(self, line: dict[str, Any], place: Place) -> bytes:
        """A line with what it shares, as it is written; what a test says of itself goes first."""
        metadata = line.pop("metadata")
        if place.fields.keys().isdisjoint(line) and place.facts.keys().isdisjoint(metadata):
            own = _FIRST_ATTEMPT if metadata == {"attempt": 1} else encoded(metadata)[1:]
            whole = f"{encoded(line)[:-1]}{place.tail}{own}}}\n"
        else:
            whole = encoded({**place.fields, **line, "metadata": {**metadata, **place.facts}}) + "\n"
        return whole.encode("utf-8", "replace")

    def _begun(self, attempt: Attempt, outcome: str, call: Phase | None, part: str = "") -> dict[str, Any]:
        item, place, number = attempt.item, attempt.place, attempt.number
        nodeid = f"{attempt.nodeid} {part}" if part else attempt.nodeid
        line: dict[str, Any] = {
            "outcome": outcome,
            "execution_id": self._id(nodeid, number, ""),
            "case_id": name(nodeid),
        }
        metadata: dict[str, Any] = {"attempt": number}
        started = call or attempt.setup
        if started is not None:
            line["started_at"] = datetime.fromtimestamp(started.started_s, UTC).isoformat()
        if call is not None:
            line["latency_ms"] = _ms(call.duration_s)
        if number > 1:
            line["retries"] = number - 1
        if item.own_markers:
            line.update(declared_by(item.own_markers))
            markers = names_of(item.own_markers)
            markers += [marker for marker in place.markers if marker not in markers]
        else:
            markers = place.markers
        if markers:
            metadata["markers"] = markers
        parameters = parameters_of(item)
        if parameters is not None:
            metadata["parameters"] = parameters
        line["metadata"] = metadata
        return line

    def _id(self, nodeid: str, number: int, part: str) -> str:
        what = self._origin + f"{nodeid}\0{number}\0{part}".encode("utf-8", "replace")
        return f"{self._settings.session_id}-{hashlib.blake2b(what, digest_size=8).hexdigest()}"


def tell(line: dict[str, Any], said: Said) -> None:
    """Add what a test said of itself; it goes before what pytest knows."""
    if said.calls:
        tell_calls(line, said.calls, said.fields)
    line.update(said.fields)
    if said.metadata:
        line["metadata"] = {**said.metadata, **line["metadata"]}
    if line["outcome"] == "unscored":
        line.pop("score", None)


def test_name(nodeid: str) -> str:
    """A node id without the `@group` that `--dist loadgroup` adds.

    Examples:
        >>> test_name("t.py::test_a[x@y]@slow"), test_name("t.py::test_a[x@y]")
        ('t.py::test_a[x@y]', 't.py::test_a[x@y]')
    """
    return nodeid if "@" not in nodeid or nodeid.endswith("]") else nodeid.rpartition("@")[0]


def _ms(seconds: float) -> float:
    return round(seconds * 1000.0, 3) if seconds > 0.0 else 0.0


def _described(report: pytest.TestReport) -> str:
    context = report.context
    parts = [f"[{context.msg}]"] if context.msg is not None else []
    if context.kwargs:
        parts.append(f"({', '.join(f'{key}={value}' for key, value in context.kwargs.items())})")
    return name(" ".join(parts)) or "(subtest)"


def _explain(line: dict[str, Any], ending: Ending) -> None:
    metadata, phase = line["metadata"], ending.phase
    if ending.when is not None:
        metadata["phase"] = ending.when
    if phase is not None and phase.reason is not None:
        metadata["reason"] = phase.reason
    if phase is not None and phase.xfail is not None:
        metadata["xpassed" if ending.outcome == "passed" else "xfailed"] = phase.xfail
    failure = ending.failure
    if failure is not None:
        line["error_type"], line["error_message"] = failure.error_type, failure.message
        if failure.notes:
            metadata["notes"] = list(failure.notes)
