"""`flywheel patterns`: what fails, why, how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import say_nothing_there
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.cli.patterns_seen import Seen, Tried
    from flywheel.phases.explain import Explained, Explainer
    from flywheel.records.findings import Insight

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "flywheel patterns",
        "flywheel patterns --prompt triage --slice billing",
        "flywheel patterns --prompt triage --explain openai:gpt-5-mini",
    )
)
def patterns(
    *,
    prompt: PromptOption = None,
    slice_name: Annotated[
        str | None, typer.Option("--slice", metavar="S", help="Only failures of this slice.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="Only this version: hash or label.")
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="M", help="Model that writes causes, from failed beside passed runs."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Patterns to show.")] = 10,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Failure patterns of the stored executions, the most damaging first."""
    from flywheel.cli.patterns_page import draw_explained, draw_head, draw_patterns, draw_rest
    from flywheel.cli.patterns_seen import look, tried_for
    from flywheel.learn.insights import insights
    from flywheel.phases.explain import explained
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    door = open_door(store, workspace, as_json)
    if prompt is not None:
        known_prompt(door.store, door.workspace, prompt)
    scope = Scope(door.workspace, prompt, version, slice=slice_name, exclude_sources=NOT_EVIDENCE)
    with ExitStack() as opened:
        model = None if explain is None else opened.enter_context(_explainer(door, explain))
        seen = look(door.store, scope)
        told = explained(seen.patterns, seen.failures, seen.passes, model) if model else None
    found = list(told.patterns) if told else seen.patterns
    kept = door.store.cycles.keep_causes(door.workspace, prompt, found) if told and told.written else 0
    tried = tried_for(door.store, door.workspace, prompt)
    told_first = insights(found, seen.worse, seen.flaky)[:limit]
    document: Document = {
        "workspace": door.workspace,
        "prompt": prompt,
        "failures": seen.total_failures,
        "read": len(seen.failures),
        "passes": seen.total_passes,
        "passes_read": len(seen.passes),
        "patterns": [p.model_dump(mode="json") for p in found[:limit]],
        "more": max(0, len(found) - limit),
        "resolved": [p.model_dump(mode="json") for p in seen.resolved],
        "insights": _insights(told_first, tried),
        "worse_slices": [s.model_dump(mode="json") for s in seen.worse[:limit]],
        "flaky": [t.model_dump(mode="json") for t in seen.flaky[:limit]],
        "advice": seen.advice.model_dump(mode="json"),
        "explained": None if told is None else _told(told, kept),
    }

    def draw(console: Console) -> None:
        if not found:
            say_nothing_there(
                console, "No failures here.", f"See what is stored: flywheel report{door.again}"
            )
            return
        draw_head(console, seen, len(found))
        draw_patterns(console, found[:limit], tried, seen.part)
        _draw_more(console, len(found), limit)
        draw_rest(console, seen, limit)
        _draw_first(console, told_first, seen)
        if told is not None:
            draw_explained(console, told, kept)

    door.answer(document, draw)


def _draw_first(console: Console, first: Sequence[Insight], seen: Seen) -> None:
    from flywheel.cli.advice_page import draw_advice
    from flywheel.cli.patterns_page import draw_insights

    draw_insights(console, first)
    draw_advice(console, seen.advice)


def _draw_more(console: Console, there: int, limit: int) -> None:
    if there > limit:
        console.print(f"{there - limit:,} more: --limit {there}\n", style="dim")


def _insights(first: Sequence[Insight], tried: Tried) -> list[Document]:
    return [
        {
            **insight.model_dump(mode="json"),
            "proposals": sorted({made for key in insight.patterns for made in tried.get(key, {})}),
        }
        for insight in first
    ]


@contextmanager
def _explainer(door: Door, name: str) -> Iterator[Explainer]:
    from flywheel.cli.model_runs import billed_gateway
    from flywheel.llm.observed_model import observed_models
    from flywheel.phases.explain import Explainer

    with door.telling() as observer, billed_gateway(door) as gateway:
        yield Explainer(observed_models(gateway.model, observer)(name), name, workspace=door.workspace)


def _told(told: Explained, kept: int) -> Document:
    return {
        "asked": told.asked,
        "written": told.written,
        "kept": kept,
        "cost_usd": told.cost_usd,
        "not_written": list(told.because),
    }
