"""Attachments are listed with name, type and size, never opened, and nobody's name is left in theirs."""

import json
from email.message import EmailMessage

import pytest

from deskloop import ingest, sources
from deskloop.origins import HelpdeskSource, MailSource
from deskloop.prepare import prepare
from deskloop.records import Attachment
from deskloop.settings import Settings

PDF = Attachment(name="Invoice_Anna-Smit_2025.pdf", type="application/pdf", size=1234)
AT = "2025-05-01T09:00:00Z"
ANNA = {"type": "user", "name": "Anna Smit"}
FILE = {"name": PDF.name, "size": PDF.size}
EXPORTS = {
    "zendesk": {
        "id": 7, "requester_id": 1, "status": "solved", "subject": "Parcel", "created_at": AT,
        "users": [{"id": 1, "name": "Anna Smit", "role": "end-user"}],
        "comments": [
            {"author_id": 1, "body": "Where is it?", "created_at": AT,
             "attachments": [{"file_name": PDF.name, "content_type": PDF.type, "size": PDF.size}]},
            {"author_id": 2, "body": "note", "public": False, "attachments": [{"file_name": "secret.txt"}]},
        ],
    },
    "freshdesk": {
        "id": 7, "requester_id": 1, "requester": {"name": "Anna Smit"}, "status": 4, "created_at": AT,
        "description_text": "Where is my parcel?", "attachments": [{**FILE, "content_type": PDF.type}],
        "conversations": [{"private": True, "body_text": "note", "attachments": [{"name": "secret.txt"}]}],
    },
    "intercom": {
        "type": "conversation", "id": "7", "created_at": 1746090000,
        "source": {"type": "conversation", "body": "Where is my parcel?", "author": ANNA,
                   "attachments": [{"name": PDF.name, "content_type": PDF.type, "filesize": PDF.size}]},
        "conversation_parts": {"conversation_parts": [
            {"part_type": "note", "body": "x", "attachments": [{"name": "secret.txt"}]}]},
    },
    "chatwoot": {
        "id": 7, "created_at": 1746090000, "meta": {"sender": {"name": "Anna Smit"}},
        "messages": [
            {"message_type": 0, "content": "Where is my parcel?", "created_at": 1746090000,
             "attachments": [{"data_url": f"https://d/{PDF.name}", "file_type": PDF.type, "file_size": PDF.size}]},
            {"message_type": 1, "private": True, "content": "x", "attachments": [{"data_url": "https://d/secret.txt"}]},
        ],
    },
    "zendesk_chat": {
        "id": "7", "type": "chat", "timestamp": AT, "visitor": {"name": "Anna Smit"},
        "history": [
            {"type": "chat.msg", "sender_type": "Visitor", "msg": "Where is my parcel?", "timestamp": AT},
            {"type": "chat.file", "sender_type": "Visitor", "attachment": {**FILE, "mime_type": PDF.type}},
        ],
    },
}  # fmt: skip


def mailbox(tmp_path):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Anna Smit <anna@mail.example>", "desk@shop.example", "My parcel"
    mail["Date"], mail["Message-ID"] = "Thu, 01 May 2025 09:00:00 +0000", "<1@mail.example>"
    mail.set_content("Where is the parcel I paid for?")
    mail.add_attachment(b"x" * 1234, maintype="application", subtype="pdf", filename=PDF.name)
    (tmp_path / "1.eml").write_bytes(mail.as_bytes())
    return MailSource(kind="mail", name="desk", path=tmp_path / "1.eml", own_addresses=("@shop.example",))


def export(form, tmp_path):
    (tmp_path / "export.json").write_text(json.dumps([EXPORTS[form]]))
    return HelpdeskSource(kind="helpdesk", name="desk", path=tmp_path / "export.json", format=form)


@pytest.fixture(params=["mail", *EXPORTS])
def source(request, tmp_path):
    return mailbox(tmp_path) if request.param == "mail" else export(request.param, tmp_path)


def test_each_form_lists_them_and_none_of_private_notes(source, tmp_path):
    (found,) = sources.read(source, Settings(home=tmp_path / "home")).conversations
    assert found.lineage.attachments == (PDF,)


def test_the_dataset_and_the_dry_run_name_them_without_the_customer(source, tmp_path):
    settings = Settings(home=tmp_path / "home", sources=(source,))
    prepared = prepare([sources.read(source, settings)], settings)
    (row,) = prepared.conversations["lineage"]
    assert [dict(a)["name"] for a in row["attachments"]] == ["Invoice <PERSON_1> 2025.pdf"]
    assert prepared.counts["attachments"] == {"application/pdf": 1}
    (shown,) = ingest.preview(settings)["samples"]
    assert shown["text"].endswith("[with Invoice <PERSON_1> 2025.pdf]")


@pytest.mark.parametrize("file", [{}, {"name": 5, "size": "big"}, {"file_name": "x" * 5000, "size": -1}])
def test_an_odd_description_of_a_file_loses_no_conversation(file, tmp_path):
    ticket = {**EXPORTS["freshdesk"], "attachments": [file, "no object"]}
    (tmp_path / "export.json").write_text(json.dumps([ticket]))
    source = HelpdeskSource(kind="helpdesk", name="desk", path=tmp_path / "export.json", format="freshdesk")
    (found,) = sources.read(source, Settings(home=tmp_path / "home")).conversations
    (listed,) = found.lineage.attachments
    assert listed.size is None and 0 < len(listed.name) <= 200
