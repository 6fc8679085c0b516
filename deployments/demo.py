"""The whole loop on the sample shop, and drift played to it for people to watch."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from deployments.host import addresses, import_flows, places, service_environment, settle, start_services
from deskloop.errors import BadInput
from deskloop.host import Host, prefect_environment, require_free_port
from deskloop.origins import FaqSource
from deskloop.settings import Effort, Settings, load

SITE_PORT = int(os.environ.get("DESKLOOP_SITE_PORT", "8322"))  # of the sample shop's website
PATIENCE_SECONDS = 1200


def demo_config(settings: Settings) -> Path:
    """The sample shop's configuration, written below the home folder at the first call.

    Raises BadInput if its website's port is taken then: its mails and tickets link to it.
    """
    from deskloop.demo import write_project

    folder = settings.home / "demo"
    if not (folder / "deskloop.yaml").exists():
        require_free_port("127.0.0.1", SITE_PORT, "DESKLOOP_SITE_PORT")
    return write_project(folder, SITE_PORT, settings.models_dir)


def site_port(shop: Settings) -> int:
    """Where the sample shop's website has to be served: where its configuration reads it."""
    found = (urlsplit(source.url).port for source in shop.sources if isinstance(source, FaqSource))
    return next((port for port in found if port), SITE_PORT)


def run_demo(
    settings: Settings, effort: Effort | None, once: bool, quiet: bool, ready: Callable[[dict[str, Any]], None]
) -> None:
    """Train, evaluate and deploy on the sample shop; then leave chat and dashboard running unless `once`.

    `ready` hears the outcome; if they are left running, where they listen too, and only once they do.
    """
    config = demo_config(settings)
    shop = load(config)
    port, say = site_port(shop), _quiet if quiet else _say
    require_free_port("127.0.0.1", port, f"DESKLOOP_SITE_PORT and remove {config.parent}, whose links name that port")
    require_free_port("127.0.0.1", shop.prefect_port, "DESKLOOP_PREFECT_PORT")
    if not once:
        require_free_port(shop.serve.host, shop.serve.port, "DESKLOOP_SERVE__PORT")
    began = time.perf_counter()
    os.environ.update(prefect_environment(shop))
    with Host(shop, service_environment(shop, str(config))) as host:
        say(f"The sample shop lies in {config.parent}. Starting its website and the Prefect server ...")
        host.start("site", "-m", "deskloop.demo.site", str(config.parent / "site"), str(port))
        host.start_prefect()
        import_flows()
        host.wait_for("site", f"http://127.0.0.1:{port}/robots.txt")
        host.wait_for_prefect()
        say(f"Running the train flow; watch it on http://127.0.0.1:{shop.prefect_port}/")
        outcome = _train(config, effort, began)
        say(summary(shop, outcome))
        settle()
        if not once:
            start_services(host)
            say(f"{addresses(shop)}\nPlay drift from a second terminal:  {elsewhere('simulate-drift', config)}\n")
            ready(outcome | places(shop))
            try:
                host.watch()
            except KeyboardInterrupt:
                say("stopping")
            return
    ready(outcome)


def elsewhere(command: str, config: Path) -> str:
    """The line that runs a command beside this one from another terminal: same program, ports and configuration."""
    ports = [f"{name}={at}" for name, at in sorted(os.environ.items()) if re.fullmatch("DESKLOOP_.*PORT", name)]
    program = "deskloop" if shutil.which("deskloop") else str(Path(sys.executable).with_name("deskloop"))
    return shlex.join([*ports, program, command, "--config", str(config)])


