"""Lineage edges as rows; parentage that would loop is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.errors import LineageLoop, UnknownParent
from flywheel.learn.lineage import LineageGraph
from flywheel.records.lineage import Edge, EdgeKind
from flywheel.store.base import StoreTable
from flywheel.store.encoding import to_us
from flywheel.store.prompts import SqlPrompts
from flywheel.store.session import Database, lock_writers, table_of


class LineageEdgeRow(StoreTable, table=True):
    """One edge, child to parent; `record_json` holds it with its evidence."""

    __tablename__ = "lineage_edge"
    __table_args__ = (
        sa.UniqueConstraint("workspace", "prompt", "child", "parent", "kind", name="uq_lineage_edge"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    prompt: str
    child: str
    parent: str
    kind: str
    cycle_id: str | None = None
    strategy: str | None = None
    ruling: str | None = None
    created_us: int = Field(sa_type=sa.BigInteger)
    record_json: str = Field(sa_type=sa.Text)


EDGE = table_of(LineageEdgeRow)


class SqlLineage:
    """Parentage of versions in one database.

    Both ends of an edge are versions with text, or versions that executions
    carry. Edges of kind rollback_of go from the version that came back to the
    version it replaced; they are no parentage, so they may close a circle and
    no path to a root follows them.

    Args:
        db: where they are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> store = open_store("sqlite://")
        >>> edge = Edge(prompt="triage", child="b", parent="a", kind="improved_version")
        >>> from datetime import UTC
        >>> store.lineage.add([edge], datetime.now(UTC))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        flywheel.errors.UnknownParent: Lineage of prompt 'triage' in workspace 'default': an edge ...
        >>> store.lineage.edges("default", "triage")
        []
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, edges: Sequence[Edge], now: datetime) -> int:
        """Keep edges, all of them or none; ones already there are left alone.

        Args:
            edges: of any prompts and workspaces.
            now: given to edges that carry no time of their own.

        Returns:
            How many were not there before.

        Raises:
            UnknownParent: an end of an edge is a version nobody stored.
            LineageLoop: a version would become its own ancestor.
        """
        with self._db.write() as connection:
            # Two writers that each add half a circle must see each other's half.
            lock_writers(connection)
            for (workspace, prompt), group in groupby(sorted(edges, key=_owner), key=_owner):
                fresh = list(group)
                self._refuse_unknown(workspace, prompt, fresh)
                _refuse_loops(_edges_of(connection, workspace, prompt), fresh)
            return put_edges(self._db, connection, edges, now)

    def edges(self, workspace: str, prompt: str) -> list[Edge]:
        """All edges of a prompt, oldest first."""
        with self._db.read() as connection:
            return _edges_of(connection, workspace, prompt)

    def _refuse_unknown(self, workspace: str, prompt: str, edges: Sequence[Edge]) -> None:
        prompts = SqlPrompts(self._db)
        named = dict.fromkeys(end for edge in edges for end in (edge.parent, edge.child))
        for name in named:
            if prompts.get(workspace, prompt, name) is None:
                msg = (
                    f"Lineage of prompt {prompt!r} in workspace {workspace!r}: an edge names version "
                    f"{name!r}, which has no text and no execution. No edge was written. "
                    f"Add it first: flywheel prompt add {prompt} FILE"
                )
                raise UnknownParent(msg)


def put_edges(db: Database, connection: Connection, edges: Sequence[Edge], now: datetime) -> int:
    """Write edges that are known to be sound, in the caller's transaction; gives how many were new."""
    key = ("workspace", "prompt", "child", "parent", "kind")
    return db.upsert(connection, EDGE, [_row(edge, now) for edge in edges], key=key)


def _refuse_loops(known: Sequence[Edge], fresh: Iterable[Edge]) -> None:
    graph = LineageGraph(tuple(known))
    for edge in fresh:
        if edge.kind is EdgeKind.ROLLBACK_OF:
            continue
        if graph.would_loop(edge.child, edge.parent):
            msg = (
                f"Lineage of prompt {edge.prompt!r}: version {edge.child[:12]!r} cannot come from "
                f"{edge.parent[:12]!r}, because {edge.parent[:12]!r} came from {edge.child[:12]!r} or is "
                "the same. No edge was written. Turn the edge round, or leave it out."
            )
            raise LineageLoop(msg)
        graph = LineageGraph((*graph.edges, edge))


def _edges_of(connection: Connection, workspace: str, prompt: str) -> list[Edge]:
    rows = connection.execute(
        sa.select(EDGE.c.record_json)
        .where(EDGE.c.workspace == workspace, EDGE.c.prompt == prompt)
        .order_by(EDGE.c.seq)
    )
    return [Edge.model_validate_json(row.record_json) for row in rows]


def _owner(edge: Edge) -> tuple[str, str]:
    return edge.workspace, edge.prompt


def _row(edge: Edge, now: datetime) -> dict[str, object]:
    moment = edge.created_at or now
    return {
        **edge.model_dump(include={"workspace", "prompt", "child", "parent", "cycle_id", "strategy"}),
        "kind": edge.kind.value,
        "ruling": edge.ruling.value if edge.ruling else None,
        "created_us": to_us(moment),
        "record_json": edge.model_copy(update={"created_at": moment}).model_dump_json(),
    }
