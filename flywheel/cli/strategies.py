"""The `--strategy` option with the presets it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flywheel.records.strategy import LearningStrategy

StrategyOption = Annotated[
    str,
    typer.Option(
        "--strategy",
        metavar="S",
        help="balanced, conservative, aggressive, production, development, quality-focused, monitoring.",
    ),
]


def known_strategy(name: str) -> LearningStrategy:
    """A preset by name.

    Raises:
        UnknownName: there is none.

    Examples:
        >>> known_strategy("conservative").significance_level
        0.01
    """
    from flywheel.cli.names import nearest
    from flywheel.errors import UnknownName
    from flywheel.records.strategy import PRESETS

    if name not in PRESETS:
        raise UnknownName(f"No strategy {name!r}. {nearest(name, list(PRESETS))} Nothing was started.")
    return PRESETS[name]