def _train(config: Path, effort: Effort | None, began: float) -> dict[str, Any]:
    """The flow's outcome, with seconds since `began` (to the flow, and in all) and what this process used."""
    from deskloop.requests import TrainRequest
    from flows.train import train

    booted = time.perf_counter()
    outcome = train(TrainRequest(config=str(config), effort=effort, reason="demo")).model_dump(mode="json")
    ended, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    return outcome | {
        "flow_seconds": round(ended - booted, 2),
        "boot_seconds": round(booted - began, 1),
        "wall_seconds": round(ended - began, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory_mb": round(used.ru_maxrss / 1024),
    }


def summary(settings: Settings, outcome: dict[str, Any]) -> str:
    """What came out: verdict, headline figures beside the baselines, time and memory."""
    from deskloop.releases import Releases

    release = Releases.of(settings).get(outcome["version"])
    card = (release.path / "README.md").read_text("utf-8")
    said = "is the champion" if outcome["promoted"] else "was not promoted"
    return (
        f"\n{card}\n\nVersion {release.version} {said}: {outcome['summary']}\n"
        f"{outcome['wall_seconds']} s, {outcome['cpu_seconds']} CPU s, peak memory {outcome['peak_memory_mb']} MB"
    )


def watch_drift(config: Path | None, rate: float, quiet: bool) -> dict[str, Any]:
    """Play the after period through the public API; follow the drift check, the retraining and the swap."""
    from deskloop.demo import simulate
    from deskloop.web.token import desk_token

    config = config or demo_config(load())
    settings = load(config)
    say = _quiet if quiet else _say
    api = f"http://{settings.serve.host}:{settings.serve.port}"
    before = served_version(api)
    say(f"Version {before} is being served. The shop publishes two new help pages, and customers change ...")
    site = config.resolve().parent / "site"
    if (site / "robots.txt").is_file():
        simulate.publish_after(site)
    played = simulate.simulate(api, desk_token(settings), rate=rate, progress=say)
    prefect = PrefectApi(settings.prefect_port)
    say("Asking for a drift check now, rather than waiting for its schedule ...")
    check = prefect.wait(prefect.start("monitor/deskloop"))
    say(f"Drift check: {check}. Waiting for the training that its event starts ...")
    training = prefect.next_run("train", "drift")
    verdict = prefect.wait(training)
    deadline = time.monotonic() + 60
    while (after := served_version(api)) == before and time.monotonic() < deadline:
        time.sleep(1)
    say(f"Training: {verdict}. Version {after} is being served (it was {before}).")
    return {"played": played, "drift_check": check, "training": verdict, "before": before, "after": after}


def served_version(api: str) -> str:
    """Version that the API serves now. Raises BadInput if there is no API."""
    try:
        data = httpx.get(f"{api}/v1/models", timeout=10, trust_env=False).json()["data"]
    except httpx.TransportError:
        raise BadInput(f"nothing answers on {api}; start `deskloop demo` or `deskloop up` first") from None
    return data[0]["id"] if data else "none"


class PrefectApi:
    """The few calls of Prefect's REST API that following a run takes."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=30, trust_env=False)
        self.began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def start(self, deployment: str) -> str:
        """Start a deployment's run. Returns its id."""
        found = self.http.get(f"/deployments/name/{deployment}")
        if found.status_code == 404:
            raise BadInput(f"the dashboard knows no deployment {deployment}; is `deskloop up` running?")
        run = self.http.post(f"/deployments/{found.json()['id']}/create_flow_run", json={})
        return str(run.raise_for_status().json()["id"])

    def wait(self, run_id: str) -> str:
        """Wait until a run has ended. Returns its state's name and message."""

        def ended() -> str | None:
            run = self.http.get(f"/flow_runs/{run_id}").raise_for_status().json()
            final = run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
            return run["state_name"] if final else None

        return _until(ended, f"run {run_id} to end")

    def next_run(self, flow: str, name_part: str) -> str:
        """Wait for a run of `flow` that began after this object was made. Returns its id."""
        query = {
            "flows": {"name": {"any_": [flow]}},
            "flow_runs": {"expected_start_time": {"after_": self.began}, "deployment_id": {"is_null_": False}},
        }

        def started() -> str | None:
            runs = self.http.post("/flow_runs/filter", json=query).raise_for_status().json()
            caused = [r for r in runs if name_part in str(r["parameters"])]
            return str(caused[0]["id"]) if caused else None

        return _until(started, f"a run of {flow}")


def _until(probe: Callable[[], str | None], what: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := probe()) is not None:
            return found
        time.sleep(1)
    raise BadInput(f"waited {PATIENCE_SECONDS} s for {what}; see the dashboard")


def _say(text: str) -> None:
    print(text, flush=True)


def _quiet(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
