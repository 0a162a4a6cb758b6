"""`flywheel lineage`: the tree of versions with the evidence on each edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import RULING_COLOURS, points, say_nothing_there, short, styled
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptArgument, StoreOption, WorkspaceOption, examples
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    from flywheel.records.lineage import Edge

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("flywheel lineage triage"))
def lineage(
    name: PromptArgument,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who came from whom: the tree of versions, with the evidence on each edge."""
    from flywheel.learn.lineage import LineageGraph

    door = open_door(store, workspace, as_json)
    known_prompt(door.store, door.workspace, name)
    edges = door.store.lineage.edges(door.workspace, name)
    live = door.store.releases.live(door.workspace, name)
    versions = door.store.prompts.versions(door.workspace, name)
    graph = LineageGraph(tuple(edges))
    document: Document = {
        "prompt": name,
        "live": live.version if live else None,
        "roots": list(graph.roots()),
        "path_to_live": list(graph.lineage_path(live.version)) if live else [],
        "edges": [edge.model_dump(mode="json") for edge in edges],
        "versions": [v.version for v in versions],
    }

    def draw(console: Console) -> None:
        if not edges:
            say_nothing_there(
                console,
                f"No version of {name!r} came from another yet.",
                f"Run: flywheel cycle --prompt {name}",
            )
            return
        labels = {v.version: ", ".join(v.labels) for v in versions}
        draw_lineage(console, name, edges, live.version if live else None, labels)

    door.answer(document, draw)


def draw_lineage(
    console: Console, name: str, edges: Sequence[Edge], live: str | None, labels: dict[str, str]
) -> None:
    """A tree from the roots down; a version with two parents shows under its first."""
    from rich.text import Text
    from rich.tree import Tree

    from flywheel.learn.lineage import LineageGraph
    from flywheel.records.lineage import EdgeKind

    parentage = [e for e in edges if e.kind is not EdgeKind.ROLLBACK_OF]
    by_parent: dict[str, list[Edge]] = {}
    for edge in sorted(parentage, key=lambda e: e.kind is not EdgeKind.IMPROVED_VERSION):
        by_parent.setdefault(edge.parent, []).append(edge)
    tree = Tree(Text(name, style="bold"))
    shown: set[str] = set()
    for root in LineageGraph(tuple(edges)).roots():
        branch = tree.add(_version_line(root, live, labels))
        _grow(branch, root, by_parent, shown, (live, labels))
    for edge in edges:
        if edge.kind is EdgeKind.ROLLBACK_OF:
            moved = f"from {short(edge.parent)} to {short(edge.child)}: {edge.because}"
            tree.add(styled("[yellow]rolled back[/] {}", moved))
    console.print(tree)


def _grow(
    branch: Tree,
    parent: str,
    by_parent: dict[str, list[Edge]],
    shown: set[str],
    marks: tuple[str | None, dict[str, str]],
) -> None:
    for edge in by_parent.get(parent, ()):
        if edge.child in shown:
            continue
        shown.add(edge.child)
        line = _version_line(edge.child, *marks).append("  ").append_text(edge_line(edge))
        _grow(branch.add(line), edge.child, by_parent, shown, marks)


def _version_line(version: str, live: str | None, labels: dict[str, str]) -> Text:
    label = f" ({labels[version]})" if labels.get(version) else ""
    mark = " [bold green]live[/]" if version == live else ""
    return styled("[bold]{}[/]{}" + mark, short(version), label)


def edge_line(edge: Edge) -> Text:
    """What was measured on an edge, in one line."""
    ruling = edge.ruling.value if edge.ruling else edge.kind.value.replace("_", " ")
    colour = RULING_COLOURS.get(ruling, "white")
    told = ""
    if edge.evidence is not None and edge.evidence.estimate is not None:
        told += f" {points(edge.evidence.estimate)} points on {count_of(edge.evidence.pairs, 'case')}"
    told += f", {edge.strategy.replace('+', ' + ')}" if edge.strategy else ""
    return styled(f"[{colour}]{ruling}[/]{{}}", told)
