"""`deskloop bench ...`: parses, calls the bench of that name, prints. Imports each lazily."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deskloop.console import Config, Json, show, table
from deskloop.settings import Effort, load

bench = typer.Typer(no_args_is_help=True, help="Measure, with a peer in the same run.")
Existing = Annotated[Path, typer.Option(exists=False, dir_okay=False)]


@bench.command("intents")
def bench_intents(train: Existing, test: Existing, config: Config = None, json_: Json = False) -> None:
    """Intent accuracy, out-of-scope detection and calibration."""
    from deskloop.bench import intents

    _benched(intents.run(train, test, load(config)), json_)


@bench.command("topics")
def bench_topics(
    rows: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Labelled rows; the sample shop if not given.")
    ] = None,
    config: Config = None,
    json_: Json = False,
) -> None:
    """Topics found with the labels hidden, next to k-means on TF-IDF."""
    from deskloop.bench import topics

    _benched(topics.run(rows, load(config)), json_)


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
    labels: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Answers labelled by hand: how the metric errs.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Cases to set the thresholds of baselines on.")
    ] = None,
    config: Config = None,
    json_: Json = False,
) -> None:
    """Generated answers next to the entries' own words and the untuned base."""
    from deskloop.bench import answers

    _benched(answers.run(knowledge, cases, load(config), bundle, labels, validation), json_)


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
    runs: Annotated[int, typer.Option(min=1, max=9, help="Times each size is taken.")] = 1,
    json_: Json = False,
) -> None:
    """Messages per second and peak memory of acquisition and preprocessing, by size."""
    from deskloop.bench import scale

    sizes = tuple(messages or (10_000, 100_000, 1_000_000))
    _benched(scale.run(sizes, workers, scheduler, plot, runs), json_)


@bench.command("drift")
def bench_drift(
    reference: Existing, null: Existing, shifted: Existing, config: Config = None, json_: Json = False
) -> None:
    """False alarms and power of the drift check, next to Evidently's default."""
    from deskloop.bench import drift

    _benched(drift.run(reference, null, shifted, load(config)), json_)


@bench.command("gate")
def bench_gate(
    bundle: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Write with its generator.")
    ] = None,
    tuned: Annotated[bool, typer.Option(help="Fine-tune each challenger's encoder, too: a minute each.")] = False,
    config: Config = None,
    json_: Json = False,
) -> None:
    """Bad, equal and better challengers of the sample shop, and which the gate promotes."""
    from deskloop.bench import gate
    from deskloop.console import log_progress

    log_progress()
    result = gate.run(load(config), bundle, tuned)
    show(result, json_, lambda: gate.told(result))


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
