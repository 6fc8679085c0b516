"""A mailbox on an IMAP server: new messages by UID, deleted ones by the list of UIDs. Reads alone: it marks nothing
as seen.

Knows nothing about threads; messages go the way of those of an mbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from functools import partial

from deskloop.origins import ImapSource
from deskloop.settings import Settings
from deskloop.sources import journal
from deskloop.sources.batch import Batch, Builder
from deskloop.sources.mail import converse
from deskloop.sources.mailbox import Mailbox
from deskloop.sources.mime import header, parse

_AT_ONCE = 50
_MOST_BYTES = 25_000_000
_LARGE = 100_000


def read(source: ImapSource, settings: Settings) -> Batch:
    """Every message of the folders as it is now. Raises BadInput or TransientError."""
    builder = Builder(source.name)
    found = journal.follow(source, settings, partial(_pages, source, settings))
    messages = []
    for key, record in found.items():
        if record["raw"] is None:
            builder.refuse(key, "message larger than 25 MB", record["subject"])
        else:
            messages.append((key, record["raw"].encode("latin-1")))
    converse(builder, messages, source.own_addresses, settings)
    return builder.batch(f"{source.user} on {source.host}")


def fingerprint(source: ImapSource, settings: Settings) -> str:
    """Digest of the folders' messages, after asking for new ones."""
    return journal.fingerprint(source, settings, partial(_pages, source, settings))


def _pages(source: ImapSource, settings: Settings, cursor: journal.Record | None) -> Iterator[journal.Page]:
    known = journal.keys(source, settings)
    read_to: dict[str, list[int]] = dict((cursor or {}).get("folders", {}))
    with Mailbox(source) as box:
        for folder in source.folders:
            validity, uids = box.listed(folder)
            before, last = read_to.get(folder, [validity, 0])
            if before != validity:  # numbered anew: all of the folder is another one (RFC 9051, 2.3.1.1)
                last = 0
            here = {_key(folder, validity, uid) for uid in uids}
            gone = (key for key in known if key.startswith(f"{folder}/") and key not in here)
            read_to = {**read_to, folder: [validity, last]}
            yield journal.Page(tuple(journal.Change(key, None) for key in gone), {"folders": read_to})
            new = sorted(uid for uid in uids if uid > last)
            for start in range(0, len(new), _AT_ONCE):
                batch = new[start : start + _AT_ONCE]
                messages = box.messages(folder, validity, batch, _MOST_BYTES)
                read_to = {**read_to, folder: [validity, batch[-1]]}
                changes = (journal.Change(_key(folder, validity, u), _record(raw)) for u, raw in messages.items())
                yield journal.Page(tuple(changes), {"folders": read_to})


def _key(folder: str, validity: int, uid: int) -> str:
    return f"{folder}/{validity}/{uid}"


def _record(message: tuple[bytes, bool]) -> journal.Record:
    """A message for the journal: its bytes one to one as text, and the addresses by which erasure finds it."""
    raw, whole = message
    parsed = parse(raw)
    people = [header(parsed, name) for name in ("From", "To", "Cc", "Reply-To")]
    kept = _without_files(parsed, raw).decode("latin-1") if whole else None
    return {"raw": kept, "subject": header(parsed, "Subject"), "people": people}


def _without_files(message: Message, raw: bytes) -> bytes:
    """The message, the content of its attachments left out if it is large: their headers list them still."""
    if len(raw) <= _LARGE:
        return raw
    for part in message.walk():
        if not part.is_multipart() and (part.get_content_maintype() != "text" or part.get_filename()):
            part.set_payload("")
    try:
        return message.as_bytes()
    except (ValueError, LookupError, AttributeError, TypeError):  # a header that cannot be written as it was read
        return raw
