"""`flywheel redaction`: what is taken out of evidence before it is stored."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import styled
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import PolicyError

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.learn.redaction_policy import RedactionPolicy
    from flywheel.store.open import SqlStore

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What is taken out before storing.")


class ModeChoice(StrEnum):
    """What stands where something private stood."""

    OFF = "off"
    MASK = "mask"
    HASH = "hash"


@app.command("show", epilog=examples("flywheel redaction show", "flywheel redaction show --workspace team"))
def show(
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """The redaction policy of a workspace. The salt is never shown."""
    door = open_door(store, workspace, as_json)
    policy = _store(door, create=False).workspaces.policy(door.workspace)
    door.answer(_document(policy), lambda console: _draw(console, policy))


@app.command(
    "set",
    epilog=examples(
        "flywheel redaction set hash",
        "flywheel redaction set mask --pattern 'client=\\bC-[0-9]{6}\\b' --keep ip --calling-code +49",
        "flywheel redaction set off",
    ),
)
def set_policy(
    mode: Annotated[ModeChoice, typer.Argument(metavar="MODE", help="off, mask or hash.")],
    *,
    patterns: Annotated[
        list[str] | None,
        typer.Option("--pattern", metavar="NAME=REGEX", help="A further kind to take out; repeatable."),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="KIND", help="A kind to leave in; repeatable.")
    ] = None,
    calling_code: Annotated[
        str, typer.Option("--calling-code", metavar="+N", help="Of telephone numbers written without one.")
    ] = "",
    new_salt: Annotated[
        bool, typer.Option("--new-salt", help="Hash with a new salt; old marks do not join with new ones.")
    ] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the policy of a workspace for what is stored from now on, in place of the one before."""
    import secrets

    door = open_door(store, workspace, as_json)
    workspaces = _store(door, create=True).workspaces
    before = workspaces.policy(door.workspace)
    policy = _made(
        {
            "workspace": door.workspace,
            "mode": mode.value,
            "salt": secrets.token_hex(16) if new_salt or not before.salt else before.salt,
            "patterns": [_pattern(text) for text in patterns or ()],
            "kept": keep or [],
            "calling_code": calling_code,
        }
    )
    workspaces.set_policy(policy)
    door.answer(_document(policy), lambda console: _draw(console, policy))


@app.command(
    "try",
    epilog=examples(
        "flywheel redaction try 'write to ann@example.com'", "flywheel redaction try - < runs.jsonl"
    ),
)
def try_out(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A text, or - to read it from stdin.")],
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the policy would leave of a text, with counts by kind. Nothing is stored."""
    from flywheel.learn.redaction import Redactor
    from flywheel.learn.redaction_policy import RedactionPolicy
    from flywheel.store.schema import schema_state

    door = open_door(store, workspace, as_json)
    is_there = schema_state(door.settings.database_url).found is not None
    policy = (
        _store(door, create=False).workspaces.policy(door.workspace)
        if is_there
        else RedactionPolicy(workspace=door.workspace)
    )
    redactor = Redactor(policy)
    clean = redactor.text(sys.stdin.read() if text == "-" else text)
    document: Document = {
        "workspace": door.workspace,
        "mode": policy.mode.value,
        "text": clean,
        "counts": dict(sorted(redactor.counts.items())),
    }

    def draw(console: Console) -> None:
        console.print(clean, markup=False, soft_wrap=True)
        said = ", ".join(f"{count} {kind}" for kind, count in document["counts"].items())
        door.err.print(f"taken out: {said or 'nothing'}", style="dim")

    door.answer(document, draw)


def _store(door: Door, *, create: bool) -> SqlStore:
    from flywheel.store.open import open_store

    return open_store(door.settings.database_url, create=create)


def _pattern(text: str) -> dict[str, str]:
    name, equals, pattern = text.partition("=")
    if not equals:
        msg = (
            f"--pattern {text!r} has no '='. Nothing was changed. "
            "Give NAME=REGEX, such as --pattern 'client=C-[0-9]{6}'."
        )
        raise PolicyError(msg)
    return {"name": name, "pattern": pattern}


def _made(fields: Document) -> RedactionPolicy:
    from pydantic import ValidationError

    from flywheel.learn.redaction_policy import RedactionPolicy

    try:
        return RedactionPolicy.model_validate(fields)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        msg = (
            f"The policy is not right: {where + ': ' if where else ''}{problem['msg']}. Nothing was changed."
        )
        raise PolicyError(msg) from error


def _document(policy: RedactionPolicy) -> Document:
    return {
        **policy.model_dump(mode="json", exclude={"salt", "kept"}),
        "kept": sorted(kind.value for kind in policy.kept),
        "salted": bool(policy.salt),
    }


def _draw(console: Console, policy: RedactionPolicy) -> None:
    from flywheel.learn.redaction_policy import Private

    meaning = {
        "off": "nothing is taken out",
        "mask": "private text becomes <kind>",
        "hash": "private text becomes <kind:hash>, equal for equal values",
    }
    mode = policy.mode.value
    console.print(styled("[bold]{}[/]: {}, {}", policy.workspace, mode, meaning[mode]))
    if policy.mode.value == "off":
        return
    console.print(f"taken out: {', '.join(kind.value for kind in Private if kind not in policy.kept)}")
    if policy.kept:
        console.print(f"left in: {', '.join(sorted(kind.value for kind in policy.kept))}")
    for pattern in policy.patterns:
        console.print(f"also {pattern.name}: {pattern.pattern}", markup=False)
    if policy.calling_code:
        console.print(f"telephone numbers without a country are taken as {policy.calling_code}")
