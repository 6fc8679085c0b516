"""Broken files of every form, made from a seed. Each states how many of its good rows must still be accepted.

A good row says "Where is parcel N?". `least` counts those; where it is below `whole`, the damage is in a row itself
or in what the form cannot do without (the index at the end of a workbook), and must be told.
"""

from __future__ import annotations

from broken import letters, tables, texts
from broken.rows import Case


def light() -> list[Case]:
    """All cases that are small files."""
    return [*texts.between(), *texts.packed(), *texts.encodings(), *letters.mails(), *letters.outlook(),
            *tables.tables(), *tables.desks()]  # fmt: skip
