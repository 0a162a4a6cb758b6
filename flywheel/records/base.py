"""The base of all records: frozen, closed, finite, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment with an offset, kept in UTC; a naive time is refused."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A fraction in [0, 1]."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A number of things, 0 or more; what a database keeps in eight bytes."""

NonNegative = Annotated[float, Field(ge=0.0)]
"""A finite amount, 0 or more."""

Name = Annotated[str, Field(min_length=1, max_length=300)]
"""A name a user gave: 1 to 300 characters."""


class Record(BaseModel):
    """A fact: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="null")
