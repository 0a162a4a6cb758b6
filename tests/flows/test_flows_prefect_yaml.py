"""prefect.yaml: Prefect ignores keys it does not know, so they are refused here."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect import Flow

from deployments.bootstrap import HEARTBEATS_MISSED_S, POOL

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
CONTENT: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: list[dict[str, Any]] = CONTENT["deployments"]

TOP = {"name", "prefect-version", "build", "push", "pull", "definitions", "deployments"}
DEPLOYMENT = {
    "name", "version", "version_type", "tags", "description", "schedules", "paused", "concurrency_limit",
    "flow_name", "entrypoint", "parameters", "enforce_parameter_schema", "build", "push", "pull", "work_pool",
    "triggers",
}  # fmt: skip
SCHEDULE = {
    "cron", "interval", "rrule", "timezone", "anchor_date", "active", "parameters", "slug", "replaces",
    "day_or",
}  # fmt: skip
LIMIT = {"limit", "collision_strategy", "grace_period_seconds"}
WORK_POOL = {"name", "work_queue_name", "job_variables"}


def flow_of(deployment: dict[str, Any]) -> Flow[Any, Any]:
    """The flow an entrypoint names."""
    path, name = deployment["entrypoint"].split(":")
    return getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)


def each(deployment: dict[str, Any]) -> str:
    """Name of a test for one deployment."""
    return Path(deployment["entrypoint"]).name.split(":")[0]


def test_no_unknown_key_at_the_top() -> None:
    """A misspelt section would be ignored without a word."""
    assert set(CONTENT) <= TOP
    assert "pull" not in CONTENT, "an explicit pull section breaks workers that are started elsewhere"


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=each)
def test_no_unknown_key_in_a_deployment(deployment: dict[str, Any]) -> None:
    """Every key of a deployment, its limit and its pool is one that Prefect reads."""
    assert set(deployment) <= DEPLOYMENT
    assert set(deployment["work_pool"]) <= WORK_POOL
    limit = deployment["concurrency_limit"]
    assert isinstance(limit, int) or set(limit) <= LIMIT


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=each)
def test_schedules_have_slugs_and_zones(deployment: dict[str, Any]) -> None:
    """A slug makes deploying twice change nothing; a zone says whose night it is."""
    for schedule in deployment["schedules"]:
        assert set(schedule) <= SCHEDULE
        assert schedule["slug"]
        ZoneInfo(schedule["timezone"])
    slugs = [schedule["slug"] for schedule in deployment["schedules"]]
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=each)
def test_entrypoint_is_a_flow_named_like_its_file(deployment: dict[str, Any]) -> None:
    """The entrypoint imports; file, function and flow carry one name."""
    flow = flow_of(deployment)
    assert isinstance(flow, Flow)
    file = deployment["entrypoint"].split(":")[0]
    assert Path(file).stem == flow.name.replace("-", "_") == flow.fn.__name__


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=each)
def test_parameters_are_the_flows_own(deployment: dict[str, Any]) -> None:
    """Parameters of deployment and schedules exist on the flow and are valid for it."""
    flow = flow_of(deployment)
    known = set(inspect.signature(flow.fn).parameters)
    for given in (deployment["parameters"], *(s.get("parameters", {}) for s in deployment["schedules"])):
        assert set(given) <= known
        if given:
            flow.validate_parameters(given)


def test_pool_and_heartbeat_are_those_of_bootstrap() -> None:
    """The pool that bootstrap makes is the one deployed to; its zombie window fits the heartbeat."""
    for deployment in DEPLOYMENTS:
        assert deployment["work_pool"]["name"] == POOL
        environ = deployment["work_pool"]["job_variables"]["env"]
        assert int(environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) * 3 <= HEARTBEATS_MISSED_S


def test_every_flow_is_deployed() -> None:
    """Each flow in flows/ has a deployment."""
    written = set()
    for file in (ROOT / "flows").glob("*.py"):
        module = importlib.import_module(f"flows.{file.stem}")
        written |= {v.name for v in vars(module).values() if isinstance(v, Flow)}
    assert written == {flow_of(deployment).name for deployment in DEPLOYMENTS}
