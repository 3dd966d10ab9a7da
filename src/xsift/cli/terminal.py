"""What all commands print with: plain lines, JSON, tables, warnings, the step at hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # help is there sooner without rich
    from rich.console import Console
    from rich.table import Table

__all__ = [
    "bar",
    "console",
    "escape",
    "new_table",
    "progress",
    "rows_done",
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
def progress() -> Iterator[Callable[[str], None]]:
    """Show the step at hand on standard error; a spinner where a person looks on."""
    screen = console(err=True)
    if not screen.is_terminal:
        yield lambda step: screen.print(escape(step), highlight=False)
        return
    # The spinner that is made of ASCII alone, where the terminal may have no other.
    spinner = "dots" if screen.encoding.startswith("utf") else "line"
    with screen.status("starting", spinner=spinner) as status:
        yield lambda step: status.update(escape(step))


@contextmanager
def rows_done(as_json: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show on standard error how much of each step is done; yields tell(step, done, total).

    A bar with the time left where a person looks on; else a line for each tenth, or as JSON one for
    each time that it is told.
    """
    screen, last = console(err=True), [("", -1)]

    def say_line(step: str, done: int, total: int) -> None:
        tenth = step, 10 * done // max(total, 1)
        if as_json:
            say(json.dumps({"step": step, "done": done, "total": total}), err=True)
        elif tenth != last[0]:
            screen.print(escape(f"{step}: {done:,} of {total:,}"), highlight=False)
        last[0] = tenth

    if as_json or not screen.is_terminal:
        yield say_line
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen) as shown:
        task = shown.add_task("starting", total=1)

        def tell(step: str, done: int, total: int) -> None:
            if step != last[0][0]:
                shown.reset(task, description=step, total=total)
                last[0] = step, 0
            shown.update(task, completed=done, total=total)

        yield tell


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar with the time left on standard error; yields advance(done, total)."""
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    screen = console(err=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
