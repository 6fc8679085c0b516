"""Flows on this host: with the Prefect server that is running, or one started for the occasion."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from deskloop.errors import BadInput
from deskloop.host import Host, prefect_environment, require_free_port, require_room
from deskloop.settings import NO_SOURCE, Settings
from deskloop.store import Store


def train(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """Run the train flow in this process. Returns its outcome in JSON form."""
    from deskloop.generator import base

    if not settings.sources:  # before a server is started for nothing
        raise BadInput(NO_SOURCE)
    for path in (base.base_path, base.encoder_path):
        path(settings)
    with prefect_server(settings):
        from deskloop.requests import TrainRequest
        from flows.train import train as flow

        return flow(TrainRequest(**request)).model_dump(mode="json")


def prepare(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """Run the prepare flow in this process. Returns counts, the tables' digests and the path of the data card."""
    if not settings.sources:
        raise BadInput(NO_SOURCE)
    with prefect_server(settings):
        from deskloop.datacard import COUNTS, PAGE
        from deskloop.requests import PrepareRequest
        from flows.prepare import prepare as flow

        made = flow(PrepareRequest(**request))
    folder = Store(settings.store_root).path(made.card)
    tables = {name: receipt["sha256"] for name, receipt in made.model_dump().items() if name != "card"}
    return {**json.loads((folder / COUNTS).read_bytes()), "tables": tables, "card": str(folder / PAGE)}


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
        except Exception:
            require_room(settings.home)  # Prefect's server answers 500 then, which says nothing
            raise
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


def stay_up(settings: Settings, config: str | None, ready: Callable[[dict[str, Any]], None]) -> None:
    """Prefect server, schedules and API, until interrupted or until one of them ends; `ready` hears where."""
    require_free_port(settings.serve.host, settings.serve.port, "serve.port")
    require_free_port("127.0.0.1", settings.prefect_port, "prefect_port")
    with Host(settings, service_environment(settings, config)) as host:
        host.start_prefect()
        host.wait_for_prefect()
        start_services(host)
        ready(places(settings))
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


def places(settings: Settings) -> dict[str, Any]:
    """Where to look, for a program."""
    chat = f"http://{settings.serve.host}:{settings.serve.port}"
    return {
        "url": f"{chat}/",
        "desk": f"{chat}/desk",
        "dashboard": f"http://127.0.0.1:{settings.prefect_port}/",
        "logs": str(settings.home / "logs"),
        "pid": os.getpid(),
    }


def addresses(settings: Settings) -> str:
    """Where to look, for a person."""
    found = places(settings)
    return (
        f"\n  chat       {found['url']}\n  desk       {found['desk']}  (token in {settings.home / 'desk-token'})\n"
        f"  dashboard  {found['dashboard']}\n  logs       {found['logs']}\n"
        "\nCtrl-C stops everything.\n"
    )


def import_flows() -> None:
    """Load the flows and what they bring in, for instance while a server boots."""
    import flows.monitor
    import flows.train  # noqa: F401
