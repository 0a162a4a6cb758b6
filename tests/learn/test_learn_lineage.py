"""The graph of versions stays a graph of parentage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.lineage import LineageGraph
from flywheel.records.lineage import Edge, EdgeKind


def edge(child: str, parent: str, kind: EdgeKind = EdgeKind.IMPROVED_VERSION) -> Edge:
    """An edge of prompt p."""
    return Edge(prompt="p", child=child, parent=parent, kind=kind)


def test_a_path_runs_from_the_root_to_the_version():
    """The path names every ancestor on the way."""
    graph = LineageGraph((edge("b", "a"), edge("c", "b")))

    assert graph.lineage_path("c") == ("a", "b", "c")
    assert graph.roots() == ("a",)


def test_a_rollback_is_not_parentage():
    """Going back to an old version makes it nobody's child."""
    graph = LineageGraph((edge("b", "a"), edge("a", "b", EdgeKind.ROLLBACK_OF)))

    assert graph.ancestors("a") == ()


def test_an_edge_that_would_close_a_loop_is_seen():
    """A version cannot become its own ancestor."""
    graph = LineageGraph((edge("b", "a"), edge("c", "b")))

    assert graph.would_loop("a", "c")
    assert not graph.would_loop("d", "c")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_edges_kept_one_by_one_never_make_a_version_its_own_ancestor(pairs: list[tuple[int, int]]):
    """Refusing looping edges keeps the graph acyclic."""
    graph = LineageGraph(())
    for child, parent in pairs:
        if not graph.would_loop(str(child), str(parent)):
            graph = LineageGraph((*graph.edges, edge(str(child), str(parent))))

    assert all(str(n) not in graph.ancestors(str(n)) for n in range(10))
