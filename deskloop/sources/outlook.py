"""Outlook's .msg files as raw mail messages; attachments give their names and sizes, not their content."""

from __future__ import annotations

import io
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oxmsg import Message

_HEADERS = ("From", "To", "Cc", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "Precedence",
            "X-Spam-Flag")  # fmt: skip


def to_mail(data: bytes) -> bytes:
    """The message of a .msg file as RFC 5322 bytes. Raises ValueError if it is not readable as one."""
    from oxmsg import Message

    try:
        _bounded(data)
        return _built(Message.load(data))
    except Exception as error:  # the parser of the container raises whatever its struct or index met first
        raise ValueError(f"not a readable .msg file ({type(error).__name__})") from None


def _bounded(data: bytes) -> None:
    """Refuse a container whose streams add up to more than the file: they overlap, and reading unfolds them."""
    from olefile import OleFileIO

    with OleFileIO(io.BytesIO(data)) as container:
        size = sum(entry.size for entry in container.direntries if entry is not None and entry is not container.root)
    if size > len(data):
        raise ValueError("its streams overlap")


def _built(message: Message) -> bytes:
    found = {name.lower(): value for name, value in message.message_headers.items()}
    out = EmailMessage()
    for name in _HEADERS:
        if found.get(name.lower()):
            out[name] = " ".join(str(found[name.lower()]).split())
    _fill(out, message)
    if message.body:
        out.set_content(message.body)
    else:
        out.set_content(message.html_body or "", subtype="html")
    for attached in message.attachments:
        name = attached.file_name or "unnamed"
        out.add_attachment(b"", maintype="application", subtype="octet-stream", filename=" ".join(name.split()),
                           params={"size": str(attached.size)})  # fmt: skip
    return out.as_bytes()


def _fill(out: EmailMessage, message: Message) -> None:
    """What the transport headers lack is taken from Outlook's own fields."""
    out["Subject"] = " ".join(message.subject.split())
    if "From" not in out and message.sender:
        out["From"] = " ".join(message.sender.split())
    people = [r.email_address for r in message.recipients if r.email_address]
    if "To" not in out and people:
        out["To"] = ", ".join(people)
    if "Date" not in out and message.sent_date:
        out["Date"] = format_datetime(message.sent_date)
