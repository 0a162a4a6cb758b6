"""The flow that measures every model on every slice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.baseline_matrix import baseline_matrix
from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.records.case import Case, Suite
from flywheel.store.open import open_store
from tasks.baseline import baseline_rows

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]

TEXT = "Pick one name:\n- city: the town\n- dob: the date of birth\n\nQuestion: {question}\nAnswer:"


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A store with a live prompt and a suite of two slices."""
    address = str(tmp_path / "b.db")
    store = open_store(address)
    cases = [
        Case(
            case_id=f"{word}{n}",
            suite="fields",
            slice=word,
            inputs={"question": f"{n} Which {word} is it?"},
            expected=word,
        )
        for n in range(20)
        for word in ("city", "dob")
    ]
    store.cases.add(Suite(suite="fields", scorer="contains"), cases)
    keep_version(store, version_of("default", "asker", TEXT, ["v1"]), live=True)
    store.close()
    return address


def test_a_run_measures_each_model_on_each_slice(prefect: None, address: str) -> None:
    """A matrix as data, executions in the store, and the second run beside the first."""
    asked = {"suite": "fields", "prompts": ["asker"], "answering": ["embedded-small"], "store": address}

    first = baseline_matrix(**asked, return_state=True)
    second = baseline_matrix(**asked, return_state=True)

    matrix = first.result()["asker"]
    assert first.name == "Completed"
    assert matrix.slices == ("city", "dob")
    assert [row.model for row in matrix.models] == ["embedded-small"]
    assert matrix.models[0].overall.cases == 40
    assert json.dumps(baseline_rows(matrix))
    later = second.result()["asker"]
    assert later.against == matrix.session_id
    assert [change.verdict for change in later.changes] == ["no difference shown"]


def test_an_unknown_suite_fails_the_run_in_words(prefect: None, address: str) -> None:
    """Nothing was measured, and the message says what to do."""
    state = baseline_matrix(suite="nowhere", prompts=["asker"], store=address, return_state=True)

    assert state.is_failed()
    assert "flywheel suite add nowhere" in state.message
