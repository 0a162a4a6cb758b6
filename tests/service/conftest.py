"""The service in this process, on both databases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from service_world import book, client_of, furnish, wiring_at

from flywheel.service.wiring import Wiring
from flywheel.store.open import SqlStore, open_store


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine."""
    for name in [name for name in os.environ if name.startswith("FLYWHEEL_") and "TEST" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLYWHEEL_HOME", str(tmp_path / "home"))


@pytest.fixture
def serving(store_address: str, store: SqlStore, tmp_path: Path) -> Iterator[Callable[..., Wiring]]:
    """What the service works with, on the store of the test."""
    made: list[Wiring] = []

    def make(workspace: str = "default", **changes: Any) -> Wiring:
        made.append(wiring_at(store_address, tmp_path / "home", workspace, **changes))
        return made[-1]

    yield make
    for wiring in made:
        wiring.store.close()


@pytest.fixture
def client(serving: Callable[..., Wiring]) -> TestClient:
    """A client of an empty workspace, where nobody needs a token."""
    return client_of(serving())


@pytest.fixture
def walls(serving: Callable[..., Wiring], store: SqlStore) -> Wiring:
    """Two furnished workspaces behind tokens."""
    for workspace in ("support", "sales"):
        furnish(store, workspace)
    return serving(tokens=book())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[TestClient]:
    """A client of one furnished workspace in a SQLite file, for what no database decides."""
    address = f"sqlite:///{tmp_path / 'small.db'}"
    store = open_store(address)
    furnish(store, "default")
    store.close()
    wiring = wiring_at(address, tmp_path / "home")
    yield client_of(wiring)
    wiring.store.close()
