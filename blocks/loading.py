"""How a block is found by its name, with or without a saved document."""

from __future__ import annotations

from typing import TypeVar, cast

from prefect.blocks.core import Block

from flywheel.errors import InputError

B = TypeVar("B", bound=Block)

DEFAULT = "default"
"""The one name that needs no saved block: its settings come from the environment."""


def load_block(kind: type[B], name: str) -> B:
    """The saved block of a name; `default` needs none.

    Args:
        kind: FlywheelStore or ChatModelBlock.
        name: of the saved block.

    Returns:
        The saved block, or one with its defaults for an unsaved `default`.

    Raises:
        InputError: no such block; a misspelt name never turns into another store.
    """
    try:
        return cast("B", kind.load(name))
    except ValueError as error:  # Prefect's word for a block that is not there
        if name == DEFAULT:
            return kind()
        slug = kind.get_block_type_slug()
        msg = (
            f"There is no block {slug}/{name}. Nothing was opened. "
            f"Save one in the UI under Blocks, or with: python -m deployments.bootstrap. "
            f"Only {DEFAULT!r} works without a saved block."
        )
        raise InputError(msg) from error
