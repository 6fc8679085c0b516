"""What tests of several rooms share."""

from __future__ import annotations

import json
import mailbox
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import product
from pathlib import Path

import pytest
import yaml

from deskloop.demo.site import serve
from deskloop.tether import Tether

os.environ.setdefault("DESKLOOP_RETRY_SECONDS", "0.1")  # before tasks.cache reads it: seconds that nobody looks at


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skip into a failure where DESKLOOP_NO_SKIP (comma list) names one of the test's markers."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    strict = set(filter(None, os.environ.get("DESKLOOP_NO_SKIP", "").split(",")))
    named = strict & {mark.name for mark in item.iter_markers()}
    if report.skipped and named and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"must not be skipped here (DESKLOOP_NO_SKIP names {', '.join(sorted(named))}): {reason}"


@pytest.fixture(scope="session")
def tether() -> Iterator[Tether]:
    """Ends the processes of tests that are killed; a test that lives ends its own."""
    made = Tether()
    yield made
    made.cut()


@pytest.fixture(scope="session")
def electric() -> list[str]:
    """Forty questions about what the shop never sold."""
    questions = (
        "Does the e-bike's battery last for a whole {}?",
        "My scooter makes strange noises on a {}, what now?",
        "Can I charge the cargo bike on a {} as well?",
        "Which tyres fit the electric bike for a {}?",
    )
    occasions = "tour holiday weekend mountain festival commute sunday race picnic journey".split()
    return [question.format(occasion) for occasion in occasions for question in questions]


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The machine's own Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    pytest.skip("no Chromium on this machine; Debian's package is `chromium`")


