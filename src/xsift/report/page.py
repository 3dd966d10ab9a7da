"""The parts of a page: everything that comes from outside is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["cell", "figure_block", "heading", "page", "paragraph", "section", "table"]

_NOTHING = "\N{EN DASH}"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #ffffff; --line: #c9c9c9;
  --soft: #f3f3f3; --faint: #595959; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #161616; --line: #4a4a4a;
  --soft: #232323; --faint: #b0b0b0; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem;
  border-bottom: 1px solid var(--line); } h3 { font-size: 1.05rem; }
p, li { max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums;
  margin: 1rem 0; }
caption { text-align: left; padding: 0.3rem 0; color: var(--faint); }
th, td { padding: 0.25rem 0.7rem; text-align: right; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
thead th { background: var(--soft); }
small { color: var(--faint); white-space: nowrap; display: block; }
figure { margin: 1rem 0; display: inline-block; vertical-align: top; max-width: 100%; }
figure svg { background: #ffffff; max-width: 100%; height: auto; border-radius: 4px; }
figcaption { color: var(--faint); font-size: 0.85rem; max-width: 34rem; }
code { overflow-wrap: anywhere; }
@media print { :root { --ink: #000; --paper: #fff; --line: #999; --soft: #eee; --faint: #333; }
  body { max-width: none; margin: 0; font-size: 10pt; } .wide { overflow: visible; }
  figure, table { break-inside: avoid; } h2 { break-after: avoid; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page that loads nothing: no script, no style sheet, no image, no font."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )


def section(title: str, parts: Iterable[str]) -> str:
    """Return a section with its heading."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def heading(text: str) -> str:
    """Return a heading inside a section."""
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are made by `cell`, or are plain text that was escaped."""
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in headings)
    body = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{c}</td>" for c in row[1:]) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table>\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def cell(value: Any, digits: int = 3) -> str:
    """Return a figure with its interval, a number, or text, for a table."""
    if isinstance(value, dict):
        shown = cell(value["value"], digits)
        if _is_number(value.get("low")) and _is_number(value.get("high")):
            shown += f"<small>{value['low']:.{digits}f} to {value['high']:.{digits}f}</small>"
        return shown
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return escape(value)
    return f"{value:.{digits}f}" if _is_number(value) else _NOTHING


def figure_block(svg: str, caption: str) -> str:
    """Return a figure with its caption; `svg` is ours, drawn with its text escaped."""
    label = escape(caption, quote=True)
    return (
        f'<figure role="img" aria-label="{label}">{svg}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
