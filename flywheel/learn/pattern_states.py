"""What became of a failure pattern since the last analysis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flywheel.records.analysis import FailurePattern

NEW, KNOWN, RESOLVED, CAME_BACK = "new", "known", "resolved", "came_back"
RESOLVED_BELOW = 0.05
"""Chance of seeing none at the old rate, below which a pattern that is not seen is called resolved."""


def keep_keys(found: Sequence[FailurePattern], known: Sequence[FailurePattern]) -> tuple[FailurePattern, ...]:
    """Give a pattern the key under which any of its exact groups is known already.

    A group that merges with another one later keeps its name; when two known
    patterns merge, the one seen first gives the name.
    """
    names: dict[str, str] = {}
    order = sorted(known, key=lambda k: (k.first_seen is None, k.first_seen and k.first_seen.timestamp()))
    for old in order:
        for member in (old.pattern_key, *old.members):
            names.setdefault(member, old.pattern_key)
    taken: set[str] = set()
    kept = []
    for pattern in found:
        keys = [names[m] for m in (pattern.pattern_key, *pattern.members) if m in names]
        key = next((k for k in keys if k not in taken), pattern.pattern_key)
        taken.add(key)
        kept.append(pattern.model_copy(update={"pattern_key": key}))
    return tuple(kept)


def with_states(
    found: Sequence[FailurePattern],
    known: Sequence[FailurePattern],
    executions: int,
    cycle: str | None = None,
) -> tuple[FailurePattern, ...]:
    """Found patterns with their state, followed by the known ones that were not seen.

    Args:
        found: patterns of this window.
        known: patterns of the last analysis, with those it called resolved.
        executions: scored executions of this window.
        cycle: the analysis that is being made; made again, it finds its own patterns new again.

    Returns:
        First seen and a written cause are carried over. A known pattern without any failure has
        count 0; it is resolved when at its old rate so many executions would
        have shown it with 95 % chance, else it stays known.
    """
    before = {old.pattern_key: old for old in known}
    now = [_seen(pattern, before.get(pattern.pattern_key), cycle) for pattern in found]
    here = {pattern.pattern_key for pattern in found}
    gone = [_unseen(old, executions) for old in known if old.pattern_key not in here]
    return (*now, *sorted(gone, key=lambda p: p.pattern_key))


def _seen(pattern: FailurePattern, old: FailurePattern | None, cycle: str | None) -> FailurePattern:
    if old is None:
        return pattern.model_copy(update={"state": NEW, "found_by": cycle})
    cause = pattern.root_cause or old.root_cause
    if cycle is not None and old.found_by == cycle:
        return pattern.model_copy(update={"state": NEW, "found_by": cycle, "root_cause": cause})
    moments = [m for m in (old.first_seen, pattern.first_seen) if m is not None]
    state = CAME_BACK if old.state == RESOLVED else KNOWN
    members = tuple(sorted({*pattern.members, *old.members}))
    return pattern.model_copy(
        update={
            "state": state,
            "first_seen": min(moments, default=None),
            "members": members,
            "found_by": old.found_by,
            "root_cause": cause,
        }
    )


def _unseen(old: FailurePattern, executions: int) -> FailurePattern:
    rate = old.rate
    quiet = rate is not None and executions * math.log1p(-min(rate, 1 - 1e-9)) < math.log(RESOLVED_BELOW)
    state = RESOLVED if old.state == RESOLVED or quiet else KNOWN
    return old.model_copy(update={"state": state, "count": 0, "share": 0.0})
