"""Makes what the deployments need on a Prefect server; repeating it changes nothing.

    python -m deployments.bootstrap [--store URL]

It talks to the server of PREFECT_API_URL. A work pool, a limit, a block that
is there already is left as it is: what a person changed stays changed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import httpx
import sqlalchemy as sa
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from blocks.alert_channel import AlertChannelBlock
from blocks.langsmith import LangSmithBlock
from blocks.model import ChatModelBlock
from blocks.provider import ProviderBlock
from blocks.store import FlywheelStore
from blocks.strategy import StrategyBlock
from flywheel.settings import read_settings
from tasks.validate import LIVE_EXPERIMENTS

POOL = "flywheel-process"
LIMITS = {LIVE_EXPERIMENTS: 2}
"""Live experiments at once over all runs; providers limit calls per account."""

MODEL = "embedded-medium"
"""Of the block `default`, so that a first run needs neither key nor network."""

ZOMBIES = "flywheel: runs without a heartbeat crashed"
HEARTBEATS_MISSED_S = 90
"""Three heartbeats of prefect.yaml; shorter, and a busy machine crashes healthy runs."""

Line = tuple[str, str]
"""What it is about, what was done."""


def bootstrap(client: SyncPrefectClient, store: str | None = None) -> Iterator[Line]:
    """Make pool, limits, blocks and automations, one line each.

    Args:
        client: of the server.
        store: address of the store for the block `default`; None keeps a saved
            one, and saves the address of this environment where there is none.

    Yields:
        Name and what was done: made, changed, or there already.
    """
    yield f"work pool {POOL}", _work_pool(client)
    for name, slots in LIMITS.items():
        yield f"limit {name}", _limit(client, name, slots)
    address = SecretStr(_absolute(read_settings(store).database_url))
    yield from _block(FlywheelStore(address=address), replace=store is not None)
    yield from _block(ChatModelBlock(model=MODEL), replace=False)
    yield f"block type {ProviderBlock.get_block_type_slug()}", _block_type(client, ProviderBlock)
    yield f"block type {StrategyBlock.get_block_type_slug()}", _block_type(client, StrategyBlock)
    yield from _block(LangSmithBlock(), replace=False)
    yield from _block(AlertChannelBlock(), replace=False)
    for automation in automations():
        yield f"automation {automation.name!r}", _automation(client, automation)


def automations() -> tuple[AutomationCore, ...]:
    """Automations by name; a run that lost its process is marked crashed, which frees its slot."""
    zombies = AutomationCore(
        name=ZOMBIES,
        description="A run whose heartbeats stop while it runs has lost its process: it is marked Crashed.",
        enabled=True,
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            # Any word of the run counts: it completes, is degraded, suspended, cancelled.
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=HEARTBEATS_MISSED_S),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"no heartbeat for {HEARTBEATS_MISSED_S} s; the process is gone",
            )
        ],
    )
    return (zombies,)


def _work_pool(client: SyncPrefectClient) -> str:
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        return "made"
    return "there already"


def _limit(client: SyncPrefectClient, name: str, slots: int) -> str:
    try:
        client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=slots))
        return f"made, {slots} at once"
    return "there already"


def _block_type(client: SyncPrefectClient, kind: type[Block]) -> str:
    """A kind of block that is saved by hand, by people who have a key."""
    try:
        client.read_block_type_by_slug(kind.get_block_type_slug())
    except ObjectNotFound:
        kind.register_type_and_schema()
        return "made"
    return "there already"


def _block(block: Block, *, replace: bool) -> Iterator[Line]:
    kind = type(block)
    name = f"block {kind.get_block_type_slug()}/default"
    kind.register_type_and_schema()
    try:
        saved = cast("Block", kind.load("default"))
    except ValueError:  # Prefect's word for a block that is not there
        block.save("default")
        yield name, "made"
        return
    if replace and saved.model_dump() != block.model_dump():
        block.save("default", overwrite=True)
        yield name, "changed"
        return
    yield name, "there already"


def _automation(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    """Creating twice would make two, so that it is looked up by name first."""
    found = client.read_automations_by_name(wanted.name)
    if not found:
        client.create_automation(wanted)
        return "made"
    for double in found[1:]:
        client.delete_automation(double.id)
    kept = AutomationCore.model_validate(found[0].model_dump(include=set(AutomationCore.model_fields)))
    if _plain(kept) == _plain(wanted):
        return "there already"
    client.update_automation(found[0].id, wanted)
    return "changed"


def _plain(automation: AutomationCore) -> dict[str, object]:
    return automation.model_dump(mode="json", exclude={"trigger": {"id"}})


def _absolute(address: str) -> str:
    """A worker may be started in another folder."""
    url = sa.make_url(address)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return address
    return f"sqlite:///{Path(url.database).resolve()}"


def main(arguments: list[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Command line.

    Returns:
        0 when all is there, 3 when the server does not answer.
    """
    parser = argparse.ArgumentParser(prog="python -m deployments.bootstrap", description=__doc__)
    parser.add_argument("--store", metavar="URL", help="address for the block 'default', over a saved one")
    asked = parser.parse_args(arguments)
    try:
        with get_client(sync_client=True) as client:
            for name, done in bootstrap(client, asked.store):
                say(f"  {done:<22} {name}")
    except httpx.HTTPError as error:
        print(
            f"The Prefect server did not answer: {error}. What is listed above is done. "
            "Start one with: make prefect, or set PREFECT_API_URL, then call this again.",
            file=sys.stderr,
        )
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
