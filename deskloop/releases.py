"""Versions, the champion pointer, leases and the audit log. MLflow is its mirror, never its master.

A promotion is one transaction over one row: a reader sees the old champion or the new one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from deskloop import database as db
from deskloop.errors import BadInput, CorruptBundle
from deskloop.records import Receipt
from deskloop.settings import Settings
from deskloop.store import Store


@dataclass(frozen=True)
class Release:
    """A registered bundle. `origin` is where it lay on the host that registered it, `store` the root it is in."""

    version: int
    sha256: str
    origin: Path
    created_at: datetime
    verdict: dict[str, Any]
    metrics: dict[str, Any]
    reason: str
    retired: bool
    store: str | None = None

    @property
    def path(self) -> Path:
        """Where the bundle lies here: a home may have moved, and a remote store is fetched from at first sight.

        What is not in the store, as a bundle that was removed, is where it was registered or nowhere.
        """
        if self.store is None:
            return self.origin
        try:
            return Store(self.store).path(Receipt(kind="bundle", sha256=self.sha256, rows=1))
        except CorruptBundle:
            return self.origin


class Releases:
    """The register of bundles in one database; they lie in the store of root `store`."""

    def __init__(self, engine: Engine, store: str | None = None) -> None:
        self.engine = engine
        self._store = store

    @classmethod
    def of(cls, settings: Settings) -> Releases:
        """The register in the configured database."""
        return cls(db.connect(settings.database), settings.store_root)

    def register(
        self, path: Path, sha256: str, *, verdict: dict[str, Any], metrics: dict[str, Any], reason: str
    ) -> Release:
        """Give a sealed bundle its version. The same bundle registered again keeps the first."""
        row = {"path": str(path), "sha256": sha256, "verdict": verdict, "metrics": metrics, "reason": reason}
        same = select(db.releases).where(db.releases.c.sha256 == sha256)
        try:
            with self.engine.begin() as c:
                if c.execute(same).first() is None:
                    result = c.execute(insert(db.releases).values(**row))
                    version = int(result.inserted_primary_key[0])  # type: ignore[index]  # one row, one key
                    _log(c, "register", None, version, reason)
        except IntegrityError:
            pass  # another host registered it in this moment: its row is the first
        with self.engine.connect() as c:
            return self._release(c.execute(same).one())

    def get(self, version: int) -> Release:
        """One release. Raises BadInput if there is none of that number."""
        with self.engine.connect() as c:
            row = c.execute(select(db.releases).where(db.releases.c.version == version)).first()
        if row is None:
            raise BadInput(f"there is no version {version}; `deskloop releases` lists them")
        return self._release(row)

    def champion(self) -> Release | None:
        """The release that is served, if there is one."""
        join = select(db.releases).join(db.champion, db.champion.c.version == db.releases.c.version)
        with self.engine.connect() as c:
            row = c.execute(join).first()
        return self._release(row) if row else None

    def _release(self, row: Any) -> Release:
        known = dict(row._mapping)
        return Release(origin=Path(known.pop("path")), store=self._store, **known)

    def promote(self, version: int, reason: str) -> None:
        """Point to `version`, in one transaction. Raises BadInput for an unknown or retired one."""
        self._point(version, "promote", reason)

    def rollback(self, reason: str, version: int | None = None) -> Release:
        """Point back to `version`, or to the champion before this one. Raises BadInput if there is none.

        Two at the same time go back one step, not two.
        """
        current, previous = self._way_back()
        target = version if version is not None else previous
        if target is None:
            raise BadInput("there is no earlier champion to roll back to")
        self._point(target, "rollback", reason, seen=current)
        return self.get(target)

    def withdraw(self, version: int, reason: str) -> None:
        """Undo the promotion of `version`: point to the champion before it, or to none.

        Does nothing if another version has become champion since.
        """
        current, previous = self._way_back()
        if current != version:
            return
        if previous is not None:
            self._point(previous, "withdraw", reason, seen=version)
            return
        with self.engine.begin() as c:
            if c.execute(delete(db.champion).where(db.champion.c.version == version)).rowcount:
                _log(c, "withdraw", version, None, reason)

    def retire(self, version: int, reason: str) -> None:
        """Never promote or roll back to `version` again. A champion answers on until another is promoted."""
        known = db.releases.c
        with self.engine.begin() as c:
            change = update(db.releases).where(known.version == version, known.retired.is_(False))
            if c.execute(change.values(retired=True)).rowcount:
                _log(c, "retire", version, None, reason)

    def champions_before(self) -> dict[int, int | None]:
        """For each version, the champion at the moment it was registered."""
        log, champion = db.audit.c, None
        found: dict[int, int | None] = {}
        with self.engine.connect() as c:
            for action, to in c.execute(select(log.action, log.to_version).order_by(log.id)):
                if action == "register":
                    found[to] = champion
                elif action in ("promote", "rollback", "withdraw"):
                    champion = to
        return found

    def note(self, action: str, version: int, reason: str) -> None:
        """Write a line of the audit log that moves nothing: `ask`, `approve` or `refuse`."""
        with self.engine.begin() as c:
            _log(c, action, None, version, reason)

    def decision(self, version: int) -> dict[str, Any] | None:
        """The latest line in which a person approved or refused a version."""
        return self._latest(version, ("approve", "refuse"))

    def waiting(self, version: int) -> str | None:
        """What the version's unanswered question says, which names its flow run; None if it waits for nobody."""
        line = self._latest(version, ("ask", "approve", "refuse"))
        return str(line["reason"]) if line and line["action"] == "ask" else None

    def _latest(self, version: int, actions: tuple[str, ...]) -> dict[str, Any] | None:
        log = db.audit.c
        wanted = select(db.audit).where(log.to_version == version, log.action.in_(actions)).order_by(log.id.desc())
        with self.engine.connect() as c:
            row = c.execute(wanted.limit(1)).first()
        return dict(row._mapping) if row else None

    def history(self, limit: int = 50) -> list[dict[str, Any]]:
        """The audit log, newest first."""
        with self.engine.connect() as c:
            rows = c.execute(select(db.audit).order_by(db.audit.c.id.desc()).limit(limit))
            return [dict(row._mapping) for row in rows]

    def all(self) -> list[Release]:
        """All releases, newest first."""
        with self.engine.connect() as c:
            return [self._release(r) for r in c.execute(select(db.releases).order_by(db.releases.c.version.desc()))]

    def acquire_lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take the lease if it is free or has run out: exactly one caller gets True."""
        until = time.time() + seconds
        lease = db.leases.c
        with self.engine.begin() as c:
            free = (lease.name == name) & (lease.expires_at < time.time())
            if c.execute(update(db.leases).where(free).values(holder=holder, expires_at=until)).rowcount:
                return True
        try:
            with self.engine.begin() as c:
                c.execute(insert(db.leases).values(name=name, holder=holder, expires_at=until))
        except IntegrityError:
            return False
        return True

    def _point(self, version: int, action: str, reason: str, seen: int | None = None) -> None:
        """Move the pointer in one transaction; with `seen`, only if it still points there."""
        try:
            with self.engine.begin() as c:
                # what is read stays true until the commit: the update, which changes nothing, takes SQLite's
                # write lock, and FOR UPDATE takes the row's on Postgres
                c.execute(update(db.champion).values(version=db.champion.c.version))
                before = c.execute(select(db.champion.c.version).with_for_update()).scalar()
                _require_servable(c, version)
                if before == version:
                    return
                if seen is not None and before != seen:
                    raise BadInput(f"the champion changed from version {seen} to {before} meanwhile; look again")
                values = {"version": version, "since": db.now()}
                c.execute(
                    update(db.champion).values(**values) if before else insert(db.champion).values(id=1, **values)
                )
                _log(c, action, before, version, reason)
        except IntegrityError:  # two first champions at once: now there is a row to lock
            self._point(version, action, reason, seen)

    def _way_back(self) -> tuple[int | None, int | None]:
        """The champion and the one before it: promotions stack up, rollbacks and withdrawals unstack."""
        log, known = db.audit.c, db.releases.c
        moves = select(log.action, log.to_version).where(log.action.in_(("promote", "rollback", "withdraw")))
        with self.engine.connect() as c:
            rows = c.execute(moves.order_by(log.id)).all()
            retired = set(c.execute(select(known.version).where(known.retired)).scalars())
        stack: list[int] = []
        for action, to in rows:
            if action == "promote" or (to is not None and to not in stack):
                stack.append(to)
            else:
                while stack and stack[-1] != to:
                    stack.pop()
        earlier = [v for v in stack[:-1] if v not in retired]
        return (stack[-1] if stack else None), (earlier[-1] if earlier else None)


def _require_servable(c: Connection, version: int) -> None:
    retired = c.execute(select(db.releases.c.retired).where(db.releases.c.version == version)).scalar()
    if retired is None:
        raise BadInput(f"there is no version {version}; `deskloop releases` lists them")
    if retired:
        raise BadInput(f"version {version} is retired and cannot be served again")


def _log(c: Connection, action: str, before: int | None, after: int | None, reason: str) -> None:
    c.execute(insert(db.audit).values(action=action, from_version=before, to_version=after, reason=reason))
