"""A file of evidence on its way into the store."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flywheel.capture.importing import BATCH_ROWS, ImportReport, ImportSettings, import_file
from flywheel.capture.mapping import parse_pairs
from flywheel.errors import InputError, StoreUnreachable
from flywheel.records.columns import Scope
from flywheel.store.execution_rows import EXECUTION, EXECUTION_HISTORY
from flywheel.store.open import SqlStore, open_store


@pytest.fixture
def local(tmp_path: Path) -> SqlStore:
    """A store in a SQLite file."""
    return open_store(str(tmp_path / "local.db"))


@pytest.fixture
def settings(tmp_path: Path) -> ImportSettings:
    """Settings with a quarantine folder of the test's own."""
    return ImportSettings(prompt="triage", quarantine_folder=tmp_path / "quarantine")


def written(path: Path, lines: Sequence[dict[str, Any] | str]) -> Path:
    """A JSONL file."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def runs(count: int, outcome: str = "passed") -> list[dict[str, Any]]:
    """Good lines."""
    return [{"execution_id": f"r{i}", "version": "v1", "outcome": outcome} for i in range(count)]


def kept(store: SqlStore, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of what is stored, by id."""
    with store.executions.database.read() as connection:
        query = sa.select(*(EXECUTION.c[name] for name in columns)).order_by(EXECUTION.c.execution_id)
        return [tuple(row) for row in connection.execute(query)]


def history(store: SqlStore) -> int:
    """How many contents were replaced."""
    with store.executions.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(EXECUTION_HISTORY)).scalar_one()


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    """The five counts of a report."""
    return (report.read, report.stored, report.replaced, report.unchanged, report.rejected)


def test_repeating_an_import_changes_nothing(store: SqlStore, settings: ImportSettings, tmp_path: Path):
    """A second import finds everything there, on both databases."""
    path = written(tmp_path / "runs.jsonl", runs(25))

    first = import_file(path, store, settings)
    before = store.executions.digest(Scope(workspace="default")), store.executions.watermark("default")
    again = import_file(path, store, settings)

    assert counts(first) == (25, 25, 0, 0, 0)
    assert counts(again) == (25, 0, 0, 25, 0)
    assert (
        store.executions.digest(Scope(workspace="default")),
        store.executions.watermark("default"),
    ) == before


def test_other_content_replaces_and_is_kept(store: SqlStore, settings: ImportSettings, tmp_path: Path):
    """A row with the same id and other content replaces the old one, which is kept in history."""
    import_file(written(tmp_path / "a.jsonl", runs(3)), store, settings)

    report = import_file(written(tmp_path / "b.jsonl", [*runs(1, "failed"), *runs(3)[1:]]), store, settings)

    assert counts(report) == (3, 0, 1, 2, 0)
    assert kept(store, "execution_id", "score") == [("r0", 0.0), ("r1", 1.0), ("r2", 1.0)]
    assert history(store) == 1


def test_an_id_twice_in_one_file_is_one_execution(local: SqlStore, settings: ImportSettings, tmp_path: Path):
    """The last content of an id counts, the first goes to history, a repetition changes nothing."""
    path = written(tmp_path / "runs.jsonl", [*runs(1), *runs(1, "failed"), *runs(1, "failed")])

    first, again = import_file(path, local, settings), import_file(path, local, settings)

    assert counts(first)[0] == sum(counts(first)[1:]) == 3
    assert kept(local, "outcome") == [("failed",)]
    assert history(local) == 1
    assert counts(again) == (3, 0, 0, 3, 0)


def test_good_lines_are_stored_though_others_are_rejected(
    local: SqlStore, settings: ImportSettings, tmp_path: Path
):
    """One bad line stops nothing; the report says where and why."""
    path = written(tmp_path / "runs.jsonl", [runs(1)[0], '{"outcome": "pas', runs(2)[1], '{"outcome": 1}'])

    report = import_file(path, local, settings)

    assert counts(report) == (4, 2, 0, 0, 2)
    assert [(r.position, r.field) for r in report.rejections] == [(2, None), (4, "outcome")]
    assert report.quarantine_path is not None
    assert report.quarantine_path.read_text() == '{"outcome": "pas\n{"outcome": 1}\n'


def test_a_report_carries_the_first_rejections(local: SqlStore, settings: ImportSettings, tmp_path: Path):
    """Twenty rejections are enough to see; the rest is in the file of reasons."""
    report = import_file(written(tmp_path / "runs.jsonl", ["{}"] * 50), local, settings)

    assert (report.rejected, len(report.rejections)) == (50, 20)
    assert report.quarantine_path is not None
    assert len(report.quarantine_path.read_bytes().splitlines()) == 50


@pytest.mark.parametrize(
    ("content", "read", "positions"),
    [
        (b"", 0, []),
        (b"\n \n\r\n", 0, []),
        (b"\xef\xbb\xbf", 0, []),
        (b'\xef\xbb\xbf{"outcome": "passed"}\n', 1, []),
        (b'{"outcome": "passed"}\r\n{"outcome": "failed"}\r\n', 2, []),
        (b'{"outcome": "passed"}\n\n\n{"outcome": "failed"}', 2, []),
        (b'{"outcome": "passed"}\n\nno\n{"outcome": "failed"}', 3, [3]),
        (b'{"outcome": "passed"}\n' + bytes(5000), 2, [2]),
        (b'{"outcome": "passed"}\n{"comment": "\xe9"}\n', 2, [2]),
    ],
)
def test_odd_ends_and_empty_lines_are_read_as_meant(
    content: bytes, read: int, positions: list[int], local: SqlStore, settings: ImportSettings, tmp_path: Path
):
    """A byte-order mark, CRLF, empty lines and a missing last break are fine; a torn tail is one line."""
    path = tmp_path / "runs.jsonl"
    path.write_bytes(content)

    report = import_file(path, local, settings)

    assert report.read == read
    assert [rejection.position for rejection in report.rejections] == positions
    assert (report.notes != ()) == (read == 0)


