"""One whole turn of the flywheel as a Prefect flow, offline, with nothing left running.

    python -m deployments.demo

The flow runs on Prefect's embedded server, which is ended afterwards: on
Ctrl-C and SIGTERM too, and when this command is killed.
"""

from __future__ import annotations

import os
import sys

from deployments.supervise import ROOT, Stopped, running, stopping
from flywheel.cli.demo import fresh_store
from flywheel.settings import read_settings


def main() -> int:
    """Command line.

    Returns:
        Exit code of the turn; 128 plus the number of the signal that stopped it.
    """
    try:
        with stopping(), running([sys.executable, "-m", "deployments.demo_turn"], environment()) as turn:
            return turn.wait()
    except Stopped as stopped:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return stopped.exit_code


def environment() -> dict[str, str]:
    """Environment of the turn: an embedded server of its own, offline, quiet."""
    home = read_settings().home.resolve()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return {
        **environ,
        "FLYWHEEL_HOME": str(home),
        "FLYWHEEL_DATABASE_URL": f"sqlite:///{fresh_store().resolve()}",
        "PREFECT_HOME": str(home / "prefect-demo"),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        # The first start makes Prefect's database; its own limit of 20 s is too short for that.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }


if __name__ == "__main__":
    sys.exit(main())
