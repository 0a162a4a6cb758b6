"""Test cases of a JUnit XML file, read as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from flywheel.capture.source_files import SourceFile

MAX_DEPTH: Final = 100
"""Nesting that is read; real files have less than ten levels."""

TEXT_LIMIT: Final = 20_000
"""Characters of a text that are kept; an execution keeps half as many."""

_BLOCK: Final = 2**16
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
    """

    run: dict[str, str]
    suite: dict[str, str]
    suite_number: int
    attributes: dict[str, str]
    results: list[Result] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)


def junit_cases(source: SourceFile, own: str) -> Iterator[JUnitCase]:
    """Test cases in the order of the file.

    Args:
        source: opened file.
        own: how the properties of a suite begin that its cases inherit.

    Raises:
        XmlFault: the file is no XML, ends too early, or carries entities or a document type.
    """
    target = _Target(own)
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    silent = 0
    try:
        while block := source.stream.read(_BLOCK):
            seen = target.events
            parser.feed(block)
            yield from target.taken()
            silent = 0 if target.events > seen else silent + len(block)
            if silent > source.limit:
                raise XmlFault(f"has one tag or comment of more than {source.limit} bytes, need shorter ones")
        parser.close()
    except ParseError as error:
        yield from target.taken()
        raise XmlFault(f"is no well-formed XML from here on: {error}") from error
    except DefusedXmlException as error:
        yield from target.taken()
        raise XmlFault(
            f"carries a document type or entities ({type(error).__name__}), need plain XML"
        ) from error
    except (LookupError, ValueError) as error:
        yield from target.taken()
        raise XmlFault(f"has text that cannot be decoded: {error}") from error
    yield from target.taken()


class _Target:
    """Takes the events of the parser; keeps what belongs to the case that is read."""

    def __init__(self, own: str) -> None:
        self.events = 0
        self._own = own
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

    def taken(self) -> list[JUnitCase]:
        done, self._done = self._done, []
        return done

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.events += 1
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
                self._result.text = "".join(self._texts).strip()
                case.results.append(self._result)
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
            self._result, self._texts = None, []

    def _add_property(self, value: str | None) -> None:
        name = self._property
        self._texts, self._size = [], 0
        if not name or value is None:
            return
        if self._case is not None:
            self._case.properties[name] = value
        elif name.startswith(self._own) and self._suites:
            self._suites[-1][1][name] = value
