"""What an error message says: its type, its headline, the code it passed through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

MAX_READ = 20_000
"""Characters of a message that are looked at, half from each end; a stack overflow repeats itself."""

MAX_LINE = 500

_NATIVE = re.compile(r'^\s*File "([^"]+)", line \d+, in (.+)$')
_PYTEST = re.compile(r"^(\S+?\.pyx?):\d+: ?(?:in (\S+)|([A-Za-z_][\w.]*)?)\s*$")
_SCRIPT = re.compile(r"^\s*at (?:async )?(\S+) \(?(?:file://)?([^()\s]+?):\d+:\d+\)?$")
_JAVA = re.compile(r"^\s*at ([\w.$]+)\.([\w$<>]+)\(([\w.]+)(?::\d+)?\)$")
_DEFINES = re.compile(r"^\s*(?:async )?def (\w+)\(")
_EXCEPTION = re.compile(
    r"^((?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|Failure|Failed|Interrupt|Exit|Timeout|Iteration|Invalid\w*))"
    r"(?::|\s*$)"
)
_NOT_OURS = re.compile(
    r"(^|/)(_?pytest|pluggy|unittest|importlib|asyncio|concurrent|site-packages/(_pytest|pluggy))(/|\.py|$)"
    r"|(^|/)lib/python\d[\d.]*/(?!site-packages|dist-packages)|^<|node_modules/|^node:|^java\.|^org\.junit"
)
_TESTS = re.compile(r"(^|/)(tests?|testing|conftest\.py)(/|$)|(^|/)test_[^/]*$|_tests?\.py$|[Ss]pec\.[jt]s$")
_PACKAGE = re.compile(r"(^|/)(site|dist)-packages/")


@dataclass(frozen=True, slots=True)
class Frame:
    """One place in the code: a file with a function; line numbers move too often to name a failure."""

    path: str
    function: str

    @property
    def file(self) -> str:
        """Last two parts of the path, the same on every machine."""
        return "/".join(PurePosixPath(self.path.replace("\\", "/")).parts[-2:])

    @property
    def place(self) -> str:
        """File with function."""
        return f"{self.file}:{self.function}"


@dataclass(frozen=True, slots=True)
class FailureText:
    """A message taken apart.

    Attributes:
        error_type: last part of the exception's name, None when the message names none.
        headline: the line that says what happened.
        frames: outermost first.
    """

    error_type: str | None
    headline: str
    frames: tuple[Frame, ...] = ()

    @property
    def own_frame(self) -> Frame | None:
        """The deepest frame of the code under test: neither a test nor a library when there is a choice."""
        ours = [f for f in self.frames if not _NOT_OURS.search(f.path) and not _TESTS.search(f.path)]
        first = [f for f in ours if not _PACKAGE.search(f.path)] or ours
        return first[-1] if first else None

    @property
    def place(self) -> str:
        """The deepest own frame, else the file the failure starts in: a test; empty without a stack.

        It splits one cause into fewer groups than the message does; docs/analysis.md has the figures.
        """
        own = self.own_frame
        if own is not None:
            return own.place
        return self.frames[0].file if self.frames else ""


def read_failure(message: str) -> FailureText:
    """Take an error message or a stack trace apart.

    Args:
        message: of Python, pytest, JavaScript or Java, or one plain line.

    Returns:
        Type, headline, frames; a plain line is its own headline.

    Examples:
        >>> text = '''Traceback (most recent call last):
        ...   File "/srv/app/pay.py", line 12, in charge
        ...     gateway.send(order)
        ...   File "/usr/lib/python3.12/socket.py", line 3, in connect
        ... ConnectionError: refused by 10.0.0.1'''
        >>> found = read_failure(text)
        >>> found.error_type, found.headline, found.own_frame.place
        ('ConnectionError', 'ConnectionError: refused by 10.0.0.1', 'app/pay.py:charge')
    """
    if "\n" not in message:
        return FailureText(_type_in(message), message.strip())
    if len(message) > MAX_READ:
        message = f"{message[: MAX_READ // 2]}\n{message[-MAX_READ // 2 :]}"
    lines = [line[:MAX_LINE] for line in message.splitlines()]
    frames, closing_type = _frames(lines)
    headline = _headline(lines)
    return FailureText(_type_in(headline) or closing_type or _assertion(headline), headline, tuple(frames))


def _frames(lines: list[str]) -> tuple[list[Frame], str | None]:
    frames: list[Frame] = []
    closing: str | None = None
    defined: str | None = None
    backwards = False
    for line in lines:
        if match := _NATIVE.match(line):
            frames.append(Frame(match[1], match[2]))
        elif match := _PYTEST.match(line):
            frames.append(Frame(match[1], match[2] or defined or "?"))
            closing, defined = match[3] or closing, None
        elif match := _SCRIPT.match(line):
            backwards = True
            frames.append(Frame(match[2], match[1]))
        elif match := _JAVA.match(line):
            backwards = True
            frames.append(Frame(match[1], match[2]))
        elif defined is None and (match := _DEFINES.match(line)):
            defined = match[1]
    return (frames[::-1] if backwards else frames), closing


def _headline(lines: list[str]) -> str:
    marked = [line[1:].strip() for line in lines if line.startswith("E  ")]
    if marked:
        return next((line for line in marked if _type_in(line)), marked[0])
    if lines and lines[0].startswith("Traceback"):
        for line in reversed(lines):
            if _type_in(line):
                return line.strip()
    return next((line.strip() for line in lines if line.strip()), "")


def _type_in(line: str) -> str | None:
    match = _EXCEPTION.match(line.strip())
    return match[1].rpartition(".")[2] if match else None


def _assertion(headline: str) -> str | None:
    return "AssertionError" if headline.startswith("assert ") else None
