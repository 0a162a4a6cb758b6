"""The graph of versions: who came from whom, on what evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from flywheel.records.lineage import Edge, EdgeKind


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """Versions as nodes, parentage as typed edges.

    Rollback edges say that an old version came back; they are no parentage, so
    ancestors and paths do not follow them.

    Examples:
        >>> e = Edge(prompt="p", child="b", parent="a", kind="improved_version")
        >>> graph = LineageGraph((e, Edge(prompt="p", child="c", parent="b", kind="improved_version")))
        >>> graph.ancestors("c"), graph.lineage_path("c"), graph.descendants("a")
        (('b', 'a'), ('a', 'b', 'c'), ('b', 'c'))
    """

    edges: tuple[Edge, ...]

    def ancestors(self, version: str) -> tuple[str, ...]:
        """All versions it came from, nearest first."""
        return _reach(version, self._parents())

    def descendants(self, version: str) -> tuple[str, ...]:
        """All versions that came from it, nearest first."""
        children: dict[str, list[str]] = {}
        for edge in self._parentage():
            children.setdefault(edge.parent, []).append(edge.child)
        return _reach(version, children)

    def lineage_path(self, version: str) -> tuple[str, ...]:
        """From the root to the version along improvements first."""
        path = [version]
        seen = {version}
        parents = self._parents()
        while parents.get(path[-1]):
            step = next((p for p in parents[path[-1]] if p not in seen), None)
            if step is None:
                break
            seen.add(step)
            path.append(step)
        return tuple(reversed(path))

    def roots(self) -> tuple[str, ...]:
        """Versions without a parent, in order of first appearance."""
        children = {edge.child for edge in self._parentage()}
        return tuple(dict.fromkeys(e.parent for e in self._parentage() if e.parent not in children))

    def would_loop(self, child: str, parent: str) -> bool:
        """Whether an edge child -> parent would make a version its own ancestor."""
        return child == parent or child in self.ancestors(parent)

    def _parentage(self) -> Iterable[Edge]:
        return (e for e in self.edges if e.kind is not EdgeKind.ROLLBACK_OF)

    def _parents(self) -> dict[str, list[str]]:
        parents: dict[str, list[str]] = {}
        ordered = sorted(self._parentage(), key=lambda e: e.kind is not EdgeKind.IMPROVED_VERSION)
        for edge in ordered:
            parents.setdefault(edge.child, []).append(edge.parent)
        return parents


def _reach(start: str, neighbours: dict[str, list[str]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    queue = deque(neighbours.get(start, ()))
    while queue:
        node = queue.popleft()
        if node in found or node == start:
            continue
        found[node] = None
        queue.extend(neighbours.get(node, ()))
    return tuple(found)
