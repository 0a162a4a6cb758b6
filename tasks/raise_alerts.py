"""What a run has to tell people, as a Prefect task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task
from prefect.events import emit_event
from prefect.logging import get_run_logger

from blocks.alert_channel import alert_routes
from blocks.store import store_block
from flywheel.cycle import CycleOutcome
from flywheel.errors import StoreError
from flywheel.records.alert import Alert
from flywheel.watch.alerting import AutomatedAlertingSystem, tell_unkept
from flywheel.watch.alerts_file import read_alerts
from flywheel.watch.news import News, cycle_news, spread
from flywheel.watch.wording import fields
from tasks.policy import POLICY, QUICK_S
from tasks.wiring import Places

EVENT = "flywheel.alert.raised"
"""Prefect event of every alert that was kept, or rose, for automations."""


def check_channels(channels: Sequence[str]) -> None:
    """Refuse what could not be told at the end of a run, before it starts.

    Raises:
        InputError: no block of a name, or the alerts file of the worker has a mistake.
    """
    alert_routes(channels)
    read_alerts(os.environ)


def end_alerts(news: News, places: Places) -> None:
    """Resolve what is over; what was decided stays decided where that cannot be kept."""
    try:
        with store_block(places.store).open() as store:
            spread(AutomatedAlertingSystem(store, ()), news)
    except StoreError as error:
        get_run_logger().warning(f"The alerts that are over stay open: {error}")


@task(
    name="raise-alerts",
    task_run_name="raise alerts",
    description="Tells people what they must know: kept, cooled down, sent through the channels.",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def raise_alerts(news: News, channels: Sequence[str], places: Places) -> tuple[str, ...]:
    """Raise the alerts of a run, resolve what is over.

    A channel that does not work never fails the run.

    Args:
        news: what is to be told.
        channels: names of Flywheel Alert Channel blocks.
        places: names of the other blocks.

    Returns:
        What went wrong on the way, a line each.

    Raises:
        InputError: no block of a name, or the alerts file has a mistake.
    """
    return _raised(news, channels, places)


@task(
    name="raise-cycle-alerts",
    task_run_name="raise alerts",
    description="Turns what cycles did into alerts: failed, degraded, released, waiting for a person.",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def raise_cycle_alerts(
    outcomes: Sequence[CycleOutcome], channels: Sequence[str], places: Places
) -> tuple[str, ...]:
    """Raise what cycles have to say.

    Args:
        outcomes: of the cycles of this run.
        channels: names of Flywheel Alert Channel blocks.
        places: names of the other blocks.

    Returns:
        What went wrong on the way, a line each.
    """
    now = datetime.now(UTC)
    try:
        with store_block(places.store).open() as store:
            news = cycle_news(outcomes, store, now)
    except StoreError:
        news = cycle_news(outcomes, None, now)
    return _raised(news, channels, places)


def _raised(news: News, channels: Sequence[str], places: Places) -> tuple[str, ...]:
    routes, settings = alert_routes(channels), read_alerts(os.environ).alerts
    try:
        with store_block(places.store).open() as store:
            told = spread(AutomatedAlertingSystem(store, routes, settings), news)
    except StoreError as error:
        # A store that is away is the first thing a person must hear of.
        told = tell_unkept(routes, news.alerts, settings, str(error))
    for problem in told.problems():
        get_run_logger().warning(problem)
    for alert in told.alerts:
        emit_raised(alert)
    return tuple(told.problems())


def emit_raised(alert: Alert) -> None:
    """Tell Prefect of an alert that was kept, or rose."""
    resource = {
        "prefect.resource.id": f"flywheel.alert.{alert.workspace}.{alert.alert_id}",
        "prefect.resource.name": alert.subject,
    }
    emit_event(EVENT, resource=resource, payload=fields(alert))
