"""Removes one person from everything that Deskloop keeps, and certifies it without naming them.

What is theirs in raw areas and traffic is deleted row by row. A batch or dataset that holds them is deleted
whole, and so is all that could be derived from it: these are caches, the next run makes them anew without the
person. Versions trained since the person's first row was taken are retired. Knows the rooms, not the flows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from deskloop import occupied
from deskloop.database import connect
from deskloop.errors import BadInput
from deskloop.origins import SourceBase
from deskloop.outbox import Outbox
from deskloop.records import Conversation
from deskloop.releases import Release, Releases
from deskloop.settings import Settings
from deskloop.sources import journal
from deskloop.sources.batch import Batch
from deskloop.sources.erased import Erased, addresses, person_keys
from deskloop.sources.identity import customer_hash
from deskloop.store import MANIFEST, Store, raw_store
from deskloop.traffic import Traffic

_HASH = re.compile(r"[0-9a-f]{24}")
_SHORTEST = 4  # a shorter name or id is looked for in fields, not in served texts
NOT_COVERED = (
    "write-ahead logs and backups of a database server",
    "originals and backups that you keep",
    "another host's local copies of a shared store: run the same command there",
    "a copy of a model or dataset that somebody made outside the home folder and the store",
)


@dataclass
class Found:
    """Where one person is. `hashes` go on the erasure list; counts are of rows; digests are of store objects."""

    hashes: set[str]
    raw: dict[str, int] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)
    datasets: dict[str, int] = field(default_factory=dict)
    derived: list[str] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    traffic: list[str] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    first: float | None = None


def erase(who: str, settings: Settings, *, really: bool = False) -> dict[str, Any]:
    """Find a person by address, id, name or keyed hash and, if `really`, remove them. Returns the certificate.

    Raises BadInput for nobody, a name that several customers have, or while a run reads customers' rows.
    """
    who = who.strip()
    own = who if _HASH.fullmatch(who) else customer_hash(who, settings)
    if own is None:
        raise BadInput("--customer is empty; give the person's address, id, name or keyed hash")
    store, engine = Store(settings.store_root), connect(settings.database)
    traffic, releases = Traffic(engine), Releases(engine, settings.store_root)
    try:
        found = _found(who, own, settings, store, traffic, releases)
        if really:
            with occupied.alone(settings):
                found = _found(who, own, settings, store, traffic, releases)
                _remove(found, settings, store, traffic, releases)
        return _certificate(own, found, settings, releases, really)
    finally:
        engine.dispose()


def told(certificate: dict[str, Any]) -> str:
    """For a person."""
    c, done = certificate, certificate["erased"]
    lines = [
        f"{'Certificate of erasure' if done else 'Dry run: nothing was removed'} (customer {c['customer']})",
        f"  raw areas:    {_counts(c['raw'])}",
        f"  batches:      {c['batches']['rows']} rows in {c['batches']['objects']} batches",
        f"  datasets:     {c['datasets']['rows']} rows in {c['datasets']['objects']} tables",
        f"  derived:      {c['derived']} objects (features, indexes, models in the making)",
        f"  traffic:      {c['traffic']} conversations",
        f"  versions:     {', '.join(f'v{v}' for v in c['retired']) or 'none'} to be retired",
    ]
    if c["rebuild"]:
        lines.append(f"  v{c['rebuild']} answers until `deskloop run` has made its successor; then erase once more")
    lines += [f"  yours to mend: source {o['source']} ({o['where']})" for o in c["originals"]]
    lines += [f"  not covered:  {what}" for what in c["not_covered"]]
    end = f"  sha256 {c['sha256']}" if done else "  add --yes to remove all this"
    return "\n".join([*lines, end])


def _found(who: str, own: str, settings: Settings, store: Store, traffic: Traffic, releases: Releases) -> Found:
    objects = {digest: (path, _kind(path)) for digest, path in store.objects().items()}
    batches = raw_store(settings).objects()
    found = Found(_people(own, batches.values(), settings))
    listed = Erased(frozenset(found.hashes), settings)
    ids: set[str] = set()
    for digest, path in batches.items():
        theirs = [c for c in Batch.load(path).conversations if listed.in_conversation(c)]
        if theirs:
            found.batches[digest] = len(theirs)
            ids |= {name for c in theirs for name in (c.id, f"{c.source}:{c.id}")}
            found.sources |= {c.source for c in theirs}
    for digest, (path, kind) in objects.items():
        if kind == "table" and (rows := _rows(path, found.hashes, ids)):
            found.datasets[digest] = rows
    for folder in sorted((settings.home / "raw").glob("[!_]*/")):
        if rows := journal.count(SourceBase(name=folder.name), settings, _theirs(folder.name, listed)):
            found.raw[folder.name] = rows
            found.sources.add(folder.name)
    found.traffic = _conversations(who, listed, settings, traffic)
    _models(found, objects, batches, releases)
    return found


def _theirs(name: str, listed: Erased) -> Callable[[Any], bool]:
    """Whether a record in the raw area of the source of this name is of one of these people."""
    source = next((s for s in listed.settings.sources if s.name == name), None)
    return partial(listed.in_raw, keys=person_keys(source) if source else frozenset())


def _people(own: str, batches: Iterable[Path], settings: Settings) -> set[str]:
    """Keyed hashes of the person: the one asked for, or that of the customer whose name was given."""
    named: set[str] = set()
    for path in batches:
        for conversation in Batch.load(path).conversations:
            if conversation.customer == own:
                return {own}
            if conversation.customer and _has_name(conversation, own, settings):
                named.add(conversation.customer)
    if len(named) > 1:
        raise BadInput(f"that name fits {len(named)} customers; give the person's address, id or keyed hash")
    return named or {own}


def _has_name(conversation: Conversation, own: str, settings: Settings) -> bool:
    return any(customer_hash(name, settings) == own for name in conversation.names)


def _kind(path: Path) -> str:
    """What an object is, by its manifest; files are tables (Parquet) or JSON."""
    if path.is_file():
        with path.open("rb") as stream:
            return "table" if stream.read(4) == b"PAR1" else "json"
    return str(json.loads((path / MANIFEST).read_bytes()).get("kind", ""))


def _rows(path: Path, hashes: set[str], ids: set[str]) -> int:
    """Rows of a table that are of these customers or conversations."""
    import pandas as pd
    import pyarrow.parquet as parquet

    has = set(parquet.read_schema(path).names)
    wanted = [c for c in ("customer", "conversation_id", "id") if c in has]
    if "conversation_id" not in has and "customer" not in has:
        return 0  # knowledge, or what was set aside: no text of a customer's but a redacted excerpt
    frame = pd.read_parquet(path, columns=wanted)
    mine = pd.Series(False, index=frame.index)
    for column in wanted:
        mine |= frame[column].isin(hashes if column == "customer" else ids)
    return int(mine.sum())


def _conversations(who: str, listed: Erased, settings: Settings, traffic: Traffic) -> list[str]:
    """Served conversations under the person's id, or with them in a text that redaction did not catch."""
    said = re.compile(rf"(?<!\w){re.escape(who)}(?!\w)", re.I) if len(who) >= _SHORTEST else None

    def theirs(text: str) -> bool:
        return bool(said and said.search(text)) or listed.in_raw(addresses(text))

    found = set()
    for conversation, text in traffic.texts():
        if customer_hash(conversation, settings) in listed.hashes or theirs(text):
            found.add(conversation)
    return sorted(found)


