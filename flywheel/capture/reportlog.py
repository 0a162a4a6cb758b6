"""Executions of the reports that pytest-reportlog writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from flywheel.capture.careful import decoded
from flywheel.capture.foreign import Item
from flywheel.capture.foreign_values import (
    OWN,
    digest,
    explained,
    file_digest,
    kind_and_message,
    known,
    moment_of_seconds,
    named,
    own_fields,
)
from flywheel.capture.plain import plain
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.seen import Seen
from flywheel.capture.source_files import SourceFile, too_long

_PHASES: Final = ("setup", "call", "teardown")
_WORTH_TELLING_S: Final = 0.001
_MAX_FRAMES: Final = 20
_MAX_OPEN: Final = 1_000
_OPEN_BYTES: Final = 16 * 2**20
_MOST_S: Final = 1e300


@dataclass(slots=True)
class Attempt:
    """The reports of one attempt of a test, as far as they came.

    Attributes:
        nodeid: of the test.
        number: 1 for its first attempt in the file.
        position: line of the first report.
        phases: last report of each phase.
        subtests: how many came.
        size: bytes of its reports.
    """

    nodeid: str
    number: int
    position: int
    phases: dict[str, dict[str, Any]] = field(default_factory=dict)
    subtests: int = 0
    size: int = 0


def reportlog_items(source: SourceFile) -> Iterator[Item]:
    """One item for each attempt of each test, each subtest, and each module that could not be collected.

    Positions are lines; that of a test is where its last report stands.
    """
    log = _Log(source)
    position = 0
    for line in source.lines():
        position += 1
        if len(line) > source.limit:
            raw = b"".join(list(source.rest(line))[:1])
            yield Item(position, Refusal(None, too_long(source.limit)), raw)
            continue
        if line.isspace():
            continue
        report = decoded(line)
        if isinstance(report, Refusal):
            yield Item(position, report, line)
            continue
        yield from log.items(position, report, line)
    yield from log.rest(position)


def attempt_line(attempt: Attempt, session: str) -> dict[str, Any]:
    """The line of evidence of an attempt.

    Examples:
        >>> report = {"nodeid": "t.py::test_a", "when": "call", "outcome": "passed", "duration": 0.5}
        >>> attempt_line(Attempt("t.py::test_a", 1, 1, {"call": report}), "s")["latency_ms"]
        500.0
    """
    decisive, outcome, phase = _ending(attempt.phases)
    call, setup = attempt.phases.get("call"), attempt.phases.get("setup")
    begun = call or setup or ({} if phase == "crash" else decisive)
    metadata: dict[str, Any] = {"phase": phase}
    for when in ("setup", "teardown"):
        duration = attempt.phases.get(when, {}).get("duration")
        if isinstance(duration, float) and duration >= _WORTH_TELLING_S:
            metadata[f"{when}_ms"] = _ms(duration)
    teardown = attempt.phases.get("teardown", {})
    if _is_failed(teardown) and phase != "teardown":
        metadata["teardown_error"] = explained(_failure(teardown)[1])
    metadata["subtests"] = attempt.subtests or None
    line = _line(attempt, decisive, outcome, session, metadata)
    line |= {"started_at": moment_of_seconds(begun.get("start"))}
    line |= {"latency_ms": _ms(call.get("duration")) if call else None}
    return known(line) | own_fields(_properties(decisive))


class _Log:
    """What is open while a log is read."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.session = ""
        self._version: object = None
        self._sessions = 0
        self._digest: str | None = None
        self._open: dict[str, Attempt] = {}
        self._size = 0
        self._uncollected: list[tuple[int, dict[str, Any]]] = []
        self._numbers = Seen()

    def items(self, position: int, report: dict[str, Any], raw: bytes) -> Iterator[Item]:
        kind = report.get("$report_type") or report.get("_report_type")
        if kind == "SessionStart":
            # A file may hold several sessions, one after the other.
            yield from self.rest(position)
            self.session, self._version = "", report.get("pytest_version")
            self._numbers = Seen()
        elif kind == "CollectReport":
            # It comes before the first test, whose start names the session.
            if report.get("outcome") in ("failed", "skipped"):
                self._uncollected.append((position, report))
                self._size += len(raw)
            if self._size > _OPEN_BYTES:
                yield from self._collected()
        elif kind in ("TestReport", "SubTestReport"):
            yield from self._test(position, report, raw, is_part=kind == "SubTestReport")
        elif kind is None:
            yield Item(
                position, Refusal(None, f"got {shown(report)}, need a report of pytest-reportlog"), raw
            )

    def rest(self, position: int) -> Iterator[Item]:
        """Tests without the report of their teardown: the process was killed, or the file was cut."""
        yield from self._collected()
        while self._open:
            yield self._closed(next(iter(self._open)), position)

    def _test(self, position: int, report: dict[str, Any], raw: bytes, *, is_part: bool) -> Iterator[Item]:
        for name in ("nodeid", "when", "outcome"):
            if not isinstance(report.get(name), str):
                yield Item(position, Refusal(name, f"got {shown(report.get(name))}, need a text"), raw)
                return
        nodeid, when = str(report["nodeid"]), str(report["when"])
        if not self.session:
            start = report.get("start")
            self._begin(start if isinstance(start, float) else None, nodeid)
        yield from self._collected()
        attempt = self._open.get(nodeid) or self._begun(nodeid, position)
        if is_part:
            yield Item(position, self._subtest(attempt, report))
        else:
            # pytest-xdist tells of a crashed worker by a report of no phase.
            attempt.phases[when if when in _PHASES else "crash"] = report
            attempt.size += len(raw)
            self._size += len(raw)
        if when not in ("setup", "call"):
            yield self._closed(nodeid, position)
        while len(self._open) > _MAX_OPEN or (self._open and self._size > _OPEN_BYTES):
            yield self._closed(next(iter(self._open)), position)

    def _begin(self, start: float | None, nodeid: str) -> None:
        told: object = start
        if start is None:
            self._sessions += 1
            self._digest = self._digest or file_digest(self.source.path)
            told = f"{self._digest} {self._sessions}"
        self.session = f"reportlog-{digest(self._version, told, nodeid)}"

    def _begun(self, nodeid: str, position: int) -> Attempt:
        attempt = Attempt(nodeid, self._numbers.before(nodeid) + 1, position)
        self._open[nodeid] = attempt
        return attempt

    def _subtest(self, attempt: Attempt, report: dict[str, Any]) -> dict[str, Any]:
        attempt.subtests += 1
        described = _described(report)
        again = self._numbers.before(attempt.nodeid, str(attempt.number), described) + 1
        part = f"{described} #{again}" if again > 1 else described
        line = _line(attempt, report, report["outcome"], self.session, {"subtest": part})
        line |= {"started_at": moment_of_seconds(report.get("start"))}
        return known(line | {"latency_ms": _ms(report.get("duration"))})

    def _closed(self, nodeid: str, position: int) -> Item:
        attempt = self._open.pop(nodeid)
        self._size -= attempt.size
        return Item(position, attempt_line(attempt, self.session))

    def _collected(self) -> Iterator[Item]:
        """Modules that could not be collected, or skip themselves as a whole."""
        for position, report in self._uncollected:
            nodeid = str(report.get("nodeid"))
            if not self.session:
                self._begin(None, nodeid)
            attempt = Attempt(nodeid, self._numbers.before("collect", nodeid) + 1, position)
            outcome = "error" if report["outcome"] == "failed" else "skipped"
            yield Item(position, known(_line(attempt, report, outcome, self.session, {"phase": "collect"})))
        if self._uncollected:
            self._uncollected.clear()
            self._size = sum(attempt.size for attempt in self._open.values())


