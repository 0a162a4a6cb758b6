"""Options of `flywheel watch` turned into settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flywheel.cli.names import nearest
from flywheel.errors import InputError

if TYPE_CHECKING:
    from flywheel.records.quality import QualitySettings

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DAY_S = 86_400


def seconds_of(text: str, option: str) -> int:
    """The seconds that `90s`, `30m`, `12h`, `7d` or `2w` means.

    Raises:
        InputError: it is none of these.

    Examples:
        >>> seconds_of("30m", "--every"), seconds_of("7d", "--window")
        (1800, 604800)
    """
    found = re.fullmatch(r"([1-9]\d{0,4})([smhdw])", text.strip())
    if found is None:
        raise InputError(f"{option} is {text!r}, need 90s, 30m, 12h, 7d or 2w. Nothing was read.")
    return int(found[1]) * _SECONDS[found[2]]


def settings_of(
    settings: QualitySettings,
    window: str | None,
    levels: Sequence[str],
    *,
    score: bool = False,
    response_ms: float | None = None,
) -> QualitySettings:
    """Settings of the file, with what the command line says over them.

    Args:
        settings: of the file.
        window: `7d` and the like, whole days; None leaves it.
        levels: `critical=0.8` or `critical=80%`, each.
        score: watch the mean score in place of the pass rate.
        response_ms: response time that 95 % should keep to; None leaves it.

    Raises:
        InputError: a level or a window is none; nothing was read.

    Examples:
        >>> from flywheel.records.quality import QualitySettings
        >>> settings_of(QualitySettings(), "2w", ["critical=80%"]).levels.critical
        0.8
    """
    from pydantic import ValidationError

    from flywheel.records.quality import QualitySettings

    changed = settings.model_dump()
    changed["levels"] |= dict(_level(one, list(changed["levels"])) for one in levels)
    if score:
        changed["measure"] = "score"
    if response_ms is not None:
        changed["response_ms"] = response_ms
    if window is not None:
        seconds = seconds_of(window, "--window")
        if seconds % _DAY_S:
            raise InputError(f"--window is {window!r}, need whole days, as 7d. Nothing was read.")
        changed["window_days"] = seconds // _DAY_S
        changed["history_days"] = max(changed["history_days"], changed["window_days"])
    try:
        return QualitySettings.model_validate(changed)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]
        where = ".".join(map(str, said["loc"]))
        message = said["msg"].removeprefix("Value error, ")
        raise InputError(f"These settings cannot be used: {where}: {message}. Nothing was read.") from error


def moment_at(text: str | None) -> datetime | None:
    """A moment as a person writes it; without an offset it is UTC.

    Raises:
        InputError: it is none.

    Examples:
        >>> moment_at("2026-11-20").isoformat()
        '2026-11-20T00:00:00+00:00'
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        msg = f"--at is {text!r}, need a time as 2026-11-20 or 2026-11-20T08:00:00Z. Nothing was read."
        raise InputError(msg) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _level(text: str, names: list[str]) -> tuple[str, float]:
    name, _, value = text.partition("=")
    if name not in names:
        msg = f"--level is {text!r}; no level {name!r}. {nearest(name, names)} Nothing was read."
        raise InputError(msg)
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError as error:
        msg = f"--level is {text!r}, need {name}=0.9 or {name}=90%. Nothing was read."
        raise InputError(msg) from error
    return name, share
