"""HTML pages that stand by themselves: tables and pictures inline, nothing fetched. Knows no figures."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.6rem 0 1.4rem;width:100%}th,td{border-bottom:1px solid #ddd;"
    "text-align:left;padding:.3rem .6rem;vertical-align:top}th{background:#f4f6f4}td.n{text-align:right;"
    "font-variant-numeric:tabular-nums}img{max-width:100%}code{font-size:.85em;word-break:break-all}"
    ".big{display:flex;gap:1rem;flex-wrap:wrap}.big div{flex:1 1 9rem;background:#f4f6f4;padding:.8rem 1rem}"
    ".big b{display:block;font-size:1.7rem}small{color:#666}"
)


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page. `parts` are HTML."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{''.join(parts)}</html>"
    )


def table(rows: Sequence[Mapping[Any, Any]], first: Sequence[str] = ()) -> str:
    """Rows with every column that one of them has, those in `first` before the others.

    Values are escaped and cut at 400 characters.
    """
    if not rows:
        return "<p>none</p>"
    has = dict.fromkeys(name for row in rows for name in row)
    names = list(dict.fromkeys([*(name for name in first if name in has), *has]))
    head = "".join(f"<th>{html.escape(str(name).replace('_', ' '))}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(row.get(name)) for name in names)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def big(figures: Mapping[str, str]) -> str:
    """A row of large figures with their captions."""
    shown = (f"<div><b>{html.escape(value)}</b>{html.escape(name)}</div>" for name, value in figures.items())
    return f'<div class="big">{"".join(shown)}</div>'


def picture(figure: Any, told: str) -> str:
    """A matplotlib figure as an inline image; `told` says what it shows to who cannot see it."""
    held = io.BytesIO()
    figure.savefig(held, format="png")
    data = base64.b64encode(held.getvalue()).decode()
    return f'<img alt="{html.escape(told)}" src="data:image/png;base64,{data}">'


def figure(width: float, height: float) -> Any:
    """An empty matplotlib figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(made)
    return made


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    if isinstance(value, float) and value == value:
        return f'<td class="n">{value:.3f}</td>'
    empty = value is None or (isinstance(value, float) and value != value)
    return f"<td>{'–' if empty else html.escape(str(value))[:400]}</td>"
