"""Files that nobody would write: every importer keeps its word on them."""

from __future__ import annotations

import json
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from foreign_files import DATA, added_up, imported
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flywheel.capture.reasons import FIELDS
from flywheel.errors import InputError
from flywheel.store.open import SqlStore, open_store

LAW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NUMBER = count()

FRAGMENTS = [
    b"",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r",
    b"<",
    b">",
    b"&",
    b"&#0;",
    b"&#x1F600;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"<!DOCTYPE t>",
    b"<testcase>",
    b"</testcase>",
    b"<testsuite>",
    b"</testsuite>",
    b"<failure/>",
    b"<flakyError>",
    b'<property name="flywheel.outcome" value="1e308"/>',
    b' time="1e999"',
    b' name="t"',
    b'"',
    b"'",
    b",",
    b"{",
    b"}",
    b"[" * 300,
    b"null",
    b"NaN",
    b"-1e308",
    b"9" * 5_000,
    b'\\ud800"',
    b'"when": "teardown", "when"',
]
CSV = (
    b"execution_id,outcome,latency_ms,inputs,started_at,comment\r\n"
    b'r1,passed,12.5,"{""q"": 1}",2026-01-01T00:00:00Z,"a, b\nc"\r\n'
    b"r2,failed,,text,,\r\nr3,error,1e3,[1],2026-01-01T00:00:00+02:00,Gr\xc3\xbc\xc3\x9fe\r\n"
)
JSONL = (
    b'{"execution_id": "r1", "outcome": "passed", "inputs": {"q": [1, null]}, "latency_ms": 12.5}\n'
    b'{"outcome": "failed", "models": [{"model": "m"}], "started_at": "2026-01-01T00:00:00Z"}\n'
    b'{"execution_id": "r3", "outcome": "error", "error_message": "Gr\xc3\xbc\xc3\x9fe \\ud83d\\ude00"}\n'
)

odd_texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "t", "a.py::t", "1e308", "-1", "nan", "2026-13-01T00:00:00", "passed", "x" * 400, "\0"]
    ),
)
odd_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), odd_texts, st.just(10**400)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(odd_texts, inner, max_size=3)),
    max_leaves=5,
)


@cache
def store() -> SqlStore:
    """One store in memory for all examples; each has a workspace of its own."""
    return open_store("sqlite://")


def keeps_its_word(folder: Path, kind: str, content: bytes) -> None:
    """Import a file twice: only InputError is raised, counts add up, the second time changes nothing."""
    path = folder / f"file.{kind}"
    path.write_bytes(content)
    chosen = {"workspace": f"w{next(NUMBER)}", "quarantine_folder": folder / "q", "line_limit": 100_000}
    try:
        first = imported(path, store(), kind, **chosen)
    except InputError:
        with pytest.raises(InputError):
            imported(path, store(), kind, **chosen)
        return
    again = imported(path, store(), kind, **chosen)

    assert added_up(first)
    assert added_up(again)
    assert (again.read, again.stored, again.replaced, again.rejected) == (first.read, 0, 0, first.rejected)
    assert (first.rejected > 0) == (first.quarantine_path is not None)


@st.composite
def damaged(draw: st.DrawFn, *originals: bytes) -> bytes:
    """A good file with some bytes replaced, removed, repeated or put in."""
    content = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.sampled_from([0, 0, 1, 3, 30, 1_000]))
        kind = draw(st.integers(0, 2))
        if kind == 0:
            content[start:end] = draw(st.sampled_from(FRAGMENTS))
        elif kind == 1:
            content[start:end] = draw(st.binary(max_size=5))
        else:
            content[start:start] = content[start : start + draw(st.integers(0, 2_000))]
    return bytes(content)


def samples(folder: str) -> tuple[bytes, ...]:
    """Files that the tools wrote."""
    return tuple(path.read_bytes() for path in sorted((DATA / folder).iterdir()))


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> str:
    """XML with the tags and attributes of JUnit in any order, around each other."""
    tags = [
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
        "flakyFailure",
        "rerunError",
    ]
    tag = draw(st.sampled_from([*tags, "property", "properties", "system-out", "stackTrace", "x:y"]))
    tag = tags[0] if depth == 0 else tag
    names = ["name", "classname", "file", "line", "time", "timestamp", "message", "type", "value", "status"]
    values = st.one_of(
        odd_texts, st.sampled_from(["pytest", "flywheel.model", "failed on teardown with ", "Failed"])
    )
    given_ones = draw(st.dictionaries(st.sampled_from(names), values, max_size=4))
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in given_ones.items())
    inside = "".join(draw(st.lists(trees(depth + 1), max_size=3))) if depth < 4 else draw(odd_texts)
    return f"<{tag}{attributes}>{inside}</{tag}>"


