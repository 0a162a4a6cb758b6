"""`flywheel check`: may this be deployed?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.cli.check_findings import Finding

app = typer.Typer(add_completion=False)

_STYLES = {"ok": "green", "warning": "yellow", "wrong": "red"}


@app.command(epilog=examples("flywheel check", "flywheel check --url http://127.0.0.1:8000/health --json"))
def check(
    url: Annotated[
        list[str] | None,
        typer.Option("--url", metavar="URL", help="Health endpoint that must answer. Repeatable."),
    ] = None,
    *,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Packages, files, keys, store, live prompts, services: what a deployment needs, before it is one.

    Nothing is changed. Exit code 1 when something is wrong; a warning alone is no reason to stop.
    """
    from flywheel.cli.check_findings import findings

    door = open_door(store, workspace, as_json)
    found = list(findings(door, url or ()))
    wrong = sum(one.state == "wrong" for one in found)
    document = {"ready": not wrong, "findings": [asdict(one) for one in found]}
    door.answer(document, lambda console: _draw(console, found, wrong))
    if wrong:
        raise typer.Exit(1)


def _draw(console: Console, found: Sequence[Finding], wrong: int) -> None:
    from rich.text import Text

    from flywheel.cli.drawing import make_table

    table = make_table(None, ("", "what", "found"))
    for one in found:
        table.add_row(
            Text(one.state, style=_STYLES[one.state]), Text(f"{one.area}: {one.what}"), Text(one.said)
        )
    console.print(table)
    said = "ready" if not wrong else f"not ready: {wrong} of {len(found)} findings are wrong"
    console.print(said, style=_STYLES["wrong" if wrong else "ok"])
