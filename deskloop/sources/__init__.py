"""Where a team's history is read from: one module per kind of source, all giving the same Batch.

A source raises BadInput for what a person must mend and TransientError for what may pass by itself.
Knows nothing about cleaning; records leave here raw.
"""

from __future__ import annotations

from types import ModuleType

from deskloop.settings import AnySource, Settings
from deskloop.sources.batch import Batch

__all__ = ["Batch", "fingerprint", "read"]


def read(source: AnySource, settings: Settings) -> Batch:
    """Read a source whole. Raises BadInput or TransientError."""
    return _module(source).read(source, settings)


def fingerprint(source: AnySource, settings: Settings) -> str:
    """Hex digest of what the source holds now and of how it is read; equal digests mean an equal Batch."""
    return _module(source).fingerprint(source, settings)


def _module(source: AnySource) -> ModuleType:
    """The kind's module; spelled out, so that who reads the imports sees what a source's result depends on."""
    match source.kind:
        case "faq":
            from deskloop.sources import faq

            return faq
        case "files":
            from deskloop.sources import files

            return files
        case "helpdesk":
            from deskloop.sources import helpdesk

            return helpdesk
        case "mail":
            from deskloop.sources import mail

            return mail
        case "sql":
            from deskloop.sources import sql

            return sql
        case "synthetic":
            from deskloop.sources import synthetic

            return synthetic
        case "traffic":
            from deskloop.sources import traffic

            return traffic
