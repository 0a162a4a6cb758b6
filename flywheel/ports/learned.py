"""What is kept of what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from flywheel.records.judged import JudgedColumns
from flywheel.records.learned import LearnedPattern
from flywheel.records.model_belief import ModelBelief


class LearnedStore(Protocol):
    """Beliefs in models, patterns of recommendations, with what the patterns are mined from."""

    def beliefs(self, workspace: str, prompt: str | None = None) -> list[ModelBelief]:
        """What is believed of the models of a prompt; of all prompts together when it is None."""
        ...

    def keep_beliefs(self, beliefs: Sequence[ModelBelief], at: datetime) -> int:
        """Keep beliefs in place of those of the same models with slices; the others stay."""
        ...

    def patterns(
        self, workspace: str, kind: str | None = None, *, retired: bool = False
    ) -> list[LearnedPattern]:
        """Patterns of one kind or of all, those found last unless the retired ones are asked for."""
        ...

    def keep_patterns(self, workspace: str, found: Sequence[LearnedPattern], at: datetime) -> int:
        """Keep what is found now; what is found no more is retired. Gives how many were."""
        ...

    def judged(self, workspace: str) -> JudgedColumns:
        """Every recommendation that somebody judged, in the order of the judgements."""
        ...
