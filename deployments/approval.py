"""A person's yes or no to a version that waits, by command instead of the dashboard's form."""

from __future__ import annotations

import getpass
import os
import re
from typing import Any

from deployments.host import answers
from deskloop.errors import BadInput
from deskloop.host import prefect_environment
from deskloop.releases import Releases
from deskloop.settings import Settings


def answer(settings: Settings, releases: Releases, version: int, yes: bool, reason: str) -> dict[str, Any]:
    """Resume the flow that asked. Raises BadInput if no flow waits for this version, or its server is gone."""
    releases.get(version)
    asked = re.search(r"[0-9a-f-]{36}$", releases.waiting(version) or "")
    if not asked:
        raise BadInput(f"version {version} waits for nobody; `deskloop promote {version}` makes it the champion")
    os.environ.update(prefect_environment(settings))
    if not answers(f"{os.environ['PREFECT_API_URL']}/health"):
        raise BadInput(f"no Prefect server answers on {os.environ['PREFECT_API_URL']}; is `deskloop up` running?")
    _resume(asked[0], version, {"approve": yes, "reason": reason, "by": _name()})
    return {"version": version, "approved": yes, "reason": reason, "flow_run": asked[0]}


def _resume(run: str, version: int, given: dict[str, Any]) -> None:
    from uuid import UUID

    from prefect.client.orchestration import get_client
    from prefect.client.schemas.responses import SetStateStatus
    from prefect.exceptions import ObjectNotFound

    lost = f"flow run {run} does not wait for version {version} any more; `deskloop promote {version}` promotes it"
    with get_client(sync_client=True) as client:
        try:
            done = client.resume_flow_run(UUID(run), run_input=given)
        except ObjectNotFound:
            raise BadInput(lost) from None
    if done.status != SetStateStatus.ACCEPT:
        why = getattr(done.details, "reason", None) or "it was refused"
        raise BadInput(why if "alidation" in why else f"{lost} ({why})")


def _name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return ""
