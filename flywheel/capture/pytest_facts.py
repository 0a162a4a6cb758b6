"""What pytest knows of a test, in the words of an execution."""

from __future__ import annotations

import re
import traceback
from typing import Any, Final, NamedTuple

import pytest

from flywheel.capture.plain import name, plain, text

MARKER: Final = "flywheel"
MARKER_FIELDS: Final = ("prompt", "version", "suite", "slice", "model", "agent", "case")
_WITHOUT_MEANING: Final = frozenset({"parametrize", "usefixtures", "filterwarnings", MARKER})
_MAX_FRAMES: Final = 20
_PARAMETER_LENGTH: Final = 2000
_INSTALLED: Final = re.compile(r".*[/\\](?=(?:site|dist)-packages[/\\]|lib[/\\]python\d)")
_OF_PYTEST: Final = re.compile(r"[/\\](?:_pytest|pluggy|_hypothesis_pytestplugin\.py|unittest)(?:[/\\]|$)")


class Failure(NamedTuple):
    """Why a phase of a test did not pass.

    Attributes:
        error_type: the exception's class, with its module unless it is a builtin.
        message: its text, at most 10,000 characters, then a line `File "...", line ..., in ...` for every
            place it came through, the deepest last.
        notes: what was added to the exception, such as Hypothesis's falsifying input.
    """

    error_type: str
    message: str
    notes: tuple[str, ...] = ()


class Phase(NamedTuple):
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


def names_of(marks: list[pytest.Mark]) -> list[str]:
    """Markers that say something about a test, the closest first."""
    return list(dict.fromkeys(mark.name for mark in marks if mark.name not in _WITHOUT_MEANING))


def declared_by(marks: list[pytest.Mark]) -> dict[str, str | None]:
    """Fields that `@pytest.mark.flywheel(...)` declares; the closest marker wins."""
    declared: dict[str, Any] = {}
    for mark in marks:
        if mark.name == MARKER:
            declared = {**mark.kwargs, **declared}
    fields: dict[str, str | None] = {}
    for field in MARKER_FIELDS:
        if field in declared:
            fields["case_id" if field == "case" else field] = name(declared[field])
    return fields


def module_of(nodeid: str) -> str:
    """The file of a node id, without `.py`.

    Examples:
        >>> module_of("tests/test_a.py::TestB::test_c[d]")
        'tests/test_a'
    """
    return nodeid.split("::", 1)[0].removesuffix(".py")


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
        why = str(report.longrepr)
        failure = Failure("XPassed" if why.startswith("[XPASS") else "Failed", text(why))
    expected = None if xfail is None else text(xfail, 1000)
    return Phase(report.outcome, call.start, call.duration, failure, reason, expected)


def failure_of(error: BaseException, root: str) -> Failure:
    """Type, text and way of an exception.

    Examples:
        >>> failure_of(ValueError("no amount"), "/app")
        Failure(error_type='ValueError', message='no amount', notes=())
    """
    kind = type(error)
    label = kind.__qualname__
    if kind.__module__ not in {"builtins", "__main__"}:
        label = f"{kind.__module__}.{label}"
    # The traceback module survives exceptions whose own text raises.
    first, *others = traceback.format_exception_only(kind, error)
    message = first.strip("\n").removeprefix(label).removeprefix(": ")
    if isinstance(error, SyntaxError):
        message, others = "".join([first, *others]).strip(), []
    notes = tuple(text(line.strip("\n"), 4000) for line in others[:_MAX_FRAMES])
    return Failure(name(label) or "Exception", "\n".join([text(message), *_frames(error, root)]), notes)


def collection_failure(longrepr: str) -> Failure:
    """Type and text of a module that could not be collected, from what pytest prints.

    Examples:
        >>> collection_failure("E   ModuleNotFoundError: No module named 'x'")
        Failure(error_type='ModuleNotFoundError', message="No module named 'x'", notes=())
    """
    lines = [line[1:].strip() for line in longrepr.splitlines() if line.startswith("E  ")]
    for line in lines:
        kind, colon, message = line.partition(": ")
        if kind and all(part.isidentifier() for part in kind.split(".")) and colon:
            return Failure(name(kind) or "CollectError", text(message))
    return Failure("CollectError", text("\n".join(lines) or longrepr))


def _short(value: Any) -> Any:  # noqa: ANN401 (plain JSON)
    return text(value, _PARAMETER_LENGTH) if isinstance(value, str) else value


def _skip_reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text(reason.removeprefix("Skipped: "), 1000)


def _frames(error: BaseException, root: str) -> list[str]:
    """The way of an exception as Python writes it, without pytest's part, without folders of this machine."""
    frames: list[str] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if _OF_PYTEST.search(file) is None:
            shown = _INSTALLED.sub("", file.removeprefix(root).lstrip("/\\"))
            frames.append(f'  File "{shown}", line {line}, in {frame.f_code.co_name}')
    return frames[-_MAX_FRAMES:]