def test_an_empty_file_says_so(local: SqlStore, settings: ImportSettings, tmp_path: Path):
    """Nothing read is told, not hidden in zeros."""
    (tmp_path / "runs.jsonl").touch()

    report = import_file(tmp_path / "runs.jsonl", local, settings)

    assert counts(report) == (0, 0, 0, 0, 0)
    assert "is empty" in report.notes[0]


def test_a_dry_run_writes_nothing_anywhere(local: SqlStore, settings: ImportSettings, tmp_path: Path):
    """Everything is judged; the store and an earlier quarantine stay as they were."""
    path = written(tmp_path / "runs.jsonl", [*runs(2), "{}"])
    earlier = import_file(written(tmp_path / "runs.jsonl", ["[]"]), local, settings).quarantine_path
    written(path, [*runs(2), "{}"])

    report = import_file(
        path, local, ImportSettings(dry_run=True, quarantine_folder=settings.quarantine_folder)
    )

    assert (report.read, report.stored, report.rejected) == (3, 0, 1)
    assert kept(local, "execution_id") == []
    assert earlier is not None
    assert earlier.read_text() == "[]\n"


def test_settings_fill_what_lines_leave_out(local: SqlStore, tmp_path: Path):
    """Workspace and prompt of the settings hold for lines that name none."""
    lines = [
        {"execution_id": "a", "outcome": "passed"},
        {"execution_id": "b", "outcome": "passed", "workspace": "lab", "prompt": "reply"},
    ]

    import_file(
        written(tmp_path / "r.jsonl", lines), local, ImportSettings(workspace="shop", prompt="triage")
    )

    assert kept(local, "workspace", "prompt", "source") == [
        ("shop", "triage", "jsonl"),
        ("lab", "reply", "jsonl"),
    ]


def test_one_prompt_per_value_of_a_column(local: SqlStore, settings: ImportSettings, tmp_path: Path):
    """Braces in the name of the prompt take the value of a column."""
    lines = [
        {"execution_id": "a", "outcome": "passed", "slice": "dates"},
        {"execution_id": "b", "outcome": "passed", "slice": "sums"},
        {"execution_id": "c", "outcome": "passed"},
    ]

    report = import_file(
        written(tmp_path / "runs.jsonl", lines),
        local,
        ImportSettings(prompt="bbh/{slice}", quarantine_folder=settings.quarantine_folder),
    )

    assert kept(local, "prompt") == [("bbh/dates",), ("bbh/sums",)]
    assert report.rejections[0].field == "prompt"
    assert "column 'slice' is null" in report.rejections[0].reason


def test_a_column_that_no_line_has_is_told(local: SqlStore, settings: ImportSettings, tmp_path: Path):
    """A typing error in --map is noticed."""
    path = written(tmp_path / "runs.jsonl", runs(1))
    mapping = parse_pairs(["tsak_id=case_id"])

    report = import_file(path, local, ImportSettings(mapping=mapping))

    assert report.stored == 1
    assert "'tsak_id'" in report.notes[0]


def test_progress_reaches_the_size_of_the_file(local: SqlStore, settings: ImportSettings, tmp_path: Path):
    """The callback is told bytes of the file on disk, packed or not."""
    path = written(tmp_path / "runs.jsonl", runs(BATCH_ROWS + 5))
    packed = tmp_path / "runs.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    told: list[int] = []
    told_packed: list[int] = []

    import_file(path, local, settings, told.append)
    report = import_file(packed, local, settings, told_packed.append)

    assert told == sorted(told)
    assert len(told) == 2
    assert told[-1] == path.stat().st_size
    assert told_packed[-1] == packed.stat().st_size
    assert report.unchanged == BATCH_ROWS + 5


def test_progress_is_told_while_all_lines_are_rejected(
    local: SqlStore, settings: ImportSettings, tmp_path: Path
):
    """A file without a single good line still shows how far it was read."""
    told: list[int] = []

    import_file(written(tmp_path / "runs.jsonl", ["{}"] * 2500), local, settings, told.append)

    assert len(told) == 3
    assert told[-1] == 2500 * 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ImportSettings(format="xml"), "'xml' is unknown, need one of jsonl, csv"),
        (ImportSettings(workspace=""), "workspace is '', need a text of 1 to 300"),
        (ImportSettings(prompt="x" * 301), "need a text of 1 to 300"),
        (ImportSettings(prompt="a\0"), "NUL"),
    ],
)
def test_settings_no_line_could_have_are_refused(
    settings: ImportSettings, words: str, local: SqlStore, tmp_path: Path
):
    """Names that a line may not have are refused before anything is read."""
    with pytest.raises(InputError, match=words):
        import_file(tmp_path / "absent.jsonl", local, settings)


def test_a_store_that_cannot_be_written_is_told(settings: ImportSettings, tmp_path: Path):
    """A file that is no database is named; nothing is put in quarantine."""
    path = written(tmp_path / "runs.jsonl", [*runs(1), "{}"])
    (tmp_path / "no.db").write_bytes(b"this is no database at all" * 100)

    with pytest.raises(StoreUnreachable, match="is not a SQLite database"):
        import_file(path, open_store(str(tmp_path / "no.db")), settings)

    assert not settings.quarantine_folder.exists()


def test_two_reports_are_equal_whatever_the_time_they_took():
    """Seconds are told but not compared."""
    assert ImportReport(read=1, seconds=1.0) == ImportReport(read=1, seconds=2.0)
