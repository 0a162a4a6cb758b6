"""The recorder: executions of a running application into the store, at no risk to the application."""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import os
import sys
import threading
import time
import weakref
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, cast

from flywheel.capture.lines import LineReader, Row
from flywheel.capture.reasons import FIELDS, Refusal, need, unknown_keys
from flywheel.capture.record_buffer import RecordBuffer
from flywheel.capture.record_delivery import Delivery
from flywheel.capture.record_rows import CallReader
from flywheel.capture.record_spool import RecordSpool
from flywheel.errors import InputError, PolicyError
from flywheel.settings import normalise_address, read_settings
from flywheel.store.open import SqlStore, open_store

_LIVING: weakref.WeakSet[Recorder] = weakref.WeakSet()
_EXIT_HOOKS: set[int] = set()
_FINALIZE_PRIORITY: Final = 10
_FORK_WAIT_S: Final = 2.0
"""Longest that a fork waits for a transaction; a child forked in the middle of one has to use its spool."""

_PAUSED: dict[int, list[Delivery]] = {}
"""Deliveries that rest while a thread forks, by the thread."""


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """How a recorder behaves.

    Attributes:
        most_records: executions that are in memory only at any time; what a
            `kill -9` can cost, with `within_s`.
        within_s: seconds after which an execution is on its way to the store.
        most_bytes: memory those executions may take, about.
        wait_s: how long a caller waits for room when the store is slower than
            the application; then its execution goes to the spool. 0 never waits.
        close_s: how long closing waits for the store; then the rest goes to the spool.
        strict: wrong input raises InputError; False counts it as rejected.
        spool: folder for executions while the store is away; None is `spool` in the home folder.
        spool_bytes: of one process; what does not fit is lost, counted and logged.
    """

    most_records: int = 256
    within_s: float = 1.0
    most_bytes: int = 32 * 2**20
    wait_s: float = 0.1
    close_s: float = 5.0
    strict: bool = True
    spool: Path | None = None
    spool_bytes: int = 2**30

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if self.most_records < 2 or min(self.within_s, self.most_bytes, self.spool_bytes) <= 0:
            msg = (
                f"Recorder settings {self!r}: most_records needs 2 or more, sizes and times need more than 0."
            )
            raise PolicyError(msg)


@dataclass(frozen=True, slots=True)
class RecorderCounts:
    """What became of the executions; of this process, since the recorder was made.

    Attributes:
        recorded: accepted by `record`.
        stored: new in the store, or replaced there.
        unchanged: were in the store already.
        spooled: written to disk while the store was away.
        brought_home: read from disk into the store, also what other processes left behind.
        rejected: wrong input with strict=False, or a value that no database keeps.
        lost: neither store nor disk could take them.
        redacted: how often each kind of private text was taken out.
    """

    recorded: int
    stored: int
    unchanged: int
    spooled: int
    brought_home: int
    rejected: int
    lost: int
    redacted: dict[str, int]


