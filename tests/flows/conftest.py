"""One Prefect server for the session, plus stores with recorded executions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    # flows, tasks and blocks are project code, not installed; tests/flows must not hide them.
    sys.path.insert(0, str(ROOT))

from prefect.client.orchestration import SyncPrefectClient, get_client  # noqa: E402
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings  # noqa: E402
from prefect.testing.utilities import prefect_test_harness  # noqa: E402
from recorded_prompts import add_recorded  # noqa: E402

from blocks.alert_channel import AlertChannelBlock  # noqa: E402
from blocks.langsmith import LangSmithBlock  # noqa: E402
from blocks.model import ChatModelBlock  # noqa: E402
from blocks.store import FlywheelStore  # noqa: E402
from flywheel.store.open import SqlStore, open_store  # noqa: E402


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """An embedded server with a database of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("PREFECT_LOGGING_TO_API_ENABLED", "false")
        with prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.fixture
def prefect(prefect_server: None) -> Iterator[None]:
    """The server, without the second that a synchronous flow waits for its heartbeat thread."""
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@pytest.fixture
def client(prefect: None) -> Iterator[SyncPrefectClient]:
    """A client; the default blocks are gone from the shared server afterwards."""
    with get_client(sync_client=True) as client:
        yield client
    for kind in (FlywheelStore, ChatModelBlock, LangSmithBlock, AlertChannelBlock):
        with suppress(ValueError):
            kind.delete("default")


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[tuple[str, SqlStore]]:
    """Address of a store where prompt `triage` has a better recorded rival, with the store."""
    address = str(tmp_path / "recorded.db")
    store = open_store(address)
    add_recorded(store, "triage")
    yield address, store
    store.close()
