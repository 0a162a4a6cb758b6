"""Stores on both databases."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import settings

from flywheel.store.open import SqlStore, open_store

settings.register_profile("ci", derandomize=True)
# A long search for counterexamples: pytest --hypothesis-profile=deep tests/learn/test_learn_redaction_laws.py
settings.register_profile("deep", max_examples=2_000)
if os.environ.get("CI"):
    # The same change must get the same answer twice; new examples are for developers' machines.
    settings.load_profile("ci")


POSTGRES_URL = os.environ.get("FLYWHEEL_TEST_POSTGRES_URL")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database of its own, gone after the test."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store' / 'flywheel.db'}"
        return
    if not POSTGRES_URL:
        pytest.skip("FLYWHEEL_TEST_POSTGRES_URL is not set")
    schema = f"fw_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(POSTGRES_URL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    separator = "&" if "?" in POSTGRES_URL else "?"
    try:
        yield f"{POSTGRES_URL}{separator}options={quote(f'-csearch_path={schema}')}"
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        engine.dispose()


@pytest.fixture
def store(store_address: str) -> Iterator[SqlStore]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    opened = open_store(store_address)
    yield opened
    opened.close()
