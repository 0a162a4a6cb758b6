"""What keeps model calls with their answers, as protocols."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from flywheel.records.model_call import CallSummary, ModelCall, Spend


class CallStore(Protocol):
    """Keeps the ledger of attempts."""

    def write(self, calls: Sequence[ModelCall]) -> int:
        """Keep attempts; one that is kept already changes nothing."""
        ...

    def spent(self, since: datetime) -> Spend:
        """What all calls from a moment on took."""
        ...

    def summary(self, since: datetime, workspace: str | None = None) -> list[CallSummary]:
        """The ledger by model, from a moment on."""
        ...


class AnswerStore(Protocol):
    """Keeps finished answers by key, as JSON."""

    def get(self, key: str, since: datetime) -> str | None:
        """The answer of a key, None when there is none or it is older than the moment."""
        ...

    def put(self, key: str, answer_json: str, now: datetime) -> None:
        """Keep an answer; a newer one replaces an older one."""
        ...

    def drop_before(self, moment: datetime) -> int:
        """Forget answers that are too old to be given; says how many."""
        ...
