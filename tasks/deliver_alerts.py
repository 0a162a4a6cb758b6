"""What alerts need by time, as a Prefect task."""

from __future__ import annotations

import os
from collections.abc import Sequence

from prefect import task
from prefect.logging import get_run_logger

from blocks.alert_channel import alert_routes
from blocks.store import store_block
from flywheel.watch.alerting import AutomatedAlertingSystem, Told
from flywheel.watch.alerts_file import read_alerts
from tasks.policy import POLICY, QUICK_S
from tasks.raise_alerts import emit_raised
from tasks.wiring import Places


@task(
    name="deliver-alerts",
    description="Lets alerts rise that nobody took on; sends what is still to be sent.",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def tend_alerts(workspace: str, channels: Sequence[str], places: Places) -> Told:
    """Do what is due by time; with nothing due it changes nothing.

    Args:
        workspace: whose alerts.
        channels: names of Flywheel Alert Channel blocks.
        places: names of the other blocks.

    Returns:
        What rose, what was sent.

    Raises:
        StoreUnreachable: the store does not answer; nothing is lost or sent twice.
    """
    routes, settings = alert_routes(channels), read_alerts(os.environ).alerts
    with store_block(places.store).open() as store:
        told = AutomatedAlertingSystem(store, routes, settings).tend(workspace)
    for problem in told.problems():
        get_run_logger().warning(problem)
    for alert in told.alerts:
        emit_raised(alert)
    return told
