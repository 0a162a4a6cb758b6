"""Parentage of versions with the evidence on each edge."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Name, Record, UtcDatetime
from flywheel.records.verdict import Evidence, Ruling


class EdgeKind(StrEnum):
    """How a version came from another."""

    DERIVED_FROM = "derived_from"
    IMPROVED_VERSION = "improved_version"
    MERGED_FROM = "merged_from"
    ROLLBACK_OF = "rollback_of"


class Edge(Record):
    """One edge, child to parent, with what was measured between them."""

    prompt: Name
    workspace: Name = "default"
    child: Name
    parent: Name
    kind: EdgeKind
    cycle_id: str | None = None
    strategy: str | None = None
    ruling: Ruling | None = None
    because: str = ""
    evidence: Evidence | None = None
    created_at: UtcDatetime | None = None
