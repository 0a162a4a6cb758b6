"""Executions of the test cases of a JUnit XML file."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from flywheel.capture.foreign import Item
from flywheel.capture.foreign_values import (
    OWN,
    digest,
    explained,
    file_digest,
    kind_and_message,
    known,
    moment,
    named,
    own_fields,
)
from flywheel.capture.junit_xml import JUnitCase, Result, XmlFault, junit_cases
from flywheel.capture.plain import text
from flywheel.capture.reasons import Refusal
from flywheel.capture.source_files import SourceFile

_PHASE: Final = re.compile(r'failed on (?P<phase>setup|teardown) with "(?P<why>.*)"\Z', re.DOTALL)
_PYTEST_ERROR: Final = re.compile(r"^E\s+(\S.*)$", re.MULTILINE)
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+\Z")
_GO_NOISE: Final = re.compile(r"^\s*(?:=== (?:RUN|PAUSE|CONT|NAME)|--- (?:FAIL|SKIP)).*\n?", re.MULTILINE)
_NO_MESSAGES: Final = frozenset({"", "Failed", "collection failure"})
_NEVER: Final = "1970-01-01T00:00:00"
_NOT_RUN: Final = frozenset({"notrun", "disabled", "skipped", "suppressed", "ignored"})
_OUTPUT_CHARACTERS: Final = 4_000
_PASSED: Final = Result("passed", {})
_REPEATED: Final = Result("repeated", {})


def junit_items(source: SourceFile) -> Iterator[Item]:
    """One item for each attempt of each test case; positions count test cases.

    A case that only tells of a failed teardown, as pytest writes it after the
    case itself, becomes part of that case.
    """
    position, waiting = 0, None
    attempts: Counter[str] = Counter()
    suite_number, session = 0, ""
    try:
        for case in junit_cases(source, OWN):
            if waiting is not None and _is_teardown_of(waiting, case):
                waiting.output["teardown"] = case.results[0].attributes["message"]
                continue
            if waiting is not None:
                if _is_repeated_by_pytest(waiting, case):
                    waiting.results.append(_REPEATED)
                yield from _items(position, waiting, session, attempts)
            session = session or session_of(case, source.path)
            if case.suite_number != suite_number:
                suite_number = case.suite_number
                attempts.clear()
            position, waiting = position + 1, case
        if waiting is not None:
            yield from _items(position, waiting, session, attempts)
    except XmlFault as fault:
        if waiting is not None:
            yield from _items(position, waiting, session, attempts)
        yield Item(position + 1, Refusal(None, f"{fault}; the test cases before stay stored"))


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


def session_of(case: JUnitCase, path: Path) -> str:
    """Tells runs apart: by what the file says of its run, and by all of it where it has no time."""
    timed = any(key.endswith(".timestamp") and value != _NEVER for key, value in case.run.items())
    facts = sorted(case.run.items())
    return f"junit-{digest(facts) if timed else digest(facts, file_digest(path))}"


def case_id_of(attributes: dict[str, str]) -> str | None:
    """The same id as the pytest plugin gives where the file is named, else class with name.

    Examples:
        >>> case_id_of({"classname": "tests.test_a.TestB", "name": "test_c[1]", "file": "tests/test_a.py"})
        'tests/test_a.py::TestB::test_c[1]'
        >>> case_id_of({"classname": "answers good", "name": "answers good"})
        'answers good'
    """
    name, owner = (attributes.get(key, "").strip() for key in ("name", "classname"))
    file = attributes.get("file")
    if file and file.endswith(".py"):
        module = file.removesuffix(".py").replace("\\", "/").replace("/", ".")
        inner = owner.removeprefix(module).strip(".")
        if owner.startswith(module):
            return named("::".join([file, *filter(None, inner.split(".")), name]))
    if file and not owner:
        return named(file if file.startswith(name) else f"{file}::{name}")
    return named(name if not owner or owner == name else f"{owner}::{name}")


def _items(position: int, case: JUnitCase, session: str, attempts: Counter[str]) -> Iterator[Item]:
    key = f"{case.attributes.get('file')}\0{case.attributes.get('classname')}\0{case.attributes.get('name')}"
    before = attempts[key]
    lines = junit_lines(case, session, before + 1)
    attempts[key] += len(lines)
    for line in lines:
        yield Item(position, line)


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
    case_id = case_id_of(attributes)
    started = attributes.get("timestamp") or case.suite.get("timestamp")
    metadata = _metadata(case, result, outcome, attempt)
    key = [attributes.get(name) for name in ("file", "classname", "name")]
    line = {
        "execution_id": f"{session}-{digest(case.suite_number, *key, attempt)}",
        "case_id": case_id,
        "suite": named(case.suite.get("name")),
        "slice": named(_slice(attributes) or case.suite.get("name")),
        "session_id": session or None,
        "outcome": outcome,
        "latency_ms": _milliseconds(result.attributes.get("time") or attributes.get("time")),
        "retries": attempt - 1 or None,
        "started_at": None if started == _NEVER else moment(started),
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
    if result is _REPEATED:
        return "unscored"
    is_run = not {attributes.get("status", "").lower(), attributes.get("result", "").lower()} & _NOT_RUN
    return "passed" if result.tag == "passed" and is_run else "skipped"


def _slice(attributes: dict[str, str]) -> str | None:
    file, owner = attributes.get("file"), attributes.get("classname")
    if file:
        return file.removesuffix(".py")
    return owner if owner != attributes.get("name") else None


def _metadata(case: JUnitCase, result: Result, outcome: str, attempt: int) -> dict[str, Any]:
    attributes = case.attributes
    failures = [one.tag for one in case.results if one.tag in ("failure", "error")]
    reason = result.attributes.get("message") or result.text
    is_xfail = result.attributes.get("type") == "pytest.xfail"
    if result is _REPEATED:
        reason = "pytest ran it again; the file does not say how this attempt ended"
    shown = outcome in ("failed", "error")
    return known(
        {
            "attempt": attempt,
            "name": text(attributes.get("name", ""), 1_000),
            "classname": text(attributes.get("classname", ""), 1_000),
            "file": attributes.get("file"),
            "line": attributes.get("line"),
            "hostname": case.suite.get("hostname"),
            "reason": explained(_GO_NOISE.sub("", reason).strip()) if not (shown or is_xfail) else None,
            "xfailed": reason if is_xfail else None,
            "failures": len(failures) if len(failures) > 1 else None,
            "teardown_error": case.output.get("teardown"),
            "system_out": text(case.output.get("system-out", ""), _OUTPUT_CHARACTERS) if shown else None,
            "system_err": text(case.output.get("system-err", ""), _OUTPUT_CHARACTERS) if shown else None,
            "properties": {k: v for k, v in case.properties.items() if not k.startswith(OWN)},
        }
    )


def _error(result: Result, metadata: dict[str, Any]) -> tuple[str | None, str | None]:
    """Class with message of a failure, in whatever attribute or text the tool put it."""
    said, body = result.attributes.get("message", "").strip(), _GO_NOISE.sub("", result.text).strip()
    phase = _PHASE.match(said)
    if phase is not None:
        metadata["phase"], said = phase["phase"], phase["why"]
    if said in _NO_MESSAGES:
        found = _PYTEST_ERROR.search(body)
        said = found[1] if found else ""
    kind, message = kind_and_message(said or body)
    given = named(result.attributes.get("type")) or _kind_of_pytest(said)
    if given and kind and given.rpartition(".")[2] != kind.rpartition(".")[2]:
        message = said or body
    if said and body and not body.startswith(said):
        message = f"{message}\n{body}"
    elif said and body:
        message = kind_and_message(body)[1]
    return given or kind, explained(message)


def _kind_of_pytest(said: str) -> str | None:
    if said.startswith("[XPASS(strict)]"):
        return "XPassed"
    return "AssertionError" if said.startswith("assert ") else None


def _milliseconds(seconds: str | None) -> object:
    """What is no number is left as it is, for the reader of lines to refuse."""
    if seconds is None or not seconds.strip():
        return None
    plain = seconds.strip()
    if _THOUSANDS.match(plain):
        plain = plain.replace(",", "")
    try:
        value = float(plain)
    except ValueError:
        return seconds
    return value if not math.isfinite(value * 1000.0) else round(value * 1000.0, 6)


def _is_same(case: JUnitCase, after: JUnitCase) -> bool:
    same = all(case.attributes.get(key) == after.attributes.get(key) for key in ("name", "classname", "file"))
    return same and case.suite_number == after.suite_number


def _is_repeated_by_pytest(case: JUnitCase, after: JUnitCase) -> bool:
    """Whether it is an attempt that failed, which pytest-rerunfailures leaves without its failure."""
    by_pytest = case.run.get("testsuites.name") == "pytest tests" or case.suite.get("name") == "pytest"
    return by_pytest and not case.results and _is_same(case, after)


def _is_teardown_of(case: JUnitCase, after: JUnitCase) -> bool:
    if not after.results or not _is_same(case, after):
        return False
    message = after.results[0].attributes.get("message", "")
    return after.results[0].tag == "error" and message.startswith("failed on teardown with ")
