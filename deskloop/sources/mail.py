"""Mailboxes: mbox, maildir, or a folder of .eml, .msg and .mbox files.

Threads become conversations; machines' mail is set aside.
"""

from __future__ import annotations

import mailbox
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

from deskloop.errors import BadInput
from deskloop.records import Attachment
from deskloop.settings import MailSource, Settings
from deskloop.sources.batch import Batch, Builder, digest, existing, path_fingerprint, turn
from deskloop.sources.identity import customer_hash
from deskloop.sources.mime import attachments, body_text, header, parse
from deskloop.sources.outlook import to_mail
from deskloop.text.spam import automatic, is_spam

_MOST_BYTES = 25_000_000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # begins every .msg
_SAME_THREAD = timedelta(days=30)
_REPLY = re.compile(
    r"^(?:\s*(?:re|aw|antw|sv|vs|r|rif|res|fw|fwd|wg|tr|doorst|odp|ynt|ref)\s*(?:\[\d+\])?\s*:\s*|\s*\[[^\]]{1,30}\]\s*)+",
    re.I,
)


@dataclass(frozen=True)
class Mail:
    """One message, as far as threads and turns need it."""

    locator: str
    id: str
    parents: tuple[str, ...]
    subject: str
    sender: str
    name: str
    recipients: tuple[str, ...]
    at: datetime | None
    body: str
    attachments: tuple[Attachment, ...]
    raw: bytes


def read(source: MailSource, settings: Settings) -> Batch:
    """Read the mailbox. Counts conversations and refused messages. Raises BadInput if it is no mailbox."""
    builder = Builder(source.name)
    converse(builder, _messages(source), source.own_addresses, settings)
    return builder.batch(source.path)


def converse(
    builder: Builder, messages: Iterable[tuple[str, bytes]], own_addresses: tuple[str, ...], settings: Settings
) -> None:
    """Put messages (place, raw bytes) into threads, and these as conversations into `builder`."""
    accepted: list[Mail] = []
    seen: set[str] = set()
    for locator, raw in messages:
        if len(raw) > _MOST_BYTES:
            builder.refuse(locator, "message larger than 25 MB", raw[:1000])
            continue
        if raw.startswith(_OLE):
            try:
                raw = to_mail(raw)
            except ValueError as error:
                builder.refuse(locator, str(error))
                continue
        message = parse(raw)
        mail = _mail(locator, message, raw)
        reason = _reason(message, mail, seen)
        if reason:
            builder.refuse(locator, reason, f"{mail.subject} {mail.body}")
        else:
            accepted.append(mail)
    own = own_addresses or _most_written_to(accepted)
    for thread in _threads(accepted, own):
        _add(builder, thread, own, settings)


def fingerprint(source: MailSource, settings: Settings) -> str:
    """Digest of the mailbox."""
    return path_fingerprint(source, source.path)


def _messages(source: MailSource) -> Iterator[tuple[str, bytes]]:
    path = existing(source, source.path)
    if path.is_dir() and (path / "cur").is_dir():
        files = sorted(p for part in ("new", "cur") for p in (path / part).glob("*") if p.is_file())
    elif path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in (".eml", ".msg", ".mbox"))
    elif path.suffix.lower() in (".eml", ".msg"):
        files = [path]
    else:
        yield from _mbox(source, path)
        return
    for file in files:
        if file.suffix.lower() == ".mbox":
            yield from _mbox(source, file)
            continue
        with file.open("rb") as stream:
            yield file.name, stream.read(_MOST_BYTES + 1)


def _mbox(source: MailSource, path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise BadInput(f"source {source.name}: {path} cannot be read: {error.strerror}") from None
    if head and not head.lstrip().startswith(b"From "):
        raise BadInput(f"source {source.name}: {path} is no mbox (no line begins with `From `); give an mbox, "
                       "a maildir or a folder of .eml files")  # fmt: skip
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.keys(), 1):
            yield f"{path.name}:{number}", box.get_bytes(key)
    finally:
        box.close()


