"""CSV files, whose cells are all texts."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.capture.mapping import ColumnMapping, parse_pairs
from flywheel.errors import MappingError
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import SqlStore, open_store


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def imported(
    folder: Path, content: str | bytes, store: SqlStore, *pairs: str, line_limit: int = 8 * 2**20
) -> ImportReport:
    """Write a CSV file and import it."""
    path = folder / "runs.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    mapping = parse_pairs(pairs) if pairs else None
    chosen = ImportSettings("csv", mapping=mapping, quarantine_folder=folder / "q", line_limit=line_limit)
    return import_file(path, store, chosen)


def kept(store: SqlStore, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of what is stored, in the order of storing."""
    with store.executions.database.read() as connection:
        query = sa.select(*(EXECUTION.c[name] for name in columns)).order_by(EXECUTION.c.seq)
        return [tuple(row) for row in connection.execute(query)]


def test_cells_are_read_as_their_fields_need(memory: SqlStore, tmp_path: Path):
    """Numbers, outcomes, times and JSON are read from text; texts stay texts; empty is absent."""
    content = (
        "execution_id,outcome,score,latency_ms,input_tokens,started_at,inputs,expected,comment,models\n"
        'a, PASSED ,,12.50,3.0,2026-01-01T00:00:00Z,"{""q"": [1]}",018,true,"[{""model"": ""m""}]"\n'
        "b,false,,,,,[not json,{},,\n"
    )

    report = imported(tmp_path, content, memory)

    assert (report.stored, report.rejected) == (2, 0)
    names = (
        "outcome",
        "score",
        "latency_ms",
        "input_tokens",
        "inputs",
        "expected",
        "comment",
        "models",
        "source",
    )
    assert kept(memory, *names) == [
        ("passed", 1.0, 12.5, 3, '{"q":[1]}', '"018"', "true", '[{"model":"m"}]', "csv"),
        ("failed", 0.0, None, None, '"[not json"', "{}", None, None, "csv"),
    ]


@pytest.mark.parametrize(
    ("cell", "column", "words"),
    [
        ("fast", "latency_ms", "got 'fast', need a finite number"),
        ("nan", "latency_ms", "got 'nan', need a finite number"),
        ("inf", "cost_usd", "got 'inf', need a finite number"),
        ("1e400", "cost_usd", "got '1e400', need a finite number"),
        ("1_000", "input_tokens", "got '1_000', need a whole number"),
        ("1.5", "input_tokens", "got 1.5, need a whole number"),
        ("99999999999999999999", "input_tokens", "below 2**63"),
        ("٣", "rating", "got '٣', need a whole number from 1 to 5"),
        ("2", "score", "got 2.0, need a number from 0 to 1"),
        ("yes", "outcome", "got 'yes', need one of passed"),
        ("2026-01-01T00:00:00", "started_at", "with an offset"),
        ("[{}", "models", "got '[{}', need a list"),
        ("x" * 301, "case_id", "need a text of 1 to 300 characters"),
    ],
)
def test_a_bad_cell_is_rejected_with_its_row(
    cell: str, column: str, words: str, memory: SqlStore, tmp_path: Path
):
    """A cell that its field cannot take rejects the row, and names the line where it starts."""
    other = "outcome" if column != "outcome" else "comment"
    text = io.StringIO()
    csv.writer(text).writerows([[other, column], ["passed", ""], ["passed", cell]])

    report = imported(tmp_path, text.getvalue(), memory)

    rejected = [r for r in report.rejections if r.position == 3]
    assert [r.field for r in rejected] == [column]
    assert words in rejected[0].reason


