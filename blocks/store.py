"""The block that says where everything is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import sqlalchemy as sa
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.loading import load_block
from flywheel.errors import InputError
from flywheel.settings import normalise_address, read_settings
from flywheel.store.open import SqlStore, open_store

ENVIRONMENT = "environment"
"""A store of this name is the one FLYWHEEL_DATABASE_URL names, whatever blocks there are."""


class FlywheelStore(Block):
    """Address of the store; without one the worker's environment decides.

    Attributes:
        address: a SQLAlchemy URL, or a path of a SQLite file; None reads
            FLYWHEEL_DATABASE_URL where the flow runs, else ./.flywheel.

    Examples:
        >>> with FlywheelStore(address="sqlite://").open() as store:
        ...     store.executions.watermark("default")
        0
    """

    _block_type_name: ClassVar[str | None] = "Flywheel Store"
    _block_type_slug: ClassVar[str | None] = "flywheel-store"
    _description: ClassVar[str | None] = "Where executions, prompts, cycles and releases are kept."

    address: SecretStr | None = Field(
        default=None,
        title="Address",
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME. "
        "Empty: FLYWHEEL_DATABASE_URL of the worker.",
    )

    @contextmanager
    def open(self) -> Iterator[SqlStore]:
        """The store, its connections given back at the end.

        Raises:
            InputError: the address is neither SQLite nor PostgreSQL.
            StoreUnreachable: no connection, no permission.
            MigrationNeeded: the schema is older or newer than this program.
        """
        address = self.address.get_secret_value() if self.address else None
        store = open_store(read_settings(address).database_url)
        try:
            yield store
        finally:
            store.close()


def store_block(name: str) -> FlywheelStore:
    """The store of a block name, of an address, or of the environment.

    Args:
        name: `environment`; or an address without a password; or the name of a
            saved block. `default` falls back to the environment where no such
            block is saved, so that a run without a server needs none.

    Returns:
        A block; nothing is opened.

    Raises:
        InputError: no block of that name, or the address carries a password.

    Examples:
        >>> store_block("environment").address is None
        True
        >>> store_block("runs.db").address.get_secret_value()
        'sqlite:///runs.db'
    """
    if name == ENVIRONMENT:
        return FlywheelStore()
    if "://" in name or "/" in name or name.endswith(".db"):
        return FlywheelStore(address=SecretStr(_without_secret(name)))
    return load_block(FlywheelStore, name)


def _without_secret(address: str) -> str:
    try:
        url = sa.make_url(normalise_address(address))
    except sa.exc.ArgumentError as error:
        msg = f"Store {address!r} is neither the name of a block nor a database URL. Nothing was opened."
        raise InputError(msg) from error
    if url.password:
        msg = (
            f"Store {url.render_as_string(hide_password=True)!r} carries a password, and Prefect keeps "
            "the parameters of a run in plain text. Nothing was opened. Save the address in a Flywheel "
            "Store block, or put it into FLYWHEEL_DATABASE_URL and give the store 'environment'."
        )
        raise InputError(msg)
    return url.render_as_string(hide_password=False)
