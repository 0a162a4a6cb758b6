"""What pytest knows of a test, in the words of an execution."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from flywheel.capture.plain import name, plain, text

MARKER: Final = "flywheel"
MARKER_FIELDS: Final = ("prompt", "version", "suite", "slice", "model", "agent", "case")
_WITHOUT_MEANING: Final = frozenset({"parametrize", "usefixtures", "filterwarnings", MARKER})
_MAX_FRAMES: Final = 20
_PARAMETER_LENGTH: Final = 2000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a phase of a test did not pass.

    Attributes:
        error_type: the exception's class, with its module unless it is a builtin.
        message: its text, at most 10,000 characters.
        frames: `file:line function` of the user's own code, the deepest last.
        notes: what was added to the exception, such as Hypothesis's falsifying input.
    """

    error_type: str
    message: str
    frames: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """Setup, call or teardown as it ended.

    Attributes:
        outcome: pytest's: passed, failed or skipped.
        started_s: seconds since 1970.
        duration_s: seconds.
        failure: of a failed or expectedly failed phase.
        reason: of a skipped one.
        xfail: reason of an expected failure, given also when the test passed in spite of it.
    """

    outcome: str
    started_s: float
    duration_s: float
    failure: Failure | None = None
    reason: str | None = None
    xfail: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What all tests of one class or module share; computed once."""

    module: str
    slice: str | None
    markers: tuple[str, ...] = ()
    declared: Mapping[str, Any] = field(default_factory=dict)


def place_of(parent: pytest.Collector | None, nodeid: str) -> Place:
    """Markers above a test, closest first, with what `@pytest.mark.flywheel(...)` declares there."""
    module = module_of(nodeid)
    nodes = parent.listchain()[::-1] if parent is not None else []
    marks = [mark for node in nodes for mark in node.own_markers]
    return Place(module, name(module), _names(marks), _declared(marks))


def module_of(nodeid: str) -> str:
    """The file of a node id, without `.py`.

    Examples:
        >>> module_of("tests/test_a.py::TestB::test_c[d]")
        'tests/test_a'
    """
    return nodeid.split("::", 1)[0].removesuffix(".py")


def own_markers(item: pytest.Item) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Markers of the test itself, with what they declare."""
    marks = item.own_markers
    return (_names(marks), _declared(marks)) if marks else ((), {})


def parameters_of(item: pytest.Item) -> dict[str, Any] | None:
    """Values a parametrized test runs with; objects as shortened text."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return None
    return {key: _short(plain(value)) for key, value in callspec.params.items()}


def phase_of(call: pytest.CallInfo[None], report: pytest.TestReport, root: str) -> Phase:
    """A phase as it ended, with the reason where it did not pass."""
    xfail = getattr(report, "wasxfail", None)
    if call.excinfo is None and report.outcome == "passed" and xfail is None:
        return Phase("passed", call.start, call.duration)
    failure, reason = None, None
    if report.outcome == "skipped" and xfail is None:
        reason = _skip_reason(report)
    elif call.excinfo is not None and not isinstance(call.excinfo.value, pytest.xfail.Exception):
        failure = failure_of(call.excinfo.value, root)
    elif report.outcome == "failed":
        failure = Failure(
            "XPassed" if "XPASS" in str(report.longrepr) else "Failed", text(str(report.longrepr))
        )
    return Phase(
        report.outcome,
        call.start,
        call.duration,
        failure,
        reason,
        None if xfail is None else text(xfail, 1000),
    )


def failure_of(error: BaseException, root: str) -> Failure:
    """Type, text and the user's frames of an exception.

    Examples:
        >>> failure_of(ValueError("no amount"), "/app")
        Failure(error_type='ValueError', message='no amount', frames=(), notes=())
    """
    kind = type(error)
    label = (
        kind.__qualname__
        if kind.__module__ in {"builtins", "__main__"}
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    # The traceback module survives exceptions whose own text raises.
    first, *others = traceback.format_exception_only(kind, error)
    message = first.strip("\n").removeprefix(label).removeprefix(": ")
    if isinstance(error, SyntaxError):
        message, others = "".join([first, *others]).strip(), []
    notes = tuple(text(line.strip("\n"), 4000) for line in others[:_MAX_FRAMES])
    return Failure(name(label) or "Exception", text(message), _frames(error, root), notes)


def collection_failure(longrepr: str) -> Failure:
    """Type and text of a module that could not be collected, from what pytest prints.

    Examples:
        >>> collection_failure("E   ModuleNotFoundError: No module named 'x'")
        Failure(error_type='ModuleNotFoundError', message="No module named 'x'", frames=(), notes=())
    """
    lines = [line[1:].strip() for line in longrepr.splitlines() if line.startswith("E  ")]
    for line in lines:
        kind, colon, message = line.partition(": ")
        if kind and all(part.isidentifier() for part in kind.split(".")) and colon:
            return Failure(name(kind) or "CollectError", text(message))
    return Failure("CollectError", text("\n".join(lines) or longrepr))


def _names(marks: list[pytest.Mark]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mark.name for mark in marks if mark.name not in _WITHOUT_MEANING))


def _declared(marks: list[pytest.Mark]) -> dict[str, Any]:
    declared: dict[str, Any] = {}
    for mark in marks:
        if mark.name == MARKER:
            declared = {**mark.kwargs, **declared}
    return declared


def _short(value: Any) -> Any:  # noqa: ANN401
    return text(value, _PARAMETER_LENGTH) if isinstance(value, str) else value


def _skip_reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text(reason.removeprefix("Skipped: "), 1000)


def _frames(error: BaseException, root: str) -> tuple[str, ...]:
    frames: list[str] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if file.startswith(root + os.sep) and "site-packages" not in file:
            frames.append(f"{file[len(root) :].lstrip(os.sep)}:{line} {frame.f_code.co_name}")
    return tuple(frames[-_MAX_FRAMES:])