def test_rejected_rows_keep_their_header(memory: SqlStore, tmp_path: Path):
    """The quarantine file is a CSV file again, with the original bytes of header and rows."""
    content = b'outcome;comment\r\npassed;fine\r\npased;"two\r\nlines"\r\npassed\r\n'

    report = imported(tmp_path, content, memory)

    assert [(r.position, r.reason[:22]) for r in report.rejections] == [
        (3, "got 'pased', need one "),
        (5, "got 1 cells, need 2, o"),
    ]
    assert report.quarantine_path is not None
    assert report.quarantine_path.suffix == ".csv"
    assert report.quarantine_path.read_bytes() == b'outcome;comment\r\npased;"two\r\nlines"\r\npassed\r\n'


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_separator_is_found(sign: str, mark: bytes, memory: SqlStore, tmp_path: Path):
    """The sign between cells is found by the header, behind a byte-order mark too."""
    content = f"outcome{sign}latency_ms{sign}comment\n\npassed{sign}12{sign}a b\n{sign}{sign}\n".encode()

    report = imported(tmp_path, mark + content, memory)

    assert (report.read, report.stored) == (1, 1)
    assert kept(memory, "latency_ms", "comment") == [(12.0, "a b")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("outcome,colour,taskid\n", "'colour', 'taskid'"),
        ("outcome,colour,taskid\n", r"--map 'taskid=case_id'"),
        ("score,comment\n", "no column that gives the outcome"),
        ("outcome,comment,comment\n", r"\['comment'\] more than once"),
        ("passed,1,fine\n", "Name the columns in the first line"),
        ('outcome,"comment\n', "no readable header"),
        ("outcome,comment\rpassed,a\r", "end lines with LF or CRLF"),
        (f"outcome,{'x' * 2000}\n", "got a line of more than 1000 bytes"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_at_once(
    content: str, words: str, memory: SqlStore, tmp_path: Path
):
    """What is wrong with all rows is said once, before any is stored."""
    with pytest.raises(MappingError, match=words) as caught:
        imported(tmp_path, content + "passed,1,fine\n", memory, line_limit=1000)

    assert "Nothing was stored" in str(caught.value)


def test_a_mapped_column_must_be_in_the_header(memory: SqlStore, tmp_path: Path):
    """A typing error in --map is refused, with the columns there are."""
    with pytest.raises(MappingError, match=r"\['ok'\]; .* has 'outcome'"):
        imported(tmp_path, "outcome\npassed\n", memory, "ok=outcome")


def test_an_index_without_a_name_is_left_out(memory: SqlStore, tmp_path: Path):
    """The nameless first column of a data frame is no evidence."""
    assert imported(tmp_path, ",outcome\n0,passed\n1,failed\n", memory).stored == 2


def test_a_file_with_a_header_alone_and_an_empty_one_are_empty(memory: SqlStore, tmp_path: Path):
    """Nothing is read, and that is told."""
    for content in ("", "outcome\n"):
        report = imported(tmp_path, content, memory)

        assert report.read == 0
        assert "nothing was read" in report.notes[0]


def test_a_stray_quote_rejects_its_line_only(memory: SqlStore, tmp_path: Path):
    """A quote that nobody closes does not take the rest of the file with it."""
    content = 'outcome,comment\npassed,a\npassed,"open\npassed,b\npassed,"c"\npassed,d\n'

    report = imported(tmp_path, content, memory)

    assert (report.stored, report.rejected) == (4, 1)
    assert report.rejections[0].position == 3
    assert "is not CSV" in report.rejections[0].reason
    assert kept(memory, "comment") == [("a",), ("b",), ("c",), ("d",)]


def test_bytes_that_are_no_text_reject_their_row(memory: SqlStore, tmp_path: Path):
    """Latin-1 and NUL bytes are named by byte and line, and kept as they are."""
    content = b"outcome,comment\npassed,caf\xe9\npassed,ok\npassed,a\0b\n"

    report = imported(tmp_path, content, memory)

    assert [r.reason for r in report.rejections] == [
        "byte 10 of line 2 is 0xe9, need UTF-8 text",
        "byte 8 of line 4 is 0x00, need UTF-8 text",
    ]
    assert report.quarantine_path is not None
    assert b"caf\xe9\n" in report.quarantine_path.read_bytes()


@pytest.mark.parametrize("breaks", ["", "\n"])
def test_a_long_row_is_rejected_whole(breaks: str, memory: SqlStore, tmp_path: Path):
    """A row above the limit goes to quarantine, in one line or in many."""
    long = 'passed,"' + f"{'x' * 99}{breaks}" * 50 + '"\n'

    report = imported(tmp_path, f"outcome,comment\npassed,a\n{long}passed,b\n", memory, line_limit=1000)

    assert kept(memory, "comment")[0] == ("a",)
    assert "more than 1000 bytes" in report.rejections[0].reason
    assert report.rejections[0].position == 3
    assert report.quarantine_path is not None
    text = report.quarantine_path.read_text().removeprefix("outcome,comment\n")
    assert text == long if not breaks else long.startswith(text[:1000])
    assert report.read == report.stored + report.rejected


def test_a_cell_of_a_megabyte_is_stored(memory: SqlStore, tmp_path: Path):
    """Answers of models are longer than the csv module takes by itself; its limit is set back."""
    before = csv.field_size_limit()

    assert imported(tmp_path, f"outcome,output\npassed,{'x' * 2**20}\n", memory).stored == 1
    assert csv.field_size_limit() == before


def test_columns_can_be_gathered_into_inputs_and_metadata(memory: SqlStore, tmp_path: Path):
    """A dotted target puts a value under a key; a star keeps all other columns."""
    content = "q,ctx,ok,latency_s,team\nwhy,none,True,1.5,red\n"

    imported(tmp_path, content, memory, "q=inputs.question", "ctx=inputs.context", "ok=outcome", "*=metadata")

    assert kept(memory, "inputs", "outcome", "latency_ms", "metadata_json") == [
        ('{"question":"why","context":"none"}', "passed", None, '{"latency_s":"1.5","team":"red"}')
    ]


@settings(max_examples=60, deadline=None)
@given(comments=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=5))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, comments: list[str]
):
    """Quotes, separators and line breaks inside cells survive."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["execution_id", "outcome", "comment"])
    writer.writerows([[f"r{number}", "passed", comment] for number, comment in enumerate(comments)])
    store = open_store("sqlite://")

    report = imported(tmp_path_factory.mktemp("csv"), text.getvalue(), store)

    assert report.rejected == 0
    assert [comment or "" for (comment,) in kept(store, "comment")] == comments


def test_defaults_and_constants_hold_for_rows_too(memory: SqlStore, tmp_path: Path):
    """A mapping may give what the file lacks."""
    path = tmp_path / "runs.csv"
    path.write_text("comment,model\na,\nb,m2\n")
    mapping = ColumnMapping(constants={"outcome": "error"}, defaults={"model": "m1"})

    import_file(path, memory, ImportSettings("csv", mapping=mapping))

    assert kept(memory, "outcome", "model", "comment") == [("error", "m1", "a"), ("error", "m2", "b")]
