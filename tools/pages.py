"""The examples on a page of the documentation: its blocks, its commands, what they should print."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

DATA = "../shared/data"
FENCE = re.compile(
    r"(?:^<!-- *(?P<note>[^\n]+?) *-->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")


class Block(NamedTuple):
    page: Path
    line: int
    kind: str
    note: str
    body: str

    @property
    def is_real(self) -> bool:
        return "real" in self.note.split(", ") or DATA in self.body


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(page, text.count("\n", 0, m.start("body")), m["kind"], m["note"] or "", m["body"])
        for m in FENCE.finditer(text)
    ]


def commands(body: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each prints."""
    found: list[tuple[str, str]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line.strip(), "")
        else:
            assert found, f"output without a command: {line!r}"
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found


def plain(text: str) -> str:
    """Lines without blanks at their ends and runs of blanks, no empty lines around."""
    return "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines()).strip()


def agrees(shown: str, printed: str, roughly: bool) -> bool:
    """Compare; ``...`` stands for anything, and roughly means: 10 % or 10, bars of any length."""
    shown, printed = plain(shown), plain(printed)
    if roughly:
        shown, printed = (re.sub("█+", "█", t) for t in (shown, printed))
    pattern, at = "", 0
    numbers = []
    for m in re.finditer(r"\.\.\.", shown) if not roughly else NUMBER.finditer(shown):
        pattern += _literal(shown[at : m.start()])
        if roughly:
            numbers.append(m[0])
            pattern += f"({NUMBER.pattern})"
        else:
            pattern += ".*?"
        at = m.end()
    found = re.fullmatch(pattern + _literal(shown[at:]), printed, re.DOTALL)
    if not found:
        return False
    pairs = [(_value(a), _value(b)) for a, b in zip(numbers, found.groups(), strict=True)]
    # Probabilities and shares to 0.1, counts to 10 or 10 %.
    return all(abs(a - b) <= max(0.1 if a <= 1 else 10, 0.1 * a) for a, b in pairs)


def _literal(text: str) -> str:
    return ".*?".join(re.escape(part) for part in text.split("..."))


def _value(number: str) -> float:
    return float(number.replace(",", ""))
