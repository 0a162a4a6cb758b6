"""Logs as pytest-reportlog itself writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_files import DATA, added_up, history, imported, kept, sample

from flywheel.store.open import SqlStore, open_store

FILES = sorted((DATA / "reportlog").glob("*.jsonl"))


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def stored(name: str, store: SqlStore) -> dict[str, dict[str, Any]]:
    """The last row of each case of a sample, by its id behind the file."""
    report = imported(sample(name), store)
    assert report.rejected == 0
    return {row["case_id"].partition("::")[2] or row["case_id"]: row for row in kept(store)}


def written(path: Path, *reports: dict[str, Any] | str) -> Path:
    """A log of some reports."""
    lines = [report if isinstance(report, str) else json.dumps(report) for report in reports]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def told(nodeid: str, when: str = "call", outcome: str = "passed", **more: Any) -> dict[str, Any]:
    """A report of one phase."""
    return {"$report_type": "TestReport", "nodeid": nodeid, "when": when, "outcome": outcome, **more}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_logs_are_stored_once(path: Path, store: SqlStore):
    """Each attempt of each sample is stored with its source; repeating the import changes nothing."""
    first, again = imported(path, store), imported(path, store)

    assert added_up(first)
    assert (first.rejected, first.replaced, first.stored) == (0, 0, first.read)
    assert (again.read, again.unchanged) == (first.read, first.read)
    assert {row["source"] for row in kept(store)} == {"reportlog"}
    assert len({row["session_id"] for row in kept(store)}) == 1


def test_outcomes_are_told_apart(memory: SqlStore):
    """Failures, errors of fixtures, skips with their reasons, expected failures, passes nobody expected."""
    rows = stored("pytest.jsonl", memory)

    assert {name: row["outcome"] for name, row in rows.items() if "[" not in name} == {
        "test_good": "passed",
        "test_wrong": "failed",
        "test_raises": "failed",
        "test_no_model": "error",
        "test_closed": "error",
        "test_wrong_then_closed": "failed",
        "test_skipped": "skipped",
        "test_skipped_inside": "skipped",
        "test_known_gap": "skipped",
        "test_closed_gap": "passed",
        "test_closed_gap_strict": "failed",
        "test_fails_itself": "failed",
        "test_parts": "failed",
        "TestBilling::TestInner::test_deep": "passed",
        "TestBilling::test_total": "passed",
    }
    assert rows["test_closed_gap"]["metadata"]["xpassed"] == "known gap"
    assert rows["test_known_gap"]["metadata"]["xfailed"] == "known gap"
    assert rows["test_skipped"]["metadata"]["reason"] == "needs a key"
    assert rows["test_skipped"]["latency_ms"] is None
    assert (rows["test_no_model"]["error_type"], rows["test_no_model"]["metadata"]["phase"]) == (
        "ConnectionError",
        "setup",
    )
    assert "closed twice" in rows["test_wrong_then_closed"]["metadata"]["teardown_error"]


def test_recorded_properties_give_fields(memory: SqlStore):
    """What a test records as `flywheel.FIELD` is that field; the rest is kept as it came."""
    row = stored("pytest.jsonl", memory)["test_good"]

    assert (row["prompt"], row["input_tokens"]) == ("triage", 12)
    assert row["metadata"]["properties"] == {"colour": "blue"}


def test_subtests_are_executions_of_their_own(memory: SqlStore):
    """Each has its outcome beside that of its test, which counts them."""
    rows = stored("pytest.jsonl", memory)

    assert [rows[f"test_parts [part] (number={n})"]["outcome"] for n in range(3)] == [
        "passed",
        "failed",
        "passed",
    ]
    assert rows["test_parts"]["metadata"]["subtests"] == 3


def test_the_log_and_the_xml_of_one_run_agree(memory: SqlStore):
    """Outcome and error type of a case do not depend on the file that tells of it, save repeated attempts."""
    for name in ("pytest", "pytest-interleaved", "pytest-crash"):
        log, xml = open_store("sqlite://"), open_store("sqlite://")
        imported(sample(f"{name}.jsonl"), log)
        imported(sample(f"{'pytest-xunit1' if name == 'pytest' else name}.xml"), xml)
        from_log = {row["case_id"].rpartition("::")[2]: row for row in kept(log)}
        from_xml = {row["case_id"].rpartition("::")[2]: row for row in kept(xml)}

        for case, row in from_xml.items():
            assert from_log[case]["outcome"] == row["outcome"], case
            if row["metadata"].get("phase") != "crash" and "failures" not in row["metadata"]:
                assert from_log[case]["error_type"] == row["error_type"], case


def test_every_attempt_has_its_failure(memory: SqlStore):
    """Other than JUnit XML the log says how repeated attempts ended."""
    imported(sample("pytest-reruns.jsonl"), memory)

    assert [
        (row["case_id"][16:], row["outcome"], row["retries"], row["error_type"]) for row in kept(memory)
    ] == [
        ("test_second_time", "failed", None, "AssertionError"),
        ("test_second_time", "passed", 1, None),
        ("test_never", "failed", None, "TimeoutError"),
        ("test_never", "failed", 1, "TimeoutError"),
        ("test_never", "failed", 2, "TimeoutError"),
        ("test_plain", "passed", None, None),
    ]


def test_a_worker_that_died_has_the_time_its_test_began(memory: SqlStore):
    """The report that pytest-xdist writes for it says 0, which is not 1970."""
    row = stored("pytest-crash.jsonl", memory)["test_worker_dies"]

    assert (row["outcome"], row["metadata"]["phase"], row["latency_ms"]) == ("error", "crash", None)
    assert row["started_at_us"] > 1_795_000_000_000_000


def test_modules_that_could_not_be_collected_are_told(memory: SqlStore):
    """One is an error with its class, one that skips itself is skipped with its reason."""
    rows = stored("pytest-collect.jsonl", memory)

    assert (rows["test_broken.py"]["outcome"], rows["test_broken.py"]["error_type"]) == (
        "error",
        "ModuleNotFoundError",
    )
    assert rows["test_module_skipped.py"]["outcome"] == "skipped"
    assert "could not import" in rows["test_module_skipped.py"]["metadata"]["reason"]


def test_a_run_that_was_killed_is_unscored_until_the_log_is_whole(memory: SqlStore, tmp_path: Path):
    """What was running has no outcome yet; importing the grown log replaces it and adds the rest."""
    lines = sample("pytest.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(lines[:8]) + lines[8][:50])

    first = imported(path, memory, quarantine_folder=tmp_path)
    begun = [(row["case_id"], row["outcome"]) for row in kept(memory)]
    path.write_bytes(b"".join(lines))
    second = imported(path, memory, quarantine_folder=tmp_path)

    assert begun == [("test_answers.py::test_good", "passed")]
    assert (first.rejected, first.rejections[0].position) == (1, 9)
    assert (second.rejected, second.unchanged) == (0, 1)
    whole = open_store("sqlite://")
    imported(sample("pytest.jsonl"), whole)
    assert {row["execution_id"] for row in kept(memory)} == {row["execution_id"] for row in kept(whole)}


def test_a_test_without_its_end_is_unscored(memory: SqlStore, tmp_path: Path):
    """Its setup alone says nothing of its outcome."""
    path = written(tmp_path / "log.jsonl", told("a.py::t", "setup", start=1e9, duration=0.1))

    imported(path, memory)

    assert [(row["outcome"], row["metadata"]["phase"], row["latency_ms"]) for row in kept(memory)] == [
        ("unscored", "interrupted", None)
    ]


def test_sessions_one_after_the_other_stay_apart(memory: SqlStore, tmp_path: Path):
    """The same test of two sessions in one file is two executions, with and without times in it."""
    start = {"$report_type": "SessionStart", "pytest_version": "9.2.0"}
    session = [start, told("a.py::t"), told("a.py::t", "teardown")]

    report = imported(written(tmp_path / "log.jsonl", *session, *session), memory)

    assert (report.stored, report.replaced) == (2, 0)
    assert [row["retries"] for row in kept(memory)] == [None, None]


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ({"a": 1}, "need a report of pytest-reportlog"),
        (
            {"$report_type": "TestReport", "nodeid": 3, "when": "call", "outcome": "passed"},
            "got 3, need a text",
        ),
        (told("t", "call", duration=10**400), "need a finite number"),
        (told("t", "call", duration=1e308), "need a finite number"),
        (told("t", "call", duration=-5.0), "need a finite number"),
        (told("t", "call", duration="fast"), "need a finite number"),
        (told("t", "call", start=1e308), "need an RFC 3339 time"),
        (told("t", "call", start="noon"), "need an RFC 3339 time"),
        (told("t", "call", "splendid"), "need one of passed"),
        ("[" * 100_000, "nested too deeply"),
        (
            '{"$report_type": "TestReport", "nodeid": "\\ud800", "when": "call", "outcome": "passed"}',
            "half a character",
        ),
        ("no JSON", "is not JSON"),
    ],
)
def test_bad_reports_are_set_aside(
    report: dict[str, Any] | str, words: str, memory: SqlStore, tmp_path: Path
):
    """One bad report is rejected with its reason; the tests around it are stored."""
    good = [
        told(name, when) for name in ("a.py::good", "b.py::good") for when in ("setup", "call", "teardown")
    ]
    path = written(tmp_path / "log.jsonl", *good[:3], report, *good[3:])

    counts = imported(path, memory, quarantine_folder=tmp_path / "q")

    assert added_up(counts)
    assert (counts.stored, counts.rejected) == (2, 1)
    assert words in counts.rejections[0].reason
    assert counts.quarantine_path is not None


def test_what_was_set_aside_can_be_mended(memory: SqlStore, tmp_path: Path):
    """A rejected attempt is kept as a line of evidence that `flywheel import jsonl` takes."""
    path = written(tmp_path / "log.jsonl", told("a.py::t", duration=-5.0), told("a.py::t", "teardown"))
    quarantined = imported(path, memory, quarantine_folder=tmp_path / "q").quarantine_path
    assert quarantined is not None
    mended = json.loads(quarantined.read_text()) | {"latency_ms": 5.0}

    report = imported(written(tmp_path / "mended.jsonl", mended), memory, "jsonl")

    assert (report.stored, kept(memory)[0]["case_id"], history(memory)) == (1, "a.py::t", 0)


def test_tests_that_never_end_do_not_fill_the_memory(memory: SqlStore, tmp_path: Path):
    """Of more than a thousand open tests the oldest are stored as they are."""
    path = written(tmp_path / "log.jsonl", *(told(f"t.py::t[{n}]", "call") for n in range(1_500)))

    report = imported(path, memory)

    assert (report.stored, report.rejected) == (1_500, 0)
