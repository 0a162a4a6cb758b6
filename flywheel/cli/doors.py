"""What a command is handed when it starts: the settings, the store, a place to answer."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import typer

from flywheel.errors import InputError
from flywheel.settings import Settings, read_settings

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.ports import CycleObserver, Store
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
        again: `--store` with `--workspace` as they were given, for commands that are advised.
    """

    settings: Settings
    workspace: str
    as_json: bool
    again: str = ""

    @cached_property
    def out(self) -> Console:
        """Where the answer is drawn."""
        from flywheel.cli.console import PlainConsole

        return PlainConsole(highlight=False, emoji=False, markup=False)

    @cached_property
    def err(self) -> Console:
        """Where progress is shown."""
        from flywheel.cli.console import PlainConsole

        return PlainConsole(stderr=True, highlight=False, emoji=False, markup=False)

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
    def telling(self) -> Iterator[CycleObserver | None]:
        """The observer that the environment asks for; what it could not tell is said on stderr."""
        from flywheel.llm.observed_runner import telling

        with telling(os.environ, partial(self.err.print, style="yellow", soft_wrap=True)) as observer:
            yield observer

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
        >>> door = open_door("runs.db", "team", True)
        >>> door.settings.database_url, door.again
        ('sqlite:///runs.db', ' --store runs.db --workspace team')
    """
    for option, value in (("--store", store), ("--workspace", workspace)):
        if value is not None and not value.strip():
            raise InputError(f"{option} is empty. Nothing was opened. Give a value, or leave the option out.")
    settings = read_settings(store)
    given = (("--store", store and shown_address(store)), ("--workspace", workspace))
    again = "".join(f" {option} {shlex.quote(value)}" for option, value in given if value)
    return Door(settings, workspace or settings.workspace, as_json, again)
