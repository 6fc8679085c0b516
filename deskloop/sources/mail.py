"""Mailboxes: mbox, maildir, or a folder of .eml, .msg and .mbox files.

Threads become conversations; machines' mail is set aside.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

from deskloop.errors import BadInput
from deskloop.origins import MailSource
from deskloop.records import Attachment
from deskloop.settings import Settings
from deskloop.sources.batch import Batch, Builder, digest, existing, found_in, path_fingerprint, turn, visible_files
from deskloop.sources.identity import customer_hash
from deskloop.sources.mbox import messages
from deskloop.sources.mime import attachments, body_text, header, parse
from deskloop.sources.outlook import to_mail
from deskloop.sources.times import moment
from deskloop.sources.unpacked import open_bytes
from deskloop.text.spam import automatic, is_spam

_MOST_BYTES = 25_000_000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # begins every .msg
_SINGLE = (".eml", ".msg")
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
    converse(builder, _messages(source, builder), source.own_addresses, settings)
    return builder.batch(source.path)


def converse(
    builder: Builder, mails: Iterable[tuple[str, bytes]], own_addresses: tuple[str, ...], settings: Settings
) -> None:
    """Put messages (place, raw bytes) into threads, and these as conversations into `builder`."""
    accepted: list[Mail] = []
    seen: set[str] = set()
    for locator, raw in mails:
        if len(raw) > _MOST_BYTES:
            builder.refuse(locator, "message larger than 25 MB", raw[:1000])
            continue
        try:
            raw = to_mail(raw) if raw.startswith(_OLE) else raw
            message = parse(raw)
            mail = _mail(locator, message, raw)
            reason = _reason(message, mail, seen)
            if mail.at is None:
                builder.moment(header(message, "Date"), locator)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            # the standard library's mail parser raises any of these on a message that was made to break it
            builder.refuse(locator, f"not a readable mail ({str(error)[:100] or type(error).__name__})", raw[:1000])
            continue
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


def _messages(source: MailSource, builder: Builder) -> Iterator[tuple[str, bytes]]:
    path = existing(source, source.path)
    if not path.is_dir():
        yield from _single(path, builder) if _form(path) in _SINGLE else _mbox(source, path, builder)
        return
    files = _mails(path)
    if not any(_is_mail(path, file) for file in files):
        raise BadInput(f"source {source.name}: {path} holds no mail but {found_in(path, files)}; "
                       "give a maildir (with cur/ and new/) or a folder of .eml, .msg or .mbox files")  # fmt: skip
    for file in files:
        if not _is_mail(path, file):
            builder.refuse(file.name, "not a form of mail that is read (.eml, .msg, .mbox)")
        elif _form(file) == ".mbox":
            yield from _mbox(source, file, builder)
        else:
            yield from _single(file, builder)


def _mails(folder: Path) -> list[Path]:
    """The files of a maildir, or of a folder and the folders in it; hidden ones are nobody's mail."""
    if (folder / "cur").is_dir():
        return sorted(p for part in ("new", "cur") for p in (folder / part).glob("*") if p.is_file())
    return visible_files(folder)


def _is_mail(folder: Path, file: Path) -> bool:
    return (folder / "cur").is_dir() or _form(file) in (".mbox", *_SINGLE)


def _form(file: Path) -> str:
    return Path(file.name.removesuffix(".gz")).suffix.lower()


def _single(path: Path, builder: Builder) -> Iterator[tuple[str, bytes]]:
    stream, raw = open_bytes(path)
    with stream:
        data = stream.read(_MOST_BYTES + 1)
    if raw.problem:
        builder.refuse(path.name, raw.problem, data[:1000])
    else:
        yield path.name, data


def _mbox(source: MailSource, path: Path, builder: Builder) -> Iterator[tuple[str, bytes]]:
    for number, (raw, problem) in enumerate(messages(path, _MOST_BYTES), 1):
        if problem and number == 1 and path == source.path:
            raise BadInput(f"source {source.name}: {path} is no mbox ({problem}); give an mbox, "
                           "a maildir or a folder of .eml files")  # fmt: skip
        if problem:
            builder.refuse(f"{path.name}:{number}", problem, raw[:1000])
        else:
            yield f"{path.name}:{number}", raw


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
    written = header(message, "Date")
    try:
        found = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return moment(written)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _reason(message: Message, mail: Mail, seen: set[str]) -> str:
    """Why a message is set aside; empty if it is kept."""
    if not mail.sender:
        return "no sender" if mail.body.strip() else "not a mail message"
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
