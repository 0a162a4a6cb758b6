"""Whether a LangSmith is there, asked without its client."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from flywheel.errors import ServiceUnavailable

_BUSY: Final = 429
_BROKEN: Final = 500


def server_limits(base_url: str, within_s: float) -> dict[str, Any]:
    """What a server says of the requests it takes; empty where it is there, and says nothing.

    The key is not sent: this question needs none, and a redirect could carry it away.

    Args:
        base_url: of the server.
        within_s: longest silence.

    Raises:
        ServiceUnavailable: nobody is there, or whoever is there is busy or broken.
    """
    if not base_url.startswith(("https://", "http://")):
        raise ServiceUnavailable(f"{base_url!r} is no address of a server")
    request = Request(f"{base_url}/api/v1/info", headers={"User-Agent": "flywheel"})  # noqa: S310 (as above)
    try:
        with urlopen(request, timeout=within_s) as response:  # noqa: S310 (as above)
            said = json.loads(response.read())
    except HTTPError as error:
        if error.code == _BUSY or error.code >= _BROKEN:
            raise ServiceUnavailable(f"it answers with status {error.code}") from error
        return {}
    except (OSError, HTTPException) as error:
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            # The client has certificates of its own.
            return {}
        raise ServiceUnavailable(f"it is not there: {cause or type(error).__name__}") from error
    except ValueError:
        return {}
    limits = said.get("batch_ingest_config") if isinstance(said, dict) else None
    return limits if isinstance(limits, dict) else {}
