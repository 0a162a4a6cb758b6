"""JUnit XML as the tools themselves write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_files import DATA, added_up, imported, kept, sample

from flywheel.store.open import SqlStore, open_store

FILES = sorted((DATA / "junit").glob("*.xml"))


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def stored(name: str, store: SqlStore) -> list[dict[str, Any]]:
    """What a sample leaves in a store."""
    report = imported(sample(name), store)
    assert report.rejected == 0
    return kept(store)


def outcomes(rows: list[dict[str, Any]]) -> list[tuple[str, str, int | None]]:
    """Case, outcome, retries."""
    return [(row["case_id"].rpartition("::")[2], row["outcome"], row["retries"]) for row in rows]


def by_case(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The last row of each case, by the last part of its id."""
    return {row["case_id"].rpartition("::")[2]: row for row in rows}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_of_every_tool_are_stored_once(path: Path, store: SqlStore):
    """Each case of each sample is stored with its source; repeating the import changes nothing."""
    first, again = imported(path, store), imported(path, store)

    assert added_up(first)
    assert (first.rejected, first.replaced, first.stored) == (0, 0, first.read)
    assert (again.read, again.unchanged) == (first.read, first.read)
    assert {row["source"] for row in kept(store)} == {"junit"}
    assert len({row["session_id"] for row in kept(store)}) == 1


def test_pytest_names_cases_by_their_node_ids(memory: SqlStore):
    """With the file in it, as family xunit1 has it, ids are those of the report log of the same run."""
    ids = [row["case_id"] for row in stored("pytest-xunit1.xml", memory)]
    log = open_store("sqlite://")
    imported(sample("pytest.jsonl"), log)

    assert ids == [row["case_id"] for row in kept(log) if "subtest" not in row["metadata"]]
    assert "test_answers.py::TestBilling::TestInner::test_deep" in ids


def test_pytest_outcomes_are_told_apart(memory: SqlStore):
    """Failures, errors of fixtures, skips with their reasons, expected failures, passes nobody expected."""
    rows = by_case(stored("pytest-xunit1.xml", memory))

    assert {name: row["outcome"] for name, row in rows.items() if "[" not in name and "]" not in name} == {
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
        "test_deep": "passed",
        "test_total": "passed",
    }
    assert rows["test_raises"]["error_type"] == "ValueError"
    assert rows["test_closed_gap_strict"]["error_type"] == "XPassed"
    assert rows["test_fails_itself"]["error_type"] == "Failed"
    assert (rows["test_no_model"]["error_type"], rows["test_no_model"]["metadata"]["phase"]) == (
        "ConnectionError",
        "setup",
    )
    assert rows["test_closed"]["metadata"]["phase"] == "teardown"
    assert "closed twice" in rows["test_wrong_then_closed"]["metadata"]["teardown_error"]
    assert rows["test_skipped"]["metadata"]["reason"] == "needs a key"
    assert rows["test_known_gap"]["metadata"]["xfailed"] == "known gap"
    assert rows["test_wrong"]["metadata"]["system_out"] == "asked: refund?"
    assert "system_out" not in rows["test_raises"]["metadata"]


def test_properties_give_fields_or_stay_properties(memory: SqlStore):
    """What a test records as `flywheel.FIELD` is that field; the rest is kept as it came."""
    row = stored("pytest-xunit1.xml", memory)[0]

    assert (row["prompt"], row["input_tokens"]) == ("triage", 12)
    assert row["metadata"]["properties"] == {"colour": "blue"}


def test_both_families_of_pytest_give_the_same_outcomes(memory: SqlStore):
    """xunit2 leaves out the file, so that names are shorter, and nothing else is different."""
    first = outcomes(stored("pytest-xunit1.xml", memory))
    other = open_store("sqlite://")

    assert outcomes(stored("pytest-xunit2.xml", other)) == first
    assert kept(other)[1]["case_id"] == "test_answers::test_wrong"


def test_attempts_that_pytest_repeats_are_not_called_passed(memory: SqlStore):
    """pytest-rerunfailures leaves their failure out, so they are unscored; the last one counts."""
    rows = stored("pytest-reruns.xml", memory)

    assert outcomes(rows) == [
        ("test_second_time", "unscored", None),
        ("test_second_time", "passed", 1),
        ("test_never", "unscored", None),
        ("test_never", "unscored", 1),
        ("test_never", "failed", 2),
        ("test_plain", "passed", None),
    ]
    assert "ran it again" in rows[0]["metadata"]["reason"]


def test_repeated_attempts_are_known_when_workers_mix_them(memory: SqlStore):
    """Under pytest-xdist other cases stand between two attempts, and between a failure and its teardown."""
    report = imported(sample("pytest-interleaved.xml"), memory)
    rows = kept(memory)

    assert [row for row in outcomes(rows) if "slow" in row[0]] == [
        ("test_slow_second_time", "unscored", None),
        ("test_slow_wrong_then_closed", "failed", None),
        ("test_slow_second_time", "passed", 1),
    ]
    assert report.notes[0].startswith("1 teardown errors of test cases that had failed already were")


def test_runs_put_together_in_one_file_stay_apart(memory: SqlStore, tmp_path: Path):
    """The same case in two suites of pytest is no repetition."""
    whole = sample("pytest-xunit1.xml").read_text()
    suite = whole[whole.index("<testsuite ") : whole.index("</testsuites>")]
    path = tmp_path / "merged.xml"
    path.write_text(f'<testsuites name="pytest tests">{suite}{suite}</testsuites>')

    report = imported(path, memory)
    rows = outcomes(kept(memory))

    assert (report.stored, report.rejected) == (38, 0)
    assert rows[:19] == rows[19:]


