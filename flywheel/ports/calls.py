"""What keeps model calls with their answers, as protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from flywheel.records.model_call import CallSummary, LedgerGroup, ModelCall, Spend


class CallStore(Protocol):
    """Keeps the ledger of attempts."""

    def write(self, calls: Sequence[ModelCall]) -> int:
        """Keep attempts; one that is kept already changes nothing."""
        ...

    def spent(self, since: datetime) -> Spend:
        """What all calls from a moment on took."""
        ...

    def summary(
        self, since: datetime, workspace: str | None = None, by: LedgerGroup = LedgerGroup.MODEL
    ) -> list[CallSummary]:
        """The ledger by model, purpose or cycle, from a moment on."""
        ...


class AnswerStore(Protocol):
    """Keeps finished answers by key, as JSON."""

    def get_many(self, keys: Sequence[str], since: datetime) -> dict[str, str]:
        """The answers there are, by key; those older than the moment are left out."""
        ...

    def put_many(self, answers: Mapping[str, str], now: datetime) -> None:
        """Keep answers by key, all of them or none; a newer one replaces an older one."""
        ...

    def drop_before(self, moment: datetime) -> int:
        """Forget answers that are too old to be given; says how many."""
        ...