def _mail(locator: str, message: Message, raw: bytes) -> Mail:
    people = getaddresses([header(message, "From")])
    name, sender = people[0] if people else ("", "")
    to = getaddresses([header(message, field) for field in ("To", "Cc", "Delivered-To")])
    references = re.findall(r"<[^<>\s]+>", f"{header(message, 'References')} {header(message, 'In-Reply-To')}")
    return Mail(
        locator=locator,
        id=header(message, "Message-ID") or f"<{digest(raw)[:24]}>",
        parents=tuple(references),
        subject=header(message, "Subject"),
        sender=sender.lower(),
        name=name.strip("'\" "),
        recipients=tuple(a.lower() for _, a in to if a),
        at=_date(message),
        body=body_text(message),
        attachments=tuple(attachments(message)),
        raw=raw,
    )


def _date(message: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(header(message, "Date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _reason(message: Message, mail: Mail, seen: set[str]) -> str:
    """Why a message is set aside; empty if it is kept."""
    if not mail.sender and not mail.body.strip():
        return "not a mail message"
    if automatic(message, mail.sender, mail.subject, mail.body):
        return "auto-reply"
    if is_spam(f"{mail.subject}\n{mail.body}", header(message, "X-Spam-Flag") or header(message, "X-Spam-Status")):
        return "spam"
    if not mail.body.strip():
        return "empty text"
    copies = {mail.id, digest([mail.sender, mail.subject, " ".join(mail.body.split())])}
    if copies & seen:
        return "duplicate"
    seen |= copies
    return ""


def _most_written_to(mails: Iterable[Mail]) -> tuple[str, ...]:
    """With no own address configured: the desk is the address that most messages were sent to."""
    counts = Counter(a for m in mails for a in set(m.recipients))
    return (counts.most_common(1)[0][0],) if counts else ()


def _is_own(address: str, own: Iterable[str]) -> bool:
    return any(address == o.lower() or (o.startswith("@") and address.endswith(o.lower())) for o in own)


def _threads(mails: list[Mail], own: tuple[str, ...]) -> list[list[Mail]]:
    """Group by References and In-Reply-To, then by subject and customer within 30 days; each thread by date."""
    group: dict[str, str] = {}

    def find(key: str) -> str:
        while group.setdefault(key, key) != key:
            group[key] = group[group[key]]
            key = group[key]
        return key

    for mail in mails:
        for parent in mail.parents:
            group[find(parent)] = find(mail.id)
    latest: dict[tuple[str, str], Mail] = {}
    for mail in sorted(mails, key=_when):
        subject = _REPLY.sub("", mail.subject).strip().lower()
        customer = next((a for a in (mail.sender, *mail.recipients) if not _is_own(a, own)), "")
        before = latest.get((subject, customer))
        if before and subject and (_REPLY.match(mail.subject) and _when(mail) - _when(before) <= _SAME_THREAD):
            group[find(before.id)] = find(mail.id)
        latest[subject, customer] = mail
    threads: dict[str, list[Mail]] = {}
    for mail in mails:
        threads.setdefault(find(mail.id), []).append(mail)
    return [sorted(thread, key=_when) for thread in threads.values()]


def _when(mail: Mail) -> datetime:
    return mail.at or datetime.min.replace(tzinfo=UTC)


def _add(builder: Builder, thread: list[Mail], own: tuple[str, ...], settings: Settings) -> None:
    customer = next((m for m in thread if not _is_own(m.sender, own)), None)
    first = thread[0]
    if customer is None:
        builder.refuse(first.locator, "no customer message", f"{first.subject} {first.body}")
        return
    turns = []
    for mail in thread:
        role = "agent" if _is_own(mail.sender, own) else "customer"
        turns.append(turn(role, _with_subject(mail) if mail is customer else mail.body, mail.at))
    builder.conversation(
        ",".join(m.locator for m in thread), b"".join(m.raw for m in thread),
        id=digest(first.id)[:16],
        channel="email",
        started_at=first.at,
        customer=customer_hash(customer.sender, settings),
        turns=tuple(turns),
        attachments=[a for m in thread for a in m.attachments],
        names=tuple(sorted({m.name for m in thread if m.name and "@" not in m.name})),
    )  # fmt: skip


def _with_subject(mail: Mail) -> str:
    """The body below its subject, where the subject says something of its own."""
    subject = _REPLY.sub("", mail.subject).strip()
    if len(subject.split()) < 2 or subject.lower() in mail.body.lower():
        return mail.body
    return f"{subject}\n\n{mail.body}"
