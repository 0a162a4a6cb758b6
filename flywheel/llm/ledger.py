"""The ledger: every attempt is written down, many at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from flywheel.errors import StoreError
from flywheel.records.model_call import CACHED, ModelCall, Spend

BATCH = 200
WITHIN_S = 1.0
"""A row waits no longer than this for others to come with it."""

MOST_WAITING = 50_000
"""Rows kept in memory while the store is away; then the oldest go, counted."""

_LOG = logging.getLogger(__name__)


class Ledger:
    """Attempts on their way to the store; what they took is known at once.

    A store that is away never stops a call: rows wait, and are written when it is back.

    Args:
        keep: writes a batch of rows; None keeps the sums only.
        within_s: longest a row waits for others.

    Examples:
        >>> Ledger(None).spend.calls
        0
    """

    def __init__(
        self,
        keep: Callable[[Sequence[ModelCall]], object] | None,
        within_s: float = WITHIN_S,
    ) -> None:
        self._keep = keep
        self._within_s = within_s
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._rows: list[ModelCall] = []
        self._timer: threading.Timer | None = None
        self.spend = Spend()
        self.dropped = 0

    def add(self, call: ModelCall, *, may_write: bool = True) -> None:
        """Write an attempt down.

        Args:
            call: the attempt.
            may_write: a full batch goes to the store at once; False leaves it to the ledger's own thread.
        """
        with self._lock:
            self.spend = self.spend + spend_of(call)
            if self._keep is None:
                return
            self._rows.append(call)
            is_full = may_write and len(self._rows) >= BATCH
            if self._timer is None:
                self._timer = threading.Timer(self._within_s, self.flush)
                self._timer.daemon = True
                self._timer.start()
        if is_full and self._writing.acquire(blocking=False):
            try:
                self._write()
            finally:
                self._writing.release()

    def flush(self) -> None:
        """Bring all rows to the store; rows it does not take are kept for the next time."""
        if self._keep is None:
            return
        with self._writing:
            self._write()

    @property
    def waiting(self) -> int:
        """Rows that are not in the store yet."""
        return len(self._rows)

    def _write(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if not rows or self._keep is None:
            return
        try:
            self._keep(rows)
        except StoreError as error:
            _LOG.warning("%d rows of the ledger wait in memory: %s", len(rows), error)
            with self._lock:
                self._rows = [*rows, *self._rows]
                over = max(0, len(self._rows) - MOST_WAITING)
                self.dropped += over
                del self._rows[:over]


def spend_of(call: ModelCall) -> Spend:
    """What an attempt took; a cached answer took nothing."""
    if call.outcome == CACHED:
        return Spend()
    known = call.input_tokens is not None and call.output_tokens is not None
    return Spend(
        calls=1,
        tokens=(call.input_tokens or 0) + (call.output_tokens or 0) if known else 0,
        usd=call.cost_usd or 0.0,
        unpriced=int(call.cost_usd is None and known),
    )
