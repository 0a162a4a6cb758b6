"""Who may call: bearer tokens, each for one workspace."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from flywheel.errors import InputError
from flywheel.records.base import Name

FILE_VARIABLE: Final = "FLYWHEEL_TOKENS_FILE"
TOKENS_VARIABLE: Final = "FLYWHEEL_TOKENS"
DEFAULT_FILE: Final = "tokens.toml"
"""Inside of FLYWHEEL_HOME, when the variable names no other."""

SHORTEST: Final = 20
"""Characters of a token; shorter ones can be guessed, and only a hash without salt is kept of each."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}").fullmatch
_NAME: Final = TypeAdapter[str](Name)
_HEADING: Final = (
    "# Made by `flywheel serve --make-token`. Remove an entry, and its token is refused at once.\n"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One token.

    Attributes:
        workspace: what it opens.
        sha256: of the token, in hex; the token itself is nowhere kept.
    """

    workspace: str
    sha256: str


class TokenBook:
    """Tokens of the environment with those of a file, which is read again when it changes.

    Args:
        path: of the file; it need not be there.
        given: tokens of the environment, as entries.

    Examples:
        >>> book = TokenBook(Path("nowhere.toml"), (entry_of("team", "a-token-of-the-team-only"),))
        >>> book.workspace_of("a-token-of-the-team-only"), book.workspace_of("another")
        ('team', None)
    """

    def __init__(self, path: Path, given: tuple[Entry, ...] = ()) -> None:
        self.path = path
        self._given = given
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._read: tuple[Entry, ...] = ()

    def entries(self) -> tuple[Entry, ...]:
        """All tokens there are now.

        Raises:
            InputError: the file cannot be read.
        """
        with self._lock:
            stamp = _stamp(self.path)
            if stamp != self._stamp:
                self._read = _entries(self.path) if stamp is not None else ()
                self._stamp = stamp
            return (*self._given, *self._read)

    def workspace_of(self, token: str) -> str | None:
        """The workspace a token opens, None where it opens none; takes as long for one as for the other."""
        digest = _digest(token)
        found: str | None = None
        for entry in self.entries():
            if hmac.compare_digest(entry.sha256, digest):
                found = entry.workspace
        return found


def read_tokens(environ: Mapping[str, str]) -> TokenBook:
    """The tokens that the environment names.

    Args:
        environ: FLYWHEEL_TOKENS as `workspace=token`, several with spaces between; FLYWHEEL_TOKENS_FILE;
            FLYWHEEL_HOME.

    Raises:
        InputError: a token is too short, or stands without its workspace.

    Examples:
        >>> read_tokens({"FLYWHEEL_TOKENS": "team=a-token-of-the-team-only"}).entries()[0].workspace
        'team'
    """
    given = []
    for number, word in enumerate(environ.get(TOKENS_VARIABLE, "").split(), start=1):
        workspace, equals, token = word.partition("=")
        if not (workspace and equals and len(token) >= SHORTEST):
            msg = (
                f"{TOKENS_VARIABLE}, entry {number}: need workspace=token with a token of {SHORTEST} "
                "characters or more. Nothing was started. Make one: flywheel serve --make-token WORKSPACE"
            )
            raise InputError(msg)
        given.append(entry_of(workspace, token))
    return TokenBook(tokens_path(environ), tuple(given))


def tokens_path(environ: Mapping[str, str]) -> Path:
    """The file of tokens."""
    named = environ.get(FILE_VARIABLE)
    return Path(named) if named else Path(environ.get("FLYWHEEL_HOME") or ".flywheel") / DEFAULT_FILE


def entry_of(workspace: str, token: str) -> Entry:
    """What is kept of a token."""
    return Entry(workspace, _digest(token))


def make_token(path: Path, workspace: str) -> str:
    """A new token; its hash is added to the file, which only its owner may read.

    Args:
        path: of the file; made when it is not there.
        workspace: what the token opens.

    Returns:
        The token, which nobody can tell again.

    Raises:
        InputError: the workspace is no name, or the file cannot be written; no token was made.
    """
    try:
        _NAME.validate_python(workspace)
    except ValidationError as error:
        msg = f"The workspace is {workspace!r}, need a name of 1 to 300 characters. No token was made."
        raise InputError(msg) from error
    token = secrets.token_urlsafe(32)
    made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    entry = f'\n[[token]]\nworkspace = {_quoted(workspace)}\nsha256 = "{_digest(token)}"\nmade_at = {made}\n'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write((_HEADING if file.tell() == 0 else "") + entry)
    except OSError as error:
        msg = (
            f"Tokens file {str(path)!r} cannot be written: {error.strerror}. No token was made. "
            f"Give another file with {FILE_VARIABLE}."
        )
        raise InputError(msg) from error
    return token


def _quoted(text: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in text)
    return f'"{escaped}"'


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(_unreadable(path, str(error.strerror))) from error
    return found.st_mtime_ns, found.st_size


def _entries(path: Path) -> tuple[Entry, ...]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("token", [])
        found = tuple(Entry(str(row["workspace"]), str(row["sha256"])) for row in rows)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise InputError(_unreadable(path, repr(error))) from error
    for number, entry in enumerate(found, start=1):
        if not _DIGEST(entry.sha256):
            raise InputError(_unreadable(path, f"entry {number} has no SHA-256 in hex"))
    return found


def _unreadable(path: Path, why: str) -> str:
    return (
        f"Tokens file {str(path)!r} cannot be read: {why}. Nobody is let in before it is mended. "
        f"Each [[token]] needs workspace and sha256; make one with: flywheel serve --make-token WORKSPACE"
    )
