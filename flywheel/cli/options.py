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

LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="At most N cases, always the same ones.")
]
ConcurrencyOption = Annotated[
    int | None,
    typer.Option("--concurrency", min=1, max=512, metavar="N", help="Most calls at once. Default: 8."),
]
BudgetCallsOption = Annotated[
    int | None, typer.Option("--budget-calls", min=0, metavar="N", help="Most calls of this run.")
]
BudgetUsdOption = Annotated[
    float | None, typer.Option("--budget-usd", min=0, metavar="X", help="Most USD of this run.")
]
BudgetTokensOption = Annotated[
    int | None, typer.Option("--budget-tokens", min=0, metavar="N", help="Most tokens of this run.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the forecast; send nothing.")]


def examples(*lines: str) -> str:
    """The example lines under a command's help.

    Examples:
        >>> examples("flywheel init")
        'Example: flywheel init'
    """
    return "\n\n".join(f"Example: {line}" for line in lines)
