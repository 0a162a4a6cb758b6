"""What a command is handed when it starts: the settings, the store, a place to answer."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from flywheel.errors import InputError
from flywheel.settings import Settings, read_settings

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.ports import Store
    from flywheel.store.open import SqlStore

Document = dict[str, Any]
"""What `--json` prints: one JSON object."""


@dataclass(frozen=True)
class Door:
    """One command's surroundings.

    Attributes:
        settings: store address, home folder, default workspace.
        workspace: where the command reads and writes.
        as_json: whether stdout carries one JSON document and nothing else.
    """

    settings: Settings
    workspace: str
    as_json: bool

    @cached_property
    def out(self) -> Console:
        """Where the answer is drawn."""
        from rich.console import Console

        return Console(highlight=False, emoji=False, markup=False)

    @cached_property
    def err(self) -> Console:
        """Where progress is shown."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, emoji=False, markup=False)

    @cached_property
    def store(self) -> Store:
        """The store, which must be there: for commands that only read."""
        return self._open(create=False)

    @cached_property
    def own_store(self) -> SqlStore:
        """The store, made when there is none: for commands that bring something in."""
        return self._open(create=True)

    def _open(self, *, create: bool) -> SqlStore:
        from flywheel.store.open import open_store

        return open_store(self.settings.database_url, create=create)

    def answer(self, document: Document, draw: Callable[[Console], None]) -> None:
        """Print the JSON document, or draw the same content for a person."""
        if self.as_json:
            typer.echo(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))
        else:
            draw(self.out)

    @contextlib.contextmanager
    def keeping(self, what: str) -> Iterator[None]:
        """Say what is kept when the user interrupts the block."""
        try:
            yield
        except KeyboardInterrupt:
            self.err.print(f"\n{what}", style="yellow")
            raise


def shown_address(address: str) -> str:
    """A store's address without its password.

    Examples:
        >>> shown_address("postgresql+psycopg://ann:secret@db/fw")
        'postgresql+psycopg://ann:***@db/fw'
    """
    return re.sub(r"://([^:/@]+):[^@/]+@", r"://\1:***@", address)


def open_door(store: str | None, workspace: str | None, as_json: bool) -> Door:
    """A door from the options every command shares; nothing is opened before it is used.

    Raises:
        InputError: an option is there and empty, as a variable that is not set makes it.

    Examples:
        >>> open_door("runs.db", "team", True).settings.database_url
        'sqlite:///runs.db'
    """
    for option, value in (("--store", store), ("--workspace", workspace)):
        if value is not None and not value.strip():
            raise InputError(f"{option} is empty. Nothing was opened. Give a value, or leave the option out.")
    settings = read_settings(store)
    return Door(settings, workspace or settings.workspace, as_json)
