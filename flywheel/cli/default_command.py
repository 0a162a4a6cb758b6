"""A group of commands that does its first one when none is named."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

HELP = ("--help", "-h")


class DefaultCommandGroup(TyperGroup):
    """`flywheel trust ann` is `flywheel trust show ann`; a name that is a command too needs the `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  Typer hides its type
        """Put the first command before words that name none."""
        first = next(iter(self.commands))
        word = args[0] if args else ""
        if word not in self.commands and word not in HELP:
            args = [first, *args]
        return super().parse_args(ctx, args)
