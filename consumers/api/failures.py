"""Every failure as an answer in one form: a Refusal."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from consumers.api.answers import Problem, Refusal, RefusedError, json
from consumers.api.methods import allowed
from wirewatch.errors import Transient, UserError

RETRY_SECONDS = 5


def register(app: FastAPI) -> None:
    """Answer what endpoints raise."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RefusedError, _ended)
    app.add_exception_handler(Transient, _away)
    app.add_exception_handler(UserError, _misconfigured)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (for the type checker: registered for it alone)
    problems = tuple(
        Problem(where=".".join(str(part) for part in each["loc"]), what=each["msg"].removeprefix("Value error, "))
        for each in error.errors()
    )
    detail = "; ".join(f"{problem.where}: {problem.what}" for problem in problems)
    return json(Refusal(reason="invalid", detail=detail, problems=problems), 422)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (for the type checker: registered for it alone)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # Starlette's own header names the methods of one of the endpoints that share the path.
        headers["Allow"] = allowed(request.app, request.url.path)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    reason = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return json(Refusal(reason=reason, detail=f"{error.detail}; / names the endpoints"), error.status_code, headers)


def _ended(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101  (for the type checker: registered for it alone)
    return json(error.refusal, error.status, error.headers)


def _away(_: Request, error: Exception) -> Response:
    return json(Refusal(reason="unavailable", detail=str(error)), 503, {"Retry-After": str(RETRY_SECONDS)})


def _misconfigured(_: Request, error: Exception) -> Response:
    """The mistake of whoever runs the server, not of whoever asks."""
    return json(Refusal(reason="misconfigured", detail=str(error)), 503, {"Retry-After": str(RETRY_SECONDS)})
