"""What the phases need from outside, as protocols."""

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
from flywheel.ports.outside import AlertChannel, CaseRunner, ChatModel, Clock, RunPlan

__all__ = [
    "AlertChannel",
    "AlertStore",
    "CaseRunner",
    "CaseStore",
    "ChatModel",
    "Clock",
    "CycleStore",
    "ExecutionStore",
    "LineageStore",
    "PromptStore",
    "ReleaseTarget",
    "RunPlan",
    "Store",
    "StrategyOutcomes",
    "WindowCounts",
    "WriteCounts",
]
