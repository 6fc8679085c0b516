"""HTML pages that stand by themselves: tables and pictures inline, nothing fetched. Knows no figures."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem 3rem;color:#222}"
    "h1{line-height:1.2;margin-bottom:.6rem}h2{margin:2.4rem 0 .4rem;font-size:1.25rem}"
    ".wide{overflow-x:auto;margin:.6rem 0 1.4rem}table{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums}th,td{border-bottom:1px solid #ddd;text-align:left;padding:.35rem .6rem;"
    "vertical-align:top}th{background:#eef2ee;font-weight:600}th.n,td.n{text-align:right;white-space:nowrap}"
    "th.of{background:none;padding-top:.9rem;color:#2f6f4f}img{max-width:100%;height:auto}code{font-size:.85em;overflow-wrap:anywhere}"
    ".big{display:flex;gap:.8rem;flex-wrap:wrap;margin:1rem 0}.big div{flex:1 1 8.5rem;background:#eef2ee;"
    "border-radius:8px;padding:.8rem 1rem;line-height:1.35}.big b{display:block;font-size:1.7rem;margin-bottom:.2rem}"
    "small,.told{color:#555}@media(max-width:40rem){body{font-size:14px;margin-top:1rem}"
    "th,td{padding:.3rem .45rem}.big b{font-size:1.4rem}}"
)
# what stands right-aligned: a number, perhaps with its unit and its interval
_NUMBER = re.compile(r"[-+−]?\d[\d,.]*(?: %| ms)?(?: (?:to |\[)[-+−\d,. %ms\]]+)?")


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page. `parts` are HTML."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{''.join(parts)}</html>"
    )


def table(rows: Sequence[Mapping[Any, Any]], first: Sequence[str] = (), grouped: str | None = None) -> str:
    """Rows with every column that one of them has, those in `first` before the others.

    Values are escaped and cut at 400 characters. A value of the column `grouped` stands above the rows that have it.
    What is too wide for a phone scrolls by itself.
    """
    if not rows:
        return "<p>none</p>"
    has = dict.fromkeys(name for row in rows for name in row if name != grouped)
    names = list(dict.fromkeys([*(name for name in first if name in has), *has]))
    right = {name for name in names if _numeric([row.get(name) for row in rows])}
    heads = (f"<th{_side(name in right)}>{html.escape(str(name).replace('_', ' '))}</th>" for name in names)
    body, before = "", None
    for row in rows:
        if grouped is not None and row.get(grouped) != before:
            before = row.get(grouped)
            body += f'<tr><th class="of" colspan="{len(names)}">{html.escape(str(before))}</th></tr>'
        body += f"<tr>{''.join(_cell(row.get(name), name in right) for name in names)}</tr>"
    return f'<div class="wide"><table><tr>{"".join(heads)}</tr>{body}</table></div>'


def big(figures: Mapping[str, str]) -> str:
    """A row of large figures with their captions."""
    shown = (f"<div><b>{html.escape(value)}</b>{html.escape(name)}</div>" for name, value in figures.items())
    return f'<div class="big">{"".join(shown)}</div>'


def picture(figure: Any, told: str) -> str:
    """A matplotlib figure as an inline image; `told` says what it shows to who cannot see it."""
    data = base64.b64encode(png(figure)).decode()
    return f'<img alt="{html.escape(told)}" src="data:image/png;base64,{data}">'


def png(figure: Any) -> bytes:
    """A matplotlib figure as a PNG file."""
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return held.getvalue()


def figure(width: float, height: float) -> Any:
    """An empty matplotlib figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(made)
    return made


def _numeric(values: Sequence[Any]) -> bool:
    told = [str(value) for value in values if not isinstance(value, bool) and not _empty(value)]
    return 2 * sum(bool(_NUMBER.fullmatch(text)) for text in told) > len(told)  # "too few" may stand among them


def _empty(value: Any) -> bool:
    return value is None or value in ("", "–") or value != value


def _side(right: bool) -> str:
    return ' class="n"' if right else ""


def _cell(value: Any, right: bool) -> str:
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, int):
        text = f"{value:,}"
    elif isinstance(value, float) and value == value:
        text = f"{value:.3f}"
    else:
        text = "–" if value is None or value != value else html.escape(str(value))[:400]
    return f"<td{_side(right)}>{text}</td>"
