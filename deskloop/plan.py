"""What a message means to the bot, and what it means to do with it, before any text is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deskloop.intents import Prediction
from deskloop.records import Source

MOST_OFFERED = 3
EITHER = "one of two entries answers"
UNSURE = "not sure enough"
STRANGE = "names what is not known here"
OPEN = "names a topic and asks nothing"


@dataclass(frozen=True)
class Reading:
    """What one message means to the bot: its intent, the entries found, and the signals of confidence."""

    question: str
    prediction: Prediction
    hits: tuple[Source, ...]
    signals: tuple[float, ...]
    open: tuple[Source, ...] = ()  # entries that a message may mean which names a topic and asks nothing
    broken: bool = False  # leans on the turn before, whose entry does not speak of it


@dataclass(frozen=True)
class Plan:
    """What the bot means to do with one message, before any text is written."""

    kind: str
    question: str
    intent: str | None
    confidence: float
    scope: float
    sources: tuple[Source, ...]
    reason: str | None
    both: bool = False  # the best two entries are shown together, each under its question
    offered: tuple[Source, ...] = ()  # entries whose questions the customer may have meant, where none is shown

    @property
    def shows(self) -> bool:
        """Is something of the knowledge shown?"""
        return self.kind in ("retrieve", "generate")

    @property
    def shown(self) -> tuple[Source, ...]:
        """The entries that are: one, or the best two."""
        return self.sources[: 1 + self.both] if self.shows else ()


Last = Callable[[], Plan | None]  # the plan of the turn before, found when asked for
