"""What was learned, beside the evidence it is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flywheel.records.judged import JudgedColumns
from flywheel.records.learned import LearnedPattern
from flywheel.records.model_belief import ModelBelief
from flywheel.store.judged_columns import judged_columns_of
from flywheel.store.learned_patterns import keep_patterns, patterns_of
from flywheel.store.model_beliefs import beliefs_of, keep_beliefs
from flywheel.store.session import Database, lock_writers


class SqlLearned:
    """Beliefs in models, patterns of recommendations.

    Args:
        db: where they are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> learned = open_store("sqlite://").learned
        >>> learned.beliefs("default", "triage"), len(learned.judged("default"))
        ([], 0)
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def beliefs(self, workspace: str, prompt: str | None = None) -> list[ModelBelief]:
        """What is believed of the models of a prompt; of all prompts together when it is None."""
        with self._db.read() as connection:
            return beliefs_of(connection, workspace, prompt)

    def keep_beliefs(self, beliefs: Sequence[ModelBelief], at: datetime) -> int:
        """Keep beliefs in place of those of the same models with slices; the others stay.

        Returns:
            How many were kept.
        """
        with self._db.write() as connection:
            return keep_beliefs(self._db, connection, beliefs, at)

    def patterns(
        self, workspace: str, kind: str | None = None, *, retired: bool = False
    ) -> list[LearnedPattern]:
        """Patterns of one kind or of all, those found last unless the retired ones are asked for."""
        with self._db.read() as connection:
            return patterns_of(connection, workspace, kind, retired=retired)

    def keep_patterns(self, workspace: str, found: Sequence[LearnedPattern], at: datetime) -> int:
        """Keep what is found now; what is found no more is retired, and how often that was is given back."""
        with self._db.write() as connection:
            # Of two refreshes at once the later one says what is found.
            lock_writers(connection, "flywheel learned")
            return keep_patterns(self._db, connection, workspace, found, at)

    def judged(self, workspace: str) -> JudgedColumns:
        """Every recommendation that somebody judged, in the order of the judgements."""
        with self._db.read() as connection:
            return judged_columns_of(connection, workspace)