class Recorder:
    """Records executions from any thread; made by `recorder`.

    `record` copies its fields, checks them, puts them in memory and returns; a
    background thread writes batches. It never touches the store itself, so a
    dead store neither stops nor slows the application.

    Args:
        store: an open store, or the address of one.
        reader: makes rows of fields.
        settings: sizes and times.
    """

    _buffer: RecordBuffer
    _thread: threading.Thread | None
    _stopping: threading.Event

    def __init__(self, store: SqlStore | str, reader: CallReader, settings: RecorderSettings) -> None:
        self.settings = settings
        self._reader = reader
        opener = partial(open_store, store) if isinstance(store, str) else lambda: store
        address = store if isinstance(store, str) else store.database.address
        folder = (settings.spool or read_settings().home / "spool").absolute()
        # A spool is brought home to the store it was meant for, never to another.
        name = hashlib.blake2b(address.encode(), digest_size=6).hexdigest()
        self._delivery = Delivery(opener, RecordSpool(folder / name, settings.spool_bytes))
        self._start_over()
        _LIVING.add(self)
        _hook_exit()

    def record(self, **fields: Any) -> str | None:  # noqa: ANN401 - any field of a line of evidence
        """Record one execution.

        Args:
            **fields: of a line of evidence (docs/evidence.md); `outcome` has to
                be there. `started_at` is now and `execution_id` is made when
                absent. Objects that are no JSON become plain JSON.

        Returns:
            The execution id; None when it was rejected and `strict` is False.

        Raises:
            InputError: a field is unknown or of the wrong type, and `strict` is True.
        """
        row = self._row(fields)
        if row is None:
            return None
        self._put(row, 0.0 if self._delivery.is_away else self.settings.wait_s)
        return cast("str", row[1])

    async def arecord(self, **fields: Any) -> str | None:  # noqa: ANN401 - any field of a line of evidence
        """Record one execution; where `record` would wait for room, other tasks run meanwhile."""
        row = self._row(fields)
        if row is None:
            return None
        self._ready()
        if not self._buffer.put(row, 0.0):
            await asyncio.to_thread(self._put, row, self.settings.wait_s)
        return cast("str", row[1])

    def flush(self, within_s: float | None = None) -> bool:
        """Wait until everything recorded so far is in the store or in the spool.

        Args:
            within_s: at most; `close_s` of the settings when None.

        Returns:
            Whether it is.
        """
        self._ready()
        return self._buffer.wait_empty(self.settings.close_s if within_s is None else within_s)

    async def aflush(self, within_s: float | None = None) -> bool:
        """`flush`, while other tasks run."""
        return await asyncio.to_thread(self.flush, within_s)

    def close(self) -> None:
        """Flush, put the rest into the spool, stop the thread. Recording again starts it anew."""
        if self._thread is not None:
            self._buffer.wait_empty(self.settings.close_s)
            self._stopping.set()
            self._buffer.hurry()
            self._thread.join(self.settings.close_s)
        rest = self._buffer.rescue()
        if rest:
            self._delivery.to_spool(rest)
        # A thread that outlives this closes what it opens after it.
        self._delivery.spool.release()
        self._thread = None
        self._stopping = threading.Event()

    async def aclose(self) -> None:
        """`close`, while other tasks run."""
        await asyncio.to_thread(self.close)

    @property
    def counts(self) -> RecorderCounts:
        """What became of the executions so far."""
        counts = self._delivery.counts
        return RecorderCounts(
            recorded=self._recorded,
            stored=counts["stored"],
            unchanged=counts["unchanged"],
            spooled=counts["spooled"],
            brought_home=counts["brought_home"],
            rejected=self._rejected + counts["rejected"],
            lost=counts["lost"],
            redacted=dict(self._delivery.redacted),
        )

    @property
    def problem(self) -> str | None:
        """What went wrong last with the store or the spool; None while all is well."""
        return self._delivery.problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    def _row(self, fields: dict[str, Any]) -> Row | None:
        row = self._reader.row(fields)
        if not isinstance(row, Refusal):
            with self._starting:
                self._recorded += 1
            return row
        if self.settings.strict:
            raise InputError(f"record: field {row.field!r} {row.reason}. Nothing was recorded.")
        self._rejected += 1
        return None

    def _put(self, row: Row, wait_s: float) -> None:
        self._ready()
        if not self._buffer.put(row, wait_s):
            self._delivery.to_spool([row])

    def _ready(self) -> None:
        """See to it that a worker runs: the first time, after a close, in a forked child."""
        thread = self._thread
        if thread is None or not thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    work = partial(_work, self._buffer, self._delivery, self._stopping, self.settings)
                    self._thread = threading.Thread(target=work, name="flywheel-recorder", daemon=True)
                    self._thread.start()
                    _hook_exit()

    def _start_over(self) -> None:
        """Nothing in memory, no thread: at the start, and in a forked child."""
        self._buffer = RecordBuffer(self.settings.most_records, self.settings.most_bytes)
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._thread = None
        self._recorded = self._rejected = 0

    def _after_fork(self) -> None:
        self._start_over()
        self._delivery.forget()


