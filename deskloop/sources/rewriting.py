"""Rewritings of labelled messages by an OpenAI-compatible server, kept in the source's raw area.

Each message is asked for once: a killed or repeated run asks only for what is missing. What is sent is
redacted. Knows the protocol, not how rewritings become records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import httpx

from deskloop.errors import BadInput, TransientError
from deskloop.origins import SyntheticSource
from deskloop.settings import Settings
from deskloop.sources import journal
from deskloop.sources.batch import digest
from deskloop.sources.journal import Change, Page, Pages
from deskloop.sources.retry import patient, retry_after

_AT_ONCE = 8  # messages to a page
_LONGEST = 4  # times the length of the original, in characters
_ASK = (
    "Rewrite the customer's message below in {count} different ways, as different customers would write it to a "
    "shop. Keep its meaning, its language and every <PLACEHOLDER>. One rewriting per line, nothing else.\n\n{text}"
)
_MARK = re.compile(r"""^\s*(?:[-*•]|\d{1,2}[.)])?\s*["“]?(.*?)["”]?\s*$""")


def pages(source: SyntheticSource, settings: Settings, texts: Mapping[str, str]) -> Pages:
    """Changes by which the journal holds the rewritings of just these texts (redacted ones, by the core's id)."""
    wanted = {f"{core}:{digest(text)[:16]}": text for core, text in texts.items()}

    def since(cursor: dict[str, Any] | None) -> Iterator[Page]:
        known = journal.keys(source, settings)
        gone = tuple(Change(key, None) for key in sorted(known - set(wanted)))
        missing = [key for key in wanted if key not in known]
        if gone or not missing:
            yield Page(gone, {})
        with _client(source) as client:
            for at in range(0, len(missing), _AT_ONCE):
                page = missing[at : at + _AT_ONCE]
                yield Page(tuple(Change(k, _rewritten(source, client, wanted[k])) for k in page), {})

    return since


def rewritten(source: SyntheticSource, settings: Settings, texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Rewritings by the core's id, at most `per_core` of each. Raises BadInput or TransientError."""
    kept = journal.follow(source, settings, pages(source, settings, texts))
    return {key.rpartition(":")[0]: list(record["texts"]) for key, record in kept.items()}


def _client(source: SyntheticSource) -> httpx.Client:
    headers = {"Authorization": f"Bearer {source.key.get_secret_value()}"} if source.key else {}
    return httpx.Client(base_url=str(source.url).rstrip("/"), headers=headers, timeout=120)


def _rewritten(source: SyntheticSource, client: httpx.Client, text: str) -> dict[str, Any]:
    said = patient(partial(_said, source, client, _ASK.format(count=source.per_core, text=text)))
    found: dict[str, str] = {text.lower(): ""}
    for line in said.splitlines():
        match = _MARK.match(line)
        new = " ".join(match[1].split()) if match else ""
        if new and len(new) <= _LONGEST * len(text) + 40:
            found.setdefault(new.lower(), new)
    return {"texts": [new for new in found.values() if new][: source.per_core]}


def _said(source: SyntheticSource, client: httpx.Client, prompt: str) -> str:
    talk = [{"role": "user", "content": prompt}]
    body = {"model": source.model, "messages": talk, "temperature": 0.8, "seed": source.seed}
    try:
        response = client.post("/chat/completions", json=body)
    except httpx.HTTPError as error:
        raise TransientError(f"source {source.name}: {source.url} does not answer ({error})") from None
    if response.status_code == 429 or response.status_code >= 500:
        after = retry_after(response.headers.get("retry-after"))
        raise TransientError(f"source {source.name}: {source.url} said {response.status_code}", after)
    try:
        response.raise_for_status()
        return str(response.json()["choices"][0]["message"]["content"] or "")
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        told = f"{response.status_code}, not a chat completion"
        raise BadInput(f"source {source.name}: {source.url} said {told}; check `url`, `model` and `key`") from None
