"""The spool: a file that grows by whole lines, whatever happens to its writers."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flywheel.capture.spool import Spool, part_path, whole_lines

WRITER = """
import sys, os
from pathlib import Path
from flywheel.capture.spool import Spool
spool = Spool(Path(sys.argv[1]))
number = 0
while number != int(sys.argv[2]):
    spool.append({"writer": os.getpid(), "number": number, "text": "x" * 3000})
    number += 1
"""


def lines_of(path: Path) -> list[dict[str, object]]:
    """The objects of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_nothing_before_the_first_line(tmp_path: Path):
    """Neither the file nor its folder exists until there is something to write."""
    spool = Spool(tmp_path / "new" / "runs.jsonl")
    spool.close()
    assert not spool.path.parent.exists()

    spool.append({"a": 1})

    assert lines_of(spool.path) == [{"a": 1}]


def test_a_line_is_in_the_file_at_once(tmp_path: Path):
    """A reader sees a line while the spool is still open."""
    spool = Spool(tmp_path / "runs.jsonl")

    for number in range(3):
        spool.append({"number": number})
        assert len(lines_of(spool.path)) == number + 1

    assert (spool.written, spool.lost, spool.problem) == (3, 0, None)


def test_a_torn_line_stays_alone(tmp_path: Path):
    """Behind a line that was cut off, the next one starts on a line of its own."""
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"number": 1}\n{"numb')

    Spool(path).append({"number": 2})

    assert path.read_bytes() == b'{"number": 1}\n{"numb\n{"number":2}\n'
    assert [line["number"] for line in whole_lines(path)] == [1, 2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_remembered():
    """Lines that cannot be written are counted with the reason, and nothing is raised."""
    spool = Spool(Path("/dev/full"))

    spool.append({"a": 1})
    spool.append({"a": 2})

    assert (spool.written, spool.lost, spool.problem) == (0, 2, "No space left on device")


def test_half_characters_and_all_scripts(tmp_path: Path):
    """A text with half a character is written as UTF-8 that any reader takes."""
    spool = Spool(tmp_path / "runs.jsonl")

    spool.append({"text": "día \udc80 日本 \u2028"})

    assert lines_of(spool.path) == [{"text": "día ? 日本 \u2028"}]


def test_writers_side_by_side(tmp_path: Path):
    """Two processes that append to one file damage none of each other's lines."""
    path = tmp_path / "runs.jsonl"

    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), "300"]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]

    written = lines_of(path)
    for writer in writers:
        assert [line["number"] for line in written if line["writer"] == writer.pid] == list(range(300))


def test_half_a_line_of_a_living_writer_is_not_cut_off(tmp_path: Path):
    """Who opens the file while another is writing a line waits for its end."""
    path = tmp_path / "runs.jsonl"
    second = threading.Thread(target=lambda: Spool(path).append({"number": 2}))
    with path.open("ab", buffering=0) as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        first.write(b'{"numb')
        second.start()
        # A moment in which a writer that does not wait would have written.
        second.join(0.1)
        first.write(b'er": 1}\n')
    second.join(60)

    assert path.read_bytes() == b'{"number": 1}\n{"number":2}\n'


def test_a_killed_writer(tmp_path: Path):
    """After a kill -9 every line that was written is whole."""
    path = tmp_path / "runs.jsonl"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), "-1"])
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size > 300_000) and time.monotonic() < deadline:
        time.sleep(0.01)

    writer.send_signal(signal.SIGKILL)
    writer.wait()

    numbers = [line["number"] for line in whole_lines(path)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 90


def test_parts_are_taken_in(tmp_path: Path):
    """Parts are appended and removed; one that was cut off is ended, one that is missing is nobody's loss."""
    spool = Spool(tmp_path / "runs.jsonl")
    spool.append({"number": 0})
    parts = [part_path(spool.path, "s", worker) for worker in ("gw0", "gw1", "gw2")]
    parts[0].write_bytes(b'{"number": 1}\n{"numb')
    parts[1].write_bytes(b'{"number": 2}\n')

    assert spool.take_in(parts) == []

    spool.append({"number": 3})
    assert [line["number"] for line in whole_lines(spool.path)] == [0, 1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["runs.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_part_that_cannot_be_taken_in_stays(tmp_path: Path):
    """No evidence is removed before it is somewhere else."""
    part = tmp_path / "part.jsonl"
    part.write_bytes(b'{"number": 1}\n')
    spool = Spool(Path("/dev/full"))

    assert spool.take_in([part]) == [part]

    assert part.read_bytes() == b'{"number": 1}\n'
    assert spool.problem == "No space left on device"
