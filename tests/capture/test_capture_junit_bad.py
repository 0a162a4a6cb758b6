"""JUnit XML that is damaged, hostile or merely odd."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest
from foreign_files import added_up, imported, kept, sample

from flywheel.capture.importing import ImportReport
from flywheel.capture.junit_xml import MAX_ATTEMPTS, MAX_DEPTH
from flywheel.errors import InputError
from flywheel.store.open import SqlStore, open_store

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="s" timestamp="2026-01-01T00:00:00Z">'
GOOD = '<testcase classname="c" name="good" time="1"/>'


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def read(folder: Path, content: str | bytes, store: SqlStore, **settings: int) -> ImportReport:
    """Import a file of some content."""
    path = folder / "report.xml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    report = imported(path, store, quarantine_folder=folder / "q", **settings)
    assert added_up(report)
    return report


def reasons(report: ImportReport) -> list[str]:
    """Why items were rejected."""
    return [rejection.reason for rejection in report.rejections]


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><testsuite>&b;</testsuite>',
        '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&x;"/></testsuite>',
        '<!DOCTYPE t SYSTEM "http://127.0.0.1:9/x.dtd"><testsuite><testcase name="t"/></testsuite>',
        "<!DOCTYPE t><testsuite/>",
    ],
)
def test_document_types_and_entities_are_refused(hostile: str, memory: SqlStore, tmp_path: Path):
    """Neither is anything expanded, nor another file or address read."""
    report = read(tmp_path, hostile, memory)

    assert (report.stored, report.rejected) == (0, 1)
    assert "carries a document type or entities" in reasons(report)[0]


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("", "no element found"),
        ('<testcase name="cut', "unclosed token"),
        ("<testcase></wrong></testsuite>", "mismatched tag"),
        (f"{'<a>' * (MAX_DEPTH + 1)}", "nests deeper than 100 levels"),
        ("<testcase name='t'>\0</testcase></testsuite>", "not well-formed"),
        ("<testcase name='t'>&nothing;</testcase></testsuite>", "undefined entity"),
        ("</testsuite><testsuite/>", "junk after document element"),
    ],
)
def test_what_stands_before_the_damage_is_stored(rest: str, words: str, memory: SqlStore, tmp_path: Path):
    """The cases before it are kept, also those of the same block; one rejection says why it ends there."""
    report = read(tmp_path, HEAD + GOOD * 3 + rest, memory)

    assert (report.stored, report.rejected) == (3, 1)
    assert words in reasons(report)[0]
    assert "the test cases before stay stored" in reasons(report)[0]
    assert report.rejections[0].position == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("plain words", "no well-formed XML"),
        ("<html><body/></html>", "begins with <html>, need <testsuites>"),
        ('{"outcome": "passed"}', "not well-formed"),
        ('<?xml version="1.0" encoding="gb18030"?><testsuite/>', "cannot be decoded"),
        ('<?xml version="1.0" encoding="no-such"?><testsuite/>', "unknown encoding"),
    ],
)
def test_other_files_are_told(content: str, words: str, memory: SqlStore, tmp_path: Path):
    """A file that is no JUnit XML at all stores nothing and says what it is."""
    report = read(tmp_path, content, memory)

    assert (report.read, report.rejected) == (1, 1)
    assert words in reasons(report)[0]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_says_so(content: bytes, memory: SqlStore, tmp_path: Path):
    """Nothing read is told, not called damaged."""
    report = read(tmp_path, content, memory)

    assert (report.read, report.rejected) == (0, 0)
    assert "is empty" in report.notes[0]


def test_a_file_without_cases_says_so(memory: SqlStore, tmp_path: Path):
    """It is not empty, and tells of nothing all the same."""
    report = read(tmp_path, '<testsuites tests="0"><testsuite name="s" tests="0"/></testsuites>', memory)

    assert (report.read, report.rejected) == (0, 0)
    assert "tells of no execution" in report.notes[0]


def test_a_pipe_is_read_once(memory: SqlStore, tmp_path: Path):
    """There attempts that pytest repeated are recognised when they follow each other."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = sample("pytest-reruns.xml").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()

    report = imported(pipe, memory, "junit")
    writer.join()

    assert (report.stored, report.rejected) == (6, 0)
    assert [row["outcome"] for row in kept(memory)] == [
        "unscored",
        "passed",
        "unscored",
        "unscored",
        "failed",
        "passed",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "iso-8859-1"])
def test_xml_names_its_encoding(encoding: str, memory: SqlStore, tmp_path: Path):
    """Whatever of these a tool wrote is read, since the first line of XML says it."""
    declared = "utf-8" if encoding == "utf-8-sig" else "utf-16" if "16" in encoding else encoding
    text = (
        f'<?xml version="1.0" encoding="{declared}"?><testsuite name="s"><testcase name="Grüße"/></testsuite>'
    )
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""

    report = read(tmp_path, mark + text.encode(encoding), memory)

    assert (report.stored, kept(memory)[0]["case_id"]) == (1, "Grüße")


def test_an_archive_is_refused_as_a_whole(memory: SqlStore, tmp_path: Path):
    """It says what the file is, and stores nothing."""
    with pytest.raises(InputError, match="is a zip archive"):
        read(tmp_path, b"PK\x03\x04 and so on", memory)


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ('time="1e308"', "latency_ms"),
        ('time="1e999"', "latency_ms"),
        ('time="nan"', "latency_ms"),
        ('time="-3"', "latency_ms"),
        ('time="fast"', "latency_ms"),
        ('timestamp="2026-13-45T99:99:99"', "started_at"),
        ('timestamp="tomorrow"', "started_at"),
    ],
)
def test_impossible_numbers_are_set_aside(attributes: str, field: str, memory: SqlStore, tmp_path: Path):
    """The case goes to quarantine with the field at fault; its neighbours are stored."""
    odd = f'<testcase name="odd" {attributes}/>'

    report = read(tmp_path, f"{HEAD}{GOOD}{odd}<testcase name='other'/></testsuite>", memory)

    assert (report.stored, report.rejected) == (2, 1)
    assert (report.rejections[0].position, report.rejections[0].field) == (2, field)


