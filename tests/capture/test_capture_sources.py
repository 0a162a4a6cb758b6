"""Files that are not what they should be."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import pytest

from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.capture.source_files import opened
from flywheel.errors import InputError
from flywheel.store.open import open_store

GOOD = b'{"execution_id": "r1", "outcome": "passed"}\n'


def imported(path: Path, line_limit: int = 8 * 2**20) -> ImportReport:
    """Import into a store in memory, with the quarantine beside the file."""
    settings = ImportSettings(quarantine_folder=path.parent / "quarantine", line_limit=line_limit)
    return import_file(path, open_store("sqlite://"), settings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "byte 0 is 0x89"),
        (b"\x7fELF\x02\x01\x01\0\0", "byte 7 is 0x00"),
        (b'{"comment": "caf\xe9"}\n', "byte 16 is 0xe9"),
        ('{"outcome": "passed"}'.encode("utf-16"), "is UTF-16 text"),
        ('{"outcome": "passed"}'.encode("utf-16-be"), "byte 0 is 0x00"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"BZh91AY", "is packed with bzip2"),
        (b"SQLite format 3\0", "is a SQLite database"),
        (b"a" * 60_000 + b"\0", "byte 60000 is 0x00"),
    ],
)
def test_a_file_that_is_no_text_is_refused_as_a_whole(content: bytes, words: str, tmp_path: Path):
    """A binary file, or another encoding, is named with the byte that shows it."""
    path = tmp_path / "runs.jsonl"
    path.write_bytes(content)

    with pytest.raises(InputError, match=words) as caught:
        imported(path)

    assert "Nothing was stored" in str(caught.value)
    assert not (tmp_path / "quarantine").exists()


def test_a_long_first_line_may_be_cut_within_a_character(tmp_path: Path):
    """The first block ends where it ends; half of a character there is no fault."""
    for shift in range(4):
        path = tmp_path / f"{shift}.jsonl"
        text = '{"execution_id": "r1", "outcome": "passed", "comment": "' + "x" * shift + "😀" * 20_000 + '"}'
        path.write_text(text, encoding="utf-8")

        assert imported(path).stored == 1


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path):
    """What cannot be opened is named with the reason."""
    with pytest.raises(InputError, match=r"absent.jsonl' cannot be read: No such file"):
        imported(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="cannot be read: is a directory"):
        imported(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path):
    """A file that may not be read is named with the reason."""
    path = tmp_path / "runs.jsonl"
    path.write_bytes(GOOD)
    path.chmod(0)

    with pytest.raises(InputError, match="Permission denied"):
        imported(path)


def test_a_packed_file_is_known_by_its_content(tmp_path: Path):
    """A gzip file is unpacked whatever its name is."""
    path = tmp_path / "runs.jsonl"
    path.write_bytes(gzip.compress(GOOD) + gzip.compress(GOOD.replace(b"r1", b"r2")))

    assert imported(path).stored == 2


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_packed_file_keeps_what_was_read(damage: str, tmp_path: Path):
    """A torn or damaged gzip file is a clear error."""
    packed = gzip.compress(b"".join(GOOD.replace(b"r1", b"r%d" % i) for i in range(50_000)))
    path = tmp_path / "runs.jsonl.gz"
    path.write_bytes(packed[:-20] if damage == "cut" else packed[:5000] + b"\0\0\0\0" + packed[5004:])

    with pytest.raises(InputError, match="is damaged"):
        imported(path)


def test_a_line_of_ten_megabytes_is_kept_whole_in_quarantine(tmp_path: Path):
    """A line above the limit is rejected whole, the lines around it are stored."""
    path = tmp_path / "runs.jsonl"
    long = b'{"execution_id": "long", "outcome": "passed", "output": "' + b"x" * 10_000_000 + b'"}\n'
    path.write_bytes(GOOD + long + GOOD.replace(b"r1", b"r2"))

    report = imported(path)

    assert (report.read, report.stored, report.rejected) == (3, 2, 1)
    assert report.rejections[0].position == 2
    assert "more than 8388608 bytes" in report.rejections[0].reason
    assert report.quarantine_path is not None
    assert report.quarantine_path.read_bytes() == long


def test_a_line_below_the_limit_is_stored_however_long(tmp_path: Path):
    """Five megabytes in one line are evidence like any other."""
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"execution_id": "long", "outcome": "passed", "output": "' + b"x" * 5_000_000 + b'"}')

    assert imported(path).stored == 1


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_the_limit_counts_the_whole_line(ending: bytes, tmp_path: Path):
    """A line of just the limit is read, one of a byte more is not, the next line starts where it should."""
    path = tmp_path / "runs.jsonl"
    line = GOOD.replace(b"r1", b"long").rstrip() + ending
    path.write_bytes(line + GOOD)

    within, above = imported(path, line_limit=len(line)), imported(path, line_limit=len(line) - 1)

    assert (within.stored, within.rejected) == (2, 0)
    assert (above.stored, above.rejected) == (1, 1)
    assert above.quarantine_path is not None
    assert above.quarantine_path.read_bytes() == line


def test_a_packed_line_without_end_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What unpacks to one endless line ends the import, and leaves no quarantine file."""
    monkeypatch.setattr("flywheel.capture.source_files.LONGEST_LINE", 20 * 2**20)
    path = tmp_path / "runs.jsonl.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    path.write_bytes(b"".join(packer.compress(b"x" * 2**20) for _ in range(40)) + packer.flush())

    with pytest.raises(InputError, match="that is no file of lines"):
        imported(path)

    assert list((tmp_path / "quarantine").iterdir()) == []


def test_a_pipe_is_read_like_a_file(tmp_path: Path):
    """A named pipe, which has no size and no position, can be imported."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    child = os.fork()
    if child == 0:
        with path.open("wb") as pipe:
            pipe.write(GOOD)
        os._exit(0)

    report = imported(path)

    os.waitpid(child, 0)
    assert report.stored == 1


def test_lines_keep_their_breaks(tmp_path: Path):
    """Lines come as the bytes they are in the file."""
    path = tmp_path / "lines"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n\nthree")

    with opened(path) as source:
        assert list(source.lines()) == [b"one\r\n", b"two\n", b"\n", b"three"]
