"""What the phases need from outside, as protocols."""

from flywheel.ports.calls import AnswerStore, CallStore
from flywheel.ports.keeping import (
    AlertStore,
    CaseStore,
    CycleStore,
    ExecutionStore,
    LineageStore,
    PromptStore,
    ReleaseTarget,
    Store,
    StrategyOutcomes,
    WindowCounts,
    WriteCounts,
)
from flywheel.ports.outside import (
    AlertChannel,
    CappedModel,
    CaseRunner,
    ChatModel,
    Clock,
    CycleObserver,
    RunPage,
    RunPlan,
    RunSource,
)

__all__ = [
    "AlertChannel",
    "AlertStore",
    "AnswerStore",
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
    "PromptStore",
    "ReleaseTarget",
    "RunPage",
    "RunPlan",
    "RunSource",
    "Store",
    "StrategyOutcomes",
    "WindowCounts",
    "WriteCounts",
]