def _ending(phases: dict[str, dict[str, Any]]) -> tuple[dict[str, Any], str, str | None]:
    """The report that decides, the outcome, and the phase where that is not the call."""
    if "crash" in phases:
        return phases["crash"], "error", "crash"
    setup, call, teardown = (phases.get(when) for when in _PHASES)
    if setup is not None and setup.get("outcome") != "passed":
        is_skip = setup.get("outcome") == "skipped"
        return setup, "skipped" if is_skip else "error", "setup"
    ended = "failed" if _is_failed(call) else call["outcome"] if call else "unscored"
    if teardown is not None and _is_failed(teardown) and ended != "failed":
        return teardown, "error", "teardown"
    return call or setup or teardown or {}, ended, None if call else "interrupted"


def _is_failed(report: dict[str, Any] | None) -> bool:
    """Whether it failed; pytest-rerunfailures calls a failure so that it repeats `rerun`."""
    return report is not None and report.get("outcome") in ("failed", "rerun")


def _line(
    attempt: Attempt, report: dict[str, Any], outcome: str, session: str, metadata: dict[str, Any]
) -> dict[str, Any]:
    nodeid, part = attempt.nodeid, metadata.get("subtest", "")
    properties = _properties(report)
    own = {key: plain(value) for key, value in properties.items() if not key.startswith(OWN)}
    case_id = f"{nodeid} {part}" if part else nodeid
    kind, message = _failure(report) if outcome in ("failed", "error") else (None, None)
    expected = report.get("wasxfail")
    longrepr = report.get("longrepr")
    if outcome == "skipped" and expected is None and isinstance(longrepr, list) and longrepr:
        metadata["reason"] = explained(str(longrepr[-1]).removeprefix("Skipped: "))
    collecting = metadata.get("phase") == "collect"
    return {
        "execution_id": f"{session}-{digest(nodeid, attempt.number, part, collecting)}",
        "session_id": session,
        "case_id": named(case_id),
        "slice": named(nodeid.split("::", 1)[0].removesuffix(".py")),
        "outcome": outcome,
        "retries": attempt.number - 1 or None,
        "error_type": kind,
        "error_message": message,
        "metadata": known(
            metadata
            | {"attempt": attempt.number, "properties": own}
            | ({"xpassed" if outcome == "passed" else "xfailed": explained(expected)} if expected else {})
        ),
    }


