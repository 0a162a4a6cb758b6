"""Logs of Inspect that are cut, wrong, huge or spoilt."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from test_capture_inspect import EVAL, sample
from trace_files import CHANGES, CUTS, DATA, changed, check_survival, counts, cut, imported, peak_of, stored

from flywheel.capture.inspect_log import inspect_items
from flywheel.capture.inspect_zip import FREE_BYTES
from flywheel.errors import InputError
from flywheel.store.open import SqlStore, open_store

STORE = open_store("sqlite://")
"""One for all examples, each in a workspace of its own."""

FILES = sorted((DATA / "inspect").glob("*.[je]*"))
DOCUMENT = json.loads((DATA / "inspect" / "log.json").read_text())
for _one in DOCUMENT["samples"]:
    del _one["events"]


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def log(*samples: Any, indent: int | None = 1) -> str:
    """A log as a document."""
    return json.dumps({"version": 2, "eval": EVAL, "samples": samples}, indent=indent)


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A log as an archive."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return whole.getvalue()


def packed_log(*samples: dict[str, Any]) -> bytes:
    """A log of some samples as an archive."""
    header = {"header.json": json.dumps({"eval": EVAL}).encode()}
    return packed(
        header | {f"samples/{n}_epoch_1.json": json.dumps(s).encode() for n, s in enumerate(samples)}
    )


def zstandard_bomb(size: int) -> bytes:
    """An archive of few bytes with one member that unpacks to many, which its headers do not tell."""
    content = zstandard.compress(b'{"x": ' + b" " * size)
    whole = bytearray(packed({"samples/a_epoch_1.json": content}, zipfile.ZIP_STORED))
    central = whole.rindex(b"PK\x01\x02")
    for at in (8, central + 10):
        whole[at : at + 2] = (93).to_bytes(2, "little")
    return bytes(whole)


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_odd_values_do_not_break_the_import(changes: list[tuple[int, Any]]):
    """Whatever stands in a field, the sample is stored or rejected with a reason."""
    document = changed(DOCUMENT, changes)

    check_survival(json.dumps(document).encode(), STORE, "inspect")
    check_survival(json.dumps(document, indent=1).encode(), STORE, "inspect")


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=3))
def test_odd_samples_do_not_break_the_import(spoilt: list[list[tuple[int, Any]]]):
    """The same for each field of single samples, in both kinds of logs."""
    samples = [changed(sample(uuid=str(number)), changes) for number, changes in enumerate(spoilt)]

    check_survival(log(*samples).encode(), STORE, "inspect")
    check_survival(packed_log(*samples), STORE, "inspect")


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(FILES), CUTS)
def test_spoilt_bytes_do_not_break_the_import(file: Path, cuts: list[tuple[float, int, bytes]]):
    """Bytes lost or put in anywhere, in archives too, cost some samples or the file, never a crash."""
    check_survival(cut(file.read_bytes(), cuts), STORE, "inspect")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_that_begin_as_an_archive(content: bytes):
    """They are refused or read."""
    check_survival(b"PK" + content, STORE, "inspect")


def test_a_cut_document_keeps_what_came_before(memory: SqlStore, tmp_path: Path):
    """The sample in the middle of which it ends is rejected, with that reason."""
    (tmp_path / "f").write_text(log(sample(uuid="a"), sample(uuid="b"))[:-200])

    report = imported(tmp_path / "f", memory, "inspect")

    assert counts(report) == (2, 1, 0, 0, 1)
    assert "the file ends in the middle" in report.rejections[0].reason


@pytest.mark.parametrize("file", ["log.eval", "old.eval"])
def test_a_cut_archive_keeps_what_came_before(file: str, memory: SqlStore, tmp_path: Path):
    """Its table of contents is lost with its end: the samples are found without it."""
    content = (DATA / "inspect" / file).read_bytes()
    (tmp_path / "f").write_bytes(content[: content.index(b"samples/peru_epoch_2.json") + 200])

    first, again = (imported(tmp_path / "f", memory, "inspect") for _ in range(2))

    assert (first.stored, first.rejected, again.unchanged) == (4, 2, 4)
    assert "checksum" in first.rejections[0].reason
    assert "the archive is cut or damaged" in first.rejections[1].reason
    assert {row["suite"] for row in stored(memory)} == {"capitals"}


def test_an_archive_cut_in_its_first_bytes_is_refused(memory: SqlStore, tmp_path: Path):
    """Without a single member the error says what to do."""
    (tmp_path / "f").write_bytes((DATA / "inspect" / "log.eval").read_bytes()[:20])

    with pytest.raises(InputError, match=r"damaged or cut.*Nothing was stored.*whole copy"):
        imported(tmp_path / "f", memory, "inspect")


@pytest.mark.parametrize("file", ["log.eval", "old.eval"])
def test_a_damaged_member_costs_its_sample_only(file: str, memory: SqlStore, tmp_path: Path):
    """The others are stored; the reason names the member."""
    content = bytearray((DATA / "inspect" / file).read_bytes())
    at = content.index(b"samples/peru_epoch_1.json") + 300
    content[at : at + 50] = bytes(50)
    (tmp_path / "f").write_bytes(content)

    report = imported(tmp_path / "f", memory, "inspect")

    assert (report.stored, report.rejected) == (5, 1)
    assert "'samples/peru_epoch_1.json' is" in report.rejections[0].reason


@pytest.mark.parametrize(
    "content",
    [
        packed({"samples/a_epoch_1.json": b'{"id": 1, "input": "' + bytes(FREE_BYTES) + b'"}'}),
        zstandard_bomb(FREE_BYTES + 1),
        packed({f"samples/{n}.json": b'{"x": ' + b" " * (FREE_BYTES // 40) for n in range(50)}),
    ],
    ids=["deflate", "zstandard with false sizes", "many members"],
)
def test_a_zip_bomb_is_refused(content: bytes, memory: SqlStore, tmp_path: Path):
    """An archive that unpacks to hundreds of times its size ends the import early, in words."""
    assert len(content) * 100 < FREE_BYTES
    (tmp_path / "f").write_bytes(content)

    with pytest.raises(InputError, match="unpacks to more than 500 times its size"):
        imported(tmp_path / "f", memory, "inspect")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"total_time": -1, "working_time": -1}, "latency_ms"),
        ({"started_at": "2026-13-01T00:00:00Z"}, "started_at"),
        ({"model_usage": {"m": {"input_tokens": -1}}}, "input_tokens"),
        ({"model_usage": {"m": {"total_cost": 1e999}}}, "cost_usd"),
        ({"working_time": 1e308}, "latency_ms"),
        ({"id": None}, None),
    ],
)
def test_impossible_values_are_rejected(
    fields: dict[str, Any], field: str | None, memory: SqlStore, tmp_path: Path
):
    """The sample goes to quarantine with the field at fault; the others are stored."""
    (tmp_path / "f").write_text(log(sample(**fields), sample(uuid="u2")))

    report = imported(tmp_path / "f", memory, "inspect")

    assert counts(report) == (2, 1, 0, 0, 1)
    assert (report.rejections[0].position, report.rejections[0].field) == (1, field)


def test_an_id_twice_is_one_execution(memory: SqlStore, tmp_path: Path):
    """A sample that was scored again counts once, as it stands last."""
    (tmp_path / "f").write_text(log(sample(), sample(scores={"match": {"value": "I"}})))

    first, again = (imported(tmp_path / "f", memory, "inspect") for _ in range(2))

    assert (first.read, [row["outcome"] for row in stored(memory)]) == (2, ["failed"])
    assert counts(again) == (2, 0, 0, 2, 0)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", log().encode(), packed({}), packed_log()],
    # Names of their own: those made of an archive would hold the time at which each worker packed it.
    ids=["nothing", "an empty line", "a log", "an empty archive", "an archived log"],
)
def test_a_file_without_samples_is_told(content: bytes, memory: SqlStore, tmp_path: Path):
    """Nothing is stored, a note says so."""
    (tmp_path / "f").write_bytes(content)

    report = imported(tmp_path / "f", memory, "inspect")

    assert counts(report) == (0, 0, 0, 0, 0)
    assert len(report.notes) == 1


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_of_another_tool_is_rejected(indent: int | None, memory: SqlStore, tmp_path: Path):
    """JSON that is no log says so."""
    (tmp_path / "f").write_text(json.dumps({"results": {"results": []}}, indent=indent))

    report = imported(tmp_path / "f", memory, "inspect")

    assert (report.stored, report.rejected) == (0, 1)
    assert "need" in report.rejections[0].reason


def test_an_archive_in_gzip_is_refused(memory: SqlStore, tmp_path: Path):
    """An archive is read at any place, so it has to be a plain file."""
    (tmp_path / "f").write_bytes(gzip.compress(packed_log(sample())))

    with pytest.raises(InputError, match="need a file"):
        imported(tmp_path / "f", memory, "inspect")


def test_an_archive_behind_a_pipe_is_refused(memory: SqlStore, tmp_path: Path):
    """The same for a pipe."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(packed_log(sample()),))
    writer.start()

    with pytest.raises(InputError, match="need a file"):
        imported(tmp_path / "pipe", memory, "inspect")
    writer.join()


