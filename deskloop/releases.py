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
from deskloop.errors import BadInput


@dataclass(frozen=True)
class Release:
    """A registered bundle."""

    version: int
    sha256: str
    path: Path
    created_at: datetime
    verdict: dict[str, Any]
    metrics: dict[str, Any]
    reason: str
    retired: bool


class Releases:
    """The register of bundles in one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def register(
        self, path: Path, sha256: str, *, verdict: dict[str, Any], metrics: dict[str, Any], reason: str
    ) -> Release:
        """Give a sealed bundle its version. The same bundle registered again keeps the first."""
        with self.engine.begin() as c:
            known = c.execute(select(db.releases).where(db.releases.c.sha256 == sha256)).first()
            if known:
                return _release(known)
            row = {
                "path": str(path),
                "sha256": sha256,
                "verdict": verdict,
                "metrics": metrics,
                "reason": reason,
            }
            result = c.execute(insert(db.releases).values(**row))
            version = int(result.inserted_primary_key[0])  # type: ignore[index]  # one row, so one key
            _log(c, "register", None, version, reason)
        return self.get(version)

    def get(self, version: int) -> Release:
        """One release. Raises BadInput if there is none of that number."""
        with self.engine.connect() as c:
            row = c.execute(select(db.releases).where(db.releases.c.version == version)).first()
        if row is None:
            raise BadInput(f"there is no version {version}; `deskloop releases` lists them")
        return _release(row)

    def champion(self) -> Release | None:
        """The release that is served, if there is one."""
        join = select(db.releases).join(db.champion, db.champion.c.version == db.releases.c.version)
        with self.engine.connect() as c:
            row = c.execute(join).first()
        return _release(row) if row else None

    def promote(self, version: int, reason: str, action: str = "promote") -> None:
        """Point to `version`, in one transaction. Raises BadInput for an unknown or retired one."""
        if self.get(version).retired:
            raise BadInput(f"version {version} is retired and cannot be served again")
        with self.engine.begin() as c:
            before = c.execute(select(db.champion.c.version).with_for_update()).scalar()
            if before == version:
                return
            if before is None:
                c.execute(insert(db.champion).values(id=1, version=version, since=db.now()))
            else:
                c.execute(update(db.champion).values(version=version, since=db.now()))
            _log(c, action, before, version, reason)

    def rollback(self, reason: str, version: int | None = None) -> Release:
        """Point back to `version`, or to the champion before this one. Raises BadInput if there is none."""
        target = version if version is not None else self._previous()
        if target is None:
            raise BadInput("there is no earlier champion to roll back to")
        self.promote(target, reason, action="rollback")
        return self.get(target)

    def withdraw(self, version: int, reason: str) -> None:
        """Undo the promotion of `version`: point to the champion before it, or to none."""
        previous = self._previous()
        if previous is not None:
            self.promote(previous, reason, action="withdraw")
            return
        with self.engine.begin() as c:
            c.execute(delete(db.champion).where(db.champion.c.version == version))
            _log(c, "withdraw", version, None, reason)

    def history(self, limit: int = 50) -> list[dict[str, Any]]:
        """The audit log, newest first."""
        with self.engine.connect() as c:
            rows = c.execute(select(db.audit).order_by(db.audit.c.id.desc()).limit(limit))
            return [dict(row._mapping) for row in rows]

    def all(self) -> list[Release]:
        """All releases, newest first."""
        with self.engine.connect() as c:
            return [_release(r) for r in c.execute(select(db.releases).order_by(db.releases.c.version.desc()))]

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

    def release_lease(self, name: str) -> None:
        """Give the lease back early."""
        with self.engine.begin() as c:
            c.execute(delete(db.leases).where(db.leases.c.name == name))

    def _previous(self) -> int | None:
        """The champion before the present one, following the log back through rollbacks."""
        pointed = db.audit.c.action.in_(("promote", "rollback", "withdraw"))
        with self.engine.connect() as c:
            current = c.execute(select(db.champion.c.version)).scalar()
            rows = c.execute(
                select(db.audit.c.from_version)
                .where(pointed, db.audit.c.to_version == current, db.audit.c.from_version.is_not(None))
                .order_by(db.audit.c.id)
            )
            first = rows.first()
        return int(first[0]) if first else None


def _release(row: Any) -> Release:
    return Release(**{**row._mapping, "path": Path(row.path)})


def _log(c: Connection, action: str, before: int | None, after: int | None, reason: str) -> None:
    c.execute(insert(db.audit).values(action=action, from_version=before, to_version=after, reason=reason))
