"""Test cases of a JUnit XML file, read as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import XMLParserType

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from flywheel.capture.seen import Seen
from flywheel.capture.source_files import LONGEST_LINE, SourceFile

MAX_DEPTH: Final = 100
"""Nesting that is read; real files have less than ten levels."""

TEXT_LIMIT: Final = 20_000
"""Characters of a text that are kept; an execution keeps half as many."""

MAX_ATTEMPTS: Final = 50
"""Repeated attempts of one test case that are read; each becomes an execution with all that the case says."""

_BLOCK: Final = 2**16
_MAX_INHERITED: Final = 100
_OVERHEAD: Final = 500
_NAMING: Final = ("file", "classname", "name")
_RESULTS: Final = frozenset(
    {"failure", "error", "skipped", "flakyFailure", "flakyError", "rerunFailure", "rerunError"}
)


class XmlFault(Exception):
    """The rest of the file cannot be read; its text says why."""


@dataclass(slots=True)
class Result:
    """What a test case says of one attempt.

    Attributes:
        tag: failure, error, skipped, or one of surefire's for repeated attempts.
        attributes: type and message, where given.
        text: what stands inside.
    """

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass(slots=True)
class JUnitCase:
    """One test case as the file has it.

    Attributes:
        run: attributes of the outermost and of the first suite, which tell runs apart.
        suite: attributes of the suites around it; the innermost wins.
        suite_number: 1-based number of its suite in the file.
        attributes: name, classname, time and the like.
        results: in the order of the file; none when it passed.
        properties: of the case, and those of its suites that name fields of an execution.
        output: what it printed.
        fault: why it is not read, None as a rule.
        line: number of the line where it begins, None where that is not known.
    """

    run: dict[str, str]
    suite: dict[str, str]
    suite_number: int
    attributes: dict[str, str]
    results: list[Result] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)
    fault: str | None = None
    line: int | None = None

    @property
    def name(self) -> tuple[str | None, ...]:
        """What tells it from the other cases of its file; those of equal names are attempts of one."""
        return str(self.suite_number), *map(self.attributes.get, _NAMING)


def junit_cases(source: SourceFile, own: str) -> Iterator[JUnitCase]:
    """Test cases in the order of the file; one that is too large has no content but a fault.

    Args:
        source: opened file.
        own: how the properties of a suite begin that its cases inherit.

    Raises:
        XmlFault: the file is no XML, ends too early, or carries entities or a document type.
    """
    target = _Target(own, source.limit)
    for _ in _fed(source, target):
        yield from target.taken()


def junit_names(source: SourceFile) -> Seen:
    """How often each test case comes, by `JUnitCase.name`, as far as the file can be read."""
    target = _Names()
    with suppress(XmlFault):
        for _ in _fed(source, target):
            pass
    return target.seen


def _fed(source: SourceFile, target: _Target | _Names) -> Iterator[None]:
    """Give a file to a target in blocks; after each of them, the last too, the target may be emptied."""
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    target.expat = parser.parser
    silent = tagless = 0
    try:
        if not source.stream.peek(1):
            return
        while block := source.stream.read(_BLOCK):
            events, tags = target.events, target.tags
            parser.feed(block)
            yield
            silent = 0 if target.events > events else silent + len(block)
            tagless = 0 if target.tags > tags else tagless + len(block)
            _refuse_endless(silent, tagless, source.limit)
        parser.close()
    except (ParseError, DefusedXmlException, LookupError, ValueError, XmlFault) as error:
        yield
        raise _fault_of(error) from error
    yield


def _refuse_endless(silent: int, tagless: int, limit: int) -> None:
    if silent > limit:
        raise XmlFault(f"has one tag or comment of more than {limit} bytes, need shorter ones")
    if tagless > LONGEST_LINE:
        raise XmlFault(f"has a text of more than {LONGEST_LINE >> 20} MiB, need shorter ones")


def _fault_of(error: Exception) -> XmlFault:
    if isinstance(error, XmlFault):
        return error
    if isinstance(error, ParseError):
        return XmlFault(f"is no well-formed XML from here on: {error}")
    if isinstance(error, DefusedXmlException):
        kind = type(error).__name__
        return XmlFault(f"carries a document type or entities ({kind}), need plain XML")
    return XmlFault(f"has text that cannot be decoded: {error}")


class _Names:
    """Takes the events of the parser; counts the names of test cases."""

    def __init__(self) -> None:
        self.events = self.tags = 0
        self.expat: XMLParserType | None = None
        self.seen = Seen()
        self._depth = self._suite_number = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.events += 1
        self.tags += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise XmlFault("nests too deeply")
        tag = tag.rpartition("}")[2]
        if tag == "testsuite":
            self._suite_number += 1
        elif tag == "testcase":
            self.seen.before(str(self._suite_number), *map(attributes.get, _NAMING))

    def end(self, _tag: str) -> None:
        self._depth -= 1

    def data(self, _data: str) -> None:
        self.events += 1

    def close(self) -> None:
        """The parser calls it at the end."""


class _Target:
    """Takes the events of the parser; keeps what belongs to the case that is read."""

    def __init__(self, own: str, limit: int) -> None:
        self.events = self.tags = 0
        self.expat: XMLParserType | None = None
        self._own = own
        self._limit = limit
        self._done: list[JUnitCase] = []
        self._tags: list[str] = []
        self._suites: list[tuple[dict[str, str], dict[str, str]]] = []
        self._run: dict[str, str] = {}
        self._suite_number = 0
        self._case: JUnitCase | None = None
        self._result: Result | None = None
        self._property: str | None = None
        self._texts: list[str] = []
        self._size = 0
        self._kept = self._repeated = 0

    def taken(self) -> list[JUnitCase]:
        done, self._done = self._done, []
        return done

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.events += 1
        self.tags += 1
        tag = tag.rpartition("}")[2]
        self._tags.append(tag)
        if len(self._tags) > MAX_DEPTH:
            raise XmlFault(f"nests deeper than {MAX_DEPTH} levels, need a file of test cases")
        if len(self._tags) == 1 and tag not in ("testsuites", "testsuite"):
            raise XmlFault(f"begins with <{tag[:60]}>, need <testsuites> or <testsuite>")
        case = self._case
        if tag == "property":
            self._property = attributes.get("name", "")
            self._add_property(attributes.get("value"))
        elif case is None:
            self._open(tag, attributes)
        elif tag in _RESULTS and self._result is None:
            self._result = Result(tag, dict(attributes))
            self._texts, self._size = [], 0
        elif tag in ("system-out", "system-err"):
            # Inside of a repeated attempt it would be taken for the stack trace.
            self._texts, self._size = (self._texts, TEXT_LIMIT) if self._result else ([], 0)

    def data(self, data: str) -> None:
        self.events += 1
        room = TEXT_LIMIT - self._size
        if room > 0:
            self._texts.append(data[:room])
            self._size += len(data)

    def end(self, tag: str) -> None:
        self.events += 1
        self.tags += 1
        tag = tag.rpartition("}")[2]
        self._tags.pop()
        case = self._case
        if tag == "property":
            if self._texts:
                self._add_property("".join(self._texts).strip() or None)
            self._property = None
        elif case is None:
            if tag in ("testsuite", "testsuites") and self._suites:
                self._suites.pop()
        elif tag == "testcase" and "testcase" not in self._tags:
            self._done.append(case)
            self._case = None
        elif self._result is not None:
            if tag == self._result.tag:
                result = self._result
                result.text = "".join(self._texts).strip()
                case.results.append(result)
                self._repeated += tag not in ("failure", "error", "skipped")
                self._keep(case, len(result.text) + sum(map(len, result.attributes.values())))
                self._result = None
        elif tag in ("system-out", "system-err"):
            case.output[tag] = "".join(self._texts).strip()

    def close(self) -> None:
        """The parser calls it at the end."""

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("testsuites", "testsuite"):
            around, own = self._suites[-1] if self._suites else ({}, {})
            suite = {**around, **attributes}
            # A wrapper's name and time must not stand for those of a suite without them.
            for key in ("name", "time", "tests"):
                suite.pop(key, None)
            self._suites.append(({**suite, **attributes}, dict(own)))
            if tag == "testsuite":
                self._suite_number += 1
            if self._suite_number <= 1:
                self._run.update({f"{tag}.{key}": value for key, value in attributes.items()})
        elif tag == "testcase":
            suite, own = self._suites[-1] if self._suites else ({}, {})
            self._case = JUnitCase(
                self._run, suite, self._suite_number, dict(attributes), properties=dict(own)
            )
            self._case.line = self.expat.CurrentLineNumber if self.expat is not None else None
            self._result, self._texts, self._kept, self._repeated = None, [], 0, 0

    def _add_property(self, value: str | None) -> None:
        name = self._property
        self._texts, self._size = [], 0
        if not name or value is None:
            return
        if self._case is not None:
            self._case.properties[name] = value
            self._keep(self._case, len(name) + len(value))
        elif name.startswith(self._own) and self._suites and len(self._suites[-1][1]) < _MAX_INHERITED:
            self._suites[-1][1][name] = value

    def _keep(self, case: JUnitCase, size: int) -> None:
        """Count what a case keeps; one of too much is emptied, so that it cannot fill the memory."""
        self._kept += size + _OVERHEAD
        if self._kept > self._limit:
            case.fault = f"got more than {self._limit} bytes of results or properties, need less"
        elif self._repeated > MAX_ATTEMPTS:
            case.fault = f"got more than {MAX_ATTEMPTS} attempts, need less"
        if case.fault is not None:
            case.results.clear()
            case.properties.clear()
