"""Executions of the test cases of a JUnit XML file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flywheel.capture.foreign import Item, LeftOut
from flywheel.capture.foreign_values import OWN, digest, file_digest
from flywheel.capture.junit_lines import NEVER, REPEATED, junit_lines
from flywheel.capture.junit_xml import JUnitCase, XmlFault, junit_cases, junit_names
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.seen import Seen
from flywheel.capture.source_files import SourceFile, opened

_TEARDOWN: Final = "failed on teardown with "
_TEARDOWNS: Final = LeftOut("teardown errors of test cases that had failed already")


def junit_items(source: SourceFile) -> Iterator[Item]:
    """One item for each attempt of each test case; positions count test cases.

    A case that only tells of a failed teardown, as pytest writes it after the
    case itself, becomes part of that case.
    """
    run = _Run(source)
    position, waiting = 0, None
    try:
        for case in junit_cases(source, OWN):
            position += 1
            if position == 1:
                run.begin(case)
            if run.is_teardown(case):
                if waiting is not None and waiting[1].name == case.name:
                    waiting[1].output["teardown"] = case.results[0].attributes["message"]
                else:
                    yield Item(position, _TEARDOWNS)
                continue
            if waiting is not None:
                yield from run.items(*waiting, case)
            waiting = position, case
        if waiting is not None:
            yield from run.items(*waiting, None)
    except XmlFault as fault:
        if waiting is not None:
            yield from run.items(*waiting, None)
        yield Item(position + 1, Refusal(None, f"{fault}; the test cases before stay stored"))


def session_of(case: JUnitCase, path: Path) -> str:
    """Tells runs apart: by what the file says of its run, and by all of it where it has no time."""
    timed = any(key.endswith(".timestamp") and value != NEVER for key, value in case.run.items())
    facts = sorted(case.run.items())
    return f"junit-{digest(facts) if timed else digest(facts, file_digest(path))}"


class _Run:
    """What is known of the run that a file tells of.

    pytest leaves out how the attempts before the last one ended. Which one is
    the last shows only at the end of the file, since pytest-xdist mixes the
    cases of several workers; so the names in a file of pytest are counted first.
    """

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.session = ""
        self._is_of_pytest = False
        self._names: Seen | None = None
        self._attempts = Seen()
        self._failed = Seen()

    def begin(self, case: JUnitCase) -> None:
        """Look at the first case; a pipe can be read only once, so that there the next case has to tell."""
        self.session = session_of(case, self.source.path)
        if case.run.get("testsuites.name") == "pytest tests" or case.suite.get("name") == "pytest":
            self._is_of_pytest = True
            if self.source.path.is_file():
                with opened(self.source.path, self.source.limit, decoded=b"") as again:
                    self._names = junit_names(again)

    def is_teardown(self, case: JUnitCase) -> bool:
        """Whether a case tells again of one that failed, now of its teardown."""
        if not (self._is_of_pytest and case.results):
            return False
        result = case.results[0]
        is_told = result.tag == "error" and result.attributes.get("message", "").startswith(_TEARDOWN)
        return self._failed.before(*case.name) > 0 and is_told

    def items(self, position: int, case: JUnitCase, after: JUnitCase | None) -> Iterator[Item]:
        """An item for each attempt that a case tells of."""
        if case.fault is not None:
            name = shown(case.attributes.get("name"))
            yield Item(position, Refusal(None, f"{name}: {case.fault}"), begins_at=case.line)
            return
        before = self._attempts.before(*case.name)
        if self._is_of_pytest and not case.results and self._comes_again(case, before + 1, after):
            case.results.append(REPEATED)
        lines = junit_lines(case, self.session, before + 1)
        for _ in lines[1:]:
            self._attempts.before(*case.name)
        for line in lines:
            yield Item(position, line, begins_at=case.line)

    def _comes_again(self, case: JUnitCase, told: int, after: JUnitCase | None) -> bool:
        """Whether it is an attempt that failed, which pytest-rerunfailures leaves without its failure."""
        if self._names is None:
            return after is not None and after.name == case.name
        return told < self._names.total(*case.name)
