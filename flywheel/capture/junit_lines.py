"""Lines of evidence of one test case of a JUnit XML file."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from flywheel.capture.foreign_values import (
    OWN,
    digest,
    explained,
    kind_and_message,
    known,
    moment,
    named,
    own_fields,
)
from flywheel.capture.junit_xml import JUnitCase, Result
from flywheel.capture.plain import text

NEVER: Final = "1970-01-01T00:00:00"
"""The time that jest-junit gives a suite which did not run."""

REPEATED: Final = Result("repeated", {})
"""An attempt whose end the file does not tell."""

_PHASE: Final = re.compile(r'failed on (?P<phase>setup|teardown) with "(?P<why>.*)"\Z', re.DOTALL)
_CRASHED: Final = re.compile(r"worker '[^']*' crashed while running ")
_PYTEST_ERROR: Final = re.compile(r"^E\s+(\S.*)$", re.MULTILINE)
_CAPTURED: Final = re.compile(r"^-+ Captured (?:Out|Err|Log) -+$", re.MULTILINE)
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+\Z")
_GO_NOISE: Final = re.compile(r"^\s*(?:=== (?:RUN|PAUSE|CONT|NAME)|--- (?:FAIL|SKIP)).*\n?", re.MULTILINE)
_SCRIPT: Final = re.compile(r"(?![./\\])[^:]+\.[cm]?[jt]sx?\Z")
_NO_MESSAGES: Final = frozenset({"", "Failed", "collection failure"})
_NO_SUITES: Final = frozenset({"undefined"})
_NOT_RUN: Final = frozenset({"notrun", "disabled", "skipped", "suppressed", "ignored"})
_OUTPUT_CHARACTERS: Final = 4_000
_NAMES: Final = ("name", "classname", "file", "line")
_NAME_CHARACTERS: Final = 1_000
_PASSED: Final = Result("passed", {})


def junit_lines(case: JUnitCase, session: str = "", attempt: int = 1) -> list[dict[str, Any]]:
    """Lines of evidence of a test case, one for each attempt.

    Args:
        case: as the file has it.
        session: of the run the file tells of.
        attempt: number of its first attempt.

    Examples:
        >>> case = JUnitCase({}, {"name": "t"}, 1, {"classname": "acme.Test", "name": "good", "time": "0.25"})
        >>> line = junit_lines(case)[0]
        >>> line["case_id"], line["outcome"], line["latency_ms"]
        ('acme.Test::good', 'passed', 250.0)
    """
    return [
        _line(case, result, session, attempt + number)
        for number, result in enumerate(_attempts_of(case.results))
    ]


def case_id_of(attributes: dict[str, str]) -> str | None:
    """The same id as the pytest plugin gives where the file is named, else class with name.

    Examples:
        >>> case_id_of({"classname": "tests.test_a.TestB", "name": "test_c[1]", "file": "tests/test_a.py"})
        'tests/test_a.py::TestB::test_c[1]'
        >>> case_id_of({"classname": "answers good", "name": "answers good"})
        'answers good'
        >>> case_id_of({"classname": "answers", "name": "good", "file": "web/answers.test.ts"})
        'web/answers.test.ts::answers::good'
    """
    name, owner = (attributes.get(key, "").strip() for key in ("name", "classname"))
    file = attributes.get("file", "").strip()
    if file and file.endswith(".py"):
        module = file.removesuffix(".py").replace("\\", "/").replace("/", ".")
        inner = owner.removeprefix(module).strip(".")
        if owner.startswith(module):
            return named("::".join([file, *filter(None, inner.split(".")), name]))
    if file and not owner:
        return named(file if file.startswith(name) else f"{file}::{name}")
    whole = name if _is_whole(name, owner) else "::".join(filter(None, (owner, name)))
    return named(f"{file}::{whole}" if _SCRIPT.match(file) and file not in owner else whole)


def _attempts_of(results: list[Result]) -> list[Result]:
    """What each attempt came to; surefire writes one case for all of them."""
    ends = [result for result in results if result.tag in ("failure", "error")]
    if ends:
        return [ends[0], *(result for result in results if result.tag.startswith("rerun"))]
    last = next((result for result in results if result.tag in ("skipped", "repeated")), _PASSED)
    return [*(result for result in results if result.tag.startswith("flaky")), last]


def _line(case: JUnitCase, result: Result, session: str, attempt: int) -> dict[str, Any]:
    attributes = case.attributes
    outcome = _outcome(result, attributes)
    started = attributes.get("timestamp") or case.suite.get("timestamp")
    metadata = _metadata(case, result, outcome, attempt)
    suite = named(case.suite.get("name"))
    suite = None if suite in _NO_SUITES else suite
    line = {
        "execution_id": f"{session}-{digest(*case.name, attempt)}",
        "case_id": case_id_of(attributes),
        "suite": suite,
        "slice": named(_slice(attributes)) or suite,
        "session_id": session or None,
        "outcome": outcome,
        "latency_ms": _milliseconds(_time(case, result), is_measured=outcome in ("passed", "failed")),
        "retries": attempt - 1 or None,
        "started_at": None if started == NEVER else moment(started),
        "metadata": metadata,
    }
    if outcome in ("failed", "error"):
        line["error_type"], line["error_message"] = _error(result, metadata)
    return {**known(line), **own_fields(case.properties)}


def _outcome(result: Result, attributes: dict[str, str]) -> str:
    if result.tag.endswith(("failure", "Failure")):
        return "failed"
    if result.tag.endswith(("error", "Error")):
        return "error"
    if result is REPEATED:
        return "unscored"
    is_run = not {attributes.get("status", "").lower(), attributes.get("result", "").lower()} & _NOT_RUN
    return "passed" if result.tag == "passed" and is_run else "skipped"


def _slice(attributes: dict[str, str]) -> str | None:
    file, owner = attributes.get("file"), attributes.get("classname")
    if file:
        return file.removesuffix(".py")
    return None if _is_whole(attributes.get("name", ""), owner or "") else owner


def _is_whole(name: str, owner: str) -> bool:
    """Whether a name says all: jest-junit gives it twice, mocha's reporter puts its end into the class."""
    return f" {name}".endswith(f" {owner}") and bool(name)


