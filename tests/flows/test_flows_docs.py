"""docs/prefect.md names everything a user of the flows meets."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import yaml

from blocks.alert_channel import AlertChannelBlock
from blocks.langsmith import LangSmithBlock
from blocks.model import ChatModelBlock
from blocks.provider import ProviderBlock
from blocks.store import FlywheelStore
from blocks.strategy import StrategyBlock
from deployments.bootstrap import LIMITS, MODEL, POOL
from flows.cleanup import cleanup
from flows.deliver_alerts import deliver_alerts
from flows.import_executions import import_executions
from flows.learning_cycle import learning_cycle
from flows.quality_watch import quality_watch
from flows.release_watch import release_watch
from flows.roll_back import roll_back
from flows.update_trust import update_trust
from flows.waiting import REVIEW_WINDOW_S

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "prefect.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "flow",
    [
        learning_cycle,
        roll_back,
        import_executions,
        deliver_alerts,
        quality_watch,
        release_watch,
        update_trust,
        cleanup,
    ],
    ids=lambda flow: flow.name,
)
def test_every_parameter_is_documented(flow) -> None:
    """Each field of each form is named in the page."""
    missing = [name for name in inspect.signature(flow.fn).parameters if f"`{name}`" not in PAGE]
    assert missing == []
    assert f"`{flow.name}/default`" in PAGE


@pytest.mark.parametrize(
    "block",
    [FlywheelStore, ChatModelBlock, ProviderBlock, LangSmithBlock, StrategyBlock, AlertChannelBlock],
)
def test_every_block_is_documented(block) -> None:
    """Each block is there with its name, its slug and its fields."""
    assert f"{block.get_block_type_name()} (`{block.get_block_type_slug()}`)" in PAGE
    assert [name for name in block.model_fields if f"`{name}`" not in PAGE] == []


def test_what_bootstrap_makes_is_documented() -> None:
    """Pool, limits and model are named as the code names them; the window is the code's."""
    for name in (POOL, MODEL, *LIMITS):
        assert f"`{name}`" in PAGE
    assert REVIEW_WINDOW_S == 7 * 24 * 3600
    assert "seven days" in PAGE


def test_schedule_in_the_page_is_that_of_prefect_yaml() -> None:
    """The hour in the page is the hour in the file."""
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    (nightly,) = content["deployments"][0]["schedules"]
    minute, hour = nightly["cron"].split()[:2]
    assert f"nightly at {int(hour):02}:{int(minute):02} {nightly['timezone']}" in PAGE


def test_alerts_are_looked_after_without_a_hand() -> None:
    """The schedule that lets alerts rise is on as it ships, as often as the page says."""
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    of_flow = [d for d in content["deployments"] if d["entrypoint"].endswith(":deliver_alerts")]
    (schedule,) = (s for d in of_flow for s in d["schedules"])
    assert (schedule["cron"], schedule["active"]) == ("*/5 * * * *", True)
    assert "sends what still waits | every five minutes |" in PAGE
