"""What a benchmark compares with, in one line: names with versions, and who is missing."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def beside(*packages: str, always: str = "") -> str:
    """The line a benchmark prints first.

    Args:
        packages: distributions that are compared with where they are installed.
        always: what is compared with on every machine, such as a part of the standard library.

    Examples:
        >>> beside(always="sqlite3 of the standard library")
        'Beside: sqlite3 of the standard library.'
        >>> beside("no-such-peer")
        'Beside: nothing. Left out, because it is not installed: no-such-peer (pip install no-such-peer).'
    """
    there, missing = [always] if always else [], []
    for name in packages:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    said = f"Beside: {', '.join(there) or 'nothing'}."
    if missing:
        one = "it is" if len(missing) == 1 else "they are"
        said += f" Left out, because {one} not installed: {', '.join(missing)}"
        said += f" (pip install {' '.join(missing)})."
    return said
