"""Flow `deliver-alerts`: alerts nobody took on rise, what still waits is sent.

Running it often is the point; with nothing due it changes nothing.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import AlertsField, NonBlank, StoreField
from flywheel.watch.alerting import Told
from tasks.deliver_alerts import tend_alerts
from tasks.raise_alerts import check_channels
from tasks.wiring import Places


@flow(
    name="deliver-alerts",
    description="Lets alerts rise that nobody took on; sends what is still to be sent.",
    persist_result=False,
)
def deliver_alerts(
    *,
    workspaces: Annotated[
        list[NonBlank], Field(min_length=1, title="Workspaces", description="whose alerts")
    ] = ["default"],  # noqa: B006  read, never changed; a form needs a plain default
    store: StoreField = "default",
    alerts: AlertsField = ["default"],  # noqa: B006  read, never changed; a form needs a plain default
) -> State[dict[str, Told]]:
    """Do for alerts what is due by time.

    Args:
        workspaces: whose alerts.
        store: name of a Flywheel Store block.
        alerts: names of Flywheel Alert Channel blocks.

    Returns:
        Completed, or Completed as `Degraded` when a channel did not take what it was told; the data is
        what rose with what was sent, by workspace.
    """
    check_channels(alerts)
    places = Places(store=store)
    data = {name: tend_alerts(name, alerts, places) for name in dict.fromkeys(workspaces)}
    told = data.values()
    risen = sum(len(one.alerts) for one in told)
    delivered = sum(len(one.sent) - len(one.failures) for one in told)
    problems = [problem for one in told for problem in one.problems()]
    message = ". ".join((f"{risen} risen, {delivered} delivered", *problems))
    return Completed(name="Degraded" if problems else "Completed", message=message, data=data)
