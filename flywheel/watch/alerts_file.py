"""Settings of alerts with their channels, from one file of the user's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flywheel.errors import InputError
from flywheel.records.alerting import AlertsConfig

FILE_VARIABLE = "FLYWHEEL_ALERTS_FILE"
DEFAULT_FILE = "alerts.toml"
"""Inside of FLYWHEEL_HOME, when the variable names no other."""

_SECRETS = {
    "password": "password_env",
    "token": "token_env",
    "url": "url_env",
    "urls": "urls_env",
    "key": "token_env",
    "api_key": "token_env",
    "secret": "token_env",
}
_KINDS = ("console", "file", "email", "webhook", "apprise")


def read_alerts(environ: Mapping[str, str]) -> AlertsConfig:
    """What the user's file says, else one console.

    Args:
        environ: FLYWHEEL_ALERTS_FILE and FLYWHEEL_HOME; secrets are not read here.

    Raises:
        InputError: the file is not there, cannot be read, or has a table or a field that is not known.

    Examples:
        >>> config = read_alerts({"FLYWHEEL_HOME": "/nowhere"})
        >>> list(config.channels), config.alerts.cooldown_minutes
        (['console'], 15.0)
    """
    named = environ.get(FILE_VARIABLE)
    path = Path(named) if named else Path(environ.get("FLYWHEEL_HOME") or ".flywheel") / DEFAULT_FILE
    if not named and not path.is_file():
        return AlertsConfig()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = (
            f"Alerts file {str(path)!r} cannot be read: {error}. Nothing was started. Correct the file, "
            f"or unset {FILE_VARIABLE}."
        )
        raise InputError(msg) from error
    return config_of(tables, str(path))


def config_of(tables: dict[str, Any], source: str) -> AlertsConfig:
    """A configuration of tables as TOML gives them.

    Args:
        tables: `alerts` and `channels`.
        source: of the tables, for messages.

    Raises:
        InputError: a table or a field is not known, or a secret itself is in the file.

    Examples:
        >>> tables = {"channels": {"log": {"kind": "file", "path": "alerts.jsonl"}}}
        >>> config_of(tables, "here").channels["log"].keep
        5
    """
    channels = tables.get("channels", {})
    _refuse_secrets(channels, source)
    if isinstance(channels, dict):
        named = {
            name: {"name": name, **row} if isinstance(row, dict) else row for name, row in channels.items()
        }
        tables = {**tables, **({"channels": named} if "channels" in tables else {})}
    try:
        return AlertsConfig.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # Pydantic names the kind behind the channel; in the file it is no table.
        where = ".".join(str(p) for n, p in enumerate(first["loc"]) if n != 2 or p not in _KINDS)
        msg = (
            f"{source}: {where}: {first['msg']}. Nothing was started. "
            "docs/alerts.md lists the tables with their fields."
        )
        raise InputError(msg) from error


def _refuse_secrets(channels: object, source: str) -> None:
    for name, row in channels.items() if isinstance(channels, dict) else ():
        found = [field for field in row if field in _SECRETS] if isinstance(row, dict) else []
        if found:
            msg = (
                f"{source}: channels.{name} holds {found[0]!r}; secrets never stand in this file. Nothing "
                f"was started. Put it into an environment variable, and its name into {_SECRETS[found[0]]}."
            )
            raise InputError(msg)
