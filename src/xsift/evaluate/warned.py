"""What the fits of a validation warn of."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from xsift.errors import XsiftWarning

__all__ = ["said_once"]

_NUMBER = re.compile(r"(?<!\w)\d+(?:[.,]\d+)*(?!\w)")  # no part of a name


@contextmanager
def said_once() -> Iterator[None]:
    """Say at the end, once, what several fits warn of with other numbers, and how many fits do.

    Other warnings pass through.
    """
    alike: dict[str, list[str]] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", XsiftWarning)
        yield
    for w in caught:
        if isinstance(w.message, XsiftWarning):
            text = str(w.message.args[0])
            alike.setdefault(_NUMBER.sub("0", text), []).append(text)
        else:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    for texts in alike.values():
        first, n = texts[0], len(texts)
        numbers = ", the numbers are of the first" if len(set(texts)) > 1 else ""
        said = f"{first} (so in {n} fits{numbers})" if n > 1 else first
        warnings.warn(said, XsiftWarning, stacklevel=3)
