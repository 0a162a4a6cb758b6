"""flywheel turns test runs, traces plus imports into prompts that are measurably better.

PYTEST_DONT_REWRITE: this package is imported before its pytest plugin is, and has no asserts to rewrite.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_DOORS = {
    "recorder": "flywheel.capture.recorder",
    "RecorderSettings": "flywheel.capture.recorder",
    "capture_test_success": "flywheel.capture.sessions",
    "capture_test_failure": "flywheel.capture.sessions",
    "start_test_session": "flywheel.capture.sessions",
    "persist_session_results": "flywheel.capture.sessions",
    "get_prompt": "flywheel.store.live_prompt",
    "best_model": "flywheel.store.live_model",
    "choose_model": "flywheel.store.live_model",
    "BestModelSettings": "flywheel.store.live_model",
}
"""What `flywheel.NAME` is, and the module that has it; none is imported before it is asked for."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - one of the doors
    """A door, imported when it is first asked for, so that `import flywheel` stays light."""
    if name not in _DOORS:
        msg = f"module 'flywheel' has no attribute {name!r}"
        raise AttributeError(msg)
    door = getattr(importlib.import_module(_DOORS[name]), name)
    globals()[name] = door
    return door


def __dir__() -> list[str]:
    return sorted([*globals(), *_DOORS])
