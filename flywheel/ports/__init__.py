"""What the phases need from outside, as protocols."""

from flywheel.ports.calls import AnswerStore, CallStore
from flywheel.ports.counts import WindowCounts, WriteCounts
from flywheel.ports.keeping import (
    AlertStore,
    CaseStore,
    CycleStore,
    ExecutionStore,
    LineageStore,
    PromptStore,
    RecommendationStore,
    ReleaseTarget,
    Store,
    StrategyOutcomes,
)
from flywheel.ports.outside import (
    AlertChannel,
    AsyncChatModel,
    CappedModel,
    CaseRunner,
    ChatModel,
    Clock,
    CycleObserver,
    ObservedCall,
    RunPage,
    RunPlan,
    RunSource,
)

__all__ = [
    "AlertChannel",
    "AlertStore",
    "AnswerStore",
    "AsyncChatModel",
    "CallStore",
    "CappedModel",
    "CaseRunner",
    "CaseStore",
    "ChatModel",
    "Clock",
    "CycleObserver",
    "CycleStore",
    "ExecutionStore",
    "LineageStore",
    "ObservedCall",
    "PromptStore",
    "RecommendationStore",
    "ReleaseTarget",
    "RunPage",
    "RunPlan",
    "RunSource",
    "Store",
    "StrategyOutcomes",
    "WindowCounts",
    "WriteCounts",
]
