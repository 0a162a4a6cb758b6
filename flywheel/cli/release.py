"""`flywheel release`, `flywheel rollback`: what is live, plus its undoing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli import release_file
from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import make_table, moment, one_line, say_nothing_there, short
from flywheel.cli.names import known_prompt, known_version
from flywheel.cli.options import JsonOption, PromptArgument, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from rich.console import Console

release_app = typer.Typer(add_completion=False, no_args_is_help=True, help="What is live, with its history.")
release_app.add_typer(release_file.app)
rollback_app = typer.Typer(add_completion=False)


@release_app.command("show", epilog=examples("flywheel release show triage"))
def show(
    name: PromptArgument,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is live for a prompt, since when, why. Exit code 1 when nothing is."""
    door = open_door(store, workspace, as_json)
    known_prompt(door.store, door.workspace, name)
    live = door.store.releases.live(door.workspace, name)
    document: Document = {"prompt": name, "live": live.model_dump(mode="json") if live else None}

    def draw(console: Console) -> None:
        if live is None:
            say_nothing_there(
                console, f"Nothing is live for {name!r}.", f"Run: flywheel prompt add {name} FILE --live"
            )
            return
        console.print(
            f"{short(live.version)} since {moment(live.released_at)} UTC ({live.kind.value})", style="bold"
        )
        console.print(f"move number {live.revision}: {live.why or 'no reason was given'}")

    door.answer(document, draw)
    if live is None:
        raise typer.Exit(1)


@release_app.command("history", epilog=examples("flywheel release history triage"))
def history(
    name: PromptArgument,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """All releases of a prompt, newest first, with those undone."""
    door = open_door(store, workspace, as_json)
    known_prompt(door.store, door.workspace, name)
    events = door.store.releases.history(door.workspace, name)

    def draw(console: Console) -> None:
        if not events:
            say_nothing_there(console, f"{name!r} was never released.", "")
            return
        table = make_table(None, ("when (UTC)", "from", "to", "what", "why"))
        for e in events:
            table.add_row(
                moment(e.created_at),
                short(e.previous),
                short(e.version),
                e.kind.value if e.state.value == "verified" else f"{e.kind.value}, {e.state.value}",
                one_line(e.why),
            )
        console.print(table)

    door.answer({"prompt": name, "releases": [e.model_dump(mode="json") for e in events]}, draw)


@rollback_app.command(epilog=examples("flywheel rollback triage --to v1 --why 'the tone is wrong'"))
def rollback(
    name: PromptArgument,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; kept in the history.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="V", help="Version to restore. Default: the previous one.")
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier version live again; its text comes back to the byte."""
    from datetime import UTC, datetime
    from getpass import getuser

    from flywheel.cli.alert_raising import alerts_config, raise_news
    from flywheel.phases.telling import tell_live
    from flywheel.watch.news import rollback_news

    door = open_door(store, workspace, as_json)
    known_prompt(door.store, door.workspace, name)
    target = known_version(door.store, door.workspace, name, to).version if to else None
    alerts = alerts_config()
    live = door.store.releases.live(door.workspace, name)
    if live is not None and live.version == target:
        said = f"{short(live.version)} is live already; nothing was done."
        door.answer({"release": None, "live": live.version}, lambda console: console.print(said))
        return
    with door.telling() as observer:
        event = door.store.releases.rollback(door.workspace, name, target, why, getuser(), datetime.now(UTC))
        tell_live(observer, door.store, door.workspace, name)

    def draw(console: Console) -> None:
        console.print(f"{short(event.version)} is live again, in place of {short(event.previous)}.")
        console.print(f"See: flywheel release history {name}", style="dim")

    door.answer({"release": event.model_dump(mode="json"), "live": event.version}, draw)
    raise_news(door, alerts, lambda now: rollback_news(event, now))
