"""For probes and Prometheus: is the process alive, can it answer, what has it done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from deskloop.web.service import Service, service

router = APIRouter()
Shared = Annotated[Service, Depends(service)]


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Alive."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(service: Shared) -> JSONResponse:
    """Ready to answer customers: 503 with the reason without a champion."""
    release, problem = service.live.release, service.live.problem
    body: dict[str, Any] = {"version": release.version if release else None, "problem": problem}
    if release:
        return JSONResponse({"status": "ready", **body})
    reason = problem or "no champion yet: run `deskloop run` to train and deploy one"
    return JSONResponse({"status": "not ready", "reason": reason, **body}, 503)


@router.get("/metrics")
def metrics(service: Shared) -> Response:
    """Prometheus' text format."""
    release = service.live.release
    service.meters.champion.set(release.version if release else 0)
    return Response(service.meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
