"""Failure patterns: clusters of similar failures, each with a cause plus a cure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from flywheel.learn.answers import answer_text, plain, produced_answer
from flywheel.learn.clustering import Cluster, cluster_of
from flywheel.learn.constants import constant_answers
from flywheel.learn.contrast import Members, contrasts, population
from flywheel.learn.message_templates import merge_siblings, message_template
from flywheel.learn.outages import outages
from flywheel.learn.pattern_states import keep_keys
from flywheel.learn.pattern_words import (
    cause_of,
    cure_of,
    habit_because,
    habit_title,
    outage_name,
    red_because,
    title_of,
)
from flywheel.learn.seen import Span, seen_in_all
from flywheel.records.analysis import FailurePattern
from flywheel.records.columns import ExecutionColumns
from flywheel.records.execution import Execution
from flywheel.records.findings import Contrast

__all__ = [
    "PatternEvidence",
    "answer_text",
    "confused_answers",
    "failure_patterns",
    "message_template",
    "mine_patterns",
    "pattern_of_each",
    "produced_answer",
]

MAX_EXAMPLES = 5
MIN_CONFUSION = 2
"""A pair of answers confused once is chance; twice is a pattern."""

MAX_CONTRASTED = 60
"""Patterns whose home is looked for; the smaller ones could not show any."""


@dataclass(frozen=True, slots=True)
class PatternEvidence:
    """What patterns are mined from.

    Attributes:
        failures, passes: executions with their texts; passes tell habits, homes, outages.
        total_failures, total_passes: how many there are, when only a part was read.
        known: patterns of earlier analyses, whose keys are kept.
        columns: all executions, when only a part was read; they tell first and last seen.
    """

    failures: Sequence[Execution]
    passes: Sequence[Execution] = ()
    total_failures: int | None = None
    total_passes: int | None = None
    known: Sequence[FailurePattern] = ()
    columns: ExecutionColumns | None = None

    @property
    def part(self) -> float:
        """Failures there are for each one read, at least 1."""
        return max(1.0, (self.total_failures or 0) / max(1, len(self.failures)))


@dataclass(slots=True)
class _Group:
    """A cluster with positions of its members plus the facts of an outage or a constant."""

    cluster: Cluster
    members: list[int]
    exact: tuple[str, ...] = ()
    because: str = ""
    title: str = ""
    key: str = ""


def failure_patterns(
    failures: Sequence[Execution],
    total: int | None = None,
    passes: Sequence[Execution] = (),
    known: Sequence[FailurePattern] = (),
) -> tuple[FailurePattern, ...]:
    """Clusters of similar failures, the most damaging first.

    Args:
        failures: failed and errored executions, with their texts.
        total: all failures there are, when `failures` is a sample of them.
        passes: passed executions of the same scope; without them no constant
            answer, no outage and no home of a pattern can be told.
        known: patterns of earlier analyses, whose keys are kept.

    Returns:
        Patterns whose counts sum to the number of failures handed in. A pattern's
        confidence is n/(n+1), Laplace's chance that the next look shows it again.

    References:
        Laplace's rule of succession with a Beta(0, 1) start; Jaynes (2003),
        Probability Theory, section 18.
    """
    return mine_patterns(PatternEvidence(failures, passes, total, None, known))


def mine_patterns(evidence: PatternEvidence) -> tuple[FailurePattern, ...]:
    """Clusters of similar failures, the most damaging first.

    An outage claims its failures first, a constant answer second; every
    other failure goes to the exact group of its own text. The order of the
    executions does not matter.

    Args:
        evidence: failures, with passes to compare them with.

    Returns:
        Patterns whose counts sum to the number of failures.
    """
    failures = evidence.failures
    if not failures:
        return ()
    groups = _groups(evidence)
    people = population(failures, evidence.passes, (evidence.total_failures, evidence.total_passes))
    homes: list[Contrast | None] = [None] * len(groups)
    if evidence.passes:
        looked = _with_families(groups, failures)
        homes[: len(looked)] = contrasts(people, looked)
    executions = float(people.weights.sum()) if evidence.passes else None
    spans: list[Span | None] = [None] * len(groups)
    if evidence.columns is not None and evidence.part > 1:
        spans = seen_in_all(evidence.columns, failures, [g.members for g in groups])
    found = []
    for group, home, span in zip(groups, homes, spans, strict=True):
        members = [failures[i] for i in group.members]
        size = _Size(len(failures), evidence.part, executions)
        found.append(_pattern(group, members, home, size, span))
    return keep_keys(found, evidence.known)


def pattern_of_each(
    failures: Sequence[Execution], passes: Sequence[Execution] = (), known: Sequence[FailurePattern] = ()
) -> tuple[str, ...]:
    """Key of the pattern each failure belongs to, in the order of the failures."""
    groups = _groups(PatternEvidence(failures, passes, known=known))
    keys = [""] * len(failures)
    for group in groups:
        for position in group.members:
            keys[position] = group.key or group.cluster.key
    return tuple(keys)


def confused_answers(failures: Iterable[Execution]) -> tuple[str, ...]:
    """Answers that were expected or produced wrongly, the most frequent first."""
    counts: dict[str, int] = defaultdict(int)
    for failure in failures:
        for answer in (answer_text(failure.expected), produced_answer(failure)):
            if answer is not None:
                counts[answer] += 1
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))


def _groups(evidence: PatternEvidence) -> list[_Group]:
    failures = evidence.failures
    claimed = _claimed(failures, evidence.passes)
    taken = {i for group in claimed for i in group.members}
    groups = [*claimed, *_exact_groups(failures, [i for i in range(len(failures)) if i not in taken])]
    return sorted(groups, key=lambda g: (-len(g.members), g.cluster.key))


def _with_families(groups: Sequence[_Group], failures: Sequence[Execution]) -> list[Members]:
    families: dict[Cluster, list[int]] = defaultdict(list)
    for group in groups:
        families[_family(group.cluster)].extend(group.members)
    looked = []
    for group in groups[:MAX_CONTRASTED]:
        family = families[_family(group.cluster)]
        if group.cluster.kind == "constant":
            habit = plain(group.cluster.produced or "")
            family = [i for i, f in enumerate(failures) if plain(produced_answer(f) or "") == habit]
        looked.append(Members(np.array(group.members, dtype=np.int64), np.array(family, dtype=np.int64)))
    return looked


def _family(cluster: Cluster) -> Cluster:
    return replace(cluster, slice=None, holder="")


def _claimed(failures: Sequence[Execution], passes: Sequence[Execution]) -> list[_Group]:
    if not passes:
        return []
    groups = [
        _Group(
            Cluster("error", detail=outage_name(outage)),
            list(outage.failures),
            because=red_because(outage),
        )
        for outage in outages(failures, passes)
    ]
    taken = {i for group in groups for i in group.members}
    for habit in constant_answers(failures, passes):
        members = [i for i in habit.failures if i not in taken]
        if members:
            taken.update(members)
            cluster = Cluster("constant", produced=habit.answer, holder=habit.model)
            groups.append(_Group(cluster, members, because=habit_because(habit), title=habit_title(habit)))
    return groups


def _exact_groups(failures: Sequence[Execution], positions: Sequence[int]) -> list[_Group]:
    exact: dict[Cluster, list[int]] = defaultdict(list)
    for position in positions:
        exact[cluster_of(failures[position])].append(position)
    exact = _without_spellings(exact)
    merged: dict[Cluster, _Group] = {}
    rules = _sibling_rules(exact)
    for cluster, members in exact.items():
        target = rules.get(cluster, cluster)
        if cluster.kind == "confusion" and len(members) < MIN_CONFUSION:
            target = Cluster("wrong_answer", slice=cluster.slice)
        group = merged.setdefault(target, _Group(target, []))
        group.members.extend(members)
        if cluster.kind != "confusion":
            group.exact = (*group.exact, cluster.key)
    for group in merged.values():
        group.members.sort()
        group.exact = tuple(sorted(group.exact))
        if len(group.exact) > 1 and group.cluster.kind == "error":
            group.because = f"{len(group.exact)} forms of one message"
            group.key = min(
                (_first_seen(failures, members), c.key)
                for c, members in exact.items()
                if rules.get(c, c) == group.cluster
            )[1]
    return list(merged.values())


def _without_spellings(exact: dict[Cluster, list[int]]) -> dict[Cluster, list[int]]:
    """Confusions whose answers differ in spelling joined, under the commonest spelling."""
    spelled: dict[str, list[Cluster]] = defaultdict(list)
    for cluster in exact:
        spelled[cluster.key].append(cluster)
    joined: dict[Cluster, list[int]] = {}
    for clusters in spelled.values():
        first = min(clusters, key=lambda c: (-len(exact[c]), c.expected or "", c.produced or ""))
        joined[first] = sorted(i for c in clusters for i in exact[c])
    return joined


def _sibling_rules(exact: dict[Cluster, list[int]]) -> dict[Cluster, Cluster]:
    """Merged template of each cluster that a message made: same type, same words but one."""
    made = [c for c in exact if c.kind == "error" and not c.place and ": " in c.detail]
    joined = merge_siblings(c.detail for c in made)
    return {c: replace(c, detail=joined[c.detail]) for c in made if joined[c.detail] != c.detail}


def _first_seen(failures: Sequence[Execution], members: Sequence[int]) -> tuple[float, str]:
    """When a group was seen first: a group that grows keeps the name of its oldest part."""
    return min(
        (math.inf if e.started_at is None else e.started_at.timestamp(), e.execution_id)
        for e in (failures[i] for i in members)
    )


def _examples(members: Sequence[Execution], home: Contrast | None) -> tuple[str, ...]:
    """Ids in order, those at the pattern's home first."""
    where = home.where if home is not None else ()

    def away(member: Execution) -> bool:
        return any(getattr(member, c.attribute) != c.value for c in where)

    order = sorted(members, key=lambda m: (away(m), m.execution_id))
    return tuple(m.execution_id for m in order[:MAX_EXAMPLES])


@dataclass(frozen=True, slots=True)
class _Size:
    """Failures read, failures each of them stands for, all scored executions where known."""

    read: int
    part: float
    executions: float | None


def _pattern(
    group: _Group, members: Sequence[Execution], home: Contrast | None, size: _Size, span: Span | None
) -> FailurePattern:
    count = len(members)
    moments = [m.started_at for m in members if m.started_at is not None]
    moments += span or ()
    cluster = group.cluster
    return FailurePattern(
        pattern_key=group.key or cluster.key,
        kind=cluster.kind,
        title=group.title or title_of(cluster, home, members),
        cause=cause_of(cluster, group.because),
        recommendation=cure_of(cluster),
        count=count,
        share=count / size.read,
        confidence=count / (count + 1),
        slice=cluster.slice,
        expected=cluster.expected,
        produced=cluster.produced,
        examples=_examples(members, home),
        detail=cluster.place or cluster.detail,
        members=group.exact or (cluster.key,),
        rate=None if not size.executions else min(1.0, count * size.part / size.executions),
        contrast=home,
        first_seen=min(moments, default=None),
        last_seen=max(moments, default=None),
    )
