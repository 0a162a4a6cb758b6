"""What was done, told to LangSmith: cycles, calls, experiments, verdicts, releases, reviews.

Nothing of it may hold anything up. What happens is handed to a daemon thread,
which sends it while the work goes on; a server that does not answer in the end
is left within `PATIENCE_S`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from flywheel.learn.summary import in_words
from flywheel.llm.langsmith_api import LangSmithAccess, langsmith_access
from flywheel.llm.langsmith_arms import Arms
from flywheel.llm.langsmith_cycle import Run, call_told, cycle_begun, ended, phase_begun, release_told
from flywheel.llm.langsmith_experiment import experiment_feedback, run_feedback, verdict_points
from flywheel.llm.langsmith_nodes import SOURCE, Node, cycle_node, gate_experiment_id, node
from flywheel.llm.langsmith_outbox import Hiding, Outbox
from flywheel.llm.langsmith_prompts import push_live
from flywheel.llm.langsmith_sending import Job, Sending
from flywheel.ports import ObservedCall, RunPlan
from flywheel.records.base import Record
from flywheel.records.case import Case
from flywheel.records.cycle import CycleContext, Phase
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion
from flywheel.records.release import LiveVersion, Review
from flywheel.records.verdict import Verdict, Verdicts

_ON = frozenset({"true", "1", "yes", "on"})


class LangSmithObserver:
    """Tells LangSmith; the CycleObserver of cycles and commands.

    Args:
        access: address with key.
        hiding: what stays here.

    Examples:
        >>> observer = LangSmithObserver(LangSmithAccess("key", "http://127.0.0.1:9"))
        >>> observer.close() is None
        True
    """

    def __init__(self, access: LangSmithAccess, hiding: Hiding | None = None) -> None:
        self._access = access
        self._hiding = hiding or Hiding()
        self._sending = self._fresh()
        self._cycles: set[str] = set()
        self._phase: tuple[CycleContext, Node] | None = None

    def began(self, context: CycleContext, phase: Phase) -> None:
        """The run of a phase, below that of its cycle."""
        root = cycle_node(context)
        if root.id not in self._cycles:
            self._cycles.add(root.id)
            self._sending.put(lambda outbox, _: _alone(outbox, cycle_begun(root, context)))
        place = root.child(datetime.now(UTC), phase.value, str(id(self)))
        self._phase = (context, place)
        self._add("post", phase_begun(place, context, phase))

    def ended(self, context: CycleContext, phase: Phase, result: Record | None, error: str | None) -> None:
        """What a phase found; with the last one, or with an error, the cycle has ended too."""
        if self._phase is None:
            return
        _, place = self._phase
        self._phase = None
        said = "" if result is None else in_words(result)
        self._add("patch", ended(place, result, said, error))
        if phase is Phase.TRACK or error is not None:
            self._add("patch", ended(cycle_node(context), result, said, error))

    def ran(self, plan: RunPlan, cases: Sequence[Case], executions: Sequence[Execution]) -> None:
        """Executions as runs of an experiment; batches of one arm are one experiment."""
        pairs, at = list(zip(cases, executions, strict=True)), datetime.now(UTC)

        def tell(outbox: Outbox, arms: Arms) -> int:
            arms.add(outbox, plan, pairs, at)
            return 0

        self._sending.put(tell, len(pairs))

    def called(self, call: ObservedCall) -> None:
        """A call below the phase that is under way; outside of a cycle it stands alone."""
        workspace, about = call.request.workspace, {"flywheel.source": SOURCE}
        if self._phase is None:
            place = node(call.started_at)
        else:
            context, phase = self._phase
            workspace = context.request.workspace
            about |= {"flywheel.cycle": context.cycle_id, "flywheel.prompt": context.request.prompt}
            place = phase.child(call.started_at)

        def tell(outbox: Outbox, _: Arms) -> int:
            outbox.run("post", call_told(place, call, workspace, about))
            return 0

        self._sending.put(tell)

    def judged(self, verdicts: Verdicts) -> None:
        """Verdicts of live experiments as feedback on them; those on stored executions stand in the phase."""
        context = verdicts.context
        for verdict in _on_live(verdicts):
            own = gate_experiment_id(context, verdict.proposal.version)
            points = [experiment_feedback(own, one) for one in verdict_points(verdict, context)]
            self._sending.put(_feedback_of(points))

    def released(self, version: PromptVersion, live: LiveVersion) -> None:
        """A commit of the hub with the tag on it, and a run that says why."""
        parts = (live.workspace, live.prompt, version.version, str(live.revision))
        if self._phase is None:
            place = node(live.released_at, *parts)
        else:
            place = self._phase[1].child(live.released_at, *parts)

        def push(outbox: Outbox, _: Arms) -> int:
            push_live(outbox, version, live.why)
            return 1

        self._sending.put(push)
        self._sending.put(lambda outbox, _: _alone(outbox, release_told(place, version, live)))

    def reviewed(self, review: Review, verdicts: Verdicts | None) -> None:
        """What a person said as feedback on the cycle, and on the experiment where there was one."""
        if verdicts is None:
            return
        root = cycle_node(verdicts.context)
        words = " ".join(filter(None, (f"{review.reviewer or 'somebody'}:", review.note))).rstrip(":")
        said = {"key": "review", "value": review.state, "comment": words}
        on_cycle = {**run_feedback(root.id, root.id, said), "comment": f"{review.version[:12]} {words}"}

        def tell(outbox: Outbox, _: Arms) -> int:
            outbox.feedback(on_cycle)
            outbox.send()
            return 1

        self._sending.put(tell)
        if any(one.proposal.version == review.version for one in _on_live(verdicts)):
            own = gate_experiment_id(verdicts.context, review.version)
            self._sending.put(_feedback_of([experiment_feedback(own, said)]))

    def close(self) -> str | None:
        """Send what is left.

        Returns:
            What could not be sent, in words; None where all was.
        """
        sending, self._sending = self._sending, self._fresh()
        self._cycles.clear()
        self._phase = None
        sending.close()
        if not sending.lost:
            return None
        return (
            f"LangSmith at {self._access.base_url!r} was not told all: {sending.lost:,} of "
            f"{sending.put_in:,} messages are missing there ({sending.because or 'no reason is known'}). "
            "What was done is done, and everything is in the store."
        )

    def _add(self, kind: str, run: Run) -> None:
        def tell(outbox: Outbox, _: Arms) -> int:
            outbox.run(kind, run)
            return 0

        self._sending.put(tell)

    def _fresh(self) -> Sending:
        return Sending(Outbox(self._access, self._hiding))


def langsmith_observer(environ: Mapping[str, str]) -> LangSmithObserver | None:
    """The observer that an environment asks for; None without a key, or where tracing is not switched on.

    Examples:
        >>> langsmith_observer({"LANGSMITH_TRACING": "true"}) is None
        True
        >>> langsmith_observer({"LANGSMITH_API_KEY": "k"}) is None
        True
    """
    access = langsmith_access(environ)
    tracing = environ.get("LANGSMITH_TRACING") or environ.get("LANGCHAIN_TRACING_V2") or ""
    if access is None or not _is_on(tracing):
        return None
    inputs, outputs = (environ.get(name, "") for name in ("LANGSMITH_HIDE_INPUTS", "LANGSMITH_HIDE_OUTPUTS"))
    return LangSmithObserver(access, Hiding(_is_on(inputs), _is_on(outputs)))


def _is_on(value: str) -> bool:
    return value.strip().lower() in _ON


def _on_live(verdicts: Verdicts) -> list[Verdict]:
    """Verdicts on versions that were run in this cycle, so that there is an experiment."""
    return [one for one in verdicts.verdicts if one.evidence is not None and one.evidence.source == "live"]


def _alone(outbox: Outbox, run: Run) -> int:
    """A run that may be there already: a conflict must not touch others."""
    outbox.send()
    outbox.run("post", run)
    outbox.send()
    return 0


def _feedback_of(points: Sequence[Run]) -> Job:
    def tell(outbox: Outbox, arms: Arms) -> int:
        arms.hand_on(outbox)
        for point in points:
            outbox.made("/api/v1/feedback", point)
        return 1

    return tell