def _is_repeated(result: Result) -> bool:
    """Whether it is an attempt that surefire tells of inside the case of another one."""
    return result.tag.startswith(("flaky", "rerun"))


def _time(case: JUnitCase, result: Result) -> str | None:
    """The time of a case is that of its one attempt that is not repeated."""
    own = result.attributes.get("time")
    return own if own is not None or _is_repeated(result) else case.attributes.get("time")


def _metadata(case: JUnitCase, result: Result, outcome: str, attempt: int) -> dict[str, Any]:
    attributes = case.attributes
    failures = [one.tag for one in case.results if one.tag in ("failure", "error")]
    reason = result.attributes.get("message") or result.text
    if reason == "collection skipped":
        reason = result.text
    is_xfail = result.attributes.get("type") == "pytest.xfail"
    if result is REPEATED:
        reason = "pytest ran it again; the file does not say how this attempt ended"
    shown = outcome in ("failed", "error")
    printed = case.output if shown and not _is_repeated(result) else {}
    return known(
        {
            "attempt": attempt,
            **{key: text(attributes.get(key, ""), _NAME_CHARACTERS) for key in _NAMES},
            "hostname": text(case.suite.get("hostname", ""), _NAME_CHARACTERS),
            "reason": explained(_GO_NOISE.sub("", reason).strip()) if not (shown or is_xfail) else None,
            "xfailed": explained(reason) if is_xfail else None,
            "failures": len(failures) if len(failures) > 1 else None,
            "teardown_error": case.output.get("teardown"),
            "system_out": _printed(printed.get("system-out", "")),
            "system_err": _printed(printed.get("system-err", "")),
            "properties": {k: v for k, v in case.properties.items() if not k.startswith(OWN)},
        }
    )


def _printed(output: str) -> str:
    """What a case printed, without the headings that pytest writes even over nothing."""
    return text(_CAPTURED.sub("", output).strip(), _OUTPUT_CHARACTERS)


def _error(result: Result, metadata: dict[str, Any]) -> tuple[str | None, str | None]:
    """Class with message of a failure, in whatever attribute or text the tool put it."""
    said, body = result.attributes.get("message", "").strip(), _GO_NOISE.sub("", result.text).strip()
    phase = _PHASE.match(said)
    if phase is not None:
        metadata["phase"], said = phase["phase"], phase["why"]
    if _CRASHED.match(said):
        metadata["phase"] = "crash"
    if said in _NO_MESSAGES:
        found = _PYTEST_ERROR.search(body)
        said = found[1] if found else ""
    kind, message = kind_and_message(said or body)
    given = named(result.attributes.get("type")) or _kind_of_pytest(said)
    if given and kind and given.rpartition(".")[2] != kind.rpartition(".")[2]:
        message = said or body
    if said and body:
        told = kind_and_message(body)[1]
        message = told if _flat(told).startswith(_flat(message)) else f"{message}\n{body}"
    return given or kind, explained(message)


def _kind_of_pytest(said: str) -> str | None:
    if said.startswith("[XPASS(strict)]"):
        return "XPassed"
    if said.startswith("Failed: "):
        return "Failed"
    return "AssertionError" if said.startswith("assert ") else None


def _flat(told: str) -> str:
    """A text as an attribute of XML has it, where a line break is a space."""
    return " ".join(told.split())


def _milliseconds(seconds: str | None, *, is_measured: bool) -> object:
    """What is no number stays as it is, for the reader of lines to refuse; what did not run took no time."""
    if seconds is None or not seconds.strip():
        return None
    plain = seconds.strip()
    if _THOUSANDS.match(plain):
        plain = plain.replace(",", "")
    try:
        value = float(plain) * 1000.0
    except ValueError:
        return seconds
    if not math.isfinite(value):
        return seconds
    return round(value, 6) if value or is_measured else None