def test_events_of_any_size_do_not_matter(memory: SqlStore, tmp_path: Path):
    """Transcripts of agents are far longer than a line may be; they are passed over."""
    events = [{"event": "model", "text": "x" * 1000}] * 10_000

    (tmp_path / "f").write_text(log(sample(events=events), sample(uuid="u2"), indent=None))
    report = imported(tmp_path / "f", memory, "inspect")
    (tmp_path / "g").write_bytes(packed_log(sample(uuid="u3", events=events)))
    other = imported(tmp_path / "g", memory, "inspect")

    assert (report.stored, other.stored) == (2, 1)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(tmp_path: Path):
    """Ten times the samples take the same memory; in archives the list of members comes to it."""

    def peaks(count: int) -> list[int]:
        samples = [sample(uuid=str(n), events=["x" * 5000]) for n in range(count)]
        (tmp_path / "f").write_text(log(*samples))
        (tmp_path / "g").write_bytes(packed_log(*samples))
        del samples
        found = [peak_of(inspect_items, tmp_path / name) for name in "fg"]
        assert [items for items, _ in found] == [count, count]
        return [peak for _, peak in found]

    small, large = peaks(300), peaks(3_000)

    assert large[0] < 1.1 * small[0]
    assert large[1] < small[1] + 2_700 * 1_000
