"""Finished answers of models as rows, so that an equal question need not be asked again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from flywheel.store.base import StoreTable
from flywheel.store.encoding import to_us
from flywheel.store.session import Database, table_of


class ModelResponseRow(StoreTable, table=True):
    """One answer under the hash of everything it depends on."""

    __tablename__ = "model_response"
    __table_args__ = (sa.Index("ix_model_response_created", "created_us"),)

    key: str = Field(primary_key=True)
    answer_json: str = Field(sa_type=sa.Text)
    created_us: int = Field(sa_type=sa.BigInteger)


RESPONSE = table_of(ModelResponseRow)
_KEEP = """
    INSERT INTO model_response (key, answer_json, created_us) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET answer_json = excluded.answer_json, created_us = excluded.created_us
"""
_FIND = "SELECT key, answer_json FROM model_response WHERE created_us >= %s AND "
_AMONG = {"sqlite": "key IN (SELECT value FROM json_each(%s))", "postgresql": "key = ANY(%s)"}


class SqlResponses:
    """Answers of all models in one database; an AnswerStore.

    Args:
        db: where they are kept.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from flywheel.store.open import open_store
        >>> answers, now = open_store("sqlite://").responses, datetime.now(UTC)
        >>> answers.put_many({"k": '{"text": "hi"}'}, now)
        >>> answers.get_many(["k", "other"], now)
        {'k': '{"text": "hi"}'}
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get_many(self, keys: Sequence[str], since: datetime) -> dict[str, str]:
        """The answers there are, by key; those older than the moment are left out."""
        wanted = json.dumps(keys) if self._db.dialect == "sqlite" else list(keys)
        with self._db.direct(write=False) as cursor:
            cursor.execute(self._text(_FIND + _AMONG[self._db.dialect]), (to_us(since), wanted))
            return dict(cursor.fetchall())

    def put_many(self, answers: Mapping[str, str], now: datetime) -> None:
        """Keep answers by key in one transaction; a newer one replaces an older one."""
        # In order, so that two processes with equal questions do not wait for each other's rows crosswise.
        rows = [(key, answers[key], to_us(now)) for key in sorted(answers)]
        with self._db.direct(write=True) as cursor:
            cursor.executemany(self._text(_KEEP), rows)

    def drop_before(self, moment: datetime) -> int:
        """Forget answers that are too old to be given; says how many."""
        with self._db.write() as connection:
            done = connection.execute(sa.delete(RESPONSE).where(RESPONSE.c.created_us < to_us(moment)))
        return done.rowcount

    def count(self) -> int:
        """How many answers are kept."""
        with self._db.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(RESPONSE)).scalar_one())

    def _text(self, statement: str) -> str:
        """The statement with the places of this driver."""
        return statement.replace("%s", "?") if self._db.dialect == "sqlite" else statement
