"""What all tables of flywheel stand on."""

from __future__ import annotations

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class StoreTable(SQLModel, registry=registry()):
    """Base of the tables: they are no part of `SQLModel.metadata`.

    An application that imports flywheel may have a table of its own with one
    of our names, and `SQLModel.metadata.create_all` makes its tables alone.

    Examples:
        >>> StoreTable.metadata is SQLModel.metadata
        False
    """
