"""The environment, read once, at the doors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DIRECTORY = ".flywheel"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    Attributes:
        database_url: SQLAlchemy address of the store.
        home: folder for quarantine files and other side products.
        workspace: default workspace of commands.
    """

    database_url: str
    home: Path
    workspace: str = "default"


def read_settings(store: str | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Settings from an explicit store address, else FLYWHEEL_DATABASE_URL, else SQLite in ./.flywheel.

    Args:
        store: a SQLAlchemy URL or a path of a SQLite file; None reads the environment.
        environ: the environment; os.environ when None.

    Returns:
        Frozen settings; nothing is created on disk.

    Examples:
        >>> read_settings("runs.db", {}).database_url
        'sqlite:///runs.db'
        >>> read_settings(None, {"FLYWHEEL_DATABASE_URL": "postgresql://db/fw"}).database_url
        'postgresql+psycopg://db/fw'
    """
    env = dict(os.environ) if environ is None else environ
    home = Path(env.get("FLYWHEEL_HOME", DEFAULT_DIRECTORY))
    address = store or env.get("FLYWHEEL_DATABASE_URL") or f"sqlite:///{home / 'flywheel.db'}"
    return Settings(
        database_url=normalise_address(address),
        home=home,
        workspace=env.get("FLYWHEEL_WORKSPACE", "default"),
    )


def normalise_address(address: str) -> str:
    """A SQLAlchemy URL from a URL in any common spelling, or from a path of a SQLite file."""
    if "://" not in address:
        return f"sqlite:///{address}"
    for short in ("postgres://", "postgresql://"):
        if address.startswith(short):
            return "postgresql+psycopg://" + address[len(short) :]
    return address
