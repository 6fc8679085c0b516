"""Broken files by the hundred, made from a seed: none stops the reading, and what is whole is still taken.

Each case states the least number of rows that must be accepted; a file refused as a whole counts as none.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import time

import psutil
import pytest

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.settings import FilesSource, HelpdeskSource, MailSource, Settings

pytestmark = pytest.mark.corpus
SECONDS = 20.0
GROWTH = 400_000_000  # bytes
GOOD = 6
SPOILS = [
    b"\x00\x00\x00", b"\xff\xfe\xfa", b"{", b"[" * 20_000, b'{"a":' * 20_000, b'{"id": 1e999999}', b"9" * 5_000,
    b'{"text": "\\ud800"}', b"\xed\xa0\x80", b'{"text": 5, "text": [1]}', b"null", b'"x"', b"=cmd|' /C calc'!A0",
    b"../../etc/passwd", b"'; DROP TABLE conversations; --", b"<div>" * 3_000, b"\xef\xbb\xbf", b"\r\r\n\r",
    b",,,,,,,", b'"never closed', b"\x1f\x8b\x08", b"\xc3", b"a\xa0b", b'{"turns": [{"role": "king", "text": "x"}]}',
]  # fmt: skip


def _jsonl(spoil, rng):
    lines = [
        json.dumps({"id": f"c{i}", "text": f"Where is parcel {i}?", "reply": "Soon"}).encode() for i in range(GOOD)
    ]
    at = rng.randrange(1, GOOD + 1)  # at the very start, two bytes of gzip make it a gzip file
    return b"\n".join([*lines[:at], spoil, *lines[at:]]), GOOD


def _json(spoil, rng):
    lines = [json.dumps({"id": f"c{i}", "text": f"Where is parcel {i}?"}) for i in range(GOOD)]
    return b"[" + ",".join(lines).encode() + b"," + spoil + b"]", GOOD


def _csv(spoil, rng):
    lines = [b"id,text,reply", *(b"%d,Where is parcel %d?,Soon" % (i, i) for i in range(GOOD))]
    at = GOOD + 1 if b'"' in spoil else rng.randrange(1, GOOD + 2)
    return b"\n".join([*lines[:at], spoil, *lines[at:]]) + b"\n", GOOD


def _tsv(spoil, rng):
    data, least = _csv(spoil, rng)
    return data.replace(b",", b"\t"), least


def _zipped(spoil, rng):
    packed = gzip.compress(_jsonl(spoil, rng)[0])
    return packed[: rng.randrange(12, len(packed) - 9)], 0


def _mbox(spoil, rng):
    mails = [b"From a@b Mon Jun  2 10:00:00 2025\nFrom: anna%d@example.com\nTo: shop@x.example\nMessage-ID: <%d@x>\n"
             b"References: <%d@x>\nSubject: parcel number %d\n\nWhere is parcel %d?\n\n" % (i, i, i ^ 1, i, i)
             for i in range(GOOD)]  # fmt: skip
    broken = b"From a@b Mon Jun  2 10:00:00 2025\n" + spoil + b"\n\n" + spoil + b"\n\n"
    return b"".join([*mails, broken]), GOOD // 2  # each two refer to each other, in a circle: one thread


def _eml(spoil, rng):
    head = b"".join(b"X-%d: y\n" % i for i in range(10_000)) if rng.random() < 0.1 else b""
    parts = b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n' * rng.choice([1, 60])
    return b"From: a@b.example\nTo: shop@x.example\n" + head + b"Subject: " + spoil[:900] + b"\n" + parts + spoil, 0


def _markdown(spoil, rng):
    return b"# One?\nYes.\n\n# Two?\nNo.\n" + spoil, 2


def _yaml(spoil, rng):
    return b"- {question: 'One?', answer: 'Yes'}\n- " + spoil + b"\n", 0


def _whole(suffix):
    def damaged(spoil, rng):
        import pandas as pd

        out, frame = io.BytesIO(), pd.DataFrame({"id": ["1", "2"], "text": ["Where is it?", "Can I return it?"]})
        frame.to_parquet(out) if suffix == "parquet" else frame.to_excel(out, index=False)
        data = bytearray(out.getvalue())
        at = rng.randrange(len(data))
        return (bytes(data[:at]) if rng.random() < 0.5 else bytes(data[:at] + spoil[:50] + data[at + 50 :])), 0

    return damaged


FORMS = {
    "jsonl": _jsonl, "json": _json, "csv": _csv, "tsv": _tsv, "jsonl.gz": _zipped, "mbox": _mbox, "eml": _eml,
    "md": _markdown, "yaml": _yaml, "parquet": _whole("parquet"), "xlsx": _whole("xlsx"), "msg": _whole("xlsx"),
    "chat.json": _json,
}  # fmt: skip
CASES = [(form, number) for form in FORMS for number in range(len(SPOILS))]


def _source(form, path):
    if form in ("mbox", "eml", "msg"):
        return MailSource(kind="mail", name="broken", path=path, own_addresses=("shop@x.example",))
    if form == "chat.json":
        return HelpdeskSource(kind="helpdesk", name="broken", path=path, format="intercom")
    content = "knowledge" if form in ("md", "yaml") else "messages"
    return FilesSource(kind="files", name="broken", path=path, content=content)


def held(form, path, tmp_path, least):
    """Read `path` in bounded time and memory; the counts add up, and at least `least` rows are accepted."""
    process, began = psutil.Process(), time.monotonic()
    before = process.memory_info().rss
    try:
        batch = sources.read(_source(form, path), Settings(home=tmp_path / "home"))
    except BadInput as error:
        assert "\n" not in str(error)
        accepted = 0
    else:
        accepted = len(batch.conversations) + len(batch.knowledge)
        assert batch.read == accepted + len(batch.quarantined)
    assert accepted >= least
    assert time.monotonic() - began < SECONDS
    assert process.memory_info().rss - before < GROWTH


def test_the_corpus_is_large():
    assert len(CASES) >= 300


@pytest.mark.parametrize(("form", "number"), CASES)
def test_a_spoilt_file_gives_what_is_whole(form, number, tmp_path):
    data, least = FORMS[form](SPOILS[number], random.Random(f"{form}-{number}"))
    path = tmp_path / f"broken.{form}"
    path.write_bytes(data)
    held(form, path, tmp_path, 0 if form == "chat.json" else least)
