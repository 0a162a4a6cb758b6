"""From what was asked on the command line to a finished run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flywheel.cli.doors import Door
from flywheel.cli.model_runs import billed_gateway, gateway_of, must_have_price
from flywheel.cli.names import known_prompt, known_version, nearest
from flywheel.cli.progress import counted
from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.cli.refusals import CHECK_SAYS_NO, DONE, INTERRUPTED, UNREACHABLE
from flywheel.cli.run_manifest import is_manifest, prompt_of, read_manifest
from flywheel.cli.scorer_parameters import checked_scorer
from flywheel.cli.stopping import stopping_of
from flywheel.cycle import SystemClock
from flywheel.errors import InputError, UnknownName
from flywheel.learn.measurement import USUAL, replicate_of
from flywheel.llm.budget import SpendForecast
from flywheel.llm.executor import Arm, Job, RunResult, arm_names, execute, kept_executions, unfinished
from flywheel.llm.executor_budget import Ceiling
from flywheel.llm.executor_forecast import RunForecast
from flywheel.llm.gateway import Gateway
from flywheel.llm.observed_model import observed_models
from flywheel.llm.observed_runner import ObservedExecutor
from flywheel.llm.runner import Runner, requests_of
from flywheel.llm.served import ServedModel
from flywheel.ports import ChatModel, Store
from flywheel.records.case import Case, Suite
from flywheel.records.manifest import Manifest, ManifestPrompt
from flywheel.records.prompt import PromptVersion
from flywheel.records.scorer import JudgeRules
from flywheel.store.claims import Claim

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
    budget_tokens: int | None = None
    session: str | None = None
    again: bool = False
    purpose: str = "run"


@dataclass(frozen=True, slots=True)
class Ready:
    """A job with the models that do it.

    Attributes:
        hint: what the command must say to go on with this run.
    """

    job: Job
    models: Mapping[str, ChatModel]
    concurrency: int
    hint: str = ""

    def exceeds(self, expected: RunForecast) -> bool:
        """Whether a forecast is above a ceiling."""
        limit = self.job.ceiling
        pairs = (
            (expected.calls, limit.calls),
            (expected.usd, limit.usd),
            (expected.tokens, limit.tokens),
        )
        return any(most is not None and wanted is not None and wanted > most for wanted, most in pairs)

    def exit_code(self, result: RunResult, *, low: bool) -> int:
        """What the process returns."""
        if result.stopped == "interrupted":
            return INTERRUPTED
        answered = sum(arm.report.total_tests for arm in result.arms) - result.errors
        if result.errors and not answered:
            return UNREACHABLE
        return CHECK_SAYS_NO if low or result.errors or result.missing else DONE


@contextmanager
def asked_models(door: Door, asked: Asked, *, billed: bool) -> Iterator[Gateway]:
    """Where the models of a run are asked: their calls go into the ledger of the store."""
    if is_manifest(asked.target):
        # A file that is not there is said before a store is made; one that is brings its cases along.
        Path(asked.target).stat()
        _ = door.own_store
    with (billed_gateway if billed else gateway_of)(door) as gateway:
        yield gateway


def job_of(door: Door, asked: Asked, gateway: Gateway, *, keep: bool) -> Ready:
    """The job that was asked for, with everything checked before anything is sent.

    Args:
        door: store with workspace.
        asked: the options.
        gateway: gives the models.
        keep: whether the suite and the prompts of a manifest are stored.

    Raises:
        UnknownName: no such suite, prompt, version or model.
        InputError: no cases, no prompt, no model, or a scorer that cannot work.
    """
    manifest, suite, cases = _suite(door, asked.target, keep=keep)
    known = door.own_store.prompts.names(door.workspace) if asked.prompts else ()
    prompts = [ManifestPrompt.model_validate(prompt_of(one, known)) for one in asked.prompts]
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
    models = {name: gateway.model(name) for name in dict.fromkeys(names)}
    fresh = f"run/{suite.suite}/{datetime.now(UTC):%Y%m%dT%H%M%S.%f}" if asked.again else None
    seed = asked.seed if asked.seed is not None else manifest.seed if manifest else 0
    usual = f"run/{suite.suite}" + (f"/seed-{seed}" if seed else "")
    session = fresh or asked.session or usual
    # Kept answers belong to the usual run; another one is another measurement and asks anew.
    replicate = USUAL if session == usual else replicate_of(session)
    arms = tuple(
        Arm(v.prompt, v.version, v.text or "", name, v.labels[0] if v.labels else v.short)
        for v in dict.fromkeys(versions)
        for name in models
    )
    ceiling = _ceiling(asked, manifest)
    if ceiling.usd is not None:
        judges = (suite.rules.model,) if isinstance(suite.rules, JudgeRules) else ()
        _must_have_prices(gateway, (*models, *judges))
    job = Job(door.workspace, suite, chosen, arms, session, seed, ceiling, replicate, asked.purpose)
    return Ready(
        job,
        models,
        _concurrency(asked, manifest, models),
        f" with --session {session} for --again" if fresh else "",
    )


def run_job(door: Door, ready: Ready, gateway: Gateway) -> RunResult:
    """Do the job, as the only one: an equal one that is under way is waited for, and what it got is reused.

    Raises:
        BudgetSpent: what is left does not fit the ceilings of the models file; nothing was sent.
    """
    names = tuple(f"run {name}" for name in arm_names(ready.job))
    claim = Claim(door.own_store.database, door.workspace, names, "the same run")
    with claim.held(lambda told: door.err.print(f"{told[0].upper()}{told[1:]}; its answers are reused.")):
        return _run_alone(door, ready, gateway)


def _run_alone(door: Door, ready: Ready, gateway: Gateway) -> RunResult:
    """With a bar; Ctrl-C waits for what is under way and keeps it."""
    total = len(ready.job.arms) * len(ready.job.cases)
    clock = SystemClock() if any(map(_is_remote, ready.models.values())) else None
    within_caps(ready, gateway, door.own_store)
    with door.telling() as observer:
        judges = observed_models(gateway.model, observer)
        runner = Runner(ready.models, ready.concurrency, clock, judges=judges)
        asking = runner if observer is None else ObservedExecutor(runner, observer)
        with stopping_of(gateway) as stopping, counted(door.err, ready.job.suite.suite, total) as progress:
            # The ledger goes first: what is stored as answered is in it, whenever the process is killed.
            result = execute(ready.job, door.own_store, asking, progress, stopping, gateway.ledger.flush)
    if result.stopped:
        done = total - result.missing
        door.err.print(
            f"Stopped: {result.stopped}. {done:,} of {total:,} cases are kept. The same command{ready.hint} "
            "goes on after them.",
            style="yellow",
        )
    return result


def within_caps(ready: Ready, gateway: Gateway, store: Store) -> None:
    """Refuse a run whose rest does not fit the ceilings of the models file.

    Raises:
        BudgetSpent: it does not; nothing was sent.
    """
    if not gateway.config.caps.any_set:
        return
    left = unfinished(ready.job, kept_executions(ready.job, store))
    expected = SpendForecast(0, 0, 0.0)
    for name, model in ready.models.items():
        if isinstance(model, ServedModel):
            mine = [task for task in left if task.plan.model == name]
            expected += model.forecast(r for task in mine for r in requests_of(task.plan, [task.case]))
    gateway.spend.check(expected, fresh=True)


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
    calls, usd, tokens = asked.budget_calls, asked.budget_usd, asked.budget_tokens
    if manifest is not None:
        calls = manifest.budget_calls if calls is None else calls
        usd = manifest.budget_usd if usd is None else usd
        tokens = manifest.budget_tokens if tokens is None else tokens
    return Ceiling(calls, usd, tokens)


def _must_have_prices(gateway: Gateway, names: Iterable[str]) -> None:
    for name in names:
        must_have_price(gateway.model(name), name)


def _concurrency(asked: Asked, manifest: Manifest | None, models: Mapping[str, ChatModel]) -> int:
    wanted = asked.concurrency or (manifest.concurrency if manifest else None)
    if not any(map(_is_remote, models.values())):
        return LOCAL_BATCH
    return wanted or USUAL_CONCURRENCY


def _is_remote(model: ChatModel) -> bool:
    return bool(getattr(model, "remote", False))
