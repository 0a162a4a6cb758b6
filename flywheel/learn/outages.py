"""One cause that turns a whole run red: an outage, not three hundred failures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flywheel.learn.reporting import error_class
from flywheel.records.execution import Execution
from flywheel.stats.proportions import Counts, wilson

MIN_RED = 10
RED_SHARE = 0.9
"""A run is red when at least so many of so many executions failed."""

MAX_ELSEWHERE = 0.5
"""Elsewhere the same cases mostly pass, or the run is no exception."""

BUCKET_S = 600

Naming = Callable[[Execution], str | None]
_Run = tuple[str, list[int]]


@dataclass(frozen=True, slots=True)
class Outage:
    """A run, or ten minutes of a model, in which nearly everything failed.

    Attributes:
        cause: class of most of its errors; it names the pattern, so that the next outage is the same one.
        runs: sessions or moments that were red.
        failures: positions of the failures it explains.
    """

    cause: str
    runs: tuple[str, ...]
    failures: tuple[int, ...]


def outages(failures: Sequence[Execution], passes: Sequence[Execution]) -> tuple[Outage, ...]:
    """Runs in which nearly everything failed although the same work passes elsewhere.

    Args:
        failures: failed executions of the window.
        passes: passed ones; without them nothing is called an outage.

    Returns:
        One outage per class of error, most failures first; a failure is in at most one.
    """
    if not passes:
        return ()
    taken: set[int] = set()
    claims: dict[str, tuple[set[str], set[int]]] = {}
    for by in (_session, _moment):
        for run, red in _red_runs(failures, passes, by):
            free = [i for i in red if i not in taken]
            if len(free) < MIN_RED:
                continue
            taken.update(free)
            cause = Counter(_cause(failures[i]) for i in free).most_common(1)[0][0]
            runs, members = claims.setdefault(cause, (set(), set()))
            runs.add(run)
            members.update(free)
    found = [Outage(cause, tuple(sorted(runs)), tuple(sorted(m))) for cause, (runs, m) in claims.items()]
    return tuple(sorted(found, key=lambda o: (-len(o.failures), o.cause)))


def _red_runs(failures: Sequence[Execution], passes: Sequence[Execution], by: Naming) -> list[_Run]:
    failed: dict[str, list[int]] = defaultdict(list)
    for index, failure in enumerate(failures):
        name = by(failure)
        if name is not None:
            failed[name].append(index)
    passed = Counter(by(e) for e in passes)
    return [
        (run, members)
        for run, members in sorted(failed.items())
        if len(members) >= max(MIN_RED, RED_SHARE * (len(members) + passed[run]))
        and _passes_elsewhere(run, [failures[i] for i in members], (failures, passes), by)
    ]


def _passes_elsewhere(
    run: str,
    members: Sequence[Execution],
    all_executions: tuple[Sequence[Execution], Sequence[Execution]],
    by: Naming,
) -> bool:
    """Whether the same work mostly passes in other runs.

    When nothing but the provider failed, all other work counts. Else only
    sessions are runs, and only the same versions with the same models count: a
    bad version or model that turns its own run red is no outage.
    """
    failures, passes = all_executions
    outside = sum(error_class(m.error_type) in ("timeout_errors", "api_errors") for m in members)
    arms = {(m.version, m.model) for m in members}
    any_arm = outside >= RED_SHARE * len(members)
    if by is _moment and not any_arm:
        return False

    def counts(execution: Execution) -> bool:
        return (any_arm or (execution.version, execution.model) in arms) and by(execution) != run

    good = [e for e in passes if counts(e)]
    bad = sum(counts(e) for e in failures)
    low = wilson(Counts(len(good), len(good) + bad)).low
    if low is None or low <= 1 - MAX_ELSEWHERE:
        return False
    cases = {m.case_id for m in members} - {None}
    known = {e.case_id for e in good}
    return any_arm or not cases or len(cases & known) >= MAX_ELSEWHERE * len(cases)


def _session(execution: Execution) -> str | None:
    return execution.session_id


def _moment(execution: Execution) -> str | None:
    """Ten minutes of one model, for executions that belong to no session."""
    if execution.session_id is not None or execution.started_at is None:
        return None
    start = execution.started_at.timestamp() // BUCKET_S * BUCKET_S
    return f"{execution.model or ''}@{int(start)}"


def _cause(failure: Execution) -> str:
    return error_class(failure.error_type) if failure.error_type else "failures"
