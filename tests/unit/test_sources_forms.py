"""The same content in another file form gives the same records."""

from __future__ import annotations

import csv
import importlib.util
import json
import mailbox
import re
import zipfile
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.origins import FilesSource, MailSource
from deskloop.settings import Settings

_spec = importlib.util.spec_from_file_location("outlook_file", Path(__file__).with_name("outlook_file.py"))
outlook_file = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(outlook_file)

DESK = "shop@larkfell.example"
ROWS = [
    {"question": "Do you ship abroad?", "answer": "Yes, to 12 countries"},
    {"question": "Can I return it?", "answer": ""},
]


def knowledge(path, tmp_path, content="knowledge"):
    return sources.read(
        FilesSource(kind="files", name="kb", path=path, content=content), Settings(home=tmp_path / "home")
    )


def mails(path, tmp_path):
    source = MailSource(kind="mail", name="mail", path=path, own_addresses=(DESK,))
    return sources.read(source, Settings(home=tmp_path / "home"))


def thread():
    for number, (sender, to, body) in enumerate(
        [("anna@example.com", DESK, "Where is my parcel?"), (DESK, "anna@example.com", "It comes tomorrow.")], 1
    ):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, to, "Parcel"
        message["Date"] = f"Mon, {number:02d} Jun 2025 10:00:00 +0200"
        message["Message-ID"] = f"<{number}@example.com>"
        message["References"] = "<1@example.com>" if number > 1 else ""
        message.set_content(body)
        yield message


def as_mbox(path):
    box = mailbox.mbox(path / "all.mbox")
    for message in thread():
        box.add(message)
    box.close()
    return path / "all.mbox"


def as_maildir(path):
    box = mailbox.Maildir(path / "dir")
    for message in thread():
        box.add(message)
    return path / "dir"


def as_eml(path):
    (path / "mails").mkdir()
    for number, message in enumerate(thread()):
        (path / "mails" / f"{number}.EML").write_bytes(message.as_bytes())
    return path / "mails"


@pytest.mark.parametrize("form", [as_mbox, as_maildir, as_eml])
def test_each_form_of_mailbox_gives_the_same_thread(form, tmp_path):
    (found,) = mails(form(tmp_path), tmp_path).conversations
    assert [(t.role, t.text.strip()) for t in found.turns] == [
        ("customer", "Where is my parcel?"),
        ("agent", "It comes tomorrow."),
    ]


def test_an_outlook_message_is_read(tmp_path):
    headers = f"From: Anna Smit <anna@example.com>\r\nTo: {DESK}\r\nDate: Mon, 02 Jun 2025 10:00:00 +0200\r\n\r\n"
    texts = {0x001A: "IPM.Note", 0x0037: "Parcel", 0x1000: "Where is my parcel? Größe M", 0x007D: headers}
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.msg").write_bytes(outlook_file.outlook(texts, ("invoice.pdf", b"%PDF secret content")))
    (folder / "b.msg").write_bytes(outlook_file.outlook(texts)[:700])
    as_mbox(folder)
    batch = mails(folder, tmp_path)
    outlook = next(c for c in batch.conversations if c.lineage.locator == "a.msg")
    assert [(t.role, t.text.strip()) for t in outlook.turns] == [("customer", "Where is my parcel? Größe M")]
    assert (outlook.names, outlook.started_at.isoformat()) == (("Anna Smit",), "2025-06-02T08:00:00+00:00")
    assert [q.locator for q in batch.quarantined] == ["b.msg"]
    assert len(batch.conversations) == 2


@pytest.mark.parametrize("form", ["csv", "tsv", "xlsx", "parquet", "jsonl"])
def test_each_table_gives_the_same_rows(form, tmp_path):
    path = tmp_path / f"faq.{form}"
    frame = pd.DataFrame(ROWS)
    {
        "csv": lambda: frame.to_csv(path, index=False),
        "tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        "xlsx": lambda: frame.to_excel(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
    }[form]()
    batch = knowledge(path, tmp_path)
    assert [(k.question, k.answer) for k in batch.knowledge] == [tuple(ROWS[0].values())]
    assert [q.reason for q in batch.quarantined] == ["empty question or answer"]


def test_headings_are_questions(tmp_path):
    path = tmp_path / "faq.md"
    front, fence = "---\nurl: https://x.example/faq\n---\n", "```\n# no heading\n```\n"
    path.write_text(f"{front}# FAQ\n## Do you ship abroad?\nYes.\n{fence}\n## Can I return it?\nWithin 30 days.\n")
    found = knowledge(path, tmp_path).knowledge
    assert [(k.question, k.url) for k in found] == [
        ("Do you ship abroad?", "https://x.example/faq"),
        ("Can I return it?", "https://x.example/faq"),
    ]
    assert found[0].answer == "Yes.\n```\n# no heading\n```"


