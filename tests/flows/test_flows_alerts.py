"""Blocks for strategies and alert channels, and the flows that use them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from pydantic import SecretStr

from blocks.alert_channel import AlertChannelBlock, alert_routes
from blocks.strategy import Preset, StrategyBlock, strategy_of_block
from deployments.bootstrap import bootstrap
from flows.command import flow_parameters
from flows.deliver_alerts import deliver_alerts
from flows.form import Strategy
from flows.import_executions import import_executions
from flows.learning_cycle import learning_cycle
from flows.roll_back import roll_back
from flywheel.errors import InputError
from flywheel.records.alert import Alert, Severity
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.strategy import PRESETS, LearningStrategy, strategy_from
from flywheel.store.open import SqlStore

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


@pytest.fixture
def log(prefect: None, tmp_path: Path) -> Path:
    """The file of the saved channel block `log`."""
    path = tmp_path / "alerts.jsonl"
    AlertChannelBlock(kind="file", path=str(path), least="info").save("log", overwrite=True)
    return path


def told(path: Path) -> list[tuple[str, str]]:
    """Severity with subject of what reached the file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [(line["severity"], line["subject"]) for line in map(json.loads, lines)]


def test_the_form_has_every_setting_of_a_strategy() -> None:
    """What LearningStrategy has and allows, the block has and allows; empty is the preset's."""
    ours = {k: v for k, v in StrategyBlock.model_fields.items() if k != "preset"}
    assert set(ours) == set(LearningStrategy.model_fields) - {"name"}
    assert set(Preset.__args__) == set(Strategy.__args__) == set(PRESETS)
    for name in PRESETS:
        assert StrategyBlock(preset=name).strategy("mine") == strategy_from("mine", name, {})
        everything = PRESETS[name].model_dump(exclude={"name"})
        assert StrategyBlock(**everything).strategy("mine") == strategy_from("mine", name, {})


def test_a_request_with_an_own_strategy_reaches_the_flow() -> None:
    """The form's list has the presets alone, so that the own one travels beside it."""
    own = strategy_from("careful", "conservative", {"smallest_gain": 0.02})
    request = FeedbackLoopInput(prompt="p", strategy="careful", own_strategy=own)
    parameters = flow_parameters([request])
    assert "strategy" not in parameters
    assert FeedbackLoopInput(prompt="p", **parameters["more"]) == request


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "file"}, "path"),
        ({"kind": "email", "host": "h", "to": ["a@b"]}, "sender"),
        ({"kind": "webhook"}, "url"),
        ({"kind": "apprise"}, "urls"),
    ],
)
def test_a_channel_block_names_what_its_kind_needs(fields: dict[str, object], said: str) -> None:
    """A field that is empty is refused before a run starts."""
    with pytest.raises(InputError, match=f"'mine' of kind .*: {said}: "):
        AlertChannelBlock(**fields).route("mine")


def test_secrets_of_a_channel_are_in_no_repr() -> None:
    """Password, address, token and Apprise's addresses are masked, in the block and in what it makes."""
    secret = SecretStr("hunter2")
    for fields in (
        {"kind": "email", "host": "h", "sender": "a@b", "to": ["c@d"], "user": "u", "password": secret},
        {"kind": "webhook", "url": secret, "token": secret},
        {"kind": "apprise", "urls": secret},
    ):
        block = AlertChannelBlock(**fields)
        assert "hunter2" not in repr(block) + repr(block.route("mine")) + block.model_dump_json()


def test_a_change_that_waits_goes_through_the_channel_block(
    recorded: tuple[str, SqlStore], log: Path
) -> None:
    """A saved strategy decides, a saved channel tells; all settings of the strategy are in the cycle."""
    address, store = recorded
    StrategyBlock(preset="production", min_sample_size=40).save("careful", overwrite=True)
    asked = {"prompts": ["triage"], "window_days": None, "strategy_block": "careful", "alerts": ["log"]}
    state = learning_cycle(**asked, store=address, return_state=True)
    (outcome,) = state.result()
    assert outcome.output.staged
    assert outcome.request.own_strategy == strategy_of_block("careful")
    assert told(log) == [("medium", "triage: review")]
    assert [alert.subject for alert in store.alerts.open("default")] == ["triage: review"]


