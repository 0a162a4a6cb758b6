"""`flywheel sessions`: how complete the captured data of each session is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import (
    UNKNOWN,
    bar,
    make_table,
    moment,
    one_line,
    percent,
    say_nothing_there,
    styled,
)
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import UnknownName
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.learn.completeness import SessionQuality

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples("flywheel sessions", "flywheel sessions nightly-7", "flywheel sessions --below 80")
)
def sessions(
    session_id: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="Show this session with all criteria.")
    ] = None,
    *,
    prompt: PromptOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Sessions, newest first.")] = 20,
    below: Annotated[
        float | None,
        typer.Option("--below", min=0, max=100, metavar="X", help="Exit code 1 when the newest scores less."),
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Completeness score of captured data, 0 to 100, with what is missing and how to add it."""
    from flywheel.learn.completeness import session_quality
    from flywheel.store.open import open_store

    door = open_door(store, workspace, as_json)
    counted = open_store(door.settings.database_url, create=False).sessions.counts(
        door.workspace, prompt=prompt, session_id=session_id, limit=limit
    )
    if session_id is not None and not counted:
        raise UnknownName(
            f"No session {session_id!r} in workspace {door.workspace!r}. Nothing was changed. "
            "The last ones: flywheel sessions"
        )
    found = [session_quality(counts) for counts in counted]
    document: Document = {"workspace": door.workspace, "sessions": [_document(quality) for quality in found]}

    def draw(console: Console) -> None:
        if not found:
            say_nothing_there(
                console, "No executions here.", f"Bring some in: flywheel import jsonl FILE{door.again}"
            )
        elif session_id is not None:
            _draw_one(console, found[0])
        else:
            _draw_all(console, found)

    door.answer(document, draw)
    newest = found[0].score if found else None
    if below is not None and (newest is None or newest < below):
        raise typer.Exit(1)


def _document(quality: SessionQuality) -> Document:
    counts = quality.counts
    return {
        "session_id": counts.session_id,
        "executions": counts.executions,
        "skipped": counts.skipped,
        "passed": counts.passed,
        "failures": counts.failures,
        "first_at": counts.first_at.isoformat(),
        "last_at": counts.last_at.isoformat(),
        "score": None if quality.score is None else round(quality.score, 2),
        "criteria": [
            {
                "name": found.criterion.name,
                "points": found.criterion.points,
                "known": found.known,
                "of": found.of,
                "why": found.criterion.why,
                "how": found.criterion.how if found.known < found.of else None,
            }
            for found in quality.fulfilments
        ],
    }


def _score(quality: SessionQuality) -> str:
    return UNKNOWN if quality.score is None else f"{quality.score:.0f}"


def _draw_all(console: Console, found: list[SessionQuality]) -> None:
    table = make_table(None, ("session", "when (UTC)", "runs", "score", "missing"), right=("runs", "score"))
    for quality in found:
        missing = ", ".join(f"{m.criterion.name} {percent(1 - m.share, 0)}" for m in quality.missing[:3])
        table.add_row(
            quality.counts.session_id or "(none)",
            moment(quality.counts.last_at),
            f"{quality.counts.executions:,}",
            _score(quality),
            one_line(missing or "nothing"),
        )
    console.print(table)
    console.print("What to do about it: flywheel sessions SESSION", style="dim")


def _draw_one(console: Console, quality: SessionQuality) -> None:
    counts = quality.counts
    skipped = f", {counts.skipped:,} skipped" if counts.skipped else ""
    told = f"{count_of(counts.executions, 'execution')} ({counts.passed:,} passed, {counts.failures:,} failed"
    console.print(styled("[bold]{} of 100[/] for {}{})", _score(quality), told, skipped))
    table = make_table(None, ("criterion", "points", "", "there"), right=("points", "there"))
    for found in quality.fulfilments:
        share = bar(found.share, width=14)
        table.add_row(found.criterion.name, str(found.criterion.points), share, percent(found.share, 0))
    console.print(table)
    for found in quality.missing:
        console.print(styled("[bold]{}[/]: {}.", found.criterion.name, found.criterion.why))
        console.print(f"  {found.criterion.how}", style="dim", markup=False)
