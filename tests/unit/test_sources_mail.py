"""Mailboxes become conversations of customer and desk."""

import mailbox
from email.message import EmailMessage

import pytest

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.origins import MailSource
from deskloop.settings import Settings

DESK = "shop@larkfell.example"


def mail(number, sender, to, subject, body, **headers):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = f"Mon, {number:02d} Jun 2025 10:00:00 +0200"
    message["Message-ID"] = f"<{number}@example.com>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message


def box(tmp_path, *messages):
    path = tmp_path / "box.mbox"
    found = mailbox.mbox(path)
    for message in messages:
        found.add(message)
    found.close()
    return path


def read(path, tmp_path, own=(DESK,)):
    source = MailSource(kind="mail", name="mail", path=path, own_addresses=own)
    return sources.read(source, Settings(home=tmp_path / "home"))


def test_a_thread_is_one_conversation(tmp_path):
    path = box(
        tmp_path,
        mail(3, DESK, "Anna <a@example.com>", "Re: Zip broke", "Send a photo", In_Reply_To="<2@example.com>"),
        mail(2, "Anna Smit <a@example.com>", DESK, "Zip broke", "It broke."),
        mail(4, "Anna Smit <a@example.com>", DESK, "Re: Zip broke", "Here it is."),
        mail(5, "Bob <b@example.com>", DESK, "Re: Zip broke", "Mine too."),
    )
    batch = read(path, tmp_path)
    assert [[t.role for t in c.turns] for c in batch.conversations] == [
        ["customer", "agent", "customer"],
        ["customer"],
    ]
    assert batch.conversations[0].turns[0].text.startswith("Zip broke\n\nIt broke.")
    assert "Anna Smit" in batch.conversations[0].names


def test_machines_spam_and_copies_are_set_aside(tmp_path):
    first = mail(1, "a@example.com", DESK, "Tent", "Is the tent in stock?")
    path = box(
        tmp_path,
        first,
        first,
        mail(2, "b@example.com", DESK, "Automatic reply: your order", "I am away"),
        mail(3, "c@example.com", DESK, "Hello", "I am out of office", Auto_Submitted="auto-replied"),
        mail(4, "d@example.com", DESK, "Offer", "Buy now", X_Spam_Flag="YES"),
    )
    batch = read(path, tmp_path)
    assert len(batch.conversations) == 1
    assert [q.reason for q in batch.quarantined] == ["duplicate", "auto-reply", "auto-reply", "spam"]
    assert batch.read == 5


def test_odd_charsets_and_html_only_mail_are_read(tmp_path):
    folder = tmp_path / "mails"
    folder.mkdir()
    head = b"From: x@example.com\nTo: shop@larkfell.example\nSubject: =?iso-8859-1?Q?Gr=F6=DFe?=\n"
    (folder / "1.eml").write_bytes(
        head + b"Content-Type: text/plain; charset=x-unknown\n\nDie Gr\xf6\xdfe passt nicht"
    )
    (folder / "2.eml").write_bytes(head + b"Content-Type: text/html; charset=utf-8\n\n<p>Zu <b>klein</b></p>")
    texts = [c.turns[0].text for c in read(folder, tmp_path).conversations]
    assert any("Die Größe passt nicht" in t for t in texts)
    assert any("Zu klein" in t for t in texts)


def test_without_own_addresses_the_desk_is_who_most_wrote_to(tmp_path):
    path = box(
        tmp_path,
        mail(1, "a@example.com", DESK, "Tent", "Is it in stock?"),
        mail(2, DESK, "a@example.com", "Re: Tent", "Yes", In_Reply_To="<1@example.com>"),
        mail(3, "b@example.com", DESK, "Stove", "Does it leak?"),
    )
    assert [len(c.turns) for c in read(path, tmp_path, ()).conversations] == [2, 1]


@pytest.mark.parametrize("data", [b"\x00\x01\x02 binary", b"hello\nworld\n"])
def test_what_is_no_mailbox_is_told(tmp_path, data):
    path = tmp_path / "x.mbox"
    path.write_bytes(data)
    with pytest.raises(BadInput, match="no mbox"):
        read(path, tmp_path)


def test_an_empty_mailbox_is_told(tmp_path):
    (tmp_path / "x.mbox").write_bytes(b"")
    with pytest.raises(BadInput, match="empty"):
        read(tmp_path / "x.mbox", tmp_path)
