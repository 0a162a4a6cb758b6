"""Options that every command shares."""

from __future__ import annotations

from typing import Annotated

import typer

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Store: a database URL or a path of a SQLite file. "
        "Default: FLYWHEEL_DATABASE_URL, else .flywheel/flywheel.db.",
        rich_help_panel="Everywhere",
    ),
]
WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        metavar="W",
        help="Workspace. Default: FLYWHEEL_WORKSPACE, else 'default'.",
        rich_help_panel="Everywhere",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="One JSON document on stdout; everything else goes to stderr.",
        rich_help_panel="Everywhere",
    ),
]
PromptArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the prompt.")]
PromptOption = Annotated[
    str | None, typer.Option("--prompt", metavar="NAME", help="Only executions of this prompt.")
]


def examples(*lines: str) -> str:
    """The example lines under a command's help.

    Examples:
        >>> examples("flywheel init")
        'Example: flywheel init'
    """
    return "\n\n".join(f"Example: {line}" for line in lines)