def test_a_worker_that_died_is_told(memory: SqlStore):
    """The case that pytest-xdist was running is an error of the phase `crash`."""
    rows = stored("pytest-crash.xml", memory)

    assert [row["outcome"] for row in rows] == ["passed", "error", "passed"]
    assert rows[1]["metadata"]["phase"] == "crash"
    assert "worker 'gw0' crashed" in rows[1]["error_message"]
    assert rows[1]["latency_ms"] is None


def test_modules_that_pytest_could_not_collect_are_told(memory: SqlStore):
    """One is an error with its class, one that skips itself is skipped with its reason."""
    broken, skipped = stored("pytest-collect.xml", memory)

    assert (broken["case_id"], broken["outcome"], broken["error_type"]) == (
        "test_broken",
        "error",
        "ModuleNotFoundError",
    )
    assert skipped["outcome"] == "skipped"
    assert "a_module_that_is_absent" in skipped["metadata"]["reason"]


def test_surefire_tells_of_every_attempt_in_one_case(memory: SqlStore):
    """Reruns and flaky ones become executions; only the attempt that the time belongs to has one."""
    rows = stored("surefire.xml", memory)

    assert outcomes(rows) == [
        ("raises", "error", None),
        ("raises", "error", 1),
        ("raises", "error", 2),
        ("assumed", "skipped", None),
        ("good", "passed", None),
        ("wrong", "failed", None),
        ("wrong", "failed", 1),
        ("wrong", "failed", 2),
        ("secondTime", "failed", None),
        ("secondTime", "passed", 1),
        ("skipped", "skipped", None),
    ]
    assert [row["latency_ms"] for row in rows if row["case_id"].endswith("wrong")] == [6.0, None, None]
    assert (rows[0]["error_type"], rows[0]["error_message"].splitlines()[0]) == (
        "java.lang.IllegalStateException",
        "no <amount> & more",
    )
    assert rows[3]["metadata"]["reason"] == "no network"
    assert "system_out" not in rows[6]["metadata"]


def test_a_class_that_surefire_could_not_prepare_is_an_error(memory: SqlStore):
    """Its one case has the name of the class."""
    (row,) = stored("surefire-broken.xml", memory)

    assert (row["case_id"], row["outcome"]) == ("acme.BrokenTest", "error")


def test_jest_says_the_name_twice(memory: SqlStore):
    """It is kept once; the class of an error is read from its text; a suite called undefined has no name."""
    rows = stored("jest.xml", memory)

    assert outcomes(rows) == [
        ("answers good", "passed", None),
        ("answers wrong", "failed", None),
        ("answers raises", "failed", None),
        ("answers skipped", "skipped", None),
        ("answers to be written", "passed", None),
        ("answers deep Grüße 🙂", "passed", None),
        ("answers good", "passed", 1),
        ("second time", "passed", None),
        ("never", "failed", None),
    ]
    assert (rows[2]["error_type"], rows[8]["suite"]) == ("TypeError", None)


def test_jest_with_files_tells_equal_names_apart(memory: SqlStore):
    """The file is part of the id of a case, as soon as jest-junit is told to write it."""
    rows = stored("jest-file.xml", memory)

    assert rows[0]["case_id"] == "answers.test.js::answers::good"
    assert {row["slice"] for row in rows} == {"answers.test.js", "retried.test.js", "broken.test.js"}
    assert rows[-2]["outcome"] == "error"


def test_vitest_puts_all_failures_of_a_case_together(memory: SqlStore):
    """Two failures are one execution that counts them; output and class of the error are there."""
    rows = by_case(stored("vitest.xml", memory))

    assert rows["never"]["metadata"]["failures"] == 2
    assert rows["answers > wrong"]["metadata"]["system_out"] == "asked: refund?"
    assert rows["answers > wrong"]["error_type"] == "AssertionError"
    assert rows["answers > raises"]["error_message"].startswith("no <amount> & more\n ❯")
    assert rows["answers > to be written"]["outcome"] == "skipped"


def test_mocha_puts_the_end_of_a_name_into_the_class(memory: SqlStore):
    """The name says all of it; the slice is the suite."""
    rows = stored("mocha.xml", memory)

    assert [row["case_id"] for row in rows][:2] == ["answers good", "answers wrong"]
    assert (rows[1]["slice"], rows[1]["error_type"]) == ("answers", "AssertionError")


def test_go_says_failed_and_nothing_else(memory: SqlStore):
    """The message is what the test printed, without the lines of the runner; a panic is the message."""
    rows = by_case(stored("gotestsum.xml", memory))

    assert (
        rows["TestWrong"]["error_message"].splitlines()[-1].strip()
        == 'answers_test.go:13: got "billing", want "login"'
    )
    assert rows["TestTexts/a/b"]["error_message"].endswith("no <amount> & more")
    assert rows["TestPanics"]["error_message"].startswith("panic: runtime error: index out of range")
    assert rows["TestSkipped"]["metadata"]["reason"].endswith("needs a key")


def test_go_writes_attempts_far_apart(memory: SqlStore):
    """With --rerun-fails the same name comes again later; attempts are counted over the suite."""
    rows = [
        row
        for row in outcomes(stored("gotestsum-reruns.xml", memory))
        if "Second" in row[0] or "Wrong" in row[0]
    ]

    assert rows == [
        ("TestWrong", "failed", None),
        ("TestSecondTime", "failed", None),
        ("TestWrong", "failed", 1),
        ("TestWrong", "failed", 2),
        ("TestSecondTime", "passed", 1),
    ]