def _described(report: dict[str, Any]) -> str:
    """What a subtest is called, as pytest prints it."""
    context = report.get("_subtest.context") or report.get("context")
    context = context if isinstance(context, dict) else {}
    kwargs = context.get("kwargs")
    said = [f"[{context['msg']}]"] if context.get("msg") is not None else []
    if isinstance(kwargs, dict) and kwargs:
        # Values are written as their repr, and by pytest-xdist as the repr of that.
        values = {key: str(value).strip("'\"") for key, value in kwargs.items()}
        said.append(f"({', '.join(f'{key}={value}' for key, value in values.items())})")
    return " ".join(said) or "(subtest)"


def _failure(report: dict[str, Any]) -> tuple[str | None, str | None]:
    """Class of the error, and its text with the places it came through."""
    longrepr = report.get("longrepr")
    if not isinstance(longrepr, dict):
        whole = longrepr if isinstance(longrepr, str) else ""
        told = [line[1:].strip() for line in whole.splitlines() if line.startswith("E  ")]
        kind, message = kind_and_message(next((line for line in told if kind_and_message(line)[0]), whole))
        return ("XPassed" if whole.startswith("[XPASS") else kind or "Failed"), explained(message)
    crash = longrepr.get("reprcrash")
    said = crash.get("message") if isinstance(crash, dict) else None
    kind, message = kind_and_message(said if isinstance(said, str) else "")
    return kind or ("AssertionError" if message.startswith("assert ") else "Failed"), explained(
        "\n".join([message, *_frames(longrepr.get("reprtraceback"))])
    )


def _frames(told: object) -> list[str]:
    entries = told.get("reprentries") if isinstance(told, dict) else None
    frames = []
    for entry in entries if isinstance(entries, list) else ():
        data = entry.get("data") if isinstance(entry, dict) else None
        place = data.get("reprfileloc") if isinstance(data, dict) else None
        if isinstance(place, dict):
            frames.append(f"{place.get('path')}:{place.get('lineno')}: {place.get('message') or ''}")
    return frames[-_MAX_FRAMES:]


def _properties(report: dict[str, Any]) -> dict[str, Any]:
    pairs = report.get("user_properties")
    if not isinstance(pairs, list):
        return {}
    return {str(pair[0]): pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2}


def _ms(seconds: object) -> object:
    """What is no number is left as it is, for the reader of lines to refuse."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return seconds
    # A clock that was set back gives a negative duration of less than a millisecond.
    if -0.001 < seconds <= 0.0:
        return 0.0
    return round(float(seconds) * 1000.0, 6) if abs(seconds) < _MOST_S else str(seconds)
