"""Flow `quality-watch`: has the quality of a prompt, of its models or slices fallen?

It keeps nothing between runs: a run again over the same executions raises no second alert.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import AlertsField, PromptsField, StoreField, WorkspaceField
from flywheel.learn.counting import count_of
from flywheel.records.quality import QualityReport
from flywheel.watch.quality_news import quality_news
from tasks.quality import QualityRequest, tell_degraded, watch_measures, watch_quality
from tasks.raise_alerts import check_channels, end_alerts, raise_alerts
from tasks.wiring import Places

LevelField = Annotated[
    float | None, Field(gt=0, le=1, title="Level", description="a share; empty: that of the alerts file")
]
DaysField = Annotated[
    int | None,
    Field(ge=1, le=400, title="Window (days)", description="empty: that of the alerts file, else 7"),
]

ResponseField = Annotated[
    float | None,
    Field(
        ge=0,
        title="Response time (ms)",
        description="95 % should keep to it; empty: that of the alerts file, else not watched",
    ),
]


@flow(
    name="quality-watch",
    description="Levels, falls and trends of every prompt, model and slice; what fires becomes an alert.",
    flow_run_name="quality of {workspace}",
    persist_result=False,
)
def quality_watch(  # noqa: PLR0913  a form: one field per parameter
    *,
    prompts: PromptsField = [],  # noqa: B006  read, never changed; a form needs a plain default
    window_days: DaysField = None,
    excellent: LevelField = None,
    target: LevelField = None,
    warning: LevelField = None,
    critical: LevelField = None,
    response_ms: ResponseField = None,
    alerts: AlertsField = ["default"],  # noqa: B006  the same
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[QualityReport]:
    """Look once, tell what a person must know.

    Args:
        prompts: names; empty takes every prompt of the workspace.
        window_days: over which a level is judged.
        excellent: level from which nothing is to be done.
        target: level that should be reached.
        warning: level below which a person should look.
        critical: level below which a person must look.
        response_ms: response time that 95 % should keep to.
        alerts: names of Flywheel Alert Channel blocks.
        workspace: whose executions.
        store: name of a Flywheel Store block.

    Returns:
        Completed, or Completed as `Degraded` when an alert did not reach somebody; the data is the report.
    """
    check_channels(alerts)
    places = Places(store=store)
    request = QualityRequest(
        workspace=workspace,
        prompts=tuple(prompts),
        window_days=window_days,
        excellent=excellent,
        target=target,
        warning=warning,
        critical=critical,
        response_ms=response_ms,
    )
    report = watch_quality(request, places)
    measures = watch_measures(request, places)
    news = quality_news(report)
    for one in measures:
        news = news + quality_news(one)
    problems: tuple[str, ...] = ()
    if news.alerts:
        problems = raise_alerts(news, alerts, places)
        tell_degraded(report)
    else:
        end_alerts(news, places)
    said = [f"{count_of(len(report.readings), 'stream')}, {len(report.degraded)} critical or fallen"]
    said += [f"{one.subject}: {one.severity.value}" for one in news.alerts]
    message = ". ".join((*said, *problems))
    return Completed(name="Degraded" if problems else "Completed", message=message, data=report)
