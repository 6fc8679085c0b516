"""The app: puts routes, pages, the live champion and the stores together, and runs them with uvicorn."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from deskloop import tracking
from deskloop.database import connect
from deskloop.host import require_free_port
from deskloop.outbox import Outbox
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.takeovers import Takeovers
from deskloop.traffic import Traffic
from deskloop.web import chat, chatwoot, desk, failures, health, pages
from deskloop.web.edge import Edge
from deskloop.web.live import Live, LoadBot, load_bundle
from deskloop.web.rate import RateLimit
from deskloop.web.service import Service
from deskloop.web.workers import Workers

THREADS_PER_REPLICA = 16  # an engine replica decodes 8 together; the next 8 are read meanwhile
WAITING_PER_REPLICA = 48
BODY_BYTES = 1 << 20
MIRROR_SECONDS = 30.0
log = logging.getLogger(__name__)


def create_app(settings: Settings, load_bot: LoadBot = load_bundle, look_every: float = 1.0) -> FastAPI:
    """The API and the pages. `look_every` is the seconds between looks at the champion pointer.

    Raises BadInput if the database cannot be opened.
    """
    service = _service(settings, load_bot, look_every)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.live.start)
        mirror = threading.Thread(target=_reconcile, args=(service,), name="mirror", daemon=True)
        mirror.start()
        yield
        await asyncio.to_thread(_close, service, mirror)

    app = FastAPI(title="Deskloop", version=version("deskloop"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    failures.install(app)
    app.add_middleware(Edge, meters=service.meters, limit=BODY_BYTES)
    for module in (health, chat, chatwoot, desk, pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=pages.STATIC), name="static")
    return app


def serve(settings: Settings, ready: Callable[[dict[str, Any]], None] = lambda where: None) -> None:
    """Run the API until interrupted; `ready` hears where, once it listens.

    Raises BadInput if the port is taken, the database is no good or the champion's bundle is corrupt.
    """
    import uvicorn

    where = settings.serve
    require_free_port(where.host, where.port, "serve.port")
    app = create_app(settings)
    app.state.service.live.require()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # no access log: a path holds a conversation's id, which is what lets one read it
    config = uvicorn.Config(
        app, where.host, where.port, log_config=None, access_log=False, timeout_graceful_shutdown=10
    )
    chat = f"http://{where.host}:{where.port}/"

    class Announced(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                desk = {"desk": f"{chat}desk"} if where.desk_token else {}
                ready({"url": chat, **desk, "pid": os.getpid()})

    Announced(config).run()


def _service(settings: Settings, load_bot: LoadBot, look_every: float) -> Service:
    engine = connect(settings.database)
    releases = Releases(engine, settings.store_root)
    replicas = settings.serve.replicas
    return Service(
        settings=settings,
        releases=releases,
        traffic=Traffic(engine),
        takeovers=Takeovers(engine),
        outbox=Outbox(settings.home),
        live=Live(releases, settings, load_bot, look_every),
        workers=Workers(THREADS_PER_REPLICA * replicas, WAITING_PER_REPLICA * replicas),
        rate=RateLimit(settings.serve.rate_per_minute),
    )


def _reconcile(service: Service) -> None:
    """Write what the mirror lacks. Without a release there is nothing to write, nor a mirror to be made."""
    if service.releases.all():
        tracking.mirror(service.settings, service.releases)


def _close(service: Service, mirror: threading.Thread) -> None:
    service.workers.close()
    mirror.join(timeout=MIRROR_SECONDS)  # cut short, it could leave half of MLflow's tables
    service.live.stop()
    service.releases.engine.dispose()
