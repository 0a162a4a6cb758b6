"""Flow `dashboard`: what testing is worth, is the flywheel well?

It keeps nothing between runs; a health below 0.6 is one alert a day, however often it is looked at.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import AlertsField, StoreField, WorkspaceField
from flywheel.cli.value_page import value_in_words
from flywheel.records.value import ValueReport
from flywheel.watch.value import value_news
from tasks.dashboard import read_value
from tasks.raise_alerts import check_channels, end_alerts, raise_alerts
from tasks.wiring import Places

DaysField = Annotated[float, Field(ge=1, title="Window (days)", description="how far back")]
WorthField = Annotated[
    float | None,
    Field(ge=0, title="Value of an outcome (USD)", description="one more passed execution; empty: no ROI"),
]


@flow(
    name="dashboard",
    description="Health, value of tests, learning velocity, ROI and more; a low health becomes an alert.",
    flow_run_name="value of {workspace}",
    persist_result=False,
)
def dashboard(
    *,
    window_days: DaysField = 90.0,
    value_per_outcome_usd: WorthField = None,
    alerts: AlertsField = ["default"],  # noqa: B006  read, never changed; a form needs a plain default
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[ValueReport]:
    """Look once, tell when the health is low.

    Args:
        window_days: how far back.
        value_per_outcome_usd: worth of one more passed execution; without it there is no return on money.
        alerts: names of Flywheel Alert Channel blocks.
        workspace: whose executions.
        store: name of a Flywheel Store block.

    Returns:
        Completed, or Completed as `Degraded` when an alert did not reach somebody; the data is the report.
    """
    check_channels(alerts)
    places = Places(store=store)
    report = read_value(workspace, window_days, value_per_outcome_usd, places)
    news = value_news(report)
    problems: tuple[str, ...] = ()
    if news.alerts:
        problems = raise_alerts(news, alerts, places)
    else:
        end_alerts(news, places)
    message = ". ".join((value_in_words(report), *problems))
    return Completed(name="Degraded" if problems else "Completed", message=message, data=report)
