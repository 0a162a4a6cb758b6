"""Trust of agents as it was computed, one row per agent each time."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field

from flywheel.store.base import StoreTable
from flywheel.store.session import table_of


class TrustRow(StoreTable, table=True):
    """The scores of one agent at one time, as JSON."""

    __tablename__ = "trust_score"

    workspace: str = Field(primary_key=True)
    agent: str = Field(primary_key=True)
    updated_us: int = Field(sa_column=sa.Column(sa.BigInteger, primary_key=True, autoincrement=False))
    payload: str = Field(sa_type=sa.Text)


TRUST = table_of(TrustRow)
