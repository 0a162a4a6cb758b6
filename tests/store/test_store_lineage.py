"""Parentage of versions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from release_material import FIRST, NOW, SECOND, THIRD, add_text, evidence_for

from flywheel.errors import LineageLoop, UnknownParent
from flywheel.ports import LineageStore
from flywheel.records.execution import Execution
from flywheel.records.lineage import Edge, EdgeKind
from flywheel.store.open import SqlStore


def edge_of(child: str, parent: str, kind: EdgeKind = EdgeKind.IMPROVED_VERSION, **more: object) -> Edge:
    """An edge of prompt triage."""
    return Edge(prompt="triage", child=child, parent=parent, kind=kind, **more)


@pytest.fixture
def versions(store: SqlStore) -> tuple[str, str, str]:
    """Three versions with text."""
    return add_text(store, FIRST), add_text(store, SECOND), add_text(store, THIRD)


def test_edges_read_back_equal_oldest_first(store: SqlStore, versions: tuple[str, str, str]) -> None:
    """An edge keeps its evidence; one without a time gets the time of storing."""
    lineage: LineageStore = store.lineage
    a, b, c = versions
    dated = edge_of(c, b, evidence=evidence_for(c), cycle_id="c1", created_at=NOW - timedelta(days=1))
    assert lineage.add([dated, edge_of(b, a)], NOW) == 2
    assert lineage.edges("default", "triage") == [
        dated,
        edge_of(b, a).model_copy(update={"created_at": NOW}),
    ]
    assert lineage.edges("default", "other") == []
    assert lineage.edges("elsewhere", "triage") == []


def test_an_edge_that_is_there_is_left_alone(store: SqlStore, versions: tuple[str, str, str]) -> None:
    """A second adding of an edge counts nothing and keeps the first evidence."""
    a, b, c = versions
    store.lineage.add([edge_of(b, a, because="first")], NOW)
    assert store.lineage.add([edge_of(b, a, because="second"), edge_of(c, a)], NOW) == 1
    assert store.lineage.edges("default", "triage")[0].because == "first"
    assert store.lineage.add([], NOW) == 0


def test_a_loop_is_refused_whole(store: SqlStore, versions: tuple[str, str, str]) -> None:
    """A version cannot become its own ancestor; nothing of the batch is kept."""
    a, b, c = versions
    store.lineage.add([edge_of(b, a)], NOW)
    for batch in ([edge_of(c, b), edge_of(a, c, EdgeKind.MERGED_FROM)], [edge_of(a, b)], [edge_of(c, c)]):
        with pytest.raises(LineageLoop, match="No edge was written"):
            store.lineage.add(batch, NOW)
    assert len(store.lineage.edges("default", "triage")) == 1


def test_a_rollback_edge_may_close_a_circle(store: SqlStore, versions: tuple[str, str, str]) -> None:
    """An edge rollback_of is no parentage: it is kept, and later parentage does not trip over it."""
    a, b, c = versions
    store.lineage.add([edge_of(b, a), edge_of(a, b, EdgeKind.ROLLBACK_OF)], NOW)
    assert store.lineage.add([edge_of(c, b)], NOW) == 1


@pytest.mark.parametrize("end", ["child", "parent"])
def test_an_unknown_version_is_refused(store: SqlStore, end: str) -> None:
    """Both ends of an edge must have a text or an execution."""
    known = add_text(store, FIRST)
    ends = {"child": known, "parent": known, end: "nobody"}
    with pytest.raises(UnknownParent, match=r"'nobody'.*No edge was written.*prompt add"):
        store.lineage.add([edge_of(ends["child"], ends["parent"])], NOW)
    assert store.lineage.edges("default", "triage") == []


def test_versions_that_executions_carry_have_lineage(store: SqlStore) -> None:
    """A version known only by the label of its executions can be an end of an edge, in its own workspace."""
    store.executions.write(
        [
            Execution(execution_id=label, prompt="triage", version=label, outcome="passed")
            for label in ("direct", "cot")
        ]
    )
    assert store.lineage.add([edge_of("cot", "direct")], NOW) == 1
    with pytest.raises(UnknownParent):
        store.lineage.add([edge_of("cot", "direct", workspace="elsewhere")], NOW)
