"""The door to what is learned of recommendations, known by its old name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flywheel.learn.agent_profiles import profile_of
from flywheel.learn.judged import prepared
from flywheel.learn.learned_patterns import MiningRules, mine
from flywheel.learn.learned_rules import rules_from
from flywheel.learn.outcome_prediction import Targets, predict
from flywheel.records.judged import JudgedColumns
from flywheel.records.learned import AgentProfile, DecisionRule, LearnedPattern, PredictionReport


@dataclass(frozen=True, slots=True)
class MetaLearner:
    """What is learned of the recommendations of a workspace.

    Attributes:
        workspace: named in what is found.
        rules_of_mining: what counts as a pattern.
        targets: what a prediction should reach.
        learned_share: part of the recommendations, the earlier one, that is learned from.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> MetaLearner().predict(open_store("sqlite://").learned.judged("default")).because
        '0 recommendations are judged; 40 to learn from with 20 later ones are needed.'
    """

    workspace: str = "default"
    rules_of_mining: MiningRules = field(default_factory=MiningRules)
    targets: Targets = field(default_factory=Targets)
    learned_share: float = 0.7

    def patterns(self, judged: JudgedColumns) -> tuple[LearnedPattern, ...]:
        """Patterns of the earlier part, held against the later one."""
        return mine(prepared(judged, self.learned_share), self.workspace, self.rules_of_mining)

    def rules(self, patterns: Sequence[LearnedPattern]) -> tuple[DecisionRule, ...]:
        """What the proven ones advise."""
        return rules_from(patterns, self.rules_of_mining.bar)

    def profile(self, judged: JudgedColumns, agent: str) -> AgentProfile:
        """Strengths and weaknesses of an agent, from all its judged recommendations."""
        return profile_of(prepared(judged, 1.0), agent, self.workspace)

    def predict(self, judged: JudgedColumns) -> PredictionReport:
        """How well the later outcomes are foretold from the earlier ones."""
        return predict(prepared(judged, self.learned_share), self.targets)