def recorder(
    prompt: str | None = None,
    *,
    store: SqlStore | str | None = None,
    workspace: str | None = None,
    settings: RecorderSettings | None = None,
    **fields: Any,  # noqa: ANN401 - any field of a line of evidence
) -> Recorder:
    """A recorder for executions of an application.

    Args:
        prompt: of executions that name none.
        store: an open store, or its address; FLYWHEEL_DATABASE_URL, else SQLite
            in the home folder, when None. Nothing is opened here.
        workspace: of executions that name none.
        settings: sizes, times, strictness.
        **fields: further fields of executions that name them not, such as version or model.

    Returns:
        A recorder; use it in a `with` or `async with` block, or as long as the
        process lives: what is recorded is flushed at exit.

    Raises:
        InputError: a field is no field of a line of evidence.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> store = open_store("sqlite://")
        >>> with recorder("triage", store=store, version="v2") as rec:
        ...     execution_id = rec.record(outcome="passed", inputs={"question": "Where?"}, latency_ms=12.5)
        >>> rec.counts.stored, store.executions.watermark("default")
        (1, 1)
    """
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        refusal = unknown_keys(unknown)
        raise InputError(f"recorder: {refusal.field!r} {refusal.reason}. Need one of {', '.join(FIELDS)}.")
    found = read_settings(store if isinstance(store, str) else None)
    for name, value in (("prompt", prompt), ("workspace", workspace)):
        if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 300):
            raise InputError(f"recorder: {name} is {value!r}, need {need(name)}. Nothing was made.")
    lines = LineReader(workspace or found.workspace, prompt, "python")
    target = store if isinstance(store, SqlStore) else _absolute(found.database_url)
    return Recorder(target, CallReader(lines, fields), settings or RecorderSettings())


def _work(
    buffer: RecordBuffer, delivery: Delivery, stopping: threading.Event, settings: RecorderSettings
) -> None:
    """Until told to stop: bring batches to the store; in between, what waits in the spool."""
    enough = settings.most_records // 2
    while not stopping.is_set():
        rows = buffer.take(enough, settings.within_s)
        if rows:
            delivery.deliver(rows)
            buffer.done()
        while not (buffer.presses or stopping.is_set()) and delivery.bring_home():
            pass
    deadline = time.monotonic() + settings.close_s
    while time.monotonic() < deadline and delivery.bring_home():
        pass
    delivery.spool.release()


def _absolute(address: str) -> str:
    """A SQLite path that means the same file when the application changes its folder."""
    url = normalise_address(address)
    start, path = url[: len("sqlite:///")], url[len("sqlite:///") :]
    if start != "sqlite:///" or not path or path.startswith(("/", ":memory:", "file:")):
        return url
    return f"{start}{Path(path).absolute()}"


def _hook_exit() -> None:
    """Flush when this process ends, once; in a child of multiprocessing, which runs no atexit, too."""
    if os.getpid() in _EXIT_HOOKS:
        return
    if not _EXIT_HOOKS:
        os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
        atexit.register(_close_all)
    _EXIT_HOOKS.add(os.getpid())
    if "multiprocessing.util" in sys.modules:
        from multiprocessing.util import Finalize

        Finalize(None, _close_all, exitpriority=_FINALIZE_PRIORITY)


def _before_fork() -> None:
    """Let no transaction be half-way: the child would inherit its locks, and nobody there would end it."""
    _PAUSED[threading.get_ident()] = [
        living._delivery  # noqa: SLF001 - of this module
        for living in list(_LIVING)
        if living._delivery.pause(_FORK_WAIT_S)  # noqa: SLF001
    ]


def _in_parent() -> None:
    for delivery in _PAUSED.pop(threading.get_ident(), []):
        delivery.resume()


def _in_child() -> None:
    _PAUSED.clear()
    for living in list(_LIVING):
        living._after_fork()  # noqa: SLF001 - of this module


def _close_all() -> None:
    for living in list(_LIVING):
        living.close()
