"""The process in which a function of the user's scores: questions in, results out, one JSON line each.

It is started as `python -m flywheel.learn.scorers_worker` by `scorers_process`. The first line names
`path`, `sys_path` and `timeout_s`; every further line holds the arguments of one call. It ends with its
input, and by a signal of its own when a call lasts far too long and nobody is there to end it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

ORPHAN_S = 2.0
"""How much longer than its limit a call may last where the process that waits for it is gone."""

LONGEST_REPR = 200


class Held:
    """Keeps what a call raised, whatever it is, so that the next call can be made."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Held:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Keep the error."""
        self.error = error
        return True


def imported(path: str) -> Callable[..., Any]:
    """The function at an import path.

    Raises:
        TypeError: what is there cannot be called.

    Examples:
        >>> imported("math:isqrt")(9)
        3
    """
    module, _, name = path.partition(":")
    found = getattr(importlib.import_module(module), name, None)
    if not callable(found):
        msg = f"it is no function: {found!r:.{LONGEST_REPR}}"
        raise TypeError(msg)
    return found  # type: ignore[no-any-return]


def result_line(result: object) -> str:
    """A result as one line of JSON; what JSON has no word for is told by its repr.

    Examples:
        >>> result_line({"score": 1.0}), result_line({1, 2})
        ('{"result": {"score": 1.0}}', '{"odd": "{1, 2}"}')
    """
    with Held() as held:
        return json.dumps({"result": result})
    with held:
        return json.dumps({"odd": f"{result!r:.{LONGEST_REPR}}"})
    return json.dumps({"odd": type(result).__name__})


def serve(questions: TextIO, answers: TextIO) -> None:
    """Import the function, then answer until there is nothing more to read."""

    def tell(line: str) -> None:
        answers.write(line + "\n")
        answers.flush()

    first = json.loads(questions.readline())
    sys.path[:] = first["sys_path"]
    with Held() as held:
        function = imported(first["path"])
    if held.error is not None:
        tell(json.dumps({"error": f"{type(held.error).__name__}: {held.error}"}))
        return
    tell(json.dumps({"ready": True}))
    for line in questions:
        arguments = json.loads(line)
        # The default action of this signal ends the process without Python's help.
        signal.setitimer(signal.ITIMER_REAL, first["timeout_s"] + ORPHAN_S)
        with Held() as held:
            said = result_line(function(**arguments))
        signal.setitimer(signal.ITIMER_REAL, 0)
        if held.error is not None:
            said = json.dumps({"error": f"{type(held.error).__name__}: {held.error}"})
        tell(said)


def main() -> None:
    """Serve on the standard streams, which the function itself does not get to see."""
    questions, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    # What the function prints goes to stderr, so that stdout stays the command's own.
    os.dup2(2, 1)
    serve(questions, answers)
    # Threads the function left behind do not keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    main()
