"""What a database driver complained about, in the words of flywheel's error tree."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError

from flywheel.errors import FlywheelError, InputError, MigrationNeeded, StoreError, StoreUnreachable

_SQLITE: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check that its folder exists and that you may write there",
    ),
    sqlite3.SQLITE_PERM: ("may not be opened", "Check the permissions of the file and its folder"),
    sqlite3.SQLITE_AUTH: ("may not be opened", "Check the permissions of the file and its folder"),
    sqlite3.SQLITE_READONLY: (
        "is read-only",
        "Check the permissions of the file and its folder, or give another store with --store",
    ),
    sqlite3.SQLITE_FULL: ("has no space left on its disk", "Free some space and repeat the command"),
    sqlite3.SQLITE_NOTADB: (
        "is not a SQLite database",
        "Give the path of a store, or of a file that does not exist yet",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "Restore a backup, or rescue the rows with: sqlite3 FILE .recover",
    ),
    sqlite3.SQLITE_BUSY: (
        "is locked by another process beyond the time limit",
        "Wait for the other process to finish and repeat the command",
    ),
    sqlite3.SQLITE_LOCKED: (
        "is locked by another connection",
        "Wait for the other connection to finish and repeat the command",
    ),
    sqlite3.SQLITE_IOERR: ("gave a disk error", "Check the disk and its free space"),
}

_POSTGRES: Final[dict[str, tuple[str, str]]] = {
    "53100": ("has no space left on its disk", "Free some space on the server and repeat the command"),
    "53": ("has no resources left", "Free memory or connections on the server and repeat the command"),
    "42501": ("may not be used by this user", "Grant the user its rights, or give another address"),
    "25006": ("is read-only", "Give the address of the primary server"),
    "28": ("refused the user or the password", "Check the user and the password in the address"),
    "3D": ("does not exist", "Create the database, or give another address"),
    "08": ("cannot be reached", "Check the address, and that the server runs"),
    "57": ("was stopped by its server", "Repeat the command when the server runs again"),
    "55P03": ("is locked by another process beyond the time limit", "Repeat the command"),
    "40": ("met another writer at the same rows", "Repeat the command"),
}

_NO_TABLE = ("no such table", "no such column")


def explained(error: Exception, address: str) -> FlywheelError:
    """The error of flywheel's tree that says the same in plain words.

    Args:
        error: of SQLAlchemy or of the driver itself.
        address: of the store, without its password.

    Returns:
        StoreUnreachable where the store cannot be used, MigrationNeeded where
        a table is missing, InputError where a value cannot be stored, else
        StoreError with the driver's words.

    Examples:
        >>> print(explained(sqlite3.OperationalError("no such table: execution"), "sqlite:///x.db"))
        Store 'sqlite:///x.db' has no such table: execution. Nothing was changed. Run: flywheel upgrade
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = " ".join(str(cause).split())
    if words.startswith(_NO_TABLE) or getattr(cause, "sqlstate", None) in {"42P01", "42703"}:
        fault = words if words.startswith("no such") else f"another schema ({words})"
        return MigrationNeeded(f"Store {address!r} has {fault}. Nothing was changed. Run: flywheel upgrade")
    if "NUL (0x00)" in words or getattr(cause, "sqlstate", None) in {"22021", "22003"}:
        return InputError(
            f"Store {address!r} cannot keep a value: {words}. Nothing of this batch was stored. "
            "Take NUL characters out of texts and keep whole numbers below 2**63, then repeat."
        )
    known = _sqlite_words(cause) or _postgres_words(cause)
    if known is None:
        return StoreError(f"Store {address!r} refused: {words}. Nothing of this step was changed.")
    what, remedy = known
    return StoreUnreachable(
        f"Store {address!r} {what} ({words}). This step was not done; earlier ones are kept. {remedy}."
    )


def _sqlite_words(cause: BaseException) -> tuple[str, str] | None:
    code = getattr(cause, "sqlite_errorcode", None)
    if not isinstance(cause, sqlite3.Error) or code is None:
        return None
    return _SQLITE.get(code & 0xFF)


def _postgres_words(cause: BaseException) -> tuple[str, str] | None:
    if isinstance(cause, sqlite3.Error):
        return None
    state = getattr(cause, "sqlstate", None)
    if state is None:
        # No answer of a server at all: refused, timed out, unknown host, or closed by the pool's wait.
        is_connection = type(cause).__name__ in {"OperationalError", "ConnectionTimeout", "TimeoutError"}
        return _POSTGRES["08"] if is_connection else None
    return _POSTGRES.get(state) or _POSTGRES.get(state[:2])
