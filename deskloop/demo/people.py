"""Invented people of the sample shop: customers of four countries, the desk's agents, and when they write.

Every choice comes from the generator that is passed in, so the same seed gives the same people.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from deskloop.demo.cores import addresses

EARLY = (date(2025, 9, 1), date(2026, 5, 31))
LATE = (date(2026, 6, 1), date(2026, 8, 31))
# Most people write about one order, perhaps more than once; of 900, these come back in the other period, too.
REGULARS = 10
LATE_SHARE = 0.38
AGENTS = (("31", "Marieke"), ("32", "Jonas"), ("33", "Fatima"), ("34", "Wout"), ("35", "Claire"))

_NAMES = {
    "NL": (
        "Sanne Daan Fleur Bram Lotte Thijs Anouk Ruben Femke Koen Iris Jeroen Maaike Niels Esther Youssef",
        "de Vries|Jansen|van den Berg|Bakker|Visser|Smit|Mulder|Bos|Dekker|van Dijk|Hoekstra|El Amrani|Postma",
    ),
    "BE": (
        "Lies Pieter Elke Jelle Griet Wannes Amélie Tibo Nele Seppe Charlotte Mathis Hanne Arne",
        "Peeters|Claes|Maes|Wouters|Goossens|De Smet|Dubois|Lambert|Vandenberghe|Desmet|Hendrickx|Leclercq",
    ),
    "DE": (
        "Anke Jürgen Katrin Lukas Heike Tobias Svenja Matthias Birgit Florian Ayşe Moritz Ulrike Stefan",
        "Brandt|Schäfer|Krüger|Hoffmann|Vogel|Lehmann|Böhm|Yılmaz|Neumann|Schuster|Winkler|Engel|Roth",
    ),
    "FR": (
        "Camille Julien Élodie Antoine Margaux Nicolas Aurélie Bastien Manon Thierry Inès Rémi",
        "Moreau|Lefèvre|Girard|Rousseau|Blanc|Fontaine|Chevalier|Perrin|Benali|Garnier|Marchand",
    ),
}
_CITIES = {
    "NL": "Utrecht|Rotterdam|Groningen|Zwolle|Eindhoven|Leiden|Arnhem|Haarlem",
    "BE": "Ghent|Leuven|Antwerp|Bruges|Liège|Hasselt",
    "DE": "Cologne|Aachen|Münster|Hamburg|Freiburg|Leipzig|Kassel",
    "FR": "Lille|Lyon|Nantes|Strasbourg|Grenoble|Rennes",
}
_SHARES = {"NL": 45, "BE": 22, "DE": 22, "FR": 11}
# People write in the evening and at lunch, and hardly at night.
_HOURS = [1, 0, 0, 0, 0, 0, 2, 4, 7, 9, 9, 8, 10, 9, 7, 7, 8, 9, 10, 12, 13, 11, 7, 3]


@dataclass(frozen=True)
class Customer:
    """An invented customer."""

    id: int
    name: str
    email: str
    country: str
    city: str
    since: date


class Crowd:
    """Who writes when; one whose address stands in a message is that message's writer."""

    def __init__(self, known: list[Customer], chance: random.Random) -> None:
        self.people = known
        self._chance = chance
        late = round(LATE_SHARE * len(known))
        self._early, self._late = known[: -late or None], known[-late - REGULARS :]

    def writer(self, text: str, late: bool) -> Customer:
        """The writer of a message of the late period or of the early one."""
        active = self._late if late else self._early
        for address in addresses(text):
            found = next((c for c in self.people if c.email == address), None)
            if found is None:
                some = self._chance.choice(active)
                found = replace(some, id=len(self.people) + 1, email=address, name=named(address, self._chance))
                self.people.append(found)
            return found
        return self._chance.choice(active)


def customers(count: int, chance: random.Random) -> list[Customer]:
    """`count` customers with different addresses."""
    found: dict[str, Customer] = {}
    while len(found) < count:
        person = _person(len(found) + 1, chance)
        found.setdefault(person.email, person)
    return list(found.values())


def moment(period: tuple[date, date], chance: random.Random) -> datetime:
    """A time in the period, UTC, to the second; weekends are half as busy, the weeks before Christmas twice."""
    days = (period[1] - period[0]).days
    while True:
        day = period[0] + timedelta(days=chance.randint(0, days))
        busy = 0.5 * (0.5 if day.weekday() > 4 else 1.0) * (2.0 if (day.month, day.day // 11) in _RUSH else 1.0)
        if chance.random() < busy:
            break
    hour = chance.choices(range(24), _HOURS)[0]
    return datetime(day.year, day.month, day.day, hour, chance.randint(0, 59), chance.randint(0, 59), tzinfo=UTC)


_RUSH = frozenset({(11, 2), (12, 0), (12, 1)})


def period(late: bool) -> tuple[date, date]:
    """The nine months that teach, or the three that test."""
    return LATE if late else EARLY


def named(email: str, chance: random.Random) -> str:
    """A name that fits an address as customers have them."""
    parts = [p for p in email.split("@")[0].replace("_", ".").replace("-", ".").split(".") if p.isalpha()]
    return " ".join(p.capitalize() for p in parts) or _person(0, chance).name


def _person(number: int, chance: random.Random) -> Customer:
    country = chance.choices(list(_SHARES), list(_SHARES.values()))[0]
    firsts, lasts = _NAMES[country]
    first, last = chance.choice(firsts.split()), chance.choice(lasts.split("|"))
    host = chance.choice(("example.com", "example.com", "example.org", "example.net"))
    local = chance.choice(("{f}.{l}", "{f}{l}", "{i}.{l}", "{f}.{l}{n}", "{l}.{f}", "{f}_{n}"))
    filled = local.format(f=_plain(first), l=_plain(last), i=_plain(first)[0], n=chance.randint(58, 99))
    since = date(2019, 1, 7) + timedelta(days=chance.randint(0, 2600))
    return Customer(number, f"{first} {last}", f"{filled}@{host}", country, _city(country, chance), since)


def _city(country: str, chance: random.Random) -> str:
    return chance.choice(_CITIES[country].split("|"))


def _plain(name: str) -> str:
    """Lower-case ASCII letters of a name, as mail addresses have them."""
    name = name.replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ı", "i")
    return "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if "a" <= c <= "z")