def test_failures_rollbacks_and_rejected_lines_are_told(
    recorded: tuple[str, SqlStore], log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each flow tells its own, and a channel that is dead fails no run."""
    address, _ = recorded
    monkeypatch.setenv("FLYWHEEL_HOME", str(tmp_path))
    AlertChannelBlock(kind="webhook", url=SecretStr("http://127.0.0.1:1/x")).save("dead", overwrite=True)
    (tmp_path / "runs.jsonl").write_text('{"execution_id": 1}\nno json\n')
    ways = {"store": address, "alerts": ["dead", "log"]}
    learning_cycle(prompts=["nobody"], **ways, return_state=True)
    learning_cycle(prompts=["triage"], window_days=None, **ways, return_state=True)
    assert roll_back("triage", "worse", **ways, return_state=True).is_completed()
    import_executions(paths=[str(tmp_path / "runs.jsonl")], **ways, return_state=True)
    assert [severity for severity, _ in told(log)] == ["high", "info", "high", "low"]
    assert told(log)[0] == ("high", "nobody: cycle")


@pytest.mark.usefixtures("prefect")
def test_a_misspelt_channel_is_refused_before_anything_runs(recorded: tuple[str, SqlStore]) -> None:
    """A wrong name is no way to hear of nothing."""
    with pytest.raises(InputError, match="There is no block flywheel-alert-channel/lgo"):
        learning_cycle(prompts=["triage"], store=recorded[0], alerts=["lgo"])
    assert recorded[1].cycles.outputs("default", None, 9) == []


@pytest.mark.usefixtures("prefect")
def test_default_is_the_alerts_file_until_it_is_saved(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a saved block the worker's file decides; bootstrap saves a console, once."""
    (tmp_path / "alerts.toml").write_text('[channels.mine]\nkind = "file"\npath = "a"\n')
    monkeypatch.setenv("FLYWHEEL_HOME", str(tmp_path))
    assert [route.name for route in alert_routes(["default"])] == ["mine"]
    first, again = (dict(bootstrap(client)) for _ in range(2))
    assert first["block flywheel-alert-channel/default"] == "made"
    assert again["block flywheel-alert-channel/default"] == "there already"
    assert AlertChannelBlock.load("default").kind == "console"
    assert "block type flywheel-strategy" in first


def test_an_alert_nobody_took_on_rises_by_time_alone(recorded: tuple[str, SqlStore], log: Path) -> None:
    """`deliver-alerts` lets it rise in every workspace asked, once; the next run finds nothing to do."""
    address, store = recorded
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for workspace in ("default", "team"):
        left = Alert(
            alert_id="a1",
            workspace=workspace,
            severity=Severity.MEDIUM,
            first_severity=Severity.MEDIUM,
            subject=f"{workspace}: review",
            message="a change waits",
            raised_at=hour_ago,
        )
        store.alerts.send(left)
    asked = {"workspaces": ["default", "team"], "store": address, "alerts": ["log"]}
    first, second = (deliver_alerts(**asked, return_state=True) for _ in range(2))
    assert (first.name, first.message) == ("Completed", "2 risen, 2 delivered")
    assert second.message == "0 risen, 0 delivered"
    assert told(log) == [("high", "default: review"), ("high", "team: review")]


@pytest.mark.usefixtures("prefect")
def test_a_channel_that_does_not_take_an_alert_degrades_the_run(recorded: tuple[str, SqlStore]) -> None:
    """What was not delivered is in the message of the run."""
    address, store = recorded
    AlertChannelBlock(kind="webhook", url=SecretStr("http://127.0.0.1:1/x")).save("dead", overwrite=True)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    store.alerts.send(Alert(alert_id="a", severity="high", subject="x", message="m", raised_at=hour_ago))
    state = deliver_alerts(store=address, alerts=["dead"], return_state=True)
    assert state.name == "Degraded"
    assert "1 risen, 0 delivered. 1 alert not delivered through 'dead'" in state.message
