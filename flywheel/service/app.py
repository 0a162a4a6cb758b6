"""The HTTP application: routes, errors, limits put together."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from flywheel import __version__
from flywheel.errors import FlywheelError
from flywheel.records.execution import Execution
from flywheel.service import cycles, executions, health, learning, metrics, page, prompts, reviews
from flywheel.service.bodies import LimitedBodies
from flywheel.service.examples import EXAMPLES, PROBLEM
from flywheel.service.measures import MeasuredRequests
from flywheel.service.problems import (
    MEDIA_TYPE,
    on_crash,
    on_flywheel_error,
    on_http_error,
    on_invalid_request,
)
from flywheel.service.wiring import Wiring

ROUTES: Final = (executions, prompts, reviews, cycles, learning, health, metrics, page)
"""Modules with routes, in the order of the document."""

DESCRIPTION: Final = (
    "Executions in, live prompts out, staged changes decided, cycles started. Errors are RFC 9457 problems "
    "(`application/problem+json`). A token opens one workspace; without tokens this "
    "machine alone is served."
)


def make_app(wiring: Wiring) -> FastAPI:
    """The application; nothing is opened or started.

    Args:
        wiring: what its routes work with.
    """
    app = FastAPI(
        title="flywheel",
        version=__version__,
        description=DESCRIPTION,
        # Pages that would load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.wiring = wiring
    for module in ROUTES:
        app.include_router(module.routes)
    app.add_exception_handler(FlywheelError, on_flywheel_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(500, on_crash)
    app.add_middleware(LimitedBodies, limit=wiring.max_body_bytes)
    app.add_middleware(MeasuredRequests, measures=wiring.measures)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """OpenAPI as FastAPI writes it, with what it leaves out of the problems."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _say_problems(operation["responses"])
                _show_example(operation["responses"], EXAMPLES.get((method, path)))
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas.setdefault(
            "Execution", Execution.model_json_schema(ref_template="#/components/schemas/{model}")
        )
        app.openapi_schema = document
    return app.openapi_schema


def _say_problems(responses: dict[str, Any]) -> None:
    """Problems have a media type of their own, which FastAPI does not know."""
    for status, response in responses.items():
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            problem = content[MEDIA_TYPE]
            content.clear()
            content[MEDIA_TYPE] = problem
            problem["example"] = {
                **PROBLEM,
                "status": int(status),
                "title": response["description"],
            }


def _show_example(responses: dict[str, Any], example: object) -> None:
    for status, response in responses.items():
        content = response.get("content", {}).get("application/json")
        if example is not None and status.startswith("2") and content is not None:
            content["example"] = example
