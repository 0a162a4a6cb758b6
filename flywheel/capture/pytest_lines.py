"""Executions of tests, as lines of the spool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from flywheel.capture.plain import name, plain
from flywheel.capture.pytest_attempt import Attempt, Ending
from flywheel.capture.pytest_case import MAX_TOLD, Said
from flywheel.capture.pytest_facts import (
    MARKER_FIELDS,
    Failure,
    Phase,
    module_of,
    own_markers,
    parameters_of,
)
from flywheel.capture.pytest_settings import CaptureSettings, versions

_SUMS = ("input_tokens", "output_tokens", "cost_usd", "latency_ms")


class Lines:
    """Turns attempts into executions; the fields all of them share are made once.

    Args:
        settings: of the session.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self._settings = settings
        self._constant = settings.constant
        self._origin = f"{settings.session_id}\0{settings.worker or ''}\0".encode()
        self._versions = versions()
        if settings.worker:
            self._versions["worker"] = settings.worker

    def of_test(self, attempt: Attempt) -> dict[str, Any] | None:
        """The execution of a test that ended; None where pytest did not run it."""
        ending = attempt.ending()
        if ending is None:
            return None
        line = self._begun(attempt, ending.outcome, attempt.call)
        metadata = line["metadata"]
        if ending.phase is not None:
            _explain(line, ending)
        for when, phase in (("setup", attempt.setup), ("teardown", attempt.teardown)):
            if phase is not None and phase.duration_s >= 0.001:
                metadata[f"{when}_ms"] = _ms(phase.duration_s)
        late = attempt.teardown.failure if attempt.teardown is not None else None
        if late is not None and ending.when != "teardown":
            metadata["teardown_error"] = f"{late.error_type}: {late.message}"
        if attempt.subtests:
            metadata["subtests"] = len(attempt.subtests)
        if attempt.item.user_properties:
            metadata["properties"] = plain(dict(attempt.item.user_properties))
        _tell(line, attempt.said)
        return line

    def of_subtest(self, attempt: Attempt, report: pytest.TestReport) -> dict[str, Any]:
        """The execution of a subtest, whose call the attempt saw last."""
        phase = attempt.call
        outcome = {"failed": "failed", "skipped": "skipped"}.get(report.outcome, "passed")
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
        _tell(line, attempt.said.moment())
        return line

    def without_item(self, nodeid: str, when: str, failure: Failure, number: int) -> dict[str, Any]:
        """The error of a module that was not collected, or of a test whose worker died.

        Args:
            nodeid: of the module or test.
            when: `collect` or `crash`.
            failure: what happened.
            number: makes the id unique where the same happens twice.
        """
        nodeid = test_name(nodeid, groups=self._settings.groups)
        module = module_of(nodeid)
        return {
            "outcome": "error",
            "execution_id": self._id(nodeid, number, when),
            "case_id": name(nodeid),
            "slice": name(module),
            **self._constant,
            "error_type": failure.error_type,
            "error_message": failure.message,
            "source": "pytest",
            "schema_version": 1,
            "metadata": {**self._versions, "module": module, "phase": when},
        }

    def _begun(self, attempt: Attempt, outcome: str, call: Phase | None, part: str = "") -> dict[str, Any]:
        place = attempt.place
        markers, declared = own_markers(attempt.item)
        metadata: dict[str, Any] = {**self._versions, "module": place.module, "attempt": attempt.number}
        if markers or place.markers:
            metadata["markers"] = list(dict.fromkeys((*markers, *place.markers)))
        parameters = parameters_of(attempt.item)
        if parameters is not None:
            metadata["parameters"] = parameters
        started = call or attempt.setup
        line: dict[str, Any] = {
            "outcome": outcome,
            "execution_id": self._id(attempt.nodeid, attempt.number, part),
            "case_id": name(f"{attempt.nodeid} {part}" if part else attempt.nodeid),
            "slice": place.slice,
            **self._constant,
            "source": "pytest",
            "schema_version": 1,
            "metadata": metadata,
        }
        if declared or place.declared:
            _declare(line, {**place.declared, **declared})
        if call is not None:
            line["latency_ms"] = _ms(call.duration_s)
        if attempt.number > 1:
            line["retries"] = attempt.number - 1
        if started is not None:
            line["started_at"] = datetime.fromtimestamp(started.started_s, UTC).isoformat()
        return line

    def _id(self, nodeid: str, number: int, part: str) -> str:
        what = self._origin + f"{nodeid}\0{number}\0{part}".encode("utf-8", "replace")
        return f"{self._settings.session_id}-{hashlib.blake2b(what, digest_size=8).hexdigest()}"


def test_name(nodeid: str, *, groups: bool) -> str:
    """A node id without the `@group` that `--dist loadgroup` adds.

    Examples:
        >>> test_name("t.py::test_a[x@y]@slow", groups=True), test_name("t.py::test_a[x@y]", groups=True)
        ('t.py::test_a[x@y]', 't.py::test_a[x@y]')
    """
    if not groups or "@" not in nodeid or nodeid.endswith("]"):
        return nodeid
    return nodeid.rpartition("@")[0]


def _ms(seconds: float) -> float:
    return round(seconds * 1000.0, 3) if seconds > 0.0 else 0.0


def _described(report: pytest.TestReport) -> str:
    context = report.context
    parts = [f"[{context.msg}]"] if context.msg is not None else []
    if context.kwargs:
        parts.append(f"({', '.join(f'{key}={value}' for key, value in context.kwargs.items())})")
    return name(" ".join(parts)) or "(subtest)"


def _declare(line: dict[str, Any], declared: Mapping[str, Any]) -> None:
    for field in MARKER_FIELDS:
        if field in declared:
            line["case_id" if field == "case" else field] = name(declared[field])


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
        if failure.frames:
            metadata["frames"] = list(failure.frames)
        if failure.notes:
            metadata["notes"] = list(failure.notes)


def _tell(line: dict[str, Any], said: Said) -> None:
    if said.calls:
        _tell_calls(line, said.calls)
    if said.fields:
        line.update(said.fields)
    if said.metadata:
        line["metadata"] = {**said.metadata, **line["metadata"]}
    if line["outcome"] == "unscored":
        line.pop("score", None)


def _tell_calls(line: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    models = list(dict.fromkeys(call["model"] for call in calls))
    line["models"] = [_use(model, [call for call in calls if call["model"] == model]) for model in models]
    if len(models) == 1:
        line["model"] = models[0]
    for figure in ("input_tokens", "output_tokens", "cost_usd"):
        total = _total(call.get(figure) for call in calls)
        if total is not None:
            line[figure] = total
    inputs = next((call["inputs"] for call in calls if "inputs" in call), None)
    outputs = [call["output"] for call in calls if "output" in call]
    if inputs is not None:
        line["inputs"] = inputs
    if outputs:
        line["output"] = outputs[-1]
    line["metadata"]["model_calls"] = len(calls)
    line["metadata"]["calls"] = calls[:MAX_TOLD]


def _use(model: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    use: dict[str, Any] = {"model": model}
    for figure in _SUMS:
        total = _total(call.get(figure) for call in calls)
        if total is not None:
            use[figure] = total
    confidences = {call.get("confidence") for call in calls}
    if len(confidences) == 1 and (confidence := confidences.pop()) is not None:
        use["confidence"] = confidence
    return use


def _total(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return sum(value for value in known if value is not None) if None not in known else None
