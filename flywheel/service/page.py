"""The dashboard: one page, drawn here, which loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from flywheel import __version__
from flywheel.service.agents_section import agents
from flywheel.service.callers import Reads
from flywheel.service.markup import Markup, joined, tag
from flywheel.service.problems import answers
from flywheel.service.quality_section import quality
from flywheel.service.sections import (
    failure_patterns,
    last_cycles,
    open_alerts,
    spend,
    waiting_changes,
    what_is_live,
)
from flywheel.service.value_section import value
from flywheel.service.view import View, read_view
from flywheel.service.wording import moment

routes = APIRouter(tags=["dashboard"])

REFRESH_S: Final = 300

SECTIONS: Final[tuple[tuple[str, str, Callable[[View], Markup]], ...]] = (
    ("live", "What is live", what_is_live),
    ("alerts", "Alerts", open_alerts),
    ("reviews", "Reviews", waiting_changes),
    ("quality", "Quality", quality),
    ("value", "Value", value),
    ("cycles", "Cycles", last_cycles),
    ("patterns", "Failure patterns", failure_patterns),
    ("agents", "Agents", agents),
    ("spend", "Spend", spend),
)
"""Id, name in the navigation, function: another section is another line here."""

_STYLE: Final = Markup(files("flywheel.service").joinpath("page.css.txt").read_text(encoding="utf-8"))
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
"""A text that slipped through as HTML could load and run nothing."""


@routes.get(
    "/",
    summary="The dashboard",
    response_class=HTMLResponse,
    responses={
        **answers(),
        200: {"description": "A page.", "content": {"text/html": {"example": "<!doctype html>"}}},
    },
)
def show_dashboard(reads: Reads) -> HTMLResponse:
    """What is live, quality, cycles, reviews, failure patterns, alerts, spend; kept for 15 seconds.

    Browsers are asked for a user with a password: any user, the token.
    """
    wiring = reads.wiring
    view = wiring.kept.get(
        ("page", reads.workspace),
        lambda: replace(
            read_view(wiring.store, reads.workspace, wiring.clock.now()), value=wiring.value(reads.workspace)
        ),
    )
    return HTMLResponse(page_of(view), headers=HEADERS)


def page_of(view: View) -> str:
    """The whole page; all that comes from the store is escaped.

    Args:
        view: what is shown.
    """
    title = f"flywheel: {view.workspace}"
    links = [tag("li", tag("a", name, href=f"#{anchor}")) for anchor, name, _ in SECTIONS]
    read_at = tag("time", f"{moment(view.read_at)} UTC", datetime=view.read_at.isoformat())
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="refresh", content=REFRESH_S),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", _STYLE),
    )
    header = tag(
        "header",
        tag("h1", "flywheel", tag("span", f" workspace {view.workspace}")),
        tag("p", "Read ", read_at, f"; the page reads again every {REFRESH_S // 60} minutes.", class_="note"),
        tag("nav", tag("ul", *links), aria_label="Sections"),
    )
    main = tag("main", *(draw(view) for _, _, draw in SECTIONS))
    footer = tag("footer", tag("p", f"flywheel {__version__}. Unknown is never shown as 0.", class_="note"))
    body = tag("body", header, main, footer)
    return joined(Markup("<!doctype html>\n"), tag("html", head, body, lang="en"))
