"""Cycles started by a request, each as `flywheel cycle` in a process of its own.

The process outlives the request, and the server too. It holds a lock on a file
of its prompt for as long as it lives, so that whoever looks, also a server
started later, knows whether it still works; the kernel ends the lock with it.
What it printed is its answer.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from flywheel.errors import FlywheelError, InputError, StoreUnreachable
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.cycle_run import CycleAsked, CycleRun, RunState, command_of

FOLDER: Final = "cycle-runs"
KEPT_RUNS: Final = 200
"""Runs whose files stay; of more the oldest go."""

LOG_SHOWN: Final = 600
"""Characters of the end of its log that a run without an answer shows."""

_TRIES, _PAUSE_S = 50, 0.01
"""Somebody who only looks holds a lock for some microseconds."""


class PromptBusy(FlywheelError):
    """A cycle of the prompt runs already; nothing was started.

    Args:
        prompt: its name.
        run_id: of the cycle that runs; empty where it is just starting.
    """

    def __init__(self, prompt: str, run_id: str) -> None:
        super().__init__(
            f"A cycle of prompt {prompt!r} runs already (run {run_id or 'that is starting'}). Nothing was "
            "started. Wait for its end, or ask for another prompt."
        )
        self.prompt = prompt
        self.run_id = run_id


@dataclass(frozen=True, slots=True)
class _Start:
    """What is written down of a run before its process starts."""

    run_id: str
    workspace: str
    asked: CycleAsked
    started_at: datetime


class CycleRuns:
    """Starts cycles, and tells what became of them.

    Args:
        home: the flywheel folder; files of the runs lie in a folder in it.
        environ: of the processes; names the store.
        interpreter: what runs `-m flywheel`.
    """

    def __init__(self, home: Path, environ: Mapping[str, str], interpreter: str = sys.executable) -> None:
        self.folder = home / FOLDER
        self._environ = {**environ, "FLYWHEEL_HOME": str(home.absolute())}
        self._interpreter = interpreter
        self._waiting: dict[str, threading.Thread] = {}

    def start(self, workspace: str, asked: CycleAsked, now: datetime) -> CycleRun:
        """Start a cycle.

        Raises:
            PromptBusy: one of the same prompt runs.
            StoreUnreachable: the folder cannot be written.
        """
        run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"
        start = _Start(run_id, workspace, asked, now)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = self._taken(workspace, asked.prompt)
            try:
                self._launch(start, lock)
            finally:
                os.close(lock)
            self._drop_oldest()
        except OSError as error:
            msg = (
                f"Folder {str(self.folder)!r} cannot be used: {error.strerror}. No cycle was started. "
                "Free some space, or give another folder with FLYWHEEL_HOME."
            )
            raise StoreUnreachable(msg) from error
        return _run(start, RunState.RUNNING)

    def get(self, workspace: str, run_id: str) -> CycleRun | None:
        """One run of a workspace, None where there is none of that id."""
        if not run_id.replace("-", "").isalnum():
            return None
        start = self._started(self.folder / f"{run_id}.json")
        return None if start is None or start.workspace != workspace else self._state(start)

    def recent(self, workspace: str, limit: int = 20) -> list[CycleRun]:
        """The last runs of a workspace, newest first."""
        found = []
        for path in sorted(self.folder.glob("*.json"), reverse=True):
            start = self._started(path)
            if start is not None and start.workspace == workspace:
                found.append(self._state(start))
            if len(found) == limit:
                break
        return found

    def wait(self, run_id: str, timeout_s: float) -> bool:
        """Wait for the end of a run that this object started; False when it takes longer."""
        thread = self._waiting.get(run_id)
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _launch(self, start: _Start, lock: int) -> None:
        document = {
            "run_id": start.run_id,
            "workspace": start.workspace,
            "started_at": start.started_at.isoformat(),
            "asked": start.asked.model_dump(mode="json"),
        }
        self._path(start.run_id, "json").write_text(json.dumps(document), encoding="utf-8")
        os.ftruncate(lock, 0)
        os.pwrite(lock, start.run_id.encode(), 0)
        words = [*command_of(start.asked, start.workspace), "--json"]
        with (
            self._path(start.run_id, "out").open("wb") as out,
            self._path(start.run_id, "log").open("wb") as log,
        ):
            child = subprocess.Popen(  # noqa: S603 - our own program
                [self._interpreter, "-m", "flywheel", *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=self._environ,
                pass_fds=(lock,),
                # Ctrl-C at the server is not meant for a cycle under way.
                start_new_session=True,
            )
        waiting = threading.Thread(target=child.wait, name=f"cycle {start.run_id}", daemon=True)
        self._waiting = {r: t for r, t in self._waiting.items() if t.is_alive()} | {start.run_id: waiting}
        waiting.start()

    def _taken(self, workspace: str, prompt: str) -> int:
        descriptor = os.open(self._lock_path(workspace, prompt), os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(_TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            time.sleep(_PAUSE_S)
        holder = os.pread(descriptor, 100, 0).decode("ascii", "replace")
        os.close(descriptor)
        raise PromptBusy(prompt, holder)

    def _is_working(self, start: _Start) -> bool:
        try:
            descriptor = os.open(self._lock_path(start.workspace, start.asked.prompt), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(descriptor, 100, 0).decode("ascii", "replace") == start.run_id
        finally:
            os.close(descriptor)
        return False

    def _state(self, start: _Start) -> CycleRun:
        # The lock first: what a process has printed is whole once it is gone.
        if self._is_working(start):
            return _run(start, RunState.RUNNING)
        try:
            document = json.loads(self._path(start.run_id, "out").read_bytes())
        except (FileNotFoundError, ValueError):
            return _run(start, RunState.STOPPED, because=self._last_words(start.run_id))
        return _ended(start, document)

    def _last_words(self, run_id: str) -> str:
        with suppress(FileNotFoundError):
            said = self._path(run_id, "log").read_text("utf-8", "replace").strip()[-LOG_SHOWN:]
            if said:
                return f"The process ended without an answer. It said last: {said}"
        return "The process ended without an answer. Finished phases are kept; ask again to go on after them."

    def _started(self, path: Path) -> _Start | None:
        try:
            document = json.loads(path.read_bytes())
            return _Start(
                document["run_id"],
                document["workspace"],
                CycleAsked.model_validate(document["asked"]),
                datetime.fromisoformat(document["started_at"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            # Half written by a server that was killed, or gone meanwhile.
            return None

    def _drop_oldest(self) -> None:
        for path in sorted(self.folder.glob("*.json"), reverse=True)[KEPT_RUNS:]:
            start = self._started(path)
            if start is None or not self._is_working(start):
                for suffix in ("json", "out", "log"):
                    path.with_suffix(f".{suffix}").unlink(missing_ok=True)

    def _path(self, run_id: str, suffix: str) -> Path:
        return self.folder / f"{run_id}.{suffix}"

    def _lock_path(self, workspace: str, prompt: str) -> Path:
        name = "\0".join((workspace, prompt)).encode("utf-8", "surrogatepass")
        return self.folder / f"{hashlib.blake2b(name, digest_size=12).hexdigest()}.lock"


def refuse_memory(address: str) -> None:
    """Refuse to start a process for a store that no other process can see.

    Raises:
        InputError: the store is kept in memory.
    """
    if address in {"sqlite://", "sqlite:///:memory:"}:
        msg = (
            "The store of this server is kept in its memory, where no cycle of another process can work. "
            "Nothing was started. Serve a file or PostgreSQL."
        )
        raise InputError(msg)


def _ended(start: _Start, document: dict[str, Any]) -> CycleRun:
    """What a run came to, by what its command printed."""
    if "error" in document:
        return _run(start, RunState.FAILED, because=str(document["error"]["message"]))
    rows = document.get("cycles", [])
    if not rows:
        judged = document.get("due") or [{}]
        return _run(start, RunState.FINISHED, because=f"Not due: {judged[0].get('because', '')}".strip())
    row = rows[0]
    if row["output"] is None:
        return _run(start, RunState.FAILED, because=str(row["error"]))
    try:
        output = FeedbackLoopOutput.model_validate(row["output"])
    except ValidationError:
        return _run(start, RunState.FINISHED, because="Its output is of another version of flywheel.")
    return _run(start, RunState.FINISHED, output, output.because)


def _run(
    start: _Start, state: RunState, output: FeedbackLoopOutput | None = None, because: str = ""
) -> CycleRun:
    return CycleRun(
        run_id=start.run_id,
        workspace=start.workspace,
        prompt=start.asked.prompt,
        asked=start.asked,
        started_at=start.started_at,
        state=state,
        output=output,
        because=because,
    )
