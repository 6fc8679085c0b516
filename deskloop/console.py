"""What the command line prints, and how it fails: one JSON object or lines for people; one line and exit code 2.

Knows nothing about the commands.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deskloop.errors import one_line

Config = Annotated[Path | None, typer.Option("--config", "-c", help="deskloop.yaml; DESKLOOP_CONFIG if not given.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


class OneLineErrors(TyperGroup):
    """Tells what a person can mend in one line and ends with 2; lets bugs show their traceback."""

    def main(self, args: Any = None, prog_name: Any = None, *rest: Any, **extra: Any) -> Any:
        """Run the command line and end the process."""
        try:
            code = super().main(args, prog_name or "deskloop", *rest, **{**extra, "standalone_mode": False})
        except typer.Abort:
            raise SystemExit(1) from None
        except Exception as error:
            line = told(error)
            if line is None:
                raise
            if line:  # empty where the help was printed instead
                print(f"deskloop: {line}", file=sys.stderr)
            _leave(2)
        _leave(code if isinstance(code, int) else 0)


def told(error: Exception) -> str | None:
    """One line for a person who can mend it; None for a bug."""
    if callable(getattr(error, "format_message", None)):  # of the command line's own parser
        return _told_usage(error)
    return one_line(error)


def _told_usage(error: Any) -> str:
    message = " ".join(str(error.format_message()).replace("Value error, ", "").split()).rstrip(".?")
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    context = getattr(error, "ctx", None)
    return f"{message}; see `{context.command_path} --help`" if context else message


def _leave(code: int) -> None:
    """End with `code`; a full disk behind stdout must not end in a traceback."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            print(f"deskloop: cannot write the result: {error.strerror}", file=sys.stderr)
            code = 2
    raise SystemExit(code)


def show(result: Any, as_json: bool, human: Callable[[], str]) -> None:
    """Print a result for a program or for a person, at once: who starts a server waits for it."""
    print(json.dumps(result, default=str) if as_json else human(), flush=True)


def table(result: dict[str, Any]) -> str:
    """A result as aligned lines."""
    width = max((len(k) for k in result), default=0)
    return "\n".join(f"{k:<{width}}  {_figure(v)}" for k, v in result.items())


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def log_progress() -> None:
    """Let Deskloop's own log speak on stderr."""
    import logging

    logger = logging.getLogger("deskloop")
    logger.setLevel(logging.INFO)
    logger.handlers = [logging.StreamHandler(sys.stderr)]
