"""Errors in OpenAI's shape: {"error": {"message", "type", "param", "code"}}. Never repeats what was sent."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def install(app: FastAPI) -> None:
    """Answer every failure of the app in this shape."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SQLAlchemyError, _database)


def failure(
    status: int, message: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One error answer."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": message, "type": kind, "param": param, "code": None}
    return JSONResponse({"error": error}, status, headers=dict(headers or {}))


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return failure(error.status_code, str(error.detail), headers=error.headers)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return failure(400, f"{where}: {first['msg']}", where)


def _database(_: Request, error: Exception) -> JSONResponse:
    log.error("the database failed (%s)", type(error).__name__)
    return failure(503, "the database cannot be reached at the moment; try again", headers={"Retry-After": "5"})


def unexpected(error: Exception) -> JSONResponse:
    """Answer a failure that nobody foresaw. Its message may quote a customer, so the log tells only the place."""
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)[-5:]]
    log.error("%s at %s", type(error).__name__, " < ".join(reversed(places)))
    return failure(500, "something went wrong here; it has been logged")