def test_times_with_thousands_are_read(memory: SqlStore, tmp_path: Path):
    """Surefire writes a comma between thousands."""
    read(tmp_path, f'{HEAD}<testcase name="slow" time="1,234.5"/></testsuite>', memory)

    assert kept(memory)[0]["latency_ms"] == 1_234_500.0


def test_a_case_that_is_too_large_is_set_aside(memory: SqlStore, tmp_path: Path):
    """Too many results or properties reject this case alone."""
    results = "<failure>no</failure>" * 100
    properties = "".join(f'<property name="p{n}" value="v"/>' for n in range(100))
    flaky = '<flakyFailure message="no"/>' * (MAX_ATTEMPTS + 1)
    odd = [
        f'<testcase name="odd{n}">{inside}</testcase>'
        for n, inside in enumerate((results, properties, flaky))
    ]

    report = read(tmp_path, HEAD + GOOD.join(["", *odd[:2], ""]) + "</testsuite>", memory, line_limit=20_000)
    again = read(tmp_path, f"{HEAD}{odd[2]}</testsuite>", memory)

    assert (report.stored, report.rejected, again.rejected) == (3, 2, 1)
    assert "'odd0': got more than 20000 bytes" in reasons(report)[0]
    assert "got more than 50 attempts" in reasons(again)[0]


def test_a_tag_without_an_end_is_not_read_forever(memory: SqlStore, tmp_path: Path):
    """A tag, or a comment, longer than a line may be ends the reading."""
    for endless in ('<testcase name="' + "x" * 300_000, "<!--" + "x" * 300_000):
        report = read(tmp_path, HEAD + GOOD + endless, memory, line_limit=100_000)

        assert report.rejected == 1
        assert "has one tag or comment of more than 100000 bytes" in reasons(report)[0]


def test_long_texts_are_cut(memory: SqlStore, tmp_path: Path):
    """A megabyte of output is no reason to reject a case."""
    failure = f'<failure message="no">{"x" * 2_000_000}</failure><system-out>{"y" * 2_000_000}</system-out>'

    read(tmp_path, f'{HEAD}<testcase name="loud">{failure}</testcase></testsuite>', memory)

    assert len(kept(memory)[0]["error_message"]) < 20_100
    assert len(kept(memory)[0]["metadata"]["system_out"]) < 4_100


def test_a_packed_file_is_read(memory: SqlStore, tmp_path: Path):
    """Gzip is unpacked as it is read, and attempts that workers mixed are known all the same."""
    packed = gzip.compress(sample("pytest-interleaved.xml").read_bytes())

    report = read(tmp_path, packed, memory)

    assert (report.stored, report.rejected) == (11, 0)
    assert [row["outcome"] for row in kept(memory)].count("unscored") == 1


def test_a_packed_file_that_was_cut_is_damaged(memory: SqlStore, tmp_path: Path):
    """It says so; what was read before stays stored."""
    packed = gzip.compress(f"{HEAD}{GOOD}</testsuite>".encode())

    with pytest.raises(InputError, match="is damaged"):
        read(tmp_path, packed[:-12], memory)


def test_equal_names_are_attempts(memory: SqlStore, tmp_path: Path):
    """The same case twice in a suite is a retry of CI; in two suites it is two cases."""
    suite = f'<testsuite name="s">{GOOD}{GOOD}</testsuite>'

    report = read(tmp_path, f"<testsuites>{suite}{suite}</testsuites>", memory)

    assert (report.stored, report.replaced) == (4, 0)
    assert [row["retries"] for row in kept(memory)] == [None, 1, None, 1]


def test_ids_that_users_gave_twice_are_one_execution(memory: SqlStore, tmp_path: Path):
    """The last of them counts, as in any other format; importing again changes nothing."""
    own = '<properties><property name="flywheel.execution_id" value="x"/></properties>'
    content = f'{HEAD}<testcase name="a">{own}</testcase><testcase name="b">{own}</testcase></testsuite>'

    read(tmp_path, content, memory)
    again = read(tmp_path, content, memory)

    assert [row["case_id"] for row in kept(memory)] == ["b"]
    assert (again.stored, again.replaced) == (0, 0)


def test_second_version_of_go_junit_report_is_read(memory: SqlStore, tmp_path: Path):
    """It writes CDATA and the output of passed tests; written after its documentation, not by the tool."""
    content = (
        '<testsuites tests="2"><testsuite name="acme/pay" tests="2" failures="1" hostname="h" time="0.1" '
        'timestamp="2026-01-01T00:00:00Z"><properties><property name="go.version" value="1.22"></property>'
        '</properties><testcase name="TestGood" classname="acme/pay" time="0.020">'
        "<system-out><![CDATA[    pay_test.go:6: ok]]></system-out></testcase>"
        '<testcase name="TestBad" classname="acme/pay" time="0.000">'
        '<failure message="Failed"><![CDATA[    pay_test.go:9: got 1, want 2]]></failure></testcase>'
        "<system-out><![CDATA[exit status 1]]></system-out></testsuite></testsuites>"
    )

    read(tmp_path, content, memory)
    good, bad = kept(memory)

    assert (good["case_id"], good["outcome"], good["latency_ms"]) == ("acme/pay::TestGood", "passed", 20.0)
    assert bad["error_message"] == "pay_test.go:9: got 1, want 2"
