"""`/metrics`: numbers for Prometheus, in its text format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from flywheel.records.alert import Severity
from flywheel.records.columns import OUTCOMES
from flywheel.records.tallies import WorkspaceTallies
from flywheel.records.verdict import Ruling
from flywheel.service.callers import Reads
from flywheel.service.measures import BOUNDS_S, Measures
from flywheel.service.problems import answers
from flywheel.store.tallies import workspace_tallies

routes = APIRouter(tags=["health"])

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with its series.

    Attributes:
        name: without the suffix of a histogram.
        kind: gauge, counter or histogram.
        said: what it counts.
        series: suffix, labels and value of each.
    """

    name: str
    kind: str
    said: str
    series: tuple[tuple[str, Labels, float], ...]


@routes.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=PlainTextResponse,
    responses={
        **answers(),
        200: {
            "description": "Prometheus text format.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": 'flywheel_executions{workspace="default",outcome="passed"} 48\n',
                }
            },
        },
    },
)
def read_metrics(asks: Reads) -> PlainTextResponse:
    """Executions, cycles, verdicts, alerts, reviews, spend of the caller's workspace; requests of the server.

    Sums over the store are made at most every 15 seconds.
    """
    tallies = asks.wiring.kept.get(
        ("metrics", asks.workspace), lambda: workspace_tallies(asks.store.database, asks.workspace)
    )
    families = (*workspace_families(asks.workspace, tallies), *request_families(asks.wiring.measures))
    return PlainTextResponse(exposition(families), media_type=MEDIA_TYPE)


def workspace_families(workspace: str, tallies: WorkspaceTallies) -> Iterator[Family]:
    """What a workspace holds; a cost that is unknown is in no sum, and counted apart."""
    yield _gauges(
        workspace, "flywheel_executions", "Executions stored", ("outcome", tallies.executions, OUTCOMES)
    )
    yield _gauges(workspace, "flywheel_cycles", "Cycles", ("status", tallies.cycles, ()))
    yield _gauges(
        workspace, "flywheel_verdicts", "Verdicts on candidates", ("ruling", tallies.verdicts, Ruling)
    )
    yield _gauges(
        workspace, "flywheel_alerts_open", "Open alerts", ("severity", tallies.alerts_open, Severity)
    )
    yield _gauges(workspace, "flywheel_reviews", "Staged changes", ("state", tallies.reviews, ("waiting",)))
    own = ("workspace", workspace)
    calls = [
        ("", (own, ("model", one.group or ""), ("outcome", outcome)), float(number))
        for one in tallies.calls
        for outcome, number in one.outcomes.items()
    ]
    yield Family("flywheel_model_calls_total", "counter", "Calls of models by outcome", tuple(calls))
    for name, said, of in (
        ("flywheel_model_spend_usd_total", "USD of calls whose price is known", "usd"),
        ("flywheel_model_tokens_total", "Tokens of calls whose usage is known", "tokens"),
        ("flywheel_model_calls_unpriced_total", "Calls whose price is unknown", "unpriced"),
    ):
        series = [
            ("", (own, ("model", one.group or "")), float(getattr(one.spend, of))) for one in tallies.calls
        ]
        yield Family(name, "counter", said, tuple(series))
    if tallies.last_cycle_at is not None:
        moment = (("", (own,), tallies.last_cycle_at.timestamp()),)
        yield Family("flywheel_last_cycle_timestamp_seconds", "gauge", "End of the newest cycle", moment)


def request_families(measures: Measures) -> Iterator[Family]:
    """What the service counted of itself since it started."""
    requests, latencies = measures.read()
    series = [
        ("", (("method", method), ("route", route), ("status", str(status))), float(number))
        for (method, route, status), number in sorted(requests.items())
    ]
    yield Family("flywheel_http_requests_total", "counter", "Requests answered", tuple(series))
    rows: list[tuple[str, Labels, float]] = []
    for route, found in sorted(latencies.items()):
        below = 0
        for bound, number in zip((*BOUNDS_S, math.inf), found.buckets, strict=True):
            below += number
            rows.append(("_bucket", (("route", route), ("le", _number(bound))), below))
        rows.append(("_sum", (("route", route),), found.sum_s))
        rows.append(("_count", (("route", route),), found.count))
    yield Family("flywheel_http_request_seconds", "histogram", "Time from request to answer", tuple(rows))


def exposition(families: Iterable[Family]) -> str:
    r"""Metrics as Prometheus reads them; one without series is left out.

    References:
        Prometheus text format 0.0.4.

    Examples:
        >>> print(exposition([Family("up", "gauge", "Is it up", (("", (("a", 'x"y'),), 1.0),))]), end="")
        # HELP up Is it up
        # TYPE up gauge
        up{a="x\"y"} 1
    """
    lines: list[str] = []
    for family in families:
        if family.series:
            lines += [f"# HELP {family.name} {family.said}", f"# TYPE {family.name} {family.kind}"]
        for suffix, labels, value in family.series:
            inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            lines.append(f"{family.name}{suffix}{{{inner}}} {_number(value)}")
    return "\n".join(lines) + "\n"


def _gauges(
    workspace: str, name: str, said: str, grouped: tuple[str, Mapping[str, int], Iterable[str]]
) -> Family:
    """One series per name; names that are always there are 0 where nothing was counted, which is known."""
    label, counts, always = grouped
    full = {**dict.fromkeys(map(str, always), 0), **counts}
    series = [("", (("workspace", workspace), (label, one)), float(number)) for one, number in full.items()]
    return Family(name, "gauge", said, tuple(series))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
