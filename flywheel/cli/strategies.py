"""The `--strategy` option with the presets, beside strategies of the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flywheel.records.strategy import LearningStrategy

StrategyOption = Annotated[
    str,
    typer.Option(
        "--strategy",
        metavar="S",
        help="balanced, conservative, aggressive, production, development, quality-focused, monitoring; "
        "or one of strategies.toml.",
    ),
]

FILE_VARIABLE = "FLYWHEEL_STRATEGIES_FILE"
DEFAULT_FILE = "strategies.toml"
"""Inside of FLYWHEEL_HOME, when the variable names no other."""


def known_strategy(name: str, environ: Mapping[str, str] | None = None) -> LearningStrategy:
    """A preset by name, else one of the user's own.

    Args:
        name: of the strategy.
        environ: FLYWHEEL_STRATEGIES_FILE and FLYWHEEL_HOME; os.environ when None.

    Raises:
        UnknownName: there is none.
        InputError: the file of strategies has a mistake.

    Examples:
        >>> known_strategy("conservative").significance_level
        0.01
    """
    from flywheel.cli.names import nearest
    from flywheel.errors import UnknownName
    from flywheel.records.strategy import PRESETS

    if name in PRESETS:
        return PRESETS[name]
    own = own_strategies(os.environ if environ is None else environ)
    if name not in own:
        raise UnknownName(f"No strategy {name!r}. {nearest(name, [*PRESETS, *own])} Nothing was started.")
    return own[name]


def asked_strategy(name: str) -> dict[str, Any]:
    """The fields of a request that say which strategy it has.

    Raises:
        UnknownName: there is none.

    Examples:
        >>> asked_strategy("balanced")
        {'strategy': 'balanced', 'own_strategy': None}
    """
    from flywheel.records.strategy import PRESETS

    found = known_strategy(name)
    return {"strategy": name, "own_strategy": None if name in PRESETS else found}


def own_strategies(environ: Mapping[str, str]) -> dict[str, LearningStrategy]:
    """Strategies by name, from the file FLYWHEEL_STRATEGIES_FILE names, else strategies.toml if it is there.

    Raises:
        InputError: the file cannot be read, or a table or a field in it is not known.

    Examples:
        >>> own_strategies({"FLYWHEEL_HOME": "/nowhere"})
        {}
    """
    import tomllib

    from flywheel.errors import InputError

    named = environ.get(FILE_VARIABLE)
    path = Path(named) if named else Path(environ.get("FLYWHEEL_HOME") or ".flywheel") / DEFAULT_FILE
    if not named and not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"Strategies file {str(path)!r} cannot be read: {error}. Nothing was started. Correct the file."
        raise InputError(msg) from error
    return strategies_of(tables, str(path))


def strategies_of(tables: Mapping[str, Any], source: str) -> dict[str, LearningStrategy]:
    """Strategies of tables as TOML gives them.

    Args:
        tables: `strategies`, with a table for each; `preset` says where it starts.
        source: of the tables, for messages.

    Raises:
        InputError: a table or a field is not known, or a strategy has the name of a preset.

    Examples:
        >>> tables = {"strategies": {"careful": {"preset": "production", "smallest_gain": 0.1}}}
        >>> own = strategies_of(tables, "strategies.toml")
        >>> own["careful"].smallest_gain, own["careful"].auto_apply_threshold
        (0.1, 1.0)
    """
    from flywheel.errors import InputError

    stranger = next((name for name in tables if name != "strategies"), None)
    rows = tables.get("strategies", {})
    if stranger is not None or not isinstance(rows, dict):
        msg = (
            f"{source}: {stranger or 'strategies'} is no table of strategies. Nothing was started. "
            "Write [strategies.NAME], with its fields below."
        )
        raise InputError(msg)
    return {name: _own(name, row, source) for name, row in rows.items()}


def _own(name: str, row: object, source: str) -> LearningStrategy:
    from pydantic import ValidationError

    from flywheel.errors import InputError, UnknownName
    from flywheel.records.strategy import PRESETS, strategy_from

    why = f"{name!r} is a preset; give yours another name" if name in PRESETS else "it is no table"
    if name not in PRESETS and isinstance(row, dict):
        fields = dict(row)
        try:
            return strategy_from(name, str(fields.pop("preset", "balanced")), fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except UnknownName as error:
            why = str(error)
    raise InputError(
        f"{source}: strategies.{name}: {why}. Nothing was started. "
        "docs/cli.md lists the fields under Strategies."
    )
