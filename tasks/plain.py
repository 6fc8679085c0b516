"""What Prefect's log says of a failure that a person can mend: its one line, and no traceback.

A bug keeps its traceback. Knows the names of Prefect's loggers, and nothing about stages.
"""

from __future__ import annotations

import logging

from deskloop.errors import one_line

_LOGGERS = ("prefect.task_runs", "prefect.flow_runs")


def plain_failures() -> None:
    """Leave such tracebacks out from now on, on the terminal as on the dashboard."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_without_traceback)  # the same filter is added once


def _without_traceback(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None and one_line(error) is not None:
        record.exc_info = record.exc_text = None
    return True
