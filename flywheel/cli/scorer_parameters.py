"""Parameters of a scorer as they are typed on a command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flywheel.cli.text_files import read_utf8
from flywheel.errors import InputError

if TYPE_CHECKING:
    from flywheel.records.case import Suite


def parse_parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """`KEY=VALUE` pairs; a value is JSON where it can be, else text; `@FILE` takes what is in a file.

    Raises:
        InputError: a pair has no `=`, or a key comes twice.

    Examples:
        >>> parse_parameters(["relative=0.01", "which=first", "pattern=[A-D]"])
        {'relative': 0.01, 'which': 'first', 'pattern': '[A-D]'}
    """
    parameters: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not key or not sign or key in parameters:
            said = "comes twice" if key in parameters else "is no KEY=VALUE"
            raise InputError(f"--set {pair!r} {said}. Nothing was stored. Give each parameter once.")
        parameters[key] = _value(read_utf8(value[1:]) if value.startswith("@") else value)
    return parameters


def checked_scorer(suite: Suite) -> None:
    """Refuse a scorer that could not work: its pattern, schema or import path is made ready once.

    Raises:
        InputError: it could not.
    """
    from flywheel.learn.scorers import scoring_of
    from flywheel.records.scorer import Scorer

    if suite.scorer is not Scorer.JUDGE:
        scoring_of(suite)


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
