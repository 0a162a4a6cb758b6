"""A LangSmith to be told, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langsmith_stub import KEY, Stub, langsmith_stub

from flywheel.llm.langsmith_api import LangSmithAccess
from flywheel.llm.langsmith_observer import LangSmithObserver


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server."""
    with langsmith_stub() as served:
        yield served


@pytest.fixture
def observer(stub: Stub) -> LangSmithObserver:
    """What tells the server."""
    return LangSmithObserver(LangSmithAccess(KEY, stub.url))
