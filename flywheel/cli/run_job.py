"""From what was asked on the command line to a finished run."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from flywheel.cli.doors import Door
from flywheel.cli.names import known_prompt, known_version, nearest
from flywheel.cli.progress import counted
from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.cli.refusals import CHECK_SAYS_NO, DONE, INTERRUPTED, UNREACHABLE
from flywheel.cli.run_manifest import is_manifest, prompt_of, read_manifest
from flywheel.cli.scorer_parameters import checked_scorer
from flywheel.cycle import SystemClock
from flywheel.errors import InputError, UnknownName
from flywheel.llm.executor import Arm, Job, RunResult, execute
from flywheel.llm.executor_budget import Ceiling
from flywheel.llm.executor_forecast import RunForecast
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.ports import ChatModel
from flywheel.records.case import Case, Suite
from flywheel.records.manifest import Manifest, ManifestPrompt
from flywheel.records.prompt import PromptVersion

USUAL_CONCURRENCY = 8
LOCAL_BATCH = 64
"""Cases of models that answer in this process between two writes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command; those of a manifest count where these are None."""

    target: str
    prompts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    role: str | None = None
    slice: str | None = None
    limit: int | None = None
    seed: int | None = None
    concurrency: int | None = None
    budget_calls: int | None = None
    budget_usd: float | None = None
    session: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A job with the models that do it.

    Attributes:
        hint: what the command must say to go on with this run.
    """

    job: Job
    models: dict[str, ChatModel]
    concurrency: int
    hint: str = ""

    def exceeds(self, expected: RunForecast) -> bool:
        """Whether a forecast is above a ceiling."""
        calls, usd = self.job.ceiling.calls, self.job.ceiling.usd
        too_many = calls is not None and expected.calls > calls
        return too_many or (usd is not None and expected.usd is not None and expected.usd > usd)

    def exit_code(self, result: RunResult, *, low: bool) -> int:
        """What the process returns."""
        if result.stopped == "interrupted":
            return INTERRUPTED
        answered = sum(arm.report.total_tests for arm in result.arms) - result.errors
        if result.errors and not answered:
            return UNREACHABLE
        return CHECK_SAYS_NO if low or result.errors or result.missing else DONE


def job_of(door: Door, asked: Asked, *, keep: bool) -> Ready:
    """The job that was asked for, with everything checked before anything is sent.

    Args:
        door: store with workspace.
        asked: the options.
        keep: whether the suite and the prompts of a manifest are stored.

    Raises:
        UnknownName: no such suite, prompt, version or model.
        InputError: no cases, no prompt, no model, or a scorer that cannot work.
    """
    manifest, suite, cases = _suite(door, asked.target, keep=keep)
    prompts = [ManifestPrompt.model_validate(prompt_of(one)) for one in asked.prompts]
    names = asked.models or (manifest.models if manifest else ())
    chosen = _chosen(cases, asked)
    for what, there in (("cases", chosen), ("--prompt", prompts or manifest), ("--model", names)):
        if not there:
            raise InputError(
                f"A run needs {what}; there are none. Nothing was sent. See: flywheel run --help"
            )
    if asked.again and asked.session:
        raise InputError("--again and --session contradict each other; give one. Nothing was sent.")
    checked_scorer(suite)
    versions = [_version(door, one, keep=keep) for one in prompts or (manifest.prompts if manifest else ())]
    models = {name: chat_model(name) for name in dict.fromkeys(names)}
    fresh = f"run/{suite.suite}/{datetime.now(UTC):%Y%m%dT%H%M%S.%f}" if asked.again else None
    seed = asked.seed if asked.seed is not None else manifest.seed if manifest else 0
    session = fresh or asked.session or f"run/{suite.suite}" + (f"/seed-{seed}" if seed else "")
    arms = tuple(
        Arm(v.prompt, v.version, v.text or "", name, v.labels[0] if v.labels else v.short)
        for v in dict.fromkeys(versions)
        for name in models
    )
    job = Job(door.workspace, suite, chosen, arms, session, seed, _ceiling(asked, manifest))
    return Ready(
        job,
        models,
        _concurrency(asked, manifest, models),
        f" with --session {session} for --again" if fresh else "",
    )


