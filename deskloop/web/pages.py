"""The chat page and the desk page: two HTML files, their scripts and styles; nothing is built."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from deskloop.web.edge import framed_by
from deskloop.web.guard import ticket
from deskloop.web.service import Service, service

STATIC = Path(__file__).with_name("static")
router = APIRouter(include_in_schema=False)
Shared = Annotated[Service, Depends(service)]


@router.get("/")
def chat(service: Shared) -> Response:
    """The customer's page, which other websites may show in a frame if they are named (`static/embed.js`)."""
    response = _page("chat.html", service)
    response.headers.update(framed_by(service.settings.serve.embed_on))
    return response


@router.get("/desk")
def desk(service: Shared) -> Response:
    """The colleagues' page."""
    return _page("desk.html", service)


def _page(name: str, service: Service) -> HTMLResponse:
    text = (STATIC / name).read_text("utf-8")
    serve = service.settings.serve
    values = {"shop": html.escape(service.settings.shop.name), "max_chars": serve.max_message_chars}
    values["ticket"] = ticket(serve) if name == "chat.html" else ""
    return HTMLResponse(Template(text).substitute(values))
