"""The sample shop is what its data card says: reproducible, consistent in its facts, and fairly split."""

from __future__ import annotations

import json
import mailbox
import re
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing

import pytest

from deskloop.demo import TEST_SHARE, write_project
from deskloop.demo.build import build
from deskloop.demo.cores import cores, read
from deskloop.demo.faq import by_slug, entries
from deskloop.demo.project import RAW
from deskloop.facts import _spread, facts

# Amounts that the agent worked out from the customer's own figure, so that no page can state them.
WORKED_OUT = {
    "delivery_options-27": {"eur:29.9"},
    "size_help-12": {"128 cm"},
    "gift_card-20": {"4 year"},
    "store_info-17": {"15 minute"},
    "warranty_claim-37": {"2 week"},
    "loyalty_points-02": {"eur:15"},
    "loyalty_points-10": {"212 point"},
    "loyalty_points-20": {"eur:10"},
    "loyalty_points-23": {"eur:25"},
    "loyalty_points-24": {"700 point"},
    "loyalty_points-25": {"2 day"},
    "loyalty_points-27": {"400 point"},
}


@pytest.fixture(scope="module")
def rows():
    with closing(sqlite3.connect(RAW / "shop.sqlite")) as db:
        db.row_factory = sqlite3.Row
        tickets = [dict(r) for r in db.execute("SELECT * FROM tickets")]
    chats = json.loads((RAW / "chats.json").read_text("utf-8"))
    flat = [
        {"core_id": c["custom"]["core_id"], "synthetic": c["custom"]["synthetic"], "at": c["timestamp"][:10]}
        for c in chats
    ]
    flat += [
        {"core_id": t["core_id"], "synthetic": bool(t["synthetic"]), "at": t["created_at"][:10]} for t in tickets
    ]
    return {"tickets": tickets, "chats": chats, "all": flat}


def test_building_again_gives_what_is_shipped(tmp_path):
    build(tmp_path)
    shipped = {p.relative_to(RAW) for p in RAW.rglob("*") if p.is_file()}
    assert shipped == {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    for name in shipped:
        if name.suffix != ".sqlite":
            assert (tmp_path / name).read_bytes() == (RAW / name).read_bytes(), name
    with (
        closing(sqlite3.connect(tmp_path / "shop.sqlite")) as new,
        closing(sqlite3.connect(RAW / "shop.sqlite")) as old,
    ):
        assert list(new.iterdump()) == list(old.iterdump())


def test_there_is_as_much_of_everything_as_promised(rows):
    assert len(entries()) >= 80
    assert len(rows["tickets"]) >= 2000
    assert {t["created_at"][:7] for t in rows["tickets"]} == {f"2025-{m:02}" for m in range(9, 13)} | {
        f"2026-{m:02}" for m in range(1, 9)
    }
    assert len(rows["chats"]) >= 500
    assert len(mailbox.mbox(RAW / "support.mbox", create=False)) >= 120
    assert len({c.intent for c in cores()}) == 26
    size = sum(p.stat().st_size for p in RAW.parent.rglob("*") if p.is_file())
    assert size < 8_000_000


def test_every_hand_written_message_is_told_once_but_for_a_few(rows):
    told = Counter(r["core_id"] for r in rows["all"] if not r["synthetic"])
    everything = {c.id for c in cores()} | {r["id"] for name in ("dialogues", "other") for r in read(name)}
    assert set(told) == everything
    assert 1 <= sum(n == 2 for n in told.values()) <= 10
    assert max(told.values()) == 2


def test_only_early_messages_are_grown_and_the_last_three_months_are_written_by_hand(rows):
    late = {c.id for c in cores() if c.late}
    grown = [r for r in rows["all"] if r["synthetic"]]
    assert grown
    assert not late & {r["core_id"] for r in grown}
    assert max(r["at"] for r in grown) < "2026-06-01"
    assert {r["core_id"] for r in rows["all"] if r["at"] >= "2026-06-01"} >= late


def test_early_and_late_messages_share_no_wording():
    said = defaultdict(set)
    for core in cores():
        said[" ".join(re.findall(r"\w+", core.text.lower()))].add(core.late)
    assert not [text for text, when in said.items() if len(when) > 1]


def test_every_amount_in_a_reply_stands_in_the_faq():
    known = _spread(frozenset().union(*(facts(f"{e.question} {e.answer}") for e in entries() if not e.after)))
    unknown = {}
    for core in (c for c in cores() if c.faq):
        measured = {f for f in facts(core.reply) if re.match(r"eur:|pct:|time:|[\d.-]+ ", f)}
        unknown[core.id] = measured - known - _spread(facts(core.text)) - WORKED_OUT.get(core.id, set())
    assert {core: found for core, found in unknown.items() if found} == {}


def test_every_reply_names_a_fact_of_its_entry_in_the_entrys_own_figures():
    """A reply that gives none at all would teach nothing; few entries have no figures."""
    with_figures = [c for c in cores() if c.faq and facts(by_slug()[c.faq].answer)]
    silent = [c.id for c in with_figures if not facts(by_slug()[c.faq].answer) & facts(c.reply)]
    assert len(silent) <= 0.15 * len(with_figures)


def test_most_people_write_in_one_period_and_a_few_come_back(rows):
    when = defaultdict(set)
    times = Counter()
    for ticket in rows["tickets"]:
        if not ticket["synthetic"]:
            when[ticket["customer_email"]].add(ticket["created_at"] >= "2026-06-01")
            times[ticket["customer_email"]] += 1
    both = sum(len(periods) == 2 for periods in when.values())
    assert 1 <= both <= 0.03 * len(when)
    assert sum(n > 1 for n in times.values()) > 0.3 * len(when)


def test_the_split_tests_on_late_hand_written_messages_of_customers_it_knows_nothing_of(tmp_path):
    from deskloop import prepare, sources
    from deskloop.settings import load

    settings = load(write_project(tmp_path, 8399))
    assert settings.preprocess.customers_apart
    assert settings.preprocess.test_share == TEST_SHARE
    read_here = [s for s in settings.sources if s.kind in ("mail", "helpdesk", "sql")]
    made = prepare.prepare([sources.read(s, settings) for s in read_here], settings)
    test = made.messages[made.messages["split"] == "test"]
    labelled = test[test["intent"].notna()]
    assert len(labelled) >= 800
    assert labelled["core_id"].str.contains("^(?!everyday|oos|dialogues)").sum() >= 70
    assert not test["synthetic"].any()
    assert labelled["at"].min() >= "2026-06-01"
    real = made.conversations[~made.conversations["synthetic"]]
    assert real.groupby("customer")["split"].nunique().max() == 1
    assert made.counts["customers_crossing"] == 0
    # what belongs with older rows teaches instead, and is counted
    assert 20 <= made.counts["after_cut"] <= 0.1 * len(test)
