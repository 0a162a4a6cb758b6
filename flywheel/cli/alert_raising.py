"""How commands raise alerts: never in the way of what they were called for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flywheel.cli.doors import Door
from flywheel.errors import FlywheelError, InputError, PolicyError, StoreError

if TYPE_CHECKING:
    from datetime import datetime

    from flywheel.cycle import CycleOutcome
    from flywheel.records.alert import Alert
    from flywheel.records.alerting import AlertsConfig
    from flywheel.records.cycle import FeedbackLoopInput
    from flywheel.watch.alerting import AutomatedAlertingSystem
    from flywheel.watch.news import News

MISUSE = (InputError, PolicyError)
"""Errors of what was asked: the person who asked reads them where they asked."""


def alerts_config() -> AlertsConfig:
    """Settings of alerts, read before a long command starts.

    Raises:
        InputError: the alerts file has a mistake; nothing was started.
    """
    from flywheel.watch.alerts_file import read_alerts

    return read_alerts(os.environ)


def raise_cycle_alerts(door: Door, config: AlertsConfig, outcomes: Sequence[CycleOutcome]) -> None:
    """Raise what cycles have to say."""
    from flywheel.watch.news import cycle_news

    raise_news(door, config, lambda now: cycle_news(outcomes, door.store, now))


def raise_failure(
    door: Door, config: AlertsConfig, requests: Sequence[FeedbackLoopInput], error: FlywheelError
) -> None:
    """Raise that cycles stopped; wrong use is the matter of who is at the keyboard."""
    from flywheel.cycle import CycleOutcome

    if not isinstance(error, MISUSE):
        raise_cycle_alerts(door, config, [CycleOutcome(one, None, str(error)) for one in requests])


def raise_news(door: Door, config: AlertsConfig, news: Callable[[datetime], News]) -> tuple[Alert, ...]:
    """Raise news with the channels of this environment; a problem on the way is told on stderr.

    Returns:
        The alerts as they are kept; none where the store is away.
    """
    from datetime import UTC, datetime

    from flywheel.watch.alerting import alerting_system, tell_unkept
    from flywheel.watch.channels import routes_of

    found = news(datetime.now(UTC))
    try:
        system = alerting_system(door.own_store, config)
    except StoreError as error:
        # A store that is away is the first thing a person must hear of.
        routes = routes_of(config.channels.values(), os.environ, door.settings.home)
        told = tell_unkept(routes, found.alerts, config.alerts, str(error))
        kept, problems = told.alerts, told.problems()
    else:
        kept, problems = _spread(system, found)
    for problem in problems:
        door.err.print(problem, style="yellow", markup=False, soft_wrap=True)
    return kept


def _spread(system: AutomatedAlertingSystem, news: News) -> tuple[tuple[Alert, ...], list[str]]:
    from flywheel.watch.news import spread

    try:
        told = spread(system, news)
    except FlywheelError as error:
        return (), [f"Alerts were not all told: {error}"]
    return told.alerts, told.problems()
