"""What can be said of prompt texts: issues of one, features that good ones share."""

from __future__ import annotations

import fnmatch
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import chance, interval, make_table
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption
from flywheel.errors import UnknownName

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.learn.prompt_features import FeatureAnalysis
    from flywheel.records.findings import PromptAnalysis

STYLES = {"critical": "bold red", "warning": "yellow", "hint": "dim"}


class FeaturesBy(StrEnum):
    """What features can be split by."""

    SLICE = "slice"


def features(
    *,
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Names or patterns. Default: all.")
    ] = None,
    by: Annotated[FeaturesBy | None, typer.Option("--by", help="Also for every slice.")] = None,
    bar: Annotated[
        float, typer.Option("--bar", min=0.01, max=1.0, help="Pass rate from which a version scores high.")
    ] = 0.92,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which features versions that score high share, against the others; versions whose text is known."""
    from flywheel.learn.prompt_features import features_by_slice, scored_versions, shared_features
    from flywheel.records.columns import PROBE, Scope

    door = open_door(store, workspace, as_json)
    known = door.store.prompts.names(door.workspace)
    wanted = [n for n in known if not prompts or any(fnmatch.fnmatch(n, p) for p in prompts)]
    if not wanted:
        raise UnknownName(
            f"No prompt matches {', '.join(map(repr, prompts or []))} in workspace {door.workspace!r}. "
            "See: flywheel prompt list"
        )
    versions = []
    for name in wanted:
        texts = {v.version: v.text for v in door.store.prompts.versions(door.workspace, name) if v.text}
        scope = Scope(workspace=door.workspace, prompt=name, exclude_sources=("collect", PROBE))
        versions += scored_versions(door.store.executions.columns(scope), texts, f"{name} ")
    found = [shared_features(versions, bar), *(features_by_slice(versions, bar) if by else ())]
    document: Document = {"versions": len(versions), "bar": bar, "rows": [_row(one) for one in found]}

    def draw(console: Console) -> None:
        for one in found:
            draw_features(console, one)

    door.answer(document, draw)


def _row(one: FeatureAnalysis) -> Document:
    return {
        "slice": one.slice,
        "high": list(one.high),
        "low": list(one.low),
        "because": one.because,
        "features": [
            {
                "feature": f.feature,
                "high": [f.high.passes, f.high.trials],
                "low": [f.low.passes, f.low.trials],
                "difference": f.difference.estimate,
                "low_end": f.difference.low,
                "high_end": f.difference.high,
                "p": f.p_value,
                "adjusted_p": f.adjusted_p,
            }
            for f in one.findings
        ],
    }


def draw_features(console: Console, one: FeatureAnalysis) -> None:
    """What can be said in words, then every feature with its interval."""
    from rich.text import Text

    where = "all executions" if one.slice is None else f"slice {one.slice}"
    console.print(Text(f"{where}: {one.because}", style="bold"))
    if not one.findings:
        return
    columns = ("feature", "high", "low", "points", "p")
    table = make_table(None, columns, right=columns[1:])
    for f in one.findings:
        table.add_row(
            f.feature,
            f"{f.high.passes} of {f.high.trials}",
            f"{f.low.passes} of {f.low.trials}",
            interval(f.difference.low, f.difference.high),
            chance(f.adjusted_p),
        )
    console.print(table)
    console.print(
        f"high: versions that pass {one.bar:.0%} or more; p is corrected over the features", style="dim"
    )


def draw_check(console: Console, name: str, text: str, analysis: PromptAnalysis) -> None:
    """The score, then each issue with its line and its cure."""
    from rich.text import Text

    console.print(Text(f"{name}: {analysis.score:.0f} of 100", style="bold"))
    for issue in analysis.issues:
        line = text.count("\n", 0, issue.start) + 1
        head = Text(f"  {issue.severity} ", style=STYLES.get(issue.severity, ""))
        head.append(f"line {line}: {issue.message}", style="default")
        console.print(head)
        console.print(Text(f"    {issue.cure}", style="dim"))
    if not analysis.issues:
        console.print(Text("  nothing to criticise without running it", style="dim"))