reports = st.fixed_dictionaries(
    {
        "$report_type": st.sampled_from(
            ["TestReport", "TestReport", "SubTestReport", "CollectReport", "SessionStart"]
        )
    },
    optional={
        "nodeid": st.one_of(st.sampled_from(["a.py::t", "b.py::t"]), odd_json),
        "when": st.one_of(st.sampled_from(["setup", "call", "teardown", "???"]), odd_json),
        "outcome": st.one_of(st.sampled_from(["passed", "failed", "skipped", "rerun"]), odd_json),
        "duration": odd_json,
        "start": st.one_of(st.just(1.7e9), odd_json),
        "longrepr": st.one_of(
            odd_json,
            st.fixed_dictionaries({}, optional={"reprcrash": odd_json, "reprtraceback": odd_json}),
            st.just({"reprtraceback": {"reprentries": [{"data": {"reprfileloc": {"path": 1}}}, 3]}}),
        ),
        "user_properties": st.one_of(
            odd_json,
            st.lists(st.tuples(st.sampled_from(FIELDS).map("flywheel.".__add__), odd_json), max_size=2),
        ),
        "wasxfail": odd_json,
        "_subtest.context": st.one_of(odd_json, st.just({"msg": [1], "kwargs": {"a": {}}})),
    },
)


@LAW
@given(content=damaged(*samples("junit")))
def test_damaged_junit_files(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    """Any damage to a file of a tool is told; what can be read is stored."""
    keeps_its_word(tmp_path_factory.mktemp("fuzz"), "junit", content)


@LAW
@given(content=trees())
def test_odd_junit_files(tmp_path_factory: pytest.TempPathFactory, content: str):
    """Tags and attributes in any order are read, or set aside."""
    keeps_its_word(tmp_path_factory.mktemp("fuzz"), "junit", content.encode("utf-8", "replace"))


@LAW
@given(content=damaged(*samples("reportlog")))
def test_damaged_report_logs(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    """Any damage to a log is told; what can be read is stored."""
    keeps_its_word(tmp_path_factory.mktemp("fuzz"), "reportlog", content)


@LAW
@given(lines=st.lists(reports, max_size=8))
def test_odd_report_logs(tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]):
    """Reports with any value in any place are read, or set aside."""
    keeps_its_word(tmp_path_factory.mktemp("fuzz"), "reportlog", as_lines(lines))


@LAW
@given(content=damaged(JSONL))
def test_damaged_lines(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    """Any damage to lines of evidence is told; what can be read is stored."""
    keeps_its_word(tmp_path_factory.mktemp("fuzz"), "jsonl", content)


@LAW
@given(lines=st.lists(st.dictionaries(st.sampled_from([*FIELDS, "odd"]), odd_json, max_size=5), max_size=8))
def test_odd_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]):
    """Fields with any value are read, or set aside."""
    keeps_its_word(
        tmp_path_factory.mktemp("fuzz"), "jsonl", as_lines([{"outcome": "passed"} | line for line in lines])
    )


@LAW
@given(content=damaged(CSV, CSV.replace(b",", b";"), CSV.replace(b"\r\n", b"\n")))
def test_damaged_csv_files(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    """Any damage to a table is told; what can be read is stored."""
    keeps_its_word(tmp_path_factory.mktemp("fuzz"), "csv", content)


@LAW
@given(
    names=st.lists(st.sampled_from(FIELDS), unique=True, max_size=4),
    rows=st.lists(st.lists(odd_texts, max_size=6), max_size=6),
)
def test_odd_csv_files(tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: list[list[str]]):
    """Cells with any text, and rows with any number of cells, are read, or set aside."""
    table = [["outcome", *(name for name in names if name != "outcome")], *(["passed", *row] for row in rows)]
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in table)

    keeps_its_word(tmp_path_factory.mktemp("fuzz"), "csv", text.encode("utf-8", "replace"))


def as_lines(objects: list[dict[str, Any]]) -> bytes:
    """One JSON object a line, NaN and half characters too."""
    return "".join(json.dumps(one) + "\n" for one in objects).encode()
