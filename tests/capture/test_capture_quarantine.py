"""Rejected lines, kept so that they can be mended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.capture.quarantine import Quarantine, Rejection
from flywheel.errors import StoreUnreachable
from flywheel.store.open import SqlStore, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where rejected lines go."""
    return tmp_path / "home" / "quarantine"


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def imported(path: Path, content: bytes, store: SqlStore, folder: Path) -> ImportReport:
    """Write a file and import it."""
    path.write_bytes(content)
    return import_file(path, store, ImportSettings(quarantine_folder=folder))


def test_mended_lines_can_be_imported_from_the_quarantine_file(
    memory: SqlStore, folder: Path, tmp_path: Path
):
    """The file of rejected lines holds the original bytes and is itself a file of evidence."""
    bad = b'{"execution_id": "r1",  "outcome": "Passed" }\r\n'
    report = imported(
        tmp_path / "runs.jsonl", bad + b'{"execution_id": "r2", "outcome": "error"}', memory, folder
    )
    assert report.quarantine_path is not None
    assert report.quarantine_path.read_bytes() == bad

    mended = imported(report.quarantine_path, bad.replace(b"Passed", b"passed"), memory, folder)

    assert (mended.stored, mended.rejected) == (1, 0)


def test_reasons_stand_beside_the_lines(memory: SqlStore, folder: Path, tmp_path: Path):
    """Each rejected line has its position, field and reason in a second file."""
    report = imported(tmp_path / "runs.jsonl", b'\n{"outcome": "passed", "rating": 7}', memory, folder)

    assert report.quarantine_path is not None
    reasons = report.quarantine_path.with_suffix("").with_suffix(".reasons.jsonl").read_text().splitlines()
    assert [json.loads(reason) for reason in reasons] == [
        {
            "position": 2,
            "counts": "line",
            "line": 2,
            "field": "rating",
            "reason": "got 7, need a whole number from 1 to 5, or null",
        }
    ]


def test_repeated_imports_do_not_pile_up_files(memory: SqlStore, folder: Path, tmp_path: Path):
    """The same source writes the same quarantine file; the same name in another folder another one."""
    first = imported(tmp_path / "runs.jsonl", b"1\n2\n", memory, folder)
    again = imported(tmp_path / "runs.jsonl", b"3\n", memory, folder)
    (tmp_path / "other").mkdir()
    other = imported(tmp_path / "other" / "runs.jsonl", b"4\n", memory, folder)

    assert first.quarantine_path == again.quarantine_path != other.quarantine_path
    assert again.quarantine_path is not None
    assert again.quarantine_path.read_bytes() == b"3\n"
    assert len(list(folder.iterdir())) == 4


def test_a_clean_import_removes_what_an_earlier_one_left(memory: SqlStore, folder: Path, tmp_path: Path):
    """When nothing is rejected there is no file, not even an old one."""
    imported(tmp_path / "runs.jsonl", b"no\n", memory, folder)

    report = imported(tmp_path / "runs.jsonl", b'{"outcome": "passed"}\n', memory, folder)

    assert report.quarantine_path is None
    assert list(folder.iterdir()) == []


def test_nothing_rejected_makes_no_folder(memory: SqlStore, folder: Path, tmp_path: Path):
    """A good file leaves no trace on disk."""
    imported(tmp_path / "runs.jsonl", b'{"outcome": "passed"}\n', memory, folder)

    assert not folder.exists()


def interrupting() -> Iterator[bytes]:
    """A piece of a line, then Ctrl-C."""
    yield b"b\n"
    raise KeyboardInterrupt


def test_an_error_leaves_the_earlier_file_as_it_was(folder: Path, tmp_path: Path):
    """A block that ends with an error neither replaces the file nor leaves a partial one."""
    source = tmp_path / "runs.jsonl"
    with Quarantine(folder, source, ".jsonl") as quarantine:
        quarantine.keep(Rejection(1, None, "first"), [b"a\n"])

    with pytest.raises(KeyboardInterrupt), Quarantine(folder, source, ".jsonl") as interrupted:
        interrupted.keep(Rejection(1, None, "second"), interrupting())

    assert quarantine.path.read_bytes() == b"a\n"
    assert len(list(folder.iterdir())) == 2


def test_partial_files_of_killed_processes_go_away(folder: Path, tmp_path: Path):
    """What a killed import left behind is removed by the next one of the same source."""
    source = tmp_path / "runs[1].jsonl"
    folder.mkdir(parents=True)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    name = Quarantine(folder, source, ".jsonl").path.name
    left = folder / f"{name}.{ended.pid}-1.partial"
    left.touch()

    with Quarantine(folder, source, ".jsonl"):
        pass

    assert not left.exists()


def test_a_folder_that_cannot_be_made_is_a_clear_error(memory: SqlStore, tmp_path: Path):
    """A file where the folder should be is named; nothing is half-written."""
    (tmp_path / "home").write_text("a file")

    with pytest.raises(StoreUnreachable, match=r"Quarantine folder .* cannot be written"):
        imported(tmp_path / "runs.jsonl", b"no\n", memory, tmp_path / "home" / "quarantine")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from flywheel.capture.importing import ImportSettings, import_file
from flywheel.errors import StoreUnreachable
from flywheel.store.open import open_store

store = open_store("sqlite://")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    import_file(Path(sys.argv[1]), store, ImportSettings(quarantine_folder=Path(sys.argv[2])))
except StoreUnreachable as error:
    print(error)
"""


@pytest.mark.parametrize("size", [100, 300_000])
def test_a_full_disk_leaves_nothing_half_written(size: int, folder: Path, tmp_path: Path):
    """When the quarantine file cannot grow, the error says so; the earlier file is as it was."""
    path = tmp_path / "runs.jsonl"
    imported(path, b"earlier\n", open_store("sqlite://"), folder)
    path.write_bytes((b"x" * size + b"\n") * (600_000 // size))

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(folder)], capture_output=True, text=True, check=True
    )

    assert "cannot be written: File too large" in done.stdout
    assert "Free some space" in done.stdout
    left = sorted(folder.iterdir())
    assert [file.name.endswith(".partial") for file in left] == [False, False]
    assert left[0].read_bytes() == b"earlier\n"


def test_long_names_still_make_a_file(folder: Path, tmp_path: Path):
    """A source with a name as long as a name may be has a quarantine file too."""
    source = tmp_path / ("x" * 240 + ".jsonl")

    with Quarantine(folder, source, ".jsonl") as quarantine:
        quarantine.keep(Rejection(1, None, "bad"), [b"a"])

    assert quarantine.path.read_bytes() == b"a\n"
