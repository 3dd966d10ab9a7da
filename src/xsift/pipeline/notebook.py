"""The work at hand, shown under a notebook's cell."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any

from xsift.model.progress import Progress, silent

__all__ = ["shown_in_notebook"]

_OFTEN = 0.1  # s between two drawings


def shown_in_notebook() -> Progress:
    """Return what shows steps under the cell that runs; outside a notebook, what shows nothing."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return _Bar() if shell is not None and hasattr(shell, "kernel") else silent


class _Bar:
    """A line of text and a bar, drawn anew in place as the work goes on."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._step, self._began, self._drawn = "", 0.0, 0.0

    def __call__(self, step: str) -> None:
        """Show a step that begins."""
        self._step, self._began = step, time.monotonic()
        self._draw(f"<progress></progress> {escape(step)}")

    def part(self, step: str, done: int, total: int) -> None:
        """Show how much of a step is done, and the time that it will still take."""
        if step != self._step:
            self(step)
        now = time.monotonic()
        if done < total and now - self._drawn < _OFTEN:
            return
        left = (now - self._began) * (total - done) / done if done else 0.0
        self._draw(
            f'<progress value="{done}" max="{total}"></progress> {escape(step)}: {done:,} of '
            f"{total:,}" + (f", {left:.0f} s left" if left >= 1 else "")
        )

    def _draw(self, html: str) -> None:
        import IPython.display

        display: Any = IPython.display  # without types
        self._drawn = time.monotonic()
        if self._handle is None:
            self._handle = display.display(display.HTML(html), display_id=True)
        else:
            self._handle.update(display.HTML(html))
