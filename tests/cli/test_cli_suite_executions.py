"""`flywheel suite add --from-executions`: what was run becomes what is asked again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from flywheel.records.case import role_of
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.store.case_sources import newest_per_case, no_cases
from flywheel.store.open import SqlStore, open_store

ADD = ("suite", "add", "again", "--from-executions", "--json")


def run(number: int, **fields: object) -> Execution:
    """An execution of case c1 that failed on a day of its own."""
    facts = {
        "execution_id": f"r{number}",
        "case_id": "c1",
        "prompt": "triage",
        "outcome": "failed",
        "inputs": {"question": "refund?"},
        "expected": "billing",
        "session_id": "nightly-7",
        "started_at": datetime(2026, 11, number, tzinfo=UTC),
    }
    return Execution.model_validate(facts | fields)


def stored(*runs: Execution) -> None:
    """Into the store of the folder."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write(runs)
    store.close()


def test_executions_become_cases_with_roles_and_provenance(triage):
    """Sixty cases of 120 executions, each with its role by hash and the execution it came from."""
    first = triage(*ADD).document
    shown = triage("suite", "show", "again", "--limit", "99", "--json").document

    assert (first["cases"], first["stored"], first["no_case"]) == (60, 60, [])
    assert first["roles"] == shown["roles"]
    case = shown["cases"][0]
    assert case["role"] == role_of(case["inputs"]).value
    assert case["metadata"]["from_execution"]["execution_id"] == "v2-0"
    assert case["metadata"]["from_execution"]["outcome"] == "passed"


def test_repeating_changes_nothing(triage):
    """A second time stores nothing; neither do newer executions that ask the same."""
    triage(*ADD)
    before = triage("suite", "show", "again", "--json").out
    stored(run(9, case_id="case-00", inputs={"question": "question 0"}, slice="billing"))

    again = triage(*ADD).document

    assert (again["stored"], again["replaced"], again["unchanged"]) == (0, 0, 60)
    assert triage("suite", "show", "again", "--json").out == before


def test_failures_become_regression_cases(triage):
    """Only what failed; a suite that exists is extended and keeps its own scorer."""
    triage("suite", "add", "again", "--from-executions", "--scorer", "contains", "--prompt", "triage")
    stored(run(3, outcome="error", error_type="Timeout"), run(4, outcome="passed", case_id="c2"))

    answer = triage(*ADD, "--failures").document
    shown = triage("suite", "show", "again", "--limit", "99", "--json").document

    assert answer["stored"] == 1
    assert shown["scorer"] == "contains"
    case = next(case for case in shown["cases"] if case["case_id"] == "c1")
    assert case["metadata"]["from_execution"] == {
        "execution_id": "r3",
        "session_id": "nightly-7",
        "prompt": "triage",
        "source": "python",
        "error_type": "Timeout",
        "outcome": "error",
        "started_at": "2026-11-03T00:00:00+00:00",
    }
    assert "nightly-7" in triage("suite", "show", "again", "--json").out


def test_an_execution_that_is_no_case_says_why(flywheel):
    """Without inputs, without expectation, skipped: counted by reason with an example."""
    stored(
        run(1, case_id=None, inputs="refund?"),
        run(2, inputs=None),
        run(3, expected=None),
        run(4, expected=None),
        run(5, outcome="skipped"),
    )

    answer = flywheel(*ADD).document
    said = flywheel("suite", "add", "again", "--from-executions").out

    assert answer["no_case"] == [
        {"reason": "no expected", "executions": 2, "example": "r3"},
        {"reason": "it was skipped", "executions": 1, "example": "r5"},
        {"reason": "no inputs", "executions": 1, "example": "r2"},
    ]
    assert "no case: 2 executions, no expected, such as 'r3'" in said


def test_a_case_of_a_file_is_not_replaced(flywheel, tmp_path):
    """What a person wrote stays, whatever was executed under its id."""
    line = {"case_id": "c1", "inputs": {"question": "by hand"}, "expected": "login"}
    (tmp_path / "cases.jsonl").write_text(json.dumps(line))
    flywheel("suite", "add", "again", "cases.jsonl")
    stored(run(1))

    flywheel(*ADD)

    (case,) = flywheel("suite", "show", "again", "--json").document["cases"]
    assert case["inputs"] == {"question": "by hand"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("suite", "add", "again"), "either a file of cases or --from-executions"),
        (("suite", "add", "again", "x.jsonl", "--from-executions"), "not both"),
        (("suite", "add", "again", "x.jsonl", "--failures"), "choose among stored executions"),
    ],
)
def test_either_a_file_or_executions(flywheel, words, said):
    """Both, or none of them, is wrong use."""
    answer = flywheel(*words)

    assert answer.code == 2
    assert said in " ".join(answer.err.split())


def test_the_newest_execution_of_each_case_counts(store: SqlStore):
    """By start, on both databases; without a case id equal inputs are one case."""
    nameless = {"case_id": None, "inputs": [1, 2]}
    runs = [run(3, expected="new"), run(2, expected="old"), run(4, **nameless), run(5, **nameless)]
    store.executions.write([*runs, run(6, inputs=None, case_id="c3")])

    found = newest_per_case(store.executions.database, Scope(), failures=True)

    assert {one.execution_id for one in found} == {"r3", "r5"}
    assert [one.example for one in no_cases(store.executions.database, Scope(), failures=True)] == ["r6"]
