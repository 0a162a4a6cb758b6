"""Where a run stands in LangSmith: its id, its ancestors, its time."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from flywheel.ports import RunPlan
from flywheel.records.case import Case
from flywheel.records.cycle import CycleContext

_OURS: Final = UUID("6f0a3a52-6f3e-5d0a-9c2b-8f6f1f2f7c11")

SOURCE: Final = "experiment"
"""In the metadata of all that is told: imported again, it is never evidence for the next analysis."""


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a tree of runs.

    Attributes:
        id: of the run.
        order: times with ids of all ancestors and of itself, as LangSmith sorts by it.
        parent: None at the root.
    """

    id: str
    order: str
    started_at: datetime
    parent: Node | None = None

    @property
    def root(self) -> Node:
        """The top of the tree."""
        return self if self.parent is None else self.parent.root

    def child(self, started_at: datetime, *parts: str) -> Node:
        """A place below; never before its parent, which LangSmith does not sort."""
        return node(max(started_at, self.started_at), *parts, parent=self)

    def fields(self) -> dict[str, Any]:
        """The keys of a run that say where it stands."""
        said = {"id": self.id, "trace_id": self.root.id, "dotted_order": self.order}
        return said if self.parent is None else {**said, "parent_run_id": self.parent.id}


def node(started_at: datetime, *parts: str, parent: Node | None = None) -> Node:
    """A place in a tree.

    Args:
        started_at: aware.
        parts: equal ones at an equal time are the same run; none at all is a run of its own.
        parent: None makes a root.

    Examples:
        >>> root = node(datetime(2026, 11, 21, 9, tzinfo=UTC), "cycle-7")
        >>> root.order == f"20261121T090000000000Z{root.id}"
        True
        >>> root.child(datetime(2026, 11, 21, 9, 1, tzinfo=UTC)).fields()["trace_id"] == root.id
        True
    """
    own = str(dated_id(started_at, *parts))
    place = f"{started_at.astimezone(UTC):%Y%m%dT%H%M%S%f}Z{own}"
    return Node(own, place if parent is None else f"{parent.order}.{place}", started_at, parent)


def dated_id(moment: datetime, *parts: str) -> UUID:
    """A UUID of version 7: the time in front, then a hash of the parts, or chance where there are none.

    References:
        RFC 9562, section 5.7.

    Examples:
        >>> one = dated_id(datetime(2026, 11, 21, tzinfo=UTC), "a")
        >>> one.version, one == dated_id(datetime(2026, 11, 21, tzinfo=UTC), "a")
        (7, True)
    """
    key = "\0".join(parts).encode("utf-8", "surrogatepass")
    rest = hashlib.blake2b(key, digest_size=10).digest() if parts else secrets.token_bytes(10)
    whole = int(moment.timestamp() * 1000).to_bytes(6, "big") + rest
    number = int.from_bytes(whole, "big")
    number = number & ~(0xF << 76) | 7 << 76
    return UUID(int=number & ~(0b11 << 62) | 0b10 << 62)


def cycle_node(context: CycleContext) -> Node:
    """The root of a cycle: the same one in every process that works on it."""
    return node(context.window_end, context.request.workspace, context.cycle_id)


def experiment_id(plan: RunPlan) -> str:
    """Id of the experiment that a plan belongs to; a plan that goes on belongs to the same one."""
    within = (plan.session_id, plan.model) if plan.cycle_id is None else (plan.cycle_id, plan.purpose)
    return named_id(plan.workspace, plan.prompt, plan.version, *within)


def gate_experiment_id(context: CycleContext, version: str) -> str:
    """Id of the experiment in which a cycle put a version through the gate cases."""
    request = context.request
    return named_id(request.workspace, request.prompt, version, context.cycle_id, "gate")


def case_key(case: Case) -> str:
    """Id of a case: equal ones have equal ids, so that LangSmith compares arms case by case."""
    content = json.dumps((case.inputs, case.expected), sort_keys=True)
    return named_id(case.workspace, case.suite, case.case_id, content)


def named_id(*parts: str) -> str:
    """Id that follows from names alone.

    Examples:
        >>> named_id("a", "b") == named_id("a", "b") != named_id("a", "c")
        True
    """
    return str(uuid5(_OURS, "\0".join(parts).encode("utf-8", "replace").decode("utf-8")))


def stamp(moment: datetime) -> str:
    """A time as LangSmith reads it."""
    return moment.astimezone(UTC).isoformat()
