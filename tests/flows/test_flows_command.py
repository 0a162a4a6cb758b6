"""The flows' other doors: command line, roll-back, import, bootstrap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from recorded_prompts import BETTER, LIVE, add_recorded

from deployments.bootstrap import bootstrap
from flows.command import run_command
from flows.import_executions import import_executions
from flows.learning_cycle import learning_cycle
from flows.roll_back import roll_back
from flywheel.records.prompt import content_hash
from flywheel.store.open import SqlStore

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration, pytest.mark.usefixtures("prefect")]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLYWHEEL_DATABASE_URL", "")
    monkeypatch.setenv("FLYWHEEL_HOME", str(tmp_path))


def test_command_prints_one_object_per_request(
    recorded: tuple[str, SqlStore], capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line of stdout has the outputs in the order asked, also when the settings differ."""
    address, store = recorded
    add_recorded(store, "billing")
    asked = [
        {"prompt": "triage", "time_window_days": None, "dry_run": True},
        {"prompt": "nobody", "time_window_days": None},
        {"prompt": "billing", "time_window_days": None, "min_sample_size": 40, "dry_run": True},
    ]
    code = run_command(learning_cycle, ["--request-json", json.dumps(asked), "--store", address])
    answer = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert code == 1
    assert [(a["prompt"], a["output"] is not None) for a in answer] == [
        ("triage", True),
        ("nobody", False),
        ("billing", True),
    ]
    assert "No prompt 'nobody'" in answer[1]["error"]


def test_command_refuses_what_it_cannot_read(capsys: pytest.CaptureFixture[str]) -> None:
    """A request with an unknown field is wrong use, and nothing is started."""
    assert run_command(learning_cycle, ["--request-json", '[{"prompt": "a", "windw": 3}]']) == 2
    assert "Nothing was started" in capsys.readouterr().err


def test_roll_back_restores_the_previous_version(recorded: tuple[str, SqlStore]) -> None:
    """After a release the flow puts the first version back, with the reason in the history."""
    address, store = recorded
    learning_cycle(prompts=["triage"], window_days=None, store=address)
    assert store.releases.live("default", "triage").version == content_hash(BETTER)
    event = roll_back(prompt="triage", why="wrong tone", store=address)
    assert event.version == content_hash(LIVE)
    assert store.releases.live("default", "triage").version == content_hash(LIVE)
    assert store.releases.history("default", "triage")[0].why == "wrong tone"


def test_roll_back_of_an_unknown_version_changes_nothing(recorded: tuple[str, SqlStore]) -> None:
    """A version nobody stored is refused."""
    address, store = recorded
    state = roll_back(prompt="triage", why="typo", to="v9", store=address, return_state=True)
    assert state.type.value == "FAILED"
    assert store.releases.live("default", "triage").version == content_hash(LIVE)


def test_import_counts_every_line_and_repeats_without_effect(tmp_path: Path) -> None:
    """Good lines are stored, bad ones make the run Degraded; the second run stores nothing."""
    good, bad, missing = tmp_path / "good.jsonl", tmp_path / "bad.jsonl", tmp_path / "missing.jsonl"
    good.write_text('{"execution_id": "r1", "prompt": "triage", "outcome": "passed"}\n')
    bad.write_text('{"execution_id": "r2", "outcome": "perhaps"}\n')
    asked = {"paths": [str(good), str(bad), str(missing)], "store": str(tmp_path / "import.db")}
    state = import_executions(**asked, return_state=True)
    reports = state.result()
    assert state.name == "Degraded"
    assert (reports[str(good)].stored, reports[str(bad)].rejected) == (1, 1)
    assert str(missing) not in reports
    again = import_executions(**asked)
    assert (again[str(good)].stored, again[str(good)].unchanged) == (0, 1)


def test_import_of_nothing_readable_fails(tmp_path: Path) -> None:
    """A run that could read no file is Failed."""
    asked = {"paths": [str(tmp_path / "missing.jsonl")], "store": str(tmp_path / "import.db")}
    assert import_executions(**asked, return_state=True).type.value == "FAILED"


def test_bootstrap_twice_changes_nothing(client: SyncPrefectClient, tmp_path: Path) -> None:
    """The first call makes pool, limit, blocks and automation; the second finds them all."""
    first = dict(bootstrap(client, str(tmp_path / "boot.db")))
    second = dict(bootstrap(client))
    assert set(first) == set(second)
    assert first["block flywheel-store/default"] == "made"
    assert set(second.values()) == {"there already"}
    assert len(client.read_automations()) == 1
    assert len(client.read_global_concurrency_limits()) == 1


def test_bootstrap_with_a_store_replaces_its_address(client: SyncPrefectClient, tmp_path: Path) -> None:
    """An address given by hand goes over the saved one; without it the saved one stays."""
    dict(bootstrap(client, str(tmp_path / "one.db")))
    moved = dict(bootstrap(client, str(tmp_path / "two.db")))
    assert moved["block flywheel-store/default"] == "changed"
