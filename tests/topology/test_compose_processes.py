"""The compose file's services work together: a run started in the dashboard becomes a bot that answers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@pytest.mark.postgres
@pytest.mark.server
def test_a_run_started_by_hand_becomes_the_champion_that_the_api_serves(topology: Any) -> None:
    topology.start("prefect")
    topology.start("api")
    assert topology.wait("api", "/readyz", 503).json()["version"] is None
    topology.wait("prefect", "/api/ready")
    assert topology.get("prefect", "/api/flows/count").status_code in (401, 405)

    topology.start("worker")
    topology.wait("worker", "/health")
    assert topology.until(lambda: planned(topology), lambda: f"a scheduled run\n{topology.log('prefect')}")
    outcome = ended(topology, started(topology, "train/deskloop"))
    assert outcome["state_type"] == "COMPLETED", topology.log("worker")

    assert topology.wait("api", "/readyz").json()["version"] == 1
    assert answered(topology)["choices"][0]["message"]["content"]


def planned(topology: Any) -> int | None:
    """How many runs the scheduler has put in, None for none yet."""
    query = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    return topology.prefect("POST", "/flow_runs/count", json=query) or None


def started(topology: Any, deployment: str) -> str:
    """Start a run as the dashboard does."""
    found = topology.prefect("GET", f"/deployments/name/{deployment}")
    return str(topology.prefect("POST", f"/deployments/{found['id']}/create_flow_run", json={})["id"])


def ended(topology: Any, run: str) -> dict[str, Any]:
    """The run, once it has ended."""

    def look() -> dict[str, Any] | None:
        state: dict[str, Any] = topology.prefect("GET", f"/flow_runs/{run}")
        return state if state["state_type"] in ENDED else None

    return dict(topology.until(look, lambda: f"run {run}\n{topology.log('worker')}"))


def answered(topology: Any) -> dict[str, Any]:
    """The API's answer to a customer."""
    url = f"http://127.0.0.1:{topology.ports['api']}/v1/chat/completions"
    body = {"messages": [{"role": "user", "content": "How long does delivery take?"}]}
    return dict(httpx.post(url, json=body, timeout=60, trust_env=False).raise_for_status().json())
