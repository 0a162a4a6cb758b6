"""Schedules on a real Prefect server: what is deployed is also planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.schedules import CronSchedule

from flows.deliver_alerts import deliver_alerts

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


def test_the_server_plans_the_runs_of_a_schedule(client: SyncPrefectClient) -> None:
    """A deployment with an active schedule has runs ahead of it; a server that cannot plan has none."""
    schedule = DeploymentScheduleCreate(
        schedule=CronSchedule(cron="*/5 * * * *", timezone="UTC"), active=True, slug="every-five-minutes"
    )
    deployment = client.create_deployment(
        client.create_flow(deliver_alerts),
        name="planned",
        schedules=[schedule],
        parameter_openapi_schema={},
    )
    now = datetime.now(UTC)
    window = {"start_time": now.isoformat(), "end_time": (now + timedelta(hours=1)).isoformat()}

    planned = client._client.post(f"/deployments/{deployment}/schedule", json=window)

    assert planned.status_code == 200, planned.text
    runs = client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
    assert {run.state.type.value for run in runs} == {"SCHEDULED"}
    assert len(runs) >= 11
    client.delete_deployment(deployment)
