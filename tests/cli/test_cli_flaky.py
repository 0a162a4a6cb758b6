"""`flywheel flaky` lists unstable tests, exports them, says what fails next."""

from __future__ import annotations

import json

from flywheel.records.execution import Execution
from flywheel.store.open import open_store


def add_runs() -> None:
    """Twelve runs of a flaky, a broken, a sound test on one version."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write(
        Execution(
            execution_id=f"{case}-{n}",
            prompt="checkout",
            version="v1",
            case_id=case,
            outcome="failed" if fails(n) else "passed",
            source="pytest",
        )
        for n in range(12)
        for case, fails in (
            ("shaky", lambda n: n % 3 == 0),
            ("broken", lambda _: True),
            ("sound", lambda _: False),
        )
    )
    store.close()


def test_flaky_tells_the_flaky_from_the_broken(flywheel):
    """Only the flaky test is put away; the sound one is not listed."""
    add_runs()

    document = flywheel("flaky", "--json").document

    assert {t["case_id"]: t["status"] for t in document["tests"]} == {"shaky": "flaky", "broken": "broken"}
    assert document["quarantine"] == ["shaky"]


def test_flaky_exports_one_id_a_line_or_json(flywheel, tmp_path):
    """The export is what a test runner can read."""
    add_runs()

    flywheel("flaky", "--export", "q.txt")
    answer = flywheel("flaky", "--export", "q.json")

    assert answer.code == 0
    assert (tmp_path / "q.txt").read_text() == "shaky\n"
    assert json.loads((tmp_path / "q.json").read_text()) == {"quarantine": ["shaky"]}


def test_flaky_says_what_fails_next(flywheel):
    """The broken test is the likeliest to fail again."""
    add_runs()

    document = flywheel("flaky", "--next", "2", "--json").document
    drawn = flywheel("flaky", "--next", "2").out

    assert document["next"][0]["case_id"] == "broken"
    assert "Likeliest to fail next" in drawn
    assert "broken" in drawn


def test_flaky_on_a_store_without_failures_says_so(triage):
    """Tests that never failed make an empty list, not an error."""
    answer = triage("flaky", "--prompt", "triage", "--suite", "none", "--json")

    assert answer.code == 0
    assert answer.document["tests"] == []
