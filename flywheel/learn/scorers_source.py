"""Which text of a program a scorer of the user's is, so that a corrected one is another scorer."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from flywheel.records.case import Suite
from flywheel.records.scorer import CodeRules


def scorer_source(suite: Suite | None) -> str:
    """Hash of the source of a suite's own scorer; empty for every other scorer.

    Examples:
        >>> scorer_source(Suite(suite="s"))
        ''
    """
    if suite is None or not isinstance(suite.rules, CodeRules):
        return ""
    return source_digest(suite.rules.path)


def source_digest(path: str) -> str:
    """Hash of the file of the module that a function is in; nothing is imported.

    What the module imports itself is not looked at.

    Args:
        path: `package.module:function`.

    Returns:
        Empty where the module is not found, or has no source.

    Examples:
        >>> source_digest("math:isqrt"), len(source_digest("json.decoder:JSONDecoder"))
        ('', 32)
    """
    file = _file_of(path.partition(":")[0].split("."))
    return "" if file is None else hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()


def _file_of(parts: list[str]) -> Path | None:
    """Where Python would find a module; asking Python itself would import its package."""
    *package, module = parts
    for entry in sys.path:
        folder = Path(entry or ".").joinpath(*package)
        for file in (folder / module / "__init__.py", folder / f"{module}.py"):
            if file.is_file():
                return file
    return None