def run_job(door: Door, ready: Ready) -> RunResult:
    """Do the job with a bar; Ctrl-C waits for what is under way and keeps it."""
    total = len(ready.job.arms) * len(ready.job.cases)
    clock = SystemClock() if any(map(_is_remote, ready.models.values())) else None
    runner = Runner(ready.models, ready.concurrency, clock, judges=chat_model)
    with _stopping() as stopping, counted(door.err, ready.job.suite.suite, total) as progress:
        result = execute(ready.job, door.own_store, runner, progress, stopping)
    if result.stopped:
        done = total - result.missing
        door.err.print(
            f"Stopped: {result.stopped}. {done:,} of {total:,} cases are kept. The same command{ready.hint} "
            "goes on after them.",
            style="yellow",
        )
    return result


def _suite(door: Door, target: str, *, keep: bool) -> tuple[Manifest | None, Suite, tuple[Case, ...]]:
    if not is_manifest(target):
        return None, *_kept_suite(door, target)
    manifest, cases = read_manifest(Path(target), door.workspace)
    if not cases:
        return manifest, *_kept_suite(door, manifest.suite)
    suite = Suite(
        suite=manifest.suite,
        workspace=door.workspace,
        scorer=manifest.scorer,
        parameters=manifest.parameters,
        options=manifest.options,
        description=f"cases of {Path(target).name}",
    )
    checked_scorer(suite)
    if keep:
        door.own_store.cases.add(suite, cases)
    return manifest, suite, cases


def _kept_suite(door: Door, name: str) -> tuple[Suite, tuple[Case, ...]]:
    suite = door.store.cases.suite(door.workspace, name)
    if suite is None:
        names = [s.suite for s in door.store.cases.suites(door.workspace)]
        raise UnknownName(
            f"No suite {name!r} in workspace {door.workspace!r}. {nearest(name, names)} Nothing was sent. "
            f"Add it with: flywheel suite add {name} CASES.jsonl, or name a manifest that ends in .toml"
        )
    return suite, tuple(door.store.cases.cases(door.workspace, name))


def _chosen(cases: tuple[Case, ...], asked: Asked) -> tuple[Case, ...]:
    chosen = [
        case for case in cases if asked.role in (None, case.role.value) and asked.slice in (None, case.slice)
    ]
    if asked.limit is not None:
        chosen = sorted(chosen, key=lambda case: hashlib.blake2b(case.case_id.encode()).digest())[
            : asked.limit
        ]
    return tuple(sorted(chosen, key=lambda case: case.case_id))


def _version(door: Door, wanted: ManifestPrompt, *, keep: bool) -> PromptVersion:
    store = door.own_store
    if wanted.text is not None:
        version = version_of(door.workspace, wanted.name, wanted.text, ())
        return keep_version(store, version, live=False).version if keep else version
    known_prompt(store, door.workspace, wanted.name)
    versions = store.prompts.versions(door.workspace, wanted.name)
    live = store.releases.live(door.workspace, wanted.name)
    if wanted.version is None and live is None and len(versions) == 1:
        version = versions[0]
    else:
        version = known_version(store, door.workspace, wanted.name, wanted.version or "live")
    if version.text is None:
        raise InputError(
            f"Version {wanted.version!r} of prompt {wanted.name!r} has no text, so it cannot be run. "
            f"Nothing was sent. Add it with: flywheel prompt add {wanted.name} FILE"
        )
    return version


def _ceiling(asked: Asked, manifest: Manifest | None) -> Ceiling:
    calls, usd = asked.budget_calls, asked.budget_usd
    if manifest is not None:
        calls = manifest.budget_calls if calls is None else calls
        usd = manifest.budget_usd if usd is None else usd
    return Ceiling(calls, usd)


def _concurrency(asked: Asked, manifest: Manifest | None, models: dict[str, ChatModel]) -> int:
    wanted = asked.concurrency or (manifest.concurrency if manifest else None)
    if not any(map(_is_remote, models.values())):
        return LOCAL_BATCH
    return wanted or USUAL_CONCURRENCY


def _is_remote(model: ChatModel) -> bool:
    return bool(getattr(model, "remote", False))


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; pressed again it ends the process at once."""
    pressed = threading.Event()

    def press(_number: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            # Whatever is stored is whole; the calls under way are given up.
            os._exit(INTERRUPTED)
        pressed.set()
        sys.stderr.write(
            "\nStopping: waiting for the calls under way to keep their answers; Ctrl-C again leaves.\n"
        )

    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
