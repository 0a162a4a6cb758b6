"""What the phases need beyond the store: time, models, runs, channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from flywheel.records.alert import Alert
from flywheel.records.base import Record
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatAnswer, ChatRequest
from flywheel.records.cycle import CycleContext, Phase
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion
from flywheel.records.release import LiveVersion, Review
from flywheel.records.verdict import Verdicts


class Clock(Protocol):
    """The time, handed in so that judgement stays pure."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...


class ChatModel(Protocol):
    """A language model, or the embedded model standing in for one."""

    @property
    def remote(self) -> bool:
        """Whether calls wait for a network, so that several may be under way at once."""
        ...

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """One answer; raises ModelError when there is none."""
        ...


class AsyncChatModel(ChatModel, Protocol):
    """A language model that an event loop can ask as well as a thread."""

    async def acomplete(self, request: ChatRequest) -> ChatAnswer:
        """One answer, without holding the loop up; raises ModelError when there is none."""
        ...


@runtime_checkable
class CappedModel(ChatModel, Protocol):
    """A model whose spend has a ceiling."""

    def before_batch(self, requests: Iterable[ChatRequest]) -> None:
        """Refuse a batch that would cross the ceiling; raises BudgetSpent, nothing was sent."""
        ...


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One prompt version over many cases with one model.

    Attributes:
        prompt, version, text: what is run; variables of text are filled from the inputs of each case.
        session_id: marks the executions, so that repeating a plan replaces and never doubles them.
        purpose: baseline, screen, gate, report, probe.
        source: of the executions; `experiment` is never evidence for the next analysis.
        cycle_id: of the cycle that spends on it, None outside of one.
        replicate: number of the measurement; answers kept from another one are not given.
    """

    workspace: str
    prompt: str
    version: str
    text: str
    suite: Suite
    model: str
    session_id: str
    purpose: str = "gate"
    seed: int = 0
    source: str = "experiment"
    cycle_id: str | None = None
    replicate: int = 0


class CaseRunner(Protocol):
    """Runs cases through a model; one failed case stays in its place."""

    def run(
        self,
        plan: RunPlan,
        cases: Sequence[Case],
        progress: Callable[[int], None] | None = None,
    ) -> list[Execution]:
        """One execution per case, in the order of cases; a model error becomes outcome error."""
        ...


@dataclass(frozen=True, slots=True)
class ObservedCall:
    """One question to a model with what came of it.

    Attributes:
        answer: None where there was none.
        error: why there was none.
    """

    request: ChatRequest
    started_at: datetime
    ended_at: datetime
    answer: ChatAnswer | None = None
    error: str | None = None


class CycleObserver(Protocol):
    """Told what is done; never able to stop it, to delay it, or to change what is decided."""

    def began(self, context: CycleContext, phase: Phase) -> None:
        """A phase of a cycle begins; what follows belongs to it."""
        ...

    def ended(self, context: CycleContext, phase: Phase, result: Record | None, error: str | None) -> None:
        """A phase has ended with what it gives, or with an error."""
        ...

    def ran(self, plan: RunPlan, cases: Sequence[Case], executions: Sequence[Execution]) -> None:
        """Cases were put through a model; one execution for each, in their order."""
        ...

    def called(self, call: ObservedCall) -> None:
        """A model was asked for something else than the execution of a case."""
        ...

    def judged(self, verdicts: Verdicts) -> None:
        """Candidates have their verdicts."""
        ...

    def released(self, version: PromptVersion, live: LiveVersion) -> None:
        """A version became live."""
        ...

    def reviewed(self, review: Review, verdicts: Verdicts | None) -> None:
        """A person approved or rejected a staged change; verdicts are of the cycle that staged it."""
        ...


class AlertChannel(Protocol):
    """Somewhere a warning can go."""

    def send(self, alert: Alert) -> None:
        """Deliver one alert; raises FlywheelError when it could not."""
        ...


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of what another tool recorded.

    Attributes:
        runs: as the tool has them.
        following: where the next page begins, None behind the last one.
    """

    runs: tuple[Mapping[str, Any], ...]
    following: str | None = None


class RunSource(Protocol):
    """Another tool that records production calls, read page by page."""

    @property
    def name(self) -> str:
        """What is read, such as `langsmith/PROJECT`; reading goes on where it stopped under the same name."""
        ...

    def page(self, since: datetime, until: datetime, following: str | None) -> RunPage:
        """Runs that started within a time, root runs only; raises ServiceError when there is no answer."""
        ...

    def judged(self, since: datetime, until: datetime) -> Iterator[RunPage]:
        """Runs that were given feedback since a moment, whenever they started."""
        ...
