"""Finished answers of models as rows, so that an equal question need not be asked again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from flywheel.store.encoding import to_us
from flywheel.store.session import Database, table_of


class ModelResponseRow(SQLModel, table=True):
    """One answer under the hash of everything it depends on."""

    __tablename__ = "model_response"
    __table_args__ = (sa.Index("ix_model_response_created", "created_us"),)

    key: str = Field(primary_key=True)
    answer_json: str = Field(sa_type=sa.Text)
    created_us: int = Field(sa_type=sa.BigInteger)


RESPONSE = table_of(ModelResponseRow)


class SqlResponses:
    """Answers of all models in one database; an AnswerStore.

    Args:
        db: where they are kept.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from flywheel.store.open import open_store
        >>> answers, now = open_store("sqlite://").responses, datetime.now(UTC)
        >>> answers.put("k", '{"text": "hi"}', now)
        >>> answers.get("k", now)
        '{"text": "hi"}'
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: str, since: datetime) -> str | None:
        """The answer of a key, None when there is none or it is older than the moment."""
        query = sa.select(RESPONSE.c.answer_json).where(
            RESPONSE.c.key == key, RESPONSE.c.created_us >= to_us(since)
        )
        with self._db.read() as connection:
            found: str | None = connection.execute(query).scalar()
        return found

    def put(self, key: str, answer_json: str, now: datetime) -> None:
        """Keep an answer; a newer one replaces an older one."""
        row = {"key": key, "answer_json": answer_json, "created_us": to_us(now)}
        with self._db.write() as connection:
            self._db.upsert(connection, RESPONSE, [row], key=("key",), update=("answer_json", "created_us"))

    def drop_before(self, moment: datetime) -> int:
        """Forget answers that are too old to be given; says how many."""
        with self._db.write() as connection:
            done = connection.execute(sa.delete(RESPONSE).where(RESPONSE.c.created_us < to_us(moment)))
        return done.rowcount

    def count(self) -> int:
        """How many answers are kept."""
        with self._db.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(RESPONSE)).scalar_one())
