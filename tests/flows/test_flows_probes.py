"""The flow that finds out what breaks a prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.probes import probes
from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.records.case import Case, Suite
from flywheel.records.probe import ProbeKind
from flywheel.store.open import open_store
from tasks.probe import probe_rows

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]

TEXT = "Pick one name:\n- city: the town\n- dob: the date of birth\n\nQuestion: {question}\nAnswer:"


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A store with a live prompt and a suite."""
    address = str(tmp_path / "p.db")
    store = open_store(address)
    cases = [
        Case(
            case_id=f"{word}{n}",
            suite="fields",
            inputs={"question": f"{n} Which {word} is it?"},
            expected=word,
        )
        for n in range(15)
        for word in ("city", "dob")
    ]
    store.cases.add(Suite(suite="fields", scorer="contains"), cases)
    keep_version(store, version_of("default", "asker", TEXT, ["v1"]), live=True)
    store.close()
    return address


def test_a_run_probes_in_every_way_it_is_told(prefect: None, address: str) -> None:
    """One report per kind, rows for the page, findings in a suite, and a missed limit degrades the run."""
    state = probes(
        suite="fields",
        prompt="asker",
        kinds=list(ProbeKind),
        answering=["embedded-nano", "embedded-small"],
        keep="broke",
        limits={"max_attack_success": 0.0},
        store=address,
        return_state=True,
    )

    reports = state.result()
    assert state.name == "Degraded"
    assert "misses --max-attack-success" in state.message
    assert set(reports) == {kind.value for kind in ProbeKind}
    names = [[model.model for model in report.models] for report in reports.values()]
    assert names == [["embedded-nano", "embedded-small"]] * 5
    assert all(json.dumps(probe_rows(report)) for report in reports.values())
    assert reports["calibration"].models[0].calibration.error is not None
    assert len(reports["comparison"].pairs) == 1
    store = open_store(address)
    kept = store.cases.cases("default", "broke")
    store.close()
    assert {case.role.value for case in kept} == {"reflect"}


def test_an_unknown_suite_fails_the_run_in_words(prefect: None, address: str) -> None:
    """Nothing was asked, and the message says what to do."""
    state = probes(suite="nowhere", prompt="asker", store=address, return_state=True)

    assert state.is_failed()
    assert "flywheel suite add nowhere" in state.message
