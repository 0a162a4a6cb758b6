"""Stores on both databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from postgres_schemas import PostgresSchemas

from flywheel.store.open import SqlStore, open_store

# A law that is slow on a busy machine is no counterexample, so nothing here is a matter of time.
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
# The same change must get the same answer twice, wherever it is asked.
settings.register_profile("same", derandomize=True, **_UNTIMED)
# New examples with each run: pytest --hypothesis-profile=new tests/learn
settings.register_profile("new", derandomize=False, **_UNTIMED)
# A long search for counterexamples: pytest --hypothesis-profile=deep tests/learn/test_learn_redaction_laws.py
settings.register_profile("deep", derandomize=False, max_examples=2_000, **_UNTIMED)
settings.load_profile("same")


POSTGRES_URL = os.environ.get("FLYWHEEL_TEST_POSTGRES_URL")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database of its own, gone after the test; with `store`, of an empty store."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store' / 'flywheel.db'}"
        return
    if not POSTGRES_URL:
        pytest.skip("FLYWHEEL_TEST_POSTGRES_URL is not set")
    schemas: PostgresSchemas = request.getfixturevalue("postgres_schemas")
    with schemas.made() if "store" in request.fixturenames else schemas.empty() as address:
        yield address


@pytest.fixture(scope="session")
def postgres_schemas() -> Iterator[PostgresSchemas]:
    """Schemas of the tests of this process."""
    schemas = PostgresSchemas(POSTGRES_URL or "")
    yield schemas
    schemas.close()


@pytest.fixture
def store(store_address: str) -> Iterator[SqlStore]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    opened = open_store(store_address)
    yield opened
    opened.close()