def _models(found: Found, objects: dict[str, tuple[Path, str]], batches: dict[str, Path], releases: Releases) -> None:
    """Versions that may have learnt from the person, and every object that may be derived from their rows."""
    theirs = {*found.batches, *found.datasets}
    known = releases.all()
    if theirs:
        found.first = min((objects.get(d) or (batches[d],))[0].stat().st_mtime for d in theirs)
        kept = {r.sha256 for r in known}
        found.derived = sorted(d for d in objects if d not in kept and d not in theirs)
    found.releases = [
        r
        for r in known
        if (r.retired and r.path.exists())
        or (found.first is not None and not r.retired and r.created_at.timestamp() >= found.first - 1)
    ]


def _remove(found: Found, settings: Settings, store: Store, traffic: Traffic, releases: Releases) -> None:
    """The list first: whatever is cut off here, nobody can come back meanwhile."""
    listed = Erased.load(settings)
    listed.add(found.hashes)
    person = Erased(frozenset(found.hashes), settings)
    for name in found.raw:
        journal.remove(SourceBase(name=name), settings, _theirs(name, person))
    traffic.forget(found.traffic)
    Outbox(settings.home).forget(found.traffic)
    champion = releases.champion()
    for release in found.releases:
        releases.retire(release.version, "a customer was erased")
        if champion is None or release.version != champion.version:
            store.remove(release.sha256)
    raw = raw_store(settings)
    for digest in found.batches:
        raw.remove(digest)
    for digest in (*found.datasets, *found.derived):
        store.remove(digest)
    raw.renew()
    store.renew()


def _certificate(own: str, found: Found, settings: Settings, releases: Releases, really: bool) -> dict[str, Any]:
    champion = releases.champion()
    versions = sorted(r.version for r in found.releases)
    facts: dict[str, Any] = {
        "erased": really,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "customer": own,
        "erasure_list": sorted(found.hashes),
        "raw": found.raw,
        "batches": {"objects": len(found.batches), "rows": sum(found.batches.values())},
        "datasets": {"objects": len(found.datasets), "rows": sum(found.datasets.values())},
        "derived": len(found.derived),
        "traffic": len(found.traffic),
        "retired": versions,
        "rebuild": champion.version if champion and champion.version in versions else None,
        "originals": [{"source": s.name, "where": _where(s)} for s in settings.sources if s.name in found.sources],
        "not_covered": list(NOT_COVERED),
    }
    text = json.dumps(facts, sort_keys=True).encode()
    return {**facts, "sha256": hashlib.sha256(text).hexdigest()}


def _where(source: Any) -> str:
    """Path or address of an original, without what may be a password in it."""
    where = str(getattr(source, "path", "") or getattr(source, "url", "") or source.kind)
    return re.sub(r"(?<=//)[^/@]*@", "", where).partition("?")[0]


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} in {name}" for name, count in rows.items()) or "none"
