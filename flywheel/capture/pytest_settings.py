"""What a captured pytest session was asked to do."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from flywheel.capture.plain import name
from flywheel.capture.spool import SUFFIX, part_path
from flywheel.settings import DEFAULT_DIRECTORY

REDACTIONS: Final = ("mask", "hash", "off")
SALT: Final = "FLYWHEEL_REDACTION_SALT"
WORKER_KEY: Final = "flywheel"
"""Where a controller of pytest-xdist leaves settings for a worker, and a worker its counts."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """Settings of one process of a session.

    Attributes:
        path: where this process writes.
        whole: where the session's executions end up; the same unless this is a worker.
        session_id: of all executions.
        worker: name of the worker, None in the controller or without pytest-xdist.
        root: folder that node ids relate to.
        constant: fields that every execution has.
        groups: node ids end in `@group`, which is no part of the test's name.
        redaction: `mask`, `hash` or `off`.
        salt: of the hashes.
        imports: the executions go into the store when the session ends.
        strategy: of the cycles that follow the import where they are due; empty for none.
    """

    path: Path
    whole: Path
    session_id: str
    worker: str | None
    root: str
    constant: dict[str, Any]
    groups: bool = False
    redaction: str = "mask"
    salt: str = ""
    imports: bool = False
    strategy: str = ""


def capture_settings(config: pytest.Config) -> CaptureSettings:
    """Settings from the command line, the ini file and the environment, in this order.

    Raises:
        pytest.UsageError: the redaction that was asked for does not exist, or lacks its salt.
    """
    given = getattr(config, "workerinput", {})
    handed = given.get(WORKER_KEY)
    root = config.rootpath
    session_id = handed["session_id"] if handed else new_session_id()
    whole = Path(handed["path"]) if handed else whole_path(config, session_id)
    worker = str(given["workerid"]) if handed else None
    constant = {
        "session_id": session_id,
        "suite": name(asked(config, "suite") or root.name or "tests"),
        "workflow_id": name(asked(config, "workflow") or os.environ.get("FLYWHEEL_WORKFLOW") or root.name)
        or "tests",
        "prompt": name(asked(config, "prompt")),
        "version": name(asked(config, "version")),
        "workspace": name(asked(config, "workspace") or os.environ.get("FLYWHEEL_WORKSPACE")),
    }
    return CaptureSettings(
        path=part_path(whole, session_id, worker) if worker else whole,
        whole=whole,
        session_id=session_id,
        worker=worker,
        root=str(root),
        constant={key: value for key, value in constant.items() if value is not None},
        groups=handed["groups"] if handed else config.getoption("dist", "no") == "loadgroup",
        redaction=redaction_asked(config),
        salt=os.environ.get(SALT, ""),
        imports=bool(config.getoption("flywheel_import") or config.getini("flywheel_import")),
        strategy=asked(config, "cycle") or "",
    )


def redaction_asked(config: pytest.Config) -> str:
    """How private texts are written: masked, unless the ini file or the environment says otherwise."""
    value = os.environ.get("FLYWHEEL_REDACTION") or config.getini("flywheel_redaction") or "mask"
    mode = str(value).lower()
    if mode not in REDACTIONS:
        message = (
            f"flywheel_redaction is {mode!r} and must be one of {', '.join(REDACTIONS)}. Nothing was run."
        )
        raise pytest.UsageError(message)
    if mode == "hash" and not os.environ.get(SALT):
        message = f"flywheel_redaction 'hash' needs a salt. Nothing was run. Set {SALT}, or use 'mask'."
        raise pytest.UsageError(message)
    return mode


def new_session_id() -> str:
    """A name that sorts by time and that two sessions of the same second do not share."""
    return f"pytest-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"


def whole_path(config: pytest.Config, session_id: str) -> Path:
    """The file: the one that was named, else a new one in the folder that was named.

    A path that ends in `.jsonl` is a file, which grows; any other is a folder. Paths of
    the command line start where pytest was started, those of the ini file at its root.
    """
    option = config.getoption("flywheel")
    if option:
        path = config.invocation_params.dir / Path(option).expanduser()
    else:
        path = config.rootpath / (config.getini("flywheel_path") or f"{DEFAULT_DIRECTORY}/spool")
    return path if path.suffix == SUFFIX else path / f"{session_id}{SUFFIX}"


def asked(config: pytest.Config, setting: str) -> str | None:
    """A named option, else its twin of the ini file, else None."""
    value = config.getoption(f"flywheel_{setting}") or config.getini(f"flywheel_{setting}")
    return str(value) if value else None


def versions() -> dict[str, str]:
    """The interpreter and pytest, as metadata of every execution."""
    return {"python": ".".join(map(str, sys.version_info[:3])), "pytest": pytest.__version__}
