"""What all commands print with: plain lines, JSON, tables, warnings, the step at hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # help is there sooner without rich
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

__all__ = [
    "Steps",
    "bar",
    "console",
    "escape",
    "new_table",
    "progress",
    "say",
    "say_json",
    "show_warnings",
    "show_where",
    "warn",
]


def say(text: str, err: bool = False, end: str = "\n") -> None:
    """Print a text; a character that the terminal has not becomes ``?``."""
    stream = sys.stderr if err else sys.stdout
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end=end, file=stream, flush=True)


def say_json(value: Any) -> None:
    """Print JSON in ASCII, which every terminal and pipe takes; NaN becomes null."""
    from xsift.write import finite

    say(json.dumps(finite(value), indent=2))


def console(err: bool = False) -> Console:
    """Return a console on standard output, or on standard error."""
    from rich.console import Console

    return Console(stderr=err, soft_wrap=True)


def escape(text: str) -> str:
    """Return a text in which rich finds no markup of its own."""
    from rich.markup import escape

    return escape(text)


def new_table(
    title: str | None = None, left: Sequence[str] = (), right: Sequence[str] = ()
) -> Table:
    """Return a table without lines: columns of words, then columns of numbers."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="", box=None)
    for heading in left:
        table.add_column(escape(heading))
    for heading in right:
        table.add_column(escape(heading), justify="right")
    return table


def warn(screen: Console, note: str) -> None:
    """Print what to be wary of."""
    screen.print(f"[yellow]Warning:[/yellow] {escape(note)}", highlight=False)


def show_warnings(screen: Console, notes: Iterable[str]) -> None:
    """Print all that there is to be wary of, a line each."""
    for note in notes:
        warn(screen, note)


def show_where(screen: Console, what: str, path: Path) -> None:
    """Print where something lies."""
    screen.print(f"{what} [bold]{escape(str(path))}[/bold]", highlight=False)


@contextmanager
def progress(as_json: bool = False) -> Iterator[Steps]:
    """Show on standard error the step at hand, and how much of it is done.

    A bar with the time left where a person looks on; else a line for each step and each tenth, or
    as JSON one for each time that a part is told.
    """
    screen = console(err=True)
    if as_json or not screen.is_terminal:
        yield _Lines(screen, as_json)
        return
    with _bars(screen) as shown:
        yield _Bar(shown)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how much of a job is done, and the time left; yields advance(done, total)."""
    screen = console(err=True)
    if not screen.is_terminal:
        yield lambda done, total: None
        return
    with _bars(screen) as shown:
        yield partial(_Bar(shown).part, what)


class Steps(Protocol):
    """Is told of each step as it begins, and how much of a long one is done."""

    def __call__(self, step: str) -> None:
        """Begin a step."""

    def part(self, step: str, done: int, total: int) -> None:
        """Say how much of a step is done."""


class _Lines:
    """Steps as lines, where nobody looks on."""

    def __init__(self, screen: Console, as_json: bool) -> None:
        self._screen, self._as_json, self._last = screen, as_json, ("", -1)

    def __call__(self, step: str) -> None:
        if not self._as_json:
            self._screen.print(escape(step), highlight=False)

    def part(self, step: str, done: int, total: int) -> None:
        tenth = step, 10 * done // max(total, 1)
        if self._as_json:
            say(json.dumps({"step": step, "done": done, "total": total}), err=True)
        elif tenth != self._last:
            self(f"{step}: {done:,} of {total:,}")
        self._last = tenth


class _Bar:
    """Steps as a bar: of unknown length, or with the number done and the time left."""

    def __init__(self, shown: Progress) -> None:
        self._shown, self._task, self._step = shown, shown.add_task("", total=None, count=""), ""

    def __call__(self, step: str) -> None:
        self._begin(step, None)

    def part(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            self._begin(step, total)
        count = f"{done:,} of {total:,}"
        self._shown.update(self._task, completed=done, total=total, count=count)

    def _begin(self, step: str, total: int | None) -> None:
        self._step = step
        self._shown.reset(self._task, description=escape(step), total=total, count="")


def _bars(screen: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (
        TextColumn("{task.description}"),
        BarColumn(24),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeLeft(),
    )
    return Progress(*columns, console=screen, transient=True)
