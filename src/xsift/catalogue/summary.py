"""What a result says of itself: a few lines as text, small tables in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Shown", "Summary", "SummaryTable"]

_MOST = 20  # rows of a table
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
        from html import escape

        from xsift.report.page import cell, paragraph, table

        parts = [f"<strong>{escape(self.title)}</strong>", *map(paragraph, self.lines)]
        for t in self.tables:
            more = len(t.rows) - _MOST
            caption = f"{t.caption} (the first {_MOST}; {more:,} more)" if more > 0 else t.caption
            rows = [[cell(v) for v in row] for row in t.rows[:_MOST]]
            parts.append(table(caption, t.headings, rows))
        return f'<div class="xsift"><style>{_STYLE}</style>{"".join(parts)}</div>'


class Shown(ABC):
    """A result that has a summary, shown at the prompt and in Jupyter."""

    @abstractmethod
    def summary(self) -> Summary:
        """Return the result in brief."""

    def __repr__(self) -> str:
        return self.summary().text()

    def _repr_html_(self) -> str:
        return self.summary().html()