@pytest.fixture(scope="session")
def postgres_server(tether: Tether) -> Iterator[str]:
    """URL, without a database, of a real PostgreSQL server that lives for this session."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("no PostgreSQL server on this machine; Debian's package is `postgresql`")
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="deskloop-pg-"))
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    port, bin_dir = _free_port(), binaries[-1].parent

    def run(name: str, *arguments: str) -> None:
        subprocess.run(
            [bin_dir / name, *arguments],
            user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "deskloop", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
    tether.hold(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
    try:
        yield f"postgresql+psycopg://deskloop@127.0.0.1:{port}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> str:
    """URL of an empty database of this test's own."""
    from sqlalchemy import create_engine, text

    name = f"test_{abs(hash(request.node.nodeid)):x}"
    engine = create_engine(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as c:
        c.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        c.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{postgres_server}/{name}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PAGES = {
    "delivery": ("How long does delivery take?", "Delivery takes 2 to 3 working days and costs 4.95 euro."),
    "refund": ("How do I get a refund?", "Send it back within 30 days; the refund is paid within 5 working days."),
    "warranty": ("How long is the warranty?", "The warranty on every product is 24 months."),
}
NOTES = {
    "Which payment methods are there?": "You can pay by card, PayPal or bank transfer.",
    "Where is the store?": "The store is at 12 Harbour Street, open from 10 to 18 on working days.",
}
ASKED = {
    "delivery": (
        "When will the {} that I ordered arrive at my house?",
        "How many days until my {} gets delivered?",
        "Shipping time for the {} please, it is a birthday present",
        "Where is the parcel with my {}, still not here",
    ),
    "refund": (
        "The {} does not fit, I want my money back",
        "How can I return a {} and be refunded?",
        "I sent back the {} last week, where is the refund?",
        "Please cancel the {} and pay me back",
    ),
    "warranty": (
        "My {} broke after a year, is there still warranty?",
        "Does the guarantee cover a torn {}?",
        "The zip of the {} is defective, will you repair it?",
        "For how many months is the {} under warranty?",
    ),
}
THINGS = ("rain jacket", "tent", "sleeping bag", "backpack", "headlamp", "stove")
OPENING = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass(frozen=True)
class TinyModels:
    """Folders to name as `model.base` and `model.encoder`."""

    base: Path
    encoder: Path


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """A seeded two-layer generator trained on the tiny shop's words, and the encoder without weights."""
    from deskloop.features.tiny import TinyEncoder
    from deskloop.generator import tiny

    folder = tmp_path_factory.mktemp("models")
    models = TinyModels(folder / "base", folder / "encoder")
    tiny.train([f"{row['text']} {row['reply']}" for row in tickets("http://127.0.0.1/")], models.base)
    TinyEncoder().save(models.encoder)
    return models


@pytest.fixture
def tiny_project(open_shop: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path) -> Iterator[Path]:
    """A folder with a deskloop.yaml and a shop of 80 rows: knowledge, tickets, mails, and a site that is served."""
    with open_shop(tmp_path / "project") as folder:
        yield folder


@pytest.fixture(scope="session")
def open_shop(tiny_models: TinyModels) -> Callable[[Path], AbstractContextManager[Path]]:
    """Write the tiny shop into a new folder and serve its site: `with open_shop(folder)`."""

    @contextmanager
    def opened(folder: Path) -> Iterator[Path]:
        (folder / "site").mkdir(parents=True)
        write_site(folder / "site", {name: [page] for name, page in PAGES.items()})
        with serve(folder / "site") as url:
            write_project(folder, url, tiny_models)
            yield folder

    return opened


def write_project(folder: Path, url: str, models: TinyModels) -> None:
    """All of the shop but its site, and the configuration."""
    rows = [{"question": question, "answer": answer} for question, answer in NOTES.items()]
    (folder / "notes.jsonl").write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    with sqlite3.connect(folder / "shop.sqlite") as db:
        db.execute("CREATE TABLE tickets (id TEXT, text TEXT, reply TEXT, intent TEXT, at TEXT, url TEXT)")
        db.executemany("INSERT INTO tickets VALUES (:id, :text, :reply, :intent, :at, :url)", tickets(url))
    db.close()
    for number, thing in enumerate(THINGS[:3]):
        append_mail(folder / "desk.mbox", number, f"The buckle of the {thing} that I bought from you is broken.")
    sql = {"columns": {"knowledge_url": "url"}, "query": "SELECT * FROM tickets", "watermark": "at", "key": "id"}
    config = {
        "home": "home",
        "tracking_uri": "none",
        "prefect_port": _free_port(),
        "serve": {"port": _free_port()},
        "shop": {"name": "Tiny Outdoor"},
        "sources": [
            {"kind": "files", "name": "notes", "path": "notes.jsonl", "content": "knowledge"},
            {"kind": "sql", "name": "tickets", "url": "sqlite:///shop.sqlite", **sql},
            {"kind": "mail", "name": "mail", "path": "desk.mbox", "own_addresses": ["help@tiny.example"]},
            {"kind": "faq", "name": "faq", "url": url, "rate": 1000, "allow_private": True},
            {"kind": "traffic", "name": "reviewed"},
        ],
        # so few rows that much must be held out: the drift check needs 20 of them
        "preprocess": {"test_share": 0.3, "validation_share": 0.3},
        "model": {"base": str(models.base), "encoder": str(models.encoder)},
        "gate": {"min_intent_accuracy": 0.3},
        "monitor": {"window": 50, "min_window": 20},
    }
    (folder / "deskloop.yaml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")


def write_site(folder: Path, pages: dict[str, list[tuple[str, str]]]) -> None:
    """One page for each topic, linked from the first."""
    links = "".join(f'<a href="{name}.html">{name}</a>' for name in pages)
    (folder / "index.html").write_text(f"<title>Help</title><h1>Help</h1>{links}", "utf-8")
    for name, entries in pages.items():
        body = "".join(f"<h2>{question}</h2><p>{answer}</p>" for question, answer in entries)
        (folder / f"{name}.html").write_text(f"<title>{name}</title>{body}", "utf-8")


def tickets(url: str) -> list[dict[str, str]]:
    """Labelled, answered and dated questions, the intents in turn."""
    asked = [(i, ask.format(thing)) for thing, n in product(THINGS, range(4)) for i, ask in _nth(n)]
    return [
        {
            "id": f"t{number:03d}",
            "text": text,
            "reply": PAGES[intent][1],
            "intent": intent,
            "at": (OPENING + timedelta(days=number)).isoformat(),
            "url": f"{url}{intent}.html",
        }
        for number, (intent, text) in enumerate(asked)
    ]


def append_mail(path: Path, number: int, text: str) -> None:
    """A customer's mail and the desk's reply."""
    box = mailbox.mbox(path)
    for sender, body in ((f"ann{number}@mail.example", text), ("help@tiny.example", PAGES["warranty"][1])):
        mail = EmailMessage()
        ours = sender.startswith("help")
        mail["From"], mail["To"] = sender, f"ann{number}@mail.example" if ours else "help@tiny.example"
        mail["Subject"] = f"{'Re: ' * ours}Broken, case {number}"
        mail["Message-ID"] = f"<{number}.{sender}>"
        mail["Date"] = OPENING + timedelta(days=20 + number, hours=ours)
        if ours:
            mail["In-Reply-To"] = f"<{number}.ann{number}@mail.example>"
        mail.set_content(body)
        box.add(mail)
    box.close()


def _nth(n: int) -> list[tuple[str, str]]:
    return [(intent, ways[n]) for intent, ways in ASKED.items()]
