"""What a result says of itself: a few lines as text, small tables in a notebook."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

__all__ = ["Shown", "Summary", "SummaryTable", "number"]

_MOST = 20  # rows of a table
_NOTHING = "\N{EN DASH}"
_STYLE = ".xsift caption, .xsift tbody th, .xsift thead th:first-child { text-align: left; }"


@dataclass(frozen=True)
class SummaryTable:
    """A small table: text and numbers, as they are.

    Attributes
    ----------
    caption : str
    headings : sequence of str
    rows : sequence of sequences
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Summary:
    """A result in brief.

    Attributes
    ----------
    title : str
    lines : sequence of str
        Sentences below the title.
    tables : sequence of SummaryTable
        Shown in a notebook only.
    """

    title: str
    lines: Sequence[str] = ()
    tables: Sequence[SummaryTable] = ()

    def text(self) -> str:
        """Return it as plain text."""
        return "\n".join([self.title, *(f"  {line}" for line in self.lines)])

    def html(self) -> str:
        """Return it as a piece of a page; all that came from a file is escaped."""
        parts = Markup("<strong>{}</strong>").format(self.title)
        parts += Markup().join(Markup("<p>{}</p>").format(line) for line in self.lines)
        parts += Markup().join(map(_table, self.tables))
        return Markup('<div class="xsift"><style>{}</style>{}</div>').format(_STYLE, parts)


def _table(table: SummaryTable) -> Markup:
    more = len(table.rows) - _MOST
    caption = f"{table.caption} (the first {_MOST}; {more:,} more)" if more > 0 else table.caption
    head = Markup().join(Markup('<th scope="col">{}</th>').format(h) for h in table.headings)
    return Markup(
        '<div class="wide"><table>\n<caption>{}</caption>\n<thead><tr>{}</tr></thead>\n'
        "<tbody>\n{}</tbody>\n</table></div>"
    ).format(caption, head, Markup().join(map(_row, table.rows[:_MOST])))


def _row(values: Sequence[Any]) -> Markup:
    cells = Markup().join(Markup("<td>{}</td>").format(number(v)) for v in values[1:])
    return Markup('<tr><th scope="row">{}</th>{}</tr>\n').format(number(values[0]), cells)


def number(value: Any, digits: int = 3) -> Markup:
    """Show a number, its interval, or text, for a page.

    Parameters
    ----------
    value : int, float, str, None or mapping
        A mapping holds ``value``, and an interval where ``low`` and ``high`` are finite.
    digits : int
        Decimals of a float.

    Returns
    -------
    markupsafe.Markup
        Text is escaped. A dash stands for None and for a float that is not finite.
    """
    if isinstance(value, Mapping):
        shown, low, high = number(value["value"], digits), value.get("low"), value.get("high")
        if _is_number(low) and _is_number(high):
            shown += Markup(f"<small>{low:.{digits}f} to {high:.{digits}f}</small>")
        return shown
    if isinstance(value, int):
        return Markup(f"{value:,}")
    if isinstance(value, float):
        return Markup(f"{value:.{digits}f}" if math.isfinite(value) else _NOTHING)
    return Markup(_NOTHING) if value is None else escape(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


class Shown(ABC):
    """A result that has a summary, shown at the prompt and in Jupyter."""

    @abstractmethod
    def summary(self) -> Summary:
        """Return the result in brief."""

    def __repr__(self) -> str:
        return self.summary().text()

    def _repr_html_(self) -> str:
        return self.summary().html()