@pytest.mark.parametrize(
    "text",
    [
        "- {question: 'Ship abroad?', answer: 'Yes'}\n- 5\n",
        "faq:\n- {question: 'Ship abroad?', answer: 'Yes'}\n- 5\n",
        "Ship abroad?: 'Yes'\nReturn?: ''\n",
    ],
)
def test_yaml_lists_are_knowledge(text, tmp_path):
    path = tmp_path / "faq.yaml"
    path.write_text(text)
    batch = knowledge(path, tmp_path)
    assert [(k.question, k.answer) for k in batch.knowledge] == [("Ship abroad?", "Yes")]
    assert (batch.read, len(batch.quarantined)) == (2, 1)


def test_a_rasa_domain_answers(tmp_path):
    path = tmp_path / "domain.yml"
    path.write_text(
        "responses:\n  utter_opening_hours:\n  - text: We open at 9.\n  - text: At 9.\n  utter_none: []\n"
    )
    batch = knowledge(path, tmp_path, "rasa_domain")
    assert [(k.id, k.question, k.answer) for k in batch.knowledge] == [
        ("utter_opening_hours", "opening hours", "We open at 9.")
    ]
    assert len(batch.quarantined) == 1


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(1)", '=HYPERLINK("http://x.example","Where is it?")']


def test_a_formula_in_csv_stays_text(tmp_path):
    path = tmp_path / "faq.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["question", "answer"], *([f"How much is it? {f}", f] for f in FORMULAS)])
    assert [k.answer for k in knowledge(path, tmp_path).knowledge] == FORMULAS


def test_a_formula_in_excel_gives_its_stored_value_or_else_its_text(tmp_path):
    book = openpyxl.Workbook()
    for row in [("question", "answer"), ("Stored?", "=40+2"), ("Not stored?", "=1+1"), ("Plain?", "yes")]:
        book.active.append(row)
    book.save(tmp_path / "new.xlsx")
    stored = tmp_path / "faq.xlsx"
    with zipfile.ZipFile(tmp_path / "new.xlsx") as old, zipfile.ZipFile(stored, "w") as new:
        for part in old.namelist():  # as Excel leaves it: the value beside the formula
            new.writestr(part, re.sub(rb"(<f>40\+2</f>)<v ?/?>(</v>)?", rb"\1<v>42</v>", old.read(part)))
    assert [k.answer for k in knowledge(stored, tmp_path).knowledge] == ["42", "=1+1", "yes"]


def test_deskloop_writes_no_csv_that_a_spreadsheet_could_run():
    root = Path(sources.__file__).parents[1]
    assert [
        p.name for p in root.rglob("*.py") if re.search(r"\.to_csv\(|csv\.(?:Dict)?[wW]riter\(", p.read_text())
    ] == []


def test_words_in_yaml_stay_words(tmp_path):
    path = tmp_path / "faq.yaml"
    path.write_text("- {question: 'Do you ship to 1e3?', answer: No}\n- {question: 'When?', answer: 2025-01-02}\n")
    assert [k.answer for k in knowledge(path, tmp_path).knowledge] == ["No", "2025-01-02"]


@pytest.mark.parametrize("joined", ["\n".join, "".join])
def test_pages_appended_to_one_file_are_all_read(joined, tmp_path):
    pages = [{"count": 2, "results": ROWS[:1], "next": None}, {"results": ROWS[:1]}, ROWS[:1]]
    path = tmp_path / "faq.json"
    path.write_text(joined(map(json.dumps, pages)))
    assert len(knowledge(path, tmp_path).knowledge) == 3


def test_json_lines_under_another_name_and_conversations_that_are_documents(tmp_path):
    path = tmp_path / "chats.json"
    said = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way"}]
    path.write_text("\n".join(json.dumps({"messages": said}) for _ in range(3)))
    assert [len(c.turns) for c in knowledge(path, tmp_path, "chat").conversations] == [2, 2, 2]
    path = tmp_path / "faq.jsonl"
    path.write_text(json.dumps(ROWS[:1] * 2, indent=1))
    assert len(knowledge(path, tmp_path).knowledge) == 2


@pytest.mark.parametrize(
    ("file", "found"), [("a.pdf", "files: 1 of .pdf"), ("sub/", "1 folders without"), ("", "nothing")]
)
def test_a_folder_without_mail_says_what_it_holds_and_what_is_wanted(file, found, tmp_path):
    folder = tmp_path / "mails"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    if file:
        (folder / file).mkdir() if file.endswith("/") else (folder / file).touch()
    with pytest.raises(BadInput, match=f"holds no mail but {found}.*give a maildir"):
        mails(folder, tmp_path)
