"""The sample shop's database: products, customers, orders and a year of labelled tickets, in SQLite.

Order numbers that a ticket names exist and belong to its customer. Knows nothing about how messages come about.
"""

from __future__ import annotations

import csv
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deskloop.demo import people
from deskloop.demo.cores import order_numbers
from deskloop.demo.faq import CORES
from deskloop.demo.people import Customer

_SCHEMA = """
CREATE TABLE products (
  sku TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, price_eur REAL NOT NULL, sizes TEXT);
CREATE TABLE customers (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, country TEXT NOT NULL, city TEXT NOT NULL,
  since TEXT NOT NULL);
CREATE TABLE orders (
  number TEXT PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),
  sku TEXT NOT NULL REFERENCES products(sku), quantity INTEGER NOT NULL, total_eur REAL NOT NULL,
  ordered_at TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE tickets (
  id INTEGER PRIMARY KEY, created_at TEXT NOT NULL, customer_email TEXT NOT NULL, channel TEXT NOT NULL,
  subject TEXT, body TEXT NOT NULL, reply TEXT, intent TEXT, article_url TEXT, outcome TEXT, csat INTEGER,
  handling_minutes REAL, synthetic INTEGER NOT NULL, core_id TEXT);
CREATE INDEX tickets_by_time ON tickets(created_at);
"""
# Usual minutes that a ticket of an intent takes; where none is named, 6.
_MINUTES = {
    "complaint": 24, "talk_to_human": 9, "missing_item": 15, "damaged_item": 14, "wrong_item": 13,
    "warranty_claim": 17, "payment_problem": 14, "refund_status": 10, "account_data": 8, "store_info": 3,
    "product_stock": 4, "size_help": 5,
}  # fmt: skip
_STATUSES = ("delivered", "delivered", "delivered", "returned", "shipped", "cancelled")


@dataclass(frozen=True)
class Ticket:
    """A message and its reply, as the help desk kept it."""

    at: datetime
    customer: Customer
    body: str
    reply: str
    intent: str | None
    kind: str
    article_url: str | None
    synthetic: bool
    core_id: str | None


def write_shop(
    path: Path, tickets: Iterable[Ticket], customers: list[Customer], desk: dict[str, Any], seed: int
) -> None:
    """Write the database anew. `kind` of a ticket is its true intent, `intent` the label that the desk gave."""
    chance = random.Random(f"{seed}:shop")  # noqa: S311
    ordered = sorted(tickets, key=lambda t: (t.at, t.body))
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(_SCHEMA)
        products = _products()
        db.executemany("INSERT INTO products VALUES (?,?,?,?,?)", products)
        db.executemany("INSERT INTO customers VALUES (?,?,?,?,?,?)", [_customer(c) for c in customers])
        db.executemany("INSERT INTO orders VALUES (?,?,?,?,?,?,?)", _orders(ordered, customers, products, chance))
        rows = [_ticket(number, ticket, desk, chance) for number, ticket in enumerate(ordered, 10_001)]
        db.executemany(f"INSERT INTO tickets VALUES ({','.join('?' * 14)})", rows)  # noqa: S608


def _products() -> list[tuple[str, str, str, float, str]]:
    with (CORES / "products.csv").open(encoding="utf-8", newline="") as stream:
        return [(r["sku"], r["name"], r["category"], float(r["price"]), r["sizes"]) for r in csv.DictReader(stream)]


def _customer(c: Customer) -> tuple[Any, ...]:
    return c.id, c.name, c.email, c.country, c.city, c.since.isoformat()


def _orders(
    tickets: list[Ticket], customers: list[Customer], products: list[tuple[Any, ...]], chance: random.Random
) -> list[tuple[Any, ...]]:
    """One order for each number that a ticket names, and as many others."""
    named = {
        n: (t.customer.id, t.at - timedelta(days=chance.randint(1, 20)))
        for t in tickets
        for n in order_numbers(t.body)
    }
    others: dict[str, tuple[int, datetime]] = {}
    for _ in range(max(600, len(named))):
        when = people.moment((people.EARLY[0], people.LATE[1]), chance)
        others[f"LF-{chance.randint(200_000, 899_999)}"] = (chance.choice(customers).id, when)
    return [_order(number, *who, products, chance) for number, who in {**others, **named}.items()]


def _order(
    number: str, customer: int, at: datetime, products: list[tuple[Any, ...]], chance: random.Random
) -> tuple[Any, ...]:
    sku, _, _, price, _ = chance.choice(products)
    quantity = chance.choices((1, 2, 3), (80, 15, 5))[0]
    total = quantity * price + (0 if quantity * price >= 60 else 4.95)
    return number, customer, sku, quantity, round(total, 2), _stamp(at), chance.choice(_STATUSES)


def _ticket(number: int, ticket: Ticket, desk: dict[str, Any], chance: random.Random) -> tuple[Any, ...]:
    outcome = chance.choices(("solved", "escalated", "no answer from customer"), _odds(ticket))[0]
    minutes = round(_MINUTES.get(ticket.kind, 6) * chance.lognormvariate(0, 0.5), 1)
    return (
        number, _stamp(ticket.at), ticket.customer.email,
        chance.choices(("form", "phone", "social"), (75, 15, 10))[0],
        _subject(ticket, desk, chance), ticket.body, ticket.reply, ticket.intent, ticket.article_url, outcome,
        _csat(ticket, outcome, chance), minutes, int(ticket.synthetic), ticket.core_id,
    )  # fmt: skip


def _odds(ticket: Ticket) -> tuple[int, int, int]:
    if ticket.kind in ("complaint", "talk_to_human", "out_of_scope"):
        return 45, 45, 10
    return (88, 4, 8) if ticket.article_url else (70, 20, 10)


def _csat(ticket: Ticket, outcome: str, chance: random.Random) -> int | None:
    """Stars, 1 to 5, from the third who give any."""
    if chance.random() > 0.35:
        return None
    good = outcome == "solved" and ticket.kind != "complaint"
    return chance.choices((1, 2, 3, 4, 5), (3, 4, 10, 33, 50) if good else (35, 25, 20, 13, 7))[0]


def _subject(ticket: Ticket, desk: dict[str, Any], chance: random.Random) -> str | None:
    numbers = order_numbers(ticket.body)
    if numbers and chance.random() < 0.4:
        return chance.choice(("{}", "order {}", "Order {}", "about {}")).format(numbers[0])
    if chance.random() < 0.1:
        return None
    subjects = desk["subjects"]
    return str(chance.choice(subjects[""] if chance.random() < 0.5 else subjects[ticket.kind]))


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
