"""Flows on this host: with the Prefect server that is running, or one started for the occasion."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from deskloop.host import Host, prefect_environment, require_free_port
from deskloop.settings import Settings


def train(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """Run the train flow in this process. Returns its outcome in JSON form."""
    with prefect_server(settings):
        from deskloop.requests import TrainRequest
        from flows.train import train as flow

        return flow(TrainRequest(**request)).model_dump(mode="json")


def monitor(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """Run one drift check in this process. Returns its outcome in JSON form."""
    with prefect_server(settings):
        from deskloop.requests import MonitorRequest
        from flows.monitor import monitor as flow

        return flow(MonitorRequest(**request)).model_dump(mode="json")


@contextmanager
def prefect_server(settings: Settings) -> Iterator[None]:
    """Point this process at the project's Prefect server; start one if none answers."""
    environment = prefect_environment(settings)
    os.environ.update(environment)
    if answers(f"{environment['PREFECT_API_URL']}/health"):
        yield
        return
    with Host(settings) as host:
        host.start_prefect()
        import_flows()  # while the server boots
        host.wait_for_prefect()
        try:
            yield
        finally:
            settle()


def settle() -> None:
    """Send what this process still owes the server: once it is gone, Prefect would try for over a minute."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=10)


def answers(url: str) -> bool:
    """Does something healthy listen there?"""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def stay_up(settings: Settings, config: str | None) -> None:
    """Prefect server, schedules and API, until interrupted or until one of them ends."""
    require_free_port(settings.serve.host, settings.serve.port, "serve.port")
    with Host(settings, service_environment(settings, config)) as host:
        host.start_prefect()
        host.wait_for_prefect()
        start_services(host)
        print(addresses(settings), flush=True)
        try:
            host.watch()
        except KeyboardInterrupt:
            print("stopping", file=sys.stderr)


def start_services(host: Host) -> None:
    """The timetable and the API, beside a Prefect server that is up."""
    host.start("timetable", "-m", "deployments.local")
    host.start("api", "-m", "deskloop.cli", "serve")
    serve = host.settings.serve
    host.wait_for("api", f"http://{serve.host}:{serve.port}/healthz")


def service_environment(settings: Settings, config: str | None) -> dict[str, str]:
    """What the children need to know: the configuration and the desk's token."""
    from deskloop.web.token import desk_token

    environment = {"DESKLOOP_SERVE__DESK_TOKEN": desk_token(settings)}
    return environment | ({"DESKLOOP_CONFIG": config} if config else {})


def addresses(settings: Settings) -> str:
    """Where to look."""
    chat = f"http://{settings.serve.host}:{settings.serve.port}"
    return (
        f"\n  chat       {chat}/\n  desk       {chat}/desk  (token in {settings.home / 'desk-token'})\n"
        f"  dashboard  http://127.0.0.1:{settings.prefect_port}/\n  logs       {settings.home / 'logs'}\n"
        "\nCtrl-C stops everything.\n"
    )


def import_flows() -> None:
    """Load the flows and what they bring in, for instance while a server boots."""
    import flows.monitor
    import flows.train  # noqa: F401
