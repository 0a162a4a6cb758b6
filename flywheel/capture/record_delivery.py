"""Rows brought to the store, or to the spool while the store is away."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from flywheel.capture.lines import Row
from flywheel.capture.record_spool import RecordSpool
from flywheel.capture.redacting import Redaction
from flywheel.errors import FlywheelError, InputError
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.store.open import SqlStore

POLICY_SECONDS: Final = 60.0
"""After how long a policy is read again."""

LOOK_SECONDS: Final = 5.0
"""How often the spool is looked at for files that other processes left behind."""

FIRST_WAIT_S: Final = 1.0
"""How long an unreachable store is left alone; doubles with every failure."""

LONGEST_WAIT_S: Final = 30.0

_STORE_FAILURES: Final = (FlywheelError, SQLAlchemyError, OSError)
_LOG: Final = logging.getLogger("flywheel.recorder")


class Delivery:
    """One worker's way to the store; everything is redacted before it leaves memory.

    Args:
        open_store: opens the store, again after each failure until it works.
        spool: where rows go meanwhile.

    Attributes:
        counts: stored, unchanged, spooled, brought_home, rejected, lost.
        problem: what went wrong last, None while all is well.
        is_away: whether the store is left alone for now.
    """

    def __init__(self, open_store: Callable[[], SqlStore], spool: RecordSpool) -> None:
        self._open_store = open_store
        self._store: SqlStore | None = None
        self.spool = spool
        self.counts: Counter[str] = Counter()
        self.problem: str | None = None
        self.is_away = False
        self._away_until = 0.0
        self._wait_s = FIRST_WAIT_S
        self._turn = threading.Lock()
        self._policies: dict[str, RedactionPolicy] = {}
        self._redacted: Counter[str] = Counter()
        self._renew()
        self._homecoming: Iterator[list[Row]] | None = None
        self._next_look = 0.0

    @property
    def redacted(self) -> Counter[str]:
        """How often each kind was taken out."""
        return self._redacted + self._redaction.counts + self._hasty.counts

    def deliver(self, rows: Sequence[Row]) -> None:
        """Store rows, or spool them; never raises for what the store or the disk does."""
        with self._turn:
            self._deliver(rows)

    def _deliver(self, rows: Sequence[Row]) -> None:
        if time.monotonic() - self._policies_at > POLICY_SECONDS:
            self._redacted = self.redacted
            self._renew()
        clean = self._redaction.rows(rows)
        if not self._may_try():
            self._to_spool(clean)
            return
        try:
            self._write(clean)
        except InputError:
            self._one_by_one(clean)
        except _STORE_FAILURES as error:
            self._went_away(error)
            self._to_spool(clean)
        else:
            self._came_back()

    def to_spool(self, rows: Sequence[Row]) -> None:
        """Spool rows without a look at the store, by the policies known so far."""
        self._to_spool(self._hasty.rows(rows))

    def bring_home(self) -> bool:
        """Store one chunk of the spool when the store is there; whether more is waiting."""
        with self._turn:
            return self._bring_home()

    def _bring_home(self) -> bool:
        if self._homecoming is None:
            if not self._may_try() or time.monotonic() < self._next_look:
                return False
            self._next_look = time.monotonic() + LOOK_SECONDS
            if not self.spool.files():
                return False
            self._homecoming = self.spool.bring_home()
        chunk = next(self._homecoming, None)
        if chunk is None:
            self._homecoming = None
            return False
        try:
            self._write(chunk)
        except InputError:
            self._one_by_one(chunk)
        except _STORE_FAILURES as error:
            self._went_away(error)
            self._homecoming = None
            return False
        self._came_back()
        self.counts["brought_home"] += len(chunk)
        return True

    def pause(self, within_s: float) -> bool:
        """Wait for the end of what is under way and begin nothing more; whether that came in time."""
        came = self._turn.acquire(timeout=within_s)
        if came and self._store is not None:
            self._store.database.rest()
        return came

    def resume(self) -> None:
        """Go on after a pause."""
        self._turn.release()

    def forget(self) -> None:
        """Leave what belongs to the parent process alone, in a forked child."""
        self._turn = threading.Lock()
        self._homecoming = None
        self.spool.forget()
        self.counts = Counter()
        self._redacted = Counter()
        self._renew()

    def _may_try(self) -> bool:
        return not self.is_away or time.monotonic() >= self._away_until

    def _opened(self) -> SqlStore:
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _write(self, rows: Sequence[Row]) -> None:
        done = self._opened().executions.write_rows(rows)
        self.counts["stored"] += done.stored + done.replaced
        self.counts["unchanged"] += done.unchanged

    def _one_by_one(self, rows: Sequence[Row]) -> None:
        """Store what can be stored of a batch with a value that no database keeps."""
        for position, row in enumerate(rows):
            try:
                self._write([row])
            except InputError as error:
                self.counts["rejected"] += 1
                self.problem = str(error)
            except _STORE_FAILURES as error:
                self._went_away(error)
                self._to_spool(rows[position:])
                return

    def _to_spool(self, rows: Sequence[Row]) -> None:
        try:
            self.spool.append(rows)
        except OSError as error:
            self.counts["lost"] += len(rows)
            self.problem = f"The spool cannot be written: {error.strerror or error}"
            _LOG.error("%d executions are lost: %s", len(rows), self.problem)
        else:
            self.counts["spooled"] += len(rows)
            self._next_look = 0.0

    def _went_away(self, error: Exception) -> None:
        self.problem = str(error)
        if not self.is_away:
            _LOG.warning("The store is away, executions go to %s: %s", self.spool.folder, error)
        self.is_away = True
        self._away_until = time.monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _came_back(self) -> None:
        if self.is_away:
            _LOG.warning("The store is back; %d files wait in %s", len(self.spool.files()), self.spool.folder)
            self.problem = None
            self._policies_at = self._next_look = 0.0
        self.is_away = False
        self._wait_s = FIRST_WAIT_S

    def _policy(self, workspace: str) -> RedactionPolicy:
        """The policy of a workspace; the last one known, or the default, while the store is away."""
        if self._may_try():
            try:
                self._policies[workspace] = self._opened().workspaces.policy(workspace)
            except _STORE_FAILURES as error:
                self._went_away(error)
        return self._policies.get(workspace) or _default(workspace)

    def _renew(self) -> None:
        self._redaction = Redaction(self._policy)
        # For callers in a hurry, who must not wait for the store.
        self._hasty = Redaction(lambda workspace: self._policies.get(workspace) or _default(workspace))
        self._policies_at = time.monotonic()


def _default(workspace: str) -> RedactionPolicy:
    return RedactionPolicy(workspace=workspace)
