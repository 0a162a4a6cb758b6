"""`flywheel release file`: the live text in a file that an application reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import make_table, short
from flywheel.cli.names import known_prompt, known_version
from flywheel.cli.options import JsonOption, PromptArgument, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.records.prompt_file import FileRelease, StageResult

FOLDER = "prompt-files"
"""Of backups and history, inside of FLYWHEEL_HOME."""

app = typer.Typer(add_completion=False)

_WORDS = {True: "passed", False: "failed", None: "unknown"}
_STYLES = {True: "green", False: "red", None: "yellow"}


@app.command(
    "file",
    epilog=examples(
        "flywheel release file triage prompts/triage.txt",
        "flywheel release file triage prompts/triage.txt --check",
        "flywheel release file triage prompts/triage.txt --undo",
    ),
)
def release_file(
    name: PromptArgument,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where the application reads it.")],
    version: Annotated[
        str, typer.Option("--version", metavar="V", help="Which version. Default: what is live.")
    ] = "live",
    suite: Annotated[
        str | None, typer.Option("--suite", metavar="S", help="Cases that must fit into it.")
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 when the file is another.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back what the file held before, to the byte.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also over a text that flywheel does not know.")
    ] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a version into a file, after four stages of validation and a backup of what it held.

    Exit code 1 when a stage failed: then nothing is written. What is unknown stops nothing.
    """
    from flywheel.errors import InputError
    from flywheel.records.prompt import content_hash
    from flywheel.store.prompt_files import ProductionPromptManager, text_in

    if check and undo:
        raise InputError("--check and --undo contradict each other; give one. Nothing was changed.")
    door = open_door(store, workspace, as_json)
    known_prompt(door.store, door.workspace, name)
    policy = door.own_store.workspaces.policy(door.workspace)
    manager = ProductionPromptManager(door.store, door.workspace, door.settings.home / FOLDER, policy)
    now = datetime.now(UTC)
    if undo:
        _answer(door, (), manager.rollback(name, path, now))
        return
    wanted = known_version(door.store, door.workspace, name, version)
    held = text_in(path)
    stages = manager.validate(wanted, held, suite)
    failed = any(one.passed is False for one in stages)
    if check or failed:
        same = held is not None and content_hash(held) == wanted.version
        _answer(door, stages, None, same=same, path=path)
        if failed or not same:
            raise typer.Exit(1)
        return
    _answer(door, stages, manager.release(wanted, path, now, overwrite=overwrite))


def _answer(
    door: Door,
    stages: Sequence[StageResult],
    change: FileRelease | None,
    *,
    same: bool | None = None,
    path: Path | None = None,
) -> None:
    document: Document = {
        "stages": [one.model_dump(mode="json") for one in stages],
        "release": change.model_dump(mode="json") if change else None,
        "is_current": same if change is None else True,
    }

    def draw(console: Console) -> None:
        from rich.text import Text

        if stages:
            table = make_table(None, ("stage", "", "found"))
            for one in stages:
                table.add_row(
                    one.stage.value, Text(_WORDS[one.passed], style=_STYLES[one.passed]), Text(one.said)
                )
            console.print(table)
        if change is None:
            console.print(
                f"{path} {'holds this version' if same else 'holds another text'}; nothing was written"
            )
        elif change.version == change.previous:
            console.print(f"{change.path} holds {short(change.version)} already; nothing was written")
        else:
            console.print(f"{change.path} holds {short(change.version)} now, before {short(change.previous)}")
        if change is not None and change.backup:
            console.print(f"backup: {door.settings.home / FOLDER / change.backup}", style="dim")

    door.answer(document, draw)
