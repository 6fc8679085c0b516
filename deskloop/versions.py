"""Commands about versions: which there are, what tells two apart, which one answers, and taking one elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskloop.console import Config, Json, show, table
from deskloop.errors import BadInput
from deskloop.settings import Settings, load
from deskloop.store import write_atomic

if TYPE_CHECKING:
    from deskloop.releases import Release

PANEL = "Versions"

versions = typer.Typer()


@versions.command(rich_help_panel=PANEL)
def releases(config: Config = None, json_: Json = False) -> None:
    """List versions; the champion is marked."""
    known = register(load(config))
    champion = known.champion()
    rows = [
        {
            "version": r.version,
            "champion": bool(champion and champion.version == r.version),
            "created_at": f"{r.created_at:%Y-%m-%d %H:%M}",
            "verdict": r.verdict.get("summary", ""),
            "reason": r.reason,
        }
        for r in known.all()
    ]
    lines = [f"{'*' if r['champion'] else ' '} v{r['version']}  {r['created_at']}  {r['verdict']}" for r in rows]
    show({"releases": rows}, json_, lambda: "\n".join(lines) or "No version yet; `deskloop run` trains one.")


@versions.command(rich_help_panel=PANEL)
def scorecard(
    config: Config = None,
    version: Annotated[int | None, typer.Option(help="The champion if not given.")] = None,
    json_: Json = False,
) -> None:
    """A version's figures with intervals and slices, and the page with pictures."""
    from deskloop import evaluation

    settings = load(config)
    found = evaluation.figures(known(settings, version), settings)
    told = {row["score"]: _figure(row) for row in found["intervals"]}
    show(found, json_, lambda: f"{table(told)}\nWith pictures: {found['page']}")


@versions.command(rich_help_panel=PANEL)
def backtest(
    config: Config = None,
    version: Annotated[int | None, typer.Option(help="The champion if not given.")] = None,
    json_: Json = False,
) -> None:
    """What the bot would have done with the team's past tickets, and what that saves, as one page."""
    from deskloop import backtest as work
    from deskloop import evaluation

    settings = load(config)
    found = evaluation.reckoned(known(settings, version), settings)
    show(found, json_, lambda: f"{work.told(found)}\nFor a manager: {found['page']}")


def known(settings: Settings, version: int | None = None) -> Release:
    """The version, or the champion if none is named. Raises BadInput if it is not there."""
    release = register(settings).get(version) if version else register(settings).champion()
    if release is None:
        raise BadInput("there is no champion yet; `deskloop run` trains one")
    return release


def _figure(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "unknown"
    return f"{row['value']:.3f}" + (f"  [{row['low']:.3f}, {row['high']:.3f}]" if row["low"] is not None else "")


@versions.command(rich_help_panel=PANEL)
def promote(
    version: int,
    config: Config = None,
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")] = "by hand",
    json_: Json = False,
) -> None:
    """Make a version the champion, whatever the gate said. Kept in the audit log."""
    settings = load(config)
    known = register(settings)
    known.promote(version, reason)
    _mirrored(settings, known)
    show({"champion": version}, json_, lambda: f"Version {version} is the champion.")


@versions.command(rich_help_panel=PANEL)
def rollback(
    config: Config = None,
    version: Annotated[int | None, typer.Option(help="The previous champion if not given.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")] = "by hand",
    json_: Json = False,
) -> None:
    """Put an earlier version back."""
    settings = load(config)
    known = register(settings)
    release = known.rollback(reason, version)
    _mirrored(settings, known)
    show({"champion": release.version}, json_, lambda: f"Version {release.version} is the champion again.")


@versions.command(rich_help_panel=PANEL)
def gaps(
    config: Config = None,
    version: Annotated[int | None, typer.Option(help="The champion if not given.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Groups shown, the largest.")] = 10,
    drafts: Annotated[Path | None, typer.Option(help="File to write drafts of entries into, as JSON lines.")] = None,
    json_: Json = False,
) -> None:
    """What customers often ask and no entry answers, with drafts of entries from what colleagues replied."""
    from deskloop import gaps as work
    from deskloop.bot import Bot
    from deskloop.comparison import past

    settings = load(config)
    if drafts and drafts.exists():
        raise BadInput(f"{drafts} exists already; name another file, so that nobody's edits are lost")
    release = known(settings, version)
    messages = past(release, settings)
    if messages is None:
        raise BadInput(f"the messages of version {release.version} are gone; `deskloop run` makes a new one")
    bot = Bot.load(release.path, settings)
    found = work.find(bot, messages, settings.backtest.minutes_per_ticket, settings.model.seed)
    bot.close()
    found["gaps"] = found["gaps"][:most]
    if drafts:
        write_atomic(drafts, work.drafts(found["gaps"]).encode())
    written = f"\n\nDrafts: {drafts}. Edit them, set `approved`, and name the file as a source." if drafts else ""
    show(found, json_, lambda: work.told(found) + written)


@versions.command("topics", rich_help_panel=PANEL)
def show_topics(
    config: Config = None,
    version: Annotated[int | None, typer.Option(help="The champion if not given, or the latest.")] = None,
    json_: Json = False,
) -> None:
    """List the topics found where nobody labelled: names, sizes, example lines."""
    from deskloop import topiclist

    settings = load(config)
    outcome = topiclist.listing(register(settings), settings, version)
    show(outcome, json_, lambda: topiclist.told(outcome))


def _mirrored(settings: Settings, known: Any) -> None:
    from deskloop import tracking

    tracking.mirror(settings, known)


@versions.command(rich_help_panel=PANEL)
def approve(
    version: int,
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")],
    config: Config = None,
    json_: Json = False,
) -> None:
    """Say yes to a version that waits for a person (`gate.approval: manual`); its flow goes on and promotes it."""
    _answer(version, True, reason, config, json_)


@versions.command(rich_help_panel=PANEL)
def refuse(
    version: int,
    reason: Annotated[str, typer.Option(help="Kept in the audit log.")],
    config: Config = None,
    json_: Json = False,
) -> None:
    """Say no to a version that waits for a person; its flow ends without a promotion."""
    _answer(version, False, reason, config, json_)


def _answer(version: int, yes: bool, reason: str, config: Path | None, as_json: bool) -> None:
    from deployments.approval import answer

    settings = load(config)
    result = answer(settings, register(settings), version, yes, reason)
    said = f"Version {version} is {'approved' if yes else 'refused'}; its flow goes on in a moment."
    show(result, as_json, lambda: said)


@versions.command(rich_help_panel=PANEL)
def compare(
    a: int,
    b: int,
    config: Config = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="One question a line, or JSON lines with `text`; held-out messages if not given."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Questions at most.")] = 100,
    json_: Json = False,
) -> None:
    """Ask two versions the same questions: what differs first, and how their scores differ."""
    from deskloop import comparison

    settings = load(config)
    known = register(settings)
    result = comparison.compare(known.get(a), known.get(b), settings, questions, limit)
    show(result, json_, lambda: comparison.told(result))


@versions.command(rich_help_panel=PANEL)
def export(version: int, folder: Path, config: Config = None, json_: Json = False) -> None:
    """Write a version into a new folder: model card, data card, and a generator that transformers loads."""
    from deskloop import exporting

    result = exporting.export(register(load(config)).get(version), folder)
    show(result, json_, lambda: f"Version {version} lies in {folder}; its README.md says how to use it.")


def register(settings: Settings) -> Any:
    """The register of versions in the configured database."""
    from deskloop.releases import Releases

    return Releases.of(settings)
