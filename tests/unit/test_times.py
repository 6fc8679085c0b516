"""Times are read as they are written, those of two meanings only where the source says which; the rest is told."""

import json
import logging
from datetime import UTC, datetime

import pytest

from deskloop.origins import FilesSource
from deskloop.settings import Settings
from deskloop.sources import files
from deskloop.sources.times import moment

AT = datetime(2026, 11, 2, 14, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-02 14:03", "2026-11-02T15:03:00+01:00", "2026/11/02 14:03", "2026-11-02 2:03 PM", "1793628180",
        "1793628180000", "Mon, 02 Nov 2026 15:03:00 +0100", "Nov 2, 2026 2:03 PM", "2 November 2026 14:03",
        "02.11.2026 14:03", "2.11.2026, 14:03",
    ],
)  # fmt: skip
def test_a_time_of_one_meaning_is_read(text):
    assert moment(text) == AT


def test_what_could_be_two_days_needs_the_order():
    assert moment("2/11/2026 14:03") is None
    assert moment("2/11/2026 14:03", "day_first") == AT == moment("11/2/2026 2:03 PM", "month_first")
    assert moment("25/12/2026", "month_first") is None  # not turned round either
    assert moment("02.11.2026 14:03", "month_first") == AT


@pytest.mark.parametrize(
    "value",
    ["yesterday", "31.02.2026", "2026-13-01", "May 2026", "Monday 2026", "12", 45000, True, "2026-11-02 25:00", [1],
     "9" * 400, "2026-11-02" * 20],
)  # fmt: skip
def test_what_says_no_time_is_none(value):
    assert moment(value) is None


def test_a_row_of_an_unread_time_is_kept_and_told_once_a_source(tmp_path, caplog):
    rows = [{"text": f"Where is parcel {n}?", "reply": "It is on its way.", "at": at}
            for n, at in enumerate(["3/4/2026 09:00", "4/4/2026 09:00", "2026-04-05", None])]  # fmt: skip
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    settings = Settings(home=tmp_path)
    source = FilesSource(kind="files", name="asked", path=path, content="messages")
    with caplog.at_level(logging.WARNING):
        batch = files.read(source, settings)
    assert [c.started_at and c.started_at.day for c in batch.conversations] == [None, None, 5, None]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1 and "in 2 of 4 rows" in told[0] and "'3/4/2026 09:00'" in told[0] and "dates:" in told[0]

    caplog.clear()
    batch = files.read(source.model_copy(update={"dates": "day_first"}), settings)
    assert [c.started_at and c.started_at.month for c in batch.conversations] == [4, 4, 4, None]
    assert batch.conversations[0].turns[1].at == datetime(2026, 4, 3, 9, tzinfo=UTC) and not caplog.records
