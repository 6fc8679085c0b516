"""The sample shop's mailbox: hand-written messages as letters of several mail programs, threads and all.

Knows which program and encoding each writer uses; the letters themselves are made in `letters`.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from deskloop.demo import people
from deskloop.demo.cores import read
from deskloop.demo.letters import Letter, render, subject_of_reply
from deskloop.text.html import to_text

SHOP = ("Larkfell Outdoor Support", "shop@larkfell.example")
DUPLICATES = 6
# Two threads of five are of the last three months, so that the split by time leaves no early one in the test.
_LATE = (1, 3)
_PROGRAMS = ("gmail", "gmail", "outlook", "outlook_de", "apple", "thunderbird", "webmail_nl", "yahoo_fr")
_ENCODINGS = (
    ("plain", "utf-8", "quoted-printable"),
    ("plain", "utf-8", "base64"),
    ("both", "utf-8", "quoted-printable"),
    ("plain", "iso-8859-1", "quoted-printable"),
    ("plain", "windows-1252", "base64"),
    # says one charset and writes another, as old web forms do
    ("plain", "us-ascii=utf-8", "8bit"),
    ("plain", "iso-8859-1=windows-1252", "quoted-printable"),
)
_EXTRA: dict[str, tuple[tuple[str, str], ...]] = {
    "autoreply": (("Auto-Submitted", "auto-replied"), ("X-Autoreply", "yes")),
    "spam": (("X-Spam-Flag", "YES"),),
}


def mailbox(seed: int) -> bytes:
    """The mbox, oldest message first; a few messages stand in it twice, as after an import."""
    chance = random.Random(f"{seed}:mails")  # noqa: S311
    letters = [letter for at, row in enumerate(read("emails")) for letter in _thread(row, at % 5 in _LATE, chance)]
    letters += chance.sample(letters, DUPLICATES)
    return b"".join(_entry(letter) for letter in sorted(letters, key=lambda each: (each.at, each.id)))


def _thread(row: dict[str, Any], late: bool, chance: random.Random) -> list[Letter]:
    customer = (row["customer"]["name"], row["customer"]["email"])
    program, encoding = chance.choice(_PROGRAMS), chance.choice(_ENCODINGS)
    if row["kind"] == "html":
        encoding = ("html", "utf-8", "quoted-printable")
    if row["kind"] == "latin1":
        encoding = ("plain", "iso-8859-1", "quoted-printable")
    if row["kind"] in ("quoted", "forward", "autoreply", "spam"):
        encoding = ("plain", "utf-8", "quoted-printable")
    at = people.moment(people.period(late), chance)
    letters: list[Letter] = []
    for message in row["messages"]:
        mine = message["from"] == "customer"
        before = letters[-1] if letters else None
        form, charset, transfer = encoding if mine or encoding[0] == "html" else _ENCODINGS[0]
        used = program if mine else "desk"
        letters.append(
            Letter(
                sender=customer if mine else SHOP,
                to=SHOP if mine else customer,
                subject=subject_of_reply(row["subject"], used) if before else row["subject"],
                at=at,
                text=("<br>" if form == "html" else "\n\n").join(
                    part for part in (message["body"], message["signature"]) if part
                ),
                program=used,
                form=form,
                charset=charset,
                transfer=transfer,
                answers=before,
                quoting=message["quote_previous"],
                inline=bool(before) and mine and chance.random() < 0.1,
                extra=_EXTRA.get(row["kind"], ()),
            )
        )
        at += timedelta(minutes=chance.randint(30, 1500))
    return letters


def _told(row: dict[str, Any], message: dict[str, Any]) -> str:
    """The body as plain text; the letter dresses it again in its program's HTML."""
    return to_text(message["body"]) if row["kind"] == "html" else str(message["body"])


def _entry(letter: Letter) -> bytes:
    """One message of an mbox: its From line, and body lines that look like one quoted."""
    head = f"From {letter.sender[1]} {letter.at:%a %b %d %H:%M:%S %Y}\n".encode()
    lines = render(letter).split(b"\n")
    return head + b"\n".join(b">" + line if line.startswith(b"From ") else line for line in lines) + b"\n\n"
