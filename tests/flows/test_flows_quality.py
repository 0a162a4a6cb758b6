"""The flow that watches quality."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from quality_world import day, executions, stream

from blocks.alert_channel import AlertChannelBlock
from flows.quality_watch import quality_watch
from flywheel.cli.prompt_keeping import make_live
from flywheel.errors import InputError, UnknownName
from flywheel.phases.due import due
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.due import Trigger
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.quality import QualitySettings
from flywheel.records.strategy import LearningStrategy
from flywheel.store.open import open_store
from tasks.quality import QualityRequest, quality_rows

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A store whose prompt `p` fell from 97 to 40 % five days ago, beside the healthy `q`."""
    address = str(tmp_path / "q.db")
    shift = datetime.now(UTC) - day(35)
    store = open_store(address)
    for prompt, rates in (("p", np.repeat([0.97, 0.4], [30, 5])), ("q", np.full(35, 1.0))):
        made = executions(stream(rates, per_day=30), prompt)
        store.executions.write(
            one.model_copy(update={"started_at": one.started_at + shift - timedelta(seconds=1)})
            for one in made
        )
    store.close()
    return address


@pytest.fixture
def log(prefect: None, tmp_path: Path) -> Path:
    """The file of the saved channel block `log`."""
    path = tmp_path / "alerts.jsonl"
    AlertChannelBlock(kind="file", path=str(path), least="info").save("log", overwrite=True)
    return path


def test_a_run_tells_what_fell_once(client: SyncPrefectClient, address: str, log: Path) -> None:
    """The report as data, an alert through the channel, a table; the second run raises nothing."""
    first = quality_watch(alerts=["log"], store=address, return_state=True)
    second = quality_watch(alerts=["log"], store=address, return_state=True)

    report = first.result()
    assert (first.name, second.name) == ("Completed", "Completed")
    assert [one.name for one in report.degraded] == ["p"]
    assert "2 streams, 1 critical or fallen. p: quality: critical" in first.message
    assert [json.loads(line)["subject"] for line in log.read_text().splitlines()] == ["p: quality"]
    rows = quality_rows(report)
    assert json.dumps(rows)
    assert [(row["stream"], row["alert"]) for row in rows] == [("p", "critical"), ("q", "–")]
    # Asked for by its run: of all there are the server gives 200, whichever they are.
    of_first = ArtifactFilterFlowRunId(any_=[first.state_details.flow_run_id])
    artifacts = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_first))
    (artifact,) = [a for a in artifacts if a.key == "quality-watch"]
    assert "critical, fallen" in str(artifact.data)


def test_what_fell_makes_a_cycle_due(client: SyncPrefectClient, address: str, log: Path) -> None:
    """The alert is a reason for a cycle of that prompt alone, and the server has an event to start it by."""
    quality_watch(alerts=["log"], store=address)
    store = open_store(address)
    for prompt in ("p", "q"):
        version = PromptVersion(prompt=prompt, version=content_hash(prompt), text=prompt)
        store.prompts.add(version)
        make_live(store, version)
        store.executions.write(
            Execution(execution_id=f"{prompt}{n}", prompt=prompt, version=version.version, outcome="passed")
            for n in range(20)
        )

    judged = {
        prompt: due(FeedbackLoopInput(prompt=prompt), LearningStrategy(), store, datetime.now(UTC))
        for prompt in ("p", "q")
    }

    assert judged["p"].trigger is Trigger.QUALITY_ALERT
    assert judged["p"].because == "an alert is open: p: quality"
    assert judged["q"].trigger is Trigger.MANUAL
    wanted = {"filter": {"event": {"name": ["flywheel.quality.degraded"]}}}
    for _ in range(300):
        events = client._client.post("/events/filter", json=wanted).json()["events"]
        if events:
            break
        time.sleep(0.2)
    assert {event["resource"]["prefect.resource.id"] for event in events} == {"flywheel.prompt.default.p"}
    store.close()


@pytest.mark.usefixtures("prefect")
def test_a_run_of_one_prompt_reads_that_one(address: str) -> None:
    """Other prompts are not in the report; a healthy one raises nothing."""
    state = quality_watch(
        prompts=["q"], window_days=3, critical=0.5, alerts=[], store=address, return_state=True
    )

    report = state.result()
    assert [one.prompt for one in report.readings] == ["q"]
    assert (report.settings.window_days, report.settings.levels.critical) == (3, 0.5)
    assert report.degraded == ()


@pytest.mark.usefixtures("prefect")
def test_a_wrong_name_fails_the_run_in_words(address: str) -> None:
    """Nothing was read, and the message says what there is."""
    with pytest.raises(UnknownName, match="'nobody'"):
        quality_watch(prompts=["nobody"], alerts=[], store=address)


def test_levels_of_the_form_are_checked() -> None:
    """A critical level above the warning is refused in words; what is empty is that of the file."""
    file = QualitySettings(window_days=14)
    assert QualityRequest(warning=0.88).over(file).levels.warning == 0.88
    assert QualityRequest(warning=0.88).over(file).window_days == 14
    with pytest.raises(InputError, match="need excellent >= target"):
        QualityRequest(critical=0.97).over(file)
