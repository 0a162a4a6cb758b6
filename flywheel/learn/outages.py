"""One cause that turns a whole run red: an outage, not three hundred failures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flywheel.learn.clustering import cluster_of
from flywheel.learn.reporting import error_class
from flywheel.records.execution import Execution, Outcome
from flywheel.stats.proportions import Counts, wilson

MIN_RED = 10
RED_SHARE = 0.9
"""A run is red when at least so many of so many executions failed."""

MAX_ELSEWHERE = 0.5
"""Elsewhere the same cases mostly pass, or the run is no exception."""

BUCKET_S = 600
MIN_FORMS = 3
"""A run on a version of its own is one failure when its errors have so many forms; one form names itself."""

Naming = Callable[[Execution], str | None]
Arm = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Outage:
    """A run, or ten minutes of a model, in which nearly everything failed.

    Attributes:
        cause: class of most of its errors; it names the pattern, so that the next outage is the same one.
        runs: sessions or moments that were red.
        failures: positions of the failures it explains.
        own_version: whether the red runs used a version nothing else ran under, which may be the cause.
    """

    cause: str
    runs: tuple[str, ...]
    failures: tuple[int, ...]
    own_version: bool = False


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
    claims: dict[tuple[str, bool], tuple[set[str], set[int]]] = {}
    for by in (_session, _moment):
        index = _Runs(failures, passes, by)
        for run, red, own in index.red():
            free = [i for i in red if i not in taken]
            if len(free) < MIN_RED:
                continue
            free += [i for i in index.beside(run) if i not in taken]
            taken.update(free)
            cause = Counter(_cause(failures[i]) for i in free).most_common(1)[0][0]
            runs, members = claims.setdefault((cause, own), (set(), set()))
            runs.add(run)
            members.update(free)
    found = [
        Outage(cause, tuple(sorted(runs)), tuple(sorted(members)), own)
        for (cause, own), (runs, members) in claims.items()
    ]
    return tuple(sorted(found, key=lambda o: (-len(o.failures), o.cause)))


class _Runs:
    """Executions counted by run, by arm, by case, so that each run is judged without reading all again."""

    def __init__(self, failures: Sequence[Execution], passes: Sequence[Execution], by: Naming) -> None:
        self.failures, self.by = failures, by
        self.members: dict[str, list[int]] = defaultdict(list)
        # Under the arm None stand all arms, under the run None all runs.
        self.bad: Counter[tuple[Arm | None, str | None]] = Counter()
        self.good: Counter[tuple[Arm | None, str | None]] = Counter()
        self.solved: Counter[tuple[str | None, Arm | None]] = Counter()
        self.solved_in: Counter[tuple[str | None, Arm | None, str | None]] = Counter()
        for index, failure in enumerate(failures):
            name = by(failure)
            self._count(self.bad, _arm(failure), name)
            if name is not None:
                self.members[name].append(index)
        for passed in passes:
            name, arm = by(passed), _arm(passed)
            self._count(self.good, arm, name)
            for key in (arm, None):
                self.solved[passed.case_id, key] += 1
                self.solved_in[passed.case_id, key, name] += 1

    @staticmethod
    def _count(counts: Counter[tuple[Arm | None, str | None]], arm: Arm, run: str | None) -> None:
        for key in (arm, None):
            counts[key, None] += 1
            if run is not None:
                counts[key, run] += 1

    def red(self) -> Iterator[tuple[str, list[int], bool]]:
        """Runs that are red by no fault of the work: name, failures, whether on a version of their own."""
        for run, members in sorted(self.members.items()):
            if len(members) >= max(MIN_RED, RED_SHARE * (len(members) + self.good[None, run])):
                arms = self._arms_elsewhere(run, members)
                if arms is not None:
                    yield run, members, arms

    def beside(self, run: str) -> list[int]:
        """Provider failures in the ten minutes before or after a red moment: it began or ended in them."""
        if self.by is not _moment:
            return []
        model, _, start = run.rpartition("@")
        near = (f"{model}@{int(start) + step}" for step in (-BUCKET_S, BUCKET_S))
        return [i for name in near for i in self.members.get(name, ()) if _outside(self.failures[i])]

    def _arms_elsewhere(self, run: str, members: Sequence[int]) -> bool | None:
        """None when the red run is no exception; else whether only its own version ran in it.

        When nothing but the provider failed, all other work counts. Else only
        sessions are runs, and the same versions with the same models must pass
        elsewhere. A version of its own that turns its run red in one way is no
        outage: that way is its pattern. In many ways at once, it is one failure.
        """
        here = [self.failures[i] for i in members]
        if sum(_outside(m) for m in here) >= RED_SHARE * len(here):
            return False if self._mostly_good(run, None) else None
        if self.by is _moment:
            return None
        if self._mostly_good(run, {_arm(m) for m in here}) and self._solved(run, here, any_arm=False):
            return False
        broken = sum(m.outcome is Outcome.ERROR for m in here) >= RED_SHARE * len(here)
        if not broken or _forms(here) < MIN_FORMS:
            return None
        return True if self._mostly_good(run, None) and self._solved(run, here, any_arm=True) else None

    def _mostly_good(self, run: str, arms: set[Arm] | None) -> bool:
        keys: set[Arm] | set[None] = {None} if arms is None else arms
        good, bad = (sum(c[key, None] - c[key, run] for key in keys) for c in (self.good, self.bad))
        low = wilson(Counts(good, good + bad)).low
        return low is not None and low > 1 - MAX_ELSEWHERE

    def _solved(self, run: str, here: Sequence[Execution], *, any_arm: bool) -> bool:
        """Whether most of the cases pass in other runs."""
        cases = {m.case_id: (None if any_arm else _arm(m)) for m in here if m.case_id is not None}
        known = sum(self.solved[c, arm] > self.solved_in[c, arm, run] for c, arm in cases.items())
        return known >= MAX_ELSEWHERE * len(cases)


def _arm(execution: Execution) -> Arm:
    return execution.version, execution.model


def _outside(failure: Execution) -> bool:
    return error_class(failure.error_type) in ("timeout_errors", "api_errors")


def _forms(failures: Sequence[Execution]) -> int:
    """Exact groups that are needed for nine tenths of the failures."""
    counts = Counter(cluster_of(failure) for failure in failures)
    covered = 0
    for number, (_, count) in enumerate(counts.most_common(), start=1):
        covered += count
        if covered >= RED_SHARE * len(failures):
            return number
    return len(counts)


def _session(execution: Execution) -> str | None:
    return execution.session_id


def _moment(execution: Execution) -> str | None:
    """Ten minutes of one model, over all sessions."""
    if execution.started_at is None:
        return None
    start = execution.started_at.timestamp() // BUCKET_S * BUCKET_S
    return f"{execution.model or ''}@{int(start)}"


def _cause(failure: Execution) -> str:
    return error_class(failure.error_type) if failure.error_type else "failures"
